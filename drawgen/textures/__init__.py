"""A photograph as a texture: what it looks like, how far a sample is from it, and its colours."""

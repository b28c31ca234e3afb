"""A photograph as a texture: its pixels laid out anew, its colours, and a measure of how alike two textures are."""

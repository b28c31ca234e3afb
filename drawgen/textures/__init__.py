"""A photograph as a texture: its pixels laid out again, its colours, and a measure of how alike two textures are."""

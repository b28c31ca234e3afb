"""Paints photographs with strokes: placing strokes (`placing`), optimising them (`polishing`), and finished paintings
(`painting`)."""

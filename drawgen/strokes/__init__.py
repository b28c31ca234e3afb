"""A photograph as strokes: laying them (`placing`), improving them (`polishing`), and the painting that they make (`painting`)."""

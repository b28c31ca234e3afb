"""Points in the plane: hulls, triangulations, tours, polygons."""

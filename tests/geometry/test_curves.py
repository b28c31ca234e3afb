"""The Hilbert curve."""

import numpy as np
import torch

from drawgen.geometry.curves import along_curve


def test_the_curve_visits_neighbours():
    """All cells of a grid once, each next to the one before: it is Hilbert's."""
    side = 32
    y, x = np.mgrid[:side, :side]
    points = torch.from_numpy(np.stack([x, y], -1).reshape(-1, 2) + 0.5) / side
    order = along_curve(points).argsort()
    steps = (points[order[1:]] - points[order[:-1]]).abs().sum(1) * side
    torch.testing.assert_close(steps, torch.ones(side * side - 1, dtype=torch.float64))

"""The order of a plotter's strokes by a pointer network (`models/pointer_net.py`).

Axes: N strokes.
"""

import numpy as np
import torch

from drawgen.contract import Points
from drawgen.geometry.curves import along_curve
from drawgen.strokes.ordering import Ends, Order

WINDOW = 100
"""Strokes that the network gets at once."""
BEAMS = 4


def by_network(model: Points, ends: Ends) -> Order:
    """The order and directions that the network points at, in windows of at most `WINDOW` strokes along a Hilbert curve through
    their middles. The pen starts at the origin, and each window where the one before has ended. `ends`: see
    `drawgen.strokes.ordering`."""
    spots = torch.from_numpy(np.ascontiguousarray(ends, np.float64))
    low, high = spots.view(-1, 2).amin(0), spots.view(-1, 2).amax(0)
    middles = ((spots[:, :2] + spots[:, 2:]) / 2 - low) / (high - low).amax().clamp(min=1e-9)
    windows = along_curve(middles).argsort(stable=True).tensor_split(max(1, -(-len(spots) // WINDOW)))
    pen = spots.new_zeros(2)
    index, flipped = [], []
    for window in windows:
        answer = model.point([torch.cat([pen.repeat(2)[None], spots[window]])], beams=BEAMS)[0]
        chosen = torch.tensor(answer.indices)
        index.append(window[chosen // 2 - 1])
        flipped.append(chosen % 2 == 1)
        last = spots[index[-1][-1]]
        pen = last[:2] if flipped[-1][-1] else last[2:]
    return torch.cat(index).numpy(), torch.cat(flipped).numpy()

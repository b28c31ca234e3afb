"""Pictures of a soft window: a line of handwriting, and below it which character of its text the model looked at.

Axes: H rows, W columns, T points, U characters.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional as F

from drawgen.attention_maps import font_for, opened
from drawgen.contract import PenDrawing, Reading
from drawgen.strokes.pen_lines import ink_of

LINE_PX = 48
"""Of the height of a line."""
ROW_PX, LABEL_PX, GAP_PX = 13, 22, 12
"""Height of the row of a character, width of its label, space between two lines."""
AROUND = 0.3
"""Around a line, where the height of a line is 1."""


def sheet(readings: Sequence[Reading]) -> Float[Tensor, "1 H W"]:
    """All lines, one below the other.

    >>> line = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]])
    >>> sheet([Reading("ab", [line], np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]))]).shape
    torch.Size([1, 103, 147])
    """
    parts = [torch.cat([written(reading), looks(reading)]) for reading in readings]
    width = max(part.shape[1] for part in parts)
    return torch.cat([F.pad(part, (0, width - part.shape[1], 0, GAP_PX), value=1.0) for part in parts])[None, :-GAP_PX]


def corners_of(reading: Reading) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
    points = np.concatenate(reading.lines)
    return points.min(0) - AROUND, points.max(0) + AROUND


def written(reading: Reading) -> Float[Tensor, "H W"]:
    """The line."""
    low, high = corners_of(reading)
    width, height = (max(1, round(float(side) * LINE_PX)) for side in high - low)
    ink = ink_of([PenDrawing(reading.lines, (*low.tolist(), *high.tolist()), 2 / LINE_PX)], (height, width))
    return F.pad(ink.picture()[0, 0], (LABEL_PX, 0), value=1.0)


def looks(reading: Reading) -> Float[Tensor, "H W"]:
    """A row for each character, dark where it was looked at most."""
    low, high = corners_of(reading)
    columns = max(1, round(float(high[0] - low[0]) * LINE_PX))
    dark = np.zeros((len(reading.text), columns), np.float32)
    at = ((np.concatenate(reading.lines)[:, 0] - low[0]) * LINE_PX).astype(int)
    for place, weights in zip(at, reading.weights, strict=True):
        near = dark[:, max(0, place - 2) : place + 3]
        np.maximum(near, (weights / max(float(weights.max()), 1e-12))[:, None], out=near)
    rows = torch.from_numpy(1 - dark).repeat_interleave(ROW_PX, 0)
    rows[ROW_PX - 1 :: ROW_PX] *= 0.9
    return torch.cat([labels(reading.text), rows], 1)


def labels(text: str) -> Float[Tensor, "H W"]:
    """The characters of a text, one below the other."""
    column = Image.new("L", (LABEL_PX, ROW_PX * len(text)), 255)
    pen = ImageDraw.Draw(column)
    for row, letter in enumerate(text):
        font = opened(font_for(letter), 11)
        pen.text(((LABEL_PX - font.getlength(letter)) / 2, ROW_PX * row), letter, fill=0, font=font)
    return torch.frombuffer(bytearray(column.tobytes()), dtype=torch.uint8).view(column.height, column.width) / 255

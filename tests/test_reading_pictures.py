"""Pictures of a soft window."""

import numpy as np
import torch

from drawgen.contract import Reading
from drawgen.reading_pictures import LABEL_PX, ROW_PX, looks, sheet, written

LINES = [np.array([[0.0, 0.0], [0.5, 1.0], [1.0, 0.0]]), np.array([[3.0, 0.5]])]
READING = Reading("a b", LINES, np.array([[1.0, 0, 0], [1, 0, 0], [0.5, 0.5, 0], [0, 0, 1]]))


def test_a_row_is_dark_where_its_character_was_looked_at():
    picture = looks(READING)
    assert picture.shape[0] == 3 * ROW_PX
    rows = picture[:, LABEL_PX:].unflatten(0, (3, ROW_PX))[:, 2]
    middle = rows.shape[1] // 2
    assert rows[0, :middle].min() == 0
    assert rows[0, middle:].min() == 1
    assert rows[2, middle:].min() == 0
    assert rows[2, :middle].min() == 1
    assert picture[:ROW_PX, :LABEL_PX].min() < 0.5  # its label


def test_all_lines_stand_below_each_other():
    picture = sheet([READING, READING])
    one = torch.cat([written(READING), looks(READING)])
    assert torch.equal(picture[0, : len(one)], one)
    assert torch.equal(picture[0, -len(one) :], one)
    assert picture.min() >= 0
    assert picture.max() <= 1

"""Orders of strokes by a network: each stroke once, window by window, from where the pen is."""

import numpy as np
import pytest

from drawgen.contract import Pointing, Spec, generator
from drawgen.jobs.stroke_orders import WINDOW, by_network
from drawgen.models.pointer_net import Config
from drawgen.strokes import ordering


def ends_of(many, seed=0):
    return np.random.default_rng(seed).random((many, 4)) * 200


class Nearest:
    """A stand-in that goes to the nearest end."""

    kind = "strokes"

    def __init__(self):
        self.asked = []

    def point(self, points, *, beams=5, constrained=True):
        self.asked += points
        answers = []
        for rows in points:
            ends = rows[1:].numpy() - np.tile(rows[0, :2].numpy(), 2)
            index, flipped = ordering.nearest(ends)
            answers.append(Pointing("strokes", tuple((2 * (index + 1) + flipped).tolist()), 0.0))
        return answers


@pytest.mark.parametrize("many", [1, 2, 3, WINDOW, WINDOW + 1, 2 * WINDOW + 50])
def test_each_stroke_once(many):
    model = Config(units=4, attention_units=4, order="curve").build(Spec(point=4, task="strokes"), rng=generator(0)).eval()
    index, flipped = by_network(model, ends_of(many))
    assert sorted(index) == list(range(many))
    assert len(flipped) == many


def test_windows_begin_where_the_pen_is():
    model = Nearest()
    ends = ends_of(250)
    order = by_network(model, ends)
    _, up = ordering.along(ends, order)
    assert [len(rows) - 1 for rows in model.asked] == [84, 83, 83]
    assert model.asked[0][0].tolist() == [0, 0, 0, 0]
    for rows, last in zip(model.asked[1:], (83, 166), strict=True):
        np.testing.assert_allclose(rows[0], np.tile(up[last], 2))
    assert ordering.travel(ends, order) < 0.5 * ordering.travel(ends, ordering.keep(ends))


def test_one_window_is_the_models_order():
    ends = ends_of(40)
    index, flipped = by_network(Nearest(), ends)
    nearest = ordering.nearest(ends)
    assert ordering.travel(ends, (index, flipped)) == pytest.approx(ordering.travel(ends, nearest))

"""The order of strokes: always a permutation, never longer than before, and the compiled twins as they are defined."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drawgen.strokes import ordering, ordering_cpu
from drawgen.strokes.ordering import ORDERINGS, travel

COUNTS = st.integers(0, 30)
COARSE = st.integers(0, 6).map(float)
"""Ends on a grid: many coincide, and many ways are as long."""
FINE = st.floats(0, 300, width=32)
STROKES = COUNTS.flatmap(
    lambda n: st.one_of(arrays(np.float64, (n, 4), elements=COARSE), arrays(np.float64, (n, 4), elements=FINE))
)


def strokes(count, seed=0):
    rng = np.random.default_rng(seed)
    first = rng.uniform(10, 200, (count, 2))
    return np.concatenate([first, first + rng.normal(0, 15, (count, 2))], 1)


def as_lists(order):
    return order[0].tolist(), order[1].tolist()


@settings(deadline=None, max_examples=30)
@given(STROKES)
def test_orders_are_permutations_and_never_longer(ends):
    before = travel(ends, ordering.keep(ends))
    for name, order in ORDERINGS.items():
        index, flipped = order(ends)
        assert sorted(index.tolist()) == list(range(len(ends))), name
        assert flipped.shape == (len(ends),)
        assert flipped.dtype == bool
        assert travel(ends, (index, flipped)) <= before + 1e-9
    assert travel(ends, ORDERINGS["two-opt"](ends)) <= travel(ends, ORDERINGS["nearest"](ends)) + 1e-9


@settings(deadline=None, max_examples=30)
@given(STROKES)
def test_the_twin_of_greedy(ends):
    assert as_lists(ordering_cpu.greedy(ends)) == as_lists(ordering.greedy(ends))


def test_travel():
    ends = np.array([[3.0, 4.0, 3.0, 10.0], [0.0, 10.0, 0.0, 0.0]])
    assert travel(ends, ordering.keep(ends)) == 5 + 3
    assert travel(ends, (np.array([1, 0]), np.array([True, True]))) == 0 + 3 + 0
    assert travel(ends, ordering.keep(ends), start=False) == 3
    assert travel(ends[:0], ordering.keep(ends[:0])) == 0


def placed(ends, order):
    """The arrays of the twin: where the ends are, the tour, and the place of each stroke."""
    index, flipped = order
    spots = np.concatenate([ends.reshape(-1, 2), np.zeros((2, 2))])
    tour = np.concatenate([[2 * len(ends)], 2 * index + flipped]).astype(np.int64)
    place = np.empty(len(tour), np.int64)
    place[tour >> 1] = np.arange(len(tour))
    return spots, tour, place


def order_of(tour):
    return (tour[1:] >> 1).tolist(), (tour[1:] & 1).astype(bool).tolist()


def test_the_twins_of_the_moves():
    """Each reversal and each move of a run: what it saves, and what it does, at all places."""
    ends = strokes(6)
    rng = np.random.default_rng(1)
    order = rng.permutation(6), rng.random(6) < 0.5
    before = travel(ends, order)
    log = np.empty((10, 2), np.int64)
    for i, j in itertools.combinations_with_replacement(range(6), 2):
        spots, tour, place = placed(ends, order)
        gain = ordering_cpu.gain_of_reversal(spots, tour, i + 1, j + 1)
        ordering_cpu.reverse(tour, place, i + 1, j + 1)
        wanted = ordering.with_reversal(order, i, j)
        assert order_of(tour) == as_lists(wanted)
        assert place[tour >> 1].tolist() == list(range(7))
        assert gain == pytest.approx(before - travel(ends, wanted), abs=1e-9)
        for to, flip in itertools.product(range(6 - (j - i)), (False, True)):
            if to == i:  # it stays where it is
                continue
            spots, tour, place = placed(ends, order)
            p = to if to < i else to + j - i + 1  # the place before, in the tour with the run, whose origin is place 0
            gain = ordering_cpu.gain_of_move(spots, tour, i + 1, j + 1, p, flip)
            count = ordering_cpu.move(tour, place, log, 0, i + 1, j + 1, p, flip)
            wanted = ordering.with_run_moved(order, i, j, to, flip)
            assert order_of(tour) == as_lists(wanted)
            assert place[tour >> 1].tolist() == list(range(7))
            assert gain == pytest.approx(before - travel(ends, wanted), abs=1e-9)
            for note in reversed(log[:count].tolist()):
                ordering_cpu.reverse(tour, place, *note)
            assert order_of(tour) == as_lists(order)


def test_nothing_is_left_to_save():
    """No reversal and no move of a run shortens what was found."""
    for seed in range(3):
        ends = strokes(12, seed)
        found = ordering.two_opt(ends)
        assert travel(ends, ordering.best_move(ends, found)) == pytest.approx(travel(ends, found))


def test_few_strokes_are_ordered_best():
    """As by trying all orders and directions."""
    for seed in range(5):
        ends = strokes(5, seed)
        every = itertools.product(itertools.permutations(range(5)), itertools.product((False, True), repeat=5))
        best = min(travel(ends, (np.array(index), np.array(flips))) for index, flips in every)
        assert travel(ends, ordering.two_opt(ends)) == pytest.approx(best)


def test_neighbours():
    """The nearest ends of other strokes, as by sorting all; those of the origin are last."""
    ends = strokes(7)
    spots = np.concatenate([ends.reshape(-1, 2), np.zeros((2, 2))])
    rows = ordering.neighbours(ends, 20)
    for end, row in enumerate(rows.tolist()):
        others = [k for k in range(14) if k // 2 != end // 2]
        others.sort(key=lambda k: math.dist(spots[k], spots[end]))
        assert row == others + [-1] * (20 - len(others))


def test_it_is_the_same_at_every_call():
    ends = strokes(200)
    assert as_lists(ordering.two_opt(ends)) == as_lists(ordering.two_opt(ends))


def test_a_line_of_strokes_is_drawn_along():
    """Whatever order and direction they have."""
    rng = np.random.default_rng(0)
    starts = np.arange(100.0)
    ends = np.stack([starts, 0 * starts, starts + 0.6, 0 * starts], 1)[rng.permutation(100)]
    turned = rng.random(100) < 0.5
    ends[turned] = ends[turned][:, [2, 3, 0, 1]]
    assert travel(ends, ordering.two_opt(ends)) == pytest.approx(99 * 0.4)

"""Ranges in one wording."""

import math

import pytest

from drawgen.ranges import check_range


@pytest.mark.parametrize(
    ("value", "bounds", "words"),
    [
        (-3, {"at_least": 1}, "x is -3; it has to be at least 1"),
        (0.0, {"above": 0, "below": 100}, "x is 0.0; it has to be above 0 and below 100"),
        (100, {"above": 0, "below": 100}, "x is 100; it has to be above 0 and below 100"),
        (1.5, {"at_least": 0, "at_most": 1}, "x is 1.5; it has to be at least 0 and at most 1"),
        (math.nan, {"at_least": 0}, "x is nan; it has to be at least 0"),
        (math.nan, {"above": 0}, "x is nan; it has to be above 0"),
        (math.inf, {"below": 5}, "x is inf; it has to be below 5"),
    ],
)
def test_what_lies_outside_is_told_with_the_range(value, bounds, words):
    with pytest.raises(ValueError, match=f"^{words}$"):
        check_range("x", value, **bounds)


def test_ends_of_a_range():
    check_range("x", 1, at_least=1, at_most=1)
    check_range("x", 0.5, above=0, below=1)
    check_range("x", 2**70, at_least=0)

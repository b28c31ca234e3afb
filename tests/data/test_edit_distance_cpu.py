"""The edit distance against its definition."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawgen.data.edit_distance_cpu import Nearest, codes_of, edit_distance, within

within(codes_of(""), codes_of(""), 0)  # compiles it
TEXTS = st.text(alphabet="abcé€", max_size=9)


def by_definition(one, other):
    @cache
    def distance(i, j):
        if 0 in (i, j):
            return i + j
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (one[i - 1] != other[j - 1]))

    return distance(len(one), len(other))


@given(one=TEXTS, other=TEXTS, limit=st.integers(0, 10))
def test_distance(one, other, limit):
    expected = by_definition(one, other)
    assert edit_distance(one, other) == expected
    assert within(codes_of(one), codes_of(other), limit) == min(expected, limit + 1)


@given(texts=st.lists(TEXTS, max_size=6), text=TEXTS, limit=st.integers(0, 9))
def test_nearest(texts, text, limit):
    number, distance = Nearest(texts).of(text, limit=limit)
    least = min((by_definition(text, other) for other in texts), default=limit + 1)
    assert distance == min(least, limit + 1)
    assert (number is None) == (least > limit)
    if number is not None:
        assert by_definition(text, texts[number]) == least


def test_symbols_that_no_text_has():
    assert Nearest(["abc"]).of("xyz", limit=5) == (0, 3)
    assert Nearest([]).of("x", limit=5) == (None, 6)
    assert edit_distance("", "abc") == pytest.approx(3)

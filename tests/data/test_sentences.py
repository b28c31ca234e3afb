"""Sentences split into symbols and joined again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawgen.contract import TEXT_UNITS
from drawgen.data.sentences import CAPITAL, JOINT, joined, plain, symbols_of
from drawgen.ranges import ArgumentError


@given(st.text() | st.text("aB'’- .é1ﬀßǆİ\u00a0" + JOINT + CAPITAL, max_size=16), st.sampled_from(TEXT_UNITS))
def test_joining_gives_the_sentence_again(text, unit):
    assert joined(symbols_of(text, unit), unit) == plain(text)


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("Va\u202f!", "^ va !"),
        ("L'été, qu'on aime.", "^ l'_ été _, qu'_ on aime _."),
        ("She doesn't.", "^ she doesn _'t _."),
        ("the boys' club", "the boys _' club"),
        ('"No," he said.', '"_ No _, _" he said _.'),
        ("NASA says 2:30", "NASA says 2 _:_ 30"),
        ("", ""),
        ("你好", "你好"),
    ],
)
def test_words(text, symbols):
    assert symbols_of(text, "words") == [s.replace("_", JOINT).replace("^", CAPITAL) for s in symbols.split()]


def test_another_unit_is_refused():
    with pytest.raises(ArgumentError, match=r"unit.* is 'syllables'; it is one of words, characters"):
        symbols_of("a", "syllables")

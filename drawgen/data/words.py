"""Splits captions into words, in any script, and joins words into captions.

The rules are those of Unicode (UAX 29, by the properties in the package `regex`), with three differences, so that English is split
as usual for captions: hyphens do not split a word, full stops and commas in numbers do, and punctuation is removed.
"""

import re
import unicodedata
from collections.abc import Sequence

import regex

CUT = (
    "lower case, Unicode's NFC; split by Unicode's word rules, without punctuation, with apostrophes and hyphens inside words; "
    "Chinese and Japanese by character; Thai, Lao, Khmer and Burmese, which need a dictionary, by letter with its marks"
)
"""The description of `words_of` in a model card."""
LATIN = re.compile("[\0-\xac\xae-\u02ff\u2010-\u201f]*")
"""Text without combining marks, for which the faster `re` suffices (twice as fast)."""
PLAIN = re.compile(r"[^\W_]+(?:['’·-][^\W_]+)*")
BY_CHARACTER = r"[[\p{Han}\p{Hiragana}\p{Katakana}ーｰ]&&[\p{L}\p{N}]]"
BY_LETTER = r"[\p{Line_Break=SA}&&[\p{L}\p{N}]]"
WHOLE = rf"(?:[[\p{{L}}\p{{N}}]--{BY_CHARACTER}--{BY_LETTER}][\p{{M}}\u200c\u200d]*)+"  # with the joiners of Persian and Malayalam
ANY = regex.compile(rf"{BY_CHARACTER}\p{{M}}*|{BY_LETTER}\p{{M}}*|{WHOLE}(?:['’·׳״‧-]{WHOLE})*", regex.V1)
UNSPACED = regex.compile(rf"{BY_CHARACTER}|{BY_LETTER}", regex.V1)
NOT_LATIN = regex.compile(r"[\p{L}--\p{Latin}--\p{Common}]", regex.V1)
"""A letter of another script."""
INVISIBLE = re.compile("[\u00ad\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""Soft hyphens and marks of direction, which are not part of a word."""


def words_of(caption: str) -> list[str]:
    """Lower-case words without punctuation: letters and digits with their marks, with apostrophes and hyphens inside. In Chinese
    and Japanese each character is a word, in Thai, Lao, Khmer and Burmese each letter with its marks.

    >>> words_of("A man's dog -- black-and-white, 2 years old!")
    ['a', "man's", 'dog', 'black-and-white', '2', 'years', 'old']
    >>> words_of("नमस्ते दुनिया, 犬が走る")
    ['नमस्ते', 'दुनिया', '犬', 'が', '走', 'る']
    """
    lower = caption.lower()
    if LATIN.fullmatch(lower):
        return PLAIN.findall(lower)
    return ANY.findall(unicodedata.normalize("NFC", INVISIBLE.sub("", lower)))


def joined(words: Sequence[str]) -> str:
    """The words as a caption, joined by blanks, except in scripts without blanks.

    >>> joined(["a", "dog"]), joined(["两", "只", "狗"])
    ('a dog', '两只狗')
    """
    text = before = ""
    for word in words:
        blank = text and not UNSPACED.match(word) and not UNSPACED.match(before)
        text += f" {word}" if blank else word
        before = word
    return text

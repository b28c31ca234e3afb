"""Splits sentences into symbols for translation, and joins symbols into sentences.

Unlike the words of captions (`data/words.py`) these keep all that was written, so joining them gives the sentence again:

- a word is a run of letters and digits; any other character is a symbol by itself;
- `JOINT` marks the side on which a symbol has no blank: "Go." is `go ￭.`, and "l'été" is `l'￭ été`;
- an apostrophe belongs to the shorter part: `l'￭ été`, but `don ￭'t`;
- `CAPITAL` stands before a sentence whose first word begins with a capital, and the word is in small letters;
- any blanks, also those of no break, are one blank.
"""

import unicodedata
from collections.abc import Iterator, Sequence

import regex

from drawgen.contract import TEXT_UNITS
from drawgen.ranges import check_choice

JOINT = "\uffed"
CAPITAL = "\uffea"
"""Marks as those of OpenNMT's tokeniser. In a text they count as blanks."""
APOSTROPHES = "'\u2019"
WORD = r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*"
PIECES = regex.compile(rf"{WORD}|[^ ]")


def symbols_of(text: str, unit: str) -> list[str]:
    """The words of a text, or its characters. Raises ArgumentError for another unit.

    >>> symbols_of("She's at the pool, isn't she?", "words")[:7]
    ['\uffea', 'she', "\uffed's", 'at', 'the', 'pool', '\uffed,']
    """
    check_choice("unit", unit, TEXT_UNITS)
    text = plain(text)
    if unit == "characters":
        return list(text)
    symbols = list(words_of(text))
    first = symbols[0] if symbols else ""
    if first[:1].isupper() and first[0].lower().upper() == first[0] and len(first[0].lower()) == 1 and not first[1:2].isupper():
        symbols[:1] = [CAPITAL, first[0].lower() + first[1:]]
    return symbols


def plain(text: str) -> str:
    """The text in Unicode's NFC, without marks of ours, and with single blanks."""
    text = unicodedata.normalize("NFC", text).replace(JOINT, " ").replace(CAPITAL, " ")
    return " ".join(text.split())


def words_of(text: str) -> Iterator[str]:
    """The words and signs of a text, with the marks of where they are joined."""
    pieces = [(match.start(), match.end()) for match in PIECES.finditer(text)]
    n = 0
    while n < len(pieces):
        start, end = pieces[n]
        piece = text[start:end]
        if piece[0].isalnum():
            after = text[end : end + 2]
            if len(after) == 2 and after[0] in APOSTROPHES and after[1].isalnum() and clitic(piece):
                yield f"{piece}{after[0]}{JOINT}"  # l'￭
                n += 2
                continue
            yield piece
            n += 1
            continue
        left = start > 0 and text[start - 1] != " "
        if piece in APOSTROPHES and left and text[start - 1].isalnum() and n + 1 < len(pieces) and pieces[n + 1][0] == end:
            follows = text[slice(*pieces[n + 1])]
            if follows[0].isalnum():
                yield f"{JOINT}{piece}{follows}"  # ￭'t
                n += 2
                if n < len(pieces) and pieces[n][0] == pieces[n - 1][1] and text[pieces[n][0]].isalnum():
                    yield JOINT
                continue
        right = end < len(text) and text[end].isalnum()
        yield f"{JOINT * left}{piece}{JOINT * right}"
        n += 1


def clitic(word: str) -> bool:
    """Whether an apostrophe belongs to the word before it, as in French and Italian."""
    return len(word) <= 2 or word.lower().endswith("qu")


def joined(symbols: Sequence[str], unit: str) -> str:
    """The text of these symbols.

    >>> joined(["\uffea", "go", "\uffed."], "words")
    'Go.'
    """
    if unit == "characters":
        return "".join(symbols)
    text, glued, capital = "", True, False
    for symbol in symbols:
        if symbol == CAPITAL:
            capital = True
            continue
        bare = symbol.strip(JOINT)
        if capital and bare:
            bare, capital = bare[0].upper() + bare[1:], False
        text += ("" if glued or symbol.startswith(JOINT) else " ") + bare
        glued = symbol.endswith(JOINT)
    return text

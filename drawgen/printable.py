"""Text from files and persons, made fit for a terminal."""

import unicodedata

CONTROLS = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's categories: controls, halves of surrogate pairs, separators of lines and of paragraphs."""
TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Unicode's bidirectional classes of characters that turn the direction of writing."""


def printable(text: str, keep: str = "") -> str:
    """The text with its control characters written out (ESC as \\x1b), but those in `keep`: what a file is called, or what a model
    has learned, must not move a terminal's cursor, colour it, or begin a line of its own."""
    if text.isprintable():
        return text
    return "".join(c.encode("unicode_escape").decode() if c not in keep and is_control(c) else c for c in text)


def is_control(character: str) -> bool:
    return unicodedata.category(character) in CONTROLS or unicodedata.bidirectional(character) in TURNS

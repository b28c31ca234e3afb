"""Makes text from files and users safe for a terminal."""

import unicodedata

CONTROLS = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's categories: controls, halves of surrogate pairs, separators of lines and of paragraphs."""
TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Unicode's bidirectional classes of characters that turn the direction of writing."""


def printable(text: str, keep: str = "") -> str:
    """The text with its control characters escaped (ESC as \\x1b), except those in `keep`. A file name or a model's output must not
    move a terminal's cursor, change its colours, or start a line."""
    if text.isprintable():
        return text
    return "".join(c.encode("unicode_escape").decode() if c not in keep and is_control(c) else c for c in text)


def is_control(character: str) -> bool:
    return unicodedata.category(character) in CONTROLS or unicodedata.bidirectional(character) in TURNS

"""English text in the words of the Penn Treebank, and signatures of words that are not known."""

import re
from collections.abc import Iterator, Mapping

BRACKETS = {"(": "-LRB-", ")": "-RRB-", "{": "-LCB-", "}": "-RCB-"}
"""Square brackets stay, as in the treebanks of GUM and CRAFT."""
OPENS = {'"': "``", "“": "``", "„": "``", "«": "``", "‘": "`", "`": "`", "'": "`", "’": "`"}
CLOSES = {'"': "''", "”": "''", "“": "''", "»": "''", "’": "'", "'": "'"}
MARKS = frozenset(["``", "''", "`", "'", "...", "--", *BRACKETS.values()])
"""Words that are marks already."""
CLITICS = re.compile(r"(.+?)(n't|'(?:s|m|d|ll|re|ve))", re.IGNORECASE | re.DOTALL)
CLITIC = re.compile(r"n't|'(?:s|m|d|ll|re|ve|em|tis|twas|til|cause|\d\ds?)", re.IGNORECASE)
"""What begins with an apostrophe that is not a quotation mark."""
JOINED = {
    "cannot": 3, "gonna": 3, "wanna": 3, "gotta": 3, "lemme": 3, "gimme": 3, "'tis": 2, "'twas": 2,
}  # fmt: skip
"""Words written together, and where they are split."""
ABBREVIATION = re.compile(
    r"(?:\w|\w(?:\.\w)+|mr|mrs|ms|dr|drs|prof|st|mt|inc|corp|co|ltd|bros|vs|etc|al|cf|ca|approx|no|nos|vol|fig|figs|eq|ref|refs|jr|sr|"
    r"gen|col|lt|sgt|capt|sen|rep|gov|pres|rev|hon|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)\.",
    re.IGNORECASE,
)
AFFIXES = re.compile(
    r"a|anti|bi|co|counter|cross|de|di|e|eco|ex|extra|fore|homo|hetero|hyper|in|inter|intra|macro|mega|micro|mid|mini|mono|multi|neo|"
    r"non|o|over|pan|para|peri|poly|post|pre|pro|pseudo|quasi|re|semi|sub|super|supra|t|tri|u|ultra|un|under|uni|vice|x",
    re.IGNORECASE,
)
"""What does not become a word of its own before a hyphen."""
ADDRESS = re.compile(
    r"\w+://.*|www\..*|[\w.+-]+@[\w-]+\.[\w.]+|[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov)(?:/.*)?", re.IGNORECASE
)
BEFORE = re.compile(r"``|''|\.\.\.|--|[$€£¥#]|[\"“”„«»‘’'`(\[{…—–,;:?!]")
AFTER = re.compile(r"(?:``|''|\.\.\.+|--|[\"“”„«»’'`)\]}…—–,;:?!%°])$")
HYPHEN = re.compile(r"(?<=\w)(?<!LRB)(?<!RRB)([-/])(?=\w)(?![LR]RB-)")


def penn_words(text: str, *, hyphens: bool = True) -> list[str]:
    """Splits an English sentence as the Penn Treebank does: marks from words, don't into do n't, John's into John 's. Quotation
    marks become `` and '', round brackets -LRB- and -RRB-. A full stop is a word of its own at the end, and before a capital letter
    unless an abbreviation has it. With `hyphens`, words are split at hyphens and slashes, as in OntoNotes and later treebanks,
    except behind prefixes as in co-author. What is split already stays as it is.

    >>> " ".join(penn_words('"I don\\'t know (yet)," she said, "but John\\'s 20-year-old co-author does."'))
    "`` I do n't know -LRB- yet -RRB- , '' she said , `` but John 's 20 - year - old co-author does . ''"
    """
    pieces = text.replace("\u2060", "").replace("\ufeff", "").split()
    return [word for place, piece in enumerate(pieces) for word in split(piece, pieces[place + 1 :], hyphens=hyphens)]


def split(piece: str, following: list[str], *, hyphens: bool) -> Iterator[str]:
    """The words of a piece of text without blanks, before the `following` pieces."""
    if piece in MARKS:
        yield piece
        return
    while (found := BEFORE.match(piece)) and not (found[0] in "'’" and CLITIC.fullmatch(piece.replace("’", "'"))):
        yield BRACKETS.get(found[0], OPENS.get(found[0], found[0]))
        piece = piece[found.end() :]
    after: list[str] = []
    while piece and piece not in MARKS:
        found = AFTER.search(piece)
        if found and not (found[0] == ")" and piece.count("(") == piece.count(")")):  # as in word(s)
            after.append(BRACKETS.get(found[0], CLOSES.get(found[0], found[0])))
            piece = piece[: found.start()]
        elif piece.endswith(".") and len(piece) > 1 and stops(piece, following):
            after.append(".")
            if ABBREVIATION.fullmatch(piece) and "." in piece[:-1]:  # U.S. keeps its own
                break
            piece = piece[:-1]
        else:
            break
    if piece:
        yield from inner(piece, hyphens=hyphens)
    yield from reversed(after)


def stops(piece: str, following: list[str]) -> bool:
    """Whether the full stop of a piece ends a sentence."""
    later = next((one for one in following if any(letter.isalnum() for letter in one)), None)
    if later is None:
        return not any(one.endswith(".") and len(one) == 1 for one in following)
    start = next(letter for letter in later if letter.isalnum())
    return start.isupper() and not ABBREVIATION.fullmatch(piece)


def inner(piece: str, *, hyphens: bool) -> Iterator[str]:
    """The words of a piece without marks around it."""
    if piece in MARKS or ADDRESS.fullmatch(piece):
        yield bracketless(piece)
        return
    parts = [part for part in re.split(r"(\.\.\.|--+|[…—–])", piece) if part]
    if len(parts) > 1:
        for part in parts:
            yield from inner(part, hyphens=hyphens)
        return
    if hyphens and (halves := HYPHEN.split(piece)) and len(halves) > 1:
        whole = halves[0]
        for mark, half in zip(halves[1::2], halves[2::2], strict=True):
            if mark == "-" and AFFIXES.fullmatch(whole):
                whole += mark + half
            else:
                yield from inner(whole, hyphens=False)
                yield mark
                whole = half
        yield from inner(whole, hyphens=False)
        return
    piece = bracketless(piece.replace("’", "'"))
    ends: list[str] = []
    while found := CLITICS.fullmatch(piece):
        piece = found[1]
        ends.append(found[2])
    if cut := JOINED.get(piece.lower(), 0):
        yield piece[:cut]
        piece = piece[cut:]
    yield piece
    yield from reversed(ends)


def bracketless(word: str) -> str:
    """The word with -LRB- and -RRB- for round brackets within it, which a tree could not hold."""
    return word.replace("(", "-LRB-").replace(")", "-RRB-")


def as_written(word: str, tag: str) -> str:
    """A word of a treebank in the form that `penn_words` gives it: with -LRB- for round brackets, `` and '' for quotation marks of
    its part of speech, straight apostrophes, and without backslashes before slashes and stars.

    >>> as_written('"', "``"), as_written("’s", "POS"), as_written("1\\\\/2", "CD")
    ('``', "'s", '1/2')
    """
    if tag == "``":
        return OPENS.get(word, word)
    if tag == "''":
        return CLOSES.get(word, word)
    word = "".join(word.split())  # no-break spaces
    return BRACKETS.get(word, word.replace("\\/", "/").replace("\\*", "*").replace("’", "'"))


# ---------------------------------------------------------------- words that are not known


def signatures(word: str, *, first: bool) -> list[str]:
    """Classes of an unknown word, the most specific first, in the way of the Berkeley parser: letters for what it has, and its last
    three letters, two, one, or none. C: a capital letter (at the beginning of a sentence: not only the first one), A: capitals only
    (without last letters), N: a number, D: a digit among others, H: a hyphen, S: no letter or digit at all.

    >>> signatures("Running", first=False)
    ['<unknown-C-ing>', '<unknown-C-ng>', '<unknown-C-g>', '<unknown-C>']
    >>> signatures("1,000", first=True), signatures("dogs", first=True)
    (['<unknown-N>'], ['<unknown-gs>', '<unknown-s>'])
    """
    letters = [letter for letter in word if letter.isalpha()]
    capitals = [letter for letter in letters if letter.isupper()]
    flags = ""
    if not letters and any(letter.isdigit() for letter in word):
        return ["<unknown-N>"]
    if not letters:
        return ["<unknown-S>"]
    if len(letters) > 1 and len(capitals) == len(letters):
        flags += "A"
    elif capitals and not (first and len(capitals) == 1 and word[:1].isupper()):
        flags += "C"
    flags += "D" * any(letter.isdigit() for letter in word)
    flags += "H" * ("-" in word)
    begin = f"<unknown-{flags}" if flags else "<unknown"
    ends = [word[-length:].lower() for length in (3, 2, 1) if len(word) >= length + 2 and word[-length:].isalpha()]
    found = [f"{begin}-{end}>" for end in ends if "A" not in flags]
    return found + ([f"{begin}>"] if flags else [])


def signature(word: str, numbers: Mapping[str, int], *, first: bool) -> int:
    """The number of the most specific signature that there is, or 0."""
    return next((numbers[name] for name in signatures(word, first=first) if name in numbers), 0)


def known(word: str, first: bool, numbers: Mapping[str, int]) -> int:
    """The number of a word: its own or, of the first word of a sentence, that of its lower-case form; otherwise that of its most
    specific signature, or 0."""
    own = numbers.get(word)
    if own is None and first:
        own = numbers.get(word[:1].lower() + word[1:])
    return signature(word, numbers, first=first) if own is None else own

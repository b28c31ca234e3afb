"""Trees of sentences by a trained model."""

import os
from collections.abc import Iterator
from pathlib import Path

from drawgen import files, images
from drawgen.contract import Parses
from drawgen.data.lines import LARGEST, read_lines, text_of
from drawgen.data.pictures import DataError
from drawgen.jobs.asking import Trained, asked, load
from drawgen.jobs.parse_answers import KINDS, Parsed, ParsedSentence, Sentences, check_count
from drawgen.jobs.point_answers import check_picture
from drawgen.jobs.progress import Listener, hearing
from drawgen.jobs.recipe import longest_text
from drawgen.jobs.reports import Reports
from drawgen.jobs.verbs import that_can
from drawgen.ranges import ArgumentError, check_range, check_whole

MODEL = "seq2tree"
"""The model that parses when none is named."""
AT_ONCE = 256
"""Sentences that a model gets at once, for batches of like length."""
WANTED = "give a text file with a sentence per line"


def parse(
    texts: Sentences,
    out: str | os.PathLike[str] | None = None,
    *,
    model: str | os.PathLike[str] | Trained | None = None,
    beams: int = 5,
    constrained: bool = True,
    size: tuple[int, int] | None = None,
    device: str = "cpu",
    force: bool = False,
    progress: Listener = None,
) -> Parsed:
    """The constituency trees of sentences, by a trained model (by default the shipped one). See `Parsed`.

    A `str` is a sentence, and a `Path` a file with a sentence per line (Path("-"): standard input), of which lines without words
    have no tree. `beams` is the width of the beam search (1: greedy); without `constrained` the model's symbols may be no tree, and
    are mended then. `out` is a picture of `size` (height, width in pixels), SVG or JSON; `Parsed.save` writes the same. Raises
    DataError (a ValueError) for files that cannot be read, and a ValueError that names an invalid argument.

    >>> import drawgen
    >>> found = drawgen.parse(["a red circle", "two stars"], model=drawgen.train("seq2tree", "tiny"))
    >>> [one.whole for one in found.sentences]
    [True, True]
    """
    check_whole("beams", beams)
    check_range("beams", beams, at_least=1, at_most=100)
    given = list(sentences(texts))
    if not any(map(has_words, given)):
        raise ArgumentError("texts", "have no words; give a sentence")
    file = None if out is None else Path(out)
    if file is not None:
        images.check_output(file, force=force, kinds=KINDS, sources=sources(texts))
        check_picture(file, size)
        check_count(file, sum(map(has_words, given)))
    elif size is not None:
        check_picture(Path("tree.png"), size)
    with hearing(progress) as reports:
        trained = model if isinstance(model, Trained) else load(os.fspath(model or MODEL), device=device)
        parser = that_can(trained.model, Parses, trained.source)
        found: list[ParsedSentence] = []
        for first in range(0, len(given), AT_ONCE):
            block = given[first : first + AT_ONCE]
            with asked():
                answers = iter(parser.parse([text for text in block if has_words(text)], beams=beams, constrained=constrained))
            for text in block:
                if has_words(text):
                    answer = next(answers)
                    found.append(ParsedSentence(text, answer.tree, answer.score, answer.whole))
                else:
                    found.append(ParsedSentence(text, "", 0.0, True))
            if reports.drawing is not None and len(given) > AT_ONCE:
                reports.drawing(len(found) / len(given))
        tell(trained, found, reports)
    parsed = Parsed(tuple(found), size)
    if file is not None:
        parsed.write(file, replace=force)
    return parsed


def has_words(text: str) -> bool:
    return any(map(str.isalnum, text))


def several(texts: Sentences) -> list[str | os.PathLike[str]]:
    return [texts] if isinstance(texts, (str, os.PathLike)) else list(texts)


def sources(texts: Sentences) -> list[str]:
    """The files that are read."""
    return ["/dev/stdin" if os.fspath(one) == "-" else os.fspath(one) for one in several(texts) if not isinstance(one, str)]


def sentences(texts: Sentences) -> Iterator[str]:
    """The sentences of a user, in order. Raises DataError and ArgumentError."""
    for number, one in enumerate(several(texts), 1):
        if isinstance(one, str):
            if "\0" in one:
                raise ArgumentError("texts", f"has a zero byte in its number {number}; take it out")
            if not has_words(one):
                raise ArgumentError("texts", f"has no words in its number {number} ({one!r:.40}); give a sentence")
            yield one
        elif not isinstance(one, os.PathLike):
            raise ArgumentError("texts", f"has {one!r:.40} as its number {number}; give a sentence, or a Path for a file of them")
        elif os.fspath(one) == "-":
            try:
                content = files.read_standard_input(LARGEST)
            except OSError as error:
                raise DataError(f"standard input cannot be read ({files.reason(error)}); {WANTED}") from error
            yield from text_of(content, Path("standard input"), WANTED).splitlines()
        else:
            yield from read_lines(Path(one), WANTED)


def tell(trained: Trained, found: list[ParsedSentence], reports: Reports) -> None:
    """Reports sentences longer than those of training, and trees that were mended."""
    longest = longest_text(trained.spec, trained.source)
    lengths = [len(list(tree.leaves())) for one in found if (tree := one.tree)]
    if longest and max(lengths) > longest:
        what = "the sentence has" if len(found) == 1 else "a sentence has"
        reports.say(f"{what} {max(lengths)} words, and {trained.source} was trained on at most {longest}: its tree may be far off")
    mended = sum(not one.whole for one in found)
    if mended:
        trees = "the tree was" if len(found) == 1 else f"{mended} of {len(found)} trees were"
        reports.say(f"{trees} not whole: brackets or words were missing or too many, and were mended")

"""Translations by a trained model: of sentences, of the lines of files and of standard input."""

import json
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from drawgen import attention_maps, files, images
from drawgen.contract import Translates
from drawgen.data.lines import read_lines
from drawgen.data.pictures import DataError
from drawgen.data.sentences import JOINT, symbols_of
from drawgen.data.standard_input import coming_lines
from drawgen.interrupts import Interrupted, plainly, signals
from drawgen.jobs import translation_answers
from drawgen.jobs.asking import Trained, asked, load
from drawgen.jobs.progress import Listener, hearing
from drawgen.jobs.recipe import longest_text
from drawgen.jobs.reports import problem_lines
from drawgen.jobs.translation_answers import TEXTS, Translated, Translations, check_pictures, file_lines, one_line
from drawgen.jobs.verbs import that_can
from drawgen.ranges import ArgumentError, check_range, check_whole

MODEL = "seq2seq"
"""The model that translates when none is named."""
BLOCK = 256
"""Texts that a model gets at once, for batches of like length; lines of a file that are written together."""
WANTED = "give a text file with a sentence per line"
MOST_SCRIPTS = 3
"""Scripts that a message names, at most."""


def translate(
    texts: str | Sequence[str],
    *,
    model: str | os.PathLike[str] | Trained | None = None,
    beams: int = 5,
    n: int = 1,
    device: str = "cpu",
    progress: Listener = None,
) -> Translations:
    """Translates texts: the `n` best translations of each, the best first, by beam search of width `beams` (1 is greedy). See
    `Translations`.

    `model` is a trained one, by default the shipped English to French. A text without words has no translation. A translation is
    doubtful, and says why in `doubt`, if the text is longer than those of training or if none of its words is known. Raises a
    ValueError that names an invalid argument.

    >>> import drawgen
    >>> found = drawgen.translate(["abc", "deed"], model=drawgen.train("seq2seq", "tiny"))
    >>> len(found.texts)
    2
    """
    given = [texts] if isinstance(texts, str) else list(texts)
    check(beams, n)
    for number, text in enumerate(given, 1):
        if not isinstance(text, str):
            raise ArgumentError("texts", f"has {text!r:.40} as number {number}; each has to be a text")
        if "\0" in text:
            raise ArgumentError("texts", f"has a text with a zero byte as number {number}; take it out")
    with hearing(progress) as reports:
        trained = translator(model, device)
        found = Translations()
        for block in translated(trained, blocks_of(given), beams=beams, n=n):
            found += block
            if reports.drawing is not None:
                reports.drawing(len(found) / len(given))
        if doubts := doubts_of(found):
            reports.say("\n".join(doubt_lines(doubts, len(found))))
        return found


def check(beams: int, n: int) -> None:
    """Raises ArgumentError for a search that cannot be."""
    check_whole("beams", beams)
    check_whole("n", n)
    check_range("beams", beams, at_least=1, at_most=100)
    check_range("n", n, at_least=1)
    if n > beams:
        raise ArgumentError("n", f"is {n} and `beams` {beams}; a search finds at most as many translations as it has beams")


def translator(model: str | os.PathLike[str] | Trained | None, device: str = "cpu") -> Trained:
    """The model, which can translate. Raises ValueError, CheckpointError."""
    trained = model if isinstance(model, Trained) else load(os.fspath(model or MODEL), device=device)
    that_can(trained.model, Translates, trained.source)
    return trained


def blocks_of(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    return (lines[first : first + BLOCK] for first in range(0, len(lines), BLOCK))


def translated(trained: Trained, blocks: Iterable[Sequence[str]], *, beams: int = 5, n: int = 1) -> Iterator[list[Translated]]:
    """The translations of blocks of texts, each in the order of its texts."""
    model, doubted = that_can(trained.model, Translates, trained.source), Doubts(trained)
    for whole in blocks:
        for block in blocks_of(whole):
            read = [symbols_of(text, doubted.unit) for text in block]
            wanted = [text for text, symbols in zip(block, read, strict=True) if symbols]
            with asked():  # given back before anything is handed out
                told = iter(model.translate(wanted, beams=beams, n=n) if wanted else ())
            yield [
                Translated(text, next(told) if symbols else [], trained.source, *doubted.about(text, symbols))
                for text, symbols in zip(block, read, strict=True)
            ]


class Doubts:
    """What a model knows of the texts that it was trained on."""

    def __init__(self, trained: Trained) -> None:
        spec, self.source = trained.spec, trained.source
        self.unit = spec.unit or "words"
        vocabulary = spec.source_vocabulary or spec.vocabulary or ()
        self.known, self.scripts = frozenset(vocabulary), scripts_of("".join(vocabulary))
        self.longest = longest_text(trained.spec, trained.source)

    def about(self, text: str, symbols: Sequence[str]) -> tuple[str, tuple[str, ...]]:
        """Why the translation of a text is doubtful, empty if nothing speaks against it; and its words that are unknown."""
        words = [symbol for symbol in symbols if any(map(str.isalnum, symbol))]
        unknown = tuple(dict.fromkeys(word.strip(JOINT) for word in words if word not in self.known))
        if not symbols:
            return "", ()
        if not words:
            return "it has no words", ()
        if not any(word in self.known for word in words):
            others = scripts_of(text) - self.scripts
            if others and self.scripts:
                return f"it is in {named(others)} letters, and {self.source} was trained on {named(self.scripts)}", unknown
            return f"none of its {self.unit} is known to {self.source}", unknown
        if self.longest and len(symbols) > self.longest:
            return f"it has {len(symbols)} {self.unit}, and {self.source} was trained on at most {self.longest}", unknown
        return "", unknown


def scripts_of(text: str) -> frozenset[str]:
    """The scripts of a text's letters, by the first word of their Unicode names: Latin, Cyrillic, Cjk."""
    return frozenset(
        unicodedata.name(letter, "").split(" ")[0].capitalize()
        for letter in set(text)
        if letter.isalpha() and unicodedata.category(letter) != "Lm"
    ) - {""}


def named(scripts: frozenset[str]) -> str:
    return " and ".join(sorted(scripts)[:MOST_SCRIPTS]).replace("Cjk", "Chinese")


# ---------------------------------------------------------------- lines


def given_lines(texts: Sequence[str], file: Path | None) -> list[str] | None:
    """The texts to translate: those given, the lines of a file, or None for those of standard input (-). Raises ValueError,
    DataError."""
    if file is not None:
        if texts:
            raise ArgumentError("file", f"is {file}, and {texts[0]!r:.40} is given too; give one of the two")
        if str(file) == "-":
            return None
        lines = read_lines(file, WANTED)
        if not lines:
            raise DataError(f"{file} is empty; {WANTED}")
        return lines
    if "-" in texts:
        if len(texts) > 1:
            raise ValueError(
                f"- is standard input, and {next(t for t in texts if t != '-')!r:.40} is given too; give one of the two"
            )
        return None
    if not texts:
        raise ValueError("there is nothing to translate; give sentences in quotes, `file`, or - for standard input")
    for number, text in enumerate(texts, 1):
        if "\0" in text or any(0xDC80 <= ord(sign) <= 0xDCFF for sign in text):
            raise ValueError(f"sentence {number} is not text in UTF-8; set the terminal's encoding to UTF-8")
        if Path(text).suffix and not text.endswith(".") and files.is_file(text):
            raise ValueError(f"{text} is a file, and sentences are taken as they are; its lines are translated by `file`")
    if not any(text.strip() for text in texts):
        raise ValueError("there is nothing to translate, the sentences are empty; give a sentence in quotes")
    return list(texts)


def translations(
    texts: Sequence[str],
    file: Path | None = None,
    *,
    model: str | None = None,
    beams: int = 5,
    n: int = 1,
    attention: Path | None = None,
    device: str = "cpu",
    force: bool = False,
    say: Callable[[str], None] | None = None,
) -> Iterator[tuple[Translated, float]]:
    """Yields each translation, in the order of the lines, with the fraction done (of standard input 0). `attention` is a file for
    pictures of the attention. `say` is called with the letters for which there is no font. Raises ValueError, DataError."""
    check(beams, n)
    lines = given_lines(texts, file)
    if attention is not None:
        if lines is None:
            raise ArgumentError("attention", f"is {attention}, and standard input has no end; give sentences, or `file`")
        check_pictures(attention, len(lines), force=force, sources=() if file is None else (file,))
    trained = translator(model, device)
    if attention is not None and not that_can(trained.model, Translates, trained.source).attends:
        raise ArgumentError("attention", f"is {attention}, and {trained.source} was built without attention; leave it out")
    shown = Translations()
    done = 0
    for block in translated(trained, coming_lines() if lines is None else blocks_of(lines), beams=beams, n=n):
        if attention is not None:
            shown += block
        for one in block:
            done += 1
            yield one, 0.0 if lines is None else done / len(lines)
    if attention is None:
        return
    if (
        attention.suffix.lower() not in images.VECTOR
        and say is not None
        and (missing := translation_answers.missing_letters(shown))
    ):
        say(attention_maps.told_missing(attention, missing))
    shown.write_attention(attention, replace=force)


def doubts_of(found: Iterable[Translated], first: int = 1) -> dict[str, str]:
    """The number of a text -> why its translation is doubtful."""
    return {f"line {number}": one.doubt for number, one in enumerate(found, first) if one.doubt}


def doubt_lines(doubts: Mapping[str, str], count: int) -> list[str]:
    """What to warn of after translations of `count` texts, by text -> doubt."""
    many = len(doubts)
    if count == 1:
        return [f"the translation is doubtful: {next(iter(doubts.values()))}"]
    return [f"{many} of {count} translations {'are' if many > 1 else 'is'} doubtful:", *problem_lines(doubts)]


# ---------------------------------------------------------------- a file of translations


class Done(NamedTuple):
    """What became of the lines."""

    found: int
    """Number of lines that were translated now."""
    kept: int
    """Number of lines that had their translations already."""
    doubts: dict[str, str]
    """Line translated now whose translation is doubtful -> reason."""


@plainly()
def translate_file(
    texts: Sequence[str],
    out: str | os.PathLike[str],
    *,
    file: str | os.PathLike[str] | None = None,
    model: str | None = None,
    beams: int = 5,
    n: int = 1,
    device: str = "cpu",
    resume: bool = False,
    force: bool = False,
    progress: Listener = None,
) -> Done:
    """Translates texts, the lines of a `file`, or those of standard input (`texts` is ["-"]) into the file `out` (.txt, .tsv or
    .jsonl; `translation_answers`), in the order of the lines.

    `BLOCK` lines are written when they are done; up to that many go into the file atomically. Ctrl-C and SIGTERM end the run after
    the lines at work, a kill leaves those written. With `resume` the lines that are there are kept, and only the others are
    translated; the file is then the same as without the interruption. What cannot be noticed: another model or `beams`, and in a
    .txt another text.

    Raises ImageError for an output that exists (without `resume` or `force`), DataError for a file that is not text, ValueError,
    StorageError, and Interrupted.
    """
    target, given = Path(out), None if file is None else Path(file)
    check(beams, n)
    if resume and force:
        raise ArgumentError("resume", "keeps the translations that are there, and `force` replaces them; leave one of the two out")
    if n > 1 and target.suffix.lower() == ".txt":
        raise ArgumentError("n", f"is {n}, and {target} has one translation per line; give a .tsv or .jsonl")
    if target.is_file() and not (resume or force):
        raise images.ImageError(f"{target} exists already; replace it with `force`, or add what is missing with `resume`")
    images.check_output(target, force=resume or force, kinds=TEXTS, sources=() if given is None else (given,))
    lines = given_lines(texts, given)
    if resume and lines is None:
        raise ArgumentError("resume", "reads the lines again, which standard input cannot; give `file`")
    with files.reserved(target), hearing(progress) as reports:
        there = resume and target.exists()
        kept = kept_lines(target, lines or [], n) if there else 0
        if lines is not None and kept == len(lines):
            return Done(0, kept, {})
        trained = translator(model, device)
        coming = coming_lines() if lines is None else blocks_of(lines[kept:])
        count, doubts, interrupt = 0, dict[str, str](), 0
        waiting = nullcontext(lambda: 0) if lines is None else signals()  # Ctrl-C ends a wait for standard input at once
        with waiting as noted, appending(target, replace=force or there, there=kept > 0) as append:
            for block in translated(trained, coming, beams=beams, n=n):
                append("".join(file_lines(one, target) for one in block).encode(errors="replace"))
                doubts |= doubts_of(block, kept + count + 1)
                count += len(block)
                if reports.drawing is not None and lines is not None:
                    reports.drawing((kept + count) / len(lines))
                if interrupt := noted():
                    break
            if not count:
                append(b"")  # standard input was empty
        if lines is not None and interrupt and kept + count < len(lines):
            so_far = f"{target} has the translations of {kept + count} of {len(lines)} lines"
            raise Interrupted(interrupt, f"interrupted; {so_far}, and the same command with `resume` adds the others")
        return Done(count, kept, doubts)


@contextmanager
def appending(out: Path, *, replace: bool, there: bool) -> Iterator[Callable[[bytes], None]]:
    """A function that writes the next lines of a file to the disk. Unless some are `there`, the first ones make the file, whole.
    Raises StorageError."""
    opened: list[FileIO] = []

    def append(content: bytes) -> None:
        if not opened and not there:
            files.write_output(out, content, replace=replace)
            content = b""
        with files.told(out):
            if not opened:
                opened.append(open(out, "ab", buffering=0))  # noqa: SIM115  # closed below
            rest = memoryview(content)
            while rest:
                rest = rest[opened[0].write(rest) :]
            os.fsync(opened[0].fileno())

    try:
        yield append
    finally:
        for file in opened:
            file.close()


def kept_lines(out: Path, lines: Sequence[str], n: int) -> int:
    """The number of lines with translations in a file, in whole blocks, so that those that follow are translated in the same
    batches as without an interruption (batched products may round differently). What comes after them is cut off. Raises
    ArgumentError for translations of another text, or for another number of them."""
    try:
        rows = files.read_bytes(out).split(b"\n")[:-1]  # the last one is empty, or torn
    except OSError as error:
        raise images.ImageError(f"{out} cannot be read ({error.strerror}); give another name") from error
    ends = [0]
    for number, line in enumerate(lines, 1):
        many = n if out.suffix.lower() == ".tsv" and line.strip() else 1
        if ends[-1] + many > len(rows):
            break
        for row in rows[ends[-1] : ends[-1] + many]:
            if not belongs(row, line, n, out):
                wanted = f"line {number} has not its {n} translation{'s' * (n > 1)} there"
                raise ArgumentError("resume", f"adds to {out}, and {wanted}; give another name, or `force`")
        ends.append(ends[-1] + many)
    else:
        if ends[-1] < len(rows):
            raise ArgumentError("resume", f"adds to {out}, which has more lines than there are; give another name, or `force`")
    kept = len(ends) - 1
    if kept < len(lines):
        kept -= kept % BLOCK
    whole = b"".join(row + b"\n" for row in rows[: ends[kept]])
    if len(rows) > ends[kept] or kept < len(lines):
        files.write_output(out, whole, replace=True)
    return kept


def belongs(row: bytes, line: str, n: int, out: Path) -> bool:
    """Whether a row of a file is of this line; in .txt this cannot be told."""
    if out.suffix.lower() == ".txt":
        return True
    text = row.decode(errors="replace")
    if out.suffix.lower() == ".tsv":
        cells = text.split("\t")
        return len(cells) == 3 and cells[0] == one_line(line).encode(errors="replace").decode()
    try:
        told = json.loads(text)
        return bool(told["source"] == line and len(told["translations"]) == (n if line.strip() else 0))
    except (ValueError, KeyError, TypeError, RecursionError):
        return False

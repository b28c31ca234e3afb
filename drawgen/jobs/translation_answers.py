"""Texts and their translations: values that a notebook displays and that can be saved.

    out.txt      the best translation of each text, one per line
    out.tsv      text, translation, score, separated by tabs, without a line of headings: one row per translation
    out.jsonl    `Translated.as_json()`, one line per text

A text without words has an empty line, or a row with an empty translation.
"""

import html
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from drawgen import attention_maps, files, images
from drawgen.alignment_pictures import Alignment, Sheet
from drawgen.contract import Hypothesis
from drawgen.jobs.answers import MOST_SHOWN, numbered
from drawgen.threads import threads

TEXTS = (".txt", ".tsv", ".jsonl")
"""Endings of files of translations."""
PICTURES = (*images.STILL, *images.VECTOR)
"""Endings of pictures of the attention."""
FEW = 4
"""Up to this many texts a notebook shows with their attention."""


class Translated(NamedTuple):
    """A text and its translations, the best first."""

    source: str
    translations: list[Hypothesis]
    """Empty for a text without words."""
    model: str = ""
    doubt: str = ""
    """Why the translation is doubtful; empty if nothing speaks against it."""
    unknown: tuple[str, ...] = ()
    """The words of the text that the model does not know."""

    @property
    def text(self) -> str:
        """The best translation, in one line."""
        return one_line(self.translations[0].text) if self.translations else ""

    @property
    def score(self) -> float:
        """The best translation's score: mean log-probability of its symbols, in nats."""
        return self.translations[0].score if self.translations else 0.0

    def __repr__(self) -> str:
        return f"{self.source} -> {'; '.join(one.text for one in self.translations)}"

    def as_json(self) -> dict[str, Any]:
        """The text, its translations with their scores and the log-probabilities of their symbols, the symbols that were read,
        those that are unknown, the model, and the doubt (None if there is none)."""
        told = [
            {"text": t.text, "score": t.score, "finished": t.finished, "symbols": list(zip(t.words, t.log_probs, strict=True))}
            for t in self.translations
        ]
        read = list(self.translations[0].source) if self.translations else []
        return {
            "source": self.source,
            "translations": told,
            "source_symbols": read,
            "unknown": list(self.unknown),
            "model": self.model,
            "doubt": self.doubt or None,
        }

    @property
    def attention(self) -> Alignment | None:
        """Where the model looked for each word of the best translation; None without attention."""
        if not self.translations or self.translations[0].maps is None or not self.translations[0].words:
            return None
        best = self.translations[0]
        assert best.maps is not None
        return Alignment(best.source, best.words, best.maps.flatten(1).cpu())


class Translations(list[Translated]):
    """Texts and their translations, from `drawgen.translate`.

    >>> import drawgen
    >>> found = drawgen.train("seq2seq", "tiny").translate(["abc", "deed"], n=2)  # which writes words backwards, when trained
    >>> len(found), len(found[0].translations)
    (2, 2)
    >>> found.save("attention.png")
    >>> found.save("translations.tsv")
    """

    def __init__(self, found: Iterable[Translated] = ()) -> None:
        super().__init__(found)

    @property
    def texts(self) -> list[str]:
        """The best translations."""
        return [one.text for one in self]

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Writes a file. The ending of `path` decides the format: text with the best translation of each text per line; TSV with
        the columns text, translation and score; JSONL; or a picture of the attention (PNG and others, or SVG), of which `{i}` in
        the name gives one per text. Raises ImageError (a ValueError) and StorageError."""
        out = Path(path)
        if out.suffix.lower() in TEXTS:
            images.check_output(out, force=force, kinds=TEXTS)
            files.write_output(out, "".join(file_lines(one, out) for one in self).encode(errors="replace"), replace=force)
            return
        check_pictures(out, len(self), force=force, kinds=(*TEXTS, *PICTURES))
        self.write_attention(out, replace=force)

    @threads(1)
    def write_attention(self, out: Path, *, replace: bool) -> None:
        """Writes pictures of the attention, after the checks. Raises ValueError for translations without attention."""
        shown = {number: one.attention for number, one in enumerate(self) if one.attention is not None}
        if not shown:
            raise ValueError(f"the translations have no attention, which {out} would show")
        paths = numbered(out, len(self))
        if paths == [out]:
            write(Sheet(list(shown.values())), out, replace=replace)
            return
        for number, one in shown.items():
            write(Sheet([one]), paths[number], replace=replace)

    def __repr__(self) -> str:
        return "\n".join(repr(one) for one in self)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(one.source)}</td><td>{'<br>'.join(html.escape(t.text) for t in one.translations)}</td></tr>"
            for one in self
        )
        shown = [one.attention for one in self if one.attention is not None] if len(self) <= FEW else []
        return f"<table>{rows}</table>" + (Sheet(shown).svg() if shown else "")


def write(sheet: Sheet, out: Path, *, replace: bool) -> None:
    if out.suffix.lower() in images.VECTOR:
        files.write_output(out, sheet.svg().encode(errors="replace"), replace=replace)
    else:
        images.check_extent(out, *sheet.size)
        images.save_image(out, sheet.pixels(), replace=replace)


def check_pictures(
    out: Path,
    count: int,
    *,
    force: bool,
    kinds: Sequence[str] = PICTURES,
    sources: Sequence[str | os.PathLike[str]] = (),
) -> None:
    """Raises an error, before the work, if the attention of this many texts cannot be written there."""
    paths = numbered(out, count)
    for path in paths:
        images.check_output(path, force=force, kinds=kinds, sources=sources)
    if paths == [out] and count > MOST_SHOWN:
        raise ValueError(
            f"at most {MOST_SHOWN} texts are drawn into one file, and there are {count}; put {{i}} into the name {out}"
        )


def missing_letters(shown: Iterable[Translated]) -> list[str]:
    """The letters that pixels show as boxes, because no font of this system has them."""
    drawn = [one.attention for one in shown]
    return attention_maps.missing([word for one in drawn if one is not None for word in (*one.source, *one.target)])


def file_lines(one: Translated, out: Path) -> str:
    """The lines of a text in a file."""
    if out.suffix.lower() == ".jsonl":
        return json.dumps(one.as_json(), ensure_ascii=False) + "\n"
    if out.suffix.lower() == ".txt":
        return one.text + "\n"
    rows = [(one_line(t.text), f"{t.score:.4f}") for t in one.translations] or [("", "")]
    return "".join("\t".join((one_line(one.source), *row)) + "\n" for row in rows)


def one_line(text: str) -> str:
    """With blanks in place of tabs and ends of lines."""
    return " ".join(text.split()) if any(sign in text for sign in "\t\n\r") else text

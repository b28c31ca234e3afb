"""Trees of sentences: a value that a notebook displays and that can be saved."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image

from drawgen import files, images
from drawgen.images import ImageError
from drawgen.jobs.memory import refuse_more_than_there_is
from drawgen.jobs.point_answers import DRAWING_BYTES, check_picture
from drawgen.point_pictures import Diagram
from drawgen.threads import threads
from drawgen.tree_pictures import diagram
from drawgen.trees.reading import trees
from drawgen.trees.tree import Tree

Sentences: TypeAlias = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""Sentences, and paths of files with one sentence per line; Path("-") is standard input."""
KINDS = (*images.STILL, *images.VECTOR)
"""Endings of its files."""
FORMAT = "drawgen trees 1"
MOST_SHOWN = 32
"""Trees in one picture, at most."""


@dataclass(frozen=True)
class ParsedSentence:
    """A sentence and its tree."""

    text: str
    brackets: str
    """The tree in bracket notation; empty for a line of a file without words."""
    score: float
    """Its log-probability under the model, in nats."""
    whole: bool
    """Whether the model's symbols were a tree; otherwise brackets or words were added or left out."""

    @property
    def tree(self) -> Tree | None:
        return next(trees(self.brackets)) if self.brackets else None

    def as_json(self) -> dict[str, Any]:
        return {"text": self.text, "tree": self.brackets, "score": self.score, "whole": self.whole}


@dataclass(frozen=True, repr=False)
class Parsed:
    """The trees of sentences, from `drawgen.parse`. A notebook displays them, and `save` writes them as a picture, SVG or JSON.

    >>> import drawgen
    >>> found = drawgen.parse("a red circle", model=drawgen.train("seq2tree", "tiny"))
    >>> len(found.brackets)
    1
    """

    sentences: tuple[ParsedSentence, ...]
    size: tuple[int, int] | None = None
    """Default height and width of its pictures in pixels."""

    @property
    def brackets(self) -> list[str]:
        """The trees in bracket notation."""
        return [one.brackets for one in self.sentences]

    @property
    def trees(self) -> list[Tree | None]:
        """The trees; None for a line without words."""
        return [one.tree for one in self.sentences]

    def __repr__(self) -> str:
        return "\n".join(self.brackets)

    def diagram(self, size: tuple[int, int] | None = None) -> Diagram:
        """The first `MOST_SHOWN` trees below each other."""
        drawn = [one for one in self.sentences if one.brackets][:MOST_SHOWN]
        title = "; ".join(one.text for one in drawn)
        return diagram([tree for one in drawn if (tree := one.tree)], title=title, size=size or self.size)

    @threads(1)
    def pil(self, size: tuple[int, int] | None = None) -> Image.Image:
        """A picture of Pillow, of `size` (height, width)."""
        return Image.fromarray(images.to_bytes(self.diagram(size).pixels()))

    def save(self, path: str | os.PathLike[str], *, size: tuple[int, int] | None = None, force: bool = False) -> None:
        """Writes a picture of `size` (height, width in pixels), SVG, or JSON, by the ending of `path`. An existing file is replaced
        only with `force`. Raises ImageError (a ValueError) and StorageError."""
        out = Path(path)
        images.check_output(out, force=force, kinds=KINDS)
        check_picture(out, size)
        check_count(out, sum(bool(one.brackets) for one in self.sentences))
        self.write(out, size, replace=force)

    @threads(1)
    def write(self, out: Path, size: tuple[int, int] | None = None, *, replace: bool) -> None:
        """`save` after the checks. Without `replace` an existing file is kept."""
        ending = out.suffix.lower()
        if ending == ".json":
            content = {"format": FORMAT, "sentences": [one.as_json() for one in self.sentences]}
            files.write_output(out, (json.dumps(content, ensure_ascii=False) + "\n").encode(errors="replace"), replace=replace)
            return
        drawn = self.diagram(size)
        if ending == ".svg":
            files.write_output(out, drawn.svg().encode(errors="replace"), replace=replace)
            return
        images.check_extent(out, *drawn.size)
        refuse_more_than_there_is(
            drawn.size[0] * drawn.size[1] * DRAWING_BYTES, f"a picture of {drawn.size[1]}x{drawn.size[0]} pixels"
        )
        images.save_image(out, drawn.pixels(), replace=replace)

    @threads(1)
    def _repr_png_(self) -> bytes | None:
        return images.png(self.diagram().pixels()) if any(self.brackets) else None


def check_count(out: Path, count: int) -> None:
    """Raises ImageError for a picture of too many trees, or of none."""
    if out.suffix.lower() != ".json" and not 1 <= count <= MOST_SHOWN:
        raise ImageError(f"{out} is a picture of 1 to {MOST_SHOWN} trees, and there are {count}; write a file .json, or give fewer")

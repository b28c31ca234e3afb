"""Previews of a model in training, as files in its run folder: one function per verb."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from drawgen import files, images
from drawgen.contract import (
    Classifies,
    Data,
    Describes,
    Draws,
    Handwrites,
    HasLabelled,
    HasPairs,
    Parses,
    Points,
    Reads,
    Redraws,
    Request,
    Translates,
    Writes,
    generator,
)
from drawgen.data.point_files import PointSet
from drawgen.jobs.point_answers import answered
from drawgen.training import Progress
from drawgen.tree_pictures import diagram
from drawgen.trees.reading import trees

PICTURE, TEXT = "preview.png", "preview.txt"
MOST = 8
"""Pictures, texts or drawings of the data in a preview."""
SPREAD = 500
"""Of how many times as many texts those in a preview are evenly chosen: files may be sorted by label."""
SETS, SET_POINTS, SET_PX = 4, 12, (300, 512)
"""Sets of points in a preview, the points of each, and the height and width of its picture in pixels."""
SENTENCES = ("a large red circle above two small blue squares", "there are three green stars")
"""Sentences in a preview; the first one is that of examples."""
HANDWRITTEN = "by hand"
"""What is written by hand in a preview and in examples."""
BETWEEN = "\n----\n"
"""Separates two texts."""


class Preview(NamedTuple):
    """The parts of a preview; None if there is none."""

    picture: Tensor | None = None
    text: str | None = None

    def save(self, folder: Path) -> None:
        if self.picture is not None:
            images.save_image(folder / PICTURE, self.picture)
        if self.text is not None:
            files.write_atomically(folder / TEXT, self.text.encode(errors="replace"))


def until_first(
    folder: Path, picture: Float[Tensor, "C H W"], reported: Callable[[Progress], None] | None
) -> Callable[[Progress], None]:
    """Reports of a new run, passed on to `reported`. Until the run writes a preview, it is `picture`: a run that begins removes the
    one that was there."""

    def training(told: Progress) -> None:
        if not (folder / PICTURE).exists():
            images.save_image(folder / PICTURE, picture)
        if reported is not None:
            reported(told)

    return training


class PreviewInput(NamedTuple):
    """What a preview is made from."""

    request: Request
    data: Data
    device: torch.device

    def pictures(self) -> Tensor | None:
        """The first pictures of the validation split, B C H W."""
        first = next(iter(self.data.stream("valid", seed=0)), None)
        return None if first is None else first.images[:MOST].to(self.device)


def drawn(model: Draws, seen: PreviewInput) -> Preview:
    return Preview(images.grid(model.sample(seen.request).images.cpu()))


def handwritten(model: Handwrites, seen: PreviewInput) -> Preview:
    return Preview(images.grid(model.handwrite(HANDWRITTEN, seen.request).images.cpu()))


def written(model: Writes, seen: PreviewInput) -> Preview:
    texts = ["".join(piece.text for piece in model.write(seen.request, index)) for index in range(seen.request.n)]
    return Preview(text=BETWEEN.join(texts))


def described(model: Describes, seen: PreviewInput) -> Preview:
    pictures = seen.pictures()
    if pictures is None:
        return Preview()
    found = model.caption(pictures, beams=1)
    return Preview(images.grid(pictures.cpu(), columns=4), "".join(best.text + "\n" for best, *_ in found))


def read(model: Reads, seen: PreviewInput) -> Preview:
    pictures = seen.pictures()
    if pictures is None:
        return Preview()
    found = model.read(pictures, rng=generator(seen.request.seed, device=seen.device))
    lines = [" ".join(f"{label} {p:.2f}" for label, p in found.best(row, 3)) for row in range(len(pictures))]
    shown = pictures if found.seen is None else found.seen.images
    return Preview(images.grid(shown.cpu(), columns=4), "".join(line + "\n" for line in lines))


def redrawn(model: Redraws, seen: PreviewInput) -> Preview:
    pictures = seen.pictures()
    if pictures is None:
        return Preview()
    drawing = model.reconstruct(pictures, rng=generator(seen.request.seed, device=seen.device))
    return Preview(images.grid(torch.cat([pictures, drawing.images]).cpu(), columns=len(pictures)))


def translated(model: Translates, seen: PreviewInput) -> Preview:
    """A few texts of the validation split: the text, a reference, and the model's translation."""
    if not isinstance(seen.data, HasPairs) or not (pairs := seen.data.pairs("valid")[:MOST]):
        return Preview()
    found = model.translate([pair.source for pair in pairs], beams=1)
    shown = [f"{pair.source}\n= {pair.targets[0]}\n> {best.text}\n" for pair, (best, *_) in zip(pairs, found, strict=True)]
    return Preview(text="\n".join(shown))


def classified(model: Classifies, seen: PreviewInput) -> Preview:
    """A line for each of the first items: whether the label is right, the label with its probability, the right one, and a text."""
    data = seen.data
    shown = list(islice(data.labelled("valid"), SPREAD * MOST)) if isinstance(data, HasLabelled) else []
    if not shown:
        return Preview()
    shown = shown[:: max(1, len(shown) // MOST)][:MOST]
    found = model.classify([item for item, _ in shown])  # type: ignore[arg-type]
    lines = []
    for row, (item, right) in enumerate(shown):
        label, p = found.best(row)[0]
        rest = f"\t{item}" if isinstance(item, str) else ""
        lines.append(f"{'right' if label == right else 'wrong'}\t{label} {p:.2f}\t{right}{rest}\n")
    return Preview(text="".join(lines))


def pointed(model: Points, seen: PreviewInput) -> Preview:
    sets = [torch.rand(SET_POINTS, 2, dtype=torch.float64, generator=seen.request.rng(index)) for index in range(SETS)]
    found = [answered(model, PointSet(points.numpy(), f"set {index}"), device=seen.device) for index, points in enumerate(sets, 1)]
    return Preview(images.grid(torch.stack([each.diagram(SET_PX).pixels() for each in found]), columns=2))


def parsed(model: Parses, _seen: PreviewInput) -> Preview:
    found = [parse.tree for parse in model.parse(SENTENCES)]
    picture = diagram([next(trees(tree)) for tree in found], title="; ".join(SENTENCES))
    return Preview(picture.pixels(), "".join(tree + "\n" for tree in found))

"""Classification of pictures, and reading of digits, by a trained model."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from drawgen import images
from drawgen.contract import Reads
from drawgen.ink import Box, characters, strokes
from drawgen.jobs.answers import Label, Labels, check_grid
from drawgen.jobs.asking import load
from drawgen.jobs.loading import MOST_DRAWN, Picture, Pictures, name_of, opened, several
from drawgen.jobs.verbs import kinds_of, that_can
from drawgen.ranges import check_range

DIGIT, ROW, PAIR, CLUTTER = (
    "resnet_classifier:digits",
    "glimpse_reader:sequence",
    "glimpse_reader:pairs",
    "draw_classifier:cluttered",
)
"""The shipped readers, and what they read: a digit; one to five digits in a row; two digits anywhere; a digit among pieces."""
LONGEST_ROW = 5
CLUTTER_PX = 100
"""Side of the pictures of digits among pieces, which look like nothing that a person writes."""


def read(
    pictures: Pictures,
    out: str | Path | None = None,
    *,
    model: str | Path | None = None,
    n: int = 1,
    boxes: bool = True,
    animate: bool = False,
    seed: int = 0,
    device: str = "cpu",
    force: bool = False,
) -> Labels:
    """The `n` most probable labels of each picture. Without a `model`, each picture of digits has the shipped reader that it fits
    (`reader_for`); the answer names it. `out` shows the model's glimpses, with its windows (`boxes`): a picture, or an animation by
    the same rule as in `sample`. Raises ImageError, ValueError.

    >>> import drawgen, torch
    >>> page = torch.ones(1, 90, 120)
    >>> page[:, 20:70, 35:41] = page[:, 20:70, 75:81] = 0  # two strokes of a pen
    >>> drawgen.read(page)[0].model
    'glimpse_reader:sequence'
    """
    check_range("n", n, at_least=1)
    check_range("seed", seed, at_least=0)
    given = several(pictures)
    names = [name_of(picture, number) for number, picture in enumerate(given, 1)]
    if model is None:
        sources = [reader_for(picture, name) for picture, name in zip(given, names, strict=True)]
    else:
        sources = [str(model)] * len(given)
    if out is not None:
        out = Path(out)
        images.check_output(out, force=force, kinds=kinds_of(Reads, animate=animate), sources=names)
        if len(set(sources)) > 1:
            other = next(number for number, source in enumerate(sources) if source != sources[0])
            raise ValueError(
                f"{names[0]} is for {sources[0]}, and {names[other]} for {sources[other]}; show them one by one, or give `model`"
            )
    readers = {source: load(source, device=device) for source in dict.fromkeys(sources)}
    for source, reader in readers.items():
        that_can(reader.model, Reads, source)
        if out is not None:
            check_grid(out, len(given), reader.spec.picture[1:], boxes=boxes)
    found: dict[int, Label] = {}
    for source, reader in readers.items():
        rows = [row for row, each in enumerate(sources) if each == source]
        labels = reader.read([given[row] for row in rows], n=n, seed=seed)
        found |= {row: label._replace(picture=names[row]) for row, label in zip(rows, labels, strict=True)}
    answer = Labels([found[row] for row in range(len(given))], labels.looked_at if len(readers) == 1 else None)
    if out is not None:
        answer.save(out, boxes=boxes, animate=animate, force=force)
    return answer


def reader_for(picture: Picture, name: str) -> str:
    """The shipped reader of this picture: by the number of characters in it, and whether they stand in a row. Raises ImageError for
    a picture without ink, or with something else than a few digits."""
    image, alpha = opened(picture, name, covering=(MOST_DRAWN, MOST_DRAWN))
    try:
        boxes = characters(strokes(image, alpha)[1])
    except images.ImageError as error:
        raise images.ImageError(f"{name}: {error}") from error
    if len(boxes) == 1 and boxes[0].width < 1.3 * boxes[0].height:
        return DIGIT
    if len(boxes) <= LONGEST_ROW and in_a_row(boxes):
        return ROW
    if len(boxes) == 2:
        return PAIR
    if image.shape[1:] == (CLUTTER_PX, CLUTTER_PX):
        return CLUTTER
    raise images.ImageError(
        f"{name} shows {len(boxes)} pieces of ink, which are no row of one to five digits; "
        "give a picture of digits alone, or a `model` for other pictures"
    )


def in_a_row(boxes: Sequence[Box]) -> bool:
    """Whether each character overlaps the next one in height by more than half of the smaller one."""
    return all(min(a.bottom, b.bottom) - max(a.top, b.top) > 0.5 * min(a.height, b.height) for a, b in pairwise(boxes))

"""What was drawn, as a file: which endings there are, what moves, what is too large for a format."""

from pathlib import Path

import torch

from drawgen import files, images
from drawgen.contract import Sample
from drawgen.strokes.painting import Painting

VECTOR = (".svg", ".json")
"""Endings of files that hold strokes."""


def kinds_for(animate: bool) -> tuple[str, ...]:
    """The endings that can be written, where an animation is asked for or left to the ending."""
    return tuple(images.MOVING) if animate else (*images.STILL, *images.MOVING, *VECTOR)


def moves(out: Path, animate: bool) -> bool:
    """Whether the file becomes an animation: where it is asked for, and where the ending can be nothing else."""
    return animate or out.suffix.lower() not in images.STILL


def check_grid(out: Path, n: int, size: tuple[int, int], *, boxes: bool = False, columns: int | None = None) -> None:
    """Refuses a grid of `n` pictures that is too large for the file's format, before it is drawn."""
    if out.suffix.lower() in VECTOR:
        return
    scale = images.BOX_SCALE if boxes else 1
    images.check_extent(out, *images.grid_size(n, scale * size[0], scale * size[1], columns=columns))


def save(
    out: Path, drawn: Sample, *, boxes: bool = False, animate: bool = False, columns: int | None = None, replace: bool = True
) -> None:
    """A sample as one file: a grid of the pictures, or an animation of how they are drawn. `boxes` enlarges it and draws the
    model's windows; where nothing moves, a row per picture and a column per step. Without `replace` a file that exists stays."""
    moving = moves(out, animate)
    if out.suffix.lower() in VECTOR:
        if drawn.strokes is None:
            raise ValueError(f"this model draws no strokes, which {out} would hold; choose one of {' '.join(images.STILL)}")
        if boxes:
            raise ValueError(f"`boxes` and {out} don't go together; choose one of {' '.join(images.STILL)}")
        size = (drawn.images.shape[2], drawn.images.shape[3])
        painted = Painting.sheet(drawn.strokes.cpu(), size, images.grid_columns(len(drawn.images), *size, columns))
        height, width = painted.fitted(1024)
        text = painted.svg(height, width) if out.suffix.lower() == ".svg" else painted.json()
        files.write_output(out, text.encode(), replace=replace)
    elif boxes:
        stages = images.boxed(drawn)
        if moving:
            images.save_animation(out, (images.grid(stage, columns=columns) for stage in stages), replace=replace)
        else:
            steps = list(stages)
            sheet = images.grid(torch.stack(steps, 1).flatten(0, 1), columns=len(steps), gap_px=8)
            images.save_image(out, sheet, replace=replace)
    elif not moving:
        images.save_image(out, images.grid(drawn.images, columns=columns), replace=replace)
    elif drawn.frames is not None:
        images.save_animation(out, (images.grid(frame, columns=columns) for frame in drawn.frames(48)), replace=replace)
    else:
        raise ValueError(f"there is no animation of this model; choose one of {' '.join(images.STILL)}, without `animate`")

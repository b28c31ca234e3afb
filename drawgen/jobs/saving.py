"""Saves samples to files: which endings are known, which are animated, and what is too large for a format."""

from pathlib import Path

import torch

from drawgen import files, images
from drawgen.contract import Sample
from drawgen.strokes.painting import Painting

VECTOR = (".svg", ".json")
"""Endings of files of strokes."""


def kinds_for(animate: bool) -> tuple[str, ...]:
    """The endings that can be written, with or without a requested animation."""
    return tuple(images.MOVING) if animate else (*images.STILL, *images.MOVING, *VECTOR)


def moves(out: Path, animate: bool) -> bool:
    """Whether the file becomes an animation: on request, or if its format is always animated."""
    return animate or out.suffix.lower() not in images.STILL


def check_grid(out: Path, n: int, size: tuple[int, int], *, boxes: bool = False, columns: int | None = None) -> None:
    """Raises an error, before drawing, if a grid of `n` pictures is too large for the file's format."""
    if out.suffix.lower() in VECTOR:
        return
    scale = images.BOX_SCALE if boxes else 1
    images.check_extent(out, *images.grid_size(n, scale * size[0], scale * size[1], columns=columns))


def save(
    out: Path, drawn: Sample, *, boxes: bool = False, animate: bool = False, columns: int | None = None, replace: bool = True
) -> None:
    """Saves a sample as one file: a grid of the pictures, or an animation of the drawing. `boxes` enlarges it and draws the model's
    windows; in a still picture, all steps stand side by side. Without `replace` an existing file is kept."""
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
        stages = [images.grid(frame, columns=columns) for frame in images.boxed(drawn)]
        if moving:
            images.save_animation(out, stages, replace=replace)
        else:
            images.save_image(out, images.grid(torch.stack(stages), gap_px=8), replace=replace)
    elif not moving:
        images.save_image(out, images.grid(drawn.images, columns=columns), replace=replace)
    elif drawn.frames is not None:
        images.save_animation(out, (images.grid(frame, columns=columns) for frame in drawn.frames(48)), replace=replace)
    else:
        raise ValueError(f"there is no animation of this model; choose one of {' '.join(images.STILL)}, without `animate`")

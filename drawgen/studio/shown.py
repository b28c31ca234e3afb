"""What models make, as JSON for the page: pictures as PNG, lines of a pen, strokes of a brush, windows; and whole files.

A drawing is one of:
- `frames` (PNG, one per stage) with `size` and, by name, `boxes` (left, top, right, bottom in pixels, one per step);
- `lines` (of a pen, each a list of points) with `frame` (left, top and side of the square that is shown);
- `svg`, strokes of a brush in the order in which they are painted.
"""

import base64
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from drawgen.studio.settings import TYPES, Photo
from drawgen.studio.uploads import Uploads

MODELS = 12
"""Models that a process keeps."""
STROKES_PX = 256
"""Side of the SVG of a drawing in strokes; it is drawn at any size."""


@lru_cache(MODELS)
def loaded(source: str) -> Any:
    """A shipped model, kept for the next question."""
    from drawgen.jobs.asking import load

    return load(source)


def picture(image: Any) -> str:
    """A picture (C H W in [0, 1]) as an address."""
    from drawgen import images

    return "data:image/png;base64," + base64.b64encode(images.png(image)).decode()


def drawings(drawn: Any) -> list[dict[str, Any]]:
    """The pictures of a `Drawn`, one by one."""
    from drawgen.strokes import pen_lines

    if drawn.lines is not None:
        return [{"lines": [line.tolist() for line in one.lines], "frame": list(pen_lines.frame_of(one))} for one in drawn.lines]
    if drawn.strokes is not None:
        return [{"svg": drawn.one(index).painting().svg(STROKES_PX, STROKES_PX)} for index in range(len(drawn.images))]
    height, width = drawn.images.shape[2:]
    stages = [drawn.images] if drawn.frames is None else list(drawn.frames(max(map(len, drawn.boxes.values()), default=1)))
    boxes = {name: each.transpose(0, 1).tolist() for name, each in drawn.boxes.items()}
    return [
        {
            "frames": [picture(stage[index]) for stage in stages],
            "size": [height, width],
            "boxes": {name: each[index] for name, each in boxes.items()},
        }
        for index in range(len(drawn.images))
    ]


def file(name: str, write: Callable[[Path], object]) -> dict[str, str]:
    """A file as the command line writes it: its name, its type, and its content in base64."""
    with tempfile.TemporaryDirectory(prefix="drawgen-") as folder:
        out = Path(folder) / name
        write(out)
        return {"name": name, "type": TYPES[out.suffix], "data": base64.b64encode(out.read_bytes()).decode()}


def photo_name(asked: Photo, folder: Path) -> tuple[str, str]:
    """A photograph as a name for the job functions, and the name that its owner knows. Raises ValueError for one that has gone."""
    try:
        path, name = Uploads(folder / "uploads").of(asked)
    except KeyError:
        raise ValueError("this photograph is no longer there; choose it again") from None
    return (f"photo:{name}" if path is None else str(path)), name

"""Classification of pictures by a trained model."""

from collections.abc import Sequence
from pathlib import Path

from drawgen import images
from drawgen.contract import Reads
from drawgen.jobs.answers import Labels, check_grid
from drawgen.jobs.asking import load
from drawgen.jobs.verbs import kinds_of, that_can
from drawgen.ranges import check_range


def read(
    source: str,
    paths: Sequence[str],
    out: Path | None = None,
    *,
    n: int = 1,
    boxes: bool = True,
    animate: bool = False,
    seed: int = 0,
    device: str = "cpu",
    force: bool = False,
) -> Labels:
    """The `n` most probable labels of each picture. `out` shows the model's glimpses, with its windows (`boxes`): a picture, or an
    animation by the same rule as in `sample`. Raises ImageError, ValueError."""
    check_range("n", n, at_least=1)
    reader = load(source, device=device)
    that_can(reader.model, Reads, source)
    if out is not None:
        images.check_output(out, force=force, kinds=kinds_of(Reads, animate=animate), sources=paths)
        check_grid(out, len(paths), reader.spec.picture[1:], boxes=boxes)
    found = reader.read(paths, n=n, seed=seed)
    if out is not None:
        found.looked_at.write(out, boxes=boxes and bool(found.looked_at.boxes), animate=animate, replace=force)
    return found

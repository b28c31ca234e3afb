"""Texts from a trained model."""

import itertools
from pathlib import Path

from drawgen import files, images, models
from drawgen.contract import Request
from drawgen.jobs.loading import that_can
from drawgen.jobs.reports import Reports
from drawgen.threads import threads

BETWEEN = "\n----\n"
"""Stands between two texts."""


@threads(1)
def write(source: str, request: Request, out: Path | None, *, device: str, force: bool, reports: Reports) -> None:
    """Texts into a file, or to `reports.writing`. On Ctrl-C the file holds what was written until then."""
    if out is not None:
        endings = {*images.STILL, *images.MOVING}
        if out.suffix.lower() in endings:
            raise ValueError(f"{source} writes text, and {out} is named as a picture; choose another ending, as .txt")
        images.check_output(out, force=force, kinds=[out.suffix.lower()])
    model = that_can(models.load(source, device=device), "write", source)
    written: list[str] = []
    symbols = 0
    try:
        for index in range(request.n):
            for piece in itertools.chain([BETWEEN] if index else [], model.write(request, index)):
                symbols += len(piece)
                if out is None:
                    if reports.writing is not None:
                        reports.writing(piece)
                    continue
                written.append(piece)
                if reports.drawing is not None:
                    reports.drawing(min(1.0, symbols / (request.n * request.length)))
    finally:
        if out is not None and written:
            files.write_output(out, "".join(written).encode(), replace=force)

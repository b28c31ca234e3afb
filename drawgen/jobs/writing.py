"""Texts from a trained model."""

from collections.abc import Iterator
from pathlib import Path

from drawgen import files, images
from drawgen.contract import Request, Writes
from drawgen.interrupts import Interrupted, signals
from drawgen.jobs.previews import BETWEEN
from drawgen.jobs.reports import Reports
from drawgen.threads import threads


@threads(1)
def write(model: Writes, source: str, request: Request, out: Path | None, *, force: bool, reports: Reports) -> None:
    """Samples texts into a file, or streams them to `reports.writing`. On Ctrl-C the file has the text so far. Raises ValueError,
    Interrupted."""
    if out is not None:
        endings = {*images.STILL, *images.MOVING}
        if out.suffix.lower() in endings:
            raise ValueError(f"{source} writes text, and {out} is named as a picture; choose another ending, as .txt")
        images.check_output(out, force=force, kinds=[out.suffix.lower()])
    written = bytearray()
    symbols, interrupt = 0, 0
    # Between two pieces there is time to stop: what is compiled must not be interrupted.
    with signals() as noted:
        try:
            for piece in pieces(model, request):
                symbols += len(piece)
                if out is not None:
                    written += piece.encode(errors="replace")
                    if reports.drawing is not None:
                        reports.drawing(min(1.0, symbols / (request.n * request.length)))
                elif reports.writing is not None:
                    reports.writing(piece)
                interrupt = noted()
                if interrupt:
                    break
        finally:
            if out is not None and written:
                files.write_output(out, bytes(written), replace=force)
    if interrupt:
        raise Interrupted(interrupt, "interrupted" if out is None else f"interrupted; {out} is what was written so far")


def pieces(model: Writes, request: Request) -> Iterator[str]:
    """Yields all texts piece by piece, with `BETWEEN` between them."""
    for index in range(request.n):
        yield from [BETWEEN] if index else []
        yield from (piece.text for piece in model.write(request, index))

"""Texts from a trained model."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from drawgen import images
from drawgen.contract import Piece, Request, Writes
from drawgen.interrupts import Interrupted, plainly, signals
from drawgen.jobs.answers import Passage, Passages
from drawgen.jobs.previews import BETWEEN
from drawgen.jobs.reports import Reports
from drawgen.threads import threads


def write(model: Writes, source: str, request: Request, out: Path | None, *, force: bool, reports: Reports) -> None:
    """Samples texts into a file, or streams them to `reports.writing`. On Ctrl-C the file has the text so far. Raises ValueError,
    Interrupted."""
    passages = Passages()
    if out is None:
        write_into(passages, model, request, replace(reports, drawing=None))
        return
    endings = {*images.STILL, *images.MOVING}
    if out.suffix.lower() in endings:
        raise ValueError(f"{source} writes text, and {out} is named as a picture; choose another ending, as .txt")
    images.check_output(out, force=force, kinds=[out.suffix.lower()])
    try:
        write_into(passages, model, request, replace(reports, writing=None))
    except Interrupted as stop:
        raise Interrupted(stop.number, f"interrupted; {out} is what was written so far", passages) from None
    finally:
        if passages:
            passages.write(out, replace=force)


@threads(1)
def write_into(passages: Passages, model: Writes, request: Request, reports: Reports) -> None:
    """Samples all texts of a request into `passages`; if interrupted, with the last text so far. Raises ValueError, Interrupted."""
    symbols = interrupt = 0
    # Between two pieces there is time to stop: what is compiled must not be interrupted.
    with signals() as noted, closing(pieces(passages, model, request)) as coming:
        for piece in coming:
            symbols += len(piece)
            if reports.writing is not None:
                reports.writing(piece)
            if reports.drawing is not None:
                reports.drawing(min(1.0, symbols / (request.n * request.length)))
            interrupt = noted()
            if interrupt:
                break
    if interrupt:
        raise Interrupted(interrupt, "interrupted", passages)


def pieces(passages: Passages, model: Writes, request: Request) -> Generator[str]:
    """Yields all texts piece by piece, with `BETWEEN` between them; each is added to `passages` when it ends, or when this is
    closed."""
    for index in range(request.n):
        yield from [BETWEEN] if index else []
        written: list[Piece] = []
        try:
            for piece in model.write(request, index):
                written.append(piece)
                yield piece.text
        finally:
            if written:
                passages.append(Passage("".join(p.text for p in written), sum(p.log_prob for p in written)))


def stream(model: Writes, request: Request) -> Iterator[Piece]:
    """Yields the pieces of the first text; between two pieces the process is in its original state."""
    coming = iter(model.write(request, 0))
    while True:
        with threads(1), plainly():
            piece = next(coming, None)
        if piece is None:
            return
        yield piece

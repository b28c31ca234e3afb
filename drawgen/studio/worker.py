"""Long work in a process of its own: `python -m drawgen.studio.worker`.

It loads what jobs need, waits for one line with the folder of a job, does the job, and ends. Events go to standard output, a JSON
object per line. SIGTERM is what Ctrl-C is at the command line: the result so far is kept. If the server dies, standard input ends;
the job is then interrupted and left as running, so that the next server goes on with it.
"""

import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from drawgen import files
from drawgen.interrupts import Interrupted
from drawgen.studio import settings, tabs

EVENTS, STATUS, REQUEST = "events.jsonl", "status.json", "request.json"
NICE = 10
"""The page is answered before a job goes on."""
WAIT_S = 30.0
"""How long a job waits for the process of a killed server to let go of its folder."""


class Teller:
    """Writes events to a pipe; messages and points of the curve also to the job's folder."""

    def __init__(self, pipe: BinaryIO, folder: Path) -> None:
        self.pipe, self.file = pipe, folder / EVENTS
        self.lock = threading.Lock()

    def __call__(self, **event: Any) -> None:
        data = settings.line(event)
        with self.lock, suppress(OSError):  # the server has gone
            self.pipe.write(data)
            self.pipe.flush()
        if event.keys() & {"message", "point"}:
            with self.lock, suppress(OSError), open(self.file, "ab") as file:
                file.write(data)


def write_status(folder: Path, **status: Any) -> None:
    files.write_atomically(folder / STATUS, json.dumps(status).encode())


def do(folder: Path, *, resume: bool, pipe: BinaryIO) -> None:
    """Does the job of a folder, and writes how it ended."""
    tell = Teller(pipe, folder)
    request = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    task = tabs.jobs()[request["kind"]]
    asked = task.settings(**request["settings"])
    work = settings.Work(folder, resume=resume, photo=request.get("photo", ""), tell=tell)

    def watch() -> None:
        os.read(0, 1)  # returns when the server closes it, or dies
        work.abandoned = True
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()

    def plain(text: str) -> str:
        shown = text.replace(f"{folder}{os.sep}", "")
        return settings.sentence(shown.replace(request.get("photo") or "\0", request.get("photo_name") or "the photograph"))

    began = time.monotonic()
    try:
        task.function(asked, work)
        state, said = "done", ""
    except KeyboardInterrupt as stop:
        if work.abandoned:
            return
        state, said = "stopped", str(stop) if isinstance(stop, Interrupted) else "stopped before there was anything to keep"
    except Exception as error:
        state, said = "failed", settings.told(error)
    with suppress(files.StorageError):  # the server then says that the job has ended
        write_status(folder, state=state, sentence=plain(said) if said else "", seconds=round(time.monotonic() - began, 1))


def warm() -> None:
    """Imports what takes seconds, before there is a job."""
    import numba  # noqa: F401
    import skimage.feature  # noqa: F401

    import drawgen.jobs  # noqa: F401


def compiled() -> None:
    """Loads the compiled loops that a job begins with, or compiles them where the machine has not yet."""
    import torch

    from drawgen.contract import generator
    from drawgen.strokes.placing import Style, lay
    from drawgen.textures.quilting import quilt

    picture = torch.rand(3, 64, 64, generator=generator(0))
    quilt(picture, (96, 96), rng=generator(0))
    lay(picture, Style(strokes=1, detail_px=16), stop=lambda: True, rng=generator(0))


def main() -> None:
    """Waits for one job, and does it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no event
    if hasattr(os, "nice"):
        os.nice(NICE)
    warm()
    compiled()
    pipe.write(settings.line({"ready": True}))
    pipe.flush()
    first = sys.stdin.buffer.readline()
    if not first:
        return
    given = json.loads(first)
    folder = Path(given["folder"])
    until = time.monotonic() + WAIT_S
    while True:
        try:
            with files.locked(folder):
                do(folder, resume=given["resume"], pipe=pipe)
            return
        except ValueError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()

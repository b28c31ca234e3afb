"""Jobs as folders, and the queue in which they are done one at a time.

A job's folder holds `request.json` (what is asked), the photograph, `status.json` (how far it is), `events.jsonl` (messages and the
curve) and what it makes. A server that starts finds the jobs of the one before it: those that waited wait again, and the one that
was being done goes on.
"""

import asyncio
import json
import os
import secrets
import shutil
import signal
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drawgen import files
from drawgen.studio.processes import KILL, Child, Gone
from drawgen.studio.settings import TYPES
from drawgen.studio.worker import EVENTS, REQUEST, STATUS, write_status

QUEUED, RUNNING, STOPPING, DONE, STOPPED, FAILED = "queued", "running", "stopping", "done", "stopped", "failed"
OWN = {REQUEST, STATUS}
"""Files of a job that it may not."""
MESSAGES = 40
"""The last messages of a job that are shown."""


@dataclass
class Job:
    """A job: its folder, what is asked, and how far it is."""

    folder: Path
    kind: str
    tab: str
    title: str
    settings: dict[str, Any]
    created: float
    state: str = QUEUED
    sentence: str = ""
    resume: bool = False
    """Whether it goes on from where it was."""
    seconds: float = 0.0
    live: dict[str, Any] = field(default_factory=dict)
    """The last of each kind of number that its process told."""
    messages: list[str] = field(default_factory=list)
    curve: list[list[float]] = field(default_factory=list)
    """Pairs of the fraction done and bits per pixel."""

    @property
    def id(self) -> str:
        return self.folder.name

    @classmethod
    def read(cls, folder: Path) -> "Job":
        """The job in a folder. Raises OSError, ValueError, KeyError or TypeError for a folder that holds none."""
        request = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
        job = cls(folder, request["kind"], request["tab"], request["title"], request["settings"], float(request["created"]))
        job.read_status()
        with suppress(OSError):
            for data in files.read_bytes(folder / EVENTS, 1 << 24).splitlines():
                with suppress(ValueError):  # a line that a kill cut short
                    job.hear(json.loads(data))
        return job

    def read_status(self) -> None:
        """What the file says; a job without one waits."""
        with suppress(OSError, ValueError):
            found = json.loads((self.folder / STATUS).read_text(encoding="utf-8"))
            self.state, self.sentence = str(found["state"]), str(found["sentence"])
            self.seconds, self.resume = float(found.get("seconds", 0.0)), bool(found.get("resume"))

    def become(self, state: str, sentence: str = "") -> None:
        self.state, self.sentence = state, sentence
        with suppress(files.StorageError):  # a full disk: the page is told all the same
            write_status(self.folder, state=state, sentence=sentence, resume=self.resume, seconds=self.seconds)

    def hear(self, event: dict[str, Any]) -> None:
        """Notes what its process tells."""
        if "message" in event:
            self.messages = [*self.messages, str(event["message"])][-MESSAGES:]
        if "point" in event:
            share, bits = event["point"]
            self.curve = [point for point in self.curve if point[0] < share] + [[share, bits]]
        self.live |= {name: value for name, value in event.items() if name not in ("message", "point")}

    def files(self) -> dict[str, int]:
        """Names of the files that the page may have, with a number that changes with their content."""
        found = {}
        with suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                if Path(entry.name).suffix in TYPES and entry.name not in OWN and entry.is_file(follow_symlinks=False):
                    found[entry.name] = entry.stat().st_mtime_ns // 1_000_000
        return found

    def file(self, name: str) -> Path:
        """One of them. Raises KeyError for any other name."""
        path = self.folder / name
        if name not in self.files() or not stat.S_ISREG(path.lstat().st_mode):
            raise KeyError(name)
        return path

    def described(self) -> dict[str, Any]:
        """What the page knows of it."""
        shown = ("id", "kind", "tab", "title", "settings", "created", "state", "sentence", "seconds", "messages", "curve", "live")
        return {**{name: getattr(self, name) for name in shown}, "files": self.files()}


class JobQueue:
    """All jobs of a folder. One at a time is done."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs: dict[str, Job] = {}
        self.listeners: set[asyncio.Queue[dict[str, Any]]] = set()
        self.wake = asyncio.Event()
        self.now: tuple[Job, Child] | None = None
        self.spare: Child | None = None
        self.ending = False

    # ---------------------------------------------------------------- what the page asks

    def find(self, name: str) -> Job:
        """Raises KeyError."""
        return self.jobs[name]

    def put(self, kind: str, tab: str, title: str, settings: dict[str, Any], photo: Path | None, photo_name: str) -> Job:
        """A new job at the end of the queue, with a photograph of its own. Raises StorageError."""
        created = time.time()
        name = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(created))}-{kind}-{secrets.token_hex(3)}"
        folder = self.folder / name
        own = f"photo{photo.suffix}" if photo is not None else ""
        request = {
            "kind": kind, "tab": tab, "title": title, "settings": settings, "created": created, "photo": own,
            "photo_name": photo_name,
        }  # fmt: skip
        try:
            folder.mkdir(parents=True)
            if photo is not None:
                try:
                    os.link(photo, folder / own)
                except OSError:  # a disk without links
                    shutil.copyfile(photo, folder / own)
            files.write_atomically(folder / REQUEST, json.dumps(request).encode())
            write_status(folder, state=QUEUED, sentence="")
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, files.StorageError):
                raise
            raise files.StorageError(f"the job could not be kept ({files.reason(error)})") from error
        job = Job(folder, kind, tab, title, settings, created)
        self.jobs[name] = job
        self.tell_state(job)
        self.wake.set()
        return job

    def stop(self, job: Job) -> None:
        """Interrupts a job, which keeps the result so far; a second time, ends its process. A waiting job leaves the queue."""
        if job.state == QUEUED:
            job.become(STOPPED, "Taken out of the queue.")
        elif self.now is not None and self.now[0] is job:
            child = self.now[1]
            child.signal(signal.SIGTERM if job.state == RUNNING else KILL)
            job.state = STOPPING  # on the disk it is running, until its process has said how it ended
        self.tell_state(job)

    def go_on(self, job: Job) -> None:
        """Puts a job that has ended early into the queue again."""
        if job.state in (STOPPED, FAILED):
            job.resume = True
            job.become(QUEUED)
            self.tell_state(job)
            self.wake.set()

    def delete(self, job: Job) -> None:
        """Removes a job that is not being done, and its folder."""
        if job.state in (RUNNING, STOPPING):
            raise ValueError("The job is being done; stop it first.")
        shutil.rmtree(job.folder, ignore_errors=True)
        del self.jobs[job.id]
        self.tell({"gone": job.id})

    # ---------------------------------------------------------------- who listens

    def tell(self, event: dict[str, Any]) -> None:
        for listener in self.listeners:
            listener.put_nowait(event)

    def tell_state(self, job: Job) -> None:
        self.tell({"job": job.described()})

    # ---------------------------------------------------------------- the work

    def recover(self) -> None:
        """Finds the jobs of earlier servers."""
        for folder in sorted(path for path in self.folder.glob("*/") if not path.is_symlink()):
            with suppress(OSError, ValueError, KeyError, TypeError):
                job = Job.read(folder)
                if job.state in (RUNNING, STOPPING):
                    job.resume = True
                    job.become(QUEUED)
                self.jobs[job.id] = job

    def waiting(self) -> Iterator[Job]:
        return (job for job in sorted(self.jobs.values(), key=lambda job: job.created) if job.state == QUEUED)

    async def run(self) -> None:
        """Does one job after another, until `end`."""
        log = self.folder.parent / "worker.log"
        while not self.ending:
            if self.spare is None:
                self.spare = await Child.start("worker", log=log)  # warm before it is needed
                continue
            job = next(self.waiting(), None)
            if job is None:
                self.wake.clear()
                await self.wake.wait()
                continue
            child, self.spare = self.spare, None
            self.now = job, child
            await self.do(job, child)
            self.now = None
        if self.spare is not None:
            await self.spare.end()

    async def do(self, job: Job, child: Child) -> None:
        """One job, in a process that waits for it."""
        job.live = {}
        job.become(RUNNING)
        self.tell_state(job)
        with suppress(Gone):
            await child.send({"folder": str(job.folder), "resume": job.resume})
            async for event in child.lines():
                if "ready" not in event:
                    job.hear(event)
                    self.tell({"id": job.id, "event": event})
        await child.end()
        if self.ending:
            return
        wanted = job.state == STOPPING
        job.read_status()
        if job.state == RUNNING:  # its process could not say how it ended
            code = child.process.returncode or 0
            if wanted:
                job.become(STOPPED, "Stopped at once.")
            else:
                how = (
                    f"by signal {-code}, perhaps for lack of memory"
                    if code < 0
                    else f"with exit code {code}; worker.log has the details"
                )
                job.become(FAILED, f"The process that did the work has ended {how}.")
        self.tell_state(job)

    async def end(self) -> None:
        """Interrupts the job that is being done; it stays marked as running, so that the next server goes on with it."""
        self.ending = True
        self.wake.set()
        if self.now is not None:
            await self.now[1].end()

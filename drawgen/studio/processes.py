"""The processes that do the work, from the server's side."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from drawgen.studio import settings

LONGEST_LINE = 1 << 26
LONGEST_S = 180.0
"""An answer that takes longer is given up."""
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # which Windows has not
GRACE_S = 20.0
"""How long a process may take to save its work when the server ends."""


class Gone(Exception):
    """The process has ended without an answer."""


class Child:
    """A process of this package that reads and writes a JSON object per line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, module: str, *words: str, log: Path) -> "Child":
        with open(log, "ab") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", f"drawgen.studio.{module}", *words,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors,
                limit=LONGEST_LINE, start_new_session=True,
            )  # fmt: skip  # a session of its own: Ctrl-C at the terminal is for the server, which then decides
        return cls(process)

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def send(self, facts: dict[str, Any]) -> None:
        """Raises Gone."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(settings.line(facts))
            await self.process.stdin.drain()
        except OSError as error:
            raise Gone from error

    async def lines(self) -> AsyncIterator[dict[str, Any]]:
        """What it writes, until it ends."""
        assert self.process.stdout is not None
        while data := await self.process.stdout.readline():
            yield json.loads(data)

    async def hear(self) -> dict[str, Any]:
        """Its next line. Raises Gone."""
        async for facts in self.lines():
            return facts
        raise Gone

    def signal(self, number: int) -> None:
        if self.alive:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)

    async def end(self, seconds: float = GRACE_S) -> None:
        """Closes its standard input, on which it ends; kills it if it does not."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        with suppress(OSError):
            await self.process.stdin.wait_closed()
        try:
            await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            self.signal(KILL)
            await self.process.wait()


class Answerers:
    """Warm processes for short work: one, and another from when the first was busy."""

    def __init__(self, folder: Path, *, most: int = 2) -> None:
        self.folder, self.most = folder, most
        self.idle: asyncio.Queue[Child] = asyncio.Queue()
        self.all: set[Child] = set()
        self.starting: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Starts one more, which is ready some seconds later."""
        task = asyncio.create_task(self.warmed())
        self.starting.add(task)
        task.add_done_callback(self.starting.discard)

    async def warmed(self) -> None:
        child = await Child.start("answering", str(self.folder), log=self.folder / "worker.log")
        self.all.add(child)
        with suppress(Gone):  # which the next question sees
            await child.hear()
        self.idle.put_nowait(child)

    async def ask(self, name: str, given: dict[str, Any]) -> Any:
        """The answer. Raises ValueError with a sentence."""
        if self.idle.empty() and len(self.all) + len(self.starting) < self.most:
            self.start()
        child, found = await self.idle.get(), None
        try:
            await child.send({"ask": name, "settings": given})
            found = await asyncio.wait_for(child.hear(), LONGEST_S)
        except (Gone, TimeoutError) as error:
            why = "took too long" if isinstance(error, TimeoutError) else "ended, perhaps for lack of memory"
            raise ValueError(f"The process that answers {why}; try again, with a smaller picture.") from error
        finally:
            if found is not None:
                self.idle.put_nowait(child)
            else:  # it gave no answer, or nobody waits for it any more
                self.all.discard(child)
                child.signal(KILL)
                await child.end(0)
        if "refused" in found:
            raise ValueError(found["refused"])
        return found["answer"]

    def kill(self) -> None:
        for child in self.all:
            child.signal(KILL)

    async def end(self) -> None:
        for task in list(self.starting):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self.kill()
        for child in list(self.all):
            await child.end(0)

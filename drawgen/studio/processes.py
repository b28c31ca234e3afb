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
            self.signal(getattr(signal, "SIGKILL", signal.SIGTERM))
            await self.process.wait()


class Answerers:
    """Warm processes for short work: one, and another while the first is busy."""

    def __init__(self, folder: Path, *, most: int = 2) -> None:
        self.folder = folder
        self.room = asyncio.Semaphore(most)
        self.idle: list[Child] = []
        self.all: list[Child] = []

    async def start(self) -> None:
        """Starts the first one, which is warm some seconds later."""
        self.idle.append(await self.one())

    async def one(self) -> Child:
        child = await Child.start("answering", str(self.folder), log=self.folder / "worker.log")
        self.all.append(child)
        return child

    async def ask(self, name: str, given: dict[str, Any]) -> Any:
        """The answer. Raises ValueError with a sentence."""
        async with self.room:
            self.idle = [child for child in self.idle if child.alive]
            child = self.idle.pop() if self.idle else await self.one()
            try:
                found = await asyncio.wait_for(self.asked(child, name, given), LONGEST_S)
            except (Gone, TimeoutError, asyncio.CancelledError) as error:
                self.all.remove(child)
                child.signal(getattr(signal, "SIGKILL", signal.SIGTERM))
                await child.end(0)
                if isinstance(error, asyncio.CancelledError):
                    raise
                why = "took too long" if isinstance(error, TimeoutError) else "ended, perhaps for lack of memory"
                raise ValueError(f"The process that answers {why}; try again, with a smaller picture.") from error
            self.idle.append(child)
        if "refused" in found:
            raise ValueError(found["refused"])
        return found["answer"]

    async def asked(self, child: Child, name: str, given: dict[str, Any]) -> dict[str, Any]:
        await child.send({"ask": name, "settings": given})
        while "ready" in (found := await child.hear()):
            pass
        return found

    async def end(self) -> None:
        for child in self.all:
            child.signal(signal.SIGTERM)
            await child.end(2)

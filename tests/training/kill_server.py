"""Trains a toy again and again, in processes forked from this one, which imports torch once; each dies at another file operation.

Called as `kill_server.py FOLDER TOY...`; prints one JSON object: what differs, between a run that was left alone and each of
the others, killed or damaged and resumed.
"""

import hashlib
import json
import logging
import os
import shutil
import signal
import stat
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent.parent))

import toys

from drawgen import checkpoint
from drawgen.interrupts import Interrupted
from drawgen.training import Fit, fit, run_folder

SETTINGS = Fit(steps=4, rate=0.05, warmup=1, log_steps=2, valid_steps=2, device="cpu", save_minutes=0.0)
TOYS = {"line": (toys.Line, toys.Table), "duel": (toys.Duel, toys.Table), "chain": (toys.Chain, toys.Tape)}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
KILLED, BROKEN = 9, 70


def train(toy: str, folder: Path, *, seed: int = 0, hook: Callable[[int], None] | None = None) -> None:
    """Goes on from what is in `folder`, if anything is."""
    model, data = TOYS[toy]
    fit(model(seed=seed), data(hook=hook), SETTINGS, folder, resume=True)


# ---------------------------------------------------------------- how a run ended


def digest(value: Any) -> str:
    """A hash of plain values and tensors, to the bit."""
    sums = hashlib.sha256()

    def add(value: Any) -> None:
        if isinstance(value, torch.Tensor):
            sums.update(f"{value.dtype}{tuple(value.shape)}".encode() + value.contiguous().numpy().tobytes())
        elif isinstance(value, dict):
            for key in sorted(value, key=str):
                sums.update(f"{{{key}".encode())
                add(value[key])
        elif isinstance(value, (list, tuple)):
            sums.update(f"[{len(value)}".encode())
            for item in value:
                add(item)
        else:
            sums.update(repr(value).encode())

    add(value)
    return sums.hexdigest()


def ending(folder: Path) -> dict[str, str]:
    """Hashes of the weights, of every part of the training state and of the metrics; all but the seconds."""
    packed = checkpoint.read_state(checkpoint.states(folder)[0])
    metrics = folder / "metrics.jsonl"
    lines = [json.loads(line) for line in metrics.read_text().splitlines()] if metrics.exists() else []
    return {
        "weights": hashlib.sha256((folder / checkpoint.WEIGHTS).read_bytes()).hexdigest(),
        "metrics": digest([{name: value for name, value in line.items() if name != "seconds"} for line in lines]),
        "files": digest(sorted(path.name for path in folder.iterdir())),
        **{part: digest(value) for part, value in packed.items() if part != "seconds"},
    }


def differences(folder: Path, status: int, expected: dict[str, str]) -> list[str]:
    """The parts in which a run, whose process ended with `status`, is not as expected."""
    found = ending(folder) if status == 0 else {}
    return [part for part in expected if found.get(part) != expected[part]]


# ---------------------------------------------------------------- dying


def watch(folder: Path, act: Callable[[str, Path | int], None]) -> None:
    """Calls `act(operation, path or file handle)` before every operation that changes a file under `folder`."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            changes = any(letter in (arguments[1] or "") for letter in "wax+") or arguments[2] & WRITING
        else:
            changes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
        if changes and isinstance(arguments[0], (str, bytes, os.PathLike)):
            path = Path(os.fsdecode(arguments[0]))
            if path.is_relative_to(folder):
                act("append" if event == "open" and arguments[1] == "a" and path.name == "metrics.jsonl" else event, path)

    sys.addaudithook(hook)
    # The system keeps what a dead process has written, so nothing need really be flushed, which takes most of the time:
    os.fsync = lambda handle: act("flush folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "flush", handle)


def die_at(number: int, *, torn: bool) -> Callable[[str, Path | int], None]:
    """Kills the process before operation `number`; `torn` leaves what was being written half written."""
    done = [0]

    def act(operation: str, where: Path | int) -> None:
        done[0] += 1
        if done[0] != number:
            return
        if torn and operation == "flush":
            os.ftruncate(where, os.fstat(where).st_size // 2)
        elif torn:
            with open(where, "a") as file:
                file.write('{"step": 2, "lo')
        os._exit(KILLED)

    return act


def forked(action: Callable[[], Any]) -> int:
    """Runs `action` in a process of its own; its exit status."""
    child = os.fork()
    if not child:
        try:
            action()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(BROKEN)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def operations(toy: str, folder: Path) -> list[str]:
    """The file operations of a run that is left alone."""
    listed = folder.with_suffix(".json")

    def action() -> None:
        done: list[str] = []
        watch(folder, lambda operation, where: done.append(operation))
        train(toy, folder)
        listed.write_text(json.dumps(done))

    if forked(action) != 0:
        raise RuntimeError("the run that is left alone fails")
    found: list[str] = json.loads(listed.read_text())
    return found


def killed_everywhere(toy: str, room: Path) -> dict[str, Any]:
    """For each operation: the exit status of the killed run, the states that it left, and what differs after resuming."""
    room.mkdir()
    listed = operations(toy, room / "whole")
    expected = ending(room / "whole")
    cases = [(number, False) for number in range(1, len(listed) + 1)]
    cases += [(number, True) for number, name in enumerate(listed, start=1) if name in ("flush", "append")]
    answer: dict[str, Any] = {}
    for number, torn in cases:
        folder = room / "killed"

        def killed(folder: Path = folder, number: int = number, torn: bool = torn) -> None:
            watch(folder, die_at(number, torn=torn))
            train(toy, folder)

        status = forked(killed)
        kept = len(checkpoint.states(folder))
        resumed = forked(lambda folder=folder, kept=kept: train(toy, folder, seed=1 if kept else 0))
        name = f"{number} {listed[number - 1]}{' torn' if torn else ''}"
        answer[name] = {"status": status, "kept": kept, "differs": differences(folder, resumed, expected)}
        shutil.rmtree(folder)
    return answer


def replaced_everywhere(toy: str, room: Path) -> dict[str, Any]:
    """A run that replaces another, killed at each of its file operations. For each: whose run the folder holds then, and what
    differs from it; of the new one after it was resumed."""
    model, data = TOYS[toy]
    room.mkdir()

    def replacing(folder: Path) -> None:
        fit(model(seed=2), data(), SETTINGS, folder, replace=True)

    def before(folder: Path) -> None:
        fit(model(seed=3), data(), replace(SETTINGS, steps=3), folder)

    if forked(lambda: before(room / "old")):
        raise RuntimeError("the old run fails")
    shutil.copytree(room / "old", room / "whole")
    done = room / "operations.json"

    def listing() -> None:
        found: list[str] = []
        watch(room / "whole", lambda operation, where: found.append(operation))
        replacing(room / "whole")
        done.write_text(json.dumps(found))

    if forked(listing):
        raise RuntimeError("the run that replaces it fails")
    old, new = ending(room / "old"), ending(room / "whole")
    answer: dict[str, Any] = {}
    for number, operation in enumerate(json.loads(done.read_text()), start=1):
        folder = room / "killed"
        shutil.copytree(room / "old", folder)

        def killed(folder: Path = folder, number: int = number) -> None:
            watch(folder, die_at(number, torn=False))
            replacing(folder)

        status = forked(killed)
        run_folder.mend(folder)
        holds = "old" if differences(folder, 0, old) == [] else "new"
        if holds == "new":
            status = status if forked(lambda folder=folder: train(toy, folder, seed=1)) == 0 else BROKEN
        answer[f"{number} {operation}"] = {
            "status": status, "holds": holds, "differs": differences(folder, 0, old if holds == "old" else new)
        }  # fmt: skip
        shutil.rmtree(folder)
    return answer


# ---------------------------------------------------------------- damage


def drop(packed: dict[str, Any], part: str) -> None:
    """Loses one piece of a training state."""
    blank: dict[str, Any] = {
        "step": packed["step"] - 1,
        "model": packed["averaged"],
        "averaged": packed["model"],
        "optimisers": {name: {} for name in packed["optimisers"]},
        "carried": [{} for _ in packed["carried"]],
        "meters": [{} for _ in packed["meters"]],
    }
    packed[part] = blank[part]


def damaged(toy: str, room: Path) -> dict[str, Any]:
    """What differs at the end where the newest state is damaged as a file, or lacks a piece of what it should hold."""
    whole, cut = room / "whole", room / "cut"

    def interrupted() -> None:
        def hook(step: int) -> None:
            if step == 2:
                os.kill(os.getpid(), signal.SIGTERM)

        try:
            train(toy, cut, hook=hook)
        except Interrupted:
            return
        raise RuntimeError("the signal was not heard")

    answer: dict[str, Any] = {}
    if forked(lambda: train(toy, whole)) or forked(interrupted):
        raise RuntimeError("the run that is left alone, or interrupted, fails")
    expected = ending(whole)

    def resumed(name: str, change: Callable[[Path], object]) -> None:
        folder = room / name
        shutil.copytree(cut, folder)
        change(checkpoint.states(folder)[0])
        answer[name] = differences(folder, forked(lambda: train(toy, folder, seed=1)), expected)

    def flip(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)

    def without(part: str) -> Callable[[Path], object]:
        def change(path: Path) -> None:
            packed = checkpoint.read_state(path)
            drop(packed, part)
            step = int(path.stem.removeprefix("state-"))
            checkpoint.write_state(path.parent, step, packed)

        return change

    resumed("untouched", lambda path: None)
    resumed("truncated", lambda path: os.truncate(path, path.stat().st_size // 2))
    resumed("flipped", flip)
    resumed("empty", lambda path: path.write_bytes(b""))
    for part in ("step", "model", "averaged", "optimisers", "carried", "meters"):
        resumed(f"without {part}", without(part))
    return answer


if __name__ == "__main__":
    torch.set_num_threads(1)
    room, chosen = Path(sys.argv[1]), sys.argv[2:]
    room.mkdir(parents=True, exist_ok=True)
    os.fsync = lambda handle: None
    train("line", room / "warm")  # imports what is imported late
    logging.disable()
    answer = {toy: killed_everywhere(toy, room / toy) for toy in chosen}
    answer["replaced"] = replaced_everywhere("line", room / "replaced")
    json.dump(answer | {"damaged": damaged("chain", room / "damaged")}, sys.stdout)

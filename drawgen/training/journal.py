"""The log of a run: `metrics.jsonl`, one object per line, and TensorBoard's files on request."""

import json
import math
from pathlib import Path
from typing import Any

from drawgen import checkpoint, files
from drawgen.training.run_folder import METRICS


class Journal:
    """Writes `metrics.jsonl`, one object per line, and TensorBoard's files on request."""

    def __init__(self, folder: Path, *, step: int, finished: bool, tensorboard: bool) -> None:
        self.path = folder / METRICS
        self.keep_until(step, finished=finished)
        self.tensorboard = tensorboard
        self.board = self.open_board(step)

    def open_board(self, step: int) -> Any:
        if not self.tensorboard:
            return None
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(self.path.parent), purge_step=step + 1)  # type: ignore[no-untyped-call]

    def move(self, folder: Path, step: int) -> None:
        """Continues in another folder, after the files have been moved there."""
        self.close()
        self.path = folder / METRICS
        self.board = self.open_board(step)

    def keep_until(self, step: int, *, finished: bool) -> None:
        """Drops the lines that a killed run wrote after its last checkpoint, the final scores (a finished run measures them again),
        and damaged lines. Raises CheckpointError if the file cannot be read."""
        try:
            lines = files.read_bytes(self.path).splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            raise checkpoint.CheckpointError(f"{self.path} cannot be read ({files.reason(error)}); move it away") from error
        kept = []
        for line in lines:
            try:
                numbers = json.loads(line)
                again = finished and numbers["step"] == step and any(name.startswith("valid/") for name in numbers)
                if numbers["step"] <= step and not again:
                    kept.append(line + b"\n")
            except (ValueError, KeyError, TypeError, RecursionError):
                continue  # the line that the kill cut short
        files.write_atomically(self.path, b"".join(kept))

    def write(self, numbers: dict[str, float]) -> None:
        plain = {name: number if math.isfinite(number) else None for name, number in numbers.items()}  # JSON knows no NaN
        try:
            with open(self.path, "a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(plain) + "\n")
        except OSError as error:
            raise files.StorageError(f"{self.path} could not be written ({files.reason(error)})") from error
        if self.board is not None:
            for name, value in numbers.items():
                if name != "step":
                    self.board.add_scalar(name, value, int(numbers["step"]))

    def close(self) -> None:
        if self.board is not None:
            self.board.close()


def lines_of(file: Path) -> list[dict[str, Any]]:
    """The lines of a run's log, without damaged ones; None for numbers that were not finite. Empty if there is no file."""
    try:
        lines = files.read_bytes(file).splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            numbers = {name: value for name, value in row.items() if value is None or isinstance(value, (int, float))}
            found.append(numbers)
    return found


def check_tensorboard() -> None:
    """Raises ValueError where its files cannot be written."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError as error:
        raise ValueError("fit.tensorboard needs the extra `tensorboard`: pip install 'drawgen[tensorboard]'") from error

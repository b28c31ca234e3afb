"""What a run writes down as it goes: `metrics.jsonl`, one object a line, and TensorBoard's files where they were asked for."""

import json
import math
from pathlib import Path

from drawgen import files


class Journal:
    """`metrics.jsonl`, one object a line, and TensorBoard's files where they were asked for."""

    def __init__(self, folder: Path, *, step: int, finished: bool, tensorboard: bool) -> None:
        self.path = folder / "metrics.jsonl"
        self.keep_until(step, finished=finished)
        self.board = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise ValueError("fit.tensorboard needs the extra `tensorboard`: pip install 'drawgen[tensorboard]'") from error
            self.board = SummaryWriter(str(folder), purge_step=step + 1)  # type: ignore[no-untyped-call]

    def keep_until(self, step: int, *, finished: bool) -> None:
        """Drops what a killed run wrote after its last checkpoint, and the last scores, which a finished run measures again."""
        if not self.path.exists():
            return
        kept = []
        for line in self.path.read_text().splitlines():
            try:
                numbers = json.loads(line)
                again = finished and numbers["step"] == step and any(name.startswith("valid/") for name in numbers)
                if numbers["step"] <= step and not again:
                    kept.append(line + "\n")
            except (ValueError, KeyError, TypeError):
                continue  # the line that the kill cut short
        files.write_atomically(self.path, "".join(kept).encode())

    def write(self, numbers: dict[str, float]) -> None:
        plain = {name: number if math.isfinite(number) else None for name, number in numbers.items()}  # JSON knows no NaN
        try:
            with open(self.path, "a") as file:
                file.write(json.dumps(plain) + "\n")
        except OSError as error:
            raise files.StorageError(f"{self.path} could not be written ({files.reason(error)})") from error
        if self.board is not None:
            for name, value in numbers.items():
                if name != "step":
                    self.board.add_scalar(name, value, int(numbers["step"]))  # type: ignore[no-untyped-call]

    def close(self) -> None:
        if self.board is not None:
            self.board.close()  # type: ignore[no-untyped-call]

"""A painting between two steps, as a file: killed there, it goes on to the same strokes.

Axes: S strokes.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from drawgen.files import read_bytes, write_atomically

LARGEST = 1 << 24
"""Largest size of a file, in bytes: twice that of the most strokes."""


@dataclass(frozen=True)
class Unfinished:
    """Where the optimisation of strokes is (`placing.laid`)."""

    round: int
    step: int
    """Steps of the round that are done."""
    moves: int
    """How often strokes have been replaced in it."""
    share: float
    """The fraction done when the round began."""
    seconds: tuple[float, float]
    """Since the start, and since the start of the round."""
    strokes: Float[Tensor, "S 37"]
    """Their numbers, Adam's averages of the gradient and its square, and their ages, side by side."""
    random: UInt8[Tensor, " R"]
    """The state of the generator."""

    def write(self, file: Path, digest: str) -> None:
        """Writes the file; `digest` names the photograph and the settings. Raises StorageError."""
        counts = torch.tensor([self.round, self.step, self.moves])
        times = torch.tensor([self.share, *self.seconds], dtype=torch.float64)
        tensors = {"counts": counts, "times": times, "strokes": self.strokes.contiguous(), "random": self.random}
        write_atomically(file, save(tensors, {"digest": digest}))

    @classmethod
    def read(cls, file: Path, digest: str) -> "Unfinished | None":
        """What a file holds; None if there is none, if it is damaged, or of another painting."""
        try:
            data = read_bytes(file, LARGEST)
            if f'"digest":"{digest}"'.encode() not in data[: int.from_bytes(data[:8], "little") + 8]:
                return None
            found = load(data)
            round_, step, moves = found["counts"].tolist()
            share, *seconds = found["times"].tolist()
            return cls(round_, step, moves, share, (seconds[0], seconds[1]), found["strokes"], found["random"])
        except (OSError, SafetensorError, KeyError, ValueError, IndexError):
            return None

"""Characters of several alphabets as strokes of a pen, from Omniglot's archives, labelled by the alphabet.

Axes: N points of a line, T rows of a drawing.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from drawgen.contract import SPLITS, Spec, check_split, generator
from drawgen.data.digests import of_files
from drawgen.data.labelled import LabelledBatch, padded, shuffled_by_length
from drawgen.data.pen_rows import rows_of
from drawgen.data.pictures import DataError
from drawgen.data.strokes import Omniglot
from drawgen.files import files_in, is_folder
from drawgen.ranges import check_fields, check_range

GIVE = "give Omniglot's published archives strokes_background*.zip, or their folder"


class Character(NamedTuple):
    """A drawing of a character."""

    alphabet: str
    character: str
    lines: tuple[Float32[np.ndarray, "_ 2"], ...]


@dataclass(frozen=True, kw_only=True)
class Alphabets:
    """The strokes of Omniglot's characters with their alphabets. Whole characters are held out, with the drawings of all people:
    what is measured is whether a new character is recognised as one of its alphabet."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    path: str = "omniglot"
    """An archive strokes*.zip, or the folder of such archives."""
    batch: int = 64
    """Drawings in a batch, of like length."""
    every: int = 5
    """Every how manieth character of an alphabet is held out; 0 holds out none."""
    fold: int = 0
    """The number, below `every`, of the first character of an alphabet that is held out."""
    turned: float = 0.15
    """Standard deviation, in radians, of the rotation of a training drawing."""
    stretched: float = 0.25
    """Standard deviation of the logarithms of its scales across and down, and of its shear."""
    jitter: float = 0.06
    """Standard deviation of the displacement of each of its strokes, as a fraction of its longer side."""
    classes: tuple[str, ...] = ()
    """The alphabets, in order of their numbers; by default those of the files."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "batch", at_least=1)
        check_fields(self, "data", "every", "turned", "stretched", "jitter", at_least=0)
        check_range("data.fold", self.fold, at_least=0, below=max(self.every, 1))

    def paths(self) -> list[Path]:
        path = Path(self.path)
        if not is_folder(path):
            return [path]
        found = [file for file in files_in(path, {".zip"}) if file.name.startswith("strokes")]
        if not found:
            raise DataError(f"the folder {path} has no archive strokes*.zip; {GIVE}")
        return found

    @cached_property
    def characters(self) -> list[Character]:
        """All drawings; what cannot be read is recorded in `problems`. Raises DataError."""
        found: dict[tuple[str, ...], Character] = {}
        for path in self.paths():
            drawings = Omniglot(path)
            for index, name in enumerate(drawings.names):
                key = tuple(name.split("/")[-3:])  # the published archives share alphabets
                if len(key) < 3:
                    raise DataError(f"{drawings.source(index)} is not ALPHABET/CHARACTER/FILE; {GIVE}")
                if key in found:
                    continue
                try:
                    found[key] = Character(key[0], key[1], drawings.read(index).lines)
                except DataError as error:
                    self.problems[drawings.source(index)] = str(error)
        if not found:
            raise DataError(f"{self.path} has no drawing that can be read; {next(iter(self.problems.values()), GIVE)}")
        return list(found.values())

    @cached_property
    def problems(self) -> dict[str, str]:
        """Drawings that are left out -> reason."""
        return {}

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The alphabets. Raises DataError."""
        found = sorted({one.alphabet for one in self.characters})
        if self.classes:
            strange = [name for name in found if name not in self.classes]
            if strange:
                raise DataError(f"{self.path} has the alphabet {strange[0]}, which is not known: {', '.join(self.classes)}")
            return self.classes
        if len(found) == 1:
            raise DataError(f"{self.path} has only the alphabet {found[0]}; {GIVE}")
        return tuple(found)

    @cached_property
    def held(self) -> np.ndarray:
        """Which drawings are held out."""
        names: dict[str, list[str]] = {}
        for alphabet, character in sorted({(one.alphabet, one.character) for one in self.characters}):
            names.setdefault(alphabet, []).append(character)
        out = {
            (alphabet, character)
            for alphabet, characters in names.items()
            for number, character in enumerate(characters)
            if self.every and number % self.every == self.fold
        }
        return np.array([(one.alphabet, one.character) in out for one in self.characters])

    @property
    def notes(self) -> Sequence[str]:
        characters = Counter(alphabet for alphabet, _ in {(one.alphabet, one.character) for one in self.characters})
        told = ", ".join(f"{name} {characters[name]}" for name in self.labels)
        return [
            f"characters: {told}",
            f"{len(self.characters):,} drawings, of which {int(self.held.sum()):,} are of characters that are held out",
        ]

    def digest(self) -> str:
        return of_files(self.paths())

    def spec(self) -> Spec:
        return Spec(point=3, classes=self.labels)

    def labelled(self, split: str) -> Iterator[tuple[Float[Tensor, "_ 3"], str]]:
        """The drawings of a split as rows of a pen, with their labels; once, of training too."""
        check_split(self, split)
        for one, held in zip(self.characters, self.held, strict=True):
            if held == (split == "valid"):
                yield torch.from_numpy(rows_of(one.lines)), one.alphabet

    # ---------------------------------------------------------------- batches

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[LabelledBatch]:
        """Training: reshuffled in every epoch, each drawing distorted by chance, with drawings of like length in a batch.
        Validation: each drawing once, as it is. Raises DataError for fewer drawings than a batch."""
        check_split(self, split)
        label = {name: number for number, name in enumerate(self.labels)}
        chosen = np.flatnonzero(self.held == (split == "valid"))
        lengths = np.array([sum(map(len, self.characters[index].lines)) for index in chosen])
        if split == "valid":
            chosen = chosen[np.argsort(lengths, kind="stable")]
            for first in range(rank * self.batch, len(chosen), ranks * self.batch):
                some = [self.characters[index] for index in chosen[first : first + self.batch]]
                yield padded([rows_of(one.lines) for one in some], [label[one.alphabet] for one in some])
            return
        there = f"{self.path} has {len(chosen)} drawings"
        for step, found in shuffled_by_length(lengths, self.batch, there, seed=seed, start=start, rank=rank, ranks=ranks):
            some = [self.characters[index] for index in chosen[found]]
            rng = generator(seed, step, rank, 2)
            yield padded([rows_of(self.distorted(one.lines, rng)) for one in some], [label[one.alphabet] for one in some])

    def distorted(self, lines: Sequence[np.ndarray], rng: torch.Generator) -> list[np.ndarray]:
        """A little rotated, stretched and sheared, and each line displaced."""
        turn, across, down, shear, *rest = torch.randn(4 + 2 * len(lines), generator=rng, dtype=torch.float64).tolist()
        angle = self.turned * turn
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        stretch = np.array([[np.exp(self.stretched * across), self.stretched * shear], [0, np.exp(self.stretched * down)]])
        matrix = rotation @ stretch
        moves = self.jitter * np.array(rest).reshape(-1, 2) * np.ptp(np.concatenate(lines), 0).max()
        return [line @ matrix.T + move for line, move in zip(lines, moves, strict=True)]

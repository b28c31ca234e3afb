"""Texts with labels as training data: from a table or a folder, or made up.

Axes: B items, T symbols of a text or rows of a drawing.
"""

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from drawgen.contract import SPLITS, TEXT_UNITS, Spec, check_split, generator
from drawgen.data import label_files
from drawgen.data.digests import of_files
from drawgen.data.pictures import DataError
from drawgen.data.words import words_of
from drawgen.ranges import check_choice, check_fields, check_range

UNKNOWN = "<unknown>"
"""Number 0 of the symbols: any that is not among them."""
CUTS = ("random", "start")
POOL = 32
"""Batches among which items of like length come together."""


class LabelledBatch(NamedTuple):
    """Texts or drawings, and their labels."""

    inputs: Int[Tensor, "B T"] | Float[Tensor, "B T 3"]
    """Numbers of symbols; or rows dx, dy, up of a pen. What is beyond an item's length is 0."""
    lengths: Int[Tensor, " B"]
    labels: Int[Tensor, " B"]

    def items(self) -> tuple[str, int]:
        return "texts" if self.inputs.dim() == 2 else "drawings", len(self.labels)


# ---------------------------------------------------------------- symbols


def symbols_of(text: str, unit: str) -> Sequence[str]:
    """The characters of a text with white space as single blanks, or its words (`drawgen.data.words`).

    >>> symbols_of(" a  b ", "characters")
    'a b'
    """
    return words_of(text) if unit == "words" else label_files.tidy(text)


def numbered(text: str, unit: str, number: Mapping[str, int]) -> list[int]:
    """The numbers of a text's symbols; 0 for what is unknown."""
    return [number.get(symbol, 0) for symbol in symbols_of(text, unit)]


def padded(rows: Sequence[np.ndarray], labels: Sequence[int]) -> LabelledBatch:
    """A batch of items of different lengths."""
    inputs = np.zeros((len(rows), max(map(len, rows)), *rows[0].shape[1:]), rows[0].dtype)
    for target, row in zip(inputs, rows, strict=True):
        target[: len(row)] = row
    return LabelledBatch(torch.from_numpy(inputs), torch.tensor([len(row) for row in rows]), torch.tensor(labels))


# ---------------------------------------------------------------- files


class Encoded(NamedTuple):
    """The texts of a file as numbers of symbols."""

    symbols: Int64[np.ndarray, " S"]
    """Of all texts, one after the other."""
    starts: Int64[np.ndarray, " n"]
    lengths: Int64[np.ndarray, " n"]
    labels: Int64[np.ndarray, " n"]

    def text(self, index: int, first: int, count: int) -> Int64[np.ndarray, " T"]:
        begin = int(self.starts[index]) + first
        return self.symbols[begin : begin + count]


@dataclass(frozen=True, kw_only=True)
class LabelledTexts:
    """Texts with labels: a table of two columns, text and label (CSV, TSV, semicolons; also .gz), or a folder with a file LABEL.txt
    per label, one text per line. Of each label a part of the texts is held out; the same text is never in both parts."""

    splits: ClassVar[tuple[str, ...]] = (*SPLITS, "all")
    path: str = "texts.csv"
    """A table of texts and labels, or a folder with a file LABEL.txt per label."""
    unit: str = "characters"
    """What is read one by one: characters, or words."""
    batch: int = 64
    """Texts in a batch, of like length."""
    longest: int = 200
    """Symbols of a text that are read, at most."""
    cut: str = "random"
    """What is read of a longer text in training: random, a piece at a random place; start, its start, as of held-out texts."""
    shortest: int = 0
    """In training each text is cut to a random length from this on, up to its own, so that short texts are learned too; 0 leaves
    texts whole."""
    min_count: int = 2
    """A symbol that occurs less often in the training texts is unknown."""
    held_out: float = 0.05
    """Fraction of the texts of each label, at least one, that is held out for validation."""
    vocabulary: tuple[str, ...] = ()
    """The symbols, in order of their numbers, the unknown one first; by default those of the training texts."""
    classes: tuple[str, ...] = ()
    """The labels, in order of their numbers; by default those of the file."""

    def __post_init__(self) -> None:
        check_choice("data.unit", self.unit, TEXT_UNITS)
        check_choice("data.cut", self.cut, CUTS)
        check_fields(self, "data", "batch", "longest", "min_count", at_least=1)
        check_range("data.shortest", self.shortest, at_least=0, at_most=self.longest)
        check_fields(self, "data", "held_out", at_least=0, below=1)

    # ---------------------------------------------------------------- what is in the file

    @cached_property
    def table(self) -> label_files.Table:
        """Raises DataError."""
        table = label_files.read(Path(self.path))
        if self.unit == "words":  # a text of punctuation has none
            table.problems.update({row.source: "it has no words" for row in table.rows if not words_of(row.text)})
            table.rows = [row for row in table.rows if row.source not in table.problems]
        if not table.rows:
            raise DataError(f"{self.path} has no text with a label; {label_files.FEW}")
        return table

    @property
    def problems(self) -> Mapping[str, str]:
        return self.table.problems

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels, sorted. Raises DataError for labels from which nothing can be learned."""
        rows = self.table.rows
        if self.classes:
            strange = next((row for row in rows if row.label not in self.classes), None)
            if strange is not None:
                known = ", ".join(self.classes[:20])
                raise DataError(f"{strange.source}: the label {strange.label!r:.60} is not one of those that are known: {known}")
            return self.classes
        found = sorted({row.label for row in rows})
        if len(found) == 1:
            raise DataError(f"{self.path} has only the label {found[0]!r:.60}; give texts of at least two labels")
        texts: dict[str, set[str]] = {label: set() for label in found}
        for row in rows:
            texts[row.label].add(row.text)
        if self.held_out:
            few = next((row for row in rows if len(texts[row.label]) == 1), None)
            if few is not None:
                first = " (a line of headings names its columns text and label)" if few is rows[0] else ""
                raise DataError(
                    f"{few.source}: the label {few.label!r:.60} has one text, and one to learn from and one to hold out are "
                    f"needed; give more of it, or take it out{first}"
                )
        return tuple(found)

    @cached_property
    def held(self) -> np.ndarray:
        """Which rows are held out: of each label the texts whose digests are the least."""
        rows, label_of = self.table.rows, dict[str, str]()
        for row in rows:
            label_of.setdefault(row.text, row.label)
        texts: dict[str, list[str]] = {}
        for text, label in label_of.items():
            texts.setdefault(label, []).append(text)
        held = set[str]()
        for group in texts.values():
            count = min(len(group) - 1, max(1, round(self.held_out * len(group)))) if self.held_out else 0
            held.update(sorted(group, key=lambda text: hashlib.blake2b(text.encode(errors="surrogatepass")).digest())[:count])
        return np.array([row.text in held for row in rows])

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The symbols, the unknown one first."""
        if self.vocabulary:
            return self.vocabulary
        counts = Counter[str]()
        for row, held in zip(self.table.rows, self.held, strict=True):
            if not held:
                counts.update(symbols_of(row.text, self.unit))
        return (UNKNOWN, *sorted(symbol for symbol, count in counts.items() if count >= self.min_count))

    @cached_property
    def encoded(self) -> Encoded:
        number = {symbol: n for n, symbol in enumerate(self.symbols)}
        label = {name: n for n, name in enumerate(self.labels)}
        texts = [numbered(row.text, self.unit, number) for row in self.table.rows]
        lengths = np.array([len(text) for text in texts])
        symbols = np.fromiter(itertools.chain.from_iterable(texts), np.int64, int(lengths.sum()))
        labels = np.array([label[row.label] for row in self.table.rows])
        return Encoded(symbols, lengths.cumsum() - lengths, lengths, labels)

    @property
    def notes(self) -> Sequence[str]:
        rows, names = self.table.rows, self.labels
        counts = Counter(row.label for row in rows)
        told = ", ".join(f"{name} {counts[name]:,}" for name in names[:10]) + (", ..." if len(names) > 10 else "")
        unknown = float((self.encoded.symbols == 0).mean())
        rest = f", and {unknown:.2%} are unknown" if unknown else ""
        return [
            *self.table.notes,
            f"{len(rows):,} texts with {len(names)} labels: {told}",
            f"{int(self.held.sum()):,} texts are held out",
            f"{len(self.symbols) - 1:,} different {self.unit}{rest}",
        ]

    def digest(self) -> str:
        return of_files(label_files.paths(Path(self.path)))

    def spec(self) -> Spec:
        return Spec(vocabulary=self.symbols, unit=self.unit, classes=self.labels)

    def labelled(self, split: str) -> Iterator[tuple[str, str]]:
        """The texts of a split with their labels, in the order of the file; once, of training too."""
        check_split(self, split)
        for row, held in zip(self.table.rows, self.held, strict=True):
            if split == "all" or held == (split == "valid"):
                yield row.text, row.label

    # ---------------------------------------------------------------- batches

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[LabelledBatch]:
        """Training: reshuffled in every epoch, with texts of like length in a batch. Other splits: each text once, by length.
        Raises DataError for fewer texts than a batch."""
        check_split(self, split)
        self.spec()
        if split != "train":
            chosen = np.arange(len(self.held)) if split == "all" else np.flatnonzero(self.held)
            chosen = chosen[np.argsort(self.encoded.lengths[chosen], kind="stable")]
            for first in range(rank * self.batch, len(chosen), ranks * self.batch):
                yield self.batch_of(chosen[first : first + self.batch])
            return
        chosen = np.flatnonzero(~self.held)
        whole = self.batch * ranks
        each = len(chosen) // whole  # batches in one pass
        if each == 0:
            raise DataError(
                f"{self.path} has {len(chosen)} texts beside the {int(self.held.sum())} for validation, fewer than a batch of "
                f"{whole}; lower data.batch, or give more"
            )
        passed = -1
        for step in itertools.count(start):
            epoch, place = divmod(step, each)
            if epoch != passed:
                indices, firsts, counts = self.epoch(chosen, each * whole, seed, epoch)
                batches, passed = by_length(counts, whole, generator(seed, epoch, 1)), epoch
            mine = batches[place][rank::ranks]
            yield self.batch_of(indices[mine], firsts[mine], counts[mine])

    def epoch(
        self, chosen: Int64[np.ndarray, " n"], count: int, seed: int, number: int
    ) -> tuple[Int64[np.ndarray, " m"], Int64[np.ndarray, " m"], Int64[np.ndarray, " m"]]:
        """`count` texts in random order: which they are, and what is read of each: the first symbol, and how many."""
        rng = generator(seed, number)
        indices = chosen[torch.randperm(len(chosen), generator=rng).numpy()[:count]]
        chance, place = torch.rand(2, count, dtype=torch.float64, generator=rng).numpy()
        lengths = self.encoded.lengths[indices]
        most = np.minimum(lengths, self.longest)
        counts = most
        if self.shortest:
            least = np.minimum(self.shortest, most)
            counts = np.minimum((least * ((most + 1) / least) ** chance).astype(np.int64), most)  # log-uniform
        firsts = (place * (lengths - counts + 1)).astype(np.int64) if self.cut == "random" else np.zeros_like(counts)
        return indices, firsts, counts

    def batch_of(
        self,
        indices: Int64[np.ndarray, " B"],
        firsts: Int64[np.ndarray, " B"] | None = None,
        counts: Int64[np.ndarray, " B"] | None = None,
    ) -> LabelledBatch:
        """These texts, or pieces of them; by default from the start on."""
        firsts = np.zeros_like(indices) if firsts is None else firsts
        counts = np.minimum(self.encoded.lengths[indices], self.longest) if counts is None else counts
        rows = [self.encoded.text(*each) for each in zip(indices.tolist(), firsts.tolist(), counts.tolist(), strict=True)]
        return padded(rows, self.encoded.labels[indices].tolist())


def by_length(counts: Int64[np.ndarray, " m"], batch: int, rng: torch.Generator) -> list[Int64[np.ndarray, " B"]]:
    """Items in batches: in their order `POOL` batches at a time, of which each has items of like length; the batches of a pool come
    in random order."""
    batches: list[np.ndarray] = []
    for first in range(0, len(counts), POOL * batch):
        pool = first + np.argsort(counts[first : first + POOL * batch], kind="stable")
        order = torch.randperm(math.ceil(len(pool) / batch), generator=rng).tolist()
        batches += [pool[n * batch : (n + 1) * batch] for n in order]
    return batches


def shuffled_by_length(
    lengths: Int64[np.ndarray, " n"], batch: int, there: str, *, seed: int, start: int, rank: int, ranks: int
) -> Iterator[tuple[int, Int64[np.ndarray, " B"]]]:
    """An endless stream of (step, which items are in this rank's batch): reshuffled in every epoch, with items of like length in a
    batch. Raises DataError, which begins with what is `there`, for fewer items than a batch."""
    whole = batch * ranks
    each = len(lengths) // whole  # batches in one pass
    if each == 0:
        raise DataError(f"{there} to learn from, fewer than a batch of {whole}; lower data.batch")
    passed = -1
    for step in itertools.count(start):
        epoch, place = divmod(step, each)
        if epoch != passed:
            order = torch.randperm(len(lengths), generator=generator(seed, epoch)).numpy()[: each * whole]
            batches, passed = by_length(lengths[order], whole, generator(seed, epoch, 1)), epoch
        yield step, order[batches[place][rank::ranks]]


# ---------------------------------------------------------------- data that needs no file

CONSONANTS, VOWELS = "bdgklmnprstv", "aeiou"


@dataclass(frozen=True, kw_only=True)
class MadeUpWords:
    """Words of two languages that do not exist: in one of them syllables are open (kalo), in the other they are closed (lankot)."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    batch: int = 16
    """Words in a batch."""
    count: int = 64
    """Words for validation; training words are made without end."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "batch", "count", at_least=1)

    def spec(self) -> Spec:
        return Spec(vocabulary=(UNKNOWN, *sorted(CONSONANTS + VOWELS)), unit="characters", classes=("closed", "open"))

    def words(self, count: int, rng: torch.Generator) -> list[tuple[str, str]]:
        """Words of one to three syllables, with their languages."""

        def of(letters: str) -> str:
            return letters[int(torch.randint(len(letters), (), generator=rng))]

        found = []
        for _ in range(count):
            label = ("closed", "open")[int(torch.randint(2, (), generator=rng))]
            syllables = int(torch.randint(1, 4, (), generator=rng))
            end = CONSONANTS if label == "closed" else ""
            found.append(("".join(of(CONSONANTS) + of(VOWELS) + (of(end) if end else "") for _ in range(syllables)), label))
        return found

    def labelled(self, split: str) -> Iterator[tuple[str, str]]:
        check_split(self, split)
        yield from self.words(self.count, generator(0, 1))

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[LabelledBatch]:
        check_split(self, split)
        if split == "valid":
            words = list(self.labelled(split))
            for first in range(rank * self.batch, len(words), ranks * self.batch):
                yield self.batch_of(words[first : first + self.batch])
            return
        for step in itertools.count(start):
            yield self.batch_of(self.words(self.batch, generator(seed, 0, step, rank)))

    def batch_of(self, words: Sequence[tuple[str, str]]) -> LabelledBatch:
        spec = self.spec()
        number = {symbol: n for n, symbol in enumerate(spec.symbols)}
        rows = [np.array(numbered(word, "characters", number)) for word, _ in words]
        return padded(rows, [spec.labels.index(label) for _, label in words])

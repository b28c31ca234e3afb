"""Pairs of sentences: what a translator learns from. Your own, in one file of two columns or in two files line by line; and a toy
that needs no file.

Axes: B pairs, S symbols of a source, T symbols of a target.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from drawgen.contract import SPLITS, TEXT_UNITS, Spec, check_split, generator
from drawgen.data.captions import SPECIAL, by_length, encode, frequent_words
from drawgen.data.digests import digest
from drawgen.data.lines import read_lines
from drawgen.data.pictures import DataError
from drawgen.data.sentences import plain, symbols_of
from drawgen.ranges import check_choice, check_fields

MOST_TOLD = 100
"""Lines that are left out and named one by one, at most."""


class Pair(NamedTuple):
    """A sentence and its translations in the file."""

    source: str
    targets: tuple[str, ...]


class PairBatch(NamedTuple):
    """Pairs of sentences as numbers of the vocabularies."""

    sources: Int[Tensor, "B S"]
    """The symbols and END, up to the end of the row."""
    source_lengths: Int[Tensor, " B"]
    """Number of symbols, counting the first END."""
    targets: Int[Tensor, "B T"]
    """START, the symbols, then END up to the end of the row."""
    lengths: Int[Tensor, " B"]
    """Number of symbols, counting START and the first END."""

    def items(self) -> tuple[str, int]:
        return "pairs", len(self.targets)


def batched(pairs: Sequence[tuple[Sequence[str], Sequence[str]]], spec: Spec) -> PairBatch:
    """The batch of pairs of symbols."""
    sources, source_lengths = encode_sources([source for source, _ in pairs], spec)
    return PairBatch(sources, source_lengths, *encode([target for _, target in pairs], spec.symbols))


def encode_sources(sources: Sequence[Sequence[str]], spec: Spec) -> tuple[Int[Tensor, "B S"], Int[Tensor, " B"]]:
    """(symbols, lengths) of sources, without START."""
    tokens, lengths = encode(sources, spec.wanted("source_vocabulary", "pairs of texts"))
    return tokens[:, 1:], lengths - 1


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Pairs of sentences from files: two columns with a tab between them, or two files line by line."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    path: str = "pairs.tsv"
    """A text file of two columns with a tab between them, source and target; further columns are not read. Or, with `target`, a
    file of sources, one per line. It may be packed by gzip."""
    target: str = ""
    """A file of the targets, line by line, if `path` has only the sources."""
    valid: str = ""
    """A file like `path` for validation; by default pairs are held out."""
    valid_target: str = ""
    """Like `target`, of `valid`."""
    swapped: bool = False
    """Whether to translate from the second column (or file) to the first."""
    unit: str = "words"
    """What sentences are split into: words or characters."""
    batch: int = 128
    """Pairs in a batch."""
    min_count: int = 2
    """Symbols that occur less often are not in the vocabularies."""
    most_words: int = 20_000
    """Largest size of a vocabulary; the rarest symbols are left out."""
    longest: int = 50
    """Pairs with more symbols on one side are left out of training."""
    held_out: float = 0.03
    """Fraction of the sources held out for validation, with all their translations, if `valid` is not given."""
    source_vocabulary: tuple[str, ...] = ()
    """The symbols of the sources; by default those of the training part."""
    vocabulary: tuple[str, ...] = ()
    """The symbols of the targets; by default those of the training part."""

    def __post_init__(self) -> None:
        check_choice("data.unit", self.unit, TEXT_UNITS)
        check_fields(self, "data", "batch", "min_count", "longest", "most_words", at_least=1)
        check_fields(self, "data", "held_out", at_least=0, below=1)
        if self.valid_target and not (self.valid and self.target):
            raise ValueError("data.valid_target is the targets of data.valid, as data.target is of data.path; give all of them")
        if self.valid and self.target and not self.valid_target:
            raise ValueError("data.valid has only sources, as data.path has beside data.target; give data.valid_target, too")

    # ---------------------------------------------------------------- reading

    @cached_property
    def left_out(self) -> dict[str, str]:
        return {}

    @property
    def problems(self) -> dict[str, str]:
        """Lines that are left out: file and line -> reason."""
        _ = self.parts
        return self.left_out

    @property
    def notes(self) -> list[str]:
        """Sentences that describe the data in use."""
        train, held = self.parts
        long = sum(self.too_long(pair) for pair in self.pieces["train"])
        lines = [f"{len(train)} pairs of {len({p[0] for p in train})} sources to learn from, {len(held)} to measure on"]
        return lines + [f"{long} of them have more than {self.longest} symbols and are not learned from"] * (long > 0)

    def read(self, path: str, target: str) -> list[tuple[str, str]]:
        """The pairs of a file, or of two. Raises DataError."""
        if target:
            wanted = "give a file with one sentence per line"
            columns = [read_lines(Path(name), wanted) for name in (path, target)]
            if len(columns[0]) != len(columns[1]):
                raise DataError(
                    f"{path} has {len(columns[0])} lines and {target} has {len(columns[1])}; line by line they have to be pairs"
                )
            rows = list(zip(*columns, strict=True))
        else:
            rows = []
            for number, line in enumerate(read_lines(Path(path), "give a file of two columns with a tab between them"), 1):
                cells = line.split("\t")
                if len(cells) < 2 and line.strip():
                    raise DataError(
                        f"{path}, line {number} has one column ({line.strip()!r:.60}); put a tab between source and "
                        "target, or give `data.target`, a second file"
                    )
                rows.append((cells[0], cells[1] if len(cells) > 1 else ""))
        pairs = []
        for number, (source, wanted) in enumerate(rows, 1):
            pair = (plain(source), plain(wanted))
            if all(pair):
                pairs.append((pair[1], pair[0]) if self.swapped else pair)
            elif any(pair) and len(self.left_out) < MOST_TOLD:
                self.left_out[f"{path if target == '' or not pair[0] else target}, line {number}"] = "one side is empty"
        if not pairs:
            raise DataError(f"{path} has no pairs of sentences; give a file of two columns with a tab between them")
        return pairs

    @cached_property
    def parts(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """The pairs to learn from and to measure on: no source is in both."""
        pairs = self.read(self.path, self.target)
        if self.valid:
            held = self.read(self.valid, self.valid_target)
            sources = {key(source) for source, _ in held}
        else:
            distinct = list(dict.fromkeys(key(source) for source, _ in pairs))
            order = torch.randperm(len(distinct), generator=generator(0)).tolist()
            count = round(self.held_out * len(distinct)) or int(self.held_out > 0 and len(distinct) > 1)
            sources = {distinct[n] for n in order[:count]}
            held = [pair for pair in pairs if key(pair[0]) in sources]
        kept = [pair for pair in pairs if key(pair[0]) not in sources]
        if not kept and not (self.vocabulary and self.source_vocabulary):  # with which it may be measured on only
            what = f"all its sources are in {self.valid}, too" if self.valid else f"all of it is held out ({self.held_out:g})"
            raise DataError(f"{self.path} has nothing to learn from: {what}; give more pairs")
        return kept, held

    @cached_property
    def pieces(self) -> dict[str, list[tuple[list[str], list[str]]]]:
        """The symbols of the pairs of each split."""
        return {
            split: [(symbols_of(source, self.unit), symbols_of(target, self.unit)) for source, target in part]
            for split, part in zip(self.splits, self.parts, strict=True)
        }

    def too_long(self, pair: tuple[Sequence[str], Sequence[str]]) -> bool:
        return max(len(pair[0]), len(pair[1])) > self.longest

    @cached_property
    def whole_spec(self) -> Spec:
        if self.vocabulary and self.source_vocabulary:
            return Spec(vocabulary=self.vocabulary, source_vocabulary=self.source_vocabulary, unit=self.unit)
        train = self.pieces["train"]
        sides = zip((self.source_vocabulary, self.vocabulary), zip(*train, strict=True), strict=True)
        sources, targets = (
            known or frequent_words(side, self.min_count, self.path, most=self.most_words - len(SPECIAL)) for known, side in sides
        )
        longest = max((len(source) for source, target in train if not self.too_long((source, target))), default=self.longest)
        return Spec(vocabulary=targets, source_vocabulary=sources, unit=self.unit, counts=(1, longest))

    def spec(self) -> Spec:
        return self.whole_spec

    def digest(self) -> str:
        return digest(self.parts)

    def pairs(self, split: str) -> list[Pair]:
        """The sentences of a split, each with all its translations. Raises ValueError for an unknown split."""
        check_split(self, split)
        found: dict[str, list[str]] = {}
        for source, target in self.parts[self.splits.index(split)]:
            found.setdefault(source, []).append(target)
        return [Pair(source, tuple(dict.fromkeys(targets))) for source, targets in found.items()]

    # ---------------------------------------------------------------- batches

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[PairBatch]:
        """Training: pairs of like length together, without end. Validation: all held-out pairs once, in order of their length."""
        check_split(self, split)
        spec, pairs = self.spec(), self.pieces[split]
        if split == "valid":
            ordered = sorted(pairs, key=lambda pair: (len(pair[1]), len(pair[0])))
            for first in range(rank * self.batch, len(ordered), ranks * self.batch):
                yield batched(ordered[first : first + self.batch], spec)
            return
        pairs = [pair for pair in pairs if not self.too_long(pair)]
        batch = min(self.batch, len(pairs) // ranks)
        if not batch:
            raise DataError(
                f"{self.path} has {len(pairs)} pairs of at most {self.longest} symbols, and {ranks} are needed; give more, "
                "or raise data.longest"
            )
        lengths = [128 * len(target) + len(source) for source, target in pairs]
        for _, chosen in by_length(lengths, batch, self.path, seed=seed, start=start, rank=rank, ranks=ranks):
            yield batched([pairs[n] for n in chosen], spec)


def key(source: str) -> str:
    """What two sources have in common that are the same sentence: capitals do not count."""
    return source.casefold()


@dataclass(frozen=True, kw_only=True)
class Reversals:
    """A toy: words of random letters, to be written backwards."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    unit: ClassVar[str] = "characters"
    letters: str = "abcdefghijklmnopqrstuvwxyz"
    """The letters of the words."""
    least: int = 1
    """Least length of a word."""
    most: int = 12
    """Largest length of a word."""
    batch: int = 128
    """Pairs in a batch."""
    count: int = 1000
    """Pairs for validation; training pairs are made without end."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "batch", "least", at_least=1)
        check_fields(self, "data", "count", at_least=0)
        check_fields(self, "data", "most", at_least=self.least, at_most=1000)
        if not self.letters or len(set(self.letters)) != len(self.letters):
            raise ValueError(f"data.letters is {self.letters!r:.40}; give different letters")

    def spec(self) -> Spec:
        symbols = (*SPECIAL, *self.letters)
        return Spec(vocabulary=symbols, source_vocabulary=symbols, unit=self.unit)

    def words(self, count: int, rng: torch.Generator) -> list[str]:
        lengths = torch.randint(self.least, self.most + 1, (count,), generator=rng).tolist()
        letters = torch.randint(len(self.letters), (count, self.most), generator=rng).tolist()
        return ["".join(self.letters[n] for n in row[:length]) for row, length in zip(letters, lengths, strict=True)]

    def pairs(self, split: str) -> list[Pair]:
        """The validation split."""
        check_split(self, split)
        return [Pair(word, (word[::-1],)) for word in self.words(self.count, generator(1, 0))]

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[PairBatch]:
        """Training: without end. Validation: `count` pairs, the same for all seeds."""
        check_split(self, split)
        if split == "valid":
            words = self.words(self.count, generator(1, 0))
            for first in range(rank * self.batch, self.count, ranks * self.batch):
                yield batched([(word, word[::-1]) for word in words[first : first + self.batch]], self.spec())
            return
        step = start
        while True:
            words = self.words(self.batch, generator(seed, 0, step, rank))
            yield batched([(word, word[::-1]) for word in words], self.spec())
            step += 1

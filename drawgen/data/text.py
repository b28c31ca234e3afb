"""Text as training data: a file of any size, read where it lies, or sums that need no file.

Axes: B rows, T steps.
"""

import codecs
import itertools
import mmap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from jaxtyping import Bool, Int, Integer
from torch import Tensor

from drawgen.contract import Spec, generator
from drawgen.data.digests import of_files
from drawgen.data.pictures import DataError
from drawgen.files import open_file

BYTES = tuple(f"0x{byte:02x}" for byte in range(256))
"""The vocabulary of a text that is read byte by byte."""
BLOCK = 2**22
"""Bytes that are looked through at once."""
EVERY = 4096
"""Characters between two whose place in the file is remembered: there is no other way to the middle of a UTF-8 file."""
STRETCH = 2**16
"""Symbols of the validation part that are measured in one go, the state carried along."""
ROWS = 16
"""Stretches measured at once."""

Array: TypeAlias = Integer[np.ndarray, "..."]


class Characters(NamedTuple):
    """Texts that carry on from batch to batch: a model reads all but the last symbol, and foretells all but the first."""

    tokens: Int[Tensor, "B T"]
    fresh: Bool[Tensor, " B"]
    """Rows that begin somewhere new."""


# ---------------------------------------------------------------- symbols and numbers


def encode(text: str, vocabulary: Sequence[str]) -> list[int]:
    """The symbols' numbers. Raises ValueError for a character that the vocabulary lacks."""
    if tuple(vocabulary) == BYTES:
        return list(text.encode())
    number = {symbol: n for n, symbol in enumerate(vocabulary)}
    for place, character in enumerate(text):
        if character not in number:
            raise ValueError(
                f"the character {character!r} (number {place + 1} of the text) is not among the {len(number)} that the model was "
                f"trained on: {''.join(vocabulary[:100])!r}; leave it out"
            )
    return [number[character] for character in text]


def decode(pieces: Iterable[Sequence[int]], vocabulary: Sequence[str]) -> Iterator[str]:
    """The text of symbols' numbers that come in pieces; a character whose bytes are in two comes with the second, and bytes that
    are not UTF-8 become the replacement character."""
    if tuple(vocabulary) != BYTES:
        yield from ("".join(vocabulary[token] for token in tokens) for tokens in pieces)
        return
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    yield from (decoder.decode(bytes(tokens)) for tokens in pieces)
    yield decoder.decode(b"", final=True)


# ---------------------------------------------------------------- a file


class Scan(NamedTuple):
    """What one reading of a whole file tells."""

    symbols: int
    """How many there are."""
    places: Array
    """The byte at which every `EVERY`th character begins; empty where each character is one byte."""
    present: Array
    """The code points that occur, in order."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text file. Training reads it in rows that go on from batch to batch, as many places of the file at once; the last part is
    kept for validation."""

    path: str = "input.txt"
    """A text file in UTF-8."""
    batch: int = 50
    """Rows, each somewhere else in the text."""
    length: int = 50
    """Symbols that each row goes on in a batch: how far gradients flow back."""
    held_out: float = 0.05
    """Share of the text, its end, kept for validation."""
    pieces: int = 1
    """The text is cut into so many equal pieces, and the end of each is held out: 1 holds out the end of the text; `batch` does as
    char-rnn does, which holds out the end of each row."""
    bytes: bool = False
    """Read bytes instead of characters: any file will do."""
    vocabulary: tuple[str, ...] = ()
    """The symbols, by number; all that occur in the file when left out."""

    def __post_init__(self) -> None:
        if min(self.batch, self.length, self.pieces) < 1:
            raise ValueError(
                f"data.batch is {self.batch}, data.length {self.length} and data.pieces {self.pieces}; they have to be at least 1"
            )
        if not 0 <= self.held_out < 1:
            raise ValueError(f"data.held_out is {self.held_out}; it has to lie between 0 and 1 (1 excluded)")
        if self.vocabulary and self.vocabulary != BYTES and (self.bytes or any(len(symbol) != 1 for symbol in self.vocabulary)):
            raise ValueError("data.vocabulary has to be single characters, and data.bytes left out; or the 256 bytes, from 0x00 on")

    @property
    def bytewise(self) -> bool:
        return self.bytes or self.vocabulary == BYTES

    @cached_property
    def file(self) -> mmap.mmap:
        """The file, mapped: only what is read of it takes memory. Raises DataError."""
        try:
            with open_file(Path(self.path)) as file:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError as error:
            raise DataError(f"{self.path} does not exist; give --data.path a text file") from error
        except ValueError as error:  # what mmap says of an empty file
            raise DataError(f"{self.path} is empty; give a text to learn from") from error
        except OSError as error:
            raise DataError(f"{self.path} cannot be read ({error.strerror}); give --data.path a text file") from error

    @cached_property
    def scan(self) -> Scan:
        """Raises DataError, with the byte, for what is not UTF-8 text."""
        if self.bytewise:
            return Scan(len(self.file), np.zeros(0, np.int64), np.arange(256))
        seen = np.zeros(0x110000, bool)
        places, count, start = [], 0, 0
        while start < len(self.file):
            stop = self.boundary(min(start + BLOCK, len(self.file)))
            block = self.file[start:stop]
            zero = block.find(0)
            if zero >= 0:
                raise DataError(f"{self.path} is not a text in UTF-8 (byte {start + zero} is 0): convert it, or give --data.bytes")
            simple = block.isascii()  # much the faster case
            try:
                codes = np.frombuffer(block, np.uint8) if simple else code_points(block)
            except UnicodeDecodeError as error:
                place, why = start + error.start, f"0x{block[error.start]:02x}: {error.reason}"
                raise DataError(f"{self.path} is not UTF-8 at byte {place} ({why}); convert it, or give --data.bytes") from error
            seen[codes] = True
            begin = np.arange(len(block)) if simple else np.flatnonzero((np.frombuffer(block, np.uint8) & 0xC0) != 0x80)
            places.append(start + begin[-count % EVERY :: EVERY])
            count += len(begin)
            start = stop
        one_byte = count == len(self.file)
        return Scan(count, np.zeros(0, np.int64) if one_byte else np.concatenate(places), np.flatnonzero(seen))

    def boundary(self, place: int) -> int:
        """Where a character begins, at a byte or up to three behind it."""
        ahead = self.file[place : place + 3]
        return place + next((n for n, byte in enumerate(ahead) if byte & 0xC0 != 0x80), len(ahead))

    @cached_property
    def numbers(self) -> Array:
        """The number of each code point or byte; -1 for those that are not in the vocabulary."""
        if self.bytewise:
            return np.arange(256)
        codes = [ord(symbol) for symbol in self.vocabulary] if self.vocabulary else self.scan.present
        table = np.full(max(int(np.max(codes)), int(self.scan.present.max())) + 1, -1)
        table[codes] = np.arange(len(codes))
        return table

    def read(self, first: int, last: int) -> Array:
        """The symbols from number `first` up to `last` (not included). Raises DataError for one that is not in the vocabulary."""
        places = self.scan.places
        if len(places):
            start, skip = int(places[first // EVERY]), first % EVERY
            stop = int(places[-(-last // EVERY)]) if -(-last // EVERY) < len(places) else len(self.file)
            codes = code_points(self.file[start:stop])[skip : skip + last - first]
        else:
            codes = np.frombuffer(self.file[first:last], np.uint8)
        tokens = self.numbers[codes]
        if tokens.min(initial=0) < 0:
            place = int(np.flatnonzero(tokens < 0)[0])
            raise DataError(
                f"{self.path} has {chr(codes[place])!r} as its character number {first + place}, which is not among the "
                f"{len(self.vocabulary)} that the model knows; give a text without it"
            )
        return tokens

    def digest(self) -> str:
        return of_files([Path(self.path)])

    def spec(self) -> Spec:
        if self.bytewise:
            return Spec(vocabulary=BYTES)
        return Spec(vocabulary=self.vocabulary or tuple(chr(code) for code in self.scan.present))

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Characters]:
        """For training, rows that each go through their own piece of the text, over and over; each time through, the text is cut
        elsewhere, by up to `length`. For validation, the held-out end once, in stretches. Raises DataError for too short a text."""
        if split == "valid":
            yield from self.stretches(rank, ranks)
            return
        rows, count = self.batch * ranks, self.kept * self.pieces
        each = (count - self.length) // rows  # symbols of a row: there are `length` more than that, to begin later
        steps = (each - 1) // self.length
        if steps < 1:
            raise DataError(
                f"{self.path} has {count} symbols to train on, and {rows} rows of {self.length} need "
                f"{rows * (self.length + 1) + self.length}; lower data.batch or data.length, or give a longer text"
            )
        for step in itertools.count(start):
            times, place = divmod(step, steps)
            offset = int(torch.randint(0, self.length, (), generator=generator(seed, times)))
            firsts = offset + place * self.length + each * np.arange(rank * self.batch, (rank + 1) * self.batch)
            tokens = np.stack([self.read_kept(first, first + self.length + 1) for first in firsts.tolist()])
            yield Characters(torch.from_numpy(tokens).long(), torch.full((self.batch,), place == 0))

    @property
    def piece(self) -> int:
        """Symbols of a piece."""
        return self.scan.symbols // self.pieces

    @property
    def kept(self) -> int:
        """Symbols of a piece that are trained on."""
        return self.piece - round(self.held_out * self.piece)

    def read_kept(self, first: int, last: int) -> Array:
        """The same as `read` from the training parts of all pieces, one after the other."""
        parts = []
        while first < last:
            number, place = divmod(first, self.kept)
            stop = min(self.kept, place + last - first)
            parts.append(self.read(number * self.piece + place, number * self.piece + stop))
            first += stop - place
        return np.concatenate(parts)

    def stretches(self, rank: int, ranks: int) -> Iterator[Characters]:
        """The held-out parts in stretches, those of one length side by side. Each begins with the symbol before it, so that every
        held-out symbol is foretold once."""
        ends = [self.piece * n for n in range(1, self.pieces)] + [self.scan.symbols]
        whole: list[tuple[int, int]] = []
        for number, end in enumerate(ends):
            begin = number * self.piece + self.kept
            whole += [(first, min(first + STRETCH, end)) for first in range(begin, end, STRETCH)]
        groups = [list(group) for _, group in itertools.groupby(whole, lambda ends: ends[1] - ends[0])]
        batches = [group[n : n + ROWS] for group in groups for n in range(0, len(group), ROWS)]
        for batch in batches[rank::ranks]:
            rows = np.stack([self.read(max(0, first - 1), last) for first, last in batch])
            yield Characters(torch.from_numpy(rows).long(), torch.ones(len(rows), dtype=torch.bool))


def code_points(block: bytes) -> Array:
    """The characters of UTF-8 bytes, as numbers. Raises UnicodeDecodeError."""
    return np.frombuffer(block.decode().encode("utf-32-le"), np.uint32)


# ---------------------------------------------------------------- data that needs no file


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Sums of random numbers, one a line, as 12+7=19."""

    largest: int = 9
    """The largest summand."""
    count: int = 200
    """Sums for validation; for training they never end."""
    batch: int = 8
    """Rows, each somewhere else."""
    length: int = 24
    """Symbols that each row goes on in a batch."""

    def __post_init__(self) -> None:
        if min(self.batch, self.length, self.count, self.largest) < 1:
            raise ValueError(
                f"data.batch is {self.batch}, data.length {self.length}, data.count {self.count} and data.largest {self.largest}; "
                "they have to be at least 1"
            )

    def spec(self) -> Spec:
        return Spec(vocabulary=tuple("\n+0123456789="))

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Characters]:
        """Every training batch begins anew."""
        vocabulary = self.spec().vocabulary
        if split == "valid":
            if rank == 0:
                tokens = encode(self.sums(self.count, generator(seed, 1)), vocabulary)
                yield Characters(torch.tensor([tokens]), torch.tensor([True]))
            return
        for step in itertools.count(start):
            rng = generator(seed, 0, step, rank)
            rows = [encode(self.sums(self.length // 4 + 1, rng), vocabulary)[: self.length + 1] for _ in range(self.batch)]
            yield Characters(torch.tensor(rows), torch.ones(self.batch, dtype=torch.bool))

    def sums(self, count: int, rng: torch.Generator) -> str:
        """Each is at least five symbols long."""
        pairs = torch.randint(0, self.largest + 1, (count, 2), generator=rng).tolist()
        return "".join(f"{a}+{b}={a + b}\n" for a, b in pairs)

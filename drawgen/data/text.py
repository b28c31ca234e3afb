"""Text as training data: a memory-mapped file of any size, or generated sums.

Axes: B rows, T steps.

All line ends (CRLF, CR) are read as \\n, and a byte order mark is ignored; in byte mode both are kept. A model whose vocabulary has
\\r was trained by an older version, and reads line ends unchanged.
"""

import codecs
import itertools
import mmap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, NamedTuple, TypeAlias

import numpy as np
import torch
from jaxtyping import Bool, Int, Integer
from torch import Tensor

from drawgen import files
from drawgen.contract import SPLITS, Spec, check_split, generator
from drawgen.data.digests import of_files
from drawgen.data.pictures import DataError
from drawgen.ranges import check_fields

BYTES = tuple(f"0x{byte:02x}" for byte in range(256))
"""The vocabulary in byte mode."""
RETURN = "\r"
MARK = "\ufeff"
"""The byte order mark that some programs write at the start of a file."""
BLOCK = 2**22
"""Bytes that are scanned at once."""
EVERY = 4096
"""The byte offset of every 4096th character is stored: a UTF-8 file has no random access by character."""
STRETCH = 2**16
"""Symbols of a stretch of text that is evaluated with the state carried along."""
ROWS = 16
"""Stretches evaluated at once."""

Array: TypeAlias = Integer[np.ndarray, "..."]


class Characters(NamedTuple):
    """Texts that continue from batch to batch: a model reads all symbols but the last, and predicts all but the first."""

    tokens: Int[Tensor, "B T"]
    fresh: Bool[Tensor, " B"]
    """Rows that start at a new place in the text."""

    def items(self) -> tuple[str, int]:
        return "symbols", len(self.tokens) * (self.tokens.shape[1] - 1)


# ---------------------------------------------------------------- symbols and numbers


def encode(text: str, vocabulary: Sequence[str]) -> list[int]:
    """The numbers of a text's symbols. Raises ValueError for a character that is not in the vocabulary."""
    if tuple(vocabulary) == BYTES:
        try:
            return list(text.encode())
        except UnicodeEncodeError as error:
            raise ValueError(f"{text!r} is not UTF-8 (character number {error.start + 1}); write it as text") from error
    number = {symbol: n for n, symbol in enumerate(vocabulary)}
    for place, character in enumerate(text):
        if character not in number:
            raise ValueError(
                f"the character {character!r} (number {place + 1} of the text) is not among the {len(number)} that the model was "
                f"trained on: {''.join(vocabulary[:100])!r}; leave it out"
            )
    return [number[character] for character in text]


def decode(pieces: Iterable[Sequence[int]], vocabulary: Sequence[str]) -> Iterator[str]:
    """Decodes a stream of pieces of tokens into text. A character whose bytes are split over two pieces comes with the second.
    Bytes that are not UTF-8 become the replacement character."""
    if tuple(vocabulary) != BYTES:
        yield from ("".join(vocabulary[token] for token in tokens) for tokens in pieces)
        return
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    yield from (decoder.decode(bytes(tokens)) for tokens in pieces)
    yield decoder.decode(b"", final=True)


def plain_lines(text: str, vocabulary: Sequence[str]) -> str:
    """The text as `Text` reads it: line ends as \\n, without a byte order mark."""
    if tuple(vocabulary) == BYTES or RETURN in vocabulary:
        return text
    return text.removeprefix(MARK).replace("\r\n", "\n").replace(RETURN, "\n")


def line_break(vocabulary: Sequence[str]) -> str:
    """The symbol that a text starts after: a new line or, if the vocabulary has none, its first symbol."""
    return "\n" if "\n" in vocabulary or tuple(vocabulary) == BYTES else vocabulary[0]


# ---------------------------------------------------------------- a file


class Scan(NamedTuple):
    """The result of one scan of a whole file."""

    symbols: int
    """Number of symbols."""
    places: Array
    """Byte offset of every `EVERY`th character; empty if each character is one byte."""
    present: Array
    """The code points that occur, in order."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text file. Each row of a batch reads the text from its own place, and continues from batch to batch. The end of the text is
    held out for validation."""

    splits: ClassVar[tuple[str, ...]] = ("train", "valid", "all")
    path: str = "input.txt"
    """A text file in UTF-8."""
    batch: int = 50
    """Rows in a batch, each at its own place in the text."""
    length: int = 50
    """Symbols per row and batch: the length of truncated backpropagation through time."""
    held_out: float = 0.05
    """Fraction of the text, its end, held out for validation."""
    pieces: int = 1
    """Number of equal pieces that the text is cut into; the end of each is held out. 1 holds out the end of the text; the value of
    `batch` holds out the end of each row, as char-rnn does."""
    bytes: bool = False
    """Read bytes instead of characters; the file may be of any kind."""
    vocabulary: tuple[str, ...] = ()
    """The symbols, in order of their numbers; by default all that occur in the file."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "batch", "length", "pieces", at_least=1)
        check_fields(self, "data", "held_out", at_least=0, below=1)
        if self.vocabulary and self.vocabulary != BYTES and (self.bytes or any(len(symbol) != 1 for symbol in self.vocabulary)):
            raise ValueError("data.vocabulary has to be single characters, and data.bytes left out; or the 256 bytes, from 0x00 on")

    @property
    def bytewise(self) -> bool:
        return self.bytes or self.vocabulary == BYTES

    @property
    def as_it_is(self) -> bool:
        """Whether line ends and a byte order mark are read as they are in the file."""
        return self.bytewise or RETURN in self.vocabulary

    @cached_property
    def file(self) -> mmap.mmap:
        """The memory-mapped file. Raises DataError."""
        try:
            with files.open_file(Path(self.path)) as file:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError as error:
            raise DataError(f"{self.path} does not exist; give `data.path` a text file") from error
        except ValueError as error:  # what mmap says of an empty file
            raise DataError(f"{self.path} is empty; give a text to learn from") from error
        except OSError as error:
            raise DataError(f"{self.path} cannot be read ({files.reason(error)}); give `data.path` a text file") from error

    @cached_property
    def scan(self) -> Scan:
        """Raises DataError, with the offset of the byte, for a file that is not UTF-8 text."""
        if self.bytewise:
            return Scan(len(self.file), np.zeros(0, np.int64), np.arange(256))
        seen = np.zeros(0x110000, bool)
        start = 0 if self.as_it_is or self.file[:3] != MARK.encode() else 3
        if start == len(self.file):
            raise DataError(f"{self.path} is empty; give a text to learn from")
        places, count = [], 0
        while start < len(self.file):
            stop = self.boundary(min(start + BLOCK, len(self.file)))
            block = self.file[start:stop]
            zero = block.find(0)
            if zero >= 0:
                raise DataError(f"{self.path} is not a text in UTF-8 (byte {start + zero} is 0): convert it, or give `data.bytes`")
            try:
                codes, begin = symbols_of(block, as_it_is=self.as_it_is)
            except UnicodeDecodeError as error:
                place, why = start + error.start, f"0x{block[error.start]:02x}: {error.reason}"
                raise DataError(f"{self.path} is not UTF-8 at byte {place} ({why}); convert it, or give `data.bytes`") from error
            seen[codes] = True
            places.append(start + begin[-count % EVERY :: EVERY])
            count += len(begin)
            start = stop
        one_byte = count == len(self.file)
        return Scan(count, np.zeros(0, np.int64) if one_byte else np.concatenate(places), np.flatnonzero(seen))

    def boundary(self, place: int) -> int:
        """The offset where a symbol begins: at a byte or up to three bytes after it."""
        ahead = self.file[place : place + 3]
        place += next((n for n, byte in enumerate(ahead) if byte & 0xC0 != 0x80), len(ahead))
        within = not self.as_it_is and self.file[place - 1 : place + 1] == b"\r\n"
        return place + within

    @cached_property
    def numbers(self) -> Array:
        """The number of each code point or byte; -1 for those that are not in the vocabulary."""
        if self.bytewise:
            return np.arange(256)
        codes = [ord(symbol) for symbol in self.vocabulary] if self.vocabulary else self.scan.present
        table = np.full(max(int(np.max(codes)), int(self.scan.present.max())) + 1, -1)
        table[codes] = np.arange(len(codes))
        if table[self.scan.present].min() < 0:
            raise DataError(self.unknown(table))
        return table

    def unknown(self, table: Array) -> str:
        """A sentence about the symbols of the file that are not in the vocabulary."""
        first, counts = -1, Counter[str]()
        for begin in range(0, self.scan.symbols, BLOCK):
            codes = self.codes(begin, min(begin + BLOCK, self.scan.symbols))
            strange = np.flatnonzero(table[codes] < 0)
            if first < 0 and len(strange):
                first = begin + int(strange[0])
            counts.update(map(chr, codes[strange].tolist()))
        kinds = [repr(character) for character, _ in counts.most_common(5)] + ["..."] * (len(counts) > 5)
        return (
            f"{self.path} has {counts.total()} characters that are not among the {len(self.vocabulary)} that the model knows "
            f"({' '.join(kinds)}; the first is number {first + 1} of the text); give a text without them"
        )

    def read(self, first: int, last: int) -> Array:
        """The symbols from number `first` up to `last` (exclusive). Raises DataError for a symbol that is not in the vocabulary."""
        numbers: Array = self.numbers[self.codes(first, last)]
        return numbers

    def codes(self, first: int, last: int) -> Array:
        """The code points or bytes of these symbols."""
        places = self.scan.places
        if len(places):
            start, skip = int(places[first // EVERY]), first % EVERY
            stop = int(places[-(-last // EVERY)]) if -(-last // EVERY) < len(places) else len(self.file)
            return symbols_of(self.file[start:stop], as_it_is=self.as_it_is)[0][skip : skip + last - first]
        codes = np.frombuffer(self.file[first:last], np.uint8)
        return codes if self.as_it_is else np.where(codes == ord("\r"), np.uint8(ord("\n")), codes)  # CRLF would take two bytes

    def digest(self) -> str:
        return of_files([Path(self.path)])

    def spec(self) -> Spec:
        if self.bytewise:
            return Spec(vocabulary=BYTES)
        return Spec(vocabulary=self.vocabulary or tuple(chr(code) for code in self.scan.present))

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Characters]:
        """Training: each row reads its own piece of the text again and again; in each epoch the pieces are shifted by up to
        `length`. Validation: the held-out end once, in stretches. "all" is the whole text. Raises DataError if the text is too
        short."""
        check_split(self, split)
        if split == "all":
            yield from self.stretches([(0, self.scan.symbols)], rank, ranks)
            return
        if split == "valid":
            self.check_held_out()
            yield from self.stretches(self.held(), rank, ranks)
            return
        if self.pieces > 1:  # which may be the cause of what is told below
            self.check_held_out()
        rows, count = self.batch * ranks, self.kept * self.pieces
        each = (count - self.length) // rows  # symbols of a row: there are `length` more than that, to begin later
        steps = (each - 1) // self.length
        if steps < 1:
            raise DataError(
                f"{self.path} has {count} symbols to train on, and {rows} rows of {self.length} need "
                f"{rows * (self.length + 1) + self.length}; lower data.batch or data.length, or give a longer text"
            )
        self.check_held_out()
        for step in itertools.count(start):
            times, place = divmod(step, steps)
            offset = int(torch.randint(0, self.length, (), generator=generator(seed, times)))
            firsts = offset + place * self.length + each * np.arange(rank * self.batch, (rank + 1) * self.batch)
            tokens = np.stack([self.read_kept(first, first + self.length + 1) for first in firsts.tolist()])
            yield Characters(torch.from_numpy(tokens).long(), torch.full((self.batch,), place == 0))

    def check_held_out(self) -> None:
        """Raises DataError if the held-out part is empty."""
        if self.held_out > 0 and self.kept == self.piece:
            several = self.pieces > 1
            raise DataError(
                f"{self.path} has {self.scan.symbols} symbols, and of {f'each of {self.pieces} pieces' if several else 'those'} "
                f"less than one is held out ({self.held_out:.2g}); {'lower data.pieces' if several else 'raise data.held_out'}, "
                "or give a longer text"
            )

    @property
    def piece(self) -> int:
        """Symbols per piece."""
        return self.scan.symbols // self.pieces

    @property
    def kept(self) -> int:
        """Training symbols per piece."""
        return self.piece - round(self.held_out * self.piece)

    def read_kept(self, first: int, last: int) -> Array:
        """`read` on the concatenated training parts of all pieces."""
        parts = []
        while first < last:
            number, place = divmod(first, self.kept)
            stop = min(self.kept, place + last - first)
            parts.append(self.read(number * self.piece + place, number * self.piece + stop))
            first += stop - place
        return np.concatenate(parts)

    def held(self) -> list[tuple[int, int]]:
        """The first and last symbol (exclusive) of each held-out part."""
        ends = [self.piece * n for n in range(1, self.pieces)] + [self.scan.symbols]
        return [(number * self.piece + self.kept, end) for number, end in enumerate(ends)]

    def stretches(self, parts: list[tuple[int, int]], rank: int, ranks: int) -> Iterator[Characters]:
        """Parts of the text in stretches; stretches of the same length form a batch. Each begins with the symbol before it (the
        first with a line break), so that every symbol is predicted once."""
        whole: list[tuple[int, int]] = []
        for begin, end in parts:
            whole += [(first, min(first + STRETCH, end)) for first in range(begin, end, STRETCH)]
        groups = [list(group) for _, group in itertools.groupby(whole, lambda ends: ends[1] - ends[0])]
        batches = [group[n : n + ROWS] for group in groups for n in range(0, len(group), ROWS)]
        for batch in batches[rank::ranks]:
            rows = np.stack([self.after_line_break(last) if first == 0 else self.read(first - 1, last) for first, last in batch])
            yield Characters(torch.from_numpy(rows).long(), torch.ones(len(rows), dtype=torch.bool))

    def after_line_break(self, last: int) -> Array:
        """The text up to symbol number `last` (exclusive), preceded by a line break."""
        vocabulary = self.spec().symbols
        return np.append(encode(line_break(vocabulary), vocabulary), self.read(0, last))


def symbols_of(block: bytes, *, as_it_is: bool) -> tuple[Array, Array]:
    """The code points of whole symbols, and their byte offsets. Line ends are read as \\n, unless `as_it_is`. Raises
    UnicodeDecodeError."""
    simple = block.isascii()  # much the faster case
    codes = np.frombuffer(block, np.uint8) if simple else code_points(block)
    begin = np.arange(len(block)) if simple else np.flatnonzero((np.frombuffer(block, np.uint8) & 0xC0) != 0x80)
    if as_it_is or b"\r" not in block:
        return codes, begin
    returns = codes == ord("\r")
    single = np.append(True, ~(returns[:-1] & (codes[1:] == ord("\n"))))  # all but the second half of a CRLF
    return np.where(returns, ord("\n"), codes)[single], begin[single]


def code_points(block: bytes) -> Array:
    """The characters of UTF-8 bytes, as numbers. Raises UnicodeDecodeError."""
    return np.frombuffer(block.decode().encode("utf-32-le"), np.uint32)


# ---------------------------------------------------------------- data that needs no file


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Sums of random numbers, one per line, as 12+7=19."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    largest: int = 9
    """The largest summand."""
    count: int = 200
    """Sums for validation; training sums are generated without end."""
    batch: int = 8
    """Rows in a batch."""
    length: int = 24
    """Symbols per row and batch."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "largest", "count", "batch", "length", at_least=1)

    def spec(self) -> Spec:
        return Spec(vocabulary=tuple("\n+0123456789="))

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Characters]:
        """Every training batch starts from an empty state."""
        check_split(self, split)
        vocabulary = self.spec().symbols
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

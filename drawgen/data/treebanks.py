"""Treebanks: sentences with their constituency trees, from files in the bracket notation of the Penn Treebank.

Axes: B sentences, W words, T symbols of a tree.

The words are those of the trees, in the form that `penn_text.penn_words` gives to plain text. Function tags, indices and traces are
cut (`trees.reading.cleaned`).
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, NamedTuple, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from drawgen import files
from drawgen.contract import SPLITS, Spec, check_split, generator
from drawgen.data.captions import by_length
from drawgen.data.digests import of_files
from drawgen.data.lines import read_lines
from drawgen.data.penn_text import as_written, known, signature, signatures
from drawgen.data.pictures import DataError
from drawgen.data.tree_batches import FINISH, UNKNOWN, TreeBatch
from drawgen.ranges import check_fields
from drawgen.trees.linear import XX, linearised
from drawgen.trees.reading import TreeError, cleaned, trees
from drawgen.trees.tree import Tree

T = TypeVar("T")

ENDINGS = (".ptb", ".tree", ".trees", ".mrg", ".prd", ".penn", ".psd", ".brackets", ".txt", ".gz")
"""Endings that count as trees in a folder."""
MEND = "give a file or a folder of trees in brackets, as (S (NP dogs) (VP bark))"
SIGNED = 10
"""Rare words that have to share a signature for it to be one."""
REPLACED = 0.25
"""A word that occurs `count` times is replaced by its signature with the probability REPLACED / (REPLACED + count) in training
(Kiperwasser & Goldberg 2016)."""


class Sentence(NamedTuple):
    """A tree, and what is in it."""

    tree: Tree
    words: tuple[str, ...]
    tags: tuple[str, ...]
    symbols: tuple[str, ...]


class Numbers(NamedTuple):
    """A sentence in numbers."""

    words: Int[Tensor, " W"]
    signatures: Int[Tensor, " W"]
    rarity: Float[Tensor, " W"]
    """The probability that a word is replaced by its signature."""
    symbols: Int[Tensor, " T"]
    tags: Int[Tensor, " W"]


@dataclass(frozen=True, kw_only=True)
class Treebank:
    """Constituency trees in Penn brackets: your own, or a published treebank."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    path: str = "treebank"
    """A file or a folder of trees in Penn brackets (.ptb, .tree, .mrg, .txt ..., also .gz)."""
    valid: str = ""
    """A second file or folder, for validation."""
    held_out: float = 0.1
    """Fraction held out for validation: whole files of a folder, evenly spread over their names, or the end of the trees if there
    are too few files."""
    batch: int = 64
    """Sentences in a batch; fewer if the data has fewer."""
    longest: int = 60
    """Sentences of more words are left out of training."""
    min_count: int = 2
    """Words that occur less often in training are not in the vocabulary."""
    vocabulary: tuple[str, ...] = ()
    """The symbols of trees; by default, those of the data."""
    source_vocabulary: tuple[str, ...] = ()
    """The words; by default, the frequent ones of training, after signatures of the others."""
    classes: tuple[str, ...] = ()
    """Parts of speech; by default, those of the data."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "batch", "longest", "min_count", at_least=1)
        check_fields(self, "data", "held_out", at_least=0, below=1)

    # ---------------------------------------------------------------- files

    @cached_property
    def read(self) -> tuple[dict[str, list[Sentence]], list[str], dict[str, str]]:
        """split -> its sentences; notes; what is left out -> why."""
        problems: dict[str, str] = {}
        documents = read(self.path, problems)
        count = sum(map(len, documents.values()))
        if self.valid and self.valid != self.path:
            held = [one for document in read(self.valid, problems).values() for one in document]
            kept = [one for document in documents.values() for one in document]
            why = "validation by data.valid"
        elif self.valid:
            held = kept = [one for document in documents.values() for one in document]
            why = "the same ones: data.valid is data.path"
        else:
            kept, held, why = divided(list(documents.values()), self.held_out)
        notes = [f"trees: {len(kept)} for training, {len(held)} for validation ({why})"]
        long = sum(len(one.words) > self.longest for one in kept)
        if long:
            notes.append(f"{long} of {count} sentences have more than {self.longest} words, and are left out of training")
        return {"train": kept, "valid": held}, notes, problems

    @property
    def problems(self) -> dict[str, str]:
        """What is left out: file -> reason."""
        return self.read[2]

    @property
    def notes(self) -> list[str]:
        return self.read[1]

    def sentences(self, split: str) -> list[Sentence]:
        """The sentences of a split with their trees."""
        check_split(self, split)
        return self.read[0][split]

    def digest(self) -> str:
        return of_files([file for path in (self.path, self.valid) if path for file in files_of(path)])

    # ---------------------------------------------------------------- symbols

    def spec(self) -> Spec:
        words, symbols, tags = self.vocabularies
        return Spec(vocabulary=symbols, source_vocabulary=words, classes=tags, unit="words")

    @cached_property
    def vocabularies(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """(words, symbols of trees, parts of speech)."""
        whole = [one for split in self.splits for one in self.read[0][split]]
        symbols = self.vocabulary
        if not symbols:
            labels = Counter(symbol[1:] for one in whole for symbol in one.symbols if symbol.startswith("("))
            symbols = (FINISH, XX, *(f"{mark}{label}" for label in ordered(labels) for mark in "()"))
        tags = self.classes or tuple(ordered(Counter(tag for one in whole for tag in one.tags)))
        return self.source_vocabulary or self.words(), symbols, tags

    def words(self) -> tuple[str, ...]:
        """Number 0, the signatures that rare words share, and the words that are frequent in training."""
        frequent = [word for word in ordered(self.counts) if self.counts[word] >= self.min_count]
        if not frequent:
            raise DataError(f"{self.path} has no word that occurs {self.min_count} times in training; lower data.min_count")
        shared: Counter[str] = Counter()
        for one in self.read[0]["train"]:
            for place, word in enumerate(one.words):
                if self.counts[word] <= max(1, self.min_count - 1):
                    shared.update(signatures(word, first=place == 0))
        return (UNKNOWN, *sorted(name for name, count in shared.items() if count >= SIGNED), *frequent)

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each word occurs in training."""
        return Counter(word for one in self.read[0]["train"] for word in one.words)

    # ---------------------------------------------------------------- batches

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[TreeBatch]:
        """Training: sentences of similar length together, reshuffled in every epoch; rare words are at random replaced by their
        signatures. Validation: all sentences once, by length; those with a bracket that the vocabulary lacks are left out."""
        check_split(self, split)
        chosen = [one for one in self.read[0][split] if split == "valid" or len(one.words) <= self.longest]
        items = [numbers for one in chosen if (numbers := self.numbered(one)) is not None]
        lengths = [len(item.words) for item in items]
        if split == "valid":
            order = sorted(range(len(items)), key=lambda n: (lengths[n], n))
            for first in range(rank * self.batch, len(items), ranks * self.batch):
                yield padded([items[n] for n in order[first : first + self.batch]])
            return
        batch = min(self.batch, len(items) // ranks)
        if not batch:
            raise DataError(
                f"{self.path} has {len(items)} sentences of up to {self.longest} words for training, and {ranks} are needed; "
                "give more"
            )
        for step, drawn in by_length(lengths, batch, self.path, seed=seed, start=start, rank=rank, ranks=ranks):
            rng = generator(seed, step, rank)
            yield padded([replaced(items[n], rng) for n in drawn])

    @cached_property
    def tables(self) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
        """The numbers of words, symbols and parts of speech."""
        words, symbols, tags = ({symbol: number for number, symbol in enumerate(each)} for each in self.vocabularies)
        return words, symbols, tags

    def numbered(self, one: Sentence) -> Numbers | None:
        """A sentence in numbers; None if the vocabulary lacks one of its brackets. Parts of speech that are not known are 0."""
        words, symbols, tags = self.tables
        if any(symbol not in symbols for symbol in one.symbols):
            return None
        own = [known(word, place == 0, words) for place, word in enumerate(one.words)]
        classes = [signature(word, words, first=place == 0) for place, word in enumerate(one.words)]
        rarity = torch.tensor([REPLACED / (REPLACED + self.counts[word]) for word in one.words])
        tree = [*(symbols[symbol] for symbol in one.symbols), symbols[FINISH]]
        return Numbers(
            torch.tensor(own),
            torch.tensor(classes),
            rarity,
            torch.tensor(tree),
            torch.tensor([tags.get(tag, 0) for tag in one.tags]),
        )


def ordered(counts: Counter[str]) -> list[str]:
    """The most frequent first; of equals the first in the alphabet."""
    return sorted(counts, key=lambda name: (-counts[name], name))


def replaced(item: Numbers, rng: torch.Generator) -> Numbers:
    """The sentence with rare words at random replaced by their signatures."""
    chosen = torch.rand(len(item.words), generator=rng) < item.rarity
    return item._replace(words=torch.where(chosen, item.signatures, item.words))


def padded(items: Sequence[Numbers]) -> TreeBatch:
    def together(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True), torch.tensor([len(row) for row in rows])

    words, word_lengths = together([item.words for item in items])
    symbols, symbol_lengths = together([item.symbols for item in items])
    return TreeBatch(words, word_lengths, symbols, symbol_lengths, together([item.tags for item in items])[0])


# ---------------------------------------------------------------- reading


def divided(documents: list[list[T]], held_out: float) -> tuple[list[T], list[T], str]:
    """(training, held out, how): of n documents those at which n times the fraction passes a whole number, as every tenth; if there
    are none, the end of all trees."""
    passed = [math.floor((n + 1) * held_out + 1e-9) > math.floor(n * held_out + 1e-9) for n in range(len(documents))]
    if any(passed):
        kept = [one for document, held in zip(documents, passed, strict=True) if not held for one in document]
        held = [one for document, held in zip(documents, passed, strict=True) if held for one in document]
        return kept, held, f"{sum(passed)} of {len(documents)} files held out: data.held_out is {held_out:g}"
    whole = [one for document in documents for one in document]
    last = len(whole) - round(held_out * len(whole))
    return whole[:last], whole[last:], f"the end held out: data.held_out is {held_out:g}"


def files_of(path: str) -> list[Path]:
    """The files of a path: itself or, of a folder, those with trees' endings. Raises DataError."""
    place = Path(path)
    if not files.is_folder(place):
        return [place]
    try:
        found = files.files_in(place, ENDINGS, deep=True)
    except OSError as error:
        raise DataError(f"the folder {path} cannot be read ({files.reason(error)}); {MEND}") from error
    if not found:
        raise DataError(f"the folder {path} has no files of trees ({', '.join(ENDINGS)}); {MEND}")
    return found


def read(path: str, problems: dict[str, str]) -> dict[Path, list[Sentence]]:
    """The sentences of each file. In a folder, texts without any bracket are left out. Raises DataError."""
    found: dict[Path, list[Sentence]] = {}
    several = files.is_folder(path)
    for file in files_of(path):
        text = "\n".join(read_lines(file, MEND))
        if several and "(" not in text:
            problems[str(file)] = "it has no brackets, and so no trees"
            continue
        found[file] = list(sentences_of(text, file, problems))
    if not any(found.values()):
        raise DataError(f"{path} has no trees; {MEND}")
    return found


def sentences_of(text: str, file: Path, problems: dict[str, str]) -> Iterator[Sentence]:
    """Raises DataError, with the file and the line, for text that is not trees."""
    try:
        for number, tree in enumerate(trees(text), 1):
            kept = cleaned(tree)
            if kept is None:
                problems[f"{file}, tree {number}"] = "it has no words but traces"
                continue
            words, tags, symbols = linearised(kept)
            written = [as_written(word, tag) for word, tag in zip(words, tags, strict=True)]
            yield Sentence(kept, tuple(written), tuple(tags), tuple(symbols))
    except TreeError as error:
        raise DataError(f"{file}, {error}") from error

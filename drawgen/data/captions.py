"""Pictures with captions as training data: your own, COCO's, Flickr's (`caption_files` reads them).

Axes: B pictures, C channels, H rows, W columns, T words.

Only the texts are held in memory; pictures are read batch by batch. Unusable entries (captions without a picture, pictures without
a caption, damaged pictures) are left out and reported; with `strict` the first one raises an error.
"""

import itertools
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from drawgen.contract import Spec, check_split, generator
from drawgen.data.caption_files import Entry, Report, read, read_texts
from drawgen.data.digests import digest, sampled, spread
from drawgen.data.pictures import DataError, shuffled
from drawgen.data.words import CUT, words_of
from drawgen.images import ImageError, fit_to, load_image
from drawgen.ranges import check_fields

START, END, UNKNOWN = 0, 1, 2
SPECIAL = ("<start>", "<end>", "<unknown>")
"""The first symbols of every vocabulary of words."""
LARGEST = 10_000
"""Words of a vocabulary, at most."""
POOL = 8
"""Batches whose captions are sorted by length together."""
CENTRAL = 2
"""The views that are the central square, as it is and mirrored."""
LEAST_VIEW = 0.75
"""Smallest side of a view, as a fraction of the picture's short side."""
PARTS = {"train": "training", "valid": "validation", "test": "test"}


class CaptionBatch(NamedTuple):
    """A batch of pictures, each with one caption."""

    images: Float[Tensor, "B C H W"]
    tokens: Int[Tensor, "B T"]
    """START, the words, then END up to the end of the row."""
    lengths: Int[Tensor, " B"]
    """Number of symbols, counting START and the first END."""

    def items(self) -> tuple[str, int]:
        return "captions", len(self.tokens)


class TextBatch(NamedTuple):
    """A batch of captions without pictures, from which the decoder learns the language."""

    tokens: Int[Tensor, "B T"]
    lengths: Int[Tensor, " B"]
    evidence: Float[Tensor, "B E"] | None = None
    """What a classifier would say of the pictures (`nn.label_evidence`); None: nothing is known of them."""

    def items(self) -> tuple[str, int]:
        return "captions", len(self.tokens)


class Example(NamedTuple):
    """One picture with its reference captions."""

    name: str
    picture: Float[Tensor, "C H W"]
    captions: Sequence[str]
    scene: Any = None
    """The picture's content, if it is known: it can judge any caption (`scenes.Scene`)."""


# ---------------------------------------------------------------- words


def vocabulary_of(words: Iterable[str]) -> tuple[str, ...]:
    return (*SPECIAL, *words)


def encode(sentences: Sequence[Sequence[str]], vocabulary: Sequence[str]) -> tuple[Int[Tensor, "B T"], Int[Tensor, " B"]]:
    """(tokens, lengths) of sentences of words."""
    numbers = {word: number for number, word in enumerate(vocabulary)}
    lengths = torch.tensor([len(words) + 2 for words in sentences])
    tokens = torch.full((len(sentences), int(lengths.max())), END)
    for row, words in zip(tokens, sentences, strict=True):
        row[: len(words) + 1] = torch.tensor([START, *(numbers.get(word, UNKNOWN) for word in words)])
    return tokens, lengths


def frequent_words(captions: Iterable[Sequence[str]], min_count: int, where: str, most: int = LARGEST) -> tuple[str, ...]:
    """The vocabulary of captions: the words that occur `min_count` times, the most frequent first. Raises DataError if there are
    none."""
    counts = Counter(word for words in captions for word in words)
    frequent = sorted((word for word, count in counts.items() if count >= min_count), key=lambda word: (-counts[word], word))
    if not frequent:
        raise DataError(f"{where} has no word that occurs {min_count} times; lower data.min_count, or give more captions")
    return vocabulary_of(frequent[:most])


def by_length(
    lengths: Sequence[int], batch: int, where: str, *, seed: int, start: int, rank: int, ranks: int
) -> Iterator[tuple[int, list[int]]]:
    """(step, numbers of the captions in its batch): reshuffled in every epoch, with captions of like length together."""
    pool = min(POOL, len(lengths) // (batch * ranks))
    shuffles = shuffled(len(lengths), batch * pool, where, seed=seed, start=start // pool, rank=rank, ranks=ranks)
    for number, chosen in shuffles:
        ordered = sorted(chosen.tolist(), key=lambda n: (lengths[n], n))
        for place, which in enumerate(torch.randperm(pool, generator=generator(seed, number, rank)).tolist()):
            if number * pool + place >= start:
                yield number * pool + place, ordered[which * batch : (which + 1) * batch]


# ---------------------------------------------------------------- the data


def random_square(picture: Float[Tensor, "C H W"], rng: torch.Generator) -> Float[Tensor, "C S S"]:
    """A square of at least `LEAST_VIEW` of the short side, at a random place."""
    height, width = picture.shape[1:]
    scale, *place = torch.rand(3, generator=rng).tolist()
    side = max(1, round(min(height, width) * (LEAST_VIEW + (1 - LEAST_VIEW) * scale)))
    top, left = (round(share * (size - side)) for share, size in zip(place, (height, width), strict=True))
    return picture[:, top : top + side, left : left + side]


@dataclass(frozen=True, kw_only=True)
class Captioned:
    """Your own pictures with captions, or COCO's or Flickr's."""

    splits: ClassVar[tuple[str, ...]] = ("train", "valid", "test")
    path: str = "captions"
    """A folder with captions.csv, .tsv, .jsonl or .json beside its pictures, or with Hugging Face's metadata.csv; COCO's root or
    its captions_*.json, Karpathy's dataset JSON, Flickr8k.token.txt, or another such file."""
    pictures: str = ""
    """The folder of the pictures, if they are not beside the captions; for COCO the folder train2017 or its parent."""
    valid: str = ""
    """A second folder or file for validation, such as COCO's captions_val2017.json."""
    valid_pictures: str = ""
    """The folder of the validation pictures, if they are elsewhere."""
    text: str = ""
    """A file of captions that need no pictures, in any of these formats or one per line: training begins with them. Those of the
    pictures held out for validation and test are left out, by the names of the pictures and by the lists beside the file."""
    text_steps: int = 1500
    """Batches of these texts, before the pictures."""
    side_px: int = 224
    """Side that the central square of each picture is resized to."""
    views: int = 1
    """Views of each training picture: its central square, that square mirrored, then random squares of three quarters of the short
    side and more, half of them mirrored."""
    batch: int = 32
    """Captions in a batch; fewer if the data has fewer."""
    min_count: int = 5
    """Words that occur less often are not in the vocabulary."""
    most_words: int = LARGEST
    """Largest size of the vocabulary; the most frequent words are kept."""
    longest: int = 30
    """Longer captions are truncated to this many words in training."""
    held_out: float = 0.1
    """Fraction of the pictures held out for validation, if the data has no splits."""
    keep_mb: int = 512
    """Memory, in MB, for resized pictures, which are then read only once; pictures beyond it are read again in every epoch."""
    strict: bool = False
    """Stop at the first entry that cannot be used, instead of leaving it out."""
    vocabulary: tuple[str, ...] = ()
    """The vocabulary; by default, the words of the captions."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "side_px", "batch", "views", "min_count", "most_words", "longest", at_least=1)
        check_fields(self, "data", "keep_mb", "text_steps", at_least=0)
        check_fields(self, "data", "held_out", at_least=0, below=1)

    words_are_cut: ClassVar[str] = CUT
    """For the model card."""

    @cached_property
    def report(self) -> Report:
        return Report(strict=self.strict)

    @property
    def problems(self) -> dict[str, str]:
        """What has been left out so far: name -> reason."""
        return self.report.left_out

    @property
    def notes(self) -> list[str]:
        """Sentences that describe the data in use."""
        _ = self.entries
        return self.report.used

    @cached_property
    def damaged(self) -> set[str]:
        """Pictures that could not be read."""
        return set()

    @cached_property
    def kept(self) -> dict[tuple[str, int], UInt8[Tensor, "3 H W"]]:
        """Views of pictures at the encoder's input size."""
        return {}

    @cached_property
    def texts(self) -> list[list[list[str]]]:
        """The words of the captions of `text`: those of one picture together."""
        if not self.text:
            return []
        held_out = [entry.picture for split in ("valid", "test") for entry in self.entries[split]]
        groups = read_texts(Path(self.text), self.report, without=held_out)
        return [[words_of(caption) for caption in captions] for captions in groups]

    @cached_property
    def entries(self) -> dict[str, list[Entry]]:
        """split -> its pictures with captions; every picture's path is that of its file."""
        same = self.valid == self.path  # as where a file for validation is measured
        found = read(Path(self.path), (self.valid_pictures if same else "") or self.pictures, self.report)
        splits: dict[str, list[Entry]] = {split: [e for e in found if e.split == split] for split in ("train", "valid", "test")}
        marked = any(splits.values())
        why = "as the data says" if marked else ""
        if self.valid and not same:
            told = read(Path(self.valid), self.valid_pictures or self.pictures, self.report)
            if splits["valid"]:
                unused = f"{len(splits['valid'])} pictures marked for validation are not used"
                self.report.used.append(f"{unused}: data.valid names others")
            splits["train"] = splits["train"] if marked else found
            splits["valid"] = [entry for entry in told if entry.split in (None, "valid")] or told
            if len(splits["valid"]) < len(told):
                self.report.used.append(f"of {self.valid} only those marked for validation are used")
            both = {entry.picture for entry in splits["train"]} & {entry.picture for entry in splits["valid"]}
            if both:
                self.report.used.append(f"{len(both)} pictures are in both parts, for training and for validation")
            why = "validation by data.valid"
        elif self.valid and not marked:
            splits |= {"train": found, "valid": found}
            why = "the same ones: data.valid is data.path"
        elif not marked:
            order = torch.randperm(len(found), generator=generator(0)).tolist()
            held = set(order[: round(self.held_out * len(found))])
            for n, entry in enumerate(found):
                splits["valid" if n in held else "train"].append(entry)
            why = f"held out: data.held_out is {self.held_out}"
        counts = ", ".join(f"{len(splits[split])} for {name}" for split, name in PARTS.items() if splits[split] or split != "test")
        self.report.used.append(f"pictures: {counts} ({why})")
        captions = sum(len(entry.captions) for entry in splits["train"])
        if 0 < captions < self.batch:
            self.report.used.append(f"batches of {captions}: there are no more captions for training (data.batch is {self.batch})")
        return splits

    def digest(self) -> str:
        """A digest of all captions, and of samples of the pictures."""
        told = [(split, Path(entry.picture), entry.captions) for split, entries in self.entries.items() for entry in entries]
        some = [sampled(told[n][1], 4) for n in spread(len(told))]
        return digest([(split, path.name, captions) for split, path, captions in told], some, *([self.texts] if self.text else []))

    def part(self, split: str) -> list[Entry]:
        """The pictures of a split. Raises DataError for another name."""
        if split not in self.entries:
            raise DataError(f"there is no split {split!r} of {self.path}; there are {', '.join(self.entries)}")
        return self.entries[split]

    def spec(self) -> Spec:
        return Spec((3, self.side_px, self.side_px), self.words)

    @cached_property
    def words(self) -> tuple[str, ...]:
        if self.vocabulary:
            return self.vocabulary
        captions = (words_of(caption) for entry in self.entries["train"] for caption in entry.captions)
        texts = (words for group in self.texts for words in group)
        return frequent_words(itertools.chain(captions, texts), self.min_count, self.path, self.most_words)

    @property
    def lead_in(self) -> int:
        """Batches of texts, before the pictures."""
        return self.text_steps if self.text else 0

    def extending(self, vocabulary: tuple[str, ...]) -> "Captioned":
        """The data with these words and, after them, the frequent words of its captions that are new."""
        known = set(vocabulary)
        new = tuple(word for word in self.words if word not in known)
        extended = replace(self, vocabulary=(*vocabulary, *new))
        some = f": {', '.join(new[:5])}{' ...' if len(new) > 5 else ''}" if new else ""
        extended.report.used.append(f"words: {len(known) - len(SPECIAL)} that are known, and {len(new)} new ones{some}")
        return extended

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[CaptionBatch | TextBatch]:
        """Training: first the texts, then every caption with its picture, reshuffled in every epoch, with captions of similar
        length batched together. Validation: all pictures once."""
        check_split(self, split)
        items = [(entry, words_of(caption)) for entry in self.entries[split] for caption in entry.captions]
        if split != "train":
            yield from self.once(split, rank=rank, ranks=ranks)
            return
        if start < self.lead_in:
            yield from itertools.islice(self.text_stream(seed=seed, start=start, rank=rank, ranks=ranks), self.lead_in - start)
        start = max(0, start - self.lead_in)
        batch = min(self.batch, len(items) // ranks)
        if not batch:
            raise DataError(f"{self.path} has {len(items)} captions for training, and {ranks} are needed; give more")
        lengths = [len(words) for _, words in items]
        for step, chosen in by_length(lengths, batch, self.path, seed=seed, start=start, rank=rank, ranks=ranks):
            views = torch.randint(self.views, (batch,), generator=generator(seed, step, rank)).tolist()
            yield from self.batches(items, chosen, views=views, whole=True)

    def once(self, split: str, *, rank: int = 0, ranks: int = 1) -> Iterator[CaptionBatch]:
        """All captions of a split with their pictures, in the order of their lengths."""
        items = [(entry, words_of(caption)) for entry in self.entries[split] for caption in entry.captions]
        items.sort(key=lambda item: len(item[1]))
        for first in range(rank * self.batch, len(items), ranks * self.batch):
            yield from self.batches(items, range(first, min(first + self.batch, len(items))), whole=False)

    def text_stream(self, *, seed: int, start: int, rank: int, ranks: int) -> Iterator[TextBatch]:
        """The captions of `text`, as captions of pictures."""
        sentences = [words for group in self.texts for words in group if words]
        batch = min(self.batch, len(sentences) // ranks)
        if not batch:
            raise DataError(f"{self.text} has {len(sentences)} captions, and {ranks} are needed; give more")
        lengths = [len(words) for words in sentences]
        for _, chosen in by_length(lengths, batch, self.path, seed=seed, start=start, rank=rank, ranks=ranks):
            yield TextBatch(*encode([sentences[n][: self.longest] for n in chosen], self.words))

    def batches(
        self, items: list[tuple[Entry, list[str]]], chosen: Sequence[int], *, views: Sequence[int] = (), whole: bool
    ) -> Iterator[CaptionBatch]:
        """One batch. A damaged picture is replaced by the next readable one or, if not `whole`, left out."""
        pictures, sentences = [], []
        for number, view in itertools.zip_longest(chosen, views, fillvalue=0):
            for entry, words in (items[n % len(items)] for n in range(number, number + (len(items) if whole else 1))):
                picture = self.picture(entry, view)
                if picture is not None:
                    pictures.append(picture)
                    sentences.append(words[: self.longest])
                    break
        if whole and not pictures:
            raise DataError(f"{self.path}: none of its pictures can be read; {next(iter(self.problems.values()))}")
        if pictures:
            yield CaptionBatch(torch.stack(pictures), *encode(sentences, self.words))

    def picture(self, entry: Entry, view: int = 0) -> Float[Tensor, "C H W"] | None:
        """A view of the picture; None if it cannot be read."""
        if entry.picture in self.damaged:
            return None
        kept = self.kept.get((entry.picture, view))
        if kept is None:
            try:
                side = self.side_px if view < CENTRAL else math.ceil(self.side_px / LEAST_VIEW)
                loaded = load_image(entry.picture, covering=(side, side))
                if view >= CENTRAL:
                    loaded = random_square(loaded, generator(view, zlib.crc32(Path(entry.picture).name.encode())))
                kept = (fit_to(loaded, (3, self.side_px, self.side_px)) * 255).round().to(torch.uint8)
                kept = kept.flip(-1) if view % 2 else kept
            except ImageError as error:
                self.report.leave_out(entry.picture, str(error))
                self.damaged.add(entry.picture)
                return None
            if (len(self.kept) + 1) * kept.numel() <= self.keep_mb * 2**20:
                self.kept[entry.picture, view] = kept
        return kept.float() / 255

    def examples(self, split: str) -> Iterator[Example]:
        """The pictures of a split with all their captions."""
        for entry in self.part(split):
            picture = self.picture(entry)
            if picture is not None:
                yield Example(entry.picture, picture, entry.captions)

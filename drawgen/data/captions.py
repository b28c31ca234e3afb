"""Pictures with captions: COCO's JSON, Karpathy's dataset JSON, Flickr8k's token file, and a plain folder of one's own.

Axes: B pictures, C channels, H rows, W columns, T words.

Only the texts are held in memory; pictures are read when their batch comes. What cannot be used (captions without a picture,
pictures without a caption, damaged pictures) is left out and told at the end, or with `strict` the first of it stops.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from drawgen.contract import Spec, generator
from drawgen.data.pictures import DataError, shuffled
from drawgen.images import STILL, ImageError, fit_to, load_image

START, END, UNKNOWN = 0, 1, 2
SPECIAL = ("<start>", "<end>", "<unknown>")
"""The first symbols of every vocabulary of words."""
POOL = 8
"""Batches whose captions are sorted by length together."""
OWN = ("captions.csv", "captions.tsv", "captions.jsonl")
"""The files of a plain folder."""
KNOWN = (*OWN, "captions.json", "dataset.json", "Flickr8k.token.txt")
PICTURE_NAMES = ("picture", "image", "file", "file_name", "filename", "path")
CAPTION_NAMES = ("caption", "captions", "text", "sentence")
SPLITS = {"train": "train", "restval": "train", "val": "valid", "valid": "valid", "dev": "valid", "test": "test"}


class Captions(NamedTuple):
    """A batch of pictures, each with one caption."""

    images: Float[Tensor, "B C H W"]
    tokens: Int[Tensor, "B T"]
    """START, the words, and END from there on."""
    lengths: Int[Tensor, " B"]
    """Symbols with the start and the first end."""


class Example(NamedTuple):
    """One picture to describe, with what people said of it."""

    name: str
    picture: Float[Tensor, "C H W"]
    captions: Sequence[str]
    scene: Any = None
    """What is in the picture, where that is known: it can judge any caption (`scenes.Scene`)."""


class Entry(NamedTuple):
    """A picture's file and its captions."""

    picture: str
    captions: list[str]
    split: str | None
    """train, valid or test, where the data says."""


# ---------------------------------------------------------------- words


def words_of(caption: str) -> list[str]:
    """Lower-case words, without punctuation: letters and digits, with apostrophes and hyphens inside.

    >>> words_of("A man's dog -- black-and-white, 2 years old!")
    ['a', "man's", 'dog', 'black-and-white', '2', 'years', 'old']
    """
    return re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", caption.lower())


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


# ---------------------------------------------------------------- the data


@dataclass(frozen=True, kw_only=True)
class Captioned:
    """Pictures with captions of one's own, or of COCO or Flickr."""

    path: str = "captions"
    """A folder with captions.csv, .tsv or .jsonl beside its pictures; or COCO's captions_*.json, Karpathy's dataset JSON, or
    Flickr8k.token.txt."""
    pictures: str = ""
    """The folder of the pictures, where they do not lie beside the captions."""
    valid: str = ""
    """Another such folder or file for validation, as COCO's captions_val2017.json."""
    side_px: int = 224
    """The middle square of each picture is resized to this."""
    batch: int = 32
    """Captions in a batch."""
    min_count: int = 5
    """Rarer words are not learnt."""
    most_words: int = 10_000
    """Words that are learnt at most, the most frequent ones."""
    longest: int = 30
    """Longer captions are cut to so many words for training."""
    held_out: float = 0.1
    """Share of the pictures kept for validation where the data does not say which."""
    keep_mb: int = 512
    """Memory for pictures that are kept as the net sees them, so that they are read once; beyond it they are read every time."""
    strict: bool = False
    """Stop at the first entry that cannot be used, instead of leaving it out."""
    vocabulary: tuple[str, ...] = ()
    """Take these words; empty: those of the captions."""

    def __post_init__(self) -> None:
        for name in ("side_px", "batch", "min_count", "most_words", "longest"):
            if getattr(self, name) < 1:
                raise ValueError(f"data.{name} is {getattr(self, name)}; it has to be at least 1")
        if self.keep_mb < 0:
            raise ValueError(f"data.keep_mb is {self.keep_mb}; it has to be at least 0 (keep none)")
        if not 0 <= self.held_out < 1:
            raise ValueError(f"data.held_out is {self.held_out}; it has to lie between 0 and 1 (1 excluded)")

    @cached_property
    def problems(self) -> dict[str, str]:
        """What was left out so far: name -> why."""
        return {}

    def leave_out(self, name: str, why: str) -> None:
        """Raises DataError where the data is to be strict."""
        if self.strict:
            raise DataError(f"{name}: {why}; mend it, or leave --data.strict out to go on without it")
        self.problems[name] = why

    @cached_property
    def kept(self) -> dict[str, UInt8[Tensor, "3 H W"]]:
        """Pictures as the net sees them."""
        return {}

    @cached_property
    def entries(self) -> dict[str, list[Entry]]:
        """split -> its pictures with captions; every picture's path leads to its file."""
        found = list(read(Path(self.path), self.pictures, self.leave_out))
        if self.valid:
            told = list(read(Path(self.valid), self.pictures, self.leave_out))
            found = [entry._replace(split="train") for entry in found] + [entry._replace(split="valid") for entry in told]
        elif not any(entry.split for entry in found):
            order = torch.randperm(len(found), generator=generator(0)).tolist()
            held = set(order[: round(self.held_out * len(found))])
            found = [entry._replace(split="valid" if n in held else "train") for n, entry in enumerate(found)]
        splits: dict[str, list[Entry]] = {"train": [], "valid": [], "test": []}
        for entry in found:
            splits[entry.split or "train"].append(entry)
        return splits

    def spec(self) -> Spec:
        return Spec((3, self.side_px, self.side_px), self.words)

    @cached_property
    def words(self) -> tuple[str, ...]:
        if self.vocabulary:
            return self.vocabulary
        counts = Counter(word for entry in self.entries["train"] for caption in entry.captions for word in words_of(caption))
        frequent = sorted((word for word, count in counts.items() if count >= self.min_count), key=lambda w: (-counts[w], w))
        if not frequent:
            raise DataError(
                f"{self.path} has no word that occurs {self.min_count} times; lower data.min_count, or give more captions"
            )
        return vocabulary_of(frequent[: self.most_words])

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Captions]:
        """For training, every caption in a new order each time through, those of like length together; for validation, all once."""
        items = [(entry, words_of(caption)) for entry in self.entries[split] for caption in entry.captions]
        if split != "train":
            items.sort(key=lambda item: len(item[1]))
            for first in range(rank * self.batch, len(items), ranks * self.batch):
                yield from self.batches(items, range(first, min(first + self.batch, len(items))), whole=False)
            return
        pool = max(1, min(POOL, len(items) // (self.batch * ranks)))
        shuffles = shuffled(len(items), self.batch * pool, self.path, seed=seed, start=start // pool, rank=rank, ranks=ranks)
        for number, chosen in shuffles:
            ordered = sorted(chosen.tolist(), key=lambda n: (len(items[n][1]), n))
            for place, which in enumerate(torch.randperm(pool, generator=generator(seed, number, rank)).tolist()):
                if number * pool + place >= start:
                    yield from self.batches(items, ordered[which * self.batch : (which + 1) * self.batch], whole=True)

    def batches(self, items: list[tuple[Entry, list[str]]], chosen: Sequence[int], *, whole: bool) -> Iterator[Captions]:
        """One batch. In the place of a damaged picture comes the next that can be read, or, not `whole`, none."""
        pictures, sentences = [], []
        for number in chosen:
            for entry, words in (items[n % len(items)] for n in range(number, number + (len(items) if whole else 1))):
                picture = self.picture(entry)
                if picture is not None:
                    pictures.append(picture)
                    sentences.append(words[: self.longest])
                    break
        if whole and not pictures:
            raise DataError(f"{self.path}: none of its pictures can be read; {next(iter(self.problems.values()))}")
        if pictures:
            yield Captions(torch.stack(pictures), *encode(sentences, self.words))

    def picture(self, entry: Entry) -> Float[Tensor, "C H W"] | None:
        """None for one that cannot be read."""
        if entry.picture in self.problems:
            return None
        kept = self.kept.get(entry.picture)
        if kept is None:
            try:
                loaded = load_image(entry.picture, covering=(self.side_px, self.side_px))
                kept = (fit_to(loaded, (3, self.side_px, self.side_px)) * 255).round().to(torch.uint8)
            except ImageError as error:
                self.leave_out(entry.picture, str(error))
                return None
            if (len(self.kept) + 1) * kept.numel() <= self.keep_mb * 2**20:
                self.kept[entry.picture] = kept
        return kept.float() / 255

    def examples(self, split: str) -> Iterator[Example]:
        """The pictures of a split with all their captions."""
        for entry in self.entries[split]:
            picture = self.picture(entry)
            if picture is not None:
                yield Example(entry.picture, picture, entry.captions)


# ---------------------------------------------------------------- files


def read(path: Path, pictures: str, leave_out: Callable[[str, str], None]) -> Iterator[Entry]:
    """The entries of a folder or file whose pictures are there. Raises DataError."""
    file = path
    if path.is_dir():
        file = next((path / name for name in KNOWN if (path / name).is_file()), path / KNOWN[0])
        if not file.is_file():
            raise DataError(
                f"the folder {path} holds no captions; put {', '.join(OWN[:2])} or {OWN[2]} into it, beside its pictures"
            )
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DataError(
            f"{file} cannot be read ({error.strerror}); give a folder with captions.csv, or a file of captions"
        ) from error
    suffix = file.suffix.lower()
    if suffix == ".json":
        entries = read_json(content, file)
    elif suffix in (".csv", ".tsv"):
        entries = read_table(text_of(content, file), file, "," if suffix == ".csv" else "\t")
    elif suffix == ".jsonl":
        entries = read_lines(text_of(content, file), file)
    elif suffix == ".txt":
        entries = read_flickr(text_of(content, file), file)
    else:
        raise DataError(f"{file} is no file of captions that is known; give .csv, .tsv, .jsonl, .json or Flickr8k.token.txt")
    if not entries:
        raise DataError(f"{file} holds no captions; give one with some")
    folders = [Path(pictures)] if pictures else places(file)
    if pictures and not Path(pictures).is_dir():
        raise DataError(f"the folder of pictures {pictures} does not exist; check data.pictures")
    some = [entry.picture for entry in entries[:100]]
    folder = next((f for f in folders if any((f / name).is_file() for name in some)), None)
    if folder is None:
        tried = " and ".join(str(f) for f in folders)
        raise DataError(
            f"none of the pictures of {file} lies in {tried} ({some[0]} is the first); name their folder by --data.pictures"
        )
    for entry in entries:
        captions = [caption for caption in entry.captions if words_of(caption)]
        if len(captions) < len(entry.captions):
            leave_out(f"{file}, {entry.picture}", "it has an empty caption")
        if not (folder / entry.picture).is_file():
            leave_out(str(folder / entry.picture), "the captions name it, and it is not there")
        elif captions:
            yield Entry(str(folder / entry.picture), captions, entry.split)
        elif not entry.captions:
            leave_out(str(folder / entry.picture), "it has no caption")
    if file.name in OWN:
        told = {entry.picture for entry in entries}
        for other in sorted(p.name for p in folder.iterdir() if p.suffix.lower() in STILL):
            if other not in told:
                leave_out(str(folder / other), f"{file.name} has no caption of it")


def places(file: Path) -> list[Path]:
    """Where the pictures of a file of captions may lie."""
    around, name = file.parent, file.stem.removeprefix("captions_")
    return [around, around / "images", around / "Images", around.parent / name, around.parent / "images"]


def text_of(content: bytes, file: Path) -> str:
    """Raises DataError, with the line, for what is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{file}, line {line}, is not UTF-8 ({error.reason}); save the file as UTF-8") from error


def gather(pairs: Iterable[tuple[str, Sequence[str]]], splits: dict[str, str] | None = None) -> list[Entry]:
    """One entry a picture, in the order in which they are first named."""
    found: dict[str, list[str]] = {}
    for picture, captions in pairs:
        found.setdefault(picture, []).extend(captions)
    return [Entry(picture, captions, splits.get(picture, "none") if splits else None) for picture, captions in found.items()]


def read_table(text: str, file: Path, separator: str) -> list[Entry]:
    """A header with a column of pictures and one of captions, and a line for each caption."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    pairs: list[tuple[str, list[str]]] = []
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        picture = next((n for n, name in enumerate(header) if name in PICTURE_NAMES), None)
        caption = next((n for n, name in enumerate(header) if name in CAPTION_NAMES), None)
        if picture is None or caption is None:
            raise DataError(f"{file}, line 1, has to name the columns picture and caption; it says {separator.join(header)!r:.80}")
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) <= max(picture, caption) or len(row) > len(header):
                raise DataError(
                    f"{file}, line {rows.line_num}, has {len(row)} cells and the header {len(header)}; put a caption with a "
                    f"{'comma' if separator == ',' else 'tab'} in it into quotes"
                )
            pairs.append((row[picture].strip(), [row[caption]]))
    except csv.Error as error:
        raise DataError(f"{file}, line {rows.line_num}, cannot be read ({error}); close its quotes") from error
    return gather(pairs)


def read_lines(text: str, file: Path) -> list[Entry]:
    """A JSON object a line, with `picture` and `caption` (or a list `captions`)."""
    pairs: list[tuple[str, list[str]]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{file}, line {number}, is not JSON ({error}); write one object a line") from error
        picture = next((item[name] for name in PICTURE_NAMES if name in item), None) if isinstance(item, dict) else None
        captions = next((item[name] for name in CAPTION_NAMES if name in item), None) if isinstance(item, dict) else None
        captions = [captions] if isinstance(captions, str) else captions
        if not (isinstance(picture, str) and isinstance(captions, list) and all(isinstance(c, str) for c in captions)):
            raise DataError(
                f'{file}, line {number}, has to be {{"picture": "NAME", "caption": "TEXT"}}; it is {line.strip()!r:.60}'
            )
        pairs.append((picture, captions))
    return gather(pairs)


def read_flickr(text: str, file: Path) -> list[Entry]:
    """Lines NAME.jpg#K, a tab, and the caption; Flickr_8k.trainImages.txt and its like beside it tell the splits."""
    pairs = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        head, tab, caption = line.rstrip("\r").partition("\t")
        name, mark, _ = head.partition("#")
        if not tab or not mark or not name:
            raise DataError(f"{file}, line {number}, has to be NAME.jpg#NUMBER, a tab and a caption; it is {line!r:.60}")
        pairs.append((name, [caption]))
    splits: dict[str, str] = {}
    for word in ("train", "dev", "test"):
        told = file.parent / f"Flickr_8k.{word}Images.txt"
        if told.is_file():
            names = text_of(told.read_bytes(), told).split()
            splits |= dict.fromkeys(names, SPLITS[word])
    entries = gather(pairs, splits)
    return [entry for entry in entries if entry.split != "none"]


def read_json(content: bytes, file: Path) -> list[Entry]:
    """COCO's captions, or Karpathy's data sets."""
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is not JSON ({error}); take the original file") from error
    pictures = whole.get("images") if isinstance(whole, dict) else None
    if not isinstance(pictures, list):
        raise DataError(f"{file} has no list `images`; give COCO's captions_*.json or Karpathy's dataset JSON")
    karpathy = "annotations" not in whole
    names: dict[int, str] = {}
    entries: list[Entry] = []
    for number, picture in enumerate(pictures):
        try:
            if not karpathy:
                names[picture["id"]] = checked(picture["file_name"])
                continue
            captions = [checked(sentence["raw"]) for sentence in picture["sentences"]]
            entries.append(
                Entry(str(Path(picture.get("filepath", ""), checked(picture["filename"]))), captions, SPLITS[picture["split"]])
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{file}, images[{number}], is not as it should be ({type(error).__name__}: {error}); mend it"
            ) from error
    if karpathy:
        return entries
    if not isinstance(whole["annotations"], list):
        raise DataError(f"{file} has no list `annotations`; give COCO's captions_*.json")
    pairs: list[tuple[str, list[str]]] = [(name, []) for name in names.values()]
    for number, annotation in enumerate(whole["annotations"]):
        try:
            pairs.append((names[annotation["image_id"]], [checked(annotation["caption"])]))
        except (KeyError, TypeError) as error:
            raise DataError(
                f"{file}, annotations[{number}], has to have a caption and the image_id of a picture in images "
                f"({type(error).__name__}: {error}); mend it"
            ) from error
    return gather(pairs)


def checked(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{text!r:.40} is no text")
    return text

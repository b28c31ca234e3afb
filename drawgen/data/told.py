"""Captions without pictures, each with what the labels of a classifier would say of the picture that it describes.

So a captioner of photographs can be trained where captions are free and photographs are not. A caption mentions things; each thing
is one of ImageNet's labels (`label_words`), and the vector that a decoder reads (`label_evidence`) is simulated from the
classifier's own weights, so that it confuses what the classifier confuses:

    logits = background + sum over the things a g(label)

g(label) is the direction of the label's weights, as logits of all labels, with 1 for the label itself; a is drawn for each thing of
each caption. The background is the mean logits of the free photographs, on the way to those of two of them. Of the places, each
thing has its own, where it is seen more clearly. All captions of a picture say what is in it: the more of them mention a thing, the
clearer it is.

Axes: B captions, L labels, K words of `label_words`, P photographs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from drawgen.contract import Spec, check_split, generator
from drawgen.data.caption_files import Report, read_texts
from drawgen.data.captions import CaptionBatch, Captioned, Example, TextBatch, by_length, encode, frequent_words
from drawgen.data.digests import digest
from drawgen.data.pictures import DataError
from drawgen.data.words import words_of
from drawgen.nn import efficientnet_lite, label_evidence
from drawgen.nn.label_words import label_words, mentions
from drawgen.ranges import check_fields

PLAIN = {
    **dict.fromkeys(("man", "woman", "boy", "girl", "guy", "lady", "child", "kid", "baby", "toddler", "male", "female"), "person"),
    **dict.fromkeys(("men", "women", "boys", "girls", "guys", "ladies", "children", "kids", "males", "females"), "people"),
    **dict.fromkeys(("man's", "woman's", "boy's", "girl's", "child's", "baby's"), "person's"),
    **dict.fromkeys(("his", "her"), "their"),
    **dict.fromkeys(("himself", "herself"), "themselves"),
}
"""What is said of people where a classifier knows no more than that they are people."""
COLOURS = frozenset(["black", "white", "red", "blue", "green", "yellow", "brown", "pink", "purple", "gray", "grey", "blonde"])
"""Words that are left out, since the labels do not tell colours."""
PEOPLE = 0.4
"""The fraction of a picture's captions that speak of people if it shows some."""
CLARITY = (2.0, 18.0)
"""Range of a: a thing is hardly seen, or certain."""
NEARER = 6.0
"""Range of what is added to a at the thing's own place."""
OVERLOOKED = 0.75
"""The probability that a thing that hardly any caption mentions is not seen."""
UNCERTAIN = 1.4
"""The probe's spread for new photographs, over that for the photographs that it was fitted to."""


def plain(words: list[str]) -> list[str]:
    """A caption without what the labels do not tell: "a man in a black and white shirt" is "a person in a shirt"."""
    kept: list[str] = []
    for n, word in enumerate(words):
        between = word == "and" and 0 < n < len(words) - 1 and words[n - 1] in COLOURS and words[n + 1] in COLOURS
        if word not in COLOURS and not between:
            kept.append(PLAIN.get(word, word))
    return kept


class Backgrounds(NamedTuple):
    """What the classifier says of photographs."""

    logits: Float[Tensor, "P L"]
    """Of the whole picture."""
    places: Float[Tensor, "P K"]
    """The largest probability of each word over the places."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """Captions without pictures, with a simulation of what a classifier would say of them."""

    splits: ClassVar[tuple[str, ...]] = ("train", "valid", "test")
    path: str = "captions_val2017.json"
    """A file of captions, several of each picture; the pictures are not needed."""
    pictures: str = "free"
    """A folder of captioned photographs: their logits are the backgrounds, and they are the validation split."""
    batch: int = 64
    """Captions in a batch."""
    min_count: int = 5
    """Words that occur less often are not in the vocabulary."""
    longest: int = 30
    """Longer captions are truncated to this many words in training."""
    vocabulary: tuple[str, ...] = ()
    """The vocabulary; by default, the words of the captions."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "batch", "min_count", "longest", at_least=1)

    @cached_property
    def report(self) -> Report:
        return Report()

    @property
    def notes(self) -> list[str]:
        """Sentences that describe the data in use."""
        _ = self.groups, self.photographs.entries
        return [*self.report.used, *self.photographs.report.used]

    @property
    def problems(self) -> dict[str, str]:
        """What has been left out so far: name -> reason."""
        return self.report.left_out | self.photographs.problems

    @cached_property
    def photographs(self) -> Captioned:
        return Captioned(path=self.pictures, batch=self.batch, longest=self.longest, held_out=0.0, vocabulary=self.words)

    @cached_property
    def groups(self) -> list[list[list[str]]]:
        """The words of the captions: those of one picture together, made `plain`."""
        groups = read_texts(Path(self.path), self.report)
        told = [[plain(words_of(caption)) for caption in group] for group in groups]
        return [words for group in told if (words := [words for words in group if words])]

    @cached_property
    def words(self) -> tuple[str, ...]:
        return self.vocabulary or frequent_words((words for group in self.groups for words in group), self.min_count, self.path)

    def spec(self) -> Spec:
        return Spec((3, 224, 224), self.words)

    def digest(self) -> str:
        """A digest of all captions, and of the photographs."""
        return digest(self.groups, self.photographs.digest())

    # ---------------------------------------------------------------- batches

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[CaptionBatch | TextBatch]:
        """Training: captions with simulated evidence, without end. Validation: the photographs."""
        check_split(self, split)
        if split != "train":
            if split == "valid":
                yield from self.photographs.once("train", rank=rank, ranks=ranks)
            return
        sentences = [(number, words) for number, group in enumerate(self.groups) for words in group]
        batch = min(self.batch, len(sentences) // ranks)
        if not batch:
            raise DataError(f"{self.path} has {len(sentences)} captions, and {ranks} are needed; give more")
        lengths = [len(words) for _, words in sentences]
        for step, chosen in by_length(lengths, batch, self.path, seed=seed, start=start, rank=rank, ranks=ranks):
            tokens = encode([sentences[n][1][: self.longest] for n in chosen], self.words)
            yield TextBatch(*tokens, self.simulated([sentences[n][0] for n in chosen], generator(seed, step, rank)))

    def examples(self, split: str) -> Iterator[Example]:
        """The photographs with all their captions."""
        yield from self.photographs.examples("train") if split == "valid" else ()

    # ---------------------------------------------------------------- the simulation

    @cached_property
    def mentioned(self) -> Float[Tensor, "_ K"]:
        """The fraction of the captions of each picture that mention a word."""
        numbers = {word: k for k, word in enumerate(label_evidence.WORDS)}
        found = torch.zeros(len(self.groups), len(numbers))
        for row, group in zip(found, self.groups, strict=True):
            for words in group:
                row[[numbers[word] for word in set(words) & numbers.keys()]] += 1 / len(group)
        return found

    @cached_property
    def peopled(self) -> Float[Tensor, " _"]:
        """1 for pictures of people."""
        said = [sum(not label_evidence.PEOPLE.isdisjoint(words) for words in group) / len(group) for group in self.groups]
        return (torch.tensor(said) >= PEOPLE).float()

    @cached_property
    def backgrounds(self) -> Backgrounds:
        """What the classifier says of the photographs and of their mirror images."""
        net = efficientnet_lite.installed()
        logits, places = [], []
        for example in self.photographs.examples("train"):
            views = torch.stack([example.picture, example.picture.flip(-1)])
            with torch.no_grad():
                features = net.features(views).flatten(2).transpose(1, 2)
                logits.append(net.classifier(features.mean(1)))
                places.append((net.classifier(features).softmax(-1) @ mentions(label_evidence.WORDS)).amax(1))
        return Backgrounds(torch.cat(logits), torch.cat(places))

    @cached_property
    def directions(self) -> Float[Tensor, "L L"]:
        """g: for each label, the change of all logits."""
        weights = efficientnet_lite.installed().classifier.weight
        return weights @ weights.t() / weights.square().sum(1, keepdim=True)

    def simulated(self, pictures: list[int], rng: torch.Generator) -> Float[Tensor, "B E"]:
        """The vector of evidence of each caption, by the number of its picture."""

        def uniform(*shape: int) -> Tensor:
            return torch.rand(shape, generator=rng)

        rows, (logits, places) = len(pictures), self.backgrounds
        one, other = torch.randint(len(logits), (2, rows), generator=rng)
        share, strength = uniform(rows, 1) / 2, uniform(rows, 1) ** 0.7
        mean = logits.mean(0)
        background = mean + strength * ((1 - share) * logits[one] + share * logits[other] - mean)
        near = strength * places[one]
        whole = background.clone()
        things: list[tuple[int, int, float]] = []
        for row, picture in enumerate(pictures):
            for label, said in self.things(self.mentioned[picture], rng):
                clear = (CLARITY[0] + (CLARITY[1] - CLARITY[0]) * float(uniform(1))) * (0.4 + 0.6 * said)
                whole[row] += clear * self.directions[label]
                things.append((row, label, clear + NEARER * float(uniform(1))))
        words = mentions(label_evidence.WORDS)
        if things:
            which, labels = torch.tensor([(row, label) for row, label, _ in things]).t()
            clear_there = torch.tensor([clear for *_, clear in things])[:, None]
            seen = (background[which] + clear_there * self.directions[labels]).softmax(-1) @ words
            near = near.scatter_reduce(0, which[:, None].expand_as(seen), seen, "amax")
        probe = label_evidence.person_probe(label_evidence.CPU)
        mean_of, spread_of = (torch.stack([probe.unseen[n], probe.seen[n]])[self.peopled[pictures].long()] for n in (0, 1))
        person = mean_of + UNCERTAIN * spread_of * torch.randn(rows, generator=rng)
        return label_evidence.joined(whole.softmax(-1) @ words, near, person)

    def things(self, mentioned: Float[Tensor, " K"], rng: torch.Generator) -> Iterator[tuple[int, float]]:
        """(label, fraction of the captions that mention it) of the things in a picture. A word with few labels is more certain of
        its label than one with many, and words that may mean the same label mean one thing."""
        found: list[int] = []
        names = label_words()
        words = [label_evidence.WORDS[k] for k in mentioned.nonzero()[:, 0].tolist()]
        said = dict(zip(words, mentioned[mentioned > 0].tolist(), strict=True))
        for word in sorted(words, key=lambda word: len(names[word])):
            if float(torch.rand(1, generator=rng)) < OVERLOOKED - said[word] or not set(names[word]).isdisjoint(found):
                continue
            found.append(names[word][int(torch.randint(len(names[word]), (1,), generator=rng))])
            yield found[-1], said[word]

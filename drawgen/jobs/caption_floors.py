"""What the scores of a captioner have to beat, and what people reach.

Axes: B pictures, C channels, H rows, W columns, D features.

    fixed             one training caption for every picture: for each score the one with which training pictures score best
    nearest           the first caption of the training picture whose features are nearest: the mean of the encoder's map, by cosine
    person            each picture's first caption against its other references
    against the same  the model against these other references
    copied            the share of the model's captions that are training captions, word by word

The fixed sentence and the nearest picture are looked for in the training part of the data alone, without the pictures that are
measured. Words are those of `words_of`, as the scores' own tokeniser takes long for all training captions.
"""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from drawgen.contract import Sees
from drawgen.data import caption_scores
from drawgen.data.caption_files import Entry
from drawgen.data.captions import Captioned, Example
from drawgen.data.digests import spread
from drawgen.data.words import words_of
from drawgen.devices import device_of
from drawgen.jobs.reports import SILENT, Reports

Words: TypeAlias = tuple[str, ...]
MOST = 2000
"""Training pictures among which the fixed sentences and the nearest are looked for; of more, so many, evenly spread."""
AT_ONCE = 16
"""Pictures encoded in one batch."""
LONGEST = 4
"""Words of the longest n-grams of BLEU-4 and CIDEr."""


class Floors:
    """Collects the pictures that are measured and the model's captions, and scores what else could have been said."""

    def __init__(self, model: Any, data: Captioned) -> None:
        self.model, self.data = model, data
        self.names: list[str] = []
        self.written: list[str] = []
        self.references: list[Sequence[str]] = []
        self.features: list[Float[Tensor, " D"]] = []
        self.waiting: list[Float[Tensor, "C H W"]] = []

    def note(self, example: Example, caption: str) -> None:
        """A measured picture, and the model's caption of it."""
        self.names.append(example.name)
        self.written.append(caption)
        self.references.append(example.captions)
        self.waiting.append(example.picture)
        if len(self.waiting) == AT_ONCE:
            self.encode()

    def encode(self) -> None:
        if isinstance(self.model, Sees) and self.waiting:
            self.features += directions(self.model, self.waiting)
        self.waiting = []

    def scores(self, reports: Reports = SILENT) -> dict[str, float]:
        """BLEU-4 and CIDEr of the floors and of a person, and `copied`; without what the data or the model cannot have. Without the
        extra `eval`, `copied` alone."""
        self.encode()
        measured = set(self.names)
        training = [entry for entry in self.data.part("train") if entry.picture not in measured]
        scores: dict[str, float] = {}
        if self.written and training:
            known = {tuple(words_of(caption)) for entry in training for caption in entry.captions}
            scores["copied"] = sum(tuple(words_of(caption)) in known for caption in self.written) / len(self.written)
        if not (self.written and caption_scores.available()):
            return scores
        if training:
            if len(training) > MOST:
                reports.say(f"the floors are those of {MOST} of the {len(training)} training pictures, evenly spread")
                training = [training[n] for n in spread(len(training), MOST)]
            scores |= self.against_training(training, reports)
        several = [n for n, references in enumerate(self.references) if len(references) > 1]
        if several:
            told = {"person": [self.references[n][0] for n in several], "against the same": [self.written[n] for n in several]}
            found = caption_scores.compared(told, [self.references[n][1:] for n in several])
            scores |= {f"{who} {kind}": value for who, kinds in found.items() for kind, value in kinds.items()}
        return scores

    def against_training(self, training: Sequence[Entry], reports: Reports) -> dict[str, float]:
        """The scores of the fixed sentences and of the nearest captions."""
        fixed = dict(zip(("BLEU-4", "CIDEr"), fixed_sentences([entry.captions for entry in training]), strict=True))
        reports.say(f"the fixed sentence: {', '.join(f'{text!r} ({kind})' for kind, text in fixed.items())}")
        told = {kind: [text] * len(self.written) for kind, text in fixed.items()}
        if self.features and (nearest := self.nearest(training)):
            told["nearest"] = nearest
        found = caption_scores.compared(told, self.references)
        scores = {f"fixed {name}": value for kind in fixed for name, value in found[kind].items() if name.startswith(kind)}
        return scores | {f"nearest {name}": value for name, value in found.get("nearest", {}).items()}

    def nearest(self, training: Sequence[Entry]) -> list[str]:
        """The first caption of the nearest training picture of each picture; empty if no training picture can be read."""
        texts: list[str] = []
        features: list[Tensor] = []
        readable = ((entry, picture) for entry in training if (picture := self.data.picture(entry)) is not None)
        while batch := list(itertools.islice(readable, AT_ONCE)):
            texts += [entry.captions[0] for entry, _ in batch]
            features += directions(self.model, [picture for _, picture in batch])
        if not texts:
            return []
        likeness = torch.stack(self.features) @ torch.stack(features).T
        return [texts[n] for n in likeness.argmax(1).tolist()]


@torch.inference_mode()
def directions(model: Any, pictures: Sequence[Float[Tensor, "C H W"]]) -> list[Float[Tensor, " D"]]:
    """The mean of each picture's map of features, scaled to length 1."""
    return list(F.normalize(model.see(torch.stack(list(pictures)).to(device_of(model))).float().mean(1), dim=1).cpu())


# ---------------------------------------------------------------- fixed sentences


def fixed_sentences(captions: Sequence[Sequence[str]]) -> tuple[str, str]:
    """The caption with the highest BLEU-4, and that with the highest CIDEr, if it were said of every one of these pictures, whose
    captions are the references; of equal ones the first.

    BLEU-4 is exact. A fixed sentence's matches are sums over its n-grams of the number of pictures that have them, so that all
    captions are scored in linear time. CIDEr is that of Vedantam et al. (2015), equation 2, without the clipping and the length
    penalty of CIDEr-D: the mean over references of the cosine of n-gram counts weighted by log(pictures / pictures with it), which
    is a product with the mean over references."""
    references = [[tuple(words_of(caption)) for caption in each] for each in captions]
    texts: dict[Words, str] = {}
    for text in itertools.chain(*captions):
        texts.setdefault(tuple(words_of(text)), text)
    bleu, cider = Bleu(references), Cider(references)
    return texts[max(texts, key=bleu.of)], texts[max(texts, key=cider.of)]


def counts(words: Words) -> list[Counter[Words]]:
    """The n-grams of each length from 1 to 4."""
    return [Counter(words[at : at + n] for at in range(len(words) - n + 1)) for n in range(1, LONGEST + 1)]


class Bleu:
    """Corpus BLEU-4 of a sentence that is said of every picture, with its brevity penalty (the closest reference, of equally close
    ones the shorter)."""

    def __init__(self, references: Sequence[Sequence[Words]]) -> None:
        self.lengths = [sorted({len(words) for words in each}) for each in references]
        self.having = Counter[tuple[Words, int]]()
        """Pictures with a reference that has an n-gram k times."""
        for each in references:
            most = Counter[Words]()
            for words in each:
                for grams in counts(words):
                    most |= grams
            self.having.update((gram, k) for gram, count in most.items() for k in range(1, count + 1))

    def of(self, words: Words) -> float:
        logs = 0.0
        for grams in counts(words):
            matched = sum(self.having[gram, k] for gram, count in grams.items() for k in range(1, count + 1))
            if not matched:
                return 0.0
            logs += math.log(matched / (grams.total() * len(self.lengths))) / LONGEST
        closest = sum(min(lengths, key=lambda length: abs(length - len(words))) for lengths in self.lengths)
        return math.exp(logs + min(0.0, 1 - closest / (len(words) * len(self.lengths))))


class Cider:
    """The mean CIDEr of a sentence that is said of every picture."""

    def __init__(self, references: Sequence[Sequence[Words]]) -> None:
        self.pictures = len(references)
        self.having = Counter(
            gram for each in references for gram in {gram for words in each for gram in itertools.chain(*counts(words))}
        )
        self.mean: dict[Words, float] = {}
        for each in references:
            for words in each:
                for gram, weight in self.weights(words):
                    self.mean[gram] = self.mean.get(gram, 0.0) + weight / (len(each) * self.pictures)

    def weights(self, words: Words) -> Iterator[tuple[Words, float]]:
        """The weights of the n-grams, of length 1 for each n."""
        for grams in counts(words):
            weights = {gram: count * math.log(self.pictures / self.having[gram]) for gram, count in grams.items()}
            length = math.sqrt(sum(weight * weight for weight in weights.values()))
            yield from ((gram, weight / length) for gram, weight in weights.items() if weight)

    def of(self, words: Words) -> float:
        return sum(weight * self.mean[gram] for gram, weight in self.weights(words)) / LONGEST

"""What EfficientNet-Lite0 says of a photograph in the words of captions: a vector that a decoder of captions can read.

Axes: B pictures, N places, D = 1280 features of a place, L = 1000 labels, K words of `label_words`.

    p      = softmax of the classifier, of the mean over the places (the whole picture) and of each place
    c_k    = the sum of p over the labels that word k may stand for; of the places, the largest
    u_k    = 1 + log10(c_k) / 3, in [0, 1]: 1 is certain, 0 is below a thousandth

ImageNet has no label for people. A linear probe on the square roots of the mean features says whether the picture shows some: ridge
regression on 45 captioned photographs of COCO with a free licence (`scripts/fit_person_probe.py`).
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor

from drawgen.nn import efficientnet_lite
from drawgen.nn.label_words import label_words, mentions

PROBE = Path(__file__).with_name("person_probe.safetensors")
WORDS = tuple(label_words())
EVIDENCE = 2 * len(WORDS) + 1
"""Numbers of the vector: u of the whole picture, u of the places, the probe."""
PEOPLE = frozenset(
    """man woman men women boy boys girl girls child children kid kids baby toddler person people persons someone guy lady male
    female player players batter pitcher skier skiers surfer surfers snowboarder skateboarder rider riders crowd family mother
    father man's woman's person's""".split()  # noqa: SIM905
)
"""Words that speak of people."""
LEAST = 3.0
"""Powers of ten between certainty and nothing."""
HALF = 0.5
"""Scale of the probe, whose standard deviation is 1, beside u."""
PROBED = (0.4, 2.5)
"""Where the probe is undecided, and how fast it becomes certain."""
CPU = torch.device("cpu")


class PersonProbe(NamedTuple):
    """The probe's output has a standard deviation of 1 over the photographs that it was fitted to."""

    weight: Float[Tensor, " D"]
    bias: Float[Tensor, ""]
    seen: Float[Tensor, "2"]
    """Mean and standard deviation of its output for photographs of people that it was not fitted to."""
    unseen: Float[Tensor, "2"]
    """Those for photographs without people."""


@functools.cache
def person_probe(device: torch.device) -> PersonProbe:
    return PersonProbe(**{name: tensor.to(device) for name, tensor in load_file(PROBE).items()})


@functools.cache
def table(device: torch.device) -> Float[Tensor, "L K"]:
    return mentions(WORDS).to(device)


@torch.no_grad()
def evidence(features: Float[Tensor, "B N D"]) -> Float[Tensor, "B E"]:
    """The vector of each picture, from the last map of EfficientNet-Lite0."""
    classifier, words = efficientnet_lite.installed(features.device).classifier, table(features.device)
    probe = person_probe(features.device)
    mean = features.mean(1)
    places = (classifier(features).softmax(-1) @ words).amax(1)
    person = mean.clamp(min=0).sqrt() @ probe.weight + probe.bias
    return joined(classifier(mean).softmax(-1) @ words, places, person)


def joined(whole: Float[Tensor, "B K"], places: Float[Tensor, "B K"], person: Float[Tensor, " B"]) -> Float[Tensor, "B E"]:
    """The vector from c of the whole picture, c of the places, and the probe."""
    return torch.cat([certainty(whole), certainty(places), HALF * person[:, None]], 1)


def certainty(c: Tensor) -> Tensor:
    """u of c."""
    return (1 + c.clamp(min=1e-9).log10() / LEAST).clamp(0, 1)


@torch.no_grad()
def word_maps(features: Float[Tensor, "N D"], words: Sequence[str]) -> dict[str, Float[Tensor, " N"]]:
    """Where the labels of each word are seen: their probability place by place, with a sum of 1. Words that are no label's name are
    left out."""
    known = [word for word in words if word in label_words()]
    if not known:
        return {}
    found = efficientnet_lite.installed(features.device).classifier(features).softmax(-1) @ mentions(known).to(features)
    return {word: seen / seen.sum() for word, seen in zip(known, found.unbind(1), strict=True)}


def first_named(words: Sequence[str], row: Float[Tensor, " E"]) -> tuple[str, float]:
    """The first word of a caption that names a thing or people, and its certainty in the whole picture, 0 to 1; ("", 0) if no word
    does."""
    for word in words:
        if word in label_words():
            return word, float(row[WORDS.index(word)])
        if word in PEOPLE:
            return word, float(((row[-1] / HALF - PROBED[0]) * PROBED[1]).sigmoid())
    return "", 0.0


@torch.no_grad()
def guesses(features: Float[Tensor, "B N D"], count: int = 3) -> list[list[tuple[str, float]]]:
    """The most probable labels of each picture, by ImageNet's names, with their probabilities."""
    from torchvision.models import ResNet50_Weights

    names = ResNet50_Weights.DEFAULT.meta["categories"]
    best = efficientnet_lite.installed(features.device).classifier(features.mean(1)).softmax(-1).topk(count)
    return [
        [(names[label], p) for label, p in zip(*row, strict=True)]
        for row in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]


def with_article(name: str) -> str:
    """
    >>> with_article("tiger cat"), with_article("Egyptian cat")
    ('a tiger cat', 'an Egyptian cat')
    """
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"

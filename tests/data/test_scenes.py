"""The drawn scenes: reproducible, truthful, and apart from each other where they are held out."""

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from drawgen.data import scene_language, scenes
from drawgen.data.captions import START, UNKNOWN
from drawgen.data.scene_language import COLOURS, SHAPES, Thing, describe, judge, parse
from drawgen.data.scenes import PAIRS, SPLITS, Scenes

SMALL = Scenes(batch=4, count=6, lessons=32)
RED = Thing("red", "circle", "large", 0.25, 0.5, 0.16)
BLUE = Thing("blue", "square", "small", 0.75, 0.5, 0.1)
TWIN = Thing("red", "circle", "large", 0.3, 0.9, 0.16)


def test_pairs_are_split():
    """Every pair belongs to one split, and every colour and every shape occurs in training."""
    assert sum(len(pairs) for pairs in PAIRS.values()) == len(COLOURS) * len(SHAPES)
    assert {colour for colour, _ in PAIRS["train"]} == set(COLOURS)
    assert {shape for _, shape in PAIRS["train"]} == set(SHAPES)
    assert min(len(pairs) for pairs in PAIRS.values()) == 4


@pytest.mark.parametrize("split", SPLITS)
def test_scenes_keep_to_their_split(split):
    """Held-out scenes show a pair of their split; no scene shows one of another held-out split; and no caption names one."""
    foreign = {pair for other in ("valid", "test") if other != split for pair in PAIRS[other]}
    for index in range(200):
        scene = Scenes().scene(split, index)
        shown = {(thing.colour, thing.shape) for thing in scene.things}
        assert not shown & foreign
        if split != "train":
            assert shown & set(PAIRS[split])
        for caption in scene.captions:
            assert not {(phrase.colour, phrase.shape) for phrase in parse(caption).phrases} & foreign


@pytest.mark.parametrize("split", SPLITS)
def test_references_are_true(split):
    for index in range(200):
        scene = Scenes(lessons=100).scene(split, index)
        for caption in scene.captions:
            verdict = scene.judge(caption)
            assert verdict.true, (caption, scene.things)
            assert verdict.right == verdict.asserted


def test_objects_lie_apart_and_inside():
    for index in range(100):
        things = Scenes().scene("train", index).things
        assert 1 <= len(things) <= 4
        for n, thing in enumerate(things):
            assert thing.radius < min(thing.x, thing.y, 1 - thing.x, 1 - thing.y)
            for other in things[:n]:
                assert (thing.x - other.x) ** 2 + (thing.y - other.y) ** 2 > (thing.radius + other.radius) ** 2


def test_streams():
    """A pure function of seed and step: a resumed stream goes on, ranks and seeds differ; validation is the same for every seed."""
    first = [batch for batch, _ in zip(SMALL.stream("train", seed=1), range(10), strict=False)]
    again = [batch for batch, _ in zip(SMALL.stream("train", seed=1, start=3), range(7), strict=False)]
    for one, other in zip(first[3:], again, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    other = next(SMALL.stream("train", seed=2))
    assert not torch.equal(first[0].images, other.images)
    assert not torch.equal(first[0].images, next(SMALL.stream("train", seed=1, rank=1, ranks=2)).images)
    valid = [list(SMALL.stream("valid", seed=seed)) for seed in (1, 2)]
    assert [len(batch.images) for batch in valid[0]] == [4, 2]
    assert torch.equal(valid[0][1].images, valid[1][1].images)
    shared = torch.cat([batch.images for rank in range(2) for batch in SMALL.stream("valid", seed=0, rank=rank, ranks=2)])
    assert len(shared) == 6
    for batch in first:
        assert batch.images.shape == (4, 3, 64, 64)
        assert 0 <= batch.images.min() <= batch.images.max() <= 1
        assert (batch.tokens[:, 0] == START).all()
        assert (batch.tokens != UNKNOWN).all()
        assert batch.lengths.max() == batch.tokens.shape[1]


def test_lessons():
    """Forms without colours and colours without forms; later every other scene has both."""
    data = Scenes(lessons=20)
    for index in range(30):
        scene = data.scene("train", index)
        words = set(" ".join(scene.captions).split())
        pencil = {thing.colour for thing in scene.things} == {scene_language.PENCIL}
        blots = {thing.shape for thing in scene.things} == {scene_language.BLOT}
        assert pencil == (not words & set(COLOURS))
        assert pencil + blots == (index < 20 or index % 2 == 0)
        if index < 10:
            assert len({(thing.colour, thing.shape, thing.size) for thing in scene.things}) == 1


def test_hard_scenes():
    """The share that is asked for has `most` objects and more; lessons of one kind, and the other splits, are as they were."""
    plain, hard = (Scenes(lessons=20, most=3, hard=share) for share in (0.0, 0.5))
    counts = [[len(data.scene("train", index).things) for index in range(20, 420)] for data in (plain, hard)]
    assert sum(a < 3 == b for a, b in zip(*counts, strict=True)) > 50
    assert 0.5 < sum(count == 3 for count in counts[1]) / 400 < 0.85
    assert max(counts[1]) == 3
    assert all(len(Scenes(hard=1.0).scene("train", index).things) == 4 for index in range(20))
    for split, first, last in (("train", 0, 10), ("valid", 0, 20), ("test", 0, 20)):
        for index in range(first, last):
            assert hard.scene(split, index).things == plain.scene(split, index).things


def test_objects_have_their_colour():
    """Where an object is, its ink is; where none is, it is paper."""
    for index in range(30):
        scene = Scenes().scene("train", index)
        picture = scenes.draw([scene], 64)[0]
        for thing in scene.things:
            row, column = int(thing.y * 64), int(thing.x * 64)
            reach = int(thing.radius * 64)
            around = picture[:, max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1].flatten(1)
            ink = torch.tensor(scenes.INKS[thing.colour])[:, None]
            assert (around - ink).abs().amax(0).min() < 0.2


@pytest.mark.parametrize(
    ("caption", "true"),
    [
        ("a large red circle", True),
        ("a circle in red", True),
        ("a circle", True),
        ("there is a big red circle", True),
        ("a red circle left of a blue square", True),
        ("a little blue square right of a large red circle", True),
        ("a red circle and a small square in blue", True),
        ("a small red circle", False),
        ("two red circles", False),
        ("a red circle right of a blue square", False),
        ("a red circle above a blue square", False),  # side by side
        ("a red circle and a red circle", False),  # the same one twice
        ("a green circle", False),
        ("a red circles", False),
        ("an red circle", False),
        ("two red circle", False),
        ("there are a red circle", False),
        ("red circle", False),
        ("a red circle left of", False),
        ("a red circle in", False),
        ("a red circle with a blue square", False),
        ("", False),
    ],
)
def test_truth(caption, true):
    assert judge(caption, [RED, BLUE]).true is true


def test_counts_are_exact():
    things = [RED, TWIN, BLUE]
    assert judge("two red circles", things).true
    assert not judge("a red circle", things).true
    assert judge("two large red circles left of a blue square", things).true
    assert not judge("two large red circles above a blue square", things).true  # only one of them is


def test_facts():
    """What is asserted, and what of it holds, by kind."""
    verdict = judge("two small red circles right of a blue square", [RED, BLUE])
    assert dict(verdict.asserted) == {"count": 2, "colour": 2, "shape": 2, "size": 1, "relation": 1}
    assert dict(verdict.right) == {"count": 1, "colour": 2, "shape": 2}
    assert not judge("nothing of the sort", [RED]).asserted


@given(st.integers(0, 2**40), st.sampled_from(SPLITS))
@settings(max_examples=50, deadline=None)
def test_every_caption_parses_back(index, split):
    """The parser finds as many objects as the scene has, for any scene and any seed of the language."""
    scene = Scenes().scene(split, index)
    caption = describe(scene.things, rng=random.Random(index))
    parsed = parse(caption)
    assert sum(phrase.number for phrase in parsed.phrases) == len(scene.things)
    assert scene.judge(caption).true
    words = caption.split()
    for phrase in parsed.phrases:
        assert phrase.colour in words[slice(*phrase.words)]


def test_where_it_looked():
    """All of a map on the object counts 1, an even map counts the object's share; a false caption counts nothing."""
    scene = Scenes().scene("train", 0)
    scene.things = [RED]
    inside = scenes.cover([RED], 16, 16)
    assert float(inside.mean()) == pytest.approx(3.14159 * 0.16**2, abs=0.003)
    on = (inside >= 1).float()
    maps = torch.stack([torch.full((16, 16), 1 / 256), on / on.sum(), torch.full((16, 16), 1 / 256)])
    looked = scene.looked("a red circle", maps)
    assert [round(share, 3) for share, _ in looked] == [1.0, round(float(inside.mean()), 3)]
    assert scene.looked("a blue circle", maps) == []


@pytest.mark.parametrize(
    "change", [{"batch": 0}, {"count": 0}, {"side_px": 8}, {"most": 5}, {"most": 0}, {"lessons": -1}, {"hard": 1.5}]
)
def test_refusals(change):
    with pytest.raises(ValueError, match=f"data.{next(iter(change))}"):
        Scenes(**change)
    with pytest.raises(ValueError, match="split is"):
        Scenes().scene("holdout", 0)

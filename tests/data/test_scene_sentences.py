"""Sentences of scenes: their trees, their words, their splits."""

import random

import pytest
import torch

from drawgen.data.scene_language import COLOURS, SHAPES, Phrase, describe, parse
from drawgen.data.scene_sentences import (
    SPLITS,
    WAYS,
    WORDS,
    SceneSentences,
    said,
    sentence,
    words_of_sentence,
)
from drawgen.data.scene_trees import Asked, Relation, SceneError, in_words
from drawgen.data.scenes import PAIRS, compose, split_of
from drawgen.data.tree_batches import FINISH, UNKNOWN
from drawgen.ranges import ArgumentError
from drawgen.trees.linear import own_symbols

MANY = 600


@pytest.fixture(scope="module")
def made():
    return {split: [sentence(3, split, number) for number in range(MANY)] for split in SPLITS}


def test_words_and_symbols_are_known(made):
    spec = SceneSentences().spec()
    words = [word for one in made["train"] for word in words_of_sentence(one.text)]
    symbols = {symbol for one in made["train"] for symbol in own_symbols(one.tree)}
    assert set(words) <= set(spec.source_vocabulary)
    assert symbols == set(spec.vocabulary) - {FINISH}
    assert {one.way for one in made["train"]} == set(WAYS)
    assert len(set(words)) > 0.9 * len(WORDS)
    assert len(set(WORDS)) == len(WORDS)
    assert UNKNOWN not in WORDS


@pytest.mark.parametrize("split", SPLITS)
def test_splits(made, split):
    """Held-out pairs are said in their split alone, and in each of its sentences."""
    for one in made[split]:
        pairs = {split_of(p.colour, p.shape) for p in Asked.of_tree(one.tree).phrases if p.colour}
        assert pairs <= {split, "train"}
        assert split == "train" or split in pairs


def test_a_sentence_depends_on_its_number_alone():
    assert sentence(0, "test", 7) == sentence(0, "test", 7)
    assert (
        sentence(0, "test", 7).text
        == "draw exactly four circles, green and draw three small sized squares in orange colour to their left, please"
    )
    assert sentence(1, "train", 7) != sentence(0, "train", 7)
    with pytest.raises(ArgumentError, match="split is 'all'"):
        sentence(0, "all", 0)


def test_sentences_told_by_hand(made):
    """Their trees are right, as far as a person can see."""
    told = {one.text: str(one.tree) for one in made["train"]}
    for one in made["train"]:
        if one.way == "caption":
            caption = parse(one.text)
            assert caption is not None, one.text
            assert Asked.of_caption(caption) == Asked.of_tree(one.tree)
    assert len(told) > 0.9 * MANY


def test_captions_are_among_the_sentences():
    """Every word of a caption is known, and its meaning has a tree, from which it can be read again."""
    for seed in range(200):
        rng = random.Random(seed)
        caption = describe(compose("train", rng, least=1, most=4, kinds=3, lesson=None), rng=rng)
        asked = Asked.of_caption(parse(caption))
        assert set(words_of_sentence(caption)) <= set(WORDS)
        assert Asked.of_tree(str(asked.tree())) == asked


def test_phrases_say_what_they_mean():
    rng = random.Random(0)
    for _ in range(300):
        number, colour, shape = 1 + int(rng.random() * 4), *PAIRS["train"][int(rng.random() * 40)]
        words = said(Phrase(number, shape, colour, None), rng)
        assert "  " not in words
        assert not words.startswith(("a o", "an r"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("There's a red disc; put two boxes above it!", "there's a red disc , put two boxes above it"),
        ("  A  BIG,red\tcircle.  ", "a big , red circle"),
        ("“I’d like” (one) plus-sign…", "i'd like one plus sign"),
        ("...", ""),
        ("красный круг", "красный круг"),
        ("a ★ + 2", "a ★ + 2"),
        ("a b, , . c", "a b , c"),
        ("ｔｗｏ _stars_", "two stars"),
    ],
)
def test_words_of_sentence(text, words):
    assert words_of_sentence(text) == words.split()
    assert words_of_sentence(words) == words.split()


def test_batches():
    data = SceneSentences(batch=4, count=10)
    first = next(iter(data.stream("train", seed=1)))
    assert first.items() == ("sentences", 4)
    assert first.words.shape == (4, int(first.word_lengths.max()))
    assert first.symbols.shape == (4, int(first.symbol_lengths.max()))
    assert (first.symbols == 0).sum(1).tolist() == (first.symbols.shape[1] - first.symbol_lengths + 1).tolist()
    assert not first.tags.any()
    stream = iter(data.stream("train", seed=1))
    for _ in range(20):
        later = next(stream)
    again = next(iter(data.stream("train", seed=1, start=19)))
    assert all(torch.equal(a, b) for a, b in zip(later, again, strict=True))
    assert not torch.equal(first.word_lengths, next(iter(data.stream("train", seed=1, rank=1, ranks=2))).word_lengths)
    held = [batch for rank in range(2) for batch in data.stream("test", seed=1, rank=rank, ranks=2)]
    assert sum(len(batch.words) for batch in held) == 10


# ---------------------------------------------------------------- trees


def test_every_sentence_has_a_tree_that_is_read_again(made):
    for one in made["valid"]:
        asked = Asked.of_tree(str(one.tree))
        assert asked.tree() == one.tree
        assert all(p.number in range(1, 5) and p.shape in SHAPES and p.colour in (None, *COLOURS) for p in asked.phrases)


def test_a_group():
    asked = Asked.of_tree("(scene (things 1 star) (below (group (things 2 ring) (things 1 red cross)) (things 1 circle)))")
    assert asked.relations == (Relation("below", (1, 2), (3,)),)
    assert in_words(asked.phrases[1]) == "two rings"
    assert in_words(asked.phrases[2]) == "a red cross"


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ("(scene", "does not close"),
        ("(things 1 star)", "not 'scene'"),
        ("(scene (things 1 star)) (scene (things 1 star))", "2 trees"),
        ("(scene star)", "star stands where things are named"),
        ("(scene (left (things 1 star)))", "left is between 1"),
        ("(scene (things 1 star ring))", "has ring in it beside star"),
        ("(scene (things 1 red))", "has no shape"),
        ("(scene (things red star))", "has no number"),
        ("(scene (things 1 grey star))", "has grey in it"),
        ("(scene (left (things 1 star) (left (things 1 star) (things 1 ring))))", "stands where things are named"),
        ("", "0 trees"),
    ],
)
def test_what_is_no_scene(tree, told):
    with pytest.raises(SceneError, match=told):
        Asked.of_tree(tree)

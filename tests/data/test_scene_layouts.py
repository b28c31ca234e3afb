"""Scenes laid out as asked, and read back from their strokes."""

import random

import numpy as np
import pytest

from drawgen.data.scene_language import BLOT, CLEAR, COLOURS, SHAPES, Phrase, Thing, describe, gaps, judge
from drawgen.data.scene_layouts import any_touch, drawing
from drawgen.data.scene_reading import components, things_in
from drawgen.data.scene_sentences import sentence
from drawgen.data.scene_trees import Asked, SceneError
from drawgen.data.scenes import compose, sketch


def kinds(things):
    return sorted((thing.colour, thing.shape, thing.size) for thing in things)


def strokes(drawn):
    return np.array([stroke for own in drawn.strokes for stroke in own])


@pytest.mark.parametrize("number", range(20))
def test_a_sentence_drawn_is_true(number):
    """The strokes show what the tree says; nothing touches, all is on the page."""
    asked = Asked.of_tree(sentence(0, "test", number).tree)
    drawn = drawing(asked, random.Random(number))
    assert asked.true_of(drawn.things)
    found = things_in(strokes(drawn))
    assert asked.true_of(found)
    assert kinds(found) == kinds(drawn.things)
    assert not any_touch(drawn.strokes)
    points = strokes(drawn)[:, :6]
    assert points.min() > 0
    assert points.max() < 1


def test_scenes_are_read_back():
    """The objects of 100 scenes: their kinds, places and radii; and every caption of them is judged the same."""
    for seed in range(100):
        rng = random.Random(seed)
        things = compose("train", rng, least=1, most=4, kinds=3, lesson=None)
        found = things_in(np.array([stroke for thing in things for stroke in sketch(thing, rng)]))
        assert kinds(found) == kinds(things)
        for thing in things:
            near = min(found, key=lambda other: abs(other.x - thing.x) + abs(other.y - thing.y))
            assert abs(near.x - thing.x) + abs(near.y - thing.y) < 0.03
            assert near.radius == pytest.approx(thing.radius, rel=0.2)
        caption = describe(things, rng=rng)
        assert judge(caption, things).true
        assert judge(caption, found).true


def test_what_is_not_a_shape_is_left_out():
    rng = random.Random(0)
    rows = np.array(sketch(Thing("red", "star", "small", 0.5, 0.5, 0.1), rng))
    broken = rows.copy()
    broken[:, :6] = np.array([rng.random() * 0.01 + 0.5 for _ in range(rows[:, :6].size)]).reshape(-1, 6)
    assert things_in(broken) == []
    assert things_in(np.zeros((0, 13))) == []
    assert [thing.shape for thing in things_in(np.array(sketch(Thing("red", BLOT, "large", 0.5, 0.5, 0.16), rng)))] == [BLOT]


def test_objects_of_one_colour_that_touch_are_apart():
    """Each object has its own shade of its colour."""
    rng = random.Random(1)
    two = [Thing("blue", "square", "large", x, 0.5, 0.16) for x in (0.4, 0.6)]
    assert len(things_in(np.array([stroke for thing in two for stroke in sketch(thing, rng)]))) == 2


def test_components():
    linked = np.eye(5, dtype=bool)
    linked[0, 3] = linked[3, 0] = linked[3, 4] = linked[4, 3] = True
    assert components(linked) == [[0, 3, 4], [1], [2]]


@pytest.mark.parametrize("relation", ["left", "right", "above", "below", "beside"])
def test_relations_hold_clearly(relation):
    for seed in range(10):
        asked = Asked.of_tree(f"(scene ({relation} (things 2 red star) (things 1 large ring)))")
        things = drawing(asked, random.Random(seed)).things
        found = gaps(things[:2], things[2:])
        clearest = max(found, key=found.get)
        assert found[clearest] >= CLEAR
        assert clearest == relation or (relation == "beside" and clearest in ("left", "right"))


def test_what_is_not_said_is_chosen_by_chance():
    asked = Asked((Phrase(1, "ring", None, None),))
    things = [drawing(asked, random.Random(seed)).things[0] for seed in range(60)]
    assert {thing.colour for thing in things} == set(COLOURS)
    assert {thing.size for thing in things} == {"small", "large"}
    assert drawing(asked, random.Random(5)) == drawing(asked, random.Random(5))


def test_what_is_not_said_keeps_the_sentence_true():
    """A circle and a small red one: the first is not small and red."""
    asked = Asked((Phrase(1, "circle", "red", None), Phrase(2, "circle", None, "small"), Phrase(1, "star", None, None)))
    for seed in range(20):
        assert asked.true_of(drawing(asked, random.Random(seed)).things)


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ("(scene (things 1 red circle) (things 2 red circle))", "a red circle and two red circles contradict each other"),
        ("(scene (things 1 circle) (things 1 small circle))", "a circle and a small circle contradict each other"),
        ("(scene (things 1 small star) (things 1 large star) (things 1 red star))", "contradict each other; say what"),
        ("(scene (things 4 large star) (things 4 large ring) (things 4 large circle))", "12 objects, 12 of them large, do not fit"),
    ],
)
def test_what_cannot_be_drawn(tree, told):
    with pytest.raises(SceneError, match=told):
        drawing(Asked.of_tree(tree), random.Random(0))


@pytest.mark.parametrize("shape", SHAPES)
def test_four_of_each_shape_fit(shape):
    asked = Asked((Phrase(4, shape, None, "large"), Phrase(3, shape, None, "small")))
    assert asked.true_of(things_in(strokes(drawing(asked, random.Random(0)))))

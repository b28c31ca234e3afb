"""Sentences that ask for scenes, as people may say them, with their trees (`scene_trees`); endless data without files.

Axes: B sentences, W words, T symbols of a tree.

A sentence has one to three phrases of number, size, colour and shape, and at most one relation. The captions of `scene_language`
are among them, and most are said otherwise: "Please draw a big square, and below it there's one violet disc." Sentence number i of
a split and its tree are a pure function of (seed, split, i). A validation or test sentence names at least one pair of colour and
shape that is held out for its split (`scenes.PAIRS`), and a training sentence none.
"""

import itertools
import random
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch

from drawgen.contract import Spec, check_split, generator
from drawgen.data import scene_language
from drawgen.data.scene_language import COLOURS, NUMBERS, RELATIONS, SHAPES, SIZES, Phrase
from drawgen.data.scene_trees import BESIDE, SYMBOLS, Asked, Relation
from drawgen.data.scenes import PAIRS
from drawgen.data.tree_batches import FINISH, UNKNOWN, TreeBatch
from drawgen.ranges import check_choice, check_fields
from drawgen.trees.linear import own_symbols
from drawgen.trees.tree import Tree

SPLITS = ("train", "valid", "test")
POOL = 16
"""Batches sorted by the length of their sentences together."""
PLAIN = 0.12
"""The fraction of sentences that are said as captions are."""
MOST_OBJECTS, MOST_LARGE = 7, 4
"""Objects that a sentence asks for, at most, and large ones."""

# ---------------------------------------------------------------- the words

HOW_MANY: dict[int, tuple[str, ...]] = {
    1: ("a", "a", "a", "a", "a", "a", "a", "one", "one", "1", "a single", "a lone", "just one", "exactly one", "the", "", ""),
    2: ("two", "two", "two", "two", "2", "2", "a pair of", "a couple of", "exactly two", "the two"),
    3: ("three", "three", "three", "three", "3", "3", "exactly three", "the three", "a group of three"),
    4: ("four", "four", "four", "four", "4", "4", "exactly four", "the four", "a group of four"),
}
"""Ways of saying a number; nothing says one."""
HOW_LARGE = {
    "small": ("small", "small", "small", "little", "little", "tiny", "mini", "smallish"),
    "large": ("large", "large", "big", "big", "huge", "giant", "great", "enormous", "great big"),
}
MEASURED = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")}
DEGREES = ("very ", "really ", "quite ", "rather ", "pretty ", "fairly ")
FILLERS = ("nice", "lovely", "beautiful", "cute", "simple", "plain")
HUES = {colour: (colour,) for colour in COLOURS} | {
    "red": (*["red"] * 8, "scarlet", "crimson"),
    "purple": (*["purple"] * 3, "violet"),
}
# fmt: off
FORMS: dict[str, tuple[tuple[str, str], ...]] = {
    "circle": (*[("circle", "circles")] * 5, ("disc", "discs"), ("disk", "disks"), ("dot", "dots"), ("ball", "balls"),
               ("circle shape", "circle shapes"), ("sphere", "spheres")),
    "ring": (*[("ring", "rings")] * 5, ("doughnut", "doughnuts"), ("donut", "donuts"), ("hoop", "hoops"),
             ("hollow circle", "hollow circles"), ("empty circle", "empty circles")),
    "square": (*[("square", "squares")] * 5, ("box", "boxes"), ("block", "blocks"), ("square shape", "square shapes")),
    "triangle": (*[("triangle", "triangles")] * 5, ("pyramid", "pyramids"), ("triangle shape", "triangle shapes")),
    "cross": (*[("cross", "crosses")] * 5, ("plus", "pluses"), ("plus sign", "plus signs"), ("cross shape", "cross shapes")),
    "star": (*[("star", "stars")] * 5, ("star shape", "star shapes")),
}
# fmt: on
"""Singular and plural."""
BEFORE = ("{c}", "{c}", "{c}", "{c}", "{c}", "{c}", "{c}", "bright {c}", "{c} coloured", "{c} colored")
"""A colour before the noun."""
AFTER = (
    "in {c}", "in {c}", "coloured {c}", "colored {c}", "painted {c}", "that {is} {c}", "that {is} {c}", "{that} {c}",
    "which {is} {c}", ", {c}", "in the colour {c}", "in the color {c}", "of {c} colour", "of the colour {c}", "of the color {c}",
    "in {c} colour", "drawn in {c}", "with the colour {c}", "filled with {c}", "in bright {c}",
)  # fmt: skip
SIZE_AFTER = ("that {is} {s}", "that {is} {s}", "which {is} {s}", "of {m} size", "{m} in size", "with a {m} size", ", {s}")
BOTH_AFTER = (
    "that {is} {s} and {c}",
    "that {is} both {s} and {c}",
    "which {is} {s} and {c}",
    ", {s} and {c}",
    "that {is} {c} and {s}",
)

PLACES: dict[str, tuple[str, ...]] = {
    "left": (
        "left of", "left of", "left of", "to the left of", "to the left of", "on the left of", "at the left of", "to left of",
        "on left of", "on the left side of", "to the left side of", "on the left hand side of", "at the left side of", "west of",
    ),
    "right": (
        "right of", "right of", "right of", "to the right of", "to the right of", "on the right of", "at the right of",
        "to right of", "on right of", "on the right side of", "to the right side of", "on the right hand side of",
        "at the right side of", "east of",
    ),
    "above": (
        "above", "above", "above", "above", "over", "over", "on top of", "on top of", "higher than", "atop", "up above", "north of",
    ),
    "below": (
        "below", "below", "below", "below", "under", "under", "underneath", "beneath", "lower than", "down below", "south of",
    ),
    BESIDE: (
        "beside", "next to", "next to", "alongside", "by the side of", "at the side of", "adjacent to", "side by side with", "by",
        "near", "close to",
    ),
}  # fmt: skip
"""Prepositions."""
THERE: dict[str, tuple[str, ...]] = {
    "left": (
        "left of {it}", "to the left of {it}", "on the left of {it}", "to {its} left", "on {its} left", "on the left",
        "to the left", "at {its} left", "on {its} left side",
    ),
    "right": (
        "right of {it}", "to the right of {it}", "on the right of {it}", "to {its} right", "on {its} right", "on the right",
        "to the right", "at {its} right", "on {its} right side",
    ),
    "above": ("above {it}", "above {it}", "above {it}", "over {it}", "on top of {it}", "on top"),
    "below": ("below {it}", "below {it}", "under {it}", "underneath {it}", "beneath {it}"),
    BESIDE: ("next to {it}", "beside {it}", "at {its} side", "by {its} side", "alongside {it}"),
}  # fmt: skip
"""Places beside something that was named before."""
BEHIND = {"above": ("above", "overhead"), "below": ("below", "underneath", "beneath"), BESIDE: ("alongside", "nearby")}
"""Those that only follow what is there; before it they would be prepositions."""
SIDES: dict[str, tuple[tuple[str, str], ...]] = {
    "left": (
        ("on the left", "on the right"), ("at the left", "at the right"), ("to the left", "to the right"), ("left", "right"),
        ("on the left side", "on the right side"), ("on the left hand side", "on the right hand side"),
    ),
    "above": (
        ("at the top", "at the bottom"), ("on top", "below"), ("above", "below"), ("on top", "at the bottom"),
        ("on top", "underneath"), ("in the upper half", "in the lower half"),
    ),
}  # fmt: skip
SIDES["right"] = tuple((b, a) for a, b in SIDES["left"])
SIDES["below"] = tuple((b, a) for a, b in SIDES["above"])
STANDS = ("sits", "stands", "lies", "hangs", "floats", "hovers", "rests", "appears")
STAND = ("sit", "stand", "lie", "hang", "float", "hover", "rest", "appear")
PLACED = (
    "placed",
    "located",
    "positioned",
    "drawn",
    "put",
    "painted",
    "sitting",
    "standing",
    "floating",
    "lying",
    "hanging",
    "hovering",
)

RELATED = (
    "{a} {place} {b}", "{a} {place} {b}", "{a} {place} {b}", "{a} {place} {b}", "{a} {are} {place} {b}", "{a} {are} {place} {b}",
    "{a} that {are} {place} {b}", "{a} {placed} {place} {b}", "{a} {are} {placed} {place} {b}", "{a} {stand} {place} {b}",
    "{a} which {are} {place} {b}", "{a} , {place} {b}", "{a} directly {place} {b}", "{a} just {place} {b}",
    "{a} should be {place} {b}",
)  # fmt: skip
TURNED = (
    "{place} {b} there {are} {a}", "{place} {b} there {are} {a}", "{place} {b} {are} {a}", "{place} {b} , {a}",
    "{place} {b} {a}", "{place} {b} , there {are} {a}", "{place} {b} {stand} {a}", "{b} with {a} {there}",
    "{b} with {a} {there}", "{b} and {there} {a}", "{b} , with {a} {there}", "{b} , and {there} {a}", "{b} , {there} {a}",
    "{b} and {a} {there}", "{b} {has} {a} {there}", "{b} and {there} there {are} {a}", "{b} , and {there} there {are} {a}",
    "{b} . {there} there {are} {a}", "{b} . {there} {are} {a}", "{b} . {there} , {a}", "{b} and then {a} {there}",
    "{b} that {has} {a} {there}", "there {bare} {b} and {there} {a}", "there {bare} {b} with {a} {there}",
    "{b} . {a} {are} {there}", "{b} , {a} {are} {there}", "{b} and {a} {stand} {there}", "{b} with {there} {a}",
    "{b} having {a} {there}",
)  # fmt: skip
"""Said the other way round: A relation B, with B first."""
COMMANDS = (
    "put {a} {place} {b}", "place {a} {place} {b}", "draw {a} {place} {b}", "draw {b} and put {a} {there}",
    "draw {b} , then {a} {there}", "draw {b} and {a} {there}", "draw {b} . put {a} {there}", "draw {b} . then draw {a} {there}",
    "draw {b} and then {a} {there}", "draw {b} and draw {a} {there}", "{place} {b} put {a}", "{place} {b} draw {a}",
    "set {a} {place} {b}", "add {a} {place} {b}", "draw {b} . add {a} {there}", "start with {b} and put {a} {there}",
    "first draw {b} , then {there} {a}",
)  # fmt: skip
OPPOSED = (
    "{a} {here} and {b} {yonder}", "{a} {here} , {b} {yonder}", "{here} {a} and {yonder} {b}", "{here} {a} , {yonder} {b}",
    "{here} there {are} {a} and {yonder} there {bare} {b}", "{here} {are} {a} and {yonder} {bare} {b}",
    "{a} {here} , and {b} {yonder}", "{a} {are} {here} and {b} {bare} {yonder}", "{a} {are} {here} , {b} {bare} {yonder}",
    "{a} {here} with {b} {yonder}", "{here} , {a} , and {yonder} , {b}",
    "{here} , there {are} {a} . {yonder} , there {bare} {b}",
)  # fmt: skip
ABREAST = (
    "{a} and {b} side by side",
    "{a} and {b} next to each other",
    "{a} and {b} beside each other",
    "side by side , {a} and {b}",
)
AGAIN = (
    "{a} and {b} . {the_a} {are} {place} {the_b}", "{a} and {b} , {the_a} {place} {the_b}",
    "{a} and {b} , with {the_a} {place} {the_b}", "{a} and {b} , where {the_a} {are} {place} {the_b}",
    "{a} and {b} . {the_a} should be {place} {the_b}", "{a} and {b} . put {the_a} {place} {the_b}",
    "{b} and {a} . {the_a} {are} {place} {the_b}", "{b} and {a} , {the_a} {place} {the_b}",
    "{b} and {a} , with {the_a} {place} {the_b}", "{a} and {b} , the first {place} the second",
    "{b} and {a} , the second {place} the first",
)  # fmt: skip
"""Both are named, and named again."""
AND = ("{a} and {b}", "{a} and {b}", "{a} and {b}", "both {a} and {b}", "{a} together with {b}", "{a} along with {b}")
"""A side of a relation with two phrases."""
TWO = (
    "{a} and {b}", "{a} and {b}", "{a} and {b}", "{a} and {b}", "{a} , {b}", "{a} with {b}", "{a} together with {b}",
    "{a} along with {b}", "{a} as well as {b}", "{a} and also {b}", "both {a} and {b}", "{a} , and {b}", "{a} . {b}",
    "{a} . and {b}", "{a} . there {bare} also {b}", "{a} and then {b}", "{a} . also {b}",
)  # fmt: skip
THREE = (
    "{a} , {b} and {c}", "{a} , {b} and {c}", "{a} , {b} and {c}", "{a} , {b} , and {c}", "{a} , {b} , and {c}",
    "{a} and {b} and {c}", "{a} , {b} , {c}", "{a} , {b} with {c}", "{a} with {b} and {c}", "{a} and {b} , with {c}",
    "{a} , {b} as well as {c}", "{a} . {b} . {c}", "{a} and {b} as well as {c}", "{a} , {b} and also {c}",
    "{a} together with {b} and {c}",
)  # fmt: skip
ADDED = (
    "{r} with {c}", "{r} with {c}", "{r} with {c}", "{r} , with {c}", "{r} , and {c}", "{r} . there {care} also {c}",
    "{r} . also {c}", "{r} together with {c}", "{r} as well as {c}", "{r} , along with {c}", "{r} , and there {care} {c}",
    "{r} . and {c}", "{r} , and also {c}", "{r} . somewhere there {care} {c}", "{r} . add {c}", "{c} , and {r}", "{c} , {r}",
    "{c} . {r}",
)  # fmt: skip
"""A third phrase beside a relation."""
FIRST = 3
"""Those at the end of `ADDED` that begin with the third phrase."""

OPENINGS = (
    "draw", "draw", "draw", "please draw", "draw me", "can you draw", "could you draw", "could you please draw",
    "can you draw me", "a picture of", "a drawing of", "an image of", "a sketch of", "a painting of", "an illustration of",
    "picture of", "drawing of", "a picture with", "an image with", "a drawing with", "a scene with", "a page with",
    "a canvas with", "a picture showing", "a picture containing", "a picture that shows", "draw a picture of",
    "draw a picture with", "draw a scene with", "make", "make a picture of", "make a drawing of", "make me", "create",
    "create an image of", "generate", "produce", "design", "render", "illustrate", "paint", "paint me", "sketch", "show",
    "show me", "let me see", "i want", "i would like", "i'd like", "i'd love", "i'd like to see", "i would like to see",
    "i want a picture of", "i want to see", "i want you to draw", "i need", "we need", "give me", "can i have", "can i see",
    "could i have", "i see", "we see", "you see", "here is", "here are", "imagine", "let there be", "there should be",
    "there must be", "let's draw", "let us draw", "please paint", "please make", "put", "add", "place", "include",
    "in the picture , there {are}", "in the picture there {are}", "the picture shows", "the picture has", "the scene has",
    "this picture shows", "the image shows", "this is a picture of", "on the page there {are}", "i am looking at", "have",
)  # fmt: skip
THERE_IS = ("there {are}", "there {are}", "there's", "we have", "it has")
ENDINGS = (
    "please",
    ", please",
    "on a page",
    "on paper",
    "on white paper",
    "on a white background",
    "in the picture",
    "on a canvas",
    "thanks",
    ", thank you",
    "for me",
    ", nothing else",
)
"""What may follow, and means nothing."""


def words_of_sentence(text: str) -> list[str]:
    """Splits a person's sentence into lower-case words, commas and full stops inside it; other punctuation is dropped. A sign that
    is neither is a word of its own.

    >>> words_of_sentence("There's a red disc; put two boxes above it!")
    ["there's", 'a', 'red', 'disc', ',', 'put', 'two', 'boxes', 'above', 'it']
    """
    text = unicodedata.normalize("NFKC", text).lower().translate(SPELT)
    found = re.findall(r"[^\W_]+(?:'[^\W_]+)*|[^\s\w]", text)
    words = [
        word for word in found if word in ",." or word[0].isalnum() or not unicodedata.category(word).startswith(("P", "M", "C"))
    ]
    kept: list[str] = []
    for word in words:
        if word not in ",." or (kept and kept[-1] not in ",."):  # none at the start, and one at a time
            kept.append(word)
    return kept[:-1] if kept and kept[-1] in ",." else kept


SPELT = str.maketrans({"’": "'", "‘": "'", "`": "'", ";": ",", ":": ",", "!": ".", "?": "."})

# ---------------------------------------------------------------- what is asked


class SceneSentence(NamedTuple):
    text: str
    tree: Tree
    way: str
    """How it is said, one of `WAYS`."""


WAYS = ("caption", "one", "list", "relation", "turned", "command", "sides", "again", "group")


def sentence(seed: int, split: str, number: int) -> SceneSentence:
    """Sentence number `number` of a split. Raises ArgumentError for an unknown split."""
    check_choice("split", split, SPLITS)
    rng = random.Random((number * len(SPLITS) + SPLITS.index(split)) << 64 | seed)
    while True:
        phrases = drawn_phrases(split, rng)
        if sayable(phrases):
            break
    if rng.random() < PLAIN:
        return as_caption(phrases, rng)
    return freely(phrases, rng)


def pick(options: Sequence[str], rng: random.Random) -> str:
    return options[int(rng.random() * len(options))]


def drawn_phrases(split: str, rng: random.Random) -> list[Phrase]:
    """One to three phrases; at least one names a pair of the split."""
    count = 1 + (rng.random() < 0.82) + (rng.random() < 0.35)
    named = int(rng.random() * count)
    phrases: list[Phrase] = []
    for k in range(count):
        pairs = PAIRS[split] if k == named or rng.random() < 0.4 else PAIRS["train"]
        colour, shape = pairs[int(rng.random() * len(pairs))]
        chance = rng.random()
        many = 1 + (chance > 0.55) + (chance > 0.8) + (chance > 0.92)
        size = None if rng.random() < 0.45 else "small" if rng.random() < 0.5 else "large"
        unsaid = rng.random() < 0.15 and (split == "train" or k != named)
        if phrases and rng.random() < 0.12:  # another of the same shape
            alike = [pair for pair in pairs if pair[1] == phrases[-1].shape] or [
                (c, h) for c, h in PAIRS["train"] if h == phrases[-1].shape
            ]
            if k != named or alike[0] in PAIRS[split]:
                colour, shape = alike[int(rng.random() * len(alike))]
        phrases.append(Phrase(many, shape, None if unsaid else colour, size))
    return phrases


def sayable(phrases: Sequence[Phrase]) -> bool:
    """Whether no phrase means all that another means, and the page is large enough."""
    pairs = itertools.permutations(phrases, 2)
    apart = all(a.shape != b.shape or not agree(a.colour, b.colour) or not agree(a.size, b.size) for a, b in pairs)
    large = sum(phrase.number for phrase in phrases if phrase.size == "large")
    return apart and large <= MOST_LARGE and sum(phrase.number for phrase in phrases) <= MOST_OBJECTS


def agree(general: str | None, special: str | None) -> bool:
    return general is None or general == special


# ---------------------------------------------------------------- how it is said


def as_caption(phrases: Sequence[Phrase], rng: random.Random) -> SceneSentence:
    """As `scene_language` says it."""
    spoken = []
    for phrase in phrases:
        size = "" if phrase.size is None else pick(SIZES[phrase.size], rng) + " "
        noun = noun_of(phrase, (phrase.shape, scene_language.PLURALS[SHAPES.index(phrase.shape)]))
        if phrase.colour is None:
            rest = size + noun
        else:
            rest = f"{size}{noun} in {phrase.colour}" if rng.random() < 0.3 else f"{size}{phrase.colour} {noun}"
        spoken.append(with_article(f"{NUMBERS[phrase.number - 1]} {rest}"))
    if len(phrases) == 1:
        opening = ("there is " if phrases[0].number == 1 else "there are ") if rng.random() < 0.3 else ""
        return SceneSentence(opening + spoken[0], Asked(tuple(phrases)).tree(), "caption")
    if rng.random() < 0.3:
        text = " and ".join(spoken) if len(spoken) == 2 else f"{spoken[0]} , {spoken[1]} and {spoken[2]}"
        return SceneSentence(text, Asked(tuple(phrases)).tree(), "caption")
    relation = pick(tuple(RELATIONS), rng)
    text = " ".join([spoken[0], *RELATIONS[relation], spoken[1]]) + (f" with {spoken[2]}" if len(spoken) == 3 else "")
    return SceneSentence(text, Asked(tuple(phrases), (Relation(relation, (0,), (1,)),)).tree(), "caption")


def freely(phrases: Sequence[Phrase], rng: random.Random) -> SceneSentence:
    """In one of many ways."""
    if len(phrases) == 1:
        return finished(said(phrases[0], rng), Asked(tuple(phrases)), "one", phrases[0].number > 1, rng)
    if rng.random() < 0.22:
        return as_list(phrases, rng)
    relation = pick(tuple(PLACES) if rng.random() < 0.5 else tuple(RELATIONS), rng)
    return as_group(phrases, relation, rng) if len(phrases) == 3 and rng.random() < 0.3 else as_relation(phrases, relation, rng)


def as_list(phrases: Sequence[Phrase], rng: random.Random) -> SceneSentence:
    """Things side by side in the sentence, without a relation."""
    spoken = [said(phrase, rng, before) for phrase, before in zip(phrases, (None, *phrases), strict=False)]
    first, second = phrases[:2]
    if first.shape == second.shape and first.colour and second.colour and rng.random() < 0.3:  # "a red and a blue circle"
        spoken[0], spoken[1] = (words.strip() for words in (said(first, rng, noun="", after=False), said(second, rng, after=False)))
    template = pick(TWO if len(phrases) == 2 else THREE, rng)
    text = template.format(**dict(zip("abc", spoken, strict=False)), bare="are" if second.number > 1 else "is")
    return finished(text, Asked(tuple(phrases)), "list", first.number > 1 if template.startswith("{a") else None, rng)


def as_group(phrases: Sequence[Phrase], relation: str, rng: random.Random) -> SceneSentence:
    """Three phrases, two of which are one side of the relation."""
    spoken = [said(phrase, rng) for phrase in phrases]
    two_first = rng.random() < 0.5
    sides = ((0, 1), (2,)) if two_first else ((0,), (1, 2))
    pair = spoken[:2] if two_first else spoken[1:]
    both = pick(AND, rng).format(a=pair[0], b=pair[1])
    a, b = (both, spoken[2]) if two_first else (spoken[0], both)
    template, _ = relation_template(relation, rng)
    many = (two_first or phrases[0].number > 1, not two_first or phrases[2].number > 1)
    text, starts = related(template, relation, (a, b), many, rng)
    return finished(text, Asked(tuple(phrases), (Relation(relation, *sides),)), "group", starts, rng)


def as_relation(phrases: Sequence[Phrase], relation: str, rng: random.Random) -> SceneSentence:
    """A relation between the first two phrases, perhaps with a third beside it."""
    one, other = phrases[:2]
    template, way = relation_template(relation, rng)
    names = again(one, other), again(other, one)
    if rng.random() < 0.1:
        template, way = pick(AGAIN if all(names) else AGAIN[-2:], rng), "again"
    turned = template.index("{b}") < template.index("{a}")
    spoken = said(one, rng, other if turned else None), said(other, rng, None if turned else one)
    text, starts = related(template, relation, spoken, (one.number > 1, other.number > 1), rng, names)
    if len(phrases) == 2:
        return finished(text, Asked(tuple(phrases), (Relation(relation, (0,), (1,)),)), way, starts, rng)
    third = said(phrases[2], rng)
    added = pick(ADDED if way in ("relation", "turned", "sides") else ADDED[:-FIRST], rng)
    text = added.format(r=text, c=third, care="are" if phrases[2].number > 1 else "is")
    if added.startswith("{c}"):
        asked = Asked((phrases[2], one, other), (Relation(relation, (1,), (2,)),))
        return finished(text, asked, way, phrases[2].number > 1, rng)
    return finished(text, Asked(tuple(phrases), (Relation(relation, (0,), (1,)),)), way, starts, rng)


def related(
    template: str,
    relation: str,
    spoken: tuple[str, str],
    many: tuple[bool, bool],
    rng: random.Random,
    names: tuple[str, str] = ("", ""),
) -> tuple[str, bool | None]:
    """A template of a relation filled in; and whether it begins with things of more than one, None if it is no list of things."""
    place = pick(THERE[relation], rng).format(it="them" if many[1] else "it", its="their" if many[1] else "its")
    if template.endswith("{there}") and relation in BEHIND and rng.random() < 0.25:
        place = pick(BEHIND[relation], rng)
    here, yonder = SIDES[relation][int(rng.random() * len(SIDES[relation]))] if relation in SIDES else ("", "")
    text = template.format(
        a=spoken[0], b=spoken[1], the_a=names[0], the_b=names[1], there=place, here=here, yonder=yonder,
        place=pick(PLACES[relation], rng), placed=pick(PLACED, rng), stand=pick(STAND if many[0] else STANDS, rng),
        are="are" if many[0] else "is", bare="are" if many[1] else "is", has="have" if many[1] else "has",
    )  # fmt: skip
    verbs = any(verb in template for verb in ("{are}", "{bare}", "{stand}", "{has}", "should"))
    return text, None if verbs and " . " not in template else {"{a": many[0], "{b": many[1]}.get(template[:2])


def again(phrase: Phrase, other: Phrase) -> str:
    """How the things are called when they are named again, apart from the others; empty if it takes more than two words."""
    if phrase.shape != other.shape:
        return "the " + noun_of(phrase, (phrase.shape, scene_language.PLURALS[SHAPES.index(phrase.shape)]))
    one = "one" if phrase.number == 1 else "ones"
    if phrase.colour and other.colour and phrase.colour != other.colour:
        return f"the {phrase.colour} {one}"
    return f"the {phrase.size} {one}" if phrase.size and other.size and phrase.size != other.size else ""


def relation_template(relation: str, rng: random.Random) -> tuple[str, str]:
    """How A relation B is said, and which way that is."""
    chance = rng.random()
    if relation == BESIDE and chance < 0.15:
        return pick(ABREAST, rng), "sides"
    if chance < 0.45:
        return pick(RELATED, rng), "relation"
    if chance < 0.75:
        return pick(TURNED, rng), "turned"
    if chance < 0.88 or relation == BESIDE:
        return pick(COMMANDS, rng), "command"
    return pick(OPPOSED, rng), "sides"


def finished(text: str, asked: Asked, way: str, many: bool | None, rng: random.Random) -> SceneSentence:
    """The sentence with what is said before and after it. `many` is whether it begins with things of more than one; None: "draw"
    and the like cannot stand before it."""
    if many is not None and rng.random() < 0.5:
        opening = pick(OPENINGS if rng.random() < 0.75 else THERE_IS, rng).format(are="are" if many else "is")
        text = f"{opening} {text}"
    if rng.random() < 0.08:
        text = f"{text} {pick(ENDINGS, rng)}"
    text = text.replace(" ,", ",").replace(" .", ".")
    if rng.random() < 0.3:
        text = text[0].upper() + text[1:]
    return SceneSentence(text + pick((".", "", "", "!") if rng.random() < 0.5 else ("",), rng), asked.tree(), way)


def said(phrase: Phrase, rng: random.Random, before: Phrase | None = None, *, noun: str | None = None, after: bool = True) -> str:
    """A phrase. Things of the same shape as those `before` may be called "one". Without `after` all adjectives come before the
    noun."""
    many, size, colour = phrase.number > 1, phrase.size, phrase.colour
    if noun is None:
        noun = noun_of(phrase, FORMS[phrase.shape][int(rng.random() * len(FORMS[phrase.shape]))])
        if before is not None and before.shape == phrase.shape and colour and before.colour and rng.random() < 0.5:
            noun, after = noun_of(phrase, ("one", "ones")), False
    named = {"is": "are" if many else "is", "that": "that are" if many else "that's"}
    if size is not None:
        degree = pick(DEGREES, rng) if rng.random() < 0.08 else ""
        named |= {"s": degree + pick(HOW_LARGE[size], rng), "m": pick(MEASURED[size], rng)}
    if colour is not None:
        named["c"] = pick(HUES[colour], rng)
    size_first, colour_first = not after or rng.random() < 0.85, not after or rng.random() < 0.62
    adjectives: list[str] = []
    behind: list[str] = []
    if size is not None and colour is not None and not size_first and not colour_first:
        behind.append(pick(BOTH_AFTER, rng))
    else:
        if colour is not None:
            (adjectives if colour_first else behind).append(pick(BEFORE if colour_first else AFTER, rng))
        if size is not None and size_first:
            chance = rng.random()
            adjectives.insert(
                int(chance < 0.08), "{m} sized" if chance > 0.95 else "{s} ," if adjectives and chance > 0.91 else "{s}"
            )
        elif size is not None:
            behind.append(pick(SIZE_AFTER, rng))
    if rng.random() < 0.02:
        adjectives.insert(0, pick(FILLERS, rng))
    words = [pick(HOW_MANY[phrase.number], rng), *adjectives, noun, *behind]
    return with_article(" ".join(word for word in words if word).format(**named))


def noun_of(phrase: Phrase, forms: Sequence[str]) -> str:
    return forms[phrase.number > 1]


def with_article(words: str) -> str:
    return "an" + words[1:] if words.startswith("a ") and words[2] in "aeiou" else words


# ---------------------------------------------------------------- all words


def all_words() -> tuple[str, ...]:
    """The words that sentences are made of, in alphabetical order."""
    tables = (
        *HOW_MANY.values(), *HOW_LARGE.values(), *MEASURED.values(), DEGREES, FILLERS, *HUES.values(), BEFORE, AFTER, SIZE_AFTER,
        BOTH_AFTER, *PLACES.values(), *THERE.values(), *BEHIND.values(), *itertools.chain(*SIDES.values()),
        *itertools.chain(*FORMS.values()), STANDS, STAND, PLACED, RELATED, TURNED, COMMANDS, OPPOSED, ABREAST, AGAIN, AND, TWO,
        THREE, ADDED, OPENINGS, THERE_IS, ENDINGS, scene_language.WORDS,
        ("is", "are", "has", "have", "it", "them", "its", "their", "an", "one", "ones", "the", "that's", "sized"),
    )  # fmt: skip
    said = (re.sub(r"\{\w+\}", " ", text) for table in tables for text in table)
    words = {word for text in said for word in text.replace(",", " ").replace(".", " ").split()}
    return (",", ".", *sorted(words - {"blot", "blots"}))


WORDS = all_words()


# ---------------------------------------------------------------- batches


@dataclass(frozen=True, kw_only=True)
class SceneSentences:
    """Sentences about drawn scenes with their trees, made without end."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    batch: int = 128
    """Sentences in a batch."""
    count: int = 2000
    """Sentences for validation, and as many for the test; training sentences are made without end."""

    def __post_init__(self) -> None:
        check_fields(self, "data", "batch", "count", at_least=1)

    def spec(self) -> Spec:
        return Spec(source_vocabulary=(UNKNOWN, *WORDS), vocabulary=(FINISH, *SYMBOLS), unit="words")

    def stream(self, split: str, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[TreeBatch]:
        """Training: an endless stream, whose batches have sentences of like length. Other splits: `count` fixed sentences, once."""
        check_split(self, split)
        if split != "train":
            for first in range(rank * self.batch, self.count, ranks * self.batch):
                numbers = range(first, min(first + self.batch, self.count))
                yield batch_of([sentence(0, split, number) for number in numbers])
            return
        for pool in itertools.count(start // POOL):
            first = (pool * ranks + rank) * self.batch * POOL
            made = [sentence(seed, split, number) for number in range(first, first + self.batch * POOL)]
            made.sort(key=lambda one: len(one.text))
            for place, which in enumerate(torch.randperm(POOL, generator=generator(seed, pool, rank)).tolist()):
                if pool * POOL + place >= start:
                    yield batch_of(made[which * self.batch : (which + 1) * self.batch])


NUMBER_OF_WORD = {word: number for number, word in enumerate((UNKNOWN, *WORDS))}
NUMBER_OF_SYMBOL = {symbol: number for number, symbol in enumerate((FINISH, *SYMBOLS))}


def batch_of(sentences: Sequence[SceneSentence]) -> TreeBatch:
    words = [[NUMBER_OF_WORD.get(word, 0) for word in words_of_sentence(one.text)] for one in sentences]
    symbols = [[*(NUMBER_OF_SYMBOL[symbol] for symbol in own_symbols(one.tree)), 0] for one in sentences]
    padded = [torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True) for rows in (words, symbols)]
    lengths = [torch.tensor([len(row) for row in rows]) for rows in (words, symbols)]
    return TreeBatch(padded[0], lengths[0], padded[1], lengths[1], torch.zeros_like(padded[0]))

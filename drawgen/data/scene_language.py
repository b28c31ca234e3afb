"""The language of the scenes: a small grammar that describes drawn objects, and a parser that decides whether a caption is true.

    caption  := ["there is" | "there are"] phrase
              | phrase (relation | "and") phrase
              | phrase relation phrase "with" phrase
              | phrase "," phrase "and" phrase
    phrase   := number [size] [colour] shape  |  number [size] shape "in" colour
    relation := "left of" | "right of" | "above" | "below"

A phrase means: exactly this number of objects in the scene have this shape, and this size and colour if they are given. A relation
holds if it holds by `MARGIN` between the centres of all objects of one phrase and all of the other. Two phrases never mean the same
object. A caption is true if it can be parsed and all of its parts hold; it may leave objects out.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

PENCIL = "grey"
"""The colour of drawings in pencil, which no caption names."""
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "black")
BLOT = "blot"
"""The shape of blots, colours without form."""
SHAPES = ("circle", "ring", "square", "triangle", "cross", "star")
PLURALS = ("circles", "rings", "squares", "triangles", "crosses", "stars")
NOUNS = (*SHAPES, BLOT)
MANY = (*PLURALS, "blots")
SIZES = {"small": ("small", "little"), "large": ("large", "big")}
NUMBERS = ("a", "two", "three", "four")
RELATIONS = {"left": ("left", "of"), "right": ("right", "of"), "above": ("above",), "below": ("below",)}
KINDS = ("count", "colour", "shape", "size", "relation")
"""What a caption can assert."""
MARGIN = 0.03
"""Distance between centres, as a fraction of the picture's side, from which a relation holds."""
CLEAR = 0.1
"""Distance from which a caption mentions the relation."""
SPOKEN = {word: size for size, words in SIZES.items() for word in words}

JOINTS = ("left", "right", "of", "above", "below", "and", "with", ",", "in", "there", "is", "are")
WORDS = ("an", *NUMBERS, *SPOKEN, *COLOURS, *NOUNS, *MANY, *JOINTS)
"""All words of the language."""


@dataclass(frozen=True)
class Thing:
    """An object of a scene. Its position and radius are fractions of the picture's side; (0, 0) is the top left corner."""

    colour: str
    shape: str
    size: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Phrase:
    number: int
    shape: str
    colour: str | None
    size: str | None
    words: tuple[int, int] = (0, 0)
    """The position of its first word in the caption, and the position after its last."""

    def fits(self, thing: Thing) -> bool:
        own = (thing.shape, thing.colour, thing.size)
        return own == (self.shape, self.colour or thing.colour, self.size or thing.size)


@dataclass(frozen=True)
class Parsed:
    phrases: tuple[Phrase, ...]
    relation: str | None
    """Between the first two phrases."""


@dataclass(frozen=True)
class Verdict:
    """A judgement of a caption about a scene."""

    true: bool
    asserted: Counter[str]
    """Number of facts of each kind (`KINDS`) that it asserts."""
    right: Counter[str]
    """Number of them that hold; each phrase is compared with the objects that fit it best."""


# ---------------------------------------------------------------- saying


def describe(things: Sequence[Thing], *, rng: random.Random) -> str:
    """A true caption of a scene with one to three kinds of objects. It names all of them, sometimes without a size or a
    relation."""
    groups: dict[tuple[str, str, str], list[Thing]] = {}
    for thing in things:
        groups.setdefault((thing.colour, thing.shape, thing.size), []).append(thing)
    kinds = list(groups.values())
    for n in range(len(kinds) - 1, 0, -1):  # any order; `shuffle` may change between versions of Python
        other = int(rng.random() * (n + 1))
        kinds[n], kinds[other] = kinds[other], kinds[n]
    phrases = [say(group, things, rng) for group in kinds]
    if len(phrases) == 1:
        opening = "there is " if len(things) == 1 else "there are "
        return (opening if rng.random() < 0.2 else "") + phrases[0]
    relation = clearest(kinds[0], kinds[1])
    joint = " and " if relation is None or rng.random() < 0.15 else " " + " ".join(RELATIONS[relation]) + " "
    if len(phrases) == 2:
        return phrases[0] + joint + phrases[1]
    if joint == " and ":
        return f"{phrases[0]} , {phrases[1]} and {phrases[2]}"
    return f"{phrases[0]}{joint}{phrases[1]} with {phrases[2]}"


def say(group: Sequence[Thing], things: Sequence[Thing], rng: random.Random) -> str:
    """A phrase for objects that are alike."""
    thing = group[0]
    lookalikes = sum((other.colour, other.shape) == (thing.colour, thing.shape) for other in things)
    leave_out = rng.random() < 0.2 and lookalikes == len(group)
    size = "" if leave_out else SIZES[thing.size][rng.random() < 0.3] + " "
    noun = (NOUNS if len(group) == 1 else MANY)[NOUNS.index(thing.shape)]
    colour_last = rng.random() < 0.3
    if thing.colour == PENCIL:
        rest = f"{size}{noun}"
    else:
        rest = f"{size}{noun} in {thing.colour}" if colour_last else f"{size}{thing.colour} {noun}"
    number = "an" if len(group) == 1 and rest[0] in "aeiou" else NUMBERS[len(group) - 1]
    return f"{number} {rest}"


def gaps(these: Sequence[Thing], those: Sequence[Thing]) -> dict[str, float]:
    """relation -> the margin by which it holds between all of these and all of those; negative if it does not hold."""
    return {
        "left": min(b.x for b in those) - max(a.x for a in these),
        "right": min(a.x for a in these) - max(b.x for b in those),
        "above": min(b.y for b in those) - max(a.y for a in these),
        "below": min(a.y for a in these) - max(b.y for b in those),
    }


def clearest(these: Sequence[Thing], those: Sequence[Thing]) -> str | None:
    """The relation with the largest margin, if that is large enough."""
    found = gaps(these, those)
    best = max(found, key=lambda relation: found[relation])
    return best if found[best] >= CLEAR else None


# ---------------------------------------------------------------- understanding


def parse(caption: str) -> Parsed | None:
    """The meaning of a caption; None if it is not in the language.

    >>> parse("a large red circle left of two rings in blue").relation
    'left'
    """
    words = caption.split()
    at = 2 if words[:2] in (["there", "is"], ["there", "are"]) else 0
    opening = words[1] if at else None
    phrases, joints = [], []
    while True:
        phrase = parse_phrase(words, at)
        if phrase is None:
            return None
        phrases.append(phrase)
        at = phrase.words[1]
        if at == len(words):
            break
        joint = next((j for j in (("and",), ("with",), (",",), *RELATIONS.values()) if tuple(words[at : at + len(j)]) == j), None)
        if joint is None:
            return None
        joints.append(joint)
        at += len(joint)
    relation = next((name for name, spoken in RELATIONS.items() if joints and spoken == joints[0]), None)
    if opening is not None:
        whole = not joints and opening == ("is" if phrases[0].number == 1 else "are")
    elif relation is not None:
        whole = joints[1:] in ([], [("with",)])
    else:
        whole = joints in ([], [("and",)], [(",",), ("and",)])
    return Parsed(tuple(phrases), relation) if whole else None


def parse_phrase(words: Sequence[str], at: int) -> Phrase | None:
    first = at

    def take(known: Sequence[str]) -> str | None:
        nonlocal at
        word = words[at] if at < len(words) and words[at] in known else None
        at += word is not None
        return word

    number = take(("an", *NUMBERS))
    size = SPOKEN.get(take(tuple(SPOKEN)) or "")
    colour = take(COLOURS)
    nouns = NOUNS if number in ("a", "an") else MANY
    noun = take(nouns)
    if number is None or noun is None:
        return None
    if colour is None and take(("in",)):
        colour = take(COLOURS)
        if colour is None:
            return None
    if nouns is NOUNS and (number == "an") != (words[first + 1][0] in "aeiou"):
        return None
    many = 1 if number == "an" else NUMBERS.index(number) + 1
    return Phrase(many, NOUNS[nouns.index(noun)], colour, size, (first, at))


def meant(parsed: Parsed, things: Sequence[Thing]) -> list[list[Thing]] | None:
    """The objects of each phrase; None if a phrase is false or two phrases mean the same object."""
    found = [[thing for thing in things if phrase.fits(thing)] for phrase in parsed.phrases]
    if any(len(group) != phrase.number for group, phrase in zip(found, parsed.phrases, strict=True)):
        return None
    together = [id(thing) for group in found for thing in group]
    return found if len(set(together)) == len(together) else None


def judge(caption: str, things: Sequence[Thing]) -> Verdict:
    """Judges whether a caption is true of a scene, how much it asserts, and how much of that holds."""
    parsed = parse(caption)
    if parsed is None:
        return Verdict(False, Counter(), Counter())
    asserted, right = Counter({"relation": int(parsed.relation is not None)}), Counter[str]()
    matched = list(best_matches(parsed, things))
    for phrase, group in zip(parsed.phrases, matched, strict=True):
        facts = {
            "count": len(group) == phrase.number,
            "shape": bool(group) and group[0].shape == phrase.shape,
        }
        if phrase.colour is not None:
            facts["colour"] = bool(group) and group[0].colour == phrase.colour
        if phrase.size is not None:
            facts["size"] = bool(group) and all(thing.size == phrase.size for thing in group)
        asserted.update(facts.keys())
        right.update(kind for kind, holds in facts.items() if holds)
    holds = parsed.relation is not None and all(matched[:2]) and gaps(matched[0], matched[1])[parsed.relation] >= MARGIN
    right["relation"] += int(holds)
    exact = meant(parsed, things)
    true = exact is not None and (parsed.relation is None or gaps(exact[0], exact[1])[parsed.relation] >= MARGIN)
    return Verdict(true, +asserted, +right)


def best_matches(parsed: Parsed, things: Sequence[Thing]) -> Iterator[list[Thing]]:
    """For each phrase its most likely objects, among those not taken by an earlier phrase: all that fit, or else all objects equal
    to the one that has most in common with it."""
    free = list(things)
    for phrase in parsed.phrases:
        group = [thing for thing in free if phrase.fits(thing)]
        if not group and free:

            def shared(thing: Thing, phrase: Phrase = phrase) -> int:
                return (thing.shape == phrase.shape) + (thing.colour == phrase.colour) + (thing.size == phrase.size)

            best = max(free, key=shared)
            group = [t for t in free if (t.colour, t.shape, t.size) == (best.colour, best.shape, best.size)]
        yield group
        free = [thing for thing in free if thing not in group]

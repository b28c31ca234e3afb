"""From what is asked of a scene to a drawing of it: kinds of objects, their places, their strokes.

Axes: K candidates, N objects.

Objects do not touch, numbers are exact, and relations hold by `scene_language.MARGIN` at least, by more where there is room. Sizes
and colours that are not said are chosen so that the sentence stays true. A layout is found by position-based relaxation (Müller et
al. 2007, "Position based dynamics") of random places: whatever is too near, or on the wrong side, is pushed apart.
"""

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from drawgen.data.scene_language import COLOURS, MARGIN, SIZES, Phrase, Thing, clearest, gaps
from drawgen.data.scene_trees import BESIDE, Asked, Relation, SceneError, in_words, margin
from drawgen.data.scenes import RADII, sketch

CANDIDATES, ROUNDS, LOOSE = 16, 160, 100
"""Layouts that are tried at once, rounds of relaxation, and those of them in which nearness counts, too."""
ATTEMPTS = 12
"""From the first to the last, objects may come closer to each other."""
BORDER = 0.02
REACH = {"circle": 1.15, "ring": 1.15, "square": 1.4, "triangle": 1.3, "cross": 1.25, "star": 1.2}
"""How far the strokes of a shape reach from its centre, in radii."""
GAP, GAPS = (0.05, 0.012), (0.25, MARGIN + 0.01)
"""Free space between two objects, and the distance by which a relation is to hold, of the first attempt and the last."""
ASIDE, ABREAST = 0.25, 0.08
"""How far objects of a relation are shifted in the other direction, at most, where there is room; `ABREAST` those side by side."""
CENTRED = 0.7
"""How far the whole is moved to the middle of the page."""
SAMPLES = np.linspace(0, 1, 13)
"""Places along a stroke at which its distance from others is measured."""
AXES = {"left": (0, 1.0), "right": (0, -1.0), "above": (1, 1.0), "below": (1, -1.0)}
"""Axis along which a relation holds, and the direction from its first side to its second."""


class SceneDrawing(NamedTuple):
    """A scene, and how it is drawn."""

    things: list[Thing]
    strokes: list[list[list[float]]]
    """The strokes of each: x0 y0 x1 y1 x2 y2 r0 r1 a0 a1 red green blue."""


def drawing(asked: Asked, rng: random.Random) -> SceneDrawing:
    """A drawing as asked; another for each state of `rng`, of which only `random()` is used. Raises SceneError for what contradicts
    itself or does not fit the page."""
    count = sum(phrase.number for phrase in asked.phrases)
    relations = [decided(relation, rng) for relation in asked.relations]
    for attempt in range(ATTEMPTS):
        tight = attempt / (ATTEMPTS - 1)
        kinds = chosen_kinds(asked.phrases, rng, small=tight > 0.5 or (count > 4 and attempt > 0))
        radii = np.array([radius_of(kind.size, tight, rng) for kind in kinds for _ in range(kind.number)])
        reach = np.array([REACH[kind.shape] ** (1 - tight) for kind in kinds for _ in range(kind.number)]) * radii
        if (np.square(2 * radii).sum()) > 1:  # not even in rows
            continue
        starts = np.array([rng.random() for _ in range(CANDIDATES * count * 2)]).reshape(CANDIDATES, count, 2)
        found = relaxed(starts, reach, numbered(asked.phrases, relations), tight)
        for things in best_first(found, kinds, radii, asked):
            strokes = [sketch(thing, rng) for thing in things]
            if asked.true_of(things) and not any_touch(strokes):
                return SceneDrawing(things, strokes)
    large = sum(phrase.number for phrase in asked.phrases if phrase.size == "large")
    raise SceneError(
        f"{count} objects{f', {large} of them large,' if large else ''} do not fit the page as they are asked for; ask for fewer "
        "or smaller ones"
    )


def decided(relation: Relation, rng: random.Random) -> Relation:
    """Which side, of objects beside each other."""
    if relation.name != BESIDE:
        return relation
    return Relation("left" if rng.random() < 0.5 else "right", relation.these, relation.those)


# ---------------------------------------------------------------- kinds


def chosen_kinds(phrases: Sequence[Phrase], rng: random.Random, *, small: bool) -> list[Phrase]:
    """The phrases with a size and a colour for each, so that none means the objects of another. With `small` sizes that are not
    said are small where that is possible. Raises SceneError if it is not."""
    options = []
    for phrase in phrases:
        colours = shuffled((phrase.colour,) if phrase.colour else COLOURS, rng)
        sizes = (phrase.size,) if phrase.size else tuple(SIZES) if small else shuffled(tuple(SIZES), rng)
        options.append([Phrase(phrase.number, phrase.shape, colour, size) for size in sizes for colour in colours])

    def choose(done: list[Phrase]) -> list[Phrase] | None:
        if len(done) == len(phrases):
            return done
        for kind in options[len(done)]:
            own = phrases[len(done)]
            if all(not meant(phrase, kind) and not meant(own, other) for phrase, other in zip(phrases, done, strict=False)):
                whole = choose([*done, kind])
                if whole is not None:
                    return whole
        return None

    found = choose([])
    if found is None:
        for number, one in enumerate(phrases):
            for other in phrases[:number]:
                if meant(one, other) or meant(other, one):
                    raise SceneError(
                        f"{in_words(other)} and {in_words(one)} contradict each other, as a number means exactly so many of that "
                        "kind; say what tells them apart"
                    )
        raise SceneError(f"{', '.join(map(in_words, phrases))} contradict each other; say what tells them apart")
    return found


def meant(phrase: Phrase, kind: Phrase) -> bool:
    """Whether objects of a kind are among those that a phrase means."""
    return phrase.shape == kind.shape and phrase.colour in (None, kind.colour) and phrase.size in (None, kind.size)


def shuffled(options: Sequence[str], rng: random.Random) -> tuple[str, ...]:
    return tuple(sorted(options, key=lambda _: rng.random()))


def radius_of(size: str | None, tight: float, rng: random.Random) -> float:
    low, high = RADII[size or "small"]
    return low + (high - low) * rng.random() * (1 - tight)


# ---------------------------------------------------------------- places


def numbered(phrases: Sequence[Phrase], relations: Sequence[Relation]) -> list[tuple[str, list[int], list[int]]]:
    """The relations between objects: their name, and the numbers of the objects of each side."""
    ends = np.cumsum([0, *(phrase.number for phrase in phrases)]).tolist()

    def members(side: Sequence[int]) -> list[int]:
        return [thing for k in side for thing in range(ends[k], ends[k + 1])]

    return [(relation.name, members(relation.these), members(relation.those)) for relation in relations]


def relaxed(
    starts: Float64[np.ndarray, "K N 2"],
    reach: Float64[np.ndarray, " N"],
    relations: Sequence[tuple[str, list[int], list[int]]],
    tight: float,
) -> Float64[np.ndarray, "K N 2"]:
    """Places within the page, pushed apart until they hardly overlap and relations hold. `tight`, from 0 to 1, is how near they may
    come."""
    gap, wanted = (low + tight * (high - low) for low, high in (GAP, GAPS))
    least = BORDER + reach
    need = reach[:, None] + reach + gap
    np.fill_diagonal(need, 0)
    at = least[:, None] + (1 - 2 * least[:, None]) * starts
    for turn in range(ROUNDS):
        apart = at[:, :, None] - at[:, None]  # K N N 2
        far = np.sqrt(np.square(apart).sum(-1)) + 1e-9
        push = (0.3 * np.maximum(0, need - far) / far)[..., None] * apart
        move = push.sum(2)
        for name, these, those in relations:
            axis, sign = AXES[name]
            between = at[:, those, axis][:, None, :] - at[:, these, axis][:, :, None]  # K A B
            short = 0.3 * sign * np.maximum(0, wanted - sign * between)
            move[:, these, axis] -= short.mean(2)
            move[:, those, axis] += short.mean(1)
            if turn < LOOSE:
                across = at[:, those, 1 - axis][:, None, :] - at[:, these, 1 - axis][:, :, None]
                far_off = 0.1 * np.sign(across) * np.maximum(0, np.abs(across) - ASIDE)
                move[:, these, 1 - axis] += far_off.mean(2)
                move[:, those, 1 - axis] -= far_off.mean(1)
        at = np.clip(at + move, least[:, None], 1 - least[:, None])
    middle = ((at - least[:, None]).min(1, keepdims=True) + (at + least[:, None]).max(1, keepdims=True)) / 2
    return at + CENTRED * (0.5 - middle)


def best_first(
    found: Float64[np.ndarray, "K N 2"], kinds: Sequence[Phrase], radii: Float64[np.ndarray, " N"], asked: Asked
) -> Iterator[list[Thing]]:
    """The candidates as objects; first those in which the relations are the clearest ones between their objects."""
    alike = [kind for kind in kinds for _ in range(kind.number)]
    scenes = [
        [
            Thing(str(kind.colour), kind.shape, str(kind.size), float(x), float(y), float(radius))
            for kind, (x, y), radius in zip(alike, places, radii, strict=True)
        ]
        for places in found
    ]
    yield from sorted(scenes, key=lambda things: -clarity(things, asked))


def clarity(things: Sequence[Thing], asked: Asked) -> float:
    """2 if all relations are the clearest between their objects, 0 if one of them does not hold."""
    worst = 2.0
    for name, these, those in numbered(asked.phrases, asked.relations):
        first, second = [things[k] for k in these], [things[k] for k in those]
        if margin(name, gaps(first, second)) < MARGIN:
            return 0.0
        best = clearest(first, second)
        worst = min(worst, 2.0 if best == name or (name == BESIDE and best in ("left", "right")) else 1.0)
    return worst


# ---------------------------------------------------------------- strokes


def any_touch(strokes: Sequence[Sequence[Sequence[float]]]) -> bool:
    """Whether the strokes of two objects touch."""
    owners = np.repeat(np.arange(len(strokes)), [len(own) for own in strokes])
    touch = touching(np.array([stroke for own in strokes for stroke in own]))
    return bool((touch & (owners[:, None] != owners)).any())


def touching(strokes: Float64[np.ndarray, "S P"]) -> Bool[np.ndarray, "S S"]:
    """Which strokes touch each other."""
    t = SAMPLES[:, None]
    p0, p1, p2 = (strokes[:, None, k : k + 2] for k in (0, 2, 4))
    points = ((1 - t) ** 2 * p0 + 2 * t * (1 - t) * p1 + t**2 * p2).reshape(-1, 2)  # S times 13
    widths = (strokes[:, 6:7] * (1 - SAMPLES) + strokes[:, 7:8] * SAMPLES).reshape(-1)
    free = np.hypot(*(points[:, None] - points).transpose(2, 0, 1)) - widths[:, None] - widths
    count = len(strokes)
    return free.reshape(count, len(SAMPLES), count, len(SAMPLES)).min((1, 3)) < 0

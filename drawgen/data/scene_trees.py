"""What is asked of a scene, and its tree.

    scene    := (scene item item ...)
    item     := things | (relation side side)
    side     := things | (group things things ...)
    things   := (things number [size] [colour] shape)
    relation := left | right | above | below | beside

What is not said is left out of the tree. Things mean exactly this number of objects of the scene, as phrases of `scene_language`
do, and no object is meant twice. A relation holds between all objects of its first side and all of its second; `beside` is left or
right.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drawgen.data.scene_language import COLOURS, MARGIN, NUMBERS, RELATIONS, SHAPES, SIZES, Parsed, Phrase, Thing, gaps
from drawgen.trees.tree import Tree

SCENE, THINGS, GROUP, BESIDE = "scene", "things", "group", "beside"
LABELS = (SCENE, THINGS, GROUP, *RELATIONS, BESIDE)
LEAVES = (*(str(n) for n in range(1, len(NUMBERS) + 1)), *SIZES, *COLOURS, *SHAPES)
SYMBOLS = (*(f"({label}" for label in LABELS), *(f"){label}" for label in LABELS), *LEAVES)
"""All symbols of linearised trees."""


@dataclass(frozen=True)
class Relation:
    name: str
    """left, right, above, below or beside."""
    these: tuple[int, ...]
    """The numbers of the phrases of its first side."""
    those: tuple[int, ...]


@dataclass(frozen=True)
class Asked:
    """What is asked of a scene."""

    phrases: tuple[Phrase, ...]
    """In the order in which the tree has them."""
    relations: tuple[Relation, ...] = ()

    @classmethod
    def of_caption(cls, parsed: Parsed) -> "Asked":
        """What a caption of `scene_language` says."""
        phrases = tuple(Phrase(p.number, p.shape, p.colour, p.size) for p in parsed.phrases)
        return cls(phrases, () if parsed.relation is None else (Relation(parsed.relation, (0,), (1,)),))

    def tree(self) -> Tree:
        """
        >>> str(Asked((Phrase(2, "star", "red", None), Phrase(1, "ring", None, "large")), (Relation("left", (0,), (1,)),)).tree())
        '(scene (left (things 2 red star) (things 1 large ring)))'
        """
        things = [Tree(THINGS, tuple(leaf for leaf in leaves(phrase) if leaf)) for phrase in self.phrases]
        related = {first: relation for relation in self.relations for first in (*relation.these, *relation.those)}
        items: list[Tree] = []
        done: set[Relation] = set()
        for number, thing in enumerate(things):
            relation = related.get(number)
            if relation is None:
                items.append(thing)
            elif relation not in done:
                done.add(relation)
                items.append(Tree(relation.name, (side(things, relation.these), side(things, relation.those))))
        return Tree(SCENE, tuple(items))

    def true_of(self, things: Sequence[Thing]) -> bool:
        """Whether a scene is as asked."""
        found = [[thing for thing in things if phrase.fits(thing)] for phrase in self.phrases]
        if any(len(group) != phrase.number for group, phrase in zip(found, self.phrases, strict=True)):
            return False
        together = [id(thing) for group in found for thing in group]
        if len(set(together)) < len(together):
            return False
        sides = [[[thing for k in part for thing in found[k]] for part in (r.these, r.those)] for r in self.relations]
        return all(margin(r.name, gaps(*pair)) >= MARGIN for r, pair in zip(self.relations, sides, strict=True))


def leaves(phrase: Phrase) -> tuple[str | None, ...]:
    return str(phrase.number), phrase.size, phrase.colour, phrase.shape


def side(things: Sequence[Tree], numbers: Sequence[int]) -> Tree:
    return things[numbers[0]] if len(numbers) == 1 else Tree(GROUP, tuple(things[k] for k in numbers))


def margin(relation: str, found: Mapping[str, float]) -> float:
    """The margin by which a relation holds, of those that `gaps` found."""
    return max(found["left"], found["right"]) if relation == BESIDE else found[relation]

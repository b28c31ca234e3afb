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

from drawgen.data.scene_language import COLOURS, MARGIN, NUMBERS, PLURALS, RELATIONS, SHAPES, SIZES, Parsed, Phrase, Thing, gaps
from drawgen.trees.reading import TreeError, trees
from drawgen.trees.tree import Tree

SCENE, THINGS, GROUP, BESIDE = "scene", "things", "group", "beside"
LABELS = (SCENE, THINGS, GROUP, *RELATIONS, BESIDE)
KINDS_OF_LEAVES: dict[str, tuple[str, ...]] = {
    "number": tuple(str(n) for n in range(1, len(NUMBERS) + 1)), "size": tuple(SIZES), "colour": COLOURS, "shape": SHAPES
}  # fmt: skip
LEAVES = tuple(leaf for leaves in KINDS_OF_LEAVES.values() for leaf in leaves)
SYMBOLS = (*(f"({label}" for label in LABELS), *(f"){label}" for label in LABELS), *LEAVES)
"""All symbols of linearised trees."""


class SceneError(ValueError):
    """What is asked is no scene, or none that can be drawn."""


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

    @classmethod
    def of_tree(cls, tree: Tree | str) -> "Asked":
        """What a tree says, or its brackets. Raises SceneError for one that is not the tree of a scene.

        >>> Asked.of_tree("(scene (things 2 red star))").phrases[0].colour
        'red'
        """
        found = tree_in(tree) if isinstance(tree, str) else tree
        if found.label != SCENE or not found.children:
            raise SceneError(f"the whole is {found.label!r:.40}, not {SCENE!r}")
        phrases: list[Phrase] = []
        relations: list[Relation] = []

        def numbered(part: Tree | str) -> tuple[int, ...]:
            if isinstance(part, Tree) and part.label == GROUP:
                return tuple(number for inside in part.children for number in numbered(inside))
            phrases.append(phrase_in(part))
            return (len(phrases) - 1,)

        for item in found.children:
            if isinstance(item, Tree) and item.label in (*RELATIONS, BESIDE):
                if len(item.children) != 2:
                    raise SceneError(f"{item.label} is between {len(item.children)} and not two")
                these, those = (numbered(child) for child in item.children)
                relations.append(Relation(item.label, these, those))
            else:
                numbered(item)
        return cls(tuple(phrases), tuple(relations))

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


def tree_in(brackets: str) -> Tree:
    """The one tree that this is. Raises SceneError."""
    try:
        found = list(trees(brackets))
    except TreeError as error:
        raise SceneError(str(error).removeprefix("line 1: ")) from error
    if len(found) != 1:
        raise SceneError(f"there are {len(found)} trees")
    return found[0]


def phrase_in(part: Tree | str) -> Phrase:
    """The phrase of a part of a tree. Raises SceneError."""
    if not isinstance(part, Tree) or part.label != THINGS:
        raise SceneError(f"{part!s:.60} stands where things are named")
    named: dict[str, str] = {}
    for leaf in part.children:
        kind = next((kind for kind, known in KINDS_OF_LEAVES.items() if leaf in known), None)
        if kind is None or kind in named:
            raise SceneError(f"{part!s:.80} has {leaf!s:.20} in it" + (f" beside {named[kind]}" if kind else ""))
        named[kind] = str(leaf)
    if missing := next((kind for kind in ("number", "shape") if kind not in named), None):
        raise SceneError(f"{part!s:.80} has no {missing}")
    return Phrase(int(named["number"]), named["shape"], named.get("colour"), named.get("size"))


def in_words(phrase: Phrase) -> str:
    """A phrase in English.

    >>> in_words(Phrase(2, "cross", "red", "small"))
    'two small red crosses'
    """
    adjectives = [word for word in (phrase.size, phrase.colour) if word]
    if phrase.number == 1:
        words = " ".join([*adjectives, phrase.shape])
        return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
    return " ".join([NUMBERS[phrase.number - 1], *adjectives, PLURALS[SHAPES.index(phrase.shape)]])

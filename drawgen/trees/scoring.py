"""Labelled F1 of constituency trees, by the rules of EVALB with its parameter file COLLINS.prm (Sekine & Collins 1997).

Function tags, indices, traces and empty constituents are cut; the outermost TOP, ROOT, S1 and parts of speech are not counted;
punctuation (what the reference tags , : `` '' .) is deleted before spans are computed; ADVP and PRT count as the same. A tree is a
multiset of (label, start, end).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from drawgen.trees.linear import linearised
from drawgen.trees.reading import OUTER, cleaned, is_word
from drawgen.trees.tree import Tree

PUNCTUATION = frozenset([",", ":", "``", "''", "."])
SAME = {"PRT": "ADVP"}
Span: TypeAlias = tuple[str, int, int]
"""A label, the first word, and the word after the last."""


class Score(NamedTuple):
    """Counts of constituents, which add up over sentences."""

    matched: int = 0
    gold: int = 0
    """Constituents of the reference."""
    predicted: int = 0
    sentences: int = 0
    """Those that are scored."""
    complete: int = 0
    """Sentences whose constituents all match."""
    errors: int = 0
    """Sentences that are not scored: the two trees have different numbers of words."""

    def plus(self, other: "Score") -> "Score":
        return Score(*(a + b for a, b in zip(self, other, strict=True)))

    @property
    def precision(self) -> float:
        return self.matched / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.matched / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """2 matched / (gold + predicted); 1 if there is nothing to find and nothing was found."""
        return 2 * self.matched / (self.gold + self.predicted) if self.gold + self.predicted else 1.0

    @property
    def complete_match(self) -> float:
        """The fraction of the sentences."""
        return self.complete / self.sentences if self.sentences else 0.0


def scored(pairs: Iterable[tuple[Tree, Tree]], *, labelled: bool = True) -> Score:
    """The score of pairs (reference, predicted). Not `labelled`: of spans alone.

    >>> from drawgen.trees.reading import trees
    >>> gold, other = trees("(S (NP (DT the) (NN dog)) (VP (VBZ barks))) (S (NP (DT the) (NN dog) (VBZ barks)))")
    >>> score = scored([(gold, other)])
    >>> score.matched, score.gold, score.predicted
    (1, 3, 2)
    """
    total = Score()
    for gold, predicted in pairs:
        total = total.plus(score_of(gold, predicted, labelled=labelled))
    return total


def score_of(gold: Tree, predicted: Tree, *, labelled: bool = True) -> Score:
    """The score of one sentence. A reference without words counts nothing."""
    right, found = cleaned(gold), cleaned(predicted)
    if right is None:
        return Score()
    words, tags, _ = linearised(right)
    if found is None or len(list(found.leaves())) != len(words):
        return Score(errors=1)
    places = [0]  # of a word among those that are no punctuation
    for tag in tags:
        places.append(places[-1] + (tag not in PUNCTUATION))
    mine, others = Counter(spans(right, places)), Counter(spans(found, places))
    if not labelled:
        mine, others = (Counter([(("", *span[1:])) for span in each.elements()]) for each in (mine, others))
    matched = (mine & others).total()
    return Score(matched, mine.total(), others.total(), 1, int(matched == mine.total() == others.total()))


def spans(tree: Tree, places: list[int]) -> Iterator[Span]:
    """The constituents of a cleaned tree that count; those of nothing but punctuation do not. `places` maps the border before each
    word, and the last, to one without punctuation."""
    found: list[Span] = []

    def walk(part: Tree | str, start: int) -> int:
        if is_word(part):
            return start + 1
        assert isinstance(part, Tree)
        end = start
        for child in part.children:
            end = walk(child, end)
        if part.label not in OUTER and places[end] > places[start]:
            found.append((SAME.get(part.label, part.label), places[start], places[end]))
        return end

    walk(tree, 0)
    yield from found

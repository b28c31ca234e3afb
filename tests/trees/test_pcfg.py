"""Grammars read off trees: probabilities by hand, and the best of all trees."""

import itertools
import math

import numpy as np
import pytest

from drawgen.trees import pcfg
from drawgen.trees.pcfg import read_off, rules
from drawgen.trees.reading import trees
from drawgen.trees.tree import Tree

BANK = list(
    trees(
        "(S (NP (N dogs)) (VP (V see) (NP (N cats))))"
        "(S (NP (NP (N dogs)) (PP (P with) (NP (N hats)))) (VP (V see) (NP (N cats))))"
        "(S (NP (N men)) (VP (V see) (NP (N cats)) (PP (P with) (NP (N hats)))))"
        "(TOP (VP (V see)))"
    )
)
TAGS = ("N", "V", "P")
CERTAIN = {"dogs": "N", "cats": "N", "men": "N", "hats": "N", "see": "V", "with": "P"}


def emission(words):
    return np.array([[0.0 if CERTAIN[word] == tag else -math.inf for tag in TAGS] for word in words], np.float32)


def test_rules():
    whole = [(a, b) for a, b in rules(BANK[2], horizontal=1, vertical=2)]
    assert whole[0] == (("S", ""), (("NP", "S"), ("VP", "S")))
    assert (("VP", "S"), (("V",), ("VP", "S", "V", "+"))) in whole
    assert (("VP", "S", "V", "+"), (("NP", "VP"), ("PP", "VP"))) in whole


def log_probability(tree, bank):
    """Of a tree under relative frequencies of whole rules, as the definition says."""
    counts = [rule for one in bank for rule in rules(one, horizontal=99, vertical=1)]
    own = list(rules(tree, horizontal=99, vertical=1))
    parents = [parent for parent, _ in counts]
    roots = [next(rules(one, horizontal=99, vertical=1))[0] for one in bank]
    root = roots.count(own[0][0]) / len(roots)
    return math.log(root) + sum(math.log(counts.count(rule) / parents.count(rule[0])) for rule in own)


def test_the_best_tree():
    """Of the two readings of "dogs see cats with hats" the more probable one."""
    grammar = read_off(BANK, TAGS, horizontal=99)
    words = ["dogs", "see", "cats", "with", "hats"]
    low, high = trees(
        "(S (NP (N dogs)) (VP (V see) (NP (N cats)) (PP (P with) (NP (N hats)))))"
        "(S (NP (N dogs)) (VP (V see) (NP (NP (N cats)) (PP (P with) (NP (N hats))))))"
    )
    best = max((low, high), key=lambda tree: log_probability(tree, BANK))
    assert grammar.parse(emission(words), words) == best


@pytest.mark.parametrize("options", [{"horizontal": 99}, {"horizontal": 1}, {"horizontal": 0}, {"horizontal": 2, "vertical": 2}])
def test_trees_of_training(options):
    """What is not ambiguous comes back; chains and a lone word, too."""
    grammar = read_off(BANK, TAGS, **options)
    for tree in (BANK[0], BANK[1], BANK[3]):
        words = list(tree.leaves())
        assert grammar.parse(emission(words), words) == tree


def test_no_tree():
    grammar = read_off(BANK, TAGS)
    assert grammar.parse(emission(["with"]), ["with"]) is None
    assert grammar.parse(emission(["see", "see", "see"]), ["see", "see", "see"]) is None


def test_chains():
    """The best chain from S down to A is the one over X: 1/2 * 1 against 1/4; circles add nothing."""
    bank = [Tree("S", (Tree("X", (Tree("A", (Tree("N", ("n",)), Tree("N", ("n",)))),)),))] * 2
    bank += [Tree("S", (Tree("A", (Tree("N", ("n",)), Tree("N", ("n",)))),)), Tree("S", (Tree("N", ("n",)), Tree("N", ("n",))))]
    bank += [Tree("A", (Tree("S", (Tree("N", ("n",)), Tree("N", ("n",)))),))]
    grammar = read_off(bank, ("N",))
    number = {symbol: k for k, symbol in enumerate(grammar.symbols)}
    top, low = number["S", ""], number["A", ""]
    assert grammar.next_down[top, low] == number["X", ""]
    first, above, gain = grammar.unary
    chains = {(int(above[u]), low): float(gain[u]) for u in range(first[low], first[low + 1])}
    assert chains[top, low] == pytest.approx(math.log(2 / 5))
    assert all(a != b for a, b in chains)
    assert sum(1 for _ in itertools.chain(chains)) == 2
    assert pcfg.tag_of("word") == "XX"

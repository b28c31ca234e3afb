"""The rules that keep a sequence of symbols a tree."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from drawgen.contract import generator
from drawgen.data.tree_batches import FINISH
from drawgen.nn.bracketing import END, Brackets
from drawgen.trees.linear import XX, linearised, mended, own_symbols
from drawgen.trees.tree import Tree

WORDS = (FINISH, XX, "(S", ")S", "(NP", ")NP", "(VP", ")VP")
OWN = (FINISH, "(scene", ")scene", "(things", ")things", "red", "2")


def walk(vocabulary, lengths, room, seed):
    """Symbols that are chosen at random among those allowed, up to the end."""
    rules, rng = Brackets(vocabulary, XX), generator(seed)
    state = rules.start(lengths, torch.full_like(lengths, room))
    token, rows = torch.full_like(lengths, END), [[] for _ in lengths]
    for _ in range(room):
        state = rules.after(state, token)
        may = rules.allowed(state)
        assert bool(may.any(1).all())
        token = torch.multinomial(may.double(), 1, generator=rng)[:, 0]
        for row, symbol in zip(rows, token.tolist(), strict=True):
            if not row or row[-1] != FINISH:
                row.append(vocabulary[symbol])
    return rows


@given(st.integers(0, 10**6), st.integers(0, 40))
def test_trees_over_words_are_whole(seed, more):
    lengths = torch.tensor([1, 2, 9])
    for row, length in zip(walk(WORDS, lengths, 9 + 3 + more, seed), lengths.tolist(), strict=True):
        assert row[-1] == FINISH
        assert mended(row[:-1], ["w"] * length, ["T"] * length)[1]


@given(st.integers(0, 10**6), st.integers(5, 40))
def test_trees_of_their_own_leaves_are_whole(seed, room):
    for row in walk(OWN, torch.tensor([3, 5]), room, seed):
        assert row[-1] == FINISH
        assert mended(row[:-1])[1]


LEAVES = st.text("ab", min_size=1, max_size=2)
TREES = st.recursive(
    st.builds(lambda word: Tree("N", (word,)), LEAVES),
    lambda inner: st.builds(lambda label, parts: Tree(label, tuple(parts)), st.sampled_from(["S", "NP", "VP"]),
                            st.lists(inner, min_size=1, max_size=4)),
    max_leaves=12,
)  # fmt: skip


@given(TREES.filter(lambda tree: isinstance(tree.children[0], Tree)))
def test_every_tree_is_allowed(tree):
    """Step by step, and the places are those of the tree: words so far, and the first word of the innermost open constituent."""
    words, _, symbols = linearised(tree)
    rules = Brackets(WORDS, XX)
    state = rules.start(torch.tensor([len(words)]), torch.tensor([len(symbols) + 9]))
    token, used, opened, chain, longest = END, 0, [], 0, 0
    for symbol in [*symbols, FINISH]:
        chain = chain + 1 if symbol.startswith("(") else 0
        longest = max(longest, chain)
        state = rules.after(state, torch.tensor([token]))
        assert int(state["used"]) == used
        if opened:
            assert int(rules.first(state)) == opened[-1]
        token = WORDS.index(symbol)
        if longest <= 6:
            assert bool(rules.allowed(state)[0, token]), symbol
        if symbol.startswith("("):
            opened.append(used)
        elif symbol.startswith(")"):
            opened.pop()
        used += symbol == XX


def test_own_leaves_are_allowed():
    tree = Tree("scene", (Tree("things", ("2", "red")), Tree("things", ("red",))))
    rules = Brackets(OWN, XX)
    state = rules.start(torch.tensor([4]), torch.tensor([20]))
    token = END
    for symbol in [*own_symbols(tree), FINISH]:
        state = rules.after(state, torch.tensor([token]))
        token = OWN.index(symbol)
        assert bool(rules.allowed(state)[0, token]), symbol


def test_brackets_come_in_pairs():
    with pytest.raises(ValueError, match="an opening bracket without its closing one"):
        Brackets((FINISH, XX, "(S", ")S", "(NP"), XX)

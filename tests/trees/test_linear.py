"""Trees survive being written as symbols, and any sequence of symbols becomes a tree over all words."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawgen.trees.linear import XX, linearised, mended, own_symbols, tree_of
from drawgen.trees.reading import TreeError, is_word, trees
from drawgen.trees.tree import Tree

LABELS = st.sampled_from(["S", "NP", "VP", "-LRB-", "X"])
WORDS = st.sampled_from(["dogs", "bark", "-LRB-", "[", ".", "XX"])
TAGGED = st.builds(lambda tag, word: Tree(tag, (word,)), LABELS, WORDS)


def phrases(parts):
    """Constituents with something in them; a word alone in one would be its part of speech."""
    several = st.lists(parts, min_size=1, max_size=4).map(tuple)
    return st.builds(Tree, LABELS, several).filter(lambda tree: not is_word(tree))


TREES = phrases(st.recursive(TAGGED | WORDS, phrases, max_leaves=12))


@settings(deadline=None)
@given(TREES)
def test_there_and_back(tree):
    words, tags, symbols = linearised(tree)
    assert words == list(tree.leaves())
    assert symbols.count(XX) == len(words) == len(tags)
    assert tree_of(symbols, words, tags) == tree
    assert mended(symbols, words, tags) == (tree, True)


@settings(deadline=None)
@given(
    st.recursive(
        st.sampled_from(["2", "small", "XX"]), lambda parts: st.builds(Tree, LABELS, st.lists(parts, min_size=1).map(tuple))
    )
)
def test_there_and_back_with_leaves_of_their_own(tree):
    if isinstance(tree, Tree):
        assert tree_of(own_symbols(tree)) == tree


@settings(deadline=None)
@given(st.lists(st.sampled_from(["(S", ")S", "(NP", ")NP", XX]), max_size=20), st.integers(1, 6))
def test_any_symbols_become_a_tree(symbols, many):
    words = [f"w{n}" for n in range(many)]
    tree, whole = mended(symbols, words)
    assert list(tree.leaves()) == words
    assert linearised(tree)[0] == words
    if whole:
        assert tree_of(symbols, words) == tree
        assert linearised(tree)[2] == symbols or symbols == [XX]
    else:
        with pytest.raises(TreeError, match=f"is not a tree over {many} words"):
            tree_of(symbols, words)


def test_the_paper():
    """Its figure 2: "John has a dog ."; the stop lies outside of the phrase."""
    leaves = [Tree(tag, (word,)) for tag, word in (("NNP", "John"), ("VBZ", "has"), ("DT", "a"), ("NN", "dog"), (".", "."))]
    tree = Tree("S", (Tree("NP", (leaves[0],)), Tree("VP", (leaves[1], Tree("NP", (leaves[2], leaves[3])))), leaves[4]))
    assert " ".join(linearised(tree)[2]) == "(S (NP XX )NP (VP XX (NP XX XX )NP )VP XX )S"


def test_scenes():
    scene = Tree("scene", (Tree("left", (Tree("things", ("2", "small")), Tree("things", ("1", "pink")))),))
    assert " ".join(own_symbols(scene)) == "(scene (left (things 2 small )things (things 1 pink )things )left )scene"
    assert tree_of(own_symbols(scene)) == scene
    with pytest.raises(TreeError, match=r"'\(x' begins with a bracket"):
        own_symbols(Tree("scene", ("(x",)))


@pytest.mark.parametrize(
    ("symbols", "words", "wanted"),
    [
        ("(S (NP XX )NP (VP XX", "a b", "(S (NP (XX a)) (VP (XX b)))"),  # closing brackets are missing
        ("XX )NP (VP XX )VP )S", "a b", "(S (NP (XX a)) (VP (XX b)))"),  # opening ones
        ("(S (NP (X XX )NP XX )S", "a b", "(S (NP (X (XX a))) (XX b))"),  # one in the middle
        ("(S (NP XX )VP XX )S", "a b", "(S (NP (XX a)) (XX b))"),  # of another label
        ("(S (NP XX )NP )S", "a b c", "(S (NP (XX a)) (XX b) (XX c))"),  # words are left over
        ("(S (NP XX", "a b c", "(S (NP (XX a) (XX b) (XX c)))"),
        ("(S (NP XX )NP (VP XX XX )VP )S", "a b", "(S (NP (XX a)) (VP (XX b)))"),  # too many words
        ("(S (NP )NP XX )S", "a", "(S (XX a))"),  # nothing in brackets
        ("(NP XX )NP (VP XX )VP", "a b", "(TOP (NP (XX a)) (VP (XX b)))"),  # two trees
        ("", "a b", "(TOP (XX a) (XX b))"),
        (")S )S", "a", "(XX a)"),  # nothing to close
        ("XX", "a b", "(TOP (XX a) (XX b))"),
    ],
)
def test_mending(symbols, words, wanted):
    tree, whole = mended(symbols.split(), words.split())
    assert str(tree) == wanted
    assert not whole


def test_depth_is_bounded():
    tree, whole = mended(["(S"] * 5000 + [XX], ["a"])
    assert not whole
    assert list(tree.leaves()) == ["a"]
    assert str(tree).count("(") < 300


def test_many_closing_brackets_do_not_nest_without_end():
    """What was mended can be read again."""
    for symbols in (["XX", *[")S"] * 2000], ["(S", "XX", *[")S"] * 2000, "(S", "XX"], ["(S"] * 99 + ["XX"] + [")S"] * 200):
        tree, whole = mended(symbols, ["dogs"], ["NNS"])
        assert not whole
        assert list(tree.leaves()) == ["dogs"]
        assert str(next(trees(str(tree)))) == str(tree)

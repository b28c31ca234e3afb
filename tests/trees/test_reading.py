"""Penn brackets in any layout, and files that are none."""

import pytest

from drawgen.trees.reading import DEEPEST, TreeError, cleaned, plain_label, trees
from drawgen.trees.tree import Tree

DOGS = Tree("S", (Tree("NP", (Tree("NNS", ("dogs",)),)), Tree("VP", (Tree("VBP", ("bark",)),))))


@pytest.mark.parametrize(
    "text",
    [
        "(S (NP (NNS dogs)) (VP (VBP bark)))",
        "(ROOT\n  (S\n    (NP (NNS dogs))\n    (VP (VBP bark))))\n\n",
        "( (S (NP-SBJ-1 (NNS dogs)) (VP (VBP bark) (NP (-NONE- *T*-1)))) )",
        "((S(NP=2(NNS dogs))(VP(VBP bark))))",
        "\ufeff(TOP (S (NP-SBJ (NNS dogs))\r\n (VP (VBP bark))))\r\n",
        "*x*x*x* Copyright (C) 1995 *x*x*\n%% a comment\n\n(S1 (S (NP (NNS dogs)) (VP (VBP\tbark))))",
        "(ROOT (S (NP (NNS dogs)) (VP (VBP bark)) (ADVP (-NONE- *)) (SBAR (-NONE- 0) (S (-NONE- *T*)))))",
    ],
)
def test_layouts(text):
    (tree,) = trees(text)
    assert cleaned(tree) == DOGS


def test_many_trees():
    """With blank lines between them, or none, or on one line."""
    text = "(S (NP a) (VP b))\n\n(S (NP c) (VP d)) (S (NP e) (VP f))\n(S (NP g) (VP h))"
    assert [next(tree.leaves()) for tree in trees(text)] == ["a", "c", "e", "g"]
    assert list(trees("")) == list(trees("\n\n; nothing\n")) == []


def test_labels():
    assert [plain_label(each) for each in ("NP-SBJ-1", "NP=2", "-LRB-", "-NONE-", "S", "PRP$", "ADVP|PRT", "-", "=")] == [
        "NP", "NP", "-LRB-", "-NONE-", "S", "PRP$", "ADVP|PRT", "-", "=",
    ]  # fmt: skip


def test_brackets_as_words():
    (tree,) = trees("(NP (-LRB- -LRB-) (NN x) (-RRB- -RRB-) (-LRB- [) (-RRB- ]))")
    assert list(cleaned(tree).leaves()) == ["-LRB-", "x", "-RRB-", "[", "]"]
    assert str(tree) == "(NP (-LRB- -LRB-) (NN x) (-RRB- -RRB-) (-LRB- [) (-RRB- ]))"


def test_outer_labels():
    """A tree always has brackets of its own; what is not in one constituent is in TOP."""
    assert str(cleaned(Tree("", (DOGS, DOGS)))).startswith("(TOP (S ")
    assert str(cleaned(next(trees("( (UH no) )")))) == "(TOP (UH no))"
    assert str(cleaned(next(trees("(UH no)")))) == "(TOP (UH no))"
    assert cleaned(next(trees("(ROOT (TOP (S (NP (NNS dogs)) (VP (VBP bark)))))"))) == DOGS
    assert cleaned(next(trees("( (S (-NONE- *) (NP (-NONE- *))) )"))) is None
    assert cleaned(DOGS) == DOGS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("(S (NP a)\n\n", "line 1: the tree that begins here does not close"),
        ("(S (NP a))\n(S (NP b)", "line 2: the tree that begins here"),
        ("(S (NP a)))", "line 1: a bracket closes that was not opened"),
        ("(S\n())", r"line 2: the brackets \(\) have nothing in them"),
        ("(S (NP a)\n (VP))", r"line 2: the brackets \(VP\) have nothing"),
        ("()", r"the brackets \(\) have nothing"),
        ("dogs bark", "line 1: 'dogs' is outside of brackets"),
        ("(S a)\nmore (S b)", "line 2: 'more' is outside"),
        ("(S ((NP a)))", "line 1: a constituent inside of a tree has no label"),
        ("(S a)\n(S \0)", "line 2: there is a zero byte"),
        ("(S " * 100_000, f"line 1: more than {DEEPEST} constituents"),
        ("(" * 100_000, "line 1: a constituent inside of a tree has no label"),
    ],
)
def test_refusals(text, words):
    with pytest.raises(TreeError, match=words) as error:
        list(trees(text))
    assert "\n" not in str(error.value)


def test_deep_trees():
    """As deep as allowed: all that recurs holds."""
    (tree,) = trees("(S " * (DEEPEST - 1) + "(NN x)" + ")" * (DEEPEST - 1))
    assert str(cleaned(tree)) == str(tree)
    assert list(tree.leaves()) == ["x"]

"""F1 of pairs of trees whose errors are counted by hand."""

import pytest

from drawgen.trees.reading import trees
from drawgen.trees.scoring import Score, score_of, scored

GOLD = "(ROOT (S (NP-SBJ (DT The) (NN cat)) (VP (VBD sat) (PP-LOC (IN on) (NP (DT the) (NN mat)))) (. .)))"
"""Five constituents: S, NP, VP, PP, NP."""


def pair(gold, predicted):
    (one,), (other,) = trees(gold), trees(predicted)
    return one, other


@pytest.mark.parametrize(
    ("predicted", "counts"),
    [
        (GOLD, (5, 5, 5, 1)),
        ("(S (NP (DT The) (NN cat)) (VP (VBD sat) (PP (IN on) (NP (DT the) (NN mat)))) (. .))", (5, 5, 5, 1)),  # tags are cut
        ("(S (NP (DT The) (NN cat)) (VP (VBD sat) (PP (IN on) (NP (DT the) (NN mat)) (. .))))", (5, 5, 5, 1)),  # punctuation moves
        ("(S (NP (DT The) (NN cat)) (VP (VBD sat) (ADVP (IN on) (NP (DT the) (NN mat)))) (. .))", (4, 5, 5, 0)),  # a label
        ("(S (NP (DT The) (NN cat)) (VP (VBD sat) (IN on) (NP (DT the) (NN mat))) (. .))", (4, 5, 4, 0)),  # PP is missing
        ("(S (NP (NP (DT The) (NN cat))) (VP (VBD sat) (PP (IN on) (NP (DT the) (NN mat)))) (. .))", (5, 5, 6, 0)),  # NP is twice
        ("(S (NP (DT The)) (VP (NN cat) (VBD sat) (PP (IN on) (NP (DT the) (NN mat)))) (. .))", (3, 5, 5, 0)),  # a boundary
        ("(TOP (XX The) (XX cat) (XX sat) (XX on) (XX the) (XX mat) (XX .))", (0, 5, 0, 0)),
        ("(S (NP (X The) (X cat)) (VP (X sat) (PP (X on) (NP (X the) (X mat)))) (X .))", (5, 5, 5, 1)),  # no parts of speech
    ],
)
def test_one_sentence(predicted, counts):
    matched, gold, mine, complete = counts
    assert score_of(*pair(GOLD, predicted)) == Score(matched, gold, mine, 1, complete)


def test_figures():
    """4 of 5 constituents found, among 4: precision 1, recall 4/5, F1 8/9."""
    score = scored([pair(GOLD, "(S (NP (DT The) (NN cat)) (VP (VBD sat) (IN on) (NP (DT the) (NN mat))) (. .))"), pair(GOLD, GOLD)])
    assert (score.matched, score.gold, score.predicted) == (9, 10, 9)
    assert score.precision == 1
    assert score.recall == pytest.approx(0.9)
    assert score.f1 == pytest.approx(18 / 19)
    assert score.complete_match == 0.5
    assert Score().f1 == 1
    assert Score().precision == Score().recall == Score().complete_match == 0


def test_collins():
    """ADVP is PRT; traces, empty constituents and TOP are nothing; a constituent of punctuation alone does not count."""
    gold = "( (S (NP (-NONE- *)) (VP (VB give) (PRT (RP up))) (PRN (, ,)) (. .)) )"
    assert score_of(*pair(gold, "(TOP (S (VP (VB give) (ADVP (RP up))) (, ,) (. .)))")) == Score(3, 3, 3, 1, 1)
    assert score_of(*pair("( (NP (-NONE- *)) )", "(S (X a))")) == Score()


def test_other_lengths():
    """Sentences with another number of words are counted apart."""
    score = scored([pair(GOLD, "(S (NP (DT The) (NN cat)))"), pair(GOLD, GOLD)])
    assert (score.errors, score.sentences, score.f1) == (1, 1, 1)


def test_unlabelled():
    other = "(X (X (DT The) (NN cat)) (X (VBD sat) (X (IN on) (X (DT the) (NN mat)))) (. .))"
    assert score_of(*pair(GOLD, other)).matched == 0
    assert score_of(*pair(GOLD, other), labelled=False) == Score(5, 5, 5, 1, 1)

"""Scores of translations, beside sacrebleu called as its own documents say."""

import pytest

from drawgen.data.translation_scores import LENGTHS, score

pytest.importorskip("sacrebleu")
SOURCES = ["un chat", "il y a un chien dans la rue", "mot " * 30]
WRITTEN = ["a cat sat down", "there is a dog in the street .", "word " * 30]
REFERENCES = [("a cat sat there", "the cat sat down"), ("there is a dog in the road .",), ("word " * 28,)]


def named(scores, name):
    (found,) = (value for key, value in scores.items() if key.startswith(f"{name} "))
    return found


def test_the_scores_are_sacrebleus():
    import sacrebleu

    scores = score(SOURCES, WRITTEN, REFERENCES)
    streams = [[texts[0] for texts in REFERENCES], ["the cat sat down", "", ""]]
    assert named(scores, "BLEU") == pytest.approx(sacrebleu.corpus_bleu(WRITTEN, streams).score)
    assert named(scores, "chrF") == pytest.approx(sacrebleu.corpus_chrf(WRITTEN, streams).score)
    signature = next(key for key in scores if key.startswith("BLEU "))
    assert signature == f"BLEU nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp|version:{sacrebleu.__version__}"


def test_by_length():
    scores = score(SOURCES, WRITTEN, REFERENCES)
    counts = {name: value for name, value in scores.items() if name.startswith("sentences")}
    assert counts == {"sentences_of_words_1-5": 1, "sentences_of_words_6-10": 1, "sentences_of_words_21+": 1}
    assert scores["BLEU_of_words_1-5"] == pytest.approx(named(score(SOURCES[:1], WRITTEN[:1], REFERENCES[:1]), "BLEU"))
    assert [least for least, _ in LENGTHS][1:] == [most + 1 for _, most in LENGTHS[:-1]]


def test_capitals_count_unless_they_cannot_be_written():
    small = score(["a"], ["a dog runs away"], [("A Dog runs away",)], lower_case=True)
    assert named(small, "BLEU") == pytest.approx(100)
    assert any("case:lc" in name for name in small)
    assert named(score(["a"], ["a dog runs away"], [("A Dog runs away",)]), "BLEU") < 60


def test_scripts_without_blanks_are_split_by_character():
    scores = score(["a dog"], ["一只狗在跑"], [("一只狗在跑",)])
    assert any("tok:char" in name for name in scores)
    assert named(scores, "BLEU") == pytest.approx(100)


def test_nothing_to_compare():
    for written, references in (([], []), (["a"], []), (["a"], [()])):
        with pytest.raises(ValueError, match="cannot be compared"):
            score(["a"] * len(written), written, references)

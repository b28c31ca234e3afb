"""Scores of captions agree with the published ones."""

import json
import shutil

import pytest

from drawgen.data import caption_scores

pytest.importorskip("pycocoevalcap")
SETS = ("nlg-eval corpus example", "nlg-eval single example")
NAMES = {"BLEU-1": "Bleu_1", "BLEU-2": "Bleu_2", "BLEU-3": "Bleu_3", "BLEU-4": "Bleu_4", "ROUGE-L": "ROUGE_L", "CIDEr": "CIDEr"}


def published(data, name):
    told = json.loads((data / "caption_json" / "expected_scores.json").read_text())[name]
    single = isinstance(told["hyp"], str)
    written, references = ([told["hyp"]], [told["refs"]]) if single else (told["hyp"], told["refs"])
    return written, references, told["scores"]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("java", [False, True])
def test_published_scores(data, name, java, monkeypatch):
    """With our own words and with Stanford's."""
    if java and shutil.which("java") is None:
        pytest.skip("no Java")
    if not java:
        monkeypatch.setattr(shutil, "which", lambda program: None)
    written, references, told = published(data, name)
    scores = caption_scores.score(written, references)
    tokeniser = "ptb" if java else "words"
    assert set(scores) == {f"{kind} {tokeniser}" for kind in NAMES}
    for kind, theirs in NAMES.items():
        assert scores[f"{kind} {tokeniser}"] == pytest.approx(told[theirs], abs=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_meteor(data, name):
    if shutil.which("java") is None:
        pytest.skip("no Java")
    written, references, told = published(data, name)
    assert caption_scores.score(written, references, meteor=True)["METEOR ptb"] == pytest.approx(told["METEOR"], abs=1e-6)


def test_refusals(monkeypatch):
    with pytest.raises(ValueError, match="cannot be compared"):
        caption_scores.score(["a"], [])
    with pytest.raises(ValueError, match="cannot be compared"):
        caption_scores.score(["a"], [[]])
    monkeypatch.setattr(shutil, "which", lambda program: None)
    with pytest.raises(ValueError, match="Java"):
        caption_scores.score(["a"], [["a"]], meteor=True)


@pytest.mark.parametrize("caption", ["两只狗在草地上", "कुत्ता घास पर दौड़ता है", "собака бежит по траве"])
def test_other_scripts(caption):
    """With Java or without, a caption is not one word: half of it is worth half. Signs and accents are no other script."""
    assert caption_scores.tokenise([caption])[1] == "words"
    if shutil.which("java"):
        assert caption_scores.tokenise(["a café … \U0001f415", "straße"])[1] == "ptb"
    scores = caption_scores.score([caption, caption[: len(caption) // 2]], [[caption], [caption]])
    assert all(name.endswith(" words") for name in scores)
    assert 0.3 < scores["BLEU-1 words"] < 1


def test_odd_captions():
    """Empty ones, and ones with line breaks, keep their places."""
    scores = caption_scores.score(["", "a dog\nruns"], [["a cat"], ["a dog runs"]])
    assert 0 < next(iter(scores.values())) < 1

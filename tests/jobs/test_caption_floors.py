"""The floors of a captioner's scores: the fixed sentence, the nearest picture's caption, a person, and copies."""

import json
import math

import pytest
import torch
from PIL import Image

from drawgen import cli, jobs
from drawgen.contract import Hypothesis
from drawgen.data import caption_scores
from drawgen.data.captions import Captioned
from drawgen.jobs import caption_floors
from drawgen.jobs.caption_floors import Bleu, Cider, Floors, fixed_sentences

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


class Colours(torch.nn.Linear):
    """Sees a picture's colours at two places, and says the same of each."""

    def __init__(self):
        super().__init__(1, 1)
        self.seen = 0

    def see(self, images):
        self.seen += len(images)
        return images.mean((2, 3))[:, None].expand(-1, 2, -1)

    def caption(self, images, *, beams=5, n=1):
        words = ("a", "red", "picture", "of", "paint")
        return [[Hypothesis(words, " ".join(words), -0.1, (-0.1,) * 5, True, None)] for _ in images]


@pytest.fixture
def folder(tmp_path):
    """Three pictures for training with two captions each; one each for validation, in slightly other colours."""
    told = []
    for split, shift in (("train", 0), ("valid", 40)):
        for name, colour in COLOURS.items():
            pixels = tuple(abs(value - shift) for value in colour)
            Image.new("RGB", (16, 16), pixels).save(tmp_path / f"{split}-{name}.png")
            own = "A red picture, of paint." if name == "red" else f"a {name} picture in oil"
            texts = [own, f"it is a sheet of {name} paper"]
            if split == "valid":
                texts = [f"a {name} picture of paint", f"the {name} picture of paint", f"it is a sheet of {name} paper"]
            told.append({"picture": f"{split}-{name}.png", "captions": texts, "split": split})
    (tmp_path / "captions.jsonl").write_text("\n".join(map(json.dumps, told)), encoding="utf-8")
    return tmp_path


def measured(folder, model, split="valid", **settings):
    data = Captioned(path=str(folder), side_px=16, min_count=1, **settings)
    floors = Floors(model, data)
    for example in data.examples(split):
        (best,) = model.caption(example.picture[None])[0]
        floors.note(example, best.text)
    return data, floors


def scored(written, references):
    scores = caption_scores.score(written, references)
    return {name.split()[0]: value for name, value in scores.items()}


def test_floors(folder):
    """The same as the scorer gives for what each floor says."""
    pytest.importorskip("pycocoevalcap")
    data, floors = measured(folder, Colours())
    scores = floors.scores()
    tokeniser = caption_scores.tokenise(["a"])[1]
    names = ("fixed", "nearest", "person", "against the same")
    assert set(scores) == {"copied", *(f"{name} {kind} {tokeniser}" for name in names for kind in ("BLEU-4", "CIDEr"))}
    assert scores["copied"] == 1  # but for capitals and signs
    references = [entry.captions for entry in data.part("valid")]
    by_bleu, by_cider = fixed_sentences([entry.captions for entry in data.part("train")])
    said = {
        "nearest": (["A red picture, of paint.", "a green picture in oil", "a blue picture in oil"], references),
        "person": ([f"a {name} picture of paint" for name in COLOURS], [each[1:] for each in references]),
        "against the same": (["a red picture of paint"] * 3, [each[1:] for each in references]),
    }
    for name, (written, truth) in said.items():
        for kind in ("BLEU-4", "CIDEr"):
            assert scores[f"{name} {kind} {tokeniser}"] == pytest.approx(scored(written, truth)[kind])
    assert scores[f"fixed BLEU-4 {tokeniser}"] == pytest.approx(scored([by_bleu] * 3, references)["BLEU-4"])
    assert scores[f"fixed CIDEr {tokeniser}"] == pytest.approx(scored([by_cider] * 3, references)["CIDEr"])


def test_the_nearest_picture(folder):
    """By the mean over places, and whatever its length; damaged pictures have no captions to give."""
    data, floors = measured(folder, Colours())
    floors.encode()
    assert floors.nearest(data.part("train"))[1] == "a green picture in oil"
    (folder / "train-green.png").write_text("no picture")
    data, floors = measured(folder, Colours())
    floors.encode()
    assert "a green picture in oil" not in floors.nearest(data.part("train"))
    for path in folder.glob("train-*.png"):
        path.write_text("no picture")
    data, floors = measured(folder, Colours())
    floors.encode()
    assert floors.nearest(data.part("train")) == []


def test_pictures_are_encoded_once(folder, monkeypatch):
    """In batches; with more training pictures than are wanted, some."""
    pytest.importorskip("pycocoevalcap")
    model, said = Colours(), []
    monkeypatch.setattr(caption_floors, "AT_ONCE", 2)
    monkeypatch.setattr(caption_floors, "MOST", 2)
    _, floors = measured(folder, model)
    floors.scores(jobs.Reports(message=said.append))
    assert model.seen == 3 + 2
    assert "the floors are those of 2 of the 3 training pictures, evenly spread" in said


def test_without_training_pictures_there_is_a_person_only(folder):
    """Where the same pictures are to be trained and measured on, what was said of them is no floor."""
    pytest.importorskip("pycocoevalcap")
    (folder / "captions.jsonl").write_text(
        "\n".join(json.dumps({"picture": f"valid-{name}.png", "captions": [name, f"{name} paint"]}) for name in COLOURS)
    )
    _, floors = measured(folder, Colours(), valid=str(folder))
    assert {name.split()[0] for name in floors.scores()} == {"person", "against"}


def test_without_the_extra_copies_are_counted(folder, monkeypatch):
    monkeypatch.setattr(caption_scores, "available", lambda: False)
    assert measured(folder, Colours())[1].scores() == {"copied": 1}


# ---------------------------------------------------------------- fixed sentences


WORDS = [[tuple(text.split()) for text in texts] for texts in (["a b c d", "a b c d e"], ["a b c d", "x"], ["a a b c d e f", "x"])]


def test_bleu_of_a_fixed_sentence_by_hand():
    """Of three pictures all have a, b, c, d and their pairs and so on: precisions of 1, and as long as the closest reference but
    for the third picture's: 4, 4 and 1 (a distance of 3, as 7 has; the shorter counts)."""
    assert Bleu(WORDS).of(("a", "b", "c", "d")) == pytest.approx(1.0)
    # 6 words: a a b c d x. a twice is in one picture. 1-grams 3 + 1 + 3 + 3 + 3 + 2 of 18; closest lengths 5, 4, 7
    found = (15 / 18) * ((1 + 3 + 3 + 3) / 15) * ((1 + 3 + 3) / 12) * ((1 + 3) / 9)
    assert Bleu(WORDS).of(("a", "a", "b", "c", "d", "x")) == pytest.approx(found**0.25)
    assert Bleu(WORDS).of(("a", "b", "c", "x")) == 0
    longer = [[("a", "b", "c", "d", "e", "f")]]
    assert Bleu(longer).of(("a", "b", "c", "d")) == pytest.approx(math.exp(1 - 6 / 4))


def test_bleu_of_a_fixed_sentence_is_the_scorers(monkeypatch):
    pytest.importorskip("pycocoevalcap")
    monkeypatch.setattr("shutil.which", lambda program: None)
    references = [[" ".join(words) for words in each] for each in WORDS]
    for text in ("a b c d", "a b c d e f", "a a b c d x"):
        score = caption_scores.score([text] * 3, references)["BLEU-4 words"]
        assert Bleu(WORDS).of(tuple(text.split())) == pytest.approx(score, rel=1e-4)


def test_cider_of_a_fixed_sentence_by_hand():
    """Two pictures, of one caption each: the word a is in both and weighs nothing."""
    found = Cider([[("a", "b")], [("a", "c", "d")]])
    # of "a b": b, and the pair a b, each in its own picture only: 1/2 of cosines of 1 and 1, over four lengths of n-grams
    assert found.of(("a", "b")) == pytest.approx((1 + 1) / 4 / 2)
    # of "a c d": c and d, the pairs a c and c d, one triple: three cosines of 1
    assert found.of(("a", "c", "d")) == pytest.approx((1 + 1 + 1) / 4 / 2)
    assert found.of(("a",)) == 0


def test_the_fixed_sentence_is_a_training_caption():
    """Of two that are the same but for signs, the first."""
    captions = [["A dog runs on the grass.", "one"], ["a dog runs on the grass", "a cat"], ["two cats sit on a wall", "three"]]
    assert fixed_sentences(captions) == ("A dog runs on the grass.", "A dog runs on the grass.")


# ---------------------------------------------------------------- eval


def test_eval_reports_them(folder, capsys):
    pytest.importorskip("pycocoevalcap")
    words = ["train", "captioner", "own", "--out", folder / "run", "--data.path", folder, "--data.min-count", 1, "--fit.steps", 2]
    small = ["--data.side-px", 32, "--model.features", 8, "--model.units", 8, "--model.attention", 8, "--model.embedding", 8]
    assert cli.main([str(word) for word in (*words, *small)]) == 0
    capsys.readouterr()
    assert cli.main(["eval", str(folder / "run"), "--json"]) == 0
    out, err = capsys.readouterr()
    names = {name.rsplit(" ", 1)[0] for name in json.loads(out)}
    assert {"copied", "fixed BLEU-4", "nearest CIDEr", "person BLEU-4", "against the same CIDEr"} <= names
    assert "the fixed sentence: '" in err
    assert cli.main(["eval", str(folder / "run"), "--json", "--no-floors"]) == 0
    assert not {"copied", "fixed BLEU-4 ptb", "fixed BLEU-4 words"} & set(json.loads(capsys.readouterr().out))


def test_models_without_captions_have_no_floors(capsys):
    assert cli.main(["eval", "draw", "--data", "x", "--no-floors"]) == 2
    assert "draw writes no captions, of which METEOR and floors are" in capsys.readouterr().err


def test_floors_of_photographs(data):
    """Flickr8k's captions, as scored once: 753 pictures to train on, 113 to measure."""
    pytest.importorskip("pycocoevalcap")
    folder = data / "flickr8k_1000"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    told, floors = measured(folder, Colours())
    assert {split: len(told.part(split)) for split in ("train", "valid")} == {"train": 753, "valid": 113}
    scores = {name.rsplit(" ", 1)[0]: value for name, value in floors.scores().items()}
    assert scores["copied"] == 0
    assert scores["fixed BLEU-4"] == pytest.approx(0.0938, abs=0.01)
    assert scores["fixed CIDEr"] == pytest.approx(0.1079, abs=0.01)
    assert scores["person BLEU-4"] == pytest.approx(0.2134, abs=0.01)
    assert scores["person CIDEr"] == pytest.approx(0.8037, abs=0.05)

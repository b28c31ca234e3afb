"""`drawgen caption` and `drawgen eval` on a small model: what is printed, drawn, left out and refused."""

import json

import pytest
import torch
from PIL import Image

from drawgen import attention_maps, captioning, cli, images, jobs, models
from drawgen.data.scenes import Scenes


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder of the preset "tiny", and a folder of three pictures, one of them damaged."""
    folder = tmp_path_factory.mktemp("captions")
    jobs.train("captioner", models.recipe("captioner", "tiny"), folder / "run", preset="tiny")
    (folder / "pictures" / "more").mkdir(parents=True)
    for n, example in enumerate(Scenes(count=2).examples("valid")):
        images.save_image(folder / "pictures" / ("more" if n else "") / f"{n}.png", example.picture)
    (folder / "pictures" / "z.jpg").write_bytes(b"no picture")
    return folder


def caption(run, *words):
    return cli.main(["caption", *map(str, words), "--model", str(run / "run")])


def test_one_line_a_picture(run, capsys):
    """A folder and those in it; what is damaged is left out and told at the end."""
    assert caption(run, run / "pictures") == 0
    out, err = capsys.readouterr()
    lines = [line.split("\t") for line in out.splitlines()]
    assert [line[0] for line in lines] == [str(run / "pictures" / "0.png"), str(run / "pictures" / "more" / "1.png")]
    assert all(line[1] for line in lines)
    assert "1 of 3 pictures were left out" in err
    assert "z.jpg" in err
    assert caption(run, run / "pictures", "--strict") == 2
    assert "z.jpg" in capsys.readouterr().err


def test_alternatives_and_json(run, capsys):
    assert caption(run, run / "pictures" / "*.png", "-n", 3, "--beam", 4) == 0
    scores = [float(line.split("\t")[1]) for line in capsys.readouterr().out.splitlines()]
    assert len(scores) == 3
    assert caption(run, run / "pictures" / "0.png", "-n", 2, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"picture", "captions"}
    first = told["captions"][0]
    assert first["caption"] == " ".join(word for word, _ in first["words"])
    assert len(told["captions"]) == 2


def test_attention(run, capsys):
    """A sheet with one panel a word and the picture first; an animation with as many frames."""
    picture = run / "pictures" / "0.png"
    (described,) = captioning.caption(str(run / "run"), [str(picture)], skipped={})
    words = len(described.captions[0].words)
    for name in ("x.png", "x.gif"):
        assert caption(run, picture, "--attention", run / name) == 0
        with Image.open(run / name) as shown:
            if name == "x.gif":
                assert 1 < shown.n_frames <= words + 1  # frames that are alike are joined
            else:
                rows = -(-(words + 1) // attention_maps.COLUMNS)
                assert shown.height == rows * (128 + 24) + (rows - 1) * 4
    assert caption(run, picture, "--attention", run / "x.png") == 2
    assert "exists already" in capsys.readouterr().err


def test_lit():
    """The picture in its colours where the map is highest, dark elsewhere."""
    picture = torch.rand(3, 32, 32)
    where = torch.zeros(4, 4)
    where[0, 0] = 1.0
    lit = attention_maps.lit(picture, where)
    assert torch.allclose(lit[:, 0, 0], picture[:, 0, 0], atol=0.02)
    assert torch.allclose(lit[:, 20:, 20:], attention_maps.DARK * images.grey(picture)[:, 20:, 20:].expand(3, -1, -1), atol=0.02)
    assert attention_maps.labelled(lit, "incomprehensibilities").shape == (3, 32 + 24, 32)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.png"], "nowhere.png is no picture"),
        ([], "no pictures"),
        (["pictures/z.jpg"], "z.jpg"),
        (["pictures/0.png", "--beam", "0"], "--beam is 0"),
        (["pictures/0.png", "-n", "9"], "-n is 9"),
        (["pictures/0.png", "--attention", "x.txt"], "x.txt has no known ending"),
        (["run"], "holds no pictures"),
    ],
)
def test_refusals(run, monkeypatch, capsys, words, message):
    """Status 2 and one sentence."""
    monkeypatch.chdir(run)
    if words == ["run"]:
        (run / "empty").mkdir(exist_ok=True)
        words = ["empty"]
    assert caption(run, *words) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err


def test_other_models_write_no_captions(run, capsys):
    assert cli.main(["caption", str(run / "pictures" / "0.png"), "--model", "draw"]) == 2
    assert "writes no captions" in capsys.readouterr().err
    assert cli.main(["sample", str(run / "run"), "-o", str(run / "y.png")]) == 2
    assert "drawgen caption" in capsys.readouterr().err


def test_eval(run, capsys, monkeypatch):
    """Truth, facts, perplexity and attention on scenes; without the extra one sentence says what to install."""
    assert cli.main(["eval", str(run / "run"), "--json", "--beam", "2"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert {"nats_per_word", "perplexity", "true", "facts", "facts_of_data", "map_change"} <= set(scores)
    assert 0 <= scores["true"] <= 1
    monkeypatch.setattr("drawgen.data.caption_scores.available", lambda: False)
    assert cli.main(["eval", str(run / "run"), "--beam", "1"]) == 0
    out, err = capsys.readouterr()
    assert "drawgen[eval]" in err
    assert "BLEU" not in out


def test_dead_attention_is_told(run, monkeypatch):
    """Maps that are the same for every word."""
    said = []
    monkeypatch.setattr(captioning, "DEAD", 2.0)
    jobs.measure(str(run / "run"), beams=1, reports=jobs.Reports(message=said.append))
    assert any("attention is dead" in text for text in said)


def test_a_map_is_lit_where_its_places_lie():
    """A place lies round the pixel that a strided convolution is centred on: the corner of its tile, not the middle."""
    where = torch.zeros(8, 8)
    where[2, 5] = 1.0
    light = attention_maps.lit(torch.ones(3, 64, 64), where)[0]
    ys, xs = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    weight = (light - attention_maps.DARK).clamp(min=0)
    assert float((weight * ys).sum() / weight.sum()) == pytest.approx(2 * 8, abs=1)
    assert float((weight * xs).sum() / weight.sum()) == pytest.approx(5 * 8, abs=1)

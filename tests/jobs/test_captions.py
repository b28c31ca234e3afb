"""`drawgen caption` and `drawgen eval` on a small model: what is printed, drawn, left out and refused."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from PIL import Image

import drawgen
from drawgen import attention_maps, checkpoint, cli, images, jobs, models
from drawgen.contract import generator
from drawgen.data.scenes import Scenes
from drawgen.jobs import captions


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
    assert set(told) == {"picture", "captions", "model", "doubt"}
    first = told["captions"][0]
    assert first["caption"] == " ".join(word for word, _ in first["words"])
    assert len(told["captions"]) == 2


def test_attention(run, capsys):
    """A sheet with one panel a word and the picture first; an animation with as many frames."""
    picture = run / "pictures" / "0.png"
    (described,) = captions.caption(str(run / "run"), [str(picture)], skipped={})
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
    assert "draw is not a model that describes pictures; it draws pictures" in capsys.readouterr().err
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
    """Maps that are the same for every word, of a model whose captions differ; of one that has hardly learned nothing is known."""
    said = []
    monkeypatch.setattr(captions, "DEAD", 2.0)
    score = captions.score
    monkeypatch.setattr(captions, "score", lambda *a, **k: score(*a, **k) | {"different": 0.0})
    jobs.measure(str(run / "run"), beams=1, reports=jobs.Reports(message=said.append))
    assert not any("attention is dead" in text for text in said)
    monkeypatch.setattr(captions, "score", lambda *a, **k: score(*a, **k) | {"different": 0.5})
    jobs.measure(str(run / "run"), beams=1, reports=jobs.Reports(message=said.append))
    assert any("attention is dead" in text for text in said)


def test_nothing_has_to_be_given_for_what_is_skipped(run):
    found = captions.caption(str(run / "run"), [str(run / "pictures" / name) for name in ("z.jpg", "0.png")], beams=1)
    assert [described.picture for described in found] == [str(run / "pictures" / "0.png")]


def test_hidden_files_are_passed_over(run, tmp_path, capsys):
    """What macOS and Windows leave beside pictures: neither described nor told."""
    for name in ("._0.png", "__MACOSX/._0.png", "__MACOSX/1.png", ".ipynb_checkpoints/0-checkpoint.png", "Thumbs.db", ".DS_Store"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\26\7")
    shutil.copy(run / "pictures" / "0.png", tmp_path / "0.png")
    (tmp_path / "sub.png").mkdir()
    for words in ([tmp_path], [f"{tmp_path}/**/*.png"]):
        assert caption(run, *words) == 0
        out, err = capsys.readouterr()
        assert [line.split("\t")[0] for line in out.splitlines()] == [str(tmp_path / "0.png")]
        assert err == ""


def test_a_name_of_300_letters(run, capsys):
    assert caption(run, "x" * 300 + ".png") == 2
    assert "is no picture" in capsys.readouterr().err


# ---------------------------------------------------------------- COCO's results


@pytest.fixture
def coco(run, tmp_path):
    """A COCO file of three images, one of which is missing."""
    (tmp_path / "pics").mkdir()
    shutil.copy(run / "pictures" / "0.png", tmp_path / "pics" / "a.png")
    shutil.copy(run / "pictures" / "more" / "1.png", tmp_path / "pics" / "b.png")
    told = [{"id": n, "file_name": name} for n, name in ((7, "b.png"), (3, "a.png"), (9, "gone.png"))]
    (tmp_path / "captions_x.json").write_text(
        json.dumps({"images": told, "annotations": [{"image_id": 7, "caption": "x", "id": 1}]})
    )
    return tmp_path


def test_results_for_coco(run, coco, capsys):
    words = ["--coco", coco / "captions_x.json", "--pictures", coco / "pics", "-o", coco / "r.json", "--beam", 2]
    assert caption(run, *words) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "1 of 3 pictures were left out" in err
    assert "gone.png" in err
    results = json.loads((coco / "r.json").read_text())
    assert [set(result) for result in results] == [{"image_id", "caption"}] * 2
    assert [result["image_id"] for result in results] == [7, 3]
    (alone,) = captions.caption(str(run / "run"), [str(coco / "pics" / "a.png")], beams=2)
    assert results[1]["caption"] == alone.captions[0].text
    assert caption(run, *words) == 2
    assert "exists already" in capsys.readouterr().err
    assert caption(run, *words, "--force", "--strict") == 2
    assert "gone.png" in capsys.readouterr().err


def test_the_scorers_take_the_results(run, coco, capsys):
    api = pytest.importorskip("pycocotools.coco")
    caption(run, "--coco", coco / "captions_x.json", "--pictures", coco / "pics", "-o", coco / "r.json", "--beam", 1)
    truth = api.COCO(str(coco / "captions_x.json"))
    (coco / "r.json").write_text(json.dumps(json.loads((coco / "r.json").read_text())[:2]))
    assert len(truth.loadRes(str(coco / "r.json")).anns) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--coco", "c.json"], "needs -o"),
        (["0.png", "-o", "r.json"], "--coco"),
        (["0.png", "--pictures", "x"], "--coco"),
        (["0.png", "--coco", "c.json", "-o", "r.json"], "0.png is given too"),
        (["--coco", "c.json", "-o", "r.json", "-n", "2"], "one caption per image"),
        (["--coco", "c.json", "-o", "r.txt"], "r.txt has no known ending"),
        (["--coco", "nowhere.json", "-o", "r.json"], "nowhere.json cannot be read"),
        (["--coco", "list.json", "-o", "r.json"], "has no list `images`"),
        (["--coco", "empty.json", "-o", "r.json"], "none of the pictures of empty.json"),
    ],
)
def test_refusals_of_coco(run, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "empty.json").write_text('{"images": [{"id": 1, "file_name": "gone.png"}]}')
    assert caption(run, *words) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.json", "list.json"]


def test_a_map_is_lit_where_its_places_lie():
    """A place lies round the pixel that a strided convolution is centred on: the corner of its tile, not the middle."""
    where = torch.zeros(8, 8)
    where[2, 5] = 1.0
    light = attention_maps.lit(torch.ones(3, 64, 64), where)[0]
    ys, xs = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    weight = (light - attention_maps.DARK).clamp(min=0)
    assert float((weight * ys).sum() / weight.sum()) == pytest.approx(2 * 8, abs=1)
    assert float((weight * xs).sum() / weight.sum()) == pytest.approx(5 * 8, abs=1)


# ---------------------------------------------------------------- doubt


def striped(name, n, seed):
    """`n` pictures with rows or columns, and noise."""
    wave = (torch.arange(32) * torch.pi / 3).sin() * 0.4
    stripes = wave[:, None] if name == "rows" else wave
    return (0.5 + stripes + 0.1 * torch.rand(n, 3, 32, 32, generator=generator(seed))).clamp(0, 1)


@pytest.fixture
def shipped(run, tmp_path, monkeypatch):
    """Two captioners that know what they were trained on, and one that does not: of rows, of columns."""
    folders = {}
    for name, other in (("rows", "columns"), ("columns", "rows"), ("unknowing", "")):
        before = models.load(run / "run")
        config = replace(before.config, doubt=4, kind=f"pictures of {name}") if other else before.config
        model = models.build(config, before.spec, rng=generator(0)).eval()
        model.load_state_dict(before.state_dict(), strict=False)
        if other:
            model.familiarity.fit_against(model.outline(striped(name, 40, 1)), [model.outline(striped(other, 40, 1))])
            assert model.kind == f"pictures of {name}"
        folders[f"captioner:{name}"] = tmp_path / name
        (tmp_path / name).mkdir()
        checkpoint.write_model(tmp_path / name, "captioner", config, before.spec)
        checkpoint.write_weights(tmp_path / name, model.state_dict())
    monkeypatch.setattr(models, "shipped", lambda: folders)
    for name in ("rows", "columns"):
        images.save_image(tmp_path / f"{name}.png", striped(name, 1, 2)[0])
    return tmp_path


def test_each_picture_has_the_nearest_captioner(shipped, capsys):
    """In the order of the pictures; each by the model that one would name, with the same caption; in Python as on the command
    line."""
    names = [str(shipped / name) for name in ("rows.png", "columns.png")]
    found = drawgen.caption([*names, striped("rows", 1, 3)[0]])
    assert [one.model for one in found] == ["captioner:rows", "captioner:columns", "captioner:rows"]
    for one, name in zip(found, ("captioner:rows", "captioner:columns"), strict=False):
        (alone,) = captions.caption(name, [one.picture], skipped={})
        assert (alone.text, alone.model) == (one.text, one.model)
    assert cli.main(["caption", *names, "--json"]) == 0
    assert [json.loads(line)["model"] for line in capsys.readouterr().out.splitlines()] == ["captioner:rows", "captioner:columns"]


def test_doubt(shipped, capsys, caplog):
    """A field in JSON, and one warning for all pictures, after their captions."""
    assert (
        cli.main(["caption", str(shipped / "rows.png"), str(shipped / "columns.png"), "--json", "--model", "captioner:rows"]) == 0
    )
    out, err = capsys.readouterr()
    why = "this is unlike the pictures of rows that captioner:rows was trained on"
    assert [json.loads(line)["doubt"] for line in out.splitlines()] == [None, why]
    assert err.count(why) == 1
    assert "drawgen: 1 of 2 captions are doubtful" in err
    (one,) = drawgen.load("captioner:rows").caption(shipped / "columns.png")
    assert one.doubt == why
    assert caplog.text.count(why) == 1
    for name in ("rows.png", "columns.png"):
        assert not drawgen.caption(shipped / name, model=str(shipped / "unknowing"))[0].doubt


def test_a_folder_of_doubtful_pictures_is_no_flood(shipped, capsys):
    for n in range(20):
        shutil.copy(shipped / "columns.png", shipped / f"columns{n}.png")
    assert cli.main(["caption", str(shipped / "columns*.png"), "--beam", "1", "--model", "captioner:rows"]) == 0
    err = capsys.readouterr().err
    assert "21 of 21 captions are doubtful" in err
    assert len(err.splitlines()) == 5


def test_without_statistics_it_is_the_default_one(shipped, monkeypatch):
    monkeypatch.setattr(models, "shipped", lambda: {"captioner:unknowing": shipped / "unknowing"})
    monkeypatch.setattr(models, "resolve", lambda source: shipped / "unknowing")
    assert list(captions.captioners(None)) == ["captioner"]

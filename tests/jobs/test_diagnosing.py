"""Reports of what goes wrong in a recurrent network: of every kind of model, of run folders, of shipped models; and bad input."""

import json
import math
import re
from pathlib import Path

import pytest
import torch
from command_line import run
from stand_ins.parts import Mean

import drawgen
from drawgen import jobs, models
from drawgen.contract import Recurs, Spec, generator
from drawgen.jobs import diagnosing, diagnosis_pages
from drawgen.jobs.asking import Trained
from drawgen.jobs.findings import Layer, examine
from drawgen.jobs.own_batches import own_batch
from drawgen.jobs.verbs import VERBS

pytest.importorskip("matplotlib")
MODELS = [name for name in models.names() if name != "ride"]  # which learns from a photograph; see below


def tiny_of(name, **settings):
    """An untrained model, and a batch of its training data."""
    recipe = models.recipe(name, "tiny")
    config = type(recipe.model)(**{**vars(recipe.model), **settings})
    model = models.build(config, recipe.data.spec(), rng=generator(0))
    return model.eval(), next(iter(recipe.data.stream("train", seed=0)))


@pytest.mark.parametrize("name", MODELS)
def test_every_recurrent_model_can_be_diagnosed(name):
    """Each layer has a gradient at every lag and finite numbers, and the batch's rows are independent of each other."""
    model, batch = tiny_of(name)
    assert isinstance(model, Recurs)
    loss = model.last_loss(batch, rng=generator(1))
    assert loss.shape == (len(loss),)
    assert loss.requires_grad
    layers = examine(model, batch, rng=generator(1))
    assert layers
    for layer in layers.values():
        assert max(layer.lags) > 0
        assert all(math.isfinite(size) for size in layer.lags)
        assert layer.broken == 0
        assert layer.values or layer.kind == "depth" or name == "conv_draw"  # a convolution is no matrix
        assert layer.jacobian


@pytest.mark.parametrize("settings", [{"cell": "layer_norm"}, {"latent": 0}])
def test_a_sketch_rnn_of_either_form_can_be_diagnosed(settings):
    model, batch = tiny_of("sketch_rnn", **settings)
    layers = examine(model, batch, rng=generator(1))
    assert set(layers) == ({"decoder", "onward", "backwards"} if model.config.latent else {"decoder"})
    assert all(layer.broken == 0 and max(layer.lags) > 0 for layer in layers.values())


def test_depth_takes_the_place_of_time():
    """A residual network's blocks are its steps: each gradient is the one after it carried back, so that a bound holds."""
    model, batch = tiny_of("resnet_classifier")
    (layer,) = examine(model, batch, rng=generator(0)).values()
    assert (layer.kind, layer.steps, layer.alone) == ("depth", model.config.modules, True)
    assert all(size <= 1.02 * bound for size, bound in zip(layer.lags, layer.bound, strict=False))
    assert "last block" in diagnosis_pages.gradient_words({"blocks": layer}, "block")


@pytest.mark.parametrize("cell", ["rnn", "gru", "gru_before", "lstm"])
def test_the_bound_holds_where_the_gradient_comes_alone(cell):
    """That is in the top layer; the lower one is read by the upper one as well. The lecture's bound is that of a plain cell."""
    model, batch = tiny_of("char_rnn", cell=cell)
    lower, upper = examine(model, batch, rng=generator(0)).values()
    assert (lower.alone, upper.alone) == (False, True)
    assert not lower.bound
    assert upper.by_slopes == (cell == "rnn")
    assert len(upper.bound) >= len(upper.lags)
    assert set(upper.gates) == {"rnn": set(), "lstm": {"input", "forget", "output"}}.get(cell, {"reset", "update"})
    assert bool(upper.half_lives) == (cell != "rnn")
    if cell == "rnn":
        assert all(size <= bound * (1 + 1e-4) for size, bound in zip(upper.lags, upper.bound, strict=False))


@pytest.mark.parametrize(
    ("lags", "rate", "verdict"),
    [
        ([0.5**k for k in range(30)], 0.5, "vanishing"),
        ([0.9**k for k in range(50)], 0.9, "fading"),
        ([0.8**k for k in range(10)], 0.8, "fading"),
        ([1.0] * 30, 1.0, "steady"),
        ([1.1**k for k in range(20)], 1.1, "growing"),
        ([1.5**k for k in range(30)], 1.5, "exploding"),
        ([1.0, 0.1], 0.1, "unclear"),
        ([1.0] + [0.0] * 20, math.nan, "unclear"),
    ],
)
def test_verdicts_and_their_sentences(lags, rate, verdict):
    layer = Layer("lstm", len(lags), lags, rate, True, [], False, {}, {}, {}, {}, {}, [], 0)
    assert layer.verdict == verdict
    said = diagnosis_pages.gradient_words({"layer": layer}, "step")
    words = {"vanishing": "it vanishes", "fading": "it fades", "growing": "the more it counts", "steady": "it keeps its size"}
    assert {**words, "exploding": "it explodes", "unclear": "too few steps"}[verdict] in said


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of a plain network, with a log of twelve lines."""
    folder = tmp_path_factory.mktemp("runs") / "rnn"
    settings = {"steps": 24, "log_steps": 2, "clip": 0.3}
    drawgen.train("char_rnn", "tiny", out=folder, model={"cell": "rnn", "layers": 1}, data={"batch": 8}, fit=settings)
    return folder


def test_the_report_of_a_run(trained, tmp_path, capsys):
    """By the command: the folder, the page, and what the log says of clipping and of the weights."""
    status, said, _ = run(capsys, "diagnose", str(trained), "-o", str(tmp_path / "report"))
    assert status == 0
    assert said.splitlines()[-1] == str(tmp_path / "report" / "report.html")
    names = {path.stem for path in (tmp_path / "report").glob("*.png")}
    assert names == {"gradient", "matrices", "jacobian", "clipping", "updates"}
    page = (tmp_path / "report" / "report.html").read_text()
    assert "rows of its training data" in page
    assert "the product of" not in page  # it is in the chart
    assert "NaN watch" in page
    assert not re.search(r"(src|href)=.(?!data:)", page)
    found = json.loads((tmp_path / "report" / "report.json").read_text())
    assert found["layers"]["decoder"]["by_slopes"] is True
    assert found["layers"]["decoder"]["kind"] == "rnn"
    assert run(capsys, "diagnose", str(trained), "-o", str(tmp_path / "report"))[0] == 2  # it is there already


def test_a_run_that_diverged_and_one_without_a_log(trained, tmp_path):
    """The page says where the loss stopped being a number, and what was not logged."""
    copy = tmp_path / "run"
    copy.mkdir()
    for name in ("config.json", "model.safetensors", "recipe.json"):
        (copy / name).write_bytes((trained / name).read_bytes())
    sections = {section.name: section for section in drawgen.diagnose(copy).sections}
    assert "clipping" not in sections
    assert ("Clipping", "it comes without the log of its training (metrics.jsonl)") in sections["missing"].table.rows
    lines = '{"step": 2, "loss": 1.0, "norm": 2.0, "clipped": 1.0}\n{"step": 4, "loss": 1.0, "norm": 2.0, "clipped": 1.0}\n'
    (copy / "metrics.jsonl").write_text(lines + '{"step": 6, "loss": null}\nbroken\n[1]\n')
    sections = {section.name: section for section in drawgen.diagnose(copy).sections}
    assert "at step 6" in sections["finite"].says
    assert "100 % of the steps were clipped" in sections["clipping"].says
    assert "raise it" in sections["clipping"].says
    assert "was not logged" in sections["clipping"].says
    assert ("How far a step moves the weights", "its run did not log it") in sections["missing"].table.rows


def test_a_shipped_model_is_diagnosed_on_what_it_draws_itself():
    report = drawgen.diagnose("draw:mnist")
    assert "pictures that it drew itself, since it comes without its training data" in report.lead
    assert set(report.numbers["layers"]) == {"encoder", "decoder"}


@pytest.mark.parametrize(
    "source", ["char_rnn", "painter:characters", "painter:doodles", "seq2seq", "seq2tree:treebank", "captioner:photos"]
)
def test_batches_that_models_make_themselves(source):
    """They are such as `last_loss` takes."""
    model = models.load(source)
    batch, told = own_batch(model, source, 0)
    assert "it" in told
    with torch.no_grad():
        loss = model.last_loss(batch, rng=generator(0))
    assert loss.isfinite().all()
    assert len(loss) == len(batch[0])


def test_a_texture_of_its_own(monkeypatch):
    """The spatial LSTM, by diagonals."""
    from drawgen.data.pictures import Pictures

    model = models.load("ride:dirt")
    monkeypatch.setattr(diagnosing, "own_batch", lambda *_: (Pictures(torch.rand(2, 3, 10, 12)), "two small pictures"))
    report = drawgen.diagnose(Trained(model, "ride:dirt"))
    layer = report.numbers["layers"]["lstms.1"]
    assert layer["kind"] == "spatial lstm"
    assert len(layer["lags"]) == 21
    assert layer["alone"]
    assert "diagonal" in report.sections[0].says


# ---------------------------------------------------------------- bad input


def test_a_model_without_a_state():
    """One sentence, with what it does; `tests/jobs/test_verbs.py` asks it of every kind."""
    with pytest.raises(
        ValueError,
        match=r"^a mean is not a model that has a recurrent state, or residual depth; it can only be measured: drawgen eval",
    ):
        drawgen.diagnose(Trained(Mean(None, Spec((1, 8, 8))), "a mean"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("nowhere -o new", "nowhere is neither a model folder nor a shipped model"),
        ("RUN -o new --seed -1", "--seed is -1"),
        ("RUN -o missing/new", "does not exist; make it first"),
        ("RUN -o new --data text.txt", "leave --data out"),
        ("RUN -o new --device gpu", "--device is 'gpu'"),
        ("draw -o new --data nothing.npz", "nothing.npz"),
    ],
)
def test_mistakes_are_told_in_one_sentence(trained, tmp_path, capsys, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("hello")
    status, _, said = run(capsys, "diagnose", *words.replace("RUN", str(trained)).split())
    assert status == 2
    assert told in said
    assert said.count("\n") == 1
    assert not Path("new").exists()


def test_without_matplotlib(trained, tmp_path, capsys, monkeypatch):
    def none():
        raise ValueError("charts are drawn by matplotlib, which is not installed; pip install 'drawgen[charts]'")

    monkeypatch.setattr(diagnosing, "check_charts", none)
    status, _, said = run(capsys, "diagnose", str(trained), "-o", str(tmp_path / "report"))
    assert (status, said.count("\n")) == (2, 1)
    assert "drawgen[charts]" in said


def test_a_run_folder_of_another_model(trained, tmp_path):
    """Weights of one run beside the config of another are refused by the reader of model folders."""
    other = tmp_path / "mixed"
    other.mkdir()
    (other / "config.json").write_bytes((models.resolve("draw") / "config.json").read_bytes())
    (other / "model.safetensors").write_bytes((trained / "model.safetensors").read_bytes())
    with pytest.raises(ValueError, match="mixed"):
        drawgen.diagnose(other)


def test_the_table_of_verbs_has_the_command():
    (verb,) = (verb for verb in VERBS if verb.protocol is Recurs)
    assert verb.command == "drawgen diagnose MODEL -o REPORT"
    assert jobs.diagnose is drawgen.diagnose

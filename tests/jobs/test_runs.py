"""Training from Python: settings by name, and the run that comes of it."""

import csv
import gc
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from drawgen import checkpoint
from drawgen.data.digits import Rectangles
from drawgen.jobs.recipe import read_recipe
from drawgen.jobs.runs import Curve, changed, read_curve, train
from drawgen.training import Fit


def test_a_run(tmp_path):
    run = train("draw", "tiny", out=tmp_path / "run", model={"units": 8}, data={"batch": 3}, fit={"steps": 6, "log_steps": 2})
    kept = read_recipe(run.folder)
    assert (kept["config"]["units"], kept["data"]["batch"], kept["fit"]["steps"]) == (8, 3, 6)
    assert run.model.config.units == 8
    assert (run.folder, run.source, run.steps) == (tmp_path / "run", str(tmp_path / "run"), 6)
    assert run.scores["bound_nats"] > 0
    assert run.curve.series("loss")[0] == [2.0, 4.0, 6.0]
    assert run.curve.series("valid/bound_nats") == ([6.0], [pytest.approx(run.scores["bound_nats"])])
    assert run.verbs == ("sample", "reconstruct", "interpolate")
    shown = run._repr_html_()
    assert "6 steps" in shown
    assert shown.count("<polyline") == len([name for name in run.curve.names if f">{name} " in shown])
    with pytest.raises(ValueError, match="holds a run already; continue it with `resume`, replace it with `force`"):
        train("draw", "tiny", out=tmp_path / "run")
    again = train("draw", "tiny", out=tmp_path / "run", force=True)
    assert again.steps == 4


def test_a_run_goes_on(tmp_path):
    """With the settings that it was started with, and those that are given."""
    run = train("draw", "tiny", out=tmp_path / "run", data={"batch": 3})
    more = train("draw", out=tmp_path / "run", resume=True, fit={"steps": 6})
    assert (run.steps, more.steps) == (4, 6)
    assert read_recipe(tmp_path / "run")["data"]["batch"] == 3
    with pytest.raises(ValueError, match=r"was started with data\.batch 3, not 5"):
        train("draw", out=tmp_path / "run", resume=True, data={"batch": 5})
    with pytest.raises(ValueError, match="was started as draw tiny, not draw mnist; resume it the same way"):
        train("draw", "mnist", out=tmp_path / "run", resume=True)
    with pytest.raises(ValueError, match="was started as draw tiny, not ride; resume it the same way"):
        train("ride", out=tmp_path / "run", resume=True)


def test_configs_of_ones_own():
    run = train("draw", "tiny", data=Rectangles(batch=2, count=3, side_px=8), fit=Fit(steps=1))
    assert run.spec.image == (1, 8, 8)
    assert run.evaluate()["pictures"] == 3


def test_minutes_in_place_of_the_presets_steps(tmp_path):
    run = train("draw", "tiny", out=tmp_path / "run", fit={"minutes": 0.01, "warmup": 1})
    assert run.steps > 4
    assert train("draw", "tiny", fit={"minutes": 5, "steps": 2}).steps == 2


def test_weights_to_begin_with(tiny, tmp_path):
    run = train("draw", "tiny", begin=tiny["draw:tiny"], fit={"steps": 1, "rate": 1e-12})
    torch.testing.assert_close(
        run.model.state_dict(), checkpoint.read_weights(tiny["draw:tiny"], run.model.state_dict()), atol=1e-6, rtol=0
    )


def test_a_temporary_run_is_there_as_long_as_its_answer():
    run = train("draw", "tiny")
    folder = run.folder
    assert run.card.startswith("# draw")
    assert run.evaluate()["bound_nats"] == pytest.approx(run.scores["bound_nats"])
    del run
    gc.collect()
    assert not folder.exists()


def test_settings_by_name():
    """Of the types that Python and numpy have."""
    fit = changed(Fit(), "fit", {"steps": np.int64(7), "rate": 1, "betas": (0.5, 0.9), "minutes": None})
    assert (fit.steps, fit.rate, fit.betas, fit.minutes) == (7, 1.0, (0.5, 0.9), None)
    assert type(fit.rate) is float
    assert changed(fit, "fit", None) is fit
    assert changed(fit, "fit", {}) == fit
    from drawgen.data.pictures import Crops

    assert changed(Crops(), "data", {"path": Path("a.png")}).path == "a.png"
    for settings, told in (
        ({"pathh": "x"}, "data has no setting 'pathh'; it has path, crop_px"),
        ({"path": 3}, r"data\.path is 3, which is not a str"),
        ({"batch": 2.5}, r"data\.batch is 2\.5, which is not a int"),
        ({"batch": 0}, r"data\.batch is 0"),
        ("x.png", r"data is 'x\.png'; give settings by their names, as \{'path': \.\.\.\}, or a config"),
    ):
        with pytest.raises(ValueError, match=told) as caught:
            changed(Crops(), "data", settings)
        assert not isinstance(caught.value, checkpoint.CheckpointError)


def test_curves(tmp_path):
    curve = Curve([{"step": 2, "loss": 3.0}, {"step": 4, "loss": 1.0, "kl_01": 0.5}, {"step": 4, "valid/loss": 2.0}])
    assert curve.names == ("loss", "kl_01", "valid/loss")
    assert curve.series("loss") == ([2.0, 4.0], [3.0, 1.0])
    for name in ("a.csv", "a.json", "a.svg"):
        curve.save(tmp_path / name)
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[1] == {"step": "4", "loss": "1.0", "kl_01": "0.5", "valid/loss": ""}
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == list(curve)
    assert (tmp_path / "a.svg").read_text(encoding="utf-8").count("<polyline") == 1
    with pytest.raises(ValueError, match="name is 'los'; it is one of loss, kl_01"):
        curve.series("los")
    with pytest.raises(ValueError, match=r"cannot hold this; use one of \.csv \.json \.svg"):
        curve.save(tmp_path / "a.png")
    assert Curve().svg()


def test_damaged_lines_of_a_curve_are_passed_over(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 2.0, "norm": null}\n{"step": 2, "lo\n[3]\n{"loss": 1}\n')
    assert read_curve(tmp_path) == [{"step": 1, "loss": 2.0}]
    assert read_curve(tmp_path / "none") == []


def test_a_painter_of_photographs_is_measured_on_pictures_of_its_size(tmp_path):
    """Whole pictures are held out; squares of the crops' side are measured."""
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for n in range(8):
        Image.fromarray(rng.integers(0, 255, (40, 50, 3), np.uint8)).save(tmp_path / "photos" / f"{n}.png")
    small = {"units": 8, "width": 2}
    run = train(
        "painter", "colour", model=small, data={"path": str(tmp_path / "photos"), "crop_px": 16, "batch": 2}, fit={"steps": 1}
    )
    assert run.model.spec.picture == (3, 16, 16)
    assert run.model.config.strokes == 20
    assert 0 < run.scores["share"] == run.scores["share_20_strokes"] < 2

"""The jobs as functions: the demo, and what a run folder becomes."""

import shutil

import pytest
from PIL import Image

from drawgen import jobs, models, painting
from drawgen.data.digits import Binarized
from drawgen.data.standard import Standard


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """MODEL:NAME -> folder, one tiny model of each kind."""
    folder = tmp_path_factory.mktemp("tiny")
    for name in models.names():
        jobs.train(name, models.recipe(name, "tiny"), folder / name, preset="tiny")
    return {f"{name}:tiny": folder / name for name in models.names()}


def test_demo_makes_a_page_of_everything(tiny, tmp_path, monkeypatch):
    """Every picture that the page names is there and opens; what exists is not overwritten; the commands name shipped models."""
    tiny = {name: folder for name, folder in tiny.items() if hasattr(models.load(folder), "sample")}
    monkeypatch.setattr(models, "shipped", lambda: tiny)
    monkeypatch.setattr(painting, "ROUNDS", tuple(part._replace(steps=3) for part in painting.ROUNDS))
    said = []
    page = jobs.demo(tmp_path / "demo", reports=jobs.Reports(message=said.append))
    html = page.read_text()
    shown = [part.split('"')[0] for part in html.split('src="')[1:]]
    assert len(shown) == len(set(shown)) >= len(tiny) + 2
    assert (page.parent / "painting.svg").read_text().startswith("<svg")
    for file in set(shown) - {"painting.svg"}:
        with Image.open(page.parent / file) as picture:
            assert min(picture.size) >= 30
    assert all(f"drawgen sample {name}" in html for name in tiny)
    assert "http" not in html
    assert len(said) >= len(tiny)
    with pytest.raises(ValueError, match="--force"):
        jobs.demo(tmp_path / "demo")


def test_resume_of_a_finished_run_changes_nothing(tiny):
    for name, folder in tiny.items():
        model = name.split(":")[0]
        before = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".safetensors", ".json")}
        jobs.train(model, jobs.stored_recipe(folder)[2], folder, preset="tiny", resume=True)
        after = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".safetensors", ".json")}
        assert after == before


def test_a_shipped_model_is_measured_on_the_kind_of_data_it_was_trained_on():
    """Not on that of its model's first preset; the way of reading (threshold, size) is the run's, the place is the caller's."""
    digits, characters = (jobs.data_of(models.shipped()[f"draw:{name}"], "it", "here") for name in ("mnist", "omniglot"))
    assert isinstance(digits, Binarized)
    assert characters == Standard(name="omniglot", path="here", side_px=28, threshold=0.35, jitter_px=2)
    assert jobs.data_of(models.shipped()["ride:brick"], "it", "photo:grass").longest_px == 256
    with pytest.raises(ValueError, match=r"it does not say what to measure it on; give --data FILE"):
        jobs.data_of(models.shipped()["draw:omniglot"], "it", None)


def test_data_of_an_unknown_kind_is_not_guessed(tiny, tmp_path):
    """Without the recipe: a texture is read as all of them are, and a drawing may be of anything."""
    for name in ("ride", "draw"):
        shutil.copytree(tiny[f"{name}:tiny"], tmp_path / name)
        (tmp_path / name / jobs.RECIPE).unlink()
    assert jobs.measure(str(tmp_path / "ride"), data="photo:grass")
    with pytest.raises(ValueError, match=r"put the run's recipe\.json beside its config\.json"):
        jobs.measure(str(tmp_path / "draw"), data="somewhere")


def test_shipped_characters_have_the_bound_on_their_card(data):
    scores = jobs.measure("draw:omniglot", data=str(data / "omniglot"))
    assert scores["bound_nats"] == pytest.approx(95.907, abs=0.05)

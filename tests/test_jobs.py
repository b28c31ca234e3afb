"""The jobs as functions: the demo, and what a run folder becomes."""

import pytest
from PIL import Image

from drawgen import jobs, models


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
    said = []
    page = jobs.demo(tmp_path / "demo", reports=jobs.Reports(message=said.append))
    html = page.read_text()
    shown = [part.split('"')[0] for part in html.split('src="')[1:]]
    assert len(shown) == len(set(shown)) >= len(tiny) + 2
    for file in shown:
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

"""The demo."""

import pytest
from PIL import Image

from drawgen import jobs, models
from drawgen.contract import Draws, Writes
from drawgen.jobs.demonstration import Page, describes
from drawgen.strokes import placing


def test_demo_makes_a_page_of_everything(tiny, tmp_path, monkeypatch):
    """Every picture that the page names is there and opens; what exists is not overwritten; the commands name shipped models."""
    monkeypatch.setattr(models, "shipped", lambda: tiny)
    drawing = {name: folder for name, folder in tiny.items() if isinstance(models.load(folder), Draws | Writes)}
    monkeypatch.setattr(placing, "ROUNDS", tuple(part._replace(steps=3) for part in placing.ROUNDS))
    said = []
    page = jobs.demo(tmp_path / "demo", reports=jobs.Reports(message=said.append))
    html = page.read_text()
    shown = [part.split('"')[0] for part in html.split('src="')[1:]]
    assert len(shown) == len(set(shown)) >= len(drawing) + 3
    assert {"captioner-tiny.png", "draw_classifier-tiny.png", "painter-tiny-redrawn.png", "tiled.png"} <= set(shown)
    assert (page.parent / "painting.svg").read_text().startswith("<svg")
    for file in set(shown) - {"painting.svg"}:
        with Image.open(page.parent / file) as picture:
            assert min(picture.size) >= 16
    assert all(f"drawgen sample {name}" in html for name in drawing)
    assert "http" not in html
    assert len(said) >= len(drawing)
    with pytest.raises(ValueError, match="give `force` to replace the demo's files"):
        jobs.demo(tmp_path / "demo")


def test_captioners_of_photographs_and_of_scenes(tmp_path, monkeypatch):
    """Each describes pictures of its kind, beside each other in one folder."""
    captioners = {name: folder for name, folder in models.shipped().items() if name.startswith("captioner:")}
    assert len(captioners) == 2
    page = Page(tmp_path, force=False, reports=jobs.Reports())
    for name in captioners:
        describes(page, name, models.load(name), 0)
    told = dict(page.figures)
    assert "photo:chelsea" in told["captioner-photos.png"]
    assert "scene-*.png" in told["captioner-scenes.png"]
    assert all((tmp_path / file).exists() for file in told)

"""The demo, and its page."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from drawgen import jobs, models
from drawgen.contract import Draws, Writes
from drawgen.jobs import gallery
from drawgen.jobs.asking import load
from drawgen.jobs.demonstration import Page, describes
from drawgen.jobs.gallery import Figure
from drawgen.strokes import placing


def test_demo_makes_a_page_of_everything(tiny, tmp_path, monkeypatch):
    """Every picture that the page names is there and opens; what exists is not overwritten; the commands name shipped models."""
    monkeypatch.setattr(models, "shipped", lambda: tiny)
    drawing = {name: folder for name, folder in tiny.items() if isinstance(models.load(folder), Draws | Writes)}
    monkeypatch.setattr(placing, "ROUNDS", tuple(part._replace(steps=3) for part in placing.ROUNDS))
    said = []
    page = jobs.demo(tmp_path / "demo", reports=jobs.Reports(message=said.append))
    html = page.read_text()
    shown = re.findall(r'src="([^"]+)"', html)
    assert len(shown) == len(set(shown)) >= len(drawing) + 3
    assert {"captioner-tiny.png", "draw_classifier-tiny.gif", "painter-tiny-redrawn.png", "tiled.png"} <= set(shown)
    for file in [*shown, *re.findall(r'srcset="([^"]+)"', html)]:
        if file.endswith(".svg"):
            assert ET.parse(page.parent / file).getroot().tag.endswith("svg")
            continue
        with Image.open(page.parent / file) as picture:
            assert min(picture.size) >= 16
    assert all(f"drawgen sample {name}" in html for name in drawing)
    assert all(name in html for name in ("Why it needs gates", "drawgen diagnose char_rnn:tiny"))
    assert len(said) >= len(drawing)
    with pytest.raises(ValueError, match="give `force` to replace the demo's files"):
        jobs.demo(tmp_path / "demo")


def test_captioners_of_photographs_and_of_scenes(tmp_path):
    """Each describes pictures of its kind, beside each other in one folder."""
    captioners = {name: folder for name, folder in models.shipped().items() if name.startswith("captioner:")}
    assert len(captioners) == 2
    page = Page(tmp_path, force=False, reports=jobs.Reports())
    for name in captioners:
        describes(page, load(name), name, 0)
    told = {figure.file: figure for figure in page.figures}
    assert "photo:chelsea" in told["captioner-photos-0.png"].command
    assert "SCENE.png" in told["captioner-scenes.png"].command
    assert "cat" in told["captioner-photos-0.png"].says
    assert all((tmp_path / file).exists() for file in told)


def test_an_animation_begins_and_ends_with_the_finished_picture(tmp_path):
    page = Page(tmp_path, force=False, reports=jobs.Reports())
    frames = [torch.full((1, 16, 16), value) for value in (0.0, 0.4, 1.0)]
    page.move("draw:mnist", "a.gif", "drawgen sample draw -o OUT.gif", frames)
    with Image.open(tmp_path / "a.gif") as moving:
        levels = [int(np.asarray(frame.convert("L"))[0, 0]) for frame in ImageSequence.Iterator(moving)]
        assert moving.info["loop"] == 0
    assert levels == [255, 0, 102, 255]
    with Image.open(tmp_path / "a-still.png") as still:
        assert still.getextrema() == (255, 255)
    assert 'media="(prefers-reduced-motion: reduce)" srcset="a-still.png"' in gallery.page(page.figures, tmp_path)


# ---------------------------------------------------------------- the page


def test_every_shipped_model_has_its_place_in_the_lecture():
    told = {chapter.model for chapter in gallery.LECTURE}
    assert {name.partition(":")[0] for name in models.shipped()} <= told
    assert len(told) == len(gallery.LECTURE)


def test_the_order_is_that_of_the_lecture_and_strangers_come_last(tmp_path):
    (tmp_path / "a.txt").write_text("one\n", encoding="utf-8")
    names = ("stranger:tiny", "ride:dirt", "char_rnn:shakespeare", "draw:mnist")
    html = gallery.page([Figure(name, "a.txt", f"drawgen sample {name}") for name in names], tmp_path)
    places = [html.index(f'<section id="{name}">') for name in ("char_rnn", "draw", "ride", "stranger")]
    assert places == sorted(places)


def test_papers_and_figures_are_those_of_the_cards(tmp_path):
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    html = gallery.page([Figure(name, "a.txt", "") for name in ("pointer_net:tour", "ride:dirt", "painter:doodles")], tmp_path)
    paper, compared = models.paper_of(models.shipped()["pointer_net:tour"])
    assert gallery.shown(paper) in html
    assert all(f"<b>{row.ours}</b>; in the paper <b>{row.theirs}</b>" in html for row in compared)
    assert "<b>4.05</b> bits per pixel and channel" in html
    assert "critic gap" not in html


def test_the_page_asks_nothing_of_anybody_and_escapes_what_it_shows(tmp_path):
    """No script; what is loaded lies beside it; names, texts and captions cannot become markup."""
    evil = '<img src=x onerror="alert(1)">'
    (tmp_path / "a.txt").write_text(evil + "\n\x1b[31m", encoding="utf-8")
    chart = gallery.curves({evil: [1.0, 0.1], "b": [1.0, 1e-9]}, across="steps", up="norm")
    figures = [Figure("draw:mnist", "a.txt", evil, says=evil), Figure("memory", "", evil, "wide", svg=chart)]
    html = gallery.page(figures, tmp_path)
    assert "<img" not in html
    assert "<script" not in html
    assert "\x1b" not in html
    assert not re.search(r"https?://|//[a-z]|@import|url\(", html.replace("http://www.w3.org/2000/svg", ""))
    ET.fromstring(chart)
    assert html.count("<section") == html.count("</section>") == 2


def test_one_look_for_light_and_dark(tmp_path):
    """Every colour of the light page has its counterpart in the dark."""
    text = gallery.STYLES[0].read_text(encoding="utf-8")
    light, dark = text.split("@media (prefers-color-scheme: dark)")
    colours = re.findall(r"(--[\w-]+): (?:#|rgb)", light)
    assert colours
    assert colours == re.findall(r"(--[\w-]+): (?:#|rgb)", dark)
    used = set(re.findall(r"var\((--[\w-]+)\)", gallery.STYLES[1].read_text(encoding="utf-8")))
    assert used <= set(re.findall(r"(--[\w-]+):", text))

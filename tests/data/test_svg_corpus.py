"""The drawings as SVG text: their form, and the stream of them."""

import itertools
import random
import re
from xml.etree import ElementTree

import pytest
import torch

from drawgen.contract import generator
from drawgen.data.svg_corpus import STRETCH, VOCABULARY, SvgDrawings
from drawgen.data.svg_scenes import HEAD, LONGEST, SCENES, TAIL, drawing, tinted
from drawgen.data.svg_things import Maker
from drawgen.data.text import encode
from drawgen.models import char_rnn
from drawgen.strokes.svg_reading import read_svg

NAMESPACE = "{http://www.w3.org/2000/svg}"
ELEMENT = re.compile(r'<(\w+)( [a-z0-9-]+="[^"]*")*/>|<g( \w+="[^"]*")>|</g>')


def files(count, seed=0):
    rng = random.Random(seed)
    return [drawing(rng) for _ in range(count)]


def test_form():
    """One element per line, whole numbers, colours of six digits, nothing but the vocabulary."""
    for text in files(300):
        assert text.startswith(HEAD)
        assert text.endswith(TAIL)
        assert len(text) <= LONGEST
        for line in text.removeprefix(HEAD).removesuffix(TAIL).splitlines():
            assert ELEMENT.fullmatch(line), line
        body = text.removeprefix(HEAD)
        assert "." not in body
        assert all(re.fullmatch("#[0-9a-f]{6}|none", colour) for colour in re.findall(r'(?:fill|stroke)="([^"]*)"', body))
        encode(text, VOCABULARY)
    assert set("".join(files(3000))) == set(VOCABULARY)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_every_scene_is_a_drawing(scene, tmp_path):
    """It parses, the project's own reader draws it, and three shapes or more are on the page."""
    for seed in range(10):
        m = Maker(random.Random(seed))
        text = HEAD + tinted(m, scene(m)) + TAIL
        path = tmp_path / "drawing.svg"
        path.write_text(text)
        shapes = [
            element for element in ElementTree.fromstring(text).iter() if element.tag not in (NAMESPACE + "svg", NAMESPACE + "g")
        ]
        assert len(shapes) >= 4
        frame = read_svg(path, outlines=True).frame
        assert frame[0] < 50 < frame[0] + frame[2]
        assert frame[1] < 50 < frame[1] + frame[3]


def test_no_two_files_are_alike():
    assert len(set(files(2000))) == 2000
    assert files(3) == files(3)
    assert files(3) != files(3, seed=1)


def test_colours_are_shifted_alike_within_a_file():
    text = tinted(Maker(random.Random(0)), 'a="#123" b="#fff" c="#123"')
    colours = re.findall("#[0-9a-f]{6}", text)
    assert colours[0] == colours[2] != colours[1]
    for colour, digits in zip(colours, ("123", "fff"), strict=False):
        for level, digit in zip(bytes.fromhex(colour[1:]), digits, strict=True):
            assert abs(level - 17 * int(digit, 16)) <= 16


def test_stream():
    """Rows begin with a file, after a line break, and continue from batch to batch; none comes twice; a later start is the same."""
    data = SvgDrawings(batch=3, length=200, run=4, count=2)
    stream = data.stream("train", seed=0)
    batches = [next(stream) for _ in range(9)]
    starts = [bool(batch.fresh.all()) for batch in batches]
    assert starts == [True, False, False, False] * 2 + [True]
    assert all(batch.fresh.any() == batch.fresh.all() for batch in batches)
    for first in (0, 4):
        for row in range(3):
            pieces = [batch.tokens[row] for batch in batches[first : first + 4]]
            assert all(one[-1] == other[0] for one, other in itertools.pairwise(pieces))
            text = "".join(VOCABULARY[token] for token in torch.cat([pieces[0][:1], *(piece[1:] for piece in pieces)]).tolist())
            assert text.startswith("\n" + HEAD)
    later = data.stream("train", seed=0, start=6)
    for batch in batches[6:]:
        assert torch.equal(next(later).tokens, batch.tokens)
    seen = {tuple(row.tolist()) for batch in batches for row in batch.tokens}
    other = [next(data.stream("train", seed=0, rank=rank, ranks=2)).tokens for rank in range(2)]
    assert len(seen) == 27
    assert not torch.equal(other[0], other[1])
    held = list(data.stream("valid", seed=5))
    assert [batch.tokens.shape for batch in held] == [(2, STRETCH + 1)]
    assert torch.equal(held[0].tokens, next(data.stream("valid", seed=6)).tokens)
    assert list(data.stream("valid", seed=5, rank=1, ranks=2)) == []


def test_the_model_reads_it():
    data = SvgDrawings(batch=2, length=20, run=3)
    model = char_rnn.Config(units=8, layers=1).build(data.spec(), rng=generator(0))
    state = {}
    stream = data.stream("train", seed=0)
    for _ in range(2):
        walk = model.losses(next(stream), state=state, rng=generator(0))
        assert torch.isfinite(next(walk).value)
        state = next(walk, None) or {}

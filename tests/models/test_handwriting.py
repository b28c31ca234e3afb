"""Handwriting: what it computes, and what it writes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from drawgen.contract import Handwrites, Request, Spec, generator
from drawgen.data.handwriting import HandwritingBatch, OwnHands
from drawgen.models import handwriting
from drawgen.models.handwriting import LEADING, MOST_CHARACTERS, Config, pen_raised, style_of
from drawgen.nn.pen_mixture import biased, pen_mixture, step_log_density
from drawgen.nn.soft_window import one_hot
from drawgen.ranges import ArgumentError

SYMBOLS = tuple(" .,'-abcdefghij")
SPEC = Spec(vocabulary=SYMBOLS, point=2, step=0.15, counts=(1, 12))
SMALL = Config(layers=2, units=10, window=3, mixture=3)


@pytest.fixture(params=[1, 2, 3])
def model(request):
    """A model that moves on by a character every three points or so, and raises its pen now and then."""
    built = replace(SMALL, layers=request.param).build(SPEC, rng=generator(1)).eval()
    with torch.no_grad():
        for parameter in built.parameters():
            parameter *= 2
        built.window.numbers.bias[-3:] = -1.0
        built.output.bias[-2:] = torch.tensor([1.0, 0.0])
    return built.requires_grad_(False)


def batch(count=4, seed=0):
    rng = np.random.default_rng(seed)
    lengths, characters = torch.from_numpy(rng.integers(2, 9, count)), torch.from_numpy(rng.integers(1, 6, count))
    rows = torch.from_numpy(rng.normal(size=(count, 9, 3)).astype(np.float32))
    rows[..., 2] = (rows[..., 2] > 0).float()
    rows[:, 0, :2] = 0
    return HandwritingBatch(rows, lengths, torch.from_numpy(rng.integers(0, len(SYMBOLS), (count, 6))), characters)


def test_the_likelihood_is_that_of_a_slow_loop(model):
    """Row by row, from the equations: each layer by its step, the window by its parts."""
    lines = batch()
    total, count = model.measure(lines, rng=generator(0))["nats"]
    assert count == 4
    nats = 0.0
    for b in range(4):
        hot = one_hot(lines.text[b : b + 1], lines.text_lengths[b : b + 1], len(SYMBOLS))
        states = [layer.start(1) for layer in (model.first, *model.others)]
        kappa, w, last = torch.zeros(1, 3), torch.zeros(1, len(SYMBOLS)), pen_raised(1, torch.device("cpu"))[:, 0]
        for t in range(int(lines.lengths[b])):
            h, states[0] = model.first.step(torch.cat([last, w], 1), states[0])
            w, kappa, _ = model.window(h, kappa, hot)
            hidden = [h]
            for n, layer in enumerate(model.others, 1):
                h, states[n] = layer.step(torch.cat([last, w, h], 1), states[n])
                hidden.append(h)
            mixture = pen_mixture(model.output(torch.cat(hidden, 1)), 2)
            last = lines.rows[b : b + 1, t]
            if t:
                nats -= float(step_log_density(mixture, last[:, :2]))
            nats -= float(mixture.log_pens[0, int(last[0, 2])])
    assert float(total) == pytest.approx(nats, rel=1e-4)


def test_padding_costs_nothing(model):
    lines = batch()
    longer = lines._replace(rows=torch.cat([lines.rows, torch.ones(4, 5, 3)], 1), text=torch.cat([lines.text, lines.text], 1))
    one, other = (model.measure(each, rng=generator(0)) for each in (lines, longer))
    for name, (total, count) in one.items():
        assert float(total) == pytest.approx(float(other[name][0]), rel=1e-4)
        assert count == other[name][1]


def test_the_last_loss_is_part_of_the_whole(model):
    lines = batch()
    shorter = lines._replace(lengths=lines.lengths - 1)
    whole, part = (float(model.measure(each, rng=generator(0))["nats"][0]) for each in (lines, shorter))
    assert float(model.last_loss(lines, rng=generator(0)).sum()) == pytest.approx(whole - part, abs=1e-3)


def test_gradients_are_finite_and_reach_everything():
    built = SMALL.build(SPEC, rng=generator(1))
    next(built.losses(batch(), state={}, rng=generator(0))).value.backward()
    assert all(torch.isfinite(p.grad).all() and p.grad.abs().max() > 0 for p in built.parameters())


def test_it_learns_that_texts_tell():
    """A few steps lower the loss of one batch."""
    lines = next(iter(OwnHands(batch=4, longest=12).stream("train", seed=0)))
    built = SMALL.build(OwnHands(longest=12).spec(), rng=generator(0))
    optimiser = torch.optim.Adam(built.parameters(), 2e-2)
    losses = []
    for _ in range(12):
        loss = next(built.losses(lines, state={}, rng=generator(0))).value
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(built.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 0.5


# ---------------------------------------------------------------- writing


@pytest.mark.parametrize("temperature", [0.3, 1.0, 1.5])
def test_compiled_writing_is_the_definition(model, temperature, monkeypatch):
    """Lines of different lengths, fresh and begun."""
    request = Request(n=3, seed=2, temperature=temperature)
    text = "abc dad,\nhide a cab\n\nj"
    found = model.handwrite(text, request)
    monkeypatch.setattr(
        model, "compiled", lambda *given, fresh: [part.numpy() for part in handwriting.walk(model, *given, fresh=fresh)]
    )
    expected = model.handwrite(text, request)
    for one, other in zip(found.lines, expected.lines, strict=True):
        assert [len(line) for line in one.lines] == [len(line) for line in other.lines]
        for a, b in zip(one.lines, other.lines, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-3)
    for one, other in zip(found.readings, expected.readings, strict=True):
        for a, b in zip(one, other, strict=True):
            assert a.text == b.text
            np.testing.assert_allclose(a.weights, b.weights, atol=1e-3)


def test_a_line_ends_where_the_window_is_beyond_its_text(model):
    for reading in model.handwrite("abc", Request(n=3, seed=1)).readings:
        [line] = reading
        assert line.text == "abc"
        assert line.weights.shape == (sum(map(len, line.lines)), 3)
        assert 1 < len(line.weights) < 60 * 3  # it did not run to the limit


def test_the_same_seed_writes_the_same_and_the_first_of_many_is_the_one(model):
    many, one, other = (model.handwrite("abc", Request(n=n, seed=seed)) for n, seed in ((3, 1), (1, 1), (1, 2)))
    np.testing.assert_allclose(np.concatenate(many.lines[0].lines), np.concatenate(one.lines[0].lines), atol=1e-4)
    assert len(np.concatenate(one.lines[0].lines)) != len(np.concatenate(other.lines[0].lines)) or not np.allclose(
        np.concatenate(one.lines[0].lines), np.concatenate(other.lines[0].lines)
    )


def test_pages_hold_what_is_written(model):
    sample = model.handwrite("abc\nde\n\nf", Request(n=2, seed=1))
    assert sample.lines[0].page == sample.lines[1].page
    for drawing, readings in zip(sample.lines, sample.readings, strict=True):
        left, top, right, bottom = drawing.page
        points = np.concatenate(drawing.lines)
        assert (points > (left, top)).all()
        assert (points < (right, bottom)).all()
        assert [one.text for one in readings] == ["abc", "de", "f"]
        edges = [np.concatenate(one.lines)[:, 0].min() for one in readings]
        assert edges == pytest.approx([edges[0]] * 3)
    height, width = sample.images.shape[2:]
    assert width / height == pytest.approx(right / bottom, rel=0.05)
    assert model.handwrite("abc", Request(size=(40, 200))).images.shape == (1, 1, 40, 200)
    *_, last = sample.frames(4)
    assert torch.equal(last, sample.images)


def test_lines_after_the_first_go_on_from_its_first_words(model):
    """The network has read them: with other rows there, other lines follow."""
    line = handwriting.WrittenLine(
        "abc de fgh ij", np.array([[0, 0, 0], [1, 0, 1], [1, 0, 1], [1, 1, 0], [1, 0, 1], [2, 0, 1]], np.float32),
        np.eye(13)[[0, 2, 5, 8, 9, 12]],
    )  # fmt: skip
    rows, words = style_of(line)
    assert words == "abc de"
    assert len(rows) == 3
    short = handwriting.WrittenLine("ab", line.rows, line.seen[:, :2])
    assert style_of(short)[1] == "ab"
    assert len(style_of(short)[0]) == 6


def test_bias_sharpens():
    """Equations 61 and 62."""
    mixture = pen_mixture(torch.randn(5, 20, generator=generator(0)), 2)
    same, sharp = biased(mixture, 0.0), biased(mixture, 2.0)
    torch.testing.assert_close(same.log_weights, mixture.log_weights)
    torch.testing.assert_close(sharp.log_stds.exp(), mixture.log_stds.exp() * np.exp(-2.0))
    torch.testing.assert_close(sharp.log_weights.exp().sum(1), torch.ones(5))
    torch.testing.assert_close(sharp.log_weights.diff(dim=1), 3 * mixture.log_weights.diff(dim=1))
    assert torch.equal(sharp.log_pens, mixture.log_pens)


# ---------------------------------------------------------------- texts


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("abc", ["abc"]),
        ("  a  b\tc ", ["a  b c"]),
        ("abc def ghi jab", ["abc def ghi", "jab"]),
        ("abc\n\n\u2018de\u2019 \u2013 f\n", ["abc", "", "'de' - f"]),
        ("abcdefghijabcdefghij", ["abcdefghijab", "cdefghij"]),
        ("a\r\nb", ["a", "b"]),
    ],
)
def test_texts_are_broken_into_lines(model, text, lines):
    assert [" ".join(line.split()) for line in model.broken(text)] == [" ".join(line.split()) for line in lines]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "text is empty; give some words"),
        (" \n\t", "text is empty; give some words"),
        ("abz", "text has 'z', which this model does not write; it writes ',-.abcdefghij"),
        ("a\x1bb", r"text has '\\x1b', which"),
        ("a" * (MOST_CHARACTERS + 1), "text has 2001 characters, and at most 2000 are written at once; give a part"),
    ],
)
def test_texts_that_it_cannot_write(model, text, words):
    with pytest.raises(ArgumentError, match=words) as caught:
        model.handwrite(text, Request())
    assert "\n" not in str(caught.value)


def test_a_long_text_has_many_lines(model):
    sample = model.handwrite("abc def " * 200, Request(seed=1))
    assert len(sample.readings[0]) == 134  # three words in each
    points = np.concatenate(sample.lines[0].lines)
    assert np.ptp(points[:, 1]) > 100 * LEADING


def test_what_it_is_not_for(model):
    assert isinstance(model, Handwrites)
    with pytest.raises(ArgumentError, match="do not tile"):
        model.handwrite("a", Request(tile=True))
    with pytest.raises(ValueError, match="needs lines of a pen with their texts"):
        SMALL.build(Spec((1, 8, 8)), rng=generator(0))

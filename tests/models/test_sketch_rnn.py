"""Sketch-rnn: what it computes, and what it draws."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from drawgen.contract import Completes, InterpolatesLines, PenDrawing, RedrawsLines, Request, Spec, generator
from drawgen.data.sketches import Polygons, SketchBatch, batch_of
from drawgen.models import sketch_rnn
from drawgen.models.sketch_rnn import Config, SketchDecoder, drawing_nats, pen_down
from drawgen.nn.pen_mixture import pen_mixture, step_log_density
from drawgen.ranges import ArgumentError

SMALL = Config(encoder=6, decoder=12, latent=3, mixture=3)
SPEC = Spec((1, 32, 32), point=2, step=0.2, counts=(2, 20))
SETTINGS = {
    "plain": SMALL,
    "layer norm": replace(SMALL, cell="layer_norm"),
    "decoder alone": replace(SMALL, latent=0),
}
BEGUN = PenDrawing([np.array([[0.1, 0.2], [0.5, 0.2], [0.5, 0.6]]), np.array([[0.7, 0.3], [0.8, 0.9]])])


@pytest.fixture(params=SETTINGS)
def model(request):
    """A model with weights that make drawings of some lines."""
    built = SETTINGS[request.param].build(SPEC, rng=generator(1)).eval()
    with torch.no_grad():
        for parameter in built.parameters():
            parameter *= 2
        built.output.bias[-3:] = torch.tensor([2.0, 1.0, 0.0])
    return built.requires_grad_(False)


def batch(count=4, seed=0):
    rng = np.random.default_rng(seed)
    drawings = []
    for length in rng.integers(2, 9, count):
        rows = np.concatenate([rng.normal(size=(length, 2)), rng.integers(0, 2, (length, 1))], 1).astype(np.float32)
        rows[0, :2], rows[-1, 2] = 0, 1
        drawings.append(rows)
    return batch_of(drawings)


def test_the_likelihood_is_that_of_a_slow_loop(model):
    """Row by row, with the states carried on by hand."""
    drawings = batch()
    z = torch.randn(4, model.config.latent, generator=generator(2))
    found = model.nats(drawings, z)
    for row in range(4):
        state, last, nats = model.start(z[row : row + 1]), pen_down(1, z.device)[:, 0], 0.0
        length = int(drawings.lengths[row])
        for t in range(length):
            h, state = model.decoder.step(torch.cat([last, z[row : row + 1]], 1), state)
            mixture = pen_mixture(model.output(h))
            last = drawings.rows[row : row + 1, t]
            if 0 < t < length - 1:
                nats -= float(step_log_density(mixture, last[:, :2]))
            nats -= float(mixture.log_pens[0, int(last[0, 2:].argmax())])
        assert float(found[row]) == pytest.approx(nats, rel=1e-4)


def test_padding_costs_nothing(model):
    drawings = batch()
    longer = SketchBatch(torch.cat([drawings.rows, drawings.rows[:, -1:].expand(-1, 5, -1)], 1), drawings.lengths)
    one, other = (model.measure(each, rng=generator(0)) for each in (drawings, longer))
    for name, (total, count) in one.items():
        assert float(total) == pytest.approx(float(other[name][0]), rel=1e-4)
        assert count == other[name][1]


def test_the_bound_lies_above_the_importance_weighted_one():
    model = SMALL.build(SPEC, rng=generator(1)).requires_grad_(False)
    drawings = batch(64)
    bound, count = model.measure(drawings, rng=generator(0))["bound_nats"]
    tighter, _ = model.importance_weighted(drawings, 50, rng=generator(0))["iw50_nats"]
    assert float(tighter) / count < float(bound) / count
    kl = model.encode(drawings).kl()
    q, noise = model.encode(drawings), torch.randn(64, 3, generator=generator(3))
    z = q.at(noise)
    sampled = q.log_density(z) + 0.5 * z.square().sum(1)
    assert float(sampled.mean()) == pytest.approx(float(kl.mean()), abs=0.6)


def test_the_weight_of_the_kl_term_grows():
    """The same batch costs more after many steps, by the KL beyond its floor."""
    model = replace(SMALL, kl_floor=0.0, kl_weight=1.0).build(SPEC, rng=generator(1))
    losses = [next(model.losses(batch(), state=state, rng=generator(0))) for state in ({}, {"step": torch.tensor(1e6)})]
    kl = float(losses[0].log["kl_nats"])
    assert float(losses[1].value.detach() - losses[0].value.detach()) == pytest.approx(0.99 * kl, rel=1e-3)
    free = replace(SMALL, kl_floor=1e3, kl_weight=1.0).build(SPEC, rng=generator(1))
    last = next(free.losses(batch(), state={"step": torch.tensor(1e6)}, rng=generator(0)))
    assert float(last.value.detach() - last.log["nats"]) == pytest.approx(1e3, rel=1e-4)


def test_the_verbs_are_those_that_it_can():
    decoder, whole = (SETTINGS[name].build(SPEC, rng=generator(0)) for name in ("decoder alone", "plain"))
    assert isinstance(decoder, Completes)
    assert not isinstance(decoder, RedrawsLines | InterpolatesLines)
    assert all(isinstance(whole, verb) for verb in (Completes, RedrawsLines, InterpolatesLines))


# ---------------------------------------------------------------- drawings


@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_compiled_sampling_is_the_definition(model, temperature):
    request = Request(n=5, seed=2, temperature=temperature)
    found = model.complete(BEGUN, request).lines
    model.walk_on = lambda *given: sketch_rnn.walk(model, *given)
    expected = model.complete(BEGUN, request).lines
    for one, other in zip(found, expected, strict=True):
        assert [len(line) for line in one.lines] == [len(line) for line in other.lines]
        for a, b in zip(one.lines, other.lines, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)
    assert sum(len(line) for one in found for line in one.lines) > 5 * 5  # some went on


def test_a_completed_drawing_begins_with_what_was_given_exactly(model):
    for scale in (1.0, 300.0):
        begun = PenDrawing([line * scale for line in BEGUN.lines], (0.0, 0.0, scale, scale))
        sample = model.complete(begun, Request(n=6, seed=1))
        assert len({sum(map(len, one.lines)) for one in sample.lines}) > 1  # in several ways
        for one in sample.lines:
            assert one.page == begun.page
            assert (one.lines[0] == begun.lines[0]).all()
            assert (one.lines[1][:2] == begun.lines[1]).all()


def test_the_scale_of_a_page_is_that_of_what_is_drawn():
    model = SETTINGS["plain"].build(SPEC, rng=generator(1)).eval()
    small, large = (
        model.complete(PenDrawing([line * scale for line in BEGUN.lines], (0.0, 0.0, scale, scale)), Request(seed=4)).lines[0]
        for scale in (1.0, 64.0)
    )
    for one, other in zip(small.lines, large.lines, strict=True):
        np.testing.assert_allclose(one * 64, other, rtol=1e-3, atol=0.05)


@pytest.mark.parametrize(
    "lines",
    [
        [np.array([[0.5, 0.5]])],
        [np.array([[3.0, 3.0]] * 4)],
        [np.array([[1e5, -1e5], [1e5 + 0.5, -1e5]])],
        [np.stack([np.linspace(0, 1, 5000), np.sin(np.linspace(0, 600, 5000))], 1)],
    ],
    ids=["one point", "one point four times", "far outside the page", "thousands of points"],
)
def test_odd_drawings_are_completed_and_redrawn(model, lines):
    begun = PenDrawing(lines)
    sample = model.complete(begun, Request(n=2))
    for one in sample.lines:
        assert (one.lines[0][: len(lines[0])] == lines[0]).all()
        assert all(np.isfinite(line).all() for line in one.lines)
    assert sample.images.min() < 0.5
    if isinstance(model, RedrawsLines):
        again = model.redraw([begun], rng=generator(0))
        assert all(np.isfinite(line).all() for line in again.lines[0].lines)


def test_samples_stand_on_the_page_and_end(model):
    sample = model.sample(Request(n=8, seed=1))
    for one in sample.lines:
        points = np.concatenate(one.lines)
        assert 1 <= len(points) <= SPEC.counts[1] + 1
        assert points.min() >= 0.09
        assert points.max() <= 0.91
    with pytest.raises(ArgumentError, match="do not tile"):
        model.sample(Request(tile=True))


def test_a_drawing_is_redrawn_wherever_it_stands_and_of_any_size():
    model = SMALL.build(SPEC, rng=generator(1)).eval()
    moved = PenDrawing([7 * line + 40 for line in BEGUN.lines])
    one, other = model.redraw([BEGUN, moved], rng=generator(0)).lines
    for a, b in zip(one.lines, other.lines, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3)


def test_the_ends_of_a_way_are_the_drawings_redrawn():
    model = SMALL.build(SPEC, rng=generator(1)).eval()
    other = PenDrawing([line[::-1] for line in BEGUN.lines])
    way = model.between(BEGUN, other, 5).lines
    assert len(way) == 5
    ends = model.redraw([BEGUN, other], rng=generator(0)).lines
    for one, end in zip((way[0], way[-1]), ends, strict=True):
        for a, b in zip(one.lines, end.lines, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-3)
    same = model.between(BEGUN, BEGUN, 3).lines
    np.testing.assert_allclose(same[0].lines[0], same[1].lines[0], atol=1e-4)


def test_latents_are_drawn_from_the_gaussian_of_all_drawings():
    model = SMALL.build(SPEC, rng=generator(1)).eval()
    with torch.no_grad():
        model.posterior.bias[:3] = torch.tensor([1.0, -2.0, 0.5])
        model.posterior.bias[3:] = -1.0
    model.conclude(iter([batch(200, seed) for seed in range(5)]), iter([]))
    with torch.no_grad():
        found = model.encode(batch(400, 9))
        z = found.at(torch.randn(400, 3, generator=generator(0)))
        drawn = torch.cat([model.latent_after(torch.zeros(1, 5), generator(0, n)) for n in range(400)])
    torch.testing.assert_close(drawn.mean(0), z.mean(0), atol=0.1, rtol=0)
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(z.T), atol=0.08, rtol=0)


def test_latents_of_a_begun_drawing_are_of_its_posterior():
    """With a decoder that does not heed the latent, that is the Gaussian of all drawings."""
    model = SMALL.build(SPEC, rng=generator(1)).eval()
    with torch.no_grad():
        model.latent_mean.copy_(torch.tensor([1.0, 0.0, -1.0]))
        model.latent_factor.copy_(torch.tensor([[0.5, 0, 0], [0.3, 0.6, 0], [0, 0, 1]]))
        model.initial.weight.zero_()
        model.decoder.weights(0).across[:, 5:] = 0
        given = torch.from_numpy(sketch_rnn.rows_for(BEGUN.lines, 1.0, 0.2))
        z = torch.cat([model.latent_after(given, generator(0, n)) for n in range(300)])
    assert z.mean(0).tolist() == pytest.approx([1, 0, -1], abs=0.2)
    torch.testing.assert_close(torch.cov(z.T), model.latent_factor @ model.latent_factor.T, atol=0.25, rtol=0)


def test_settings_that_do_not_go_together():
    with pytest.raises(ArgumentError, match="and the cell is lstm"):
        Config(dropout=0.1)
    with pytest.raises(ValueError, match="needs drawings of a pen"):
        Config().build(Spec((1, 8, 8)), rng=generator(0))


def test_it_learns():
    """A few steps on polygons lower the loss."""
    data = Polygons(batch=16, count=64)
    model = Config(encoder=8, decoder=24, latent=2, mixture=3).build(data.spec(), rng=generator(0))
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    stream, state, losses = data.stream("train", seed=0), {}, []
    for _, drawings in zip(range(40), stream, strict=False):
        loss = next(model.losses(drawings, state=state, rng=generator(0)))
        optimiser.zero_grad()
        loss.value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        losses.append(float(loss.log["nats"]))
    assert losses[-1] < 0.7 * losses[0]


def test_the_nats_of_a_drawing_leave_its_first_step_out():
    drawings = batch(2)
    mixture = pen_mixture(torch.zeros(2, drawings.rows.shape[1], 9))
    before = drawing_nats(mixture, drawings)
    drawings.rows[:, 0, :2] = 100.0
    assert torch.equal(before, drawing_nats(mixture, drawings))


def test_a_decoder_is_asked_for_likelihood_alone():
    model = SETTINGS["decoder alone"].build(SPEC, rng=generator(0))
    assert type(model) is SketchDecoder
    assert set(model.measure(batch(), rng=generator(0))) == {"nats", "nats_per_point"}

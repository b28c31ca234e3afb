"""The pointer network: the paper's equations, whole sequences and steps, padding, permutations, searches, rewards."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from drawgen.contract import Spec, generator
from drawgen.data.points import PointBatch, PointSets, labelled
from drawgen.geometry import polygons, tours
from drawgen.models.pointer_net import (
    PRESETS,
    VIEWS,
    Config,
    Reading,
    both_ways,
    in_unit_square,
    seen_from,
    tour_lengths,
)
from drawgen.nn.attention import SCORES
from drawgen.nn.pointing import END, allowed, other_way
from drawgen.nn.recurrence import CELLS
from drawgen.ranges import ArgumentError

DOUBLE = torch.float64
KINDS = ("hull", "delaunay", "tour", "strokes")
PAPER = Config(units=6, attention_units=5, bidirectional=False, feed="points", masked=False)


def model_of(kind="hull", seed=0, double=True, **settings):
    config = Config(**({"units": 6, "attention_units": 5} | settings))
    made = config.build(Spec(point=4 if kind == "strokes" else 2, task=kind), rng=generator(seed))
    for n, parameter in enumerate(made.parameters()):
        parameter.data += 0.5 * torch.randn(parameter.shape, generator=generator(seed, n))
    return (made.double() if double else made).eval()


def batch_of(kind="hull", many=7, rows=4, seed=0, double=True):
    data = PointSets(task=kind, least=many, most=many, batch=rows)
    batch = next(iter(data.stream("train", seed=seed)))
    return batch._replace(points=batch.points.double()) if double else batch


# ---------------------------------------------------------------- the equations


def test_it_is_the_papers():
    """One set, one point and one step at a time, in numpy: an LSTM over the coordinates, a decoder that is fed the coordinates of
    the point before, u_tj = v . tanh(W_1 e_j + W_2 d_t), softmax."""
    model = model_of(bidirectional=False, feed="points", masked=False)
    batch = batch_of()
    weights = {name: p.detach().numpy() for name, p in model.named_parameters()}

    def cell(part, x, h, c):
        a = sum(weights[f"{part}.layers.0.{name}_l0"] for name in ("bias_ih", "bias_hh"))
        a = a + weights[f"{part}.layers.0.weight_ih_l0"] @ x + weights[f"{part}.layers.0.weight_hh_l0"] @ h
        i, f, g, o = np.split(a, 4)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        return np.tanh(c) / (1 + np.exp(-o)), c

    found = model.log_probs(model.read_in_order(batch)).exp().detach().numpy()
    for row in range(len(batch.points)):
        points = 2 * batch.points[row].numpy() - 1
        h, c, e = np.zeros(6), np.zeros(6), [weights["end"]]
        for point in points:
            h, c = cell("encoder", point, h, c)
            e.append(h)
        h, c = np.split(np.tanh(weights["bridge.weight"] @ h + weights["bridge.bias"]), 2)
        x, name = weights["go"], "decoder.attention.score"
        for t, symbol in enumerate(batch.answers[row].tolist()):
            h, c = cell("decoder.recurrent", x, h, c)
            asked = weights[f"{name}.query.weight"] @ h + weights[f"{name}.query.bias"]
            hidden = [np.tanh(weights[f"{name}.key.weight"] @ place + weights[f"{name}.key.bias"] + asked) for place in e]
            u = np.array([(weights[f"{name}.score.weight"] @ each)[0] for each in hidden])
            np.testing.assert_allclose(found[row, t], np.exp(u) / np.exp(u).sum(), atol=1e-9)
            if symbol == END:
                break
            x = points[symbol - 1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("settings", [{}, {"attention": "dot"}, {"order": "curve", "layers": 2}, {"bidirectional": False}])
def test_whole_answers_are_their_steps(kind, settings):
    """Under teacher forcing, with the mask of what was pointed at: to 1e-9."""
    model = model_of(kind, **settings)
    read = model.read_in_order(batch_of(kind))
    whole = model.log_probs(read)
    state, memory = model.encode(read.points, read.counts)
    tokens, before = read.first, [read.first]
    for t in range(read.answers.shape[1]):
        logits, state, _ = model.decoder.step(tokens, state, memory)
        if kind != "delaunay":
            for row in range(len(logits)):
                seen = {int(each[row]) for each in before}
                seen |= {int(other_way(each[row])) for each in before} if kind == "strokes" else set()
                seen = seen - {END} | ({END} if kind != "hull" else set())
                logits[row, sorted(seen)] = -torch.inf
        counted = t < read.lengths
        torch.testing.assert_close(logits.log_softmax(1)[counted], whole[counted, t], atol=1e-9, rtol=0)
        tokens = read.answers[:, t]
        before.append(tokens)


@pytest.mark.parametrize("cell", list(CELLS))
@pytest.mark.parametrize("attention", SCORES)
def test_probabilities_sum_to_one(cell, attention):
    """Over the places that are left; those of padding and those that were pointed at have none."""
    model = model_of("tour", cell=cell, attention=attention)
    read = model.read_in_order(batch_of("tour"))
    p = model.log_probs(read).exp()
    torch.testing.assert_close(p.sum(2), torch.ones(p.shape[:2], dtype=DOUBLE))
    for t in range(1, p.shape[1]):
        assert (p[:, t].gather(1, read.answers[:, :t]) == 0).all()
    assert (p[..., END] == 0).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["given", "angle", "x", "curve"])
def test_padding_changes_nothing(kind, order):
    """Rows of other lengths, filled with whatever; also the gradients are finite."""
    model = model_of(kind, order=order)
    small, large = batch_of(kind, many=5), batch_of(kind, many=8)
    more = large.points.shape[1] - small.points.shape[1]
    points = torch.cat([torch.nn.functional.pad(small.points, (0, 0, 0, more), value=7.0), large.points])
    longest = large.answers.shape[1]
    answers = torch.cat([torch.nn.functional.pad(small.answers, (0, longest - small.answers.shape[1])), large.answers])
    both = PointBatch(points, torch.cat([small.counts, large.counts]), answers, torch.cat([small.lengths, large.lengths]))
    apart = [model.nats(model.read_in_order(batch))[0].sum(1) for batch in (small, large)]
    nats, counted = model.nats(model.read_in_order(both))
    torch.testing.assert_close(nats.sum(1), torch.cat(apart), atol=1e-9, rtol=0)
    assert counted.sum(1).tolist() == both.lengths.tolist()
    nats.sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters())
    found = model.search(model.read_in_order(both), beams=3, constrained=True).tokens
    alone = model.search(model.read_in_order(small), beams=3, constrained=True).tokens
    assert (found[: len(small.points), :, : alone.shape[2]] == alone).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["angle", "x", "curve"])
def test_a_permutation_permutes_the_answer(kind, order):
    """Of points that are sorted first: what is said of each place is the same, and so is the loss."""
    model = model_of(kind, order=order)
    sets = PointSets(task=kind).drawn(4, 7, np.random.default_rng(0))
    chosen = np.concatenate([[0], 1 + np.random.default_rng(1).permutation(sets.shape[1] - 1)])  # where the pen is stays first
    plain, permuted = (labelled(each, kind) for each in (sets, sets[:, chosen]))
    plain, permuted = (batch._replace(points=batch.points.double()) for batch in (plain, permuted))
    one, other = (model.nats(model.read_in_order(batch))[0] for batch in (plain, permuted))
    torch.testing.assert_close(one, other, atol=1e-9, rtol=0)
    for found, again in zip(model.point(list(plain.points)), model.point(list(permuted.points)), strict=True):
        if kind == "strokes":
            expected = [2 * int(chosen[i // 2]) + i % 2 for i in again.indices]
        else:
            expected = [int(chosen[i]) for i in again.indices]
        assert list(found.indices) == expected


# ---------------------------------------------------------------- searches


def test_a_beam_of_all_permutations_is_brute_force():
    """Of 5 cities: all 120 tours with their probabilities, and the most probable is the first."""
    model = model_of("tour")
    read = model.read_in_order(batch_of("tour", many=5, rows=2))
    found = model.search(read, beams=120, constrained=True)
    for row in range(2):
        every = torch.tensor(list(itertools.permutations(range(1, 6))))
        tried = Reading(*(part[row : row + 1].expand(120, *part.shape[1:]) for part in read))._replace(answers=every)
        nats, _ = model.nats(tried)
        total, order = (-nats.sum(1)).sort(descending=True)
        torch.testing.assert_close(found.scores[row].double(), total.detach(), atol=1e-5, rtol=0)
        assert found.tokens[row, :, :5].tolist() == every[order].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_batch_and_single_agree(kind):
    model = model_of(kind, order="angle")
    rng = np.random.default_rng(3)
    sets = [torch.from_numpy(PointSets(task=kind).drawn(1, n, rng)[0]) for n in (5, 9, 5, 7)]
    together = model.point(sets, beams=4)
    for one, found in zip(sets, together, strict=True):
        alone = model.point([one], beams=4)[0]
        assert alone.indices == found.indices
        assert alone.score == pytest.approx(found.score, abs=1e-6)
        assert found.kind == kind


@pytest.mark.parametrize("beams", [1, 6])
def test_constrained_answers_are_valid(beams):
    """Of networks that have learned nothing."""
    rng = np.random.default_rng(0)
    for seed in range(3):
        sets = [torch.from_numpy(rng.random((n, 2))) for n in (3, 4, 6, 12, 25)]
        for points, found in zip(sets, model_of("hull", seed).point(sets, beams=beams), strict=True):
            corners = points[list(found.indices)].numpy()
            assert len(set(found.indices)) == len(found.indices) >= 3
            trace = torch.tensor([[END, *(i + 1 for i in found.indices)]])
            onward = allowed("hull", trace, points[None], torch.tensor([len(points)]))
            assert polygons.is_simple(corners) or not onward[0, 1:].any()  # every way on would cross an edge: it ends
        for points, found in zip(sets, model_of("tour", seed).point(sets, beams=beams), strict=True):
            assert sorted(found.indices) == list(range(len(points)))
        for points, found in zip(sets[:3], model_of("delaunay", seed).point(sets[:3], beams=beams), strict=True):
            assert len(set(found.triangles)) == len(found.triangles) >= 1
            assert all(a < b < c < len(points) for a, b, c in found.triangles)
        drawings = [torch.from_numpy(PointSets(task="strokes").drawn(1, n, rng)[0]) for n in (3, 10)]
        for strokes, found in zip(drawings, model_of("strokes", seed).point(drawings, beams=beams), strict=True):
            assert sorted(i // 2 for i in found.indices) == list(range(1, len(strokes)))


def test_free_answers_may_be_anything():
    found = model_of("tour", masked=False).point([torch.rand(8, 2, generator=generator(0))], beams=1, constrained=False)[0]
    assert sorted(found.indices) != list(range(8))
    found = model_of("tour").point([torch.rand(8, 2, generator=generator(0))], beams=1, constrained=False)[0]
    assert sorted(found.indices) == list(range(8))  # its own mask allows nothing else


def test_views_and_beams_only_shorten_tours():
    model = model_of("tour", order="curve")
    sets = [torch.rand(9, 2, generator=generator(n)).double() for n in range(6)]

    def lengths(**how):
        found = model.point(sets, **how)
        return np.array([tours.length(one.numpy(), np.array(each.indices)) for one, each in zip(sets, found, strict=True)])

    some = lengths(beams=8, views=1)
    assert (lengths(beams=8) <= some + 1e-9).all()
    assert some.mean() < lengths(beams=1).mean()
    with pytest.raises(ArgumentError, match="views is 2, and only constrained tours"):
        model_of("hull").point(sets, views=2)


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_of_an_answer_are_those_of_its_loss(kind):
    model = model_of(kind)
    batch = batch_of(kind, many=6, rows=1)
    symbols = batch.answers[0, : int(batch.lengths[0])]
    given = (symbols[symbols != END] - 1).tolist()
    indices, told = model.probabilities(batch.points[0], given)
    assert sorted(indices) == sorted(given)
    assert told.sum(1).tolist() == pytest.approx([1.0] * len(symbols))
    ended = [-1] * (len(symbols) - len(given))
    nats = -sum(float(row[index].log()) for row, index in zip(told, [*indices, *ended], strict=True))
    moved = batch._replace(points=in_unit_square(batch.points[0]).to(DOUBLE)[None])
    whole = float(model.nats(model.read_in_order(moved))[0].detach().sum())
    assert nats == pytest.approx(whole, rel=1e-6)


def test_the_scale_of_the_points_does_not_matter():
    model = model_of("hull", order="angle")
    points = torch.rand(9, 2, generator=generator(0), dtype=DOUBLE)
    same = model.point([points, points * 1e6 - 3e5, points * 1e-9])
    assert len({one.indices for one in same}) == 1


# ---------------------------------------------------------------- parts


def test_small_parts():
    strokes = torch.tensor([[[0.1, 0.2, 0.3, 0.4]]])
    assert both_ways(strokes)[0].tolist() == [strokes[0, 0].tolist(), strokes[0, 0, [2, 3, 0, 1]].tolist()]
    points = torch.rand(2, 5, 2)
    views = torch.stack([seen_from(points, view) for view in range(VIEWS)])
    assert len({tuple(view[0, 0].tolist()) for view in views}) == VIEWS
    torch.testing.assert_close(views[0], points)
    square = in_unit_square(torch.tensor([[2.0, 5.0], [4.0, 6.0]]))
    assert square.tolist() == [[0.0, 0.25], [1.0, 0.75]]
    assert in_unit_square(torch.ones(3, 2)).tolist() == [[0.5, 0.5]] * 3


# ---------------------------------------------------------------- rewards


def test_the_policy_gradient_is_the_gradient_of_the_expected_length():
    """Of 4 cities, whose tours are few: the surrogate's gradient, sampled often, against that of the sum over all tours."""
    model = model_of("tour", units=3, attention_units=3, reinforced=True)
    read = model.read_in_order(batch_of("tour", many=4, rows=1))
    every = torch.tensor(list(itertools.permutations(range(1, 5))))
    tried = Reading(*(part.expand(24, *part.shape[1:]) for part in read))._replace(answers=every)
    model.decoder.attention.score.score.weight.data *= 10  # tours of very different probabilities
    weights = [model.decoder.attention.score.query.weight, model.encoder.layers[0].weight_hh_l0]
    p = (-model.nats(tried)[0].sum(1)).exp()
    true = torch.autograd.grad((p * tour_lengths(tried.points, every)).sum(), weights)
    many = Reading(*(part.expand(100_000, *part.shape[1:]) for part in read))
    found = torch.autograd.grad(model.policy_loss(many, rng=generator(1)).value, weights)
    for mine, exact in zip(found, true, strict=True):
        assert (mine - exact).norm() < 0.3 * exact.norm()


def test_learning_from_rewards_shortens_tours(tmp_path):
    from drawgen import jobs

    recipe = PRESETS["tour-reinforced"]
    recipe = dataclasses.replace(
        recipe,
        model=dataclasses.replace(recipe.model, units=16, attention_units=16),
        data=dataclasses.replace(recipe.data, least=6, most=6, batch=64, count=128),
        fit=dataclasses.replace(recipe.fit, steps=60, warmup=5, ema=0.9, rate=1e-2),
    )
    before = recipe.model.build(recipe.data.spec(), rng=generator(0))
    batch = next(iter(recipe.data.stream("valid", seed=0)))
    start = before.measure(batch, rng=generator(0))["length_ratio"]
    done = jobs.train("pointer_net", recipe, tmp_path / "run")
    assert done.scores["length_ratio"] < 0.95 * float(start[0]) / start[1]


# ---------------------------------------------------------------- refusals


def test_refusals():
    with pytest.raises(ValueError, match="needs points to learn from"):
        Config().build(Spec(vocabulary=("a",)), rng=generator(0))
    for spec, words in ((Spec(point=2, task="sort"), "spec.task is 'sort'"), (Spec(point=3, task="hull"), "spec.point is 3")):
        with pytest.raises(ArgumentError, match=words):
            Config().build(spec, rng=generator(0))
    with pytest.raises(ArgumentError, match=r"model\.reinforced is true, and hull has no length"):
        Config(reinforced=True).build(Spec(point=2, task="hull"), rng=generator(0))
    for name, value in (("order", "random"), ("feed", "words"), ("attention", "hard"), ("cell", "mlp"), ("units", 0)):
        with pytest.raises(ArgumentError, match=rf"model\.{name} is"):
            Config(**{name: value})
    model = model_of("hull")
    for points in (torch.rand(2, 2), torch.rand(5, 3), torch.full((4, 2), torch.nan)):
        with pytest.raises(ValueError, match=r"set 0 is .* give 3 or more rows of 2 finite ones"):
            model.point([points])
    with pytest.raises(ArgumentError, match="beams is 0"):
        model.point([torch.rand(5, 2)], beams=0)

"""The memory tasks' model: its loss, its errors and the regulariser, against slow definitions."""

import math

import pytest
import torch
from torch.nn import functional as F

from drawgen.contract import Spec, generator
from drawgen.data.long_memory import WIDTHS, LongMemory, MemoryBatch
from drawgen.models import memory_task
from drawgen.models.memory_task import Config, regulariser
from drawgen.nn.recurrence import CELLS
from drawgen.ranges import ArgumentError

DOUBLE = torch.float64


def model_for(task="order", **settings):
    return Config(**{"units": 6, **settings}).build(LongMemory(task=task).spec(), rng=generator(0))


def a_batch(task="order", *, length=12, count=5, seed=0):
    return next(LongMemory(task=task, length=length, batch=count).stream("train", seed=seed))


def test_an_untrained_net_is_at_chance():
    """ln 4 nats for one of four orders, ln 2 for a bit, within what random weights add."""
    for task, nats in (("order", math.log(4)), ("memory", math.log(2))):
        with torch.no_grad():
            totals = model_for(task, units=50).measure(a_batch(task, length=30, count=200), rng=generator(0))
        total, count = totals["nats_per_answer"]
        assert float(total) / count == pytest.approx(nats, abs=0.05)


@pytest.mark.parametrize("task", list(WIDTHS))
@pytest.mark.parametrize("cell", list(CELLS))
def test_it_answers_in_the_last_steps(task, cell):
    model, batch = model_for(task, cell=cell), a_batch(task)
    count = batch.answers.shape[1]
    said = model(batch.inputs, count)[0].detach()
    state, steps = model.recurrent.start(5), []
    for t in range(12):
        h, state = model.recurrent.step(batch.inputs[:, t], state)
        steps.append(model.output(h))
    torch.testing.assert_close(said, torch.stack(steps[-count:], 1).detach(), atol=1e-5, rtol=1e-5)
    wrong, total = 0, 0.0
    for row, answers in zip(said, batch.answers, strict=True):
        if model.spec.classes is None:
            squares = [float(x[0] - answer) ** 2 for x, answer in zip(row, answers, strict=True)]
            wrong += any(square > 0.04 for square in squares)
            total += sum(squares) / count
        else:
            wrong += any(int(x.argmax()) != int(answer) for x, answer in zip(row, answers, strict=True))
            total += sum(float(F.cross_entropy(x[None], answer[None])) for x, answer in zip(row, answers, strict=True)) / count
    with torch.no_grad():
        totals = model.measure(batch, rng=generator(0))
    assert [(float(value), n) for value, n in totals.values()] == [(wrong, 5), (pytest.approx(total, abs=1e-4), 5)]
    loss = next(model.losses(batch, state={}, rng=generator(0)))
    assert loss.value.item() == pytest.approx(total / 5, abs=1e-5)
    assert float(loss.log["error"]) == pytest.approx(wrong / 5)
    last = model.last_loss(batch, rng=generator(0)).detach()
    assert last.shape == (5,)
    assert float(last.sum()) == pytest.approx(total if count == 1 else float(last_by_hand(said, batch).sum()), abs=1e-4)


def last_by_hand(said, batch):
    return F.cross_entropy(said[:, -1], batch.answers[:, -1], reduction="none")


def test_a_plain_net_starts_with_the_radius_of_the_paper():
    along = model_for(cell="rnn", units=20).recurrent.weights(0).along.detach()
    assert float(torch.linalg.eigvals(along).abs().max()) == pytest.approx(0.95, abs=1e-5)


@pytest.mark.parametrize("bias", [0.0, 1.0, 2.0])
def test_forget_bias(bias):
    weights = model_for(forget_bias=bias).recurrent.weights(0)
    assert (weights.across_bias[6:12] + weights.along_bias[6:12] == bias).all()


# ---------------------------------------------------------------- the regulariser


def random(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed), dtype=DOUBLE)


def by_hand(states, arriving, along):
    """Omega from dL/dh of every step, sequence by sequence, with the Jacobian written out."""
    found = []
    for h, g in zip(states, arriving, strict=True):
        for k in range(1, len(h)):
            size = float(g[k].square().sum())
            if size >= 1e-20:
                jacobian = torch.diag(1 - h[k].square()) @ along
                found.append(((g[k] @ jacobian).square().sum() / size - 1) ** 2)
    return sum(found) / max(1, len(found))


@pytest.mark.parametrize("task", ["order", "memory"])
def test_omega_is_its_definition(task):
    """dL/dh of every step by autograd, through a net that is run step by step; its gradient is that of finite differences in W_hh
    with everything else held."""
    model, batch = model_for(task, cell="rnn", omega=1.0).double(), a_batch(task)
    batch = batch._replace(inputs=batch.inputs.double())
    weights = model.recurrent.weights(0)
    h, states = torch.zeros(5, 6, dtype=DOUBLE), []
    for t in range(12):
        h = torch.tanh(batch.inputs[:, t] @ weights.across.T + weights.across_bias + h @ weights.along.T + weights.along_bias)
        h.retain_grad()
        states.append(h)
    said = model.output(torch.stack(states[-batch.answers.shape[1] :], 1))
    model.row_losses(batch, said).sum().backward()
    arriving = torch.stack([h.grad for h in states], 1)
    states = torch.stack(states, 1).detach()
    along = weights.along.detach()

    loss = next(model.losses(batch, state={}, rng=generator(0)))
    expected = by_hand(states, arriving, along)
    torch.testing.assert_close(loss.log["omega"], expected, rtol=1e-4, atol=1e-6)

    direct = torch.zeros_like(arriving)
    direct[:, -batch.answers.shape[1] :] = arriving[:, -batch.answers.shape[1] :]
    for t in range(12 - batch.answers.shape[1], 11):  # what enters from the step's own answer alone
        direct[:, t] = arriving[:, t] - ((1 - states[:, t + 1].square()) * arriving[:, t + 1]) @ along
    free = along.clone().requires_grad_()
    omega = regulariser(states, direct, free)
    torch.testing.assert_close(omega, expected)
    omega.backward()
    step = 1e-6
    for i, j in ((0, 0), (2, 5), (4, 1)):
        ends = []
        for sign in (1, -1):
            moved = along.clone()
            moved[i, j] += sign * step
            ends.append(by_hand(states, arriving, moved))
        assert float(free.grad[i, j]) == pytest.approx(float(ends[0] - ends[1]) / (2 * step), rel=1e-5, abs=1e-8)


def test_omega_of_an_orthogonal_linear_net_is_zero():
    """Near zero tanh is linear, and a rotation keeps every norm."""
    rotation = torch.linalg.qr(random(4, 4))[0]
    direct = torch.zeros(3, 7, 4, dtype=DOUBLE)
    direct[:, -1] = random(3, 4)
    states = torch.zeros(3, 7, 4, dtype=DOUBLE)
    assert float(regulariser(states, direct, rotation)) == pytest.approx(0, abs=1e-20)
    assert float(regulariser(states, direct, 2 * rotation)) == pytest.approx(9)


def test_steps_without_a_gradient_do_not_count():
    direct = torch.zeros(2, 4, 3, dtype=DOUBLE)
    assert float(regulariser(torch.zeros(2, 4, 3, dtype=DOUBLE), direct, random(3, 3))) == 0
    direct[0, -1] = 1.0  # the other row has none
    alone = regulariser(torch.zeros(1, 4, 3, dtype=DOUBLE), direct[:1], random(3, 3))
    torch.testing.assert_close(regulariser(torch.zeros(2, 4, 3, dtype=DOUBLE), direct, random(3, 3)), alone)


def test_omega_moves_the_recurrent_matrix_alone():
    model, batch = model_for(cell="rnn", omega=0.5), a_batch()
    plain = model_for(cell="rnn")
    plain.load_state_dict(model.state_dict())
    losses = [next(net.losses(batch, state={}, rng=generator(0))) for net in (model, plain)]
    assert losses[0].value.item() == pytest.approx(losses[1].value.item() + 0.5 * float(losses[0].log["omega"]))
    for loss in losses:
        loss.value.backward()
    for (name, one), other in zip(model.named_parameters(), plain.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, atol=1e-7) == ("weight_hh" not in name)


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"omega": 1.0}, "model.omega is 1, and it is for model.cell rnn, not lstm; leave it out"),
        ({"cell": "mut1"}, "model.cell is 'mut1'; it is one of rnn, gru, gru_before, lstm"),
        ({"units": 0}, "model.units is 0; it has to be at least 1"),
        ({"omega": -1.0, "cell": "rnn"}, "model.omega is -1.0; it has to be at least 0"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ArgumentError) as error:
        Config(**settings)
    assert str(error.value) == message


def test_it_needs_numbers_step_by_step():
    with pytest.raises(ValueError, match="needs data with numbers step by step"):
        Config().build(Spec(vocabulary=("a",)), rng=generator(0))


def test_presets_are_the_tasks():
    assert set(memory_task.PRESETS) == {*WIDTHS, "tiny"}
    assert all(memory_task.PRESETS[task].data.task == task for task in WIDTHS)
    assert isinstance(a_batch(), MemoryBatch)

"""The trainer's eight rules (`contract.py`), its files and its errors, on the toys."""

import errno
import json
import math
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import toys
from torch import Tensor, nn

from drawgen import checkpoint, files
from drawgen.contract import Loss, Player
from drawgen.interrupts import Interrupted
from drawgen.threads import WORKERS, cores
from drawgen.training import Fit, Outcome, TrainingError, evaluate, fit, journal
from drawgen.training.fit import SAMPLES_TO_PREPARE
from drawgen.training.schedule import schedule

SETTINGS = Fit(steps=12, rate=0.05, warmup=3, log_steps=4, device="cpu", save_minutes=1000.0)


def run(model: Any, data: Any, folder: Path, *, resume: bool = False, **changes: Any) -> Outcome:
    return fit(model, data, replace(SETTINGS, **changes), folder, resume=resume)


def at(step: int, action: Any) -> Any:
    """A hook that acts once, before the batch of `step`."""
    return lambda now: action() if now == step else None


def send(number: int) -> Any:
    return lambda: os.kill(os.getpid(), number)


def metrics(folder: Path) -> list[dict[str, float]]:
    """The lines of metrics.jsonl; NaN and Infinity, which are not JSON, are refused."""

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    return [json.loads(line, parse_constant=refuse) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def timeless(lines: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def weights(folder: Path) -> bytes:
    return (folder / checkpoint.WEIGHTS).read_bytes()


def newest(folder: Path) -> dict[str, Any]:
    packed = checkpoint.read_newest_state(folder)
    assert packed is not None
    return packed


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def flat(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach().clone()


# ---------------------------------------------------------------- rule 1: memory between batches


def test_state_is_carried_from_batch_to_batch(tmp_path: Path) -> None:
    """A batch is given what the batch before it returned: nothing at first, and never a gradient."""
    model = toys.Chain()
    run(model, toys.Tape(), tmp_path, steps=5)
    assert model.given[0] == {}
    assert [len(state["replay"]) for state in model.given[1:]] == [5, 10, 12, 12]
    first = next(iter(toys.Tape().stream("train", seed=0)))
    assert torch.equal(model.given[2]["replay"][:5, :, :2], first.x)
    assert not any(tensor.requires_grad for state in model.given for tensor in state.values())


def test_state_is_checkpointed(tmp_path: Path) -> None:
    """A resumed run begins with the state that the interrupted one ended with."""
    with pytest.raises(Interrupted):
        run(toys.Chain(), toys.Tape(hook=at(5, send(signal.SIGTERM))), tmp_path)
    kept = newest(tmp_path)["carried"][0]
    resumed = toys.Chain(seed=1)
    run(resumed, toys.Tape(), tmp_path, resume=True)
    assert same(resumed.given[0], kept)


@pytest.mark.parametrize(
    ("model", "data"), [(toys.Line, toys.Table), (toys.Duel, toys.Table), (toys.Chain, toys.Tape), (toys.TwoHeads, toys.Table)]
)
def test_a_resumed_run_ends_like_one_left_alone(model: Any, data: Any, tmp_path: Path) -> None:
    """To the bit, whatever weights the resumed model began with."""
    run(model(), data(), tmp_path / "whole")
    with pytest.raises(Interrupted):
        run(model(), data(hook=at(5, send(signal.SIGTERM))), tmp_path / "cut")
    run(model(seed=1), data(), tmp_path / "cut", resume=True)
    assert weights(tmp_path / "cut") == weights(tmp_path / "whole")
    whole, cut = newest(tmp_path / "whole"), newest(tmp_path / "cut")
    torch.testing.assert_close(cut | {"seconds": 0}, whole | {"seconds": 0}, rtol=0, atol=0)


def test_evaluation_has_no_state(tmp_path: Path) -> None:
    """The score at the end is that of a model which has just been loaded, and validation changes nothing in training."""
    model = toys.Chain()
    outcome = run(model, toys.Tape(), tmp_path / "often", valid_steps=2)
    other = toys.Chain(seed=1)
    other.load_state_dict(checkpoint.read_weights(tmp_path / "often", other.state_dict()))
    assert evaluate(other, toys.Tape()) == outcome.scores
    run(toys.Chain(), toys.Tape(), tmp_path / "never")
    assert weights(tmp_path / "often") == weights(tmp_path / "never")


# ---------------------------------------------------------------- rule 2: a step is one batch


def test_a_step_is_a_batch_however_many_losses(tmp_path: Path) -> None:
    """Three losses a batch move the weights three times, and the schedule, the average and the budget once."""
    model = toys.Chain()
    outcome = run(model, toys.Tape(), tmp_path, steps=8, log_steps=1)
    packed = newest(tmp_path)
    assert outcome.step == packed["step"] == len(model.given) == 8
    assert [line["step"] for line in metrics(tmp_path) if "loss" in line] == list(range(1, 9))
    assert {float(state["step"]) for state in packed["optimisers"]["model"].values()} == {24.0}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_acted_on_when_the_batch_is_done(number: int, tmp_path: Path) -> None:
    """All losses of the batch are stepped, all is saved, and Interrupted tells the signal."""
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("this process ignores the signal, as under nohup")
    before = signal.getsignal(number)
    model = toys.Chain()
    with pytest.raises(Interrupted) as caught:
        run(model, toys.Tape(hook=at(5, send(number))), tmp_path)
    assert caught.value.number == number
    packed = newest(tmp_path)
    assert packed["step"] == len(model.given) == 6
    assert {float(state["step"]) for state in packed["optimisers"]["model"].values()} == {18.0}
    assert signal.getsignal(number) is before


def test_a_hangup_that_is_ignored_stays_so(tmp_path: Path) -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run(toys.Line(), toys.Table(hook=at(5, send(signal.SIGHUP))), tmp_path).step == 12
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_ctrl_c_leaves_at_once(tmp_path: Path) -> None:
    """KeyboardInterrupt within the very batch; nothing that was learnt is saved."""

    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    model = toys.Chain()
    with pytest.raises(KeyboardInterrupt):
        run(model, toys.Tape(hook=at(5, twice)), tmp_path)
    assert len(model.given) == 5
    assert newest(tmp_path)["step"] == 0


def test_a_signal_in_the_last_step_lets_the_run_end(tmp_path: Path) -> None:
    assert run(toys.Duel(), toys.Table(hook=at(11, send(signal.SIGTERM))), tmp_path).step == 12


# ---------------------------------------------------------------- rule 3: across a yield


def test_the_model_resumes_after_the_critic_was_stepped(tmp_path: Path) -> None:
    model = toys.Duel()
    run(model, toys.Table(), tmp_path)
    assert len(model.critics) == 12
    assert all(not torch.equal(before, after) for before, after in model.critics)


# ---------------------------------------------------------------- rules 3 and 4: players


def by_hand(model: toys.Duel, settings: Fit) -> None:
    """What the trainer should do with `Duel`, written out: two optimisers, each with settings of its own."""
    assert settings.steps is not None
    critic = torch.optim.AdamW(
        [{"params": list(model.critic.parameters())}], betas=(0.5, 0.9), weight_decay=settings.weight_decay, fused=True
    )
    groups = [
        {"params": [model.policy.weight], "weight_decay": settings.weight_decay},
        {"params": [model.policy.bias], "weight_decay": 0.0},
    ]
    policy = torch.optim.AdamW(groups, betas=settings.betas, fused=True)
    batches = toys.Table().stream("train", seed=settings.seed)
    for step, batch in zip(range(settings.steps), batches, strict=False):
        factor = closed_form(step, settings.steps, settings.warmup, settings.decay)
        critic.param_groups[0]["lr"] = settings.rate * factor * 2.0
        policy.param_groups[0]["lr"] = settings.rate * factor * 0.5
        policy.param_groups[1]["lr"] = settings.rate * factor * 3.0

        loss = model.critic_loss(batch.x, batch.y)
        model.zero_grad()  # all of it: no gradient of one player lives when the other one's turn comes
        loss.backward()
        nn.utils.clip_grad_norm_(model.critic.parameters(), 0.3)
        critic.step()

        loss = model.policy_loss(batch.x)
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.policy.parameters(), settings.clip)
        policy.step()


def test_players_have_settings_of_their_own_and_leaked_gradients_die(tmp_path: Path) -> None:
    """Rates, betas, clips, weight decay by player and group: bit for bit what a loop written out gives, in which every
    gradient is cleared before every backward."""
    settings = replace(SETTINGS, ema=0.0, weight_decay=0.1, clip=0.7)
    model, expected = toys.Duel(), toys.Duel()
    fit(model, toys.Table(), settings, tmp_path)
    by_hand(expected, settings)
    assert same(model.state_dict(), expected.state_dict())


@pytest.mark.parametrize(("player", "clips"), [(None, True), (0.0, False), (1e9, False)])
def test_a_player_may_clip_nothing(player: float | None, clips: bool, tmp_path: Path) -> None:
    """None leaves the clip to the fit, 0 means none at all."""

    class Own(toys.Line):
        def players(self) -> dict[str, Player]:
            return {"model": replace(super().players()["model"], clip=player)}

    model, other = Own(), toys.Line()
    run(model, toys.Table(), tmp_path / "own", clip=1e-3)
    run(other, toys.Table(), tmp_path / "other", clip=0.0)
    assert same(model.state_dict(), other.state_dict()) is not clips


def test_parameters_without_a_gradient_are_left_alone(tmp_path: Path) -> None:
    """A head that nothing uses keeps its weights to the bit, weight decay or not."""
    model, start = toys.TwoHeads(), toys.TwoHeads()
    run(model, toys.Table(), tmp_path, ema=0.0, weight_decay=0.1)
    assert torch.equal(model.spare.weight, start.spare.weight)
    assert not torch.equal(model.flagged.weight, start.flagged.weight)


def test_prepare_runs_once_and_never_on_resume(tmp_path: Path) -> None:
    """Its results are in the weights and the training state; a resumed model takes them from there."""
    with pytest.raises(Interrupted):
        run(toys.Line(), toys.Table(hook=at(3, send(signal.SIGTERM))), tmp_path)
    packed = newest(tmp_path)["model"]
    assert packed["prepared"] == 1
    model = toys.Line(seed=1)
    run(model, toys.Table(), tmp_path, resume=True)
    assert model.prepared == 1
    assert torch.equal(model.mean, packed["mean"])
    stream = toys.Table().stream("train", seed=0)
    x = torch.cat([next(stream).x for _ in range(SAMPLES_TO_PREPARE)])
    assert torch.equal(model.mean, x.mean(0))


def test_conclude_sees_the_averaged_weights(tmp_path: Path) -> None:
    """After the last step, on the batches that would come next and on those of validation. The result is in the averaged weights
    and in the training state; a run that is interrupted has none, and resumed it ends as one left alone."""
    outcome = run(toys.Summary(), toys.Table(), tmp_path / "whole", ema=0.5)
    model = outcome.model
    upcoming, held = toys.Table().stream("train", seed=0, start=outcome.step), toys.Table().stream("valid", seed=0)
    expected = toys.Summary()
    expected.load_state_dict(model.state_dict())
    expected.conclude(upcoming, held)
    assert (model.errors > 0).all()
    assert torch.equal(model.errors, expected.errors)
    assert torch.equal(checkpoint.read_weights(tmp_path / "whole", model.state_dict())["errors"], model.errors)
    assert torch.equal(newest(tmp_path / "whole")["model"]["errors"], model.errors)
    with pytest.raises(Interrupted):
        run(toys.Summary(), toys.Table(hook=at(5, send(signal.SIGTERM))), tmp_path / "cut", ema=0.5)
    assert not newest(tmp_path / "cut")["averaged"]["errors"].any()
    run(toys.Summary(seed=1), toys.Table(), tmp_path / "cut", resume=True, ema=0.5)
    assert weights(tmp_path / "cut") == weights(tmp_path / "whole")
    run(toys.Summary(seed=1), toys.Table(), tmp_path / "cut", resume=True, ema=0.5)  # nothing is left to do
    assert weights(tmp_path / "cut") == weights(tmp_path / "whole")


# ---------------------------------------------------------------- rule 5: measuring


def test_evaluation_divides_sums_by_counts(tmp_path: Path) -> None:
    """Batches of 1, 7 and 2 rows: the mean over all ten rows, and not the mean of three means."""
    model, data = toys.Line().double(), toys.Table(valid=(1, 7, 2), dtype=torch.float64)
    errors = [(model(b.x) - b.y).square().detach() for b in data.stream("valid", seed=0)]
    assert evaluate(model, data)["squared"] == pytest.approx(float(torch.cat(errors).mean()), rel=1e-12)
    assert evaluate(model, data)["squared"] != pytest.approx(sum(float(e.mean()) for e in errors) / 3, rel=1e-3)


def test_no_validation_part_means_no_scores(tmp_path: Path) -> None:
    assert run(toys.Line(), toys.Table(valid=()), tmp_path).scores == {}
    assert not any(name.startswith("valid/") for line in metrics(tmp_path) for name in line)


# ---------------------------------------------------------------- what is logged


def test_logged_numbers_are_those_counted_by_hand(tmp_path: Path) -> None:
    """Loss and clip share over each stretch of four batches, by player; the loss is the mean over items, not batches."""
    seen: list[tuple[str, float, float]] = []

    class Watched(toys.Duel):
        def losses(self, batch: Any, **rest: Any) -> Any:
            rows = 2 + len(self.critics) % 4
            inner = super().losses(type(batch)(*(x[:rows] for x in batch)), **rest)
            for loss in inner:
                yield loss
                norm = nn.utils.get_total_norm([p.grad for p in getattr(self, loss.player).parameters()])
                seen.append((loss.player, float(loss.value.detach()), float(norm)))  # by now clipped

    clip = 1.15
    run(Watched(), toys.Table(), tmp_path, clip=clip)
    lines = [line for line in metrics(tmp_path) if "loss/critic" in line]
    assert [line["step"] for line in lines] == [4, 8, 12]
    for player, limit in [("critic", 0.3), ("policy", clip)]:
        mine = [(value, norm) for name, value, norm in seen if name == player]
        for n, line in enumerate(lines):
            part = mine[4 * n : 4 * n + 4]
            clipped = sum(norm > limit * (1 - 1e-4) for _, norm in part) / 4
            assert line[f"clipped/{player}"] == pytest.approx(clipped)
            assert line[f"norm_after/{player}"] == pytest.approx(sum(norm for _, norm in part) / 4, rel=1e-5)
            assert line[f"norm_after/{player}"] <= line[f"norm/{player}"]
            rows = (2, 3, 4, 5)
            mean = sum(count * value for count, (value, _) in zip(rows, part, strict=True)) / sum(rows)
            assert line[f"loss/{player}"] == pytest.approx(mean, rel=1e-6)
    assert any(0 < line["clipped/policy"] < 1 for line in lines)


def test_how_far_a_logged_step_moves_each_parameter(tmp_path: Path) -> None:
    """The norm of its change as a share of its own; only trained parameters, only in lines of metrics, whatever the step logs."""
    weights_at: dict[int, dict[str, Tensor]] = {}

    class Watched(toys.Line):
        def losses(self, batch: Any, **rest: Any) -> Any:
            weights_at[len(weights_at)] = {name: p.detach().clone() for name, p in self.named_parameters()}
            yield from super().losses(batch, **rest)

    model = Watched()
    run(model, toys.Table(), tmp_path, steps=9, ema=0.0)
    weights_at[9] = {name: p.detach().clone() for name, p in model.named_parameters()}
    lines = [line for line in metrics(tmp_path) if "loss" in line]
    assert [any(name.startswith("moved/") for name in line) for line in lines] == [
        True,
        True,
        False,
    ]  # the last is logged as the end
    for line in lines[:2]:
        before, after = weights_at[line["step"] - 1], weights_at[line["step"]]
        assert {name for name in line if name.startswith("moved/")} == {f"moved/{name}" for name in before}
        for name, weight in before.items():
            size = max(float(weight.norm()), 1e-3 * math.sqrt(weight.numel()))
            assert line[f"moved/{name}"] == pytest.approx(float((after[name] - weight).norm()) / size, rel=1e-3)


def test_the_average_is_the_one_computed_by_hand(tmp_path: Path) -> None:
    """a <- m a + (1 - m) w after every batch, with a memory m that is short at first."""
    model, history = toys.Line(), []
    averages = flat(model).double()
    fit(model, toys.Table(), replace(SETTINGS, log_steps=1, ema=0.6), tmp_path, on_log=lambda _: history.append(flat(model)))
    for step, now in enumerate(history, start=1):
        memory = min(0.6, (1 + step) / (10 + step))
        averages = memory * averages + (1 - memory) * now.double()
    assert len(history) == 12
    torch.testing.assert_close(flat(model).double(), averages, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(flat(model), history[-1], rtol=1e-3)
    kept = checkpoint.read_weights(tmp_path, model.state_dict())
    assert torch.equal(kept["linear.weight"], model.linear.weight)
    assert same(newest(tmp_path)["averaged"], kept)


def closed_form(step: int, steps: int, warmup: int, decay: float) -> float:
    """Up in equal parts, flat, and half a cosine down to 0.02, which does not begin on the way up."""
    rise = min(1.0, (step + 1) / (warmup + 1))
    start = max(warmup, steps * (1 - decay))
    angle = math.pi * max(0.0, step - start) / max(1.0, steps - start)
    return rise * (0.51 + 0.49 * math.cos(angle))


@pytest.mark.parametrize(("warmup", "decay"), [(0, 0.0), (10, 0.5), (3, 1.0)])
def test_the_schedule_has_a_closed_form(warmup: int, decay: float) -> None:
    settings = replace(SETTINGS, warmup=warmup, decay=decay)
    factors = [schedule(step, 40, settings) for step in range(40)]
    assert factors == pytest.approx([closed_form(step, 40, warmup, decay) for step in range(40)])
    assert factors[0] == pytest.approx(1 / (warmup + 1))
    assert factors[-1] < 0.05 or decay == 0
    assert max(factors) <= 1


def test_metrics_after_an_interruption_are_those_of_a_run_left_alone(tmp_path: Path) -> None:
    """Each step once, whatever the killed run wrote after its last checkpoint or half wrote; the same again when a run that
    has ended is resumed."""
    settings = {"log_steps": 2, "valid_steps": 3}
    run(toys.Chain(), toys.Tape(), tmp_path / "whole", **settings)
    with pytest.raises(Interrupted):
        run(toys.Chain(), toys.Tape(hook=at(4, send(signal.SIGINT))), tmp_path / "cut", **settings)
    with open(tmp_path / "cut" / "metrics.jsonl", "a") as file:
        file.write('{"step": 6, "loss": 0.25}\n{"step": 8, "lo')
    for _ in range(2):
        run(toys.Chain(), toys.Tape(), tmp_path / "cut", resume=True, **settings)
        assert timeless(metrics(tmp_path / "cut")) == timeless(metrics(tmp_path / "whole"))
    assert [line["step"] for line in metrics(tmp_path / "cut")] == [2, 3, 4, 6, 6, 8, 9, 10, 12, 12]


def test_metrics_are_json_even_where_a_number_is_not_finite(tmp_path: Path) -> None:
    """What is only logged may be infinite: null, since JSON knows no infinity."""

    class Odd(toys.Line):
        def losses(self, batch: Any, **rest: Any) -> Any:
            for loss in super().losses(batch, **rest):
                yield replace(loss, log={"odd": torch.tensor(math.inf)})

    run(Odd(), toys.Table(), tmp_path)
    assert [line["odd"] for line in metrics(tmp_path) if "loss" in line] == [None] * 3


def test_tensorboard_files_are_written_when_asked(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run(toys.Line(), toys.Table(), tmp_path / "without")
    assert not list((tmp_path / "without").glob("events.out.tfevents.*"))
    run(toys.Line(), toys.Table(), tmp_path / "with", tensorboard=True)
    (file,) = (tmp_path / "with").glob("events.out.tfevents.*")
    assert b"clipped" in file.read_bytes()


# ---------------------------------------------------------------- rule 7 (the part that needs no GPU): precision, noise, compile


class Spy(torch.autograd.Function):
    """Passes its argument through and notes whether autocast is on, there and back."""

    notes: list[tuple[str, bool]] = []  # noqa: RUF012

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        Spy.notes.append(("forward", torch.is_autocast_enabled("cpu")))
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        Spy.notes.append(("backward", torch.is_autocast_enabled("cpu")))
        return gradient


@pytest.mark.parametrize("precision", ["fp32", "bf16", "auto"])
def test_autocast_covers_the_forward_and_not_the_backward(precision: str, tmp_path: Path) -> None:
    dtypes = set()

    class Watched(toys.Line):
        def forward(self, x: Tensor) -> Tensor:
            prediction = Spy.apply(super().forward(x))
            dtypes.add(prediction.dtype)
            return prediction.float()

    Spy.notes.clear()
    run(Watched(), toys.Table(valid=()), tmp_path, precision=precision, steps=2)
    on = precision == "bf16"
    assert Spy.notes == [("forward", on), ("backward", False)] * 2
    assert dtypes == {torch.bfloat16 if on else torch.float32}


def test_noise_is_a_function_of_seed_and_step(tmp_path: Path) -> None:
    """Same seed, same weights; another seed, others; and the noise is drawn anew at every step."""
    noises: list[Tensor] = []

    class Watched(toys.Line):
        def losses(self, batch: Any, **rest: Any) -> Any:
            noises.append(batch.noise)
            return super().losses(batch, **rest)

    for name, seed in [("a", 0), ("b", 0), ("c", 1)]:
        run(Watched(), toys.Table(), tmp_path / name, seed=seed)
    assert weights(tmp_path / "a") == weights(tmp_path / "b") != weights(tmp_path / "c")
    assert torch.equal(noises[3], noises[12 + 3])
    assert len({float(noise.sum()) for noise in noises[:12]}) == 12


@pytest.mark.parametrize(("given", "found"), [(0, cores()), (3, 3)])
def test_compiled_steps_share_the_cores_unless_told(tmp_path, given, found):
    seen = set()

    class Watched(toys.Line):
        def losses(self, batch: Any, **rest: Any) -> Any:
            seen.add((WORKERS.get(), torch.get_num_threads()))
            return super().losses(batch, **rest)

    run(Watched(), toys.Table(), tmp_path, workers=given)
    assert seen == {(found, 1)}
    assert WORKERS.get() is None


def test_only_what_the_model_names_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[nn.Module] = []
    monkeypatch.setattr(nn.Module, "compile", lambda self: compiled.append(self))
    run(toys.Line(), toys.Table(), tmp_path / "no")
    assert compiled == []
    model = toys.Line()
    run(model, toys.Table(), tmp_path / "yes", compile=True)
    assert compiled == [model.linear]
    run(toys.Chain(), toys.Tape(), tmp_path / "nothing named", compile=True)
    assert len(compiled) == 1


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "meta", ""])
def test_a_device_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"device.*{name}"):
        run(toys.Line(), toys.Table(), tmp_path, device=name)


# ---------------------------------------------------------------- rule 8: budgets


def test_minutes_become_a_number_of_steps(tmp_path: Path) -> None:
    """The run that was measured out is, to the bit, the run that is given its number of steps."""
    told: list[int | None] = []
    settings = replace(SETTINGS, steps=None, minutes=0.002, log_steps=7)
    outcome = fit(toys.Chain(), toys.Tape(), settings, tmp_path / "minutes", on_plan=lambda place, steps: told.append(steps))
    assert told == [None, outcome.steps]
    assert outcome.steps == outcome.step
    assert outcome.step >= 1
    run(toys.Chain(), toys.Tape(), tmp_path / "steps", steps=outcome.steps, log_steps=7)
    assert weights(tmp_path / "minutes") == weights(tmp_path / "steps")
    assert timeless(metrics(tmp_path / "minutes")) == timeless(metrics(tmp_path / "steps"))


def test_a_resumed_run_keeps_its_number_of_steps(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(toys.Duel(), toys.Table(hook=at(3, send(signal.SIGTERM))), tmp_path)
    assert run(toys.Duel(), toys.Table(), tmp_path, resume=True, steps=None, minutes=100.0).step == 12


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_nan_stops_the_run_when_it_next_logs(value: float, tmp_path: Path) -> None:
    """TrainingError at the logging cadence, not before; it names the last good checkpoint, which is whole."""

    def spoil(step: int, batch: toys.Points) -> toys.Points:
        return batch._replace(y=batch.y * value) if step == 8 else batch

    with pytest.raises(Interrupted):
        run(toys.Duel(), toys.Table(hook=at(5, send(signal.SIGTERM))), tmp_path, log_steps=5)
    good = weights(tmp_path)
    reached: list[int] = []
    with pytest.raises(TrainingError, match=r"between steps 5 and 10.*state-00000006\.pt"):
        run(toys.Duel(), toys.Table(change=spoil, hook=reached.append), tmp_path, resume=True, log_steps=5)
    assert max(reached) == 9
    assert newest(tmp_path)["step"] == 6
    assert weights(tmp_path) == good
    assert [line["step"] for line in metrics(tmp_path)] == [5, 10]
    assert metrics(tmp_path)[-1] == {"step": 10, "loss": None}  # the log says so, too


def test_nan_is_never_written_into_a_checkpoint(tmp_path: Path) -> None:
    """Checkpoints between two lines of metrics look for themselves."""

    def spoil(step: int, batch: toys.Points) -> toys.Points:
        return batch._replace(x=batch.x * math.nan) if step == 5 else batch

    with pytest.raises(TrainingError, match=r"state-00000005\.pt"):
        run(toys.Duel(), toys.Table(change=spoil), tmp_path, log_steps=1000, save_minutes=0.0)
    packed = newest(tmp_path)
    assert packed["step"] == 5
    assert all(tensor.isfinite().all() for part in ("model", "averaged") for tensor in packed[part].values())
    checkpoint.read_weights(tmp_path, toys.Duel().state_dict())


def test_nan_before_any_checkpoint(tmp_path: Path) -> None:
    class Broken(toys.Line):
        def losses(self, batch: Any, **rest: Any) -> Any:
            yield Loss(self.linear.weight.sum() * math.nan)

    with pytest.raises(TrainingError, match="there is no checkpoint"):
        run(Broken(), toys.Table(), tmp_path)
    assert newest(tmp_path)["step"] == 0
    assert not (tmp_path / checkpoint.WEIGHTS).exists()


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    def second(_: Any) -> None:
        with pytest.raises(ValueError, match="another run"):
            run(toys.Line(), toys.Table(), tmp_path, resume=True)

    fit(toys.Line(), toys.Table(), SETTINGS, tmp_path, on_log=second)
    assert newest(tmp_path)["step"] == 12


def test_a_folder_with_a_run_is_refused_unless_it_is_resumed_or_replaced(tmp_path: Path) -> None:
    run(toys.Line(), toys.Table(), tmp_path)
    first = weights(tmp_path)
    with pytest.raises(ValueError, match="holds a run already"):
        run(toys.Line(), toys.Table(), tmp_path, seed=1)
    assert weights(tmp_path) == first
    fit(toys.Line(), toys.Table(), replace(SETTINGS, seed=1, steps=4), tmp_path, replace=True)
    assert weights(tmp_path) != first
    assert [line["step"] for line in metrics(tmp_path)] == [4, 4]
    assert newest(tmp_path)["step"] == 4
    assert run(toys.Line(), toys.Table(), tmp_path, resume=True, steps=4).step == 4


def test_a_full_disk_leaves_the_old_checkpoints_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """StorageError with the mend in it, wherever in the writing the space runs out; the run goes on when there is some."""
    run(toys.Chain(), toys.Tape(), tmp_path / "whole")
    real = os.fsync
    for number in range(12, 23):
        folder, calls = tmp_path / str(number), []

        def full(handle: int, calls: list[int] = calls, number: int = number) -> None:
            calls.append(handle)
            if len(calls) >= number:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(handle)

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(files.StorageError, match="free some space"):
            run(toys.Chain(), toys.Tape(), folder, save_minutes=0.0)
        monkeypatch.setattr(os, "fsync", real)
        for path in checkpoint.states(folder):
            checkpoint.read_state(path)
        checkpoint.read_weights(folder, toys.Chain().state_dict())
        run(toys.Chain(), toys.Tape(), folder, resume=True)
        assert weights(folder) == weights(tmp_path / "whole")
        assert not list(folder.glob(".*.tmp"))


def test_metrics_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **how: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(journal, "open", full, raising=False)
    with pytest.raises(files.StorageError, match=r"metrics\.jsonl.*free some space"):
        run(toys.Line(), toys.Table(), tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"steps": None, "minutes": None}, {"minutes": math.nan}, {"rate": math.inf}, {"rate": 0.0}, {"decay": 1.5},
     {"ema": -0.1}, {"clip": -1.0}, {"log_steps": 0}, {"precision": "fp16"}, {"save_minutes": math.nan}],
)  # fmt: skip
def test_settings_that_make_no_sense_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"fit.{next(iter(wrong))}"):
        replace(SETTINGS, **wrong)


def test_data_that_a_model_is_not_for_are_refused_at_once(tmp_path: Path) -> None:
    """The first batch is shown to the model before a run is dropped or a step is taken, and so is the first that is held out."""
    shown: list[Any] = []

    class Choosy(toys.Line):
        bad: Any = ()  # rows of a batch

        def check(self, batch: Any) -> None:
            shown.append(len(batch.x))
            if len(batch.x) in self.bad:
                raise ValueError("these are the wrong ones")

    run(Choosy(), toys.Table(), tmp_path)
    assert shown == [6, 5, 5]  # before the first step, and when it is measured
    before = weights(tmp_path)
    for Choosy.bad in ([6], [5]):
        with pytest.raises(ValueError, match="the wrong ones"):
            fit(Choosy(), toys.Table(), SETTINGS, tmp_path, replace=True)
    with pytest.raises(ValueError, match="the wrong ones"):
        evaluate(Choosy(), toys.Table())
    assert weights(tmp_path) == before


# ---------------------------------------------------------------- the best weights


class Judged(toys.Line):
    """Its held-out scores are told beforehand, one per evaluation."""

    held_out_score = "held"
    told = (3.0, 2.0, 2.5, 2.2, 2.1, 1.0)
    asked = 0

    def measure(self, batch: Any, *, rng: torch.Generator) -> Any:
        self.asked += 1
        return {"held": (torch.tensor(self.told[self.asked - 1]), 1.0)}


PATIENT = {"steps": 40, "valid_steps": 4, "patience": 2, "decay": 0.0, "ema": 0.0}


def test_patience_keeps_the_best_weights_and_stops(tmp_path: Path) -> None:
    """The second evaluation is the best, and the fourth the second without a better one."""
    data = toys.Table(valid=(5,))
    found = run(Judged(), data, tmp_path / "patient", **PATIENT)
    run(toys.Line(), data, tmp_path / "short", steps=8, decay=0.0, ema=0.0)
    assert found.step == 16
    assert weights(tmp_path / "patient") == weights(tmp_path / "short")
    assert same(found.model.state_dict(), checkpoint.read_weights(tmp_path / "short", found.model.state_dict()))


def test_patience_on_resume(tmp_path: Path) -> None:
    """A run that was killed between two evaluations ends like one that was not; one that has stopped stays so."""
    data = toys.Table(valid=(5,))
    run(Judged(), data, tmp_path / "whole", **PATIENT)
    seen: list[int] = []

    def stop(step: int) -> None:
        seen.append(step)
        if seen.count(10) == 2:  # `prepare` saw it, too
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted, match="after step 11"):
        run(Judged(), toys.Table(valid=(5,), hook=stop), tmp_path / "cut", **PATIENT)
    again = Judged(seed=1)
    again.asked = 2
    found = run(again, data, tmp_path / "cut", resume=True, **PATIENT)
    assert found.step == 16
    assert weights(tmp_path / "cut") == weights(tmp_path / "whole")
    last = Judged(seed=2)
    last.asked = 5
    assert run(last, data, tmp_path / "cut", resume=True, **PATIENT).step == 16
    assert weights(tmp_path / "cut") == weights(tmp_path / "whole")


def test_patience_begins_after_the_lead_in(tmp_path: Path) -> None:
    """The best evaluation, the second, is of the lead-in, and does not count; nor do those that follow it there."""

    class Leading(toys.Table):
        lead_in = 12

    found = run(Judged(), Leading(valid=(5,)), tmp_path / "led", **(PATIENT | {"steps": 20}))
    assert found.step == 20
    run(toys.Line(), toys.Table(valid=(5,)), tmp_path / "whole", steps=20, decay=0.0, ema=0.0)
    assert weights(tmp_path / "led") == weights(tmp_path / "whole")


def test_the_last_weights_may_be_the_best(tmp_path: Path) -> None:
    found = run(Judged(), toys.Table(valid=(5,)), tmp_path / "a", **(PATIENT | {"steps": 8, "valid_steps": 8}))
    run(toys.Line(), toys.Table(valid=(5,)), tmp_path / "b", steps=8, decay=0.0, ema=0.0)
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert found.scores == {"held": 2.0}


def test_patience_needs_a_score(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"patience.* is 2, and this model has no held-out score"):
        run(toys.Line(), toys.Table(), tmp_path / "a", **PATIENT)
    with pytest.raises(ValueError, match=r"fit\.patience is 2, and fit\.valid_steps is 0"):
        Fit(patience=2)

"""Captured steps (rule 7 of `contract.py`): replaying a recorded walk is the same as walking.

Without a GPU the recording is stood in for by a function that walks on the tensors a graph would have been bound to; all that
`CapturedWalk` does around it (copies, state, undoing the warm-up) is then the real thing.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import toys

from drawgen import checkpoint
from drawgen.contract import generator
from drawgen.training import Fit, Progress, fit
from drawgen.training.capture import WARM_UP, CapturedWalk
from drawgen.training.parallel import World
from drawgen.training.run import Run

SETTINGS = Fit(steps=20, rate=0.05, warmup=3, log_steps=4, device="cuda", precision="fp32", save_minutes=1000.0)


class Uneven(toys.Table):
    """Every third batch is smaller."""

    def batch(self, rows: int, *key: int) -> Any:
        return super().batch(rows - 2 if key[-1] % 3 == 2 else rows, *key)


class StaticDuel(toys.Duel):
    """Two players that leak gradients into each other, captured."""

    static = True

    def losses(self, batch: Any, *, state: Any, rng: torch.Generator) -> Iterator[Any]:
        for loss in super().losses(batch, state=state, rng=rng):
            self.critics.clear()
            yield loss


class StaticSum(toys.Line):
    """A line whose noise is scaled by what it has seen: a state that matters."""

    def losses(self, batch: Any, *, state: Any, rng: torch.Generator) -> Any:
        seen = state["seen"] if state else torch.zeros(3, device=batch.x.device)
        inner = super().losses(batch._replace(x=batch.x + 0.1 * torch.tanh(seen)), state={}, rng=rng)
        yield from inner
        return {"seen": seen + batch.x.mean(0)}


# ---------------------------------------------------------------- on the CPU


class Imitated(CapturedWalk):
    """The graph, imitated: launching it walks again on the very same tensors."""

    walks = 0

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        for _ in range(WARM_UP + 1):
            step()
        return step


def packed(model: Any, data: Any, *, captured: bool, steps: int = 9) -> dict[str, Any]:
    """The training state after a few steps, with a line of metrics drawn in between."""
    settings = replace(SETTINGS, device="cpu", steps=steps)
    run = Run(model, settings, World(), torch.device("cpu"), steps)
    run.captured = Imitated(run) if captured else None
    numbers = []
    moved = []
    for step, batch in zip(range(steps), data.stream("train", seed=0), strict=False):
        run.advance(batch)
        moved.append(run.moved())
        if step == 4:
            numbers.append(run.numbers())
    numbers.append(run.numbers())
    if captured:
        assert run.captured is not None
        assert any(run.captured.recordings.values())
    assert [bool(shares) for shares in moved] == [(step + 1) % settings.log_steps == 0 for step in range(steps)]
    return (run.pack() or {}) | {"numbers": numbers, "moved": moved}


def same(a: Any, b: Any) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("model", "data"), [(toys.Line, toys.Table), (toys.Line, Uneven), (StaticDuel, toys.Table), (StaticSum, toys.Table)]
)
def test_replaying_is_walking(model: Any, data: Any) -> None:
    """Weights, moments, carried state and metrics to the bit, for one player and two, with state, and when shapes change."""
    same(packed(model(), data(), captured=True), packed(model(), data(), captured=False))


def test_the_warm_up_leaves_no_trace() -> None:
    """Weights, buffers, moments, meters and the flag of finiteness are as they were, or zero where the warm-up made them."""
    run = Run(toys.TwoHeads(), replace(SETTINGS, device="cpu"), World(), torch.device("cpu"), 20)
    run.finite.fill_(False)
    walk = Imitated(run)
    batch = next(iter(toys.Table().stream("train", seed=0, start=1)))
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    for group in run.seats["model"].optimiser.param_groups:
        group["lr"] = 0.1
    state = {"sum": torch.ones(3)}
    run.state = state
    recording = walk.capture(batch)
    assert recording is not None
    same(dict(run.model.state_dict()), before)
    moments = run.seats["model"].optimiser.state
    assert moments
    assert all(not tensor.any() for values in moments.values() for tensor in values.values())
    assert run.meters
    assert all(not tensor.any() for tensor in run.meters.values())
    assert not run.finite
    assert run.state is state
    same(run.state, {"sum": torch.ones(3)})


def test_one_recording_for_each_shape() -> None:
    """And none for a first step that makes the state."""
    run = Run(toys.Chain(), replace(SETTINGS, device="cpu"), World(), torch.device("cpu"), 20)
    walk = Imitated(run)
    for step, batch in zip(range(8), toys.Tape().stream("train", seed=0), strict=False):
        walk(batch, generator(step))
    # The replay grows to 12 rows in three steps: from nothing, 5 and 10, which are not recorded, and from then on it is.
    assert [recording is not None for recording in walk.recordings.values()] == [False, False, False, True]


# ---------------------------------------------------------------- on a GPU


def metrics(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def close(one: Path, other: Path) -> None:
    """Two run folders end alike, in state and metrics."""
    for part in ("model", "averaged", "optimisers", "carried"):
        a, b = checkpoint.read_newest_state(one), checkpoint.read_newest_state(other)
        assert a is not None
        assert b is not None
        torch.testing.assert_close(a[part], b[part], rtol=1e-5, atol=1e-6)
    for here, there in zip(metrics(one), metrics(other), strict=True):
        assert here == pytest.approx(there, rel=1e-4)


@pytest.fixture
def captures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Notes every recording, so that a test cannot pass by never capturing."""
    made: list[Any] = []
    record = CapturedWalk.record

    def noted(self: CapturedWalk, step: Callable[[], None]) -> Callable[[], None]:
        made.append(step)
        return record(self, step)

    monkeypatch.setattr(CapturedWalk, "record", noted)
    return made


@pytest.mark.gpu
@pytest.mark.parametrize(("model", "data", "recordings"), [
    (toys.Line, toys.Table, 1), (toys.Line, Uneven, 2), (StaticDuel, toys.Table, 1), (StaticSum, toys.Table, 2),
])  # fmt: skip
def test_captured_is_eager(model: Any, data: Any, recordings: int, captures: list[Any], tmp_path: Path) -> None:
    """Weights, moments, state and metrics, also when the shape of the batch changes, with two players that leak gradients, and
    with a state (whose first step is recorded in vain); with logging in between."""
    fit(model(), data(), SETTINGS, tmp_path / "captured")
    assert len(captures) == recordings
    fit(model(), data(), replace(SETTINGS, capture=False), tmp_path / "eager")
    assert len(captures) == recordings
    close(tmp_path / "captured", tmp_path / "eager")


@pytest.mark.gpu
@pytest.mark.parametrize("model", [toys.Line, StaticSum])
def test_captured_resumes(model: Any, captures: list[Any], tmp_path: Path) -> None:
    """Interrupted in the middle of a stretch between two lines of metrics, and resumed: to the bit the run left alone."""
    fit(model(), toys.Table(), SETTINGS, tmp_path / "whole")

    class Stopped(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.step == 12:
            raise Stopped

    with pytest.raises(Stopped):
        fit(model(), toys.Table(), replace(SETTINGS, save_minutes=0.0), tmp_path / "cut", on_log=stop)
    state = checkpoint.read_newest_state(tmp_path / "cut")
    assert state is not None
    assert state["step"] == 11
    fit(model(seed=1), toys.Table(), SETTINGS, tmp_path / "cut", resume=True)
    whole, cut = (checkpoint.read_newest_state(tmp_path / name) for name in ("whole", "cut"))
    assert whole is not None
    assert cut is not None
    for part in ("model", "averaged", "optimisers", "carried"):
        same(cut[part], whole[part])
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")


@pytest.mark.gpu
def test_a_run_moves_between_devices(tmp_path: Path) -> None:
    """Begun captured on the GPU, continued on the CPU, and the other way round."""
    for first, second in (("cuda", "cpu"), ("cpu", "cuda")):
        folder = tmp_path / first
        fit(toys.Line(), toys.Table(), replace(SETTINGS, device=first, steps=8), folder)
        state = checkpoint.read_newest_state(folder)
        assert state is not None
        checkpoint.write_state(folder, 8, state | {"steps": 12})
        assert fit(toys.Line(seed=1), toys.Table(), replace(SETTINGS, device=second), folder, resume=True).step == 12


@pytest.mark.gpu
def test_bf16_is_captured(captures: list[Any], tmp_path: Path) -> None:
    fit(toys.Line(), toys.Table(), replace(SETTINGS, precision="bf16"), tmp_path / "captured")
    fit(toys.Line(), toys.Table(), replace(SETTINGS, precision="bf16", capture=False), tmp_path / "eager")
    assert len(captures) == 1
    close(tmp_path / "captured", tmp_path / "eager")

"""How a new run takes the place of an old one: nothing is lost before it has a checkpoint."""

import hashlib
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import toys

from drawgen import checkpoint
from drawgen.training import Fit, TrainingError, fit, run_folder

SETTINGS = Fit(steps=6, rate=0.05, warmup=2, log_steps=2, device="cpu", save_minutes=1000.0)


def contents(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    fit(toys.Line(seed=3), toys.Table(), SETTINGS, tmp_path)
    (tmp_path / "preview.png").write_bytes(b"old")
    return tmp_path


def spoil(step: int, batch: toys.Points) -> toys.Points:
    return batch._replace(y=batch.y * math.nan)


def too_few(step: int, batch: toys.Points) -> toys.Points:
    raise ValueError("fewer than a batch")


class Refusing(toys.Line):
    def check(self, batch: Any) -> None:
        raise ValueError("the wrong ones")


class Unprepared(toys.Line):
    def prepare(self, batches: Any, *, rng: torch.Generator) -> None:
        raise ValueError("nothing to prepare with")


@pytest.mark.parametrize(
    ("model", "data", "changes"),
    [
        (toys.Line, toys.Table(change=spoil), {}),
        (toys.Line, toys.Table(change=too_few), {}),
        (Refusing, toys.Table(), {}),
        (Unprepared, toys.Table(), {}),
        (toys.Line, toys.Table(), {"threads": 100_000}),
        (toys.Line, toys.Table(), {"device": "none"}),
    ],
)
def test_a_run_that_fails_before_its_first_checkpoint_leaves_the_old_one(
    model: Any, data: Any, changes: dict[str, Any], old: Path
) -> None:
    before = contents(old)
    with pytest.raises((ValueError, TrainingError)):
        fit(model(), data, replace(SETTINGS, **changes), old, replace=True)
    assert contents(old) == before


def test_nan_in_the_first_steps_says_that_the_old_run_is_kept(old: Path) -> None:
    with pytest.raises(TrainingError, match="no checkpoint before it; the run that it was to replace is kept"):
        fit(toys.Line(), toys.Table(change=spoil), SETTINGS, old, replace=True)


def test_the_first_checkpoint_takes_the_old_runs_place(old: Path) -> None:
    """All of the old goes then, and the metrics go on where they are."""
    before = contents(old)
    seen: list[dict[str, str]] = []
    settings = replace(SETTINGS, save_minutes=0.0, log_steps=1)
    fit(toys.Line(seed=1), toys.Table(), settings, old, replace=True, on_log=lambda _: seen.append(contents(old)))
    assert seen[0] == before  # that line is written before the first checkpoint
    assert set(seen[1]) == {"lock", "metrics.jsonl", "model.safetensors", "state-00000000.pt", "state-00000001.pt"}
    assert len((old / run_folder.METRICS).read_text().splitlines()) == 7
    assert not [path for path in old.iterdir() if path.is_dir()]


def test_what_a_killed_replacement_left_is_dropped_or_finished(old: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = contents(old)
    (old / run_folder.NEW).mkdir()
    (old / run_folder.NEW / "state-00000000.pt").touch()
    run_folder.mend(old)
    assert contents(old) == before
    assert "ended before its first checkpoint; the old one is there" in caplog.text
    (old / run_folder.DECIDED).mkdir()
    (old / run_folder.DECIDED / "model.safetensors").write_bytes(b"new")
    run_folder.mend(old)
    assert {path.name for path in old.iterdir()} == {"lock", "model.safetensors"}
    assert (old / "model.safetensors").read_bytes() == b"new"
    (old / run_folder.MOVING).mkdir()
    run_folder.mend(old)
    assert {path.name for path in old.iterdir()} == {"lock", "model.safetensors"}


def test_a_run_that_was_killed_before_its_first_step_is_begun_anew(tmp_path: Path) -> None:
    """There is a state of step 0, and nothing that was learnt."""
    with pytest.raises(TrainingError):
        fit(toys.Line(), toys.Table(change=spoil), SETTINGS, tmp_path)
    assert [path.name for path in checkpoint.states(tmp_path)] == ["state-00000000.pt"]
    assert fit(toys.Line(), toys.Table(), SETTINGS, tmp_path).step == 6


@pytest.mark.parametrize("name", [run_folder.METRICS, checkpoint.WEIGHTS])
@pytest.mark.parametrize("replaced", [False, True])
def test_a_folder_in_the_place_of_a_file_is_named(name: str, replaced: bool, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match=f"{name} is a folder"):
        fit(toys.Line(), toys.Table(), SETTINGS, tmp_path, replace=replaced)

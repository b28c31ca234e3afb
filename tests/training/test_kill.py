"""A run that is killed anywhere and resumed ends as if nothing had happened: the process dies at each of its file operations in
turn, and weights, training state, metrics and the names of the files are compared to the bit."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SERVER = Path(__file__).parent / "kill_server.py"


def serve(folder: Path, *toys: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, SERVER, folder, *toys], capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return serve(tmp_path_factory.mktemp("kill"), "chain")


def check(cases: dict[str, Any]) -> None:
    assert len([name for name in cases if not name.endswith("torn")]) > 40
    assert len([name for name in cases if name.endswith("torn")]) > 10
    assert {case["status"] for case in cases.values()} == {9}
    assert {case["kept"] for case in cases.values()} == {0, 1, 2, 3}  # three: before the oldest is removed
    assert {name: case["differs"] for name, case in cases.items() if case["differs"]} == {}


def test_killed_at_every_file_operation(answer: dict[str, Any]) -> None:
    """Once cleanly and, where a file is being written, once with the half of it."""
    check(answer["chain"])


def test_a_replacement_killed_at_every_file_operation(answer: dict[str, Any]) -> None:
    """After it either the old run is there, as it was, or the new one's first checkpoint, which resumes to the same end."""
    cases = answer["replaced"]
    assert {case["status"] for case in cases.values()} == {9}
    assert {name: case["differs"] for name, case in cases.items() if case["differs"]} == {}
    holds = [case["holds"] for case in cases.values()]
    assert holds == sorted(holds, reverse=True)  # the old one's cases first
    assert 5 < holds.count("old") < len(holds) - 15


@pytest.mark.slow
@pytest.mark.parametrize("toy", ["duel", "line"])
def test_other_toys_killed_at_every_file_operation(toy: str, tmp_path: Path) -> None:
    """The same with two players, and with a model that looks at its data first."""
    check(serve(tmp_path, toy)[toy])


def test_damage_is_survived(answer: dict[str, Any]) -> None:
    """A newest state that is cut short, altered or empty is passed over for the one before it."""
    for name in ("untouched", "truncated", "flipped", "empty"):
        assert answer["damaged"][name] == [], name


@pytest.mark.parametrize(
    ("part", "seen"),
    [("step", "weights"), ("model", "weights"), ("averaged", "weights"), ("optimisers", "optimisers"), ("carried", "carried"),
     ("meters", "metrics")],
)  # fmt: skip
def test_a_lost_piece_of_state_shows(part: str, seen: str, answer: dict[str, Any]) -> None:
    """Whatever a training state might lack changes how the run ends, so the comparisons above would notice it."""
    assert seen in answer["damaged"][f"without {part}"]

"""Two processes, started by torchrun, are one process on the joined batch (rule 6 of `contract.py`)."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import toys
from training.two_ranks import SETTINGS, TABLE, TAPE

from drawgen import checkpoint
from drawgen.training import fit

SCRIPT = Path(__file__).parent / "two_ranks.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the two ranks have been; they run once for all tests here."""
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
    words = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1",
             "--master-port", str(port), SCRIPT, folder]  # fmt: skip
    settings = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(words, env=settings, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def ranks(folder: Path) -> list[dict[str, Any]]:
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


def close(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)


def metrics(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def test_two_ranks_are_one_process_on_the_joined_batch(ranks: list[dict[str, Any]], folder: Path, tmp_path: Path) -> None:
    """Uneven shares, a head that only one rank uses and only now and then, and one that nobody uses (weight decay must not
    touch it): weights, scores and metrics of a single process, which joins the shares before it steps."""
    model = toys.TwoHeads().double()
    outcome = fit(model, TABLE, SETTINGS, tmp_path)
    expected = {name: tensor for name, tensor in model.state_dict().items() if name != "last"}
    for rank in ranks:
        found = {name: tensor for name, tensor in rank["heads"]["model"].items() if name != "last"}
        close(found, expected)
    assert torch.equal(expected["spare.weight"], toys.TwoHeads().double().spare.weight)
    assert ranks[0]["heads"]["scores"] == pytest.approx(outcome.scores, rel=1e-9)
    here, there = metrics(tmp_path), metrics(folder / "heads")
    assert [line["step"] for line in here] == [4, 8, 12, 12]
    for a, b in zip(here, there, strict=True):
        # How many rows are flagged is told by the ranks that see any, so it is not the joined batch's:
        assert b == pytest.approx(a | ({"flagged": b["flagged"]} if "flagged" in b else {}), rel=1e-9)


def test_two_players_and_a_common_start(ranks: list[dict[str, Any]], tmp_path: Path) -> None:
    """The same for two players; rank 1 gave its model other weights, and starts from those of rank 0 all the same."""
    model = toys.Duel().double()
    fit(model, TABLE, SETTINGS, tmp_path)
    for rank in ranks:
        close(rank["duel"]["model"], dict(model.state_dict()))


def test_buffers_follow_rank_0(ranks: list[dict[str, Any]], folder: Path) -> None:
    """The mean of the last batch is that of rank 0's share, on both."""
    state = checkpoint.read_newest_state(folder / "heads")
    assert state is not None
    last = list(zip(range(12), TABLE.stream("train", seed=0, rank=0, ranks=2), strict=False))[-1][1]
    torch.testing.assert_close(state["model"]["last"], last.x.mean(0))  # of another process
    assert torch.equal(ranks[0]["heads"]["model"]["last"], ranks[1]["heads"]["model"]["last"])


def test_all_ranks_stop_together(ranks: list[dict[str, Any]]) -> None:
    """SIGTERM came to rank 1 alone, in the sixth batch: both stop when metrics are next due."""
    for rank in ranks:
        number, words = rank["interrupted"]
        assert number == signal.SIGTERM
        assert "after step 8" in words


def test_each_rank_gets_its_own_state_back(ranks: list[dict[str, Any]], folder: Path) -> None:
    """After resuming each rank goes on with what it carried itself, and the run ends as if it had not been stopped."""
    for rank in ranks:
        first = rank["given after resume"][0]
        assert first.keys() == rank["given"][8].keys() == {"h", "replay"}
        assert all(torch.equal(first[name], rank["given"][8][name]) for name in first)
        assert all(torch.equal(a, rank["whole"]["model"][name]) for name, a in rank["resumed"]["model"].items())
    assert ranks[0]["given"][8]["h"].shape != ranks[1]["given"][8]["h"].shape
    assert metrics(folder / "cut") == metrics(folder / "whole")


def test_minutes_give_all_ranks_the_same_steps(ranks: list[dict[str, Any]]) -> None:
    assert ranks[0]["steps"] == ranks[1]["steps"] > 1
    close(ranks[0]["minutes"]["model"], ranks[1]["minutes"]["model"])


def test_all_ranks_hear_of_an_infinite_loss(ranks: list[dict[str, Any]]) -> None:
    """The loss of rank 1 is infinite while no gradient is: both stop, and neither waits for the other for ever."""
    assert all("between steps 0 and 4" in rank["infinite"] for rank in ranks)


def test_the_data_is_shared_out(tmp_path: Path) -> None:
    """What the tests above rest on: the two shares of a batch are uneven, and together they are the batch."""
    for data in (TABLE, TAPE):
        parts = [next(iter(data.stream("train", seed=0, start=1, rank=rank, ranks=2))) for rank in range(2)]
        whole = next(iter(data.stream("train", seed=0, start=1)))
        assert len(parts[0].x) != len(parts[1].x)
        assert torch.equal(torch.cat([part.x for part in parts]), whole.x)

"""What each of two ranks does for `test_parallel.py`; run by torchrun as `two_ranks.py FOLDER`. Leaves `RANK.pt` there."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

sys.path.insert(0, str(Path(__file__).parent.parent))

import toys

from drawgen.contract import Loss
from drawgen.interrupts import Interrupted
from drawgen.training import Fit, TrainingError, fit

SETTINGS = Fit(steps=12, rate=0.05, warmup=3, log_steps=4, clip=0.5, weight_decay=0.1, device="cpu", save_minutes=1000.0)
TABLE = toys.Table(rows=7, valid=(5, 1, 2), dtype=torch.float64)
TAPE = toys.Tape(dtype=torch.float64)


class OneIsInfinite(toys.Duel):
    """The loss is infinite on one rank, but no gradient is."""

    def losses(self, batch: Any, **rest: Any) -> Any:
        for loss in super().losses(batch, **rest):
            yield Loss(loss.value + (torch.inf if dist.get_rank() == 1 else 0.0), loss.player, loss.count)


def main(folder: Path) -> None:
    rank = dist.get_rank()
    found: dict[str, Any] = {}

    def note(name: str, model: Any, outcome: Any = None) -> None:
        found[name] = {"model": {k: v.clone() for k, v in model.state_dict().items()}, "scores": outcome and outcome.scores}

    heads = toys.TwoHeads().double()
    note("heads", heads, fit(heads, TABLE, SETTINGS, folder / "heads"))
    duel = toys.Duel(seed=rank).double()  # rank 1 starts as rank 0 does, whatever its own weights were
    note("duel", duel, fit(duel, TABLE, SETTINGS, folder / "duel"))

    def hook(step: int) -> None:
        if step == 5 and rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    whole = toys.Chain().double()
    note("whole", whole, fit(whole, TAPE, SETTINGS, folder / "whole"))
    found["given"] = whole.given
    cut = toys.Chain().double()
    try:
        fit(cut, replace(TAPE, hook=hook), SETTINGS, folder / "cut")
    except Interrupted as end:
        found["interrupted"] = (end.number, str(end))
    resumed = toys.Chain(seed=1).double()
    note("resumed", resumed, fit(resumed, TAPE, SETTINGS, folder / "cut", resume=True))
    found["given after resume"] = resumed.given

    line = toys.Line()
    outcome = fit(line, toys.Table(), replace(SETTINGS, steps=None, minutes=0.002), folder / "minutes")
    note("minutes", line, outcome)
    found["steps"] = outcome.steps

    try:
        fit(OneIsInfinite(), toys.Table(), SETTINGS, folder / "infinite")
    except TrainingError as error:
        found["infinite"] = str(error)
    torch.save(found, folder / f"{rank}.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    main(Path(sys.argv[1]))
    dist.destroy_process_group()

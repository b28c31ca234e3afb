"""Several processes, started by `torchrun`: each computes a part of every batch, and gradients are averaged.

The model is not wrapped. Two ranks give the same result as one process on the joined batch.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True)
class World:
    """The rank of this process and the number of processes; (0, 1) for a single one."""

    rank: int = 0
    ranks: int = 1
    group: Any = None
    """A gloo group for data on the host, whatever backend the gradients use."""

    def average_gradients(self, parameters: Sequence[nn.Parameter], count: int) -> None:
        """Replaces each gradient by the mean over all ranks' items, in one exchange. A gradient that some rank lacks counts
        as zero there; one that no rank has stays None, as it would in a single process."""
        if self.ranks == 1:
            return
        device = parameters[0].device
        flags = torch.tensor([p.grad is not None for p in parameters], dtype=torch.float64)
        head = torch.cat([torch.tensor([float(count)], dtype=torch.float64), flags])
        dist.all_reduce(head, group=self.group)
        total, present = float(head[0]), head[1:].tolist()
        used = [p for p, seen in zip(parameters, present, strict=True) if seen]
        if not used:
            return
        pieces = [torch.zeros_like(p) if p.grad is None else p.grad for p in used]
        wide = [piece.to(torch.promote_types(piece.dtype, torch.float32)) for piece in pieces]
        flat = torch.cat([piece.reshape(-1) * (count / total) for piece in wide]).to(device)
        dist.all_reduce(flat)
        for parameter, piece in zip(used, flat.split([p.numel() for p in used]), strict=True):
            parameter.grad = piece.view_as(parameter).to(parameter.dtype)

    def share_buffers(self, tensors: Iterable[Tensor]) -> None:
        """Broadcasts the values of rank 0."""
        if self.ranks > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def agree(self, *values: float) -> list[float]:
        """The largest of each value over all ranks, so that all ranks take the same decision (stop, save, how many steps)."""
        if self.ranks == 1:
            return list(values)
        shared = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(shared, op=dist.ReduceOp.MAX, group=self.group)
        return [float(value) for value in shared]

    def gather(self, value: Any) -> list[Any] | None:
        """All ranks' values on rank 0, None elsewhere. Plain data and tensors on the CPU."""
        if self.ranks == 1:
            return [value]
        places: list[Any] | None = [None] * self.ranks if self.rank == 0 else None
        dist.gather_object(value, places, group=self.group)
        return places

    def totals(self, sums: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        """(sum, count) of each name over all ranks, on rank 0; empty on the others. The ranks may have different names."""
        merged: dict[str, tuple[float, float]] = {}
        for part in self.gather(sums) or []:
            for name, (total, count) in part.items():
                before = merged.get(name, (0.0, 0.0))
                merged[name] = (before[0] + total, before[1] + count)
        return {name: both for name, both in merged.items() if both[1]}

    def barrier(self) -> None:
        if self.ranks > 1:
            dist.barrier(group=self.group)


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """The world that `torchrun` described in the environment, or a world of one."""
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    if ranks == 1:
        yield World()
        return
    mine = not dist.is_initialized()
    if mine:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield World(dist.get_rank(), ranks, dist.new_group(backend="gloo"))
    finally:
        if mine:
            dist.destroy_process_group()

"""A whole training step in one CUDA graph: losses, backward, clipping and optimisers, launched at once.

Only for models that say `static = True` (see `contract.Model`): their yields and shapes never vary, they read nothing on the
host, and their noise comes with the batch.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from drawgen.contract import Batch

if TYPE_CHECKING:
    from drawgen.train import Run

WARM_UP = 3


class CapturedWalk:
    """`Run.walk`, captured once for each batch shape and then replayed on copies of the batch."""

    def __init__(self, run: "Run") -> None:
        self.run = run
        self.graphs: dict[Any, tuple[torch.cuda.CUDAGraph, list[Tensor]]] = {}

    def __call__(self, batch: Batch) -> None:
        key = tuple((tuple(x.shape), x.dtype) for x in batch)
        if key not in self.graphs:
            self.graphs[key] = self.capture(batch)
        graph, places = self.graphs[key]
        for place, tensor in zip(places, batch, strict=True):
            place.copy_(tensor)
        # The running means are read and cleared outside; the graph adds to tensors of its own.
        graph.replay()

    def capture(self, batch: Batch) -> tuple[torch.cuda.CUDAGraph, list[Tensor]]:
        """Warms up on a side stream, undoes what that did, and records."""
        run = self.run
        places = [x.clone() for x in batch]
        static = type(batch)(*places)
        rng = torch.Generator(run.device)
        kept = self.snapshot()
        stream = torch.cuda.Stream(run.device)
        stream.wait_stream(torch.cuda.current_stream(run.device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                run.walk(static, rng)
        torch.cuda.current_stream(run.device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            run.walk(static, rng)
        self.restore(kept)
        return graph, places

    def tensors(self) -> list[Tensor]:
        """Every tensor that a walk changes in place."""
        run = self.run
        found = [*run.model.state_dict().values(), run.finite, *run.meters.values()]
        for seat in run.seats.values():
            for values in seat.optimiser.state.values():
                found += [value for value in values.values() if isinstance(value, Tensor)]
        return found

    def snapshot(self) -> list[tuple[Tensor, Tensor]]:
        return [(tensor, tensor.detach().clone()) for tensor in self.tensors()]

    @torch.no_grad()
    def restore(self, kept: list[tuple[Tensor, Tensor]]) -> None:
        """What was there before gets its value back; what the warm-up made (moments, meters) becomes zero again."""
        before = {id(tensor): value for tensor, value in kept}
        for tensor in self.tensors():
            if id(tensor) in before:
                tensor.copy_(before[id(tensor)])
            else:
                tensor.zero_()

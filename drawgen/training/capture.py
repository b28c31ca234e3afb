"""A whole training step in one CUDA graph: losses, backward, clipping and optimisers, launched at once.

Only for models with `static = True` (see `contract.Model`): their losses and shapes are fixed, they read nothing on the host, and
their noise is part of the batch.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from drawgen.contract import Batch, State

if TYPE_CHECKING:
    from drawgen.training.run import Run

WARM_UP = 3


class Recording(NamedTuple):
    """A recorded walk, and the tensors that it reads: the batch, and the state, which it updates in place."""

    replay: Callable[[], None]
    batch: Batch
    state: State


class CapturedWalk:
    """`Run.walk`, captured once for each shape of batch and state and then replayed on copies of them."""

    def __init__(self, run: "Run") -> None:
        self.run = run
        self.recordings: dict[Any, Recording | None] = {}

    def __call__(self, batch: Batch, rng: torch.Generator) -> None:
        run = self.run
        key = (shapes(batch._asdict()), shapes(run.state))
        if key not in self.recordings:
            self.recordings[key] = self.capture(batch)
        recording = self.recordings[key]
        if recording is None:
            run.walk(batch, rng)
            return
        for place, tensor in zip(recording.batch, batch, strict=True):
            place.copy_(tensor)
        for name, place in recording.state.items():
            place.copy_(run.state[name])
        recording.replay()
        run.state = recording.state

    def capture(self, batch: Batch) -> Recording | None:
        """Records a walk and undoes the effects of the warm-up. Returns None if the walk changes the shape of the state, as in a
        run's first step: that walk is not recorded."""
        run = self.run
        places = type(batch)(*(tensor.clone() for tensor in batch))
        state = {name: tensor.clone() for name, tensor in run.state.items()}
        rng = torch.Generator(run.device)

        def step() -> None:
            run.state = state
            run.walk(places, rng)
            if shapes(run.state) == shapes(state):
                renewed = {name: tensor.clone() for name, tensor in run.state.items()}  # it may hold pieces of the old one
                for name, tensor in renewed.items():
                    state[name].copy_(tensor)

        before, kept = run.state, self.snapshot()
        replay = self.record(step)
        steady = shapes(run.state) == shapes(state)
        run.state = before
        self.restore(kept)
        return Recording(replay, places, state) if steady else None

    def record(self, step: Callable[[], None]) -> Callable[[], None]:
        """Warms up on a side stream, as PyTorch wants it, then captures."""
        device = self.run.device
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                step()
        torch.cuda.current_stream(device).wait_stream(stream)
        # No gradient of the warm-up may get into the graph: it would be freed while the graph still writes to it.
        self.run.model.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):  # a stream of this device, which need not be the current one
            step()
        replay: Callable[[], None] = graph.replay
        return replay

    def tensors(self) -> list[Tensor]:
        """Every tensor that a walk changes in place; the same objects at every call."""
        run = self.run
        found = [*run.model.parameters(), *run.model.buffers(), run.finite, *run.meters.values()]
        for seat in run.seats.values():
            for values in seat.optimiser.state.values():
                found += [value for value in values.values() if isinstance(value, Tensor)]
        return found

    def snapshot(self) -> list[tuple[Tensor, Tensor]]:
        return [(tensor, tensor.detach().clone()) for tensor in self.tensors()]

    @torch.no_grad()
    def restore(self, kept: list[tuple[Tensor, Tensor]]) -> None:
        """Restores the values from before the warm-up; tensors that the warm-up created (moments, meters) become zero."""
        before = {id(tensor): value for tensor, value in kept}
        for tensor in self.tensors():
            if id(tensor) in before:
                tensor.copy_(before[id(tensor)])
            else:
                tensor.zero_()


def shapes(tensors: State) -> Any:
    return tuple((name, tuple(tensor.shape), tensor.dtype) for name, tensor in sorted(tensors.items()))

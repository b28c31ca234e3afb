"""A recorder of recurrent states: while it is open, cells write down every step that they take, with their states in the graph.

Axes: B rows, U units, G numbers per input of a cell; a state may have more axes after the rows.

    with recording() as record:
        loss = model.last_loss(batch, rng=rng)        # contract.Recurs
    tracks = record.tracks(model)                     # name of a layer -> its steps

The states that are written down are those that everything after them was computed from, so that `torch.autograd.grad` of the loss
with respect to them is the whole gradient. A network with depth instead of time writes down what is between its blocks in the same
way (`Recorder.note`), and then a step is a block. Without an open recorder nothing is written, and nothing is slower.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeAlias

from torch import Tensor, nn

States: TypeAlias = tuple[Tensor, ...]
"""The state of a cell after a step: h, and of an LSTM c; each has the rows first."""
Again: TypeAlias = Callable[[States, slice], States]
"""The same step from another state, for some of the rows: what the cell read stays as it was."""


@dataclass(frozen=True)
class Step:
    """One step of a cell."""

    after: States
    gates: Mapping[str, Tensor] = field(default_factory=dict)
    """By name, in [0, 1]."""
    kept: Tensor | None = None
    """The factor that the memory was multiplied by, unit by unit: the forget gate."""
    slope: Tensor | None = None
    """Of a plain network: the derivative of its nonlinearity, unit by unit."""
    again: Again | None = None


@dataclass
class Track:
    """The steps of one layer, in order."""

    module: nn.Module
    layer: int
    kind: str
    """The cell: rnn, gru, lstm, spatial lstm; or depth."""
    matrices: Mapping[str, Tensor] = field(default_factory=dict)
    """The recurrent weights, by gate."""
    steps: list[Step] = field(default_factory=list)


class Recorder:
    """What was written while it was open."""

    def __init__(self) -> None:
        self.written: dict[tuple[int, int], Track] = {}

    def note(
        self,
        module: nn.Module,
        kind: str,
        after: States,
        *,
        layer: int = 0,
        matrices: Callable[[], Mapping[str, Tensor]] = dict,
        gates: Mapping[str, Tensor] | None = None,
        kept: Tensor | None = None,
        slope: Tensor | None = None,
        again: Again | None = None,
    ) -> States:
        """Writes a step down. The caller goes on with the state that it gets back, so that nothing goes past it."""
        marked = tuple(tensor.view_as(tensor) for tensor in after)
        track = self.written.get((id(module), layer))
        if track is None:
            track = self.written[id(module), layer] = Track(module, layer, kind, matrices())
        seen = {name: gate.detach() for name, gate in (gates or {}).items()}
        track.steps.append(
            Step(marked, seen, None if kept is None else kept.detach(), None if slope is None else slope.detach(), again)
        )
        return marked

    def tracks(self, model: nn.Module) -> dict[str, Track]:
        """The layers that wrote, by the names of their modules; of several layers of a module, with the number from 1 on."""
        names = {id(module): name.removesuffix(".recurrent") or "model" for name, module in model.named_modules()}
        several = {module for module, layer in self.written if layer}
        return {
            names[module] + (f" layer {layer + 1}" if module in several else ""): track
            for (module, layer), track in self.written.items()
        }


OPEN: ContextVar[Recorder | None] = ContextVar("recorder", default=None)


def recorder() -> Recorder | None:
    """The open recorder, if there is one."""
    return OPEN.get()


@contextmanager
def recording() -> Iterator[Recorder]:
    """Opens a recorder."""
    record = Recorder()
    token = OPEN.set(record)
    try:
        yield record
    finally:
        OPEN.reset(token)

"""Residual networks as a row of modules, and what becomes of them without some modules, in another order, or along one path.

Axes: B pictures, C channels, H rows, W columns, N modules.

A module adds what it computes to what it gets (He et al. 2015): y = after(carried + changed). Written out, a network of N modules
is a sum over 2^N paths: each passes every module either by what is carried or by what is changed (Veit, Wilber & Belongie 2016).
"""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@runtime_checkable
class Module(Protocol):
    """A module of such a network."""

    def parts(self, x: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, "B D H2 W2"] | None, Float[Tensor, "B D H2 W2"]]:
        """What it carries (None: nothing, as a plain network), and what it adds to that."""

    def after(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Of the sum: what the module gives."""

    def shortcut(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H2 W2"] | None:
        """What is left of the module when it is deleted: its input, in the shape of its output. None if it cannot be."""


class Lesion(NamedTuple):
    """A change of a network of N modules."""

    deleted: Collection[int] = frozenset()
    """Modules that give their shortcut alone."""
    order: Sequence[int] | None = None
    """The order of the modules; None is 0 to N - 1."""
    path: Bool[Tensor, "B N"] | None = None
    """If given, what is computed stays the same, but the gradient of each picture goes along one path: in these modules through
    what is changed, in all others through what is carried."""


INTACT = Lesion()
"""Nothing changed."""


class Network(NamedTuple):
    """A network as a row of modules."""

    enter: Callable[[Float[Tensor, "B C H W"]], Float[Tensor, "B D H2 W2"]]
    """From pictures to the input of the first module."""
    modules: Sequence[Module]
    leave: Callable[[Float[Tensor, "B D H2 W2"]], Float[Tensor, "B K"]]
    """From the output of the last module to the logits of the classes."""

    def logits(self, images: Float[Tensor, "B C H W"], lesion: Lesion = INTACT) -> Float[Tensor, "B K"]:
        return self.leave(through(self.modules, self.enter(images), lesion))


def through(modules: Sequence[Module], x: Float[Tensor, "B C H W"], lesion: Lesion = INTACT) -> Float[Tensor, "B D H2 W2"]:
    """The output of the last module for the input of the first."""
    for index in range(len(modules)) if lesion.order is None else lesion.order:
        module = modules[index]
        if index in lesion.deleted:
            left = module.shortcut(x)
            if left is None:
                raise ValueError(f"module {index} has no shortcut, so nothing is left of it; delete others")
            x = left
            continue
        carried, changed = module.parts(x)
        if lesion.path is not None and carried is not None:
            along = lesion.path[:, index, None, None, None]
            carried, changed = torch.where(along, carried.detach(), carried), torch.where(along, changed, changed.detach())
        x = module.after(changed if carried is None else carried + changed)
    return x


@runtime_checkable
class Dissects(Protocol):
    """A trained model that is such a network."""

    @property
    def built(self) -> str:
        """What it is made of: 54 residual modules."""

    def dissected(self) -> Network: ...


@runtime_checkable
class Gated(Protocol):
    """A module of a highway network."""

    def openness(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H2 W2"]:
        """What its gates let through of what is changed, 0 to 1; the rest is carried."""

"""Lesions of residual networks: the experiments of Veit, Wilber & Belongie 2016, in the trained network.

Axes: B pictures, C channels, H rows, W columns, K classes, N modules with a shortcut.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from drawgen.nn.residual import INTACT, Gated, Lesion, Network, through

AT_ONCE = 250
"""Pictures that go through a network at once, if they have at most `PIXELS`."""
PIXELS = 40 * 40
SCALE = 2.0**64
"""Of a loss, so that the gradient along a long path is not too small for a number in single precision."""

Step = Callable[[float], None]
"""Called with what has been done since the last call, in passes of all pictures through the network."""


def silent(_: float) -> None:
    pass


class Examined(NamedTuple):
    """A network, and the pictures on which it is examined."""

    network: Network
    images: Float[Tensor, "B C H W"]
    wanted: Int[Tensor, " B"]
    """The right labels; or, of pictures without labels, those that the intact network gives first."""

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        return zip(self.images.split(self.at_once), self.wanted.split(self.at_once), strict=True)

    @property
    def at_once(self) -> int:
        """Pictures of a batch."""
        return max(1, AT_ONCE * PIXELS // max(PIXELS, self.images.shape[2] * self.images.shape[3]))


class Mean(NamedTuple):
    """A mean over draws and its standard error (0 for one draw)."""

    value: float
    error: float


def mean_of(numbers: Sequence[float]) -> Mean:
    values = torch.tensor(numbers, dtype=torch.float64)
    return Mean(float(values.mean()), float(values.std() / len(values) ** 0.5) if len(values) > 1 else 0.0)


@torch.inference_mode()
def error(examined: Examined, lesion: Lesion = INTACT, step: Step = silent) -> float:
    """The fraction of pictures that are not given the wanted label."""
    wrong = sum(int((examined.network.logits(x, lesion).argmax(1) != wanted).sum()) for x, wanted in examined.batches())
    step(1.0)
    return wrong / len(examined.images)


# ---------------------------------------------------------------- the modules


class Row(NamedTuple):
    """The modules with a shortcut, which can be deleted."""

    indices: tuple[int, ...]
    shapes: tuple[tuple[int, ...], ...]
    """Channels, rows and columns of the input and of the output of each."""
    carries: bool
    """Whether any of them carries its input; none of a plain network does."""

    @property
    def narrows(self) -> tuple[bool, ...]:
        """Whether a module's output has another shape than its input."""
        return tuple(shape[:3] != shape[3:] for shape in self.shapes)

    def pairs(self) -> list[tuple[int, int]]:
        """The pairs of modules that may change places, as places in `indices`: all four shapes are the same."""
        return [(a, b) for a, b in itertools.combinations(range(len(self.indices)), 2) if self.shapes[a] == self.shapes[b]]


@torch.inference_mode()
def row_of(examined: Examined) -> Row:
    """The modules with a shortcut."""
    x = examined.network.enter(examined.images[:1])
    indices, shapes, carries = [], [], False
    for index, module in enumerate(examined.network.modules):
        y = through([module], x)
        if module.shortcut(x) is not None:
            indices.append(index)
            shapes.append((*x.shape[1:], *y.shape[1:]))
            carries |= module.parts(x)[0] is not None
        x = y
    return Row(tuple(indices), tuple(shapes), carries)


# ---------------------------------------------------------------- deleted modules


@torch.inference_mode()
def without_one(examined: Examined, row: Row, step: Step = silent) -> list[float]:
    """The error without each module of the row. What comes before the module is computed once."""
    modules = examined.network.modules
    wrong = dict.fromkeys(row.indices, 0)
    for images, wanted in examined.batches():
        x = examined.network.enter(images)
        for index, module in enumerate(modules):
            if index in wrong:
                left = through(modules[index:], x, Lesion(deleted={0}))
                wrong[index] += int((examined.network.leave(left).argmax(1) != wanted).sum())
                step(len(images) / len(examined.images) * (len(modules) - index) / len(modules))
            x = through([module], x)
    return [wrong[index] / len(examined.images) for index in row.indices]


def subsets(n: int, k: int, draws: int, *, rng: torch.Generator) -> list[frozenset[int]]:
    """Sets of k of n numbers: all of them, each once, if there are at most `draws`; else so many, drawn by chance."""
    if math.comb(n, k) <= draws:
        return [frozenset(some) for some in itertools.combinations(range(n), k)]
    return [drawn(n, k, rng=rng) for _ in range(draws)]


def drawn(n: int, k: int, *, rng: torch.Generator) -> frozenset[int]:
    return frozenset(torch.randperm(n, generator=rng)[:k].tolist())


def without_several(
    examined: Examined, row: Row, counts: Sequence[int], draws: int, *, rng: torch.Generator, step: Step = silent
) -> list[Mean]:
    """The error without k modules of the row, drawn by chance, for each k of `counts`."""
    found = []
    for k in counts:
        chosen = subsets(len(row.indices), k, draws, rng=rng)
        errors = [error(examined, Lesion(deleted={row.indices[n] for n in some})) for some in chosen]
        step(draws)
        found.append(mean_of(errors))
    return found


# ---------------------------------------------------------------- modules in another order


def kendall_tau(order: Sequence[int]) -> float:
    """Kendall's rank correlation of an order of 0 to N - 1 with the ascending one: 1 for the same, -1 for the reverse.

    >>> kendall_tau([0, 1, 2, 3]), kendall_tau([3, 2, 1, 0])
    (1.0, -1.0)
    """
    pairs = list(itertools.combinations(order, 2))
    return sum(1 if a < b else -1 for a, b in pairs) / len(pairs) if pairs else 1.0


class Shuffle(NamedTuple):
    """An order of the modules, and what it costs."""

    swaps: int
    tau: float
    """Of the modules with a shortcut."""
    error: float


def shuffled(
    examined: Examined, row: Row, swaps: Sequence[int], draws: int, *, rng: torch.Generator, step: Step = silent
) -> list[Shuffle]:
    """The error after k pairs of modules of the same shape, drawn by chance one after the other, have changed places."""
    pairs, found = row.pairs(), []
    for k in swaps:
        for _ in range(draws):
            order = list(range(len(row.indices)))
            for which in torch.randint(len(pairs), (k,), generator=rng).tolist():
                a, b = pairs[which]
                order[a], order[b] = order[b], order[a]
            whole = list(range(len(examined.network.modules)))
            for place, module in zip(row.indices, order, strict=True):
                whole[place] = row.indices[module]
            found.append(Shuffle(k, kendall_tau(order), error(examined, Lesion(order=whole), step)))
    return found


# ---------------------------------------------------------------- paths


def path_shares(n: int) -> list[float]:
    """Of all 2^n paths, the share of those that pass k modules, for k from 0 to n.

    >>> path_shares(2)
    [0.25, 0.5, 0.25]
    """
    return [math.comb(n, k) / 2**n for k in range(n + 1)]


def path_gradient(examined: Examined, path: Bool[Tensor, "B M"]) -> Float[Tensor, "B C H W"]:
    """The gradient, at each picture, of -log p of its wanted label along one path: through what is changed in the modules of
    `path` (of all M modules), and through what is carried in the others; in float64. The sum over all paths is the whole
    gradient."""
    images = examined.images.detach().clone().requires_grad_()
    loss = F.cross_entropy(examined.network.logits(images, Lesion(path=path)), examined.wanted, reduction="sum")
    return torch.autograd.grad(loss * SCALE, images)[0].double() / SCALE


def gradient_norms(
    examined: Examined, row: Row, lengths: Sequence[int], draws: int, *, pictures: int, rng: torch.Generator, step: Step = silent
) -> list[Mean]:
    """The norm of the gradient at a picture along one path that passes k modules, for each k of `lengths`: the mean over `draws`
    times as many `pictures`, drawn by chance, each with a path of its own. If there are at most `draws` paths of a length, each
    has `pictures` pictures."""
    n, pictures, found = len(row.indices), min(pictures, len(examined.images)), []
    for k in lengths:
        few = math.comb(n, k) <= draws
        if few:
            rows = [path for path in subsets(n, k, draws, rng=rng) for _ in range(pictures)]
        else:
            rows = [drawn(n, k, rng=rng) for _ in range(draws * pictures)]
        along = torch.zeros(len(rows), len(examined.network.modules), dtype=torch.bool)
        for number, path in enumerate(rows):
            along[number, [row.indices[place] for place in path]] = True
        chosen = [torch.randperm(len(examined.images), generator=rng)[:pictures] for _ in range(len(rows) // pictures)]
        norms = []
        for which, path in zip(torch.cat(chosen).split(examined.at_once), along.split(examined.at_once), strict=True):
            some = examined._replace(images=examined.images[which], wanted=examined.wanted[which])
            norms += path_gradient(some, path.to(some.images.device)).flatten(1).norm(dim=1).tolist()
        step(3 * len(rows) / len(examined.images))
        found.append(mean_of(norms))
    return found


def contributions(lengths: Sequence[int], norms: Sequence[float], n: int) -> list[float]:
    """For k from 0 to n, the count of paths times the norm of the gradient along one, as shares of the sum. Between the `lengths`
    that were measured, the logarithm of the norm is interpolated linearly."""
    logs = [math.log(max(norm, 1e-300)) for norm in norms]  # where a gradient is too small for a number, it counts as none
    products = []
    for k, share in enumerate(path_shares(n)):
        after = next(i for i, length in enumerate(lengths) if length >= k)
        if lengths[after] == k:
            log = logs[after]
        else:
            part = (k - lengths[after - 1]) / (lengths[after] - lengths[after - 1])
            log = logs[after - 1] + part * (logs[after] - logs[after - 1])
        products.append(share * math.exp(log))
    whole = sum(products) or 1.0
    return [product / whole for product in products]


def band(shares: Sequence[float], part: float) -> tuple[int, int]:
    """First and last place of the shortest stretch whose shares add up to at least `part`.

    >>> band([0.05, 0.45, 0.48, 0.02], 0.9)
    (1, 2)
    """
    for length in range(1, len(shares) + 1):
        sums = [sum(shares[first : first + length]) for first in range(len(shares) - length + 1)]
        if max(sums) >= part - 1e-12:
            first = sums.index(max(sums))
            return first, first + length - 1
    return 0, len(shares) - 1


# ---------------------------------------------------------------- gates


class Gates(NamedTuple):
    """How open the gates of a module are: the mean over pictures, channels and places, and the 10th and 90th percentile over
    channels of their means."""

    mean: float
    low: float
    high: float


@torch.inference_mode()
def openness(examined: Examined) -> list[Gates]:
    """Of each module of a highway network; empty for others."""
    sums: list[Tensor] = []
    modules = examined.network.modules
    if not all(isinstance(module, Gated) for module in modules):
        return []
    for images, _ in examined.batches():
        x = examined.network.enter(images)
        for index, module in enumerate(modules):
            found = module.openness(x).mean((2, 3)).sum(0).double()  # type: ignore[attr-defined]
            if index == len(sums):
                sums.append(torch.zeros_like(found))
            sums[index] += found
            x = through([module], x)
    means = [total / len(examined.images) for total in sums]
    return [Gates(float(each.mean()), float(each.quantile(0.1)), float(each.quantile(0.9))) for each in means]

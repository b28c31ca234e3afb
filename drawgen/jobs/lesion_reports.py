"""The answer of `drawgen lesions`: its numbers, and a report with charts and tables."""

import itertools
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from drawgen.charts import COLOURS, chart
from drawgen.nn.lesions import Gates, Mean, Shuffle, path_shares
from drawgen.nn.lesions import band as band_of
from drawgen.report_pages import Report, Section, Table

OURS, OTHER, GREY = COLOURS[0], COLOURS[1], COLOURS[6]
PAPER = "Veit et al. 2016: 54 modules, CIFAR-10"
PART = 0.95
"""Of the gradient, in the band of lengths that carries it."""


@dataclass(frozen=True)
class Deletions:
    """What a network is without some modules."""

    source: str
    built: str
    error: float
    """Of the intact network."""
    one: list[float]
    """Without each module."""
    narrows: tuple[bool, ...]
    """Which of them change the shape."""
    counts: list[int]
    several: list[Mean]
    """Without so many modules, drawn by chance."""
    drawn: int = 0


@dataclass(frozen=True)
class Lesions:
    """The experiments on one network. `report` is a page with charts; `save` writes its folder.

    Where pictures have labels, an error is the fraction of wrong labels; elsewhere, that of labels other than before.

    >>> import drawgen
    >>> found = drawgen.lesions(drawgen.train("resnet_classifier", "tiny"), draws=2)
    >>> [section.name for section in found.report.sections]
    ['one', 'several', 'shuffled', 'norms', 'paths', 'paper']
    """

    deletions: Deletions
    beside: Deletions | None
    """Those of another network on the same pictures."""
    seen: str
    """The pictures."""
    pictures: int
    classes: int | None
    """None if the pictures have no labels."""
    shuffles: list[Shuffle]
    lengths: list[int]
    norms: list[Mean]
    """Of the gradient along one path of each length."""
    shares: list[float]
    """Of paths of 0, 1 ... modules, in the gradient."""
    gates: list[Gates] = field(default_factory=list)
    seed: int = 0

    @property
    def band(self) -> tuple[int, int]:
        """The shortest band of path lengths that carries 95 % of the gradient."""
        return band_of(self.shares, PART)

    def numbers(self) -> dict[str, Any]:
        """All numbers, as in report.json."""
        return numbers(self)

    @property
    def report(self) -> Report:
        return page(self)

    def lines(self) -> list[str]:
        """The main results, a line each."""
        return lines(self)

    def save(self, folder: str | os.PathLike[str], *, force: bool = False) -> None:
        """Writes the report's folder. Raises ValueError, StorageError."""
        self.report.save(Path(folder), force=force)


def percent(share: float, error: float | None = None, digits: int = 1) -> str:
    """In per cent, with the standard error in brackets.

    >>> percent(0.0123, 0.001)
    '1.2 % (0.1)'
    """
    return f"{100 * share:.{digits}f} %" + ("" if error is None else f" ({100 * error:.{digits}f})")


def binomial_error(share: float, count: int) -> float:
    return math.sqrt(share * (1 - share) / count)


# ---------------------------------------------------------------- numbers


def numbers(found: Lesions) -> dict[str, Any]:
    def of(one: Deletions) -> dict[str, Any]:
        return {
            "model": one.source,
            "built": one.built,
            "error": one.error,
            "error_standard_error": binomial_error(one.error, found.pictures),
            "without_one": [
                {"module": n, "error": error, "standard_error": binomial_error(error, found.pictures), "changes_shape": narrows}
                for n, (error, narrows) in enumerate(zip(one.one, one.narrows, strict=True), 1)
            ],
            "without_several": [
                {"modules": k, "error": mean.value, "standard_error": mean.error}
                for k, mean in zip(one.counts, one.several, strict=True)
            ],
        }

    first, last = found.band
    counted = path_shares(len(found.deletions.one))
    return {
        **of(found.deletions),
        "error_is": "wrong labels" if found.classes else "labels other than before",
        "pictures": found.pictures,
        "seen": found.seen,
        "classes": found.classes,
        "seed": found.seed,
        "beside": None if found.beside is None else of(found.beside),
        "shuffled": [shuffle._asdict() for shuffle in found.shuffles],
        "gradient_by_path_length": [
            {"modules": k, "norm": norm.value, "standard_error": norm.error}
            for k, norm in zip(found.lengths, found.norms, strict=True)
        ],
        "paths_by_length": counted,
        "gradient_shares_by_length": found.shares,
        "band_of_95_percent": [first, last],
        "paths_in_band": sum(counted[first : last + 1]),
        "gates": [gate._asdict() for gate in found.gates],
    }


def lines(found: Lesions) -> list[str]:
    one, n = found.deletions, len(found.deletions.one)
    first, last = found.band
    kept = [error for error, narrows in zip(one.one, one.narrows, strict=True) if not narrows]
    told = [f"{one.source}: {one.built}, on {found.seen}"]
    if found.classes:
        told.append(f"error {percent(one.error, binomial_error(one.error, found.pictures))}")
    what = "error" if found.classes else "labels changed"
    told.append(f"without one module: {what} {percent(median(kept or one.one))} (median), {percent(max(one.one))} (worst)")
    k, mean = near(one, 10 / 54)
    told.append(f"without {k} of {n}, drawn by chance: {what} {percent(mean.value, mean.error)}")
    if found.beside is not None:
        told.append(f"beside it, {found.beside.built} without one: {percent(median(found.beside.one))} (median)")
    told.append(f"95 % of the gradient: paths through {first} to {last} of {n} modules")
    return told


def near(one: Deletions, share: float) -> tuple[int, Mean]:
    """The count of deleted modules that is nearest to a share of all, and the error."""
    n = len(one.one)
    index = min(range(len(one.counts)), key=lambda place: abs(one.counts[place] - share * n))
    return one.counts[index], one.several[index]


# ---------------------------------------------------------------- the page


def page(found: Lesions) -> Report:
    one = found.deletions
    sections = [single(found), several(found)]
    if found.shuffles:
        sections.append(order(found))
    sections += [norms(found), paths(found)]
    if found.gates:
        sections.append(gates(found))
    sections.append(paper(found))
    if found.classes:
        error = f"Its error is {percent(one.error, binomial_error(one.error, found.pictures))}."
    else:
        error = "The pictures have no labels: an error is a picture whose first label is another than before."
    lead = (
        f"{one.source} has {one.built}. It was examined on {found.seen}. {error} Numbers in brackets are standard errors. Nothing "
        "is trained: every lesion is made in the finished network."
    )
    return Report("Lesions of a residual network", lead, sections, numbers(found))


def what(found: Lesions) -> str:
    return "error, %" if found.classes else "labels changed, %"


def level(axes: Any, found: Lesions) -> None:
    """The error of guessing, and that of the intact network."""
    axes.set_ylim(0, 104)
    axes.set_ylabel(what(found))
    if found.classes:
        chance = 100 * (1 - 1 / found.classes)
        axes.axhline(chance, color=GREY, linewidth=1.2, linestyle=":")
        axes.text(0.995, chance + 1, "guessing", color=GREY, ha="right", va="bottom", transform=axes.get_yaxis_transform())


def single(found: Lesions) -> Section:
    one, other = found.deletions, found.beside

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        level(axes, found)
        for which, colour in ((other, OTHER), (one, OURS)):
            if which is None:
                continue
            at = range(1, len(which.one) + 1)
            axes.plot(
                at, [100 * error for error in which.one], color=colour, marker="o", markersize=4, linewidth=1, label=which.built
            )
            narrow = [(n, 100 * error) for n, error, changes in zip(at, which.one, which.narrows, strict=True) if changes]
            if narrow and which is one:
                axes.plot(*zip(*narrow, strict=True), "s", color=colour, markersize=10, fillstyle="none")
                axes.annotate("changes the size", narrow[-1], xytext=(8, 12), textcoords="offset points", color=colour)
        axes.set_xlabel("the module that is deleted")
        if other is not None:
            axes.legend(loc="center right")

    worst = max(range(len(one.one)), key=one.one.__getitem__)
    says = (
        f"Each module is deleted in turn; its shortcut stays. The worst one to lose is number {worst + 1}: "
        f"{percent(one.one[worst])}."
    )
    if other is not None:
        says += (
            f" The network beside it ({other.built}) has an error of {percent(median(other.one))} (median) after the same. Where a "
            "part must never fail, give it a way around."
        )
    else:
        says += " A module that costs nothing when it is gone can be pruned."
    return Section("one", "One module less", says, chart(draw))


def several(found: Lesions) -> Section:
    one, other, n = found.deletions, found.beside, len(found.deletions.one)

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        level(axes, found)
        for which, colour in ((other, OTHER), (one, OURS)):
            if which is None:
                continue
            at = [0, *which.counts]
            means = [Mean(which.error, 0.0), *which.several]
            axes.errorbar(
                at, [100 * mean.value for mean in means], [100 * mean.error for mean in means], color=colour, marker="o",
                markersize=4, capsize=3, label=which.built,
            )  # fmt: skip
        axes.set_xlabel("modules that are deleted, drawn by chance")
        if other is not None:
            axes.legend(loc="lower right")

    k, mean = near(one, 10 / 54)
    says = (
        f"The error rises smoothly, as that of an ensemble that loses members: with {k} of {n} modules gone it is "
        f"{percent(mean.value, mean.error)}, though only one in {2**k:,} of the paths is left."
    )
    if not smooth(one):
        says = f"With {k} of {n} modules gone, drawn by chance, the error is {percent(mean.value, mean.error)}."
    return Section("several", "Several modules less", says, chart(draw))


def smooth(one: Deletions) -> bool:
    """Whether no step of the curve is more than half of its whole rise."""
    values = [one.error, *(mean.value for mean in one.several)]
    steps = [b - a for a, b in itertools.pairwise(values)]
    return max(steps) <= 0.5 * (max(values) - values[0])


def order(found: Lesions) -> Section:
    def draw(figure: Any) -> None:
        axes = figure.subplots()
        level(axes, found)
        axes.plot([s.tau for s in found.shuffles], [100 * s.error for s in found.shuffles], "o", color=OURS, alpha=0.6)
        axes.plot([1], [100 * found.deletions.error], "*", color=OURS, markersize=16)
        axes.invert_xaxis()
        axes.set_xlabel("Kendall's tau of the order of the modules (1: as trained)")

    low = min(found.shuffles, key=lambda s: s.tau)
    says = (
        "Pairs of modules of the same shape change places. The error grows with the disorder, up to "
        f"{percent(max(s.error for s in found.shuffles))}; the least tau here is {low.tau:.2f}. Where a little disorder costs "
        "little, a module refines what it gets and does not depend on the one before."
    )
    return Section("shuffled", "Modules in another order", says, chart(draw))


def norms(found: Lesions) -> Section:
    measured = [(k, norm) for k, norm in zip(found.lengths, found.norms, strict=True) if norm.value > 0]

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.set_yscale("log")
        axes.errorbar(
            [k for k, _ in measured], [norm.value for _, norm in measured], [norm.error for _, norm in measured],
            color=OURS, marker="o", markersize=4, capsize=2,
        )  # fmt: skip
        axes.set_xlabel("modules that the path passes; all others it goes around")
        axes.set_ylabel("norm of the gradient at the picture")

    says = "No path carries a gradient."
    if len(measured) > 1:
        (first, short), (last, long) = measured[0], measured[-1]
        ratio = (long.value / short.value) ** (1 / (last - first))
        says = (
            f"The gradient along one path {'shrinks' if ratio < 1 else 'grows'} with its length, by a factor of {ratio:.2g} per "
            "module from the shortest path to the longest."
        )
        if ratio < 1:
            says += " Long paths learn nearly nothing: the depth of the network is not the depth at which it learns."
    return Section("norms", "The gradient along one path", says, chart(draw))


def paths(found: Lesions) -> Section:
    n = len(found.deletions.one)
    counted, (first, last) = path_shares(n), found.band

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.axvspan(first - 0.5, last + 0.5, color=OURS, alpha=0.1, linewidth=0)
        for shares, colour, words in ((counted, GREY, "paths there are"), (found.shares, OURS, "what they carry of the gradient")):
            axes.plot(range(n + 1), [100 * share for share in shares], color=colour, marker="o", markersize=4, label=words)
        axes.legend(loc="upper right")
        axes.set_ylim(0, 125 * max(*counted, *found.shares))
        axes.set_xlabel("modules that a path passes")
        axes.set_ylabel("share, %")

    says = (
        f"There are 2^{n} paths, most of them through about {n / 2:g} modules. 95 % of the gradient comes through paths of {first} "
        f"to {last} modules (shaded), which are {percent(sum(counted[first : last + 1]), digits=2)} of all paths. What paths of a "
        "length carry is their count times the norm along one."
    )
    return Section("paths", "Which paths carry the gradient", says, chart(draw))


def gates(found: Lesions) -> Section:
    at = range(1, len(found.gates) + 1)

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.fill_between(
            at, [gate.low for gate in found.gates], [gate.high for gate in found.gates], color=OURS, alpha=0.2, linewidth=0
        )
        axes.plot(at, [gate.mean for gate in found.gates], color=OURS, marker="o", markersize=4)
        axes.set_ylim(0, 1)
        axes.set_xlabel("module")
        axes.set_ylabel("openness of the gates")

    mean = sum(gate.mean for gate in found.gates) / len(found.gates)
    says = (
        f"A gate of 0 carries its input past the module, one of 1 lets all of the change through. The mean is {mean:.2f}; the band "
        "is from the 10th to the 90th percentile of the channels. Modules with closed gates can be left out."
    )
    return Section("gates", "The gates", says, chart(draw))


def paper(found: Lesions) -> Section:
    one, other, n = found.deletions, found.beside, len(found.deletions.one)
    counted, (first, last) = path_shares(n), found.band
    kept = [error for error, narrows in zip(one.one, one.narrows, strict=True) if not narrows]
    narrow = [error for error, narrows in zip(one.one, one.narrows, strict=True) if narrows]
    rows: list[Sequence[str]] = []
    if found.classes:
        rows.append(("error, nothing deleted", percent(one.error, binomial_error(one.error, found.pictures)), "6.1 %"))
    if kept:
        rows.append(
            ("one module deleted: median, worst", f"{percent(median(kept))}, {percent(max(kept))}", "hardly more than before")
        )
    if narrow:
        rows.append(("one that changes the size: worst", percent(max(narrow)), "somewhat more"))
    if other is not None:
        built = "VGG, without shortcuts: about 90 %" if "plain" in other.built else ""
        rows.append((f"beside it, {other.built}: median", percent(median(other.one)), built))
    for share, theirs in ((10 / 54, "10 of 54: about 20 %"), (20 / 54, "20 of 54: much higher")):
        k, mean = near(one, share)
        rows.append((f"{k} of {n} deleted", percent(mean.value, mean.error), theirs))
    rows.append(("path lengths of 95 % of the gradient", f"{first} to {last} of {n}", "5 to 17 of 54"))
    rows.append(("share of these paths", percent(sum(counted[first : last + 1]), digits=2), "0.45 %"))
    if found.classes and other is not None and (one.drawn or other.drawn) and one.drawn != other.drawn:
        part, whole = (one, other) if one.drawn else (other, one)
        rows.append((
            f"trained with {part.drawn} of {len(part.one)} modules drawn for each batch, and with all",
            f"{percent(part.error, binomial_error(part.error, found.pictures), 2)}, "
            f"{percent(whole.error, binomial_error(whole.error, found.pictures), 2)}",
            "23 of 54: 5.96 %, 6.10 %",
        ))  # fmt: skip
    says = "The same experiments in the paper, on a network of another depth and other pictures: compare the shape, not the number."
    if n == 54:
        says = "The same experiments in the paper, on a network of the same depth and other pictures."
    return Section("paper", "Beside the paper", says, table=Table(("", "here", PAPER), rows))

"""Hulls, triangulations and tours by a trained model, beside the exact answer."""

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from drawgen import images
from drawgen.contract import Points, generator
from drawgen.data import point_files
from drawgen.data.pictures import DataError
from drawgen.data.point_files import PointSet
from drawgen.data.points import MOST
from drawgen.devices import device_of
from drawgen.jobs.asking import Trained, asked, load
from drawgen.jobs.point_answers import KINDS, Given, Pointed, answered, check_picture
from drawgen.jobs.progress import Listener, hearing
from drawgen.jobs.reports import Reports
from drawgen.jobs.verbs import that_can
from drawgen.ranges import ArgumentError, check_range, check_whole

FEWEST = 3
"""Points of a set, at least."""
NAMES = {"hull": "convex hull", "delaunay": "Delaunay triangulation", "tour": "tour"}


def points(
    model: str | os.PathLike[str] | Trained,
    points: Given,
    out: str | os.PathLike[str] | None = None,
    *,
    beams: int = 5,
    constrained: bool = True,
    number: int = 1,
    tour: str | os.PathLike[str] | None = None,
    seed: int = 0,
    size: tuple[int, int] | None = None,
    device: str = "cpu",
    force: bool = False,
    progress: Listener = None,
) -> Pointed:
    """The convex hull, Delaunay triangulation or tour that a trained model points out, beside the exact answer. See `Pointed`.

    `points` is a file (x and y per line; the text format of Vinyals et al. 2015; TSPLIB95), "-" for standard input, random:N for N
    uniform points in the unit square, which `seed` determines, or the points themselves: an array, tensor or list with N rows of x
    and y. There are 3 to 1,000 points. Of a file with several sets, set `number` is taken, from 1 on. `tour` is a TSPLIB file of a
    tour (.opt.tour) to compare with. `beams` is the width of the beam search (1: greedy); without `constrained` the model may give
    an answer that is not valid, such as a polygon that crosses itself.

    Points may have any scale; lengths are in the file's own units and by its own
    rule of distances. Points that coincide are taken once. Tours are compared with the shortest one for up to 20 points, beyond
    that with the best of a local search, or with the file's own if that is shorter.

    `out` is a picture of `size` (height, width in pixels), SVG or JSON; `Pointed.save` writes the same. Raises DataError (a
    ValueError) for points that cannot be used, and a ValueError that names an invalid argument.

    >>> import drawgen
    >>> drawgen.points("pointer_net:hull", [[0, 0], [1, 0], [0, 1], [0.2, 0.2]]).indices
    (0, 1, 2)
    """
    check_whole("beams", beams)
    check_whole("number", number)
    check_range("beams", beams, at_least=1, at_most=100)
    check_range("seed", seed, at_least=0)
    check_range("number", number, at_least=1)
    named = os.fspath(points) if isinstance(points, (str, os.PathLike)) else ""
    file = None if out is None else Path(out)
    if file is not None:
        sources = ["/dev/stdin" if named == "-" else named] if named else []
        images.check_output(file, force=force, kinds=KINDS, sources=[*sources, *([tour] if tour is not None else [])])
        check_picture(file, size)
    elif size is not None:
        check_picture(Path("points.png"), size)
    with hearing(progress) as reports:
        chosen = opened(points, number, seed, reports)
        trained = model if isinstance(model, Trained) else load(os.fspath(model), device=device)
        pointer = that_can(trained.model, Points, trained.source)
        if pointer.kind not in NAMES:
            raise ValueError(
                f"{trained.source} is not a model that finds hulls, triangles or tours of points; it orders {pointer.kind}: "
                "drawgen plot DRAWING -o OUT.svg --order network"
            )
        if tour is not None:
            if pointer.kind != "tour":
                raise ArgumentError("tour", f"is {os.fspath(tour)}, and {trained.source} finds no tours; leave it out")
            name = os.fspath(tour)
            chosen = replace(chosen, label=chosen.label_of(point_files.read_tour(name), name))
        check(chosen, pointer.kind, reports)
        tell_larger(trained, chosen, reports)
        with asked():
            found = answered(pointer, chosen, beams=beams, constrained=constrained, device=device_of(trained.model))
    found = replace(found, size=size)
    if file is not None:
        found.write(file, replace=force)
    return found


# ---------------------------------------------------------------- a user's points


def opened(points: Given, number: int, seed: int, reports: Reports) -> PointSet:
    """A user's points. Raises DataError and ArgumentError."""
    if not isinstance(points, (str, os.PathLike)):
        refuse_more_sets(number, 1, "the points")
        return from_array(points)
    name = os.fspath(points)
    if match := re.fullmatch(r"random:(.*)", name):
        refuse_more_sets(number, 1, name)
        if not re.fullmatch(r"[0-9]{1,9}", match[1]) or not FEWEST <= int(match[1]) <= MOST:
            raise DataError(f"{name} is not a number of points from {FEWEST} to {MOST}; give one, as random:50")
        chosen = torch.rand(int(match[1]), 2, dtype=torch.float64, generator=generator(seed))
        return PointSet(chosen.numpy(), name)
    sets = point_files.read(name)
    refuse_more_sets(number, len(sets), name)
    if len(sets) > 1 and number == 1:
        reports.say(f"{name} has {len(sets)} sets of points; this is number 1")
    if sets[number - 1].note:
        reports.say(sets[number - 1].note)
    return sets[number - 1]


def refuse_more_sets(number: int, count: int, name: str) -> None:
    if number > count:
        raise ArgumentError("number", f"is {number}, and {name} has {count} set{'s' * (count > 1)} of points; give at most that")


def from_array(given: np.ndarray | Tensor | Sequence[Sequence[float]]) -> PointSet:
    """Points that are not in a file. Raises ArgumentError."""
    try:
        array = np.asarray(given.detach().cpu() if isinstance(given, Tensor) else given, np.float64)
    except (TypeError, ValueError) as error:
        raise ArgumentError("points", f"are not N rows of x and y ({error}); give an array N 2") from error
    if array.ndim != 2 or array.shape[1] != 2:
        raise ArgumentError("points", f"are an array of the shape {array.shape}; give N rows of x and y")
    if not (np.abs(array) <= point_files.FARTHEST).all():
        raise ArgumentError("points", f"have a coordinate that is not finite or beyond {point_files.FARTHEST:g}; take it out")
    return PointSet(array, "points")


def tell_larger(trained: Trained, chosen: PointSet, reports: Reports) -> None:
    """Warns that the model was trained on fewer points."""
    least, most = trained.model.spec.counts or (FEWEST, MOST)
    count = len(chosen.points)
    if count > most:
        reports.say(f"{trained.source} was trained on {least} to {most} points, and {chosen.name} has {count}: it may be far off")


def check(chosen: PointSet, kind: str, reports: Reports) -> None:
    """Raises DataError for points without an answer; reports points that coincide."""
    count, name, kept = len(chosen.points), chosen.name, point_files.distinct(chosen.points)
    if len(kept) < FEWEST:
        places = f" at {len(kept)} place{'s' * (len(kept) > 1)}" if len(kept) < count else ""
        raise DataError(f"{name}: {count} point{'s' * (count != 1)}{places}; a {NAMES[kind]} needs at least {FEWEST}")
    if count > MOST:
        raise DataError(f"{name}: {count} points, and at most {MOST} are taken; give a part of them")
    if kind != "tour" and point_files.on_a_line(chosen.points):
        what = "their convex hull is a part of it, without an area" if kind == "hull" else "there are no triangles between them"
        raise DataError(f"{name}: all points lie on one line, so {what}; give other points")
    if len(kept) < count:
        left = next(index for index in range(count) if index not in set(kept.tolist()))
        first = int(np.flatnonzero((chosen.points == chosen.points[left]).all(1))[0])
        reports.say(
            f"{name}: {count - len(kept)} of {count} points coincide with others and are left out, as point {left + 1} with "
            f"{first + 1}; indices are those of all points"
        )

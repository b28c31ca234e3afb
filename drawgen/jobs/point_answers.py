"""What a model pointed at, beside the exact answer: a value that a notebook displays and that can be saved.

Axes: N points, T steps, V points and the end.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Float64
from PIL import Image
from torch import Tensor

from drawgen import files, images
from drawgen.contract import Pointing, Points, TellsProbabilities
from drawgen.data.point_files import PointSet, distinct
from drawgen.geometry import hulls, polygons, tours, triangles
from drawgen.jobs.memory import refuse_more_than_there_is
from drawgen.point_pictures import LEAST_PX, Diagram, Panel, Ring, panels
from drawgen.ranges import ArgumentError, check_size
from drawgen.threads import threads

Given: TypeAlias = str | os.PathLike[str] | np.ndarray | Tensor | Sequence[Sequence[float]]
"""A file, - for standard input, random:N, or the points themselves, N rows of x and y."""

KINDS = (*images.STILL, *images.VECTOR)
"""Endings of its files."""
FORMAT = "drawgen points 1"
EXACT, SEARCHED, GIVEN = "exact", "local search", "file"
"""Where the answer beside the model's is from."""
TOUR_NAMES = {EXACT: "shortest tour", SEARCHED: "best tour of a local search", GIVEN: "the file's tour"}
DRAWING_BYTES = 64
"""Bytes of memory per pixel of a picture while it is drawn, about."""


@dataclass(frozen=True, eq=False, repr=False)
class Pointed:
    """A model's hull, triangles or tour of points, beside the exact answer, from `drawgen.points`. A notebook displays both, and
    `save` writes them as a picture, SVG or JSON.

    >>> import drawgen
    >>> found = drawgen.points("pointer_net:hull", "random:12", seed=1)
    >>> found.figures["area_coverage"] > 0.9
    True
    """

    kind: str
    """hull, delaunay or tour."""
    points: PointSet
    indices: tuple[int, ...]
    """The model's answer, in the form of `contract.Pointing`. Of points that coincide it has the first."""
    score: float
    """Its log-probability under the model, in nats."""
    exact: tuple[int, ...]
    """The exact answer in the same form; of a tour of more than 20 points the shortest that is known."""
    by: str
    """Where `exact` is from: exact, local search, or file."""
    figures: dict[str, float]
    """hull: `same` (whether it is the same polygon), `simple` (whether it does not cross itself), `area_coverage` (its area over
    the hull's; 0 if it is not simple). delaunay: `same`, `triangle_coverage` (share of the exact triangles that it has), `wrong`
    (number of its triangles that are not exact). tour: `valid` (whether it has each point once), `exact_length`, and if it is valid
    `length` and `ratio`, its length over the exact one's. What is true or false is 1 or 0."""
    size: tuple[int, int] | None = None
    """Default height and width of its pictures in pixels."""

    @property
    def texts(self) -> tuple[str, str]:
        """The model's answer and the exact one in words."""
        told = self.figures
        if self.kind == "hull":
            if not told["simple"]:
                own = "not a simple polygon"
            else:
                own = "the same polygon" if told["same"] else f"{percent(told['area_coverage'])} of the area"
            return f"model: {own}", f"convex hull: {len(self.exact)} corners"
        if self.kind == "delaunay":
            many = len(self.exact) // 3
            right = f"{round(told['triangle_coverage'] * many)} of {many} triangles"
            return f"model: {right}, {told['wrong']:.0f} wrong", f"Delaunay triangulation: {many} triangles"
        name = TOUR_NAMES[self.by]
        if not told["valid"]:
            own = f"not a tour ({len(set(self.indices))} of {len(self.exact)} points)"
        else:
            longer = told["ratio"] - 1
            rest = "as short" if abs(longer) < 5e-5 else f"{percent(abs(longer))} {'longer' if longer > 0 else 'shorter'}"
            own = f"length {told['length']:.6g}, {rest}"
        return f"model: {own}", f"{name}: {told['exact_length']:.6g}"

    def __repr__(self) -> str:
        return f"{self.points.name}, {len(self.points.points)} points; {'; '.join(self.texts)}"

    def diagram(self, size: tuple[int, int] | None = None) -> Diagram:
        """Two panels: the model's answer, with what the exact one does not have in orange, and the exact one, dashed."""
        own, exact = rings(self.kind, self.indices), rings(self.kind, self.exact)
        filled = self.kind != "tour"
        right = own if self.figures.get("same") else exact  # the same polygon may have points on its edges
        shown = [Panel(self.texts[0], own, filled, against=right), Panel(self.texts[1], exact, False)]
        return panels(scaled(self.points.plane()), shown, title=repr(self), size=size or self.size)

    def as_json(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "format": FORMAT,
            "kind": self.kind,
            "name": self.points.name,
            "distances": self.points.rule,
            "points": self.points.points.tolist(),
            "indices": list(self.indices),
            "score": self.score,
            "exact": list(self.exact),
            "exact_by": self.by,
            "figures": self.figures,
        }

    @threads(1)
    def pil(self, size: tuple[int, int] | None = None) -> Image.Image:
        """A picture of Pillow, of `size` (height, width)."""
        return Image.fromarray(images.to_bytes(self.diagram(size).pixels()))

    def save(self, path: str | os.PathLike[str], *, size: tuple[int, int] | None = None, force: bool = False) -> None:
        """Writes a picture of `size` (height, width in pixels), SVG, or JSON, by the ending of `path`. An existing file is replaced
        only with `force`. Raises ImageError (a ValueError) and StorageError."""
        out = Path(path)
        images.check_output(out, force=force, kinds=KINDS)
        check_picture(out, size)
        self.write(out, size, replace=force)

    @threads(1)
    def write(self, out: Path, size: tuple[int, int] | None = None, *, replace: bool) -> None:
        """`save` after the checks. Without `replace` an existing file is kept."""
        if out.suffix.lower() == ".json":
            files.write_output(out, (json.dumps(self.as_json()) + "\n").encode(), replace=replace)
        elif out.suffix.lower() == ".svg":
            files.write_output(out, self.diagram(size).svg().encode(), replace=replace)
        else:
            images.save_image(out, self.diagram(size).pixels(), replace=replace)

    @threads(1)
    def _repr_png_(self) -> bytes:
        return images.png(self.diagram().pixels())


# ---------------------------------------------------------------- the model's answer


def answered(model: Points, chosen: PointSet, *, device: torch.device, beams: int = 5, constrained: bool = True) -> Pointed:
    """A model's answer, and the exact one. Both leave out points that coincide with an earlier one."""
    kept = distinct(chosen.points)
    place = {index: position for position, index in enumerate(kept.tolist())}
    label = tuple(place[index] for index in chosen.label if index in place)
    different = replace(chosen, points=chosen.points[kept], ids=(), label=label)
    seen = torch.from_numpy(scaled(different.plane())).to(device)
    answer = model.point([seen], beams=beams, constrained=constrained)[0]
    exact, by = exact_answer(answer.kind, different)
    figures = judged(answer.kind, different, answer.indices, exact)
    return Pointed(answer.kind, chosen, plain(kept[list(answer.indices)]), answer.score, plain(kept[list(exact)]), by, figures)


def steps_of(model: TellsProbabilities, found: Pointed) -> tuple[tuple[int, ...], Float[Tensor, "T V"]]:
    """How the model gives an answer: its indices in the order in which it was trained to give them, and at each step the
    probability of every point, given those before it; last that of the end (`TellsProbabilities`). Points that
    coincide with an earlier one have none.

    >>> import drawgen
    >>> hull = drawgen.load("pointer_net:hull")
    >>> found = hull.point([[0, 0], [1, 0], [0, 1], [0.2, 0.2]])
    >>> indices, probabilities = steps_of(hull.model, found)
    >>> sorted(indices), probabilities.shape  # a step for each corner, and one for the end
    ([0, 1, 2], torch.Size([4, 5]))
    """
    kept = distinct(found.points.points)
    place = {index: position for position, index in enumerate(kept.tolist())}
    seen = torch.from_numpy(scaled(replace(found.points, points=found.points.points[kept], ids=(), label=()).plane()))
    order, told = model.probabilities(seen, [place[index] for index in found.indices])
    every = told.new_zeros(len(told), len(found.points.points) + 1)
    every[:, [*kept.tolist(), -1]] = told
    return plain(kept[list(order)]), every


def check_picture(out: Path, size: tuple[int, int] | None) -> None:
    """Raises ArgumentError or ImageError, before the work, for a size that a file cannot have."""
    if size is None:
        return
    check_size(size)
    if min(size) < LEAST_PX:
        raise ArgumentError("size", f"is {size[1]}x{size[0]}; each side has to have at least {LEAST_PX} pixels")
    if out.suffix.lower() == ".json":
        raise ArgumentError("size", f"is {size[1]}x{size[0]}, and {out} has no pixels; leave it out")
    if out.suffix.lower() not in images.VECTOR:
        images.check_extent(out, *size)
        refuse_more_than_there_is(size[0] * size[1] * DRAWING_BYTES, f"a picture of {size[1]}x{size[0]} pixels")


def percent(share: float) -> str:
    """With one decimal, or as many as tell it from 0 and from 1."""
    for decimals in (1, 2, 3, 4):
        text = f"{100 * share:.{decimals}f}"
        if float(text) not in (0, 100) or share in (0, 1):
            return f"{text} %"
    return f"{100 * share:.3g} %"


def rings(kind: str, indices: tuple[int, ...]) -> list[Ring]:
    """The closed lines of an answer."""
    return list(Pointing(kind, indices, 0.0).triangles) if kind == "delaunay" else [indices]


# ---------------------------------------------------------------- the exact answer


def scaled(points: Float64[np.ndarray, "N 2"]) -> Float64[np.ndarray, "N 2"]:
    """Moved to 0 and divided by a power of two, so that they lie in the unit square: products of four coordinates neither overflow
    nor vanish, and points on a line stay on it."""
    low = points.min(0)
    return np.ldexp(points - low, -int(np.frexp((points - low).max())[1]))


def exact_answer(kind: str, points: PointSet) -> tuple[tuple[int, ...], str]:
    """The exact answer for points that do not coincide, and where it is from. Raises ValueError for points on a line, which have no
    hull with an area and no triangles."""
    plane = scaled(points.plane())
    if kind == "hull":
        return plain(hulls.hull(plane)), EXACT
    if kind == "delaunay":
        return plain(triangles.delaunay(plane).flatten()), EXACT
    lengths = points.distances()
    found = plain(tours.shortest_by(lengths))
    by = EXACT if len(found) <= tours.MOST_EXACT else SEARCHED
    own = points.label if sorted(points.label) == list(range(len(found))) else ()
    if own and by != EXACT and length(lengths, own) <= length(lengths, found):
        return own, GIVEN
    return found, by


def plain(indices: np.ndarray) -> tuple[int, ...]:
    return tuple(indices.tolist())


def length(lengths: Float64[np.ndarray, "N N"], tour: tuple[int, ...]) -> float:
    """The length of a closed tour."""
    return float(lengths[list(tour), list(tour[1:] + tour[:1])].sum())


def judged(kind: str, points: PointSet, indices: tuple[int, ...], exact: tuple[int, ...]) -> dict[str, float]:
    """The figures of a model's answer (`Pointed.figures`)."""
    if kind == "tour":
        lengths = points.distances()
        best = length(lengths, exact)
        told = {"valid": float(sorted(indices) == sorted(exact)), "exact_length": best}
        if told["valid"]:
            own = length(lengths, indices)
            told |= {"length": own, "ratio": own / best if best else 1.0}
        return told
    if kind == "delaunay":
        own_triangles, right = ({frozenset(ring) for ring in rings(kind, each)} for each in (indices, exact))
        found = len(own_triangles & right)
        wrong = len(own_triangles) - found
        return {"same": float(own_triangles == right), "triangle_coverage": found / len(right), "wrong": float(wrong)}
    plane = scaled(points.plane())
    simple = polygons.is_simple(plane[list(indices)])
    covered = abs(polygons.area(plane[list(indices)])) / polygons.area(plane[list(exact)]) if simple else 0.0
    return {"same": float(simple and corners(plane, indices) == set(exact)), "simple": float(simple), "area_coverage": covered}


def corners(plane: Float64[np.ndarray, "N 2"], polygon: tuple[int, ...]) -> set[int]:
    """The points of a polygon at which it turns."""
    there = plane[list(polygon)]
    turns = polygons.turn(np.roll(there, 1, 0), there, np.roll(there, -1, 0))
    return {index for index, turn in zip(polygon, turns.tolist(), strict=True) if turn != 0}

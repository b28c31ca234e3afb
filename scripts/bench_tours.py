"""The local search for tours against known optima: how much longer its tours are, and its CPU seconds.

    uv run python scripts/bench_tours.py DATA [--out scripts/results/bench_tours.md]

DATA holds `tsplib/`, files of TSPLIB (.tsp) with `optima.json` (name -> {"optimum": length}), and `pointer/tsp20_test.txt` and
`tsp50_test.txt`, random sets with good tours in Vinyals' text format. Distances are rounded as TSPLIB rounds them. Each instance is
searched with five seeds.
"""

import argparse
import json
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from drawgen.data import point_files
from drawgen.geometry import tours, tours_cpu
from drawgen.jobs import machine

MORE = 100
"""Rounds per city of a search that is not worth its time."""
SETS = 100
"""Random sets of a file that are searched."""


class Searches(NamedTuple):
    """Searches of one instance, one per seed."""

    gaps: np.ndarray
    """Length over the optimum, less 1."""
    seconds: float
    """CPU seconds of one, mean."""


def length(distances: np.ndarray, tour: np.ndarray) -> float:
    return float(distances[tour, np.roll(tour, -1)].sum())


def searched(distances: np.ndarray, optimum: float, rounds: int) -> Searches:
    scaled = np.ascontiguousarray(distances / distances.max())
    began = time.process_time()
    neighbours = tours_cpu.near(scaled, tours_cpu.NEAR)
    found = [tours_cpu.search(scaled, neighbours, rounds * len(scaled), seed) for seed in range(tours.STARTS)]
    seconds = (time.process_time() - began) / tours.STARTS
    return Searches(np.array([length(distances, tour) for tour in found]) / optimum - 1, seconds)


def cells(found: list[Searches]) -> str:
    """One search: mean, longest, CPU seconds. The best of all: mean, CPU seconds."""
    gaps, seconds = np.array([each.gaps.round(9) for each in found]), float(np.mean([each.seconds for each in found]))
    one = f"{100 * gaps.mean():.2f} ({100 * gaps.max():.2f}) | {seconds:.3f}"
    return f"{one} | {100 * gaps.min(1).mean():.2f} | {seconds * tours.STARTS:.3f}"


def instances(folder: Path) -> list[str]:
    """A row per instance, and the mean of all."""
    optima = json.loads((folder / "optima.json").read_text(encoding="utf-8"))
    rows, few, many = [], [], []
    for name, told in sorted(optima.items(), key=lambda each: int("".join(filter(str.isdigit, each[0])))):
        try:
            cities = point_files.read(folder / f"{name}.tsp")[0]
        except ValueError:
            continue  # a matrix without coordinates
        if cities.rule == point_files.PLAIN:
            continue  # a matrix with coordinates for display
        distances, optimum = cities.distances(), told["optimum"]
        nearest = length(distances, tours_cpu.nearest_neighbour(distances, 0)) / optimum - 1
        few.append(searched(distances, optimum, tours.ROUNDS))
        many.append(searched(distances, optimum, MORE))
        exact = "-"
        if len(distances) <= tours.MOST_EXACT:
            exact = f"{100 * (length(distances, tours.shortest_by(distances)) / optimum - 1):.2f}"
        one = many[-1]
        rows.append(
            f"| {name} | {cities.rule} | {optimum} | {100 * nearest:.1f} | {cells([few[-1]])} | {100 * one.gaps.mean():.2f} "
            f"({100 * one.gaps.max():.2f}) | {one.seconds:.3f} | {exact} |"
        )
    gaps = np.array([each.gaps for each in many])
    return [*rows, f"| all | | | | {cells(few)} | {100 * gaps.mean():.2f} ({100 * gaps.max():.2f}) | | |"]


def random_sets(file: Path) -> str:
    """A row: the mean length of the file's tours, and the search beside them."""
    sets = point_files.read(file)[:SETS]
    own = np.array([length(each.distances(), np.array(each.label)) for each in sets])
    found = [searched(each.distances(), best, tours.ROUNDS) for each, best in zip(sets, own, strict=True)]
    exact = "-"
    if len(sets[0].points) <= tours.MOST_EXACT:
        best = [length(each.distances(), tours.shortest_by(each.distances())) for each in sets]
        exact = f"{100 * float(np.mean(own / best - 1)):.3f}"
    return f"| {file.stem} | {len(sets[0].points)} | {own.mean():.4f} | {cells(found)} | {exact} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("scripts/results/bench_tours.md"))
    options = parser.parse_args()
    points = np.random.default_rng(0).random((10, 2))  # the first calls compile
    searched(point_files.distances(points, point_files.PLAIN), 1.0, 1)
    tours.shortest_by(point_files.distances(points, point_files.PLAIN))
    lines = [
        "# Tours of the local search",
        "",
        f"{machine()}, one thread. Iterated local search (2-opt and Or-opt, `tours_cpu.search`) of",
        f"{tours.ROUNDS} rounds per city: one search (mean and longest of {tours.STARTS} seeds; CPU seconds) and the best of them,",
        f"which `drawgen points` compares with; beside them one search of {MORE} rounds per city. Length over the known optimum,",
        "in percent more. Distances by TSPLIB's rules.",
        "",
        f"| instance | rule | optimum | nearest neighbour | one | s | best of {tours.STARTS} | s | {MORE} rounds | s | Held-Karp |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *instances(options.data / "tsplib"),
        "",
        f"The first {SETS} of each file of random uniform sets: length over the file's tour, in percent more; below 0 the search",
        "is better. Last: the file's tours over the shortest ones (Held-Karp), in percent more.",
        "",
        f"| file | cities | mean length | one | s | best of {tours.STARTS} | s | file over shortest |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(random_sets(options.data / "pointer" / f"tsp{n}_test.txt") for n in (20, 50)),
    ]
    options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

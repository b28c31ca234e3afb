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
from drawgen.jobs.point_answers import ROUNDS

SEEDS = 5
SETS = 100
"""Random sets of a file that are searched."""


class Search(NamedTuple):
    """Searches of one instance, one per seed."""

    gaps: np.ndarray
    """Length over the optimum, less 1."""
    seconds: float
    """CPU seconds of one, mean."""

    def told(self) -> str:
        return f"{100 * self.gaps.mean():.2f} ({100 * self.gaps.max():.2f}) | {self.seconds:.3f}"


def length(distances: np.ndarray, tour: np.ndarray) -> float:
    return float(distances[tour, np.roll(tour, -1)].sum())


def searched(distances: np.ndarray, optimum: float, rounds: int, seeds: int = SEEDS) -> Search:
    scaled = np.ascontiguousarray(distances / distances.max())
    began = time.process_time()
    neighbours = tours_cpu.near(scaled, tours_cpu.NEAR)
    found = [tours_cpu.search(scaled, neighbours, rounds * len(scaled), seed) for seed in range(seeds)]
    seconds = (time.process_time() - began) / seeds
    return Search(np.array([length(distances, tour) for tour in found]) / optimum - 1, seconds)


def instances(folder: Path) -> list[str]:
    """A row per instance, and the mean of all."""
    optima = json.loads((folder / "optima.json").read_text(encoding="utf-8"))
    rows, quick, thorough = [], [], []
    for name, told in sorted(optima.items(), key=lambda each: int("".join(filter(str.isdigit, each[0])))):
        try:
            cities = point_files.read(folder / f"{name}.tsp")[0]
        except ValueError:
            continue  # a matrix without coordinates
        if cities.rule == point_files.PLAIN:
            continue  # a matrix with coordinates for display
        distances, optimum = cities.distances(), told["optimum"]
        nearest = length(distances, tours_cpu.nearest_neighbour(distances, 0)) / optimum - 1
        searches = [searched(distances, optimum, rounds) for rounds in (tours.ROUNDS, ROUNDS)]
        quick.append(searches[0].gaps)
        thorough.append(searches[1].gaps)
        exact = f"{length(distances, tours_cpu.held_karp(distances)) / optimum - 1:.2%}" if len(distances) <= 20 else ""
        cells = " | ".join(search.told() for search in searches)
        rows.append(f"| {name} | {cities.rule} | {optimum} | {100 * nearest:.1f} | {cells} | {exact.removesuffix('%')} |")
    means = [f"{100 * np.mean(gaps):.2f} ({100 * np.max(gaps):.2f})" for gaps in (quick, thorough)]
    return [*rows, f"| mean (longest) | | | | {means[0]} | | {means[1]} | | |"]


def random_sets(file: Path) -> str:
    """A row: the mean length of the file's tours, and of the search's beside it."""
    sets = point_files.read(file)[:SETS]
    own = np.array([length(each.distances(), np.array(each.label)) for each in sets])
    cells = []
    for rounds in (tours.ROUNDS, ROUNDS):
        found = [searched(each.distances(), best, rounds, 1) for each, best in zip(sets, own, strict=True)]
        gaps, seconds = np.concatenate([each.gaps for each in found]), float(np.mean([each.seconds for each in found]))
        cells.append(f"{100 * gaps.mean():.3f} ({100 * gaps.max():.2f}) | {seconds:.4f}")
    exact = "-"
    if len(sets[0].points) <= 20:
        best = [length(each.distances(), tours.shortest_by(each.distances())) for each in sets]
        exact = f"{100 * float(np.mean(own / best - 1)):.3f}"
    return f"| {file.stem} | {len(sets[0].points)} | {own.mean():.4f} | {' | '.join(cells)} | {exact} |"


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
        f"{machine()}, one thread, CPU seconds of one search. `tours_cpu.search`, 2-opt and Or-opt with",
        f"perturbations, {tours.ROUNDS} rounds per city (the labels of training) and {ROUNDS} (`drawgen points`). Length over the",
        f"known optimum, in percent more: mean (longest) of {SEEDS} seeds. Distances by TSPLIB's rules.",
        "",
        f"| instance | rule | optimum | nearest neighbour | {tours.ROUNDS} rounds | s | {ROUNDS} rounds | s | Held-Karp |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *instances(options.data / "tsplib"),
        "",
        f"The first {SETS} of each file of random uniform sets: length over the file's tour, in percent more, mean (longest) over",
        "sets, below 0 where the search is better. Last: the file's tours over the shortest ones (Held-Karp).",
        "",
        f"| file | cities | mean length | {tours.ROUNDS} rounds | s | {ROUNDS} rounds | s | file over shortest |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(random_sets(options.data / "pointer" / f"tsp{n}_test.txt") for n in (20, 50)),
    ]
    options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

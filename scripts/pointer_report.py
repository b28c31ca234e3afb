"""Reports trained pointer networks as the paper does: hulls, triangles, tours.

    uv run python scripts/pointer_report.py RUN --out scripts/results/pointer_hull.md [--data FOLDER] [--sets 10000]

RUN is a model folder of any of the three kinds. FOLDER has the published files of points (convex_hull_5_test.txt, tsp20_test.txt,
tsp50_test.txt). All other sets are drawn here, uniformly, with a seed of their own for each number of points.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from drawgen import jobs, models
from drawgen.geometry import hulls, polygons, tours, triangles

SIZES = {"hull": (5, 10, 20, 50, 100, 200), "delaunay": (5, 10, 20, 50), "tour": (5, 10, 20, 25, 30, 40, 50)}
PAPER = {
    "hull": {5: "92.0 / 99.6", 10: "87.0 / 99.8", 50: "69.6 / 99.9", 100: "50.3 / 99.9", 200: "22.1 / 99.9"},
    "delaunay": {5: "80.7 / 93.0", 10: "22.6 / 81.3", 50: "0 / 52.8"},
    "tour": {5: "2.12 / 2.12", 10: "2.87 / 2.87", 20: "3.88 / 3.83", 25: "4.30", 30: "4.72", 40: "5.91", 50: "7.66"},
}
SEED = 17
ROUNDS = 60
"""Rounds per point of the local search with which long tours are compared."""
WAYS = {
    "greedy, free": {"beams": 1, "constrained": False},
    "greedy": {"beams": 1},
    "beam 5": {"beams": 5, "views": 1},
    "beam 5, 8 views": {"beams": 5, "views": 8},
}


def drawn(sets: int, many: int) -> np.ndarray:
    return np.random.default_rng((SEED, many)).random((sets, many, 2))


def published(file: Path) -> tuple[np.ndarray, list[list[int]]]:
    """Points, and answers as indices, of Vinyals' format."""
    rows = [line.split("output") for line in file.read_text(encoding="utf-8").splitlines()]
    points = np.array([np.array(left.split(), float).reshape(-1, 2) for left, _ in rows])
    return points, [[int(symbol) - 1 for symbol in right.split()[:-1]] for _, right in rows]


def percent(hits: list[bool]) -> str:
    share = np.mean(hits)
    return f"{100 * share:.1f} ± {100 * (share * (1 - share) / len(hits)) ** 0.5:.1f}"


# ---------------------------------------------------------------- the three kinds


def hull_row(points: np.ndarray, found: list) -> list[str]:
    """Accuracy, area coverage of simple polygons, share of others."""
    right, areas, crossed = [], [], []
    for one, row, answer in zip(points, hulls.hulls(points), found, strict=True):
        corners = row[row >= 0].tolist()
        indices = list(answer.indices)
        start = indices.index(corners[0]) if corners[0] in indices else 0
        right.append(indices[start:] + indices[:start] == corners)
        simple = right[-1] or polygons.is_simple(one[indices])
        crossed.append(not simple)
        if simple:
            areas.append(abs(polygons.area(one[indices])) / polygons.area(one[corners]))
    return [percent(right), f"{100 * np.mean(areas):.2f}" if areas else "-", percent(crossed)]


def delaunay_row(points: np.ndarray, found: list) -> list[str]:
    """Accuracy, share of the triangles."""
    right, hits, wanted = [], 0, 0
    for one, answer in zip(points, found, strict=True):
        true = {tuple(row) for row in triangles.delaunay(one).tolist()}
        mine = {tuple(sorted(row)) for row in answer.triangles}
        right.append(mine == true)
        hits, wanted = hits + len(mine & true), wanted + len(true)
    return [percent(right), f"{100 * hits / wanted:.1f}"]


def tour_row(points: np.ndarray, found: list, best: np.ndarray) -> list[str]:
    """Mean length, ratio to the best, share of valid tours."""
    made = [(tours.length(one, np.array(answer.indices)), length) for one, answer, length in zip(points, found, best, strict=True)
            if sorted(answer.indices) == list(range(len(one)))]  # fmt: skip
    if not made:
        return ["-", "-", percent([False] * len(points))]
    lengths, least = np.array(made).T
    ratio = lengths.sum() / least.sum()
    error = (lengths - ratio * least).std() / least.mean() / len(least) ** 0.5
    return [
        f"{lengths.mean():.3f}",
        f"{ratio:.4f} ± {error:.4f}",
        percent([True] * len(made) + [False] * (len(points) - len(made))),
    ]


def best_tours(points: np.ndarray) -> tuple[np.ndarray, str]:
    """Lengths of the shortest tours, and how they were found."""
    exact = points.shape[1] <= tours.EXACT
    found = tours.shortest(points, rounds=ROUNDS)
    how = "exact" if exact else "local search"
    return np.array([tours.length(one, tour) for one, tour in zip(points, found, strict=True)]), how


COLUMNS = {
    "hull": ["accuracy, %", "area, %", "not simple, %"],
    "delaunay": ["accuracy, %", "triangles, %"],
    "tour": ["length", "over the best", "valid, %"],
}


SEARCHES = (
    "± is a standard error. greedy: the most probable symbol at every step. beam 5: beam search. Both are constrained to valid",
    "answers. free: nothing is forbidden but what the model's own mask forbids, where it has one: a point twice.",
)
NOTES = {
    "hull": (
        *SEARCHES,
        "accuracy: the same polygon. area: of the hull, over the answers that are simple polygons. not simple: these are wrong.",
        "paper: Vinyals et al. 2015, Table 1, accuracy / area, of their model for 5 to 50 points. It has 512 units, and reads the",
        "points as they are given, in one direction.",
    ),
    "delaunay": (
        *SEARCHES,
        "accuracy: all triangles, and no other. triangles: the share of the right ones. paper: Vinyals et al. 2015, section 4.2,",
        "accuracy / triangles, with a model for each number of points.",
    ),
    "tour": (
        *SEARCHES,
        "Of the tours of a beam, and of all 8 flips and quarter turns (views), the shortest is taken. over the best: the sum of",
        "the lengths over that of the shortest tours (Held-Karp); *: over that of a local search of 60 rounds per point, which",
        "finds the shortest tour of nearly all sets of 20. paper: Vinyals et al. 2015, Table 2, mean length of their model for 5",
        "to 20 points / of the shortest, on sets of their own.",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sets", type=int, default=10_000)
    parser.add_argument("--few", type=int, default=1000, help="sets for beams, and for more than 50 points")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = models.load(arguments.run)
    kind = model.kind
    names = {"hull": {5: "convex_hull_5_test.txt"}, "tour": {20: "tsp20_test.txt", 50: "tsp50_test.txt"}}.get(kind, {})
    sources = [(many, "") for many in SIZES[kind]]
    if arguments.data:
        sources += [(many, name) for many, name in names.items() if (arguments.data / name).is_file()]
    table = []
    for many, name in sources:
        for way, how in WAYS.items():
            if how.get("views") == 8 and kind != "tour":
                continue
            count = arguments.sets if how["beams"] == 1 and many <= 50 and not (kind == "tour" and many > 20) else arguments.few
            points = published(arguments.data / name)[0][:count] if name else drawn(count, many)
            begun = time.process_time()
            found = model.point([torch.from_numpy(one) for one in points], **how)
            pace = len(points) / (time.process_time() - begun)
            if kind == "hull":
                figures = hull_row(points, found)
            elif kind == "delaunay":
                figures = delaunay_row(points, found)
            else:
                best, best_how = best_tours(points)
                figures = tour_row(points, found, best)
                figures[1] += "" if best_how == "exact" else "*"
            paper = PAPER[kind].get(many, "-") if way == "beam 5" else ""
            cells = [str(many), name or "ours", str(len(points)), way, *figures, paper, f"{pace:.0f}"]
            table.append("| " + " | ".join(cells) + " |")
            print(table[-1], flush=True)
    arguments.out.write_text("\n".join([*heading(arguments.run, kind), *table, "", *NOTES[kind], ""]), encoding="utf-8")


def heading(run: Path, kind: str) -> list[str]:
    name, preset, recipe = jobs.stored_recipe(run)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    seconds = max(line.get("seconds", 0) for line in lines)
    columns = ["points", "sets from", "sets", "search", *COLUMNS[kind], "paper", "sets per CPU second"]
    return [
        f"# {name} {preset}",
        "",
        f"By `scripts/pointer_report.py`. Seed {recipe.fit.seed}, {recipe.fit.steps} steps of {recipe.data.batch} sets of "
        f"{recipe.data.least} to {recipe.data.most} points in {seconds / 60:.0f} minutes on one thread of {jobs.machine()}, shared "
        f"with other work ({recipe.fit.precision}), torch {torch.__version__}; averaged weights. Points are read in the order "
        f"`{recipe.model.order}`, in {'both directions' if recipe.model.bidirectional else 'one direction'}.",
        "",
        "| " + " | ".join(columns) + " |",
        "|" + " --- |" * len(columns),
    ]


if __name__ == "__main__":
    main()

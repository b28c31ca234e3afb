"""`drawgen.points`: answers of models that are right or wrong in known ways, beside the exact ones; and what is refused."""

import io
import json
import logging
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import run
from PIL import Image
from stand_ins.parts import Mean

import drawgen
from drawgen.contract import Pointing, Spec
from drawgen.data.point_files import PointSet
from drawgen.geometry import hulls, tours, triangles
from drawgen.jobs.asking import Trained
from drawgen.jobs.point_answers import exact_answer, length, percent, scaled
from drawgen.jobs.verbs import verbs_of
from drawgen.point_pictures import OTHER
from drawgen.ranges import ArgumentError

HEAD = "NAME : x\nTYPE : TSP\nDIMENSION : 4\nEDGE_WEIGHT_TYPE : EUC_2D\nNODE_COORD_SECTION\n1 0 0\n2 30 40\n3 30 0\n4 0 40\nEOF\n"


class Pointer(Mean):
    """Answers by a function of the points; `seen` is what it was asked."""

    def __init__(self, kind, answer):
        super().__init__(None, Spec(point=2))
        self.kind, self.answer, self.seen = kind, answer, []

    def point(self, points, *, beams=5, constrained=True):
        self.seen.append((points, beams, constrained))
        return [Pointing(self.kind, tuple(int(i) for i in np.ravel(self.answer(each.double().numpy()))), -1.5) for each in points]


RIGHT = {
    "hull": hulls.hull,
    "delaunay": triangles.delaunay,
    "tour": lambda points: tours.shortest(points[None], exact=10, rounds=50)[0],
}


def trained(kind, answer=None):
    return Trained(Pointer(kind, answer or RIGHT[kind]), f"a {kind}")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---------------------------------------------------------------- figures


@pytest.mark.parametrize("kind", RIGHT)
@pytest.mark.parametrize("points", ["random:3", "random:9", [[5e6 + x, 1e-3 * y] for x, y in ((0, 0), (9, 1), (4, 9), (5, 3))]])
def test_right_answers(kind, points):
    found = drawgen.points(trained(kind), points, seed=4)
    assert (found.kind, found.score, found.by) == (kind, -1.5, "exact")
    right = {"hull": {"same": 1, "simple": 1, "area_coverage": 1}, "delaunay": {"same": 1, "triangle_coverage": 1, "wrong": 0}}
    if kind == "tour":
        assert found.figures["valid"] == 1
        assert found.figures["ratio"] == pytest.approx(1)
        assert found.figures["length"] == pytest.approx(found.figures["exact_length"])
        assert found.texts[0].endswith(", as short")
    else:
        assert found.figures == pytest.approx(right[kind])


def test_hulls():
    """A square with a corner cut off, in the other direction; a polygon that crosses itself; a corner on an edge."""
    square = [[0, 0], [4, 0], [4, 4], [0, 4], [2, 0], [1, 1]]
    half = drawgen.points(trained("hull", lambda points: [3, 1, 0]), square)
    assert half.figures == {"same": 0, "simple": 1, "area_coverage": 0.5}
    assert half.texts == ("model: 50.0 % of the area", "convex hull: 4 corners")
    assert half.exact == (0, 1, 2, 3)
    crossed = drawgen.points(trained("hull", lambda points: [0, 2, 1, 3]), square)
    assert crossed.figures == {"same": 0, "simple": 0, "area_coverage": 0}
    assert crossed.texts[0] == "model: not a simple polygon"
    for indices in ([3, 2, 1, 4, 0], [1, 2, 3, 0]):
        same = drawgen.points(trained("hull", lambda points, indices=indices: indices), square)
        assert same.figures == {"same": 1, "simple": 1, "area_coverage": 1}
        assert same.texts[0] == "model: the same polygon"
    assert drawgen.points(trained("hull", lambda points: []), square).figures["simple"] == 0
    assert OTHER in crossed.diagram().svg()
    assert OTHER not in same.diagram().svg()
    along = drawgen.points(trained("hull", lambda points: [0, 4, 1, 2, 3]), square)
    assert OTHER not in along.diagram().svg()  # the same polygon, with a point on an edge


def test_triangles():
    points = [[0, 0], [4, 0], [0, 3], [4, 3.1], [2, 9]]
    exact = triangles.delaunay(np.array(points, float)).tolist()
    found = drawgen.points(trained("delaunay", lambda points: [*exact[0], 4, 0, 1, *exact[1][::-1], 0]), points)
    assert found.figures == {"same": 0, "triangle_coverage": 2 / len(exact), "wrong": 1}
    assert found.texts == (f"model: 2 of {len(exact)} triangles, 1 wrong", f"Delaunay triangulation: {len(exact)} triangles")


def test_tours():
    points = [[0, 0], [3, 4], [3, 0], [0, 4]]
    longer = drawgen.points(trained("tour", lambda points: [0, 1, 2, 3]), points)
    assert longer.figures == pytest.approx({"valid": 1, "exact_length": 14, "length": 18, "ratio": 18 / 14})
    assert longer.texts == ("model: length 18, 28.6 % longer", "shortest tour: 14")
    twice = drawgen.points(trained("tour", lambda points: [0, 1, 1, 3]), points)
    assert twice.figures == {"valid": 0, "exact_length": 14}
    assert twice.texts[0] == "model: not a tour (3 of 4 points)"


def test_beyond_twenty_points_tours_are_searched():
    found = drawgen.points(trained("tour"), "random:30")
    assert found.by == "local search"
    assert found.figures["ratio"] >= 1 - 1e-9
    assert found.texts[1].startswith("best tour of a local search: ")


def test_the_files_own_tour(here):
    """It is the one to compare with if the search finds none that is shorter."""
    points = np.random.default_rng(0).random((30, 2))
    best, _ = exact_answer("tour", PointSet(points, "x"))
    for label, by in ((best, "file"), (tuple(range(30)), "local search")):
        line = " ".join(f"{x:.17g}" for x in points.ravel()) + " output " + " ".join(str(i + 1) for i in (*label, label[0]))
        Path("sets.txt").write_text(line)
        found = drawgen.points(trained("tour"), "sets.txt")
        assert (found.by, found.figures["exact_length"]) == (by, pytest.approx(tours.length(points, np.array(best))))
    assert drawgen.points(trained("hull"), "sets.txt").by == "exact"


def test_a_tour_in_a_file(here):
    Path("x.tsp").write_text(HEAD)
    Path("x.tour").write_text("TYPE : TOUR\nTOUR_SECTION\n1 3 2 4 -1\n")
    found = drawgen.points(trained("tour", lambda points: [0, 1, 2, 3]), "x.tsp", tour="x.tour")
    assert found.figures == {"valid": 1, "exact_length": 140, "length": 180, "ratio": 180 / 140}
    with pytest.raises(ArgumentError, match=r"^tour is x.tour, and a hull finds no tours; leave it out"):
        drawgen.points(trained("hull"), "x.tsp", tour="x.tour")


@pytest.mark.parametrize("n", [4, 25])
def test_distances_that_are_all_rounded_to_zero(here, n):
    cities = "".join(f"{i + 1} {i / 100} {i * i / 3000}\n" for i in range(n))
    Path("x.tsp").write_text(HEAD.split("1 0 0")[0].replace("4", str(n)) + cities)
    found = drawgen.points(trained("tour"), "x.tsp", "x.png")
    assert found.figures == {"valid": 1, "exact_length": 0, "length": 0, "ratio": 1}


def test_known_optima_by_geographical_distances(data):
    for name, optimum in (("burma14", 3323), ("ulysses16", 6859)):
        found = drawgen.points(trained("tour"), data / "tsplib" / f"{name}.tsp")
        assert found.figures["exact_length"] == optimum
        assert found.by == "exact"


def test_an_optimum_in_its_file(data):
    folder = data / "tsplib"
    found = drawgen.points(trained("tour"), folder / "a280.tsp", tour=folder / "a280.opt.tour")  # two of its cities coincide
    assert found.figures["exact_length"] <= 2579 * 1.02
    assert len(found.exact) == 279


# ---------------------------------------------------------------- what the model is asked


@pytest.mark.parametrize("scale", [1e-90, 1e-3, 1.0, 1e95])
def test_any_scale(scale):
    points = np.random.default_rng(1).random((12, 2))
    for kind in RIGHT:
        plain, far = (drawgen.points(trained(kind), each) for each in (points, points * scale))
        assert plain.exact == far.exact
        assert plain.indices == far.indices
        assert far.figures == pytest.approx({n: v * scale if "length" in n else v for n, v in plain.figures.items()})


def test_grids_stay_exact():
    """Three points of a grid on one line are so after the scaling."""
    grid = scaled(np.stack(np.meshgrid(np.arange(0, 70, 7.0), np.arange(0, 70, 7.0)), 2).reshape(-1, 2) + 1e6)
    assert len(hulls.hull(grid)) == 4
    assert 0.5 <= grid.max() < 1


def test_a_model_is_asked_as_the_caller_says():
    pointer = trained("tour")
    drawgen.points(pointer, "random:6", beams=2, constrained=False)
    pointer.point("random:6")
    assert [asked[1:] for asked in pointer.model.seen] == [(2, False), (5, True)]


def test_random_points_depend_on_the_seed_alone():
    one, same, other = (drawgen.points(trained("hull"), "random:10", seed=seed).points.points for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_points_that_coincide(caplog):
    """They are left out, and the indices are still those of all points."""
    caplog.set_level(logging.INFO)
    points = [[0, 0], [0, 0], [4, 0], [4, 4], [4, 0], [0, 4]]
    for kind, indices in (("hull", (0, 2, 3, 5)), ("tour", (0, 2, 3, 5))):
        found = drawgen.points(trained(kind), points)
        assert sorted(found.indices) == sorted(found.exact) == list(indices)
        assert len(found.points.points) == 6
    assert "points: 2 of 6 points coincide with others and are left out, as point 2 with 1; indices are those of all" in caplog.text


def test_several_sets(here, caplog):
    caplog.set_level(logging.INFO)
    Path("sets.txt").write_text("0 0 1 0 0 1 output 1 2 3 1\n0 0 3 0 3 1 0 1 output 1 2 3 4 1\n")
    assert len(drawgen.points(trained("hull"), "sets.txt", number=2).exact) == 4
    assert not caplog.text
    assert len(drawgen.points(trained("hull"), "sets.txt").exact) == 3
    assert "sets.txt has 2 sets of points; this is number 1" in caplog.text


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ("random:2", "random:2 is not a number of points from 3 to 1000; give one, as random:50"),
        ("random:1001", "is not a number of points from 3 to 1000"),
        ("random:x", "random:x is not a number"),
        ([[0, 0], [1, 1]], "points: 2 points; a convex hull needs at least 3"),
        ([[0, 0], [1, 1], [0, 0]], "points: 3 points at 2 places; a convex hull needs at least 3"),
        ([[0, 0], [1, 1], [3, 3]], "points: all points lie on one line, so their convex hull is a part of it, without an area"),
        ([[0, 0], [1, 1], [3, float("nan")]], "points have a coordinate that is not finite"),
        ([[0, 0], [1, 1], [3, 1e200]], "points have a coordinate that is not finite or beyond 1e+100"),
        ([[0, 0, 1]], "points are an array of the shape (1, 3); give N rows of x and y"),
        ([[0, 0], [1]], "points are not N rows of x and y"),
        (np.zeros(3), "points are an array of the shape (3,)"),
        (torch.rand(1001, 2), "points: 1001 points, and at most 1000 are taken; give a part of them"),
        ("no.csv", "no.csv cannot be read"),
        (np.zeros((0, 2)), "points: 0 points; a convex hull needs at least 3"),
        ([[1, 2]] * 5, "points: 5 points at 1 place; a convex hull needs at least 3"),
    ],
)
def test_bad_points(points, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        drawgen.points(trained("hull"), points)


def test_a_model_of_strokes_is_for_another_command():
    strokes = trained("strokes", lambda points: [0])
    assert verbs_of(strokes.model) == []
    with pytest.raises(
        ValueError, match="a strokes is not a model that finds hulls, triangles or tours of points; it orders strokes"
    ):
        drawgen.points(strokes, "random:5")


def test_points_on_a_line():
    line = [[0, 0], [1, 2], [3, 6], [2, 4]]
    assert drawgen.points(trained("tour", lambda points: [0, 1, 2, 3]), line).figures["ratio"] == pytest.approx(1)
    with pytest.raises(ValueError, match="all points lie on one line, so there are no triangles between them"):
        drawgen.points(trained("delaunay"), line)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"beams": 0}, "beams is 0"),
        ({"beams": 101}, "beams is 101"),
        ({"seed": -1}, "seed is -1"),
        ({"number": 0}, "number is 0"),
        ({"number": 2}, "number is 2, and random:5 has 1 set of points"),
        ({"size": (10, 100)}, "size is 100x10; each side has to have at least 64 pixels"),
        ({"beams": True}, "beams is True; it has to be a whole number"),
        ({"size": (100, 100), "out": "new.json"}, "size is 100x100, and new.json has no pixels; leave it out"),
        ({"size": (100, 70_000), "out": "new.jpg"}, "new.jpg would have 70000x100 pixels"),
        ({"out": "new.gif"}, "new.gif cannot hold this"),
        ({"out": "new.txt"}, "new.txt has no known ending"),
    ],
)
def test_bad_options(here, options, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        drawgen.points(trained("hull"), "random:5", **options)
    assert not list(here.iterdir())


def test_the_points_are_not_overwritten(here):
    Path("points.json").write_text("0 0\n1 0\n0 1\n")
    with pytest.raises(ValueError, match="is the file that is read"):
        drawgen.points(trained("hull"), "points.json", "points.json", force=True)


# ---------------------------------------------------------------- files


def test_files(here):
    found = drawgen.points(trained("delaunay"), "random:9", "a.png", size=(200, 300), seed=2)
    with Image.open("a.png") as picture:
        assert picture.size == (300, 200)
    found.save("b.png")
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    found.save("a.svg", size=(100, 200))
    assert 'width="200" height="100"' in Path("a.svg").read_text()
    found.save("a.json")
    told = json.loads(Path("a.json").read_text())
    assert told == found.as_json()
    assert np.array_equal(told["points"], found.points.points)
    assert (told["indices"], told["exact"], told["exact_by"]) == (list(found.indices), list(found.exact), "exact")
    assert (told["format"], told["kind"], told["score"], told["distances"]) == ("drawgen points 1", "delaunay", -1.5, "plain")
    assert told["figures"]["triangle_coverage"] == 1
    with pytest.raises(ValueError, match="exists already"):
        found.save("a.json")


def test_a_notebook_shows_it():
    found = drawgen.points(trained("tour"), "random:7")
    with Image.open(io.BytesIO(found._repr_png_())) as picture:
        assert picture.size[0] == 1024
    assert found.pil((80, 90)).size == (90, 80)
    assert repr(found).startswith("random:7, 7 points; model: length ")


@pytest.mark.parametrize(
    ("share", "text"), [(0.5, "50.0 %"), (0.99996, "99.996 %"), (1.0, "100.0 %"), (0.0, "0.0 %"), (0.00004, "0.004 %")]
)
def test_percentages_are_not_rounded_to_all_or_nothing(share, text):
    assert percent(share) == text


# ---------------------------------------------------------------- against trying all


def test_tours_are_the_shortest_of_all():
    from itertools import permutations

    points = PointSet(np.random.default_rng(5).random((7, 2)), "x")
    lengths = points.distances()
    found, by = exact_answer("tour", points)
    assert by == "exact"
    assert length(lengths, found) == pytest.approx(min(length(lengths, (0, *rest)) for rest in permutations(range(1, 7))))


def test_the_command(here, capsys, monkeypatch):
    """Two lines of text, or JSON; notes and the file's name on standard error."""
    monkeypatch.setattr("drawgen.jobs.pointing.load", lambda source, device: trained("hull", lambda points: [3, 1, 0]))
    Path("square.csv").write_text("x,y\n0,0\n4,0\n4,4\n0,4\n4,4\n")
    status, out, err = run(capsys, "points", "run", "square.csv", "-o", "new.svg", "--beam", "3", "--free")
    assert (status, out) == (0, "model: 50.0 % of the area\nconvex hull: 4 corners\n")
    assert err.splitlines() == [
        "square.csv: 1 of 5 points coincide with others and are left out, as point 5 with 3; indices are those of all points",
        "new.svg",
    ]
    status, out, err = run(capsys, "points", "run", "square.csv", "--json")
    assert (status, json.loads(out)["figures"]["area_coverage"]) == (0, 0.5)
    Path("sets.txt").write_text("0 0 1 0 0 1 1 1 output 1 2 3 1\n" * 2)
    assert run(capsys, "points", "run", "sets.txt")[2] == "sets.txt has 2 sets of points; this is number 1\n"
    status, _, err = run(capsys, "points", "run", "square.csv", "--size", "200x100")
    assert (status, err) == (2, "drawgen: --size is that of a picture, and no file is written; give --out, or leave it out\n")
    assert run(capsys, "points", "run", "random:9", "-o", "new.svg")[2] == (
        "drawgen: new.svg exists already; choose another name or give --force to replace it\n"
    )


def test_more_points_than_it_was_trained_on(here, capsys):
    """The shipped tours were learned of 5 to 20 points."""
    assert run(capsys, "points", "pointer_net:tour", "random:20", "--beam", "1")[2] == ""
    assert run(capsys, "points", "pointer_net:tour", "random:21", "--beam", "1")[2] == (
        "pointer_net:tour was trained on 5 to 20 points, and random:21 has 21: it may be far off\n"
    )

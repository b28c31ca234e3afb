"""Files of points: tables, Vinyals' text format, TSPLIB95."""

import json

import numpy as np
import pytest

from drawgen.data import point_files
from drawgen.data.pictures import DataError

SQUARE = [[0.0, 0.0], [1.0, 0.0], [1.0, 2.5], [0.0, 1e3]]
HEAD = "NAME : four\nTYPE : TSP\nCOMMENT : (of: us)\nDIMENSION : 4\nEDGE_WEIGHT_TYPE : EUC_2D\n"
CITIES = "NODE_COORD_SECTION\n1 0 0\n2 1.0e0 0\n 3 1 2.5\n4 0 1000\n"


@pytest.fixture
def file(tmp_path):
    def write(content, name="points.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize(
    "text",
    [
        "0,0\n1,0\n1,2.5\n0,1e3\n",
        "x,y\r\n0,0\r\n1,0\r\n1,2.5\r\n0,1000",
        "0\t0\n1\t0\n1\t2.5\n0\t+1000\n",
        "\n# a square\n  0 0\n1  0 # its right\n 1   2.5\n\n.0 1.0E3\n",
        "0;0\n1;0\n1;2.5\n0;1000.\n",
        "0, 0\n1, 0\n1, 2.5\n0, 1000\n",
        '"X";"Y"\n"0";"0"\n"1";"0"\n"1";"2.5"\n"0";"1000"\n',
        b"\xef\xbb\xbf0,0\n1,0\n1,2.5\n0,1000\n",
        "x y\n0 0\n1 0\n1 2.5\n0 1000\n".encode("utf-16"),
    ],
)
def test_tables(file, text):
    (found,) = point_files.read(file(text))
    assert found.points.tolist() == SQUARE
    assert (found.rule, found.label, found.note) == (point_files.PLAIN, (), "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty; give one point per line, as 0.25,0.75"),
        ("# nothing\nx,y\n", "holds no points; give one point per line"),
        ("0,0\n1\n", "line 2: there is one column (1); give one point per line, as 0.25,0.75"),
        ("0,0,0\n", "line 1: there are 3 columns (0,0,0); leave only x and y"),
        ("id,x,y\n1,0,0\n", "line 1: there are 3 columns (id, x, y); leave only x and y"),
        ("0,0\nx,y\n", "line 2: 'x' is not a number"),
        ("0,0\n1_0,1\n", "line 2: '1_0' is not a number"),
        ("1,5;2,5\n", "line 1: 1,5 has a decimal comma; write 1.5"),
        ("x\ty\n1,5\t2,5\n", "line 2: 1,5 has a decimal comma; write 1.5"),
        ("1,5 2,5\n", "line 1: 1,5 has a decimal comma; write 1.5"),
        ("1,5,2,5\n", "line 1: 1,5,2,5 has four numbers; if its commas are decimal, write points instead"),
        ("0,0\nnan,1\n", "line 2: a coordinate is nan; take the point out"),
        ("-Infinity,1\n", "line 1: a coordinate is -Infinity"),
        ("0,1e101\n", "line 1: 1e101 is beyond 1e+100"),
        (b"\x89PNG\r\n\x1a\n\xff", "is not text"),
        (b"0,0\0", "is not text, it has zero bytes"),
    ],
)
def test_bad_tables(file, text, told):
    path = file(text)
    with pytest.raises(DataError) as caught:
        point_files.read(path)
    assert str(caught.value).startswith(str(path))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match=r"none.csv cannot be read \(No such file.*\); give a file of points, or random:50"):
        point_files.read(tmp_path / "none.csv")
    with pytest.raises(DataError, match="cannot be read"):
        point_files.read(tmp_path)


def test_standard_input(tmp_path, monkeypatch, file):
    with open(file("0 0\n1 0\n0 1\n"), "rb") as stream:
        monkeypatch.setattr(point_files.files, "read_standard_input", lambda most: stream.read(most))
        assert point_files.read("-")[0].points.tolist() == [[0, 0], [1, 0], [0, 1]]


# ---------------------------------------------------------------- Vinyals et al. 2015


def test_vinyals(file):
    sets = point_files.read(file("0 0 1 0 0 1 .2 .2 output 1 2 3 1 \n\n0 0 1 0 0 1 output 1 2 3 \n"))
    assert [one.label for one in sets] == [(0, 1, 2), (0, 1, 2)]
    assert [len(one.points) for one in sets] == [4, 3]
    assert sets[1].name.endswith("points.csv, line 3")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0 0 1 0 0 output 1", "line 1: there are 5 coordinates, which are not x and y of each point"),
        ("output 1", "line 1: there are 0 coordinates"),
        ("0 0 1 0 output 1 2\n0 0 1 0\n", 'line 2: the word "output" is not there once'),
        ("0 0 1 0 output 1 3", "line 1: '3' is none of the points 1 to 2; the line may have been cut short"),
        ("0 0 1 0 output 0", "line 1: '0' is none of the points 1 to 2"),
        ("0 0 1 nan output 1", "line 1: a coordinate is nan"),
    ],
)
def test_bad_vinyals(file, text, told):
    with pytest.raises(DataError) as caught:
        point_files.read(file(text))
    assert told in str(caught.value)


def test_the_published_file(data):
    sets = point_files.read(data / "pointer" / "convex_hull_5_test.txt")
    assert len(sets) == 8500
    assert sets[0].label == (0, 1, 2, 4)
    assert {len(one.points) for one in sets} == {5}


# ---------------------------------------------------------------- TSPLIB95


@pytest.mark.parametrize("end", ["EOF\n", " EOF", "", "\n\n"])
@pytest.mark.parametrize("letters", [str, str.lower])
def test_tsplib(file, end, letters):
    (found,) = point_files.read(file(letters(HEAD + CITIES + end), "four.tsp"))
    assert found.points.tolist() == SQUARE
    assert (found.rule, found.ids) == ("EUC_2D", (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEAD.replace("4", "5") + CITIES, "DIMENSION is 5, and the file has 4 points: it was cut short; take a fresh copy"),
        (HEAD.replace("4", "3") + CITIES, "DIMENSION is 3, and the file has 4 points: mend the number"),
        (HEAD + CITIES[:-9] + "4 0\n", "line 10: '4 0' is not number, x and y of a point; the file may have been cut short"),
        (HEAD + CITIES.replace("4 0", "3 0"), "line 10: point 3 is there twice"),
        (HEAD, "has no coordinates (NODE_COORD_SECTION); it may have been cut short"),
        (HEAD.replace("EUC_2D", "EXPLICIT") + "EDGE_WEIGHT_SECTION\n0 1 2\n", "has a matrix of distances and no coordinates"),
        (HEAD.replace("EUC_2D", "EUC_3D") + CITIES, "EDGE_WEIGHT_TYPE is EUC_3D; distances are computed for EUC_2D, CEIL_2D, ATT"),
        (HEAD.replace("EDGE_WEIGHT_TYPE : EUC_2D\n", "") + CITIES, "EDGE_WEIGHT_TYPE is not given"),
        (HEAD.replace(": TSP", ": CVRP") + CITIES, "is a problem of the type CVRP; give one of the type TSP"),
        (
            "TYPE : TOUR\nTOUR_SECTION\n1 2 3 -1\n",
            "is a tour without coordinates; give the file of its points (.tsp), and this one as",
        ),
        ("NAME : x\nDIMENSION : 0\nEDGE_WEIGHT_TYPE : GEO\nNODE_COORD_SECTION\nEOF", "holds no points"),
    ],
)
def test_bad_tsplib(file, text, told):
    with pytest.raises(DataError) as caught:
        point_files.read(file(text, "four.tsp"))
    assert told in str(caught.value)


def test_points_that_a_matrix_is_displayed_at(file):
    text = HEAD.replace("EUC_2D", "EXPLICIT") + "EDGE_WEIGHT_SECTION\n1 2 3\n" + CITIES.replace("NODE_COORD", "DISPLAY_DATA")
    (found,) = point_files.read(file(text))
    assert found.points.tolist() == SQUARE
    assert found.rule == point_files.PLAIN
    assert "has a matrix of distances, which is not used" in found.note


def test_tours(file):
    (cities,) = point_files.read(file(HEAD + CITIES.replace("\n4 ", "\n40 "), "four.tsp"))
    tour = file("NAME : x\nTYPE : TOUR\nDIMENSION : 4\nTOUR_SECTION\n1 3\n 40\n2 -1\n9\nEOF\n", "four.opt.tour")
    assert cities.label_of(point_files.read_tour(tour), "four.opt.tour") == (0, 2, 3, 1)
    with pytest.raises(DataError, match=r"other is not a tour of .*four.tsp: it has 3 points and not each of the 4 once"):
        cities.label_of([1, 2, 3], "other")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEAD + CITIES, "it has no TOUR_SECTION; give a file such as berlin52.opt.tour"),
        ("DIMENSION : 4\nTOUR_SECTION\n1\n2\n", "DIMENSION is 4, and the file has 2 points: it was cut short"),
        ("TOUR_SECTION\n1\n2\n1\n-1\n", "has point 1 twice"),
        ("TOUR_SECTION\n1\nx\n", "line 3: 'x' is not the number of a point"),
    ],
)
def test_bad_tours(file, text, told):
    with pytest.raises(DataError) as caught:
        point_files.read_tour(file(text))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (point_files.PLAIN, 2.5),
        ("EUC_2D", 3),  # halves upwards
        ("CEIL_2D", 3),
        ("ATT", 1),  # sqrt(0.625) = 0.79, rounded to 1
    ],
)
def test_rules(rule, expected):
    found = point_files.distances(np.array(SQUARE), rule)
    assert found[1, 2] == expected
    assert np.array_equal(found, found.T)
    assert not found.diagonal().any()


def test_att_is_rounded_up():
    """sqrt((20^2) / 10) = 6.32 is rounded to 6, which is less, and so 7."""
    assert point_files.distances(np.array([[0.0, 0.0], [20.0, 0.0]]), "ATT")[0, 1] == 7


def test_known_optima(data):
    """The lengths of the published optimal tours are the known optima, by each rule."""
    folder, rules = data / "tsplib", set()
    for name, told in json.loads((folder / "optima.json").read_text(encoding="utf-8")).items():
        if told["opt_tour_length_checked"] is None:
            continue
        (cities,) = point_files.read(folder / f"{name}.tsp")
        tour = np.array(cities.label_of(point_files.read_tour(folder / f"{name}.opt.tour"), name))
        assert cities.distances()[tour, np.roll(tour, -1)].sum() == told["optimum"]
        rules.add(cities.rule)
    assert rules == {"EUC_2D", "ATT", "GEO"}


def test_geographical_coordinates_lie_as_on_a_map():
    """Degrees and minutes: 10.30 is ten degrees and a half. East is to the right; a degree of longitude is shorter."""
    cities = point_files.PointSet(np.array([[60.0, 10.30], [60.0, 11.30], [61.0, 10.30]]), "map", "GEO")
    (x, y), east, north = cities.plane()
    assert y == pytest.approx(60, abs=1e-4)
    assert east[0] - x == pytest.approx(np.cos(np.radians(60.5)), abs=1e-4)
    assert north[0] == pytest.approx(x)
    assert north[1] - y == pytest.approx(1, abs=1e-4)


# ---------------------------------------------------------------- points at one place


def test_points_that_coincide():
    assert point_files.distinct(np.array([[3.0, 1], [0, 0], [3, 1], [-0.0, 0], [2, 2]])).tolist() == [0, 1, 4]


@pytest.mark.parametrize("scale", [1e-90, 1.0, 1e90])
def test_points_on_a_line(scale):
    t = np.random.default_rng(0).random(20)
    line = np.stack([3 + t, 1 - 0.3 * t], 1) * scale
    assert point_files.on_a_line(line)
    line[7, 0] += 1e-6 * scale
    assert not point_files.on_a_line(line)
    assert point_files.on_a_line(np.ones((4, 2)))

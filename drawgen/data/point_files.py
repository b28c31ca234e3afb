"""Reads files of points: tables of x and y, the text format of Vinyals et al. (2015), and TSPLIB95 (Reinelt 1991).

Axes: N points.

`docs/pointing.md` lists the formats. The content of a file decides, not its name.
"""

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from drawgen import files
from drawgen.data.pictures import DataError

LARGEST = 1 << 28
"""Largest size of a file, in bytes."""
FARTHEST = 1e100
"""Largest coordinate: beyond it products of four overflow."""
TABLE = "give one point per line, as 0.25,0.75"
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
SECTION = re.compile(r"\s*(\w+_SECTION)\s*:?\s*(.*)", re.DOTALL | re.IGNORECASE)
HEADER = re.compile(r"\s*(\w+)\s*:\s*(.*?)\s*", re.DOTALL)
TSPLIB = re.compile(
    r"^\s*((NAME|TYPE|DIMENSION|EDGE_WEIGHT_TYPE)\s*:|(NODE_COORD|EDGE_WEIGHT|TOUR)_SECTION)", re.MULTILINE | re.IGNORECASE
)
RULES = ("EUC_2D", "CEIL_2D", "ATT", "GEO")
"""The distances of TSPLIB95 that are computed."""
PLAIN = "plain"
"""Distances that are not rounded."""


@dataclass(frozen=True, eq=False)
class PointSet:
    """A set of points, with what its file says of it."""

    points: Float64[np.ndarray, "N 2"]
    """As the file has them."""
    name: str
    rule: str = PLAIN
    """How distances are computed: plain, or one of `RULES`."""
    ids: tuple[int, ...] = ()
    """The numbers of the points in a TSPLIB file; empty: 1, 2 ..."""
    label: tuple[int, ...] = ()
    """The answer that the file has, as indices from 0 on; a polygon or a tour does not repeat its first point. Empty: none."""
    note: str = ""
    """What a reader should know of how the file was read."""

    def plane(self) -> Float64[np.ndarray, "N 2"]:
        """The points with x to the right and y up: of geographical coordinates (latitude, longitude), an equirectangular map with
        the true aspect in its middle, in degrees."""
        if self.rule != "GEO":
            return self.points
        latitude, longitude = np.degrees(radians(self.points)).T
        return np.stack([longitude * math.cos(math.radians((latitude.min() + latitude.max()) / 2)), latitude], 1)

    def distances(self) -> Float64[np.ndarray, "N N"]:
        """Between all pairs, by the file's rule."""
        return distances(self.points, self.rule)

    def label_of(self, ids: Sequence[int], name: str) -> tuple[int, ...]:
        """A tour given by the numbers of its points (`read_tour`), as indices. Raises DataError if it is none of these points."""
        place = {number: index for index, number in enumerate(self.ids or range(1, len(self.points) + 1))}
        if sorted(place) != sorted(ids):
            raise DataError(
                f"{name} is not a tour of {self.name}: it has {len(ids)} points and not each of the {len(place)} once; give its own"
            )
        return tuple(place[number] for number in ids)


# ---------------------------------------------------------------- distances of TSPLIB95


def nint(x: Float64[np.ndarray, "*N"]) -> Float64[np.ndarray, "*N"]:
    """The nearest integer, halves upwards."""
    return np.floor(x + 0.5)


def radians(points: Float64[np.ndarray, "N 2"]) -> Float64[np.ndarray, "N 2"]:
    """Latitude and longitude in DDD.MM, degrees and minutes, as radians, with TSPLIB's pi. Degrees are the whole part, as in the
    programs that computed the known optima; the text of TSPLIB95 says the nearest integer."""
    degrees = np.trunc(points)
    return 3.141592 * (degrees + 5 * (points - degrees) / 3) / 180


def distances(points: Float64[np.ndarray, "N 2"], rule: str) -> Float64[np.ndarray, "N N"]:
    """Distances by a rule of TSPLIB95: EUC_2D (rounded), CEIL_2D (rounded up), ATT (pseudo-Euclidean), GEO (on a sphere of
    6,378.388 km, in km); `PLAIN`: not rounded."""
    if rule == "GEO":
        latitude, longitude = radians(points).T
        q1 = np.cos(longitude[:, None] - longitude)
        q2, q3 = np.cos(latitude[:, None] - latitude), np.cos(latitude[:, None] + latitude)
        found = np.floor(6378.388 * np.arccos(np.clip(0.5 * ((1 + q1) * q2 - (1 - q1) * q3), -1, 1)) + 1)
        np.fill_diagonal(found, 0)
        return found
    x, y = points.T
    straight = np.hypot(x[:, None] - x, y[:, None] - y)
    if rule == "EUC_2D":
        return nint(straight)
    if rule == "CEIL_2D":
        return np.ceil(straight)
    if rule == "ATT":
        exact = np.sqrt(((x[:, None] - x) ** 2 + (y[:, None] - y) ** 2) / 10)
        rounded = nint(exact)
        return np.where(rounded < exact, rounded + 1, rounded)
    return straight


# ---------------------------------------------------------------- files


def read(path: str | Path) -> list[PointSet]:
    """The sets of points of a file, - for standard input: one, or one per line in Vinyals' format. Raises DataError."""
    name = str(path)
    text = text_of(name)
    if TSPLIB.search(text):
        return [tsplib(text, name)]
    lines = text.splitlines()
    if any(re.search(r"\boutput\b", line) for line in itertools.islice(lines, 10)):
        return list(vinyals(lines, name))
    return [table(lines, name)]


def read_tour(path: str | Path) -> list[int]:
    """The numbers of the points in a TSPLIB file of a tour (.opt.tour), in its order; of several tours the first. Raises
    DataError."""
    name = str(path)
    header, sections = parts(text_of(name, "give a tour in TSPLIB's format, such as berlin52.opt.tour"))
    if "TOUR_SECTION" not in sections:
        raise DataError(f"{name} is not a tour in TSPLIB's format, it has no TOUR_SECTION; give a file such as berlin52.opt.tour")
    ids: list[int] = []
    for number, line in sections["TOUR_SECTION"]:
        for word in line.split():
            if word == "-1":
                break
            if not re.fullmatch(r"\d{1,9}", word):
                raise DataError(f"{name}, line {number}: {word!r:.60} is not the number of a point; write the file again")
            ids.append(int(word))
        else:
            continue
        break
    check_dimension(header, len(ids), name)
    if len(set(ids)) < len(ids):
        twice = next(each for each in ids if ids.count(each) > 1)
        raise DataError(f"{name} has point {twice} twice; a tour has each point once")
    return ids


def text_of(name: str, mend: str = "give a file of points, or random:50") -> str:
    """The text of a file or of standard input. Raises DataError, with this `mend` if there is none."""
    try:
        content = files.read_standard_input(LARGEST) if name == "-" else files.read_bytes(Path(name), LARGEST)
    except OSError as error:
        raise DataError(f"{name} cannot be read ({files.reason(error)}); {mend}") from error
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not text ({error.reason} at byte {error.start}); {TABLE}") from error
    if not text.strip():
        raise DataError(f"{name} is empty; {TABLE}")
    if "\0" in text:
        raise DataError(f"{name} is not text, it has zero bytes; {TABLE}")
    return text


def number(word: str, where: str) -> float:
    """A finite number. Raises DataError."""
    if NOT_FINITE.fullmatch(word):
        raise DataError(f"{where}: a coordinate is {word}; take the point out, or give it a place")
    if DECIMAL_COMMA.fullmatch(word):
        raise DataError(f"{where}: {word} has a decimal comma; write {word.replace(',', '.')}")
    if not NUMBER.fullmatch(word):
        raise DataError(f"{where}: {word!r:.60} is not a number; {TABLE}")
    value = float(word)
    if not abs(value) <= FARTHEST:
        raise DataError(f"{where}: {word:.60} is beyond {FARTHEST:g}; give smaller coordinates")
    return value


def table(lines: Sequence[str], name: str) -> PointSet:
    """x and y per line, separated by commas, semicolons, tabs or blanks; # begins a comment; one line of headings is allowed."""
    points: list[tuple[float, float]] = []
    first = True
    for count, line in enumerate(lines, 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        where = f"{name}, line {count}"
        words = cells(line)
        if first and not any(NUMBER.fullmatch(w) or NOT_FINITE.fullmatch(w) or DECIMAL_COMMA.fullmatch(w) for w in words):
            if len(words) > 2:
                raise DataError(f"{where}: there are {len(words)} columns ({', '.join(words):.60}); leave only x and y")
            first = False
            continue
        first = False
        if len(words) == 4 and "," in line and all(re.fullmatch(r"[+-]?\d+", word) for word in words):
            raise DataError(f"{where}: {line:.60} has four numbers; if its commas are decimal, write points instead")
        if len(words) != 2:
            many = f"are {len(words)} columns" if len(words) > 1 else "is one column"
            mend = "leave only x and y" if len(words) > 1 else TABLE
            raise DataError(f"{where}: there {many} ({line:.60}); {mend}")
        points.append((number(words[0], where), number(words[1], where)))
    if not points:
        raise DataError(f"{name} holds no points; {TABLE}")
    return PointSet(np.array(points), name)


def cells(line: str) -> list[str]:
    """The words of a row. Commas separate only if nothing else does: in "1,5;2,5" they are decimal."""
    separator = next((mark for mark in (";", "\t") if mark in line), None)
    if separator is None and re.search(r"[^,\s]\s+[^,\s]", line):
        separator = " "
    words = re.split(r"\s*,?\s+" if separator == " " else separator or ",", line)
    return [word.strip().strip("\"'").strip() for word in words]


def vinyals(lines: Sequence[str], name: str) -> Iterator[PointSet]:
    """One set per line: "x1 y1 ... xN yN output i1 ... ik i1", its indices from 1 on (Vinyals et al. 2015)."""
    filled = [(count, line) for count, line in enumerate(lines, 1) if line.strip()]
    for count, line in filled:
        where = f"{name}, line {count}"
        words = line.split()
        if words.count("output") != 1:
            raise DataError(f'{where}: the word "output" is not there once; a line is "x1 y1 x2 y2 ... output 1 2 ..."')
        middle = words.index("output")
        values = [number(word, where) for word in words[:middle]]
        if not values or len(values) % 2:
            raise DataError(f"{where}: there are {len(values)} coordinates, which are not x and y of each point; mend the line")
        points, label = np.array(values).reshape(-1, 2), []
        for word in words[middle + 1 :]:
            if not re.fullmatch(r"\d{1,9}", word) or not 1 <= int(word) <= len(points):
                raise DataError(f"{where}: {word!r:.60} is none of the points 1 to {len(points)}; the line may have been cut short")
            label.append(int(word) - 1)
        if len(label) > 1 and label[0] == label[-1]:
            label = label[:-1]
        yield PointSet(points, name if len(filled) == 1 else where, label=tuple(label))


# ---------------------------------------------------------------- TSPLIB95


def parts(text: str) -> tuple[dict[str, str], dict[str, list[tuple[int, str]]]]:
    """The header of a TSPLIB file, and its sections: name -> numbered lines."""
    header: dict[str, str] = {}
    sections: dict[str, list[tuple[int, str]]] = {}
    section: list[tuple[int, str]] | None = None
    for count, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if line.strip().upper() == "EOF":
            break
        if match := SECTION.fullmatch(line):
            section = sections.setdefault(match[1].upper(), [])
            if match[2]:
                section.append((count, match[2]))
        elif match := HEADER.fullmatch(line):
            header[match[1].upper()] = match[2]
        elif section is not None:
            section.append((count, line))
    return header, sections


def tsplib(text: str, name: str) -> PointSet:
    """A problem of TSPLIB95 with coordinates. Raises DataError for others, and for a file that was cut short."""
    header, sections = parts(text)
    kind = (header.get("TYPE", "").upper().split() or ["TSP"])[0]
    rule = header.get("EDGE_WEIGHT_TYPE", "").upper()
    if kind == "TOUR" or ("TOUR_SECTION" in sections and "NODE_COORD_SECTION" not in sections):
        raise DataError(f"{name} is a tour without coordinates; give the file of its points (.tsp), and this one as `tour`")
    if kind != "TSP":
        raise DataError(f"{name} is a problem of the type {kind:.60}; give one of the type TSP")
    shown = "DISPLAY_DATA_SECTION" in sections and "NODE_COORD_SECTION" not in sections
    if not shown and "NODE_COORD_SECTION" not in sections:
        if rule == "EXPLICIT" or "EDGE_WEIGHT_SECTION" in sections:
            raise DataError(f"{name} has a matrix of distances and no coordinates, and a model points at points; give another file")
        raise DataError(f"{name} has no coordinates (NODE_COORD_SECTION); it may have been cut short, take a fresh copy")
    if not shown and rule not in RULES:
        raise DataError(
            f"{name}: EDGE_WEIGHT_TYPE is {rule or 'not given'!s:.60}; distances are computed for {', '.join(RULES)}; give one"
        )
    rows: dict[int, tuple[float, float]] = {}
    for count, line in sections["DISPLAY_DATA_SECTION" if shown else "NODE_COORD_SECTION"]:
        where, words = f"{name}, line {count}", line.split()
        if len(words) != 3 or not re.fullmatch(r"\d{1,9}", words[0]):
            raise DataError(f"{where}: {line.strip()!r:.60} is not number, x and y of a point; the file may have been cut short")
        if int(words[0]) in rows:
            raise DataError(f"{where}: point {words[0]} is there twice; give each point a number of its own")
        rows[int(words[0])] = number(words[1], where), number(words[2], where)
    check_dimension(header, len(rows), name)
    if not rows:
        raise DataError(f"{name} holds no points; take a fresh copy")
    points = np.array(list(rows.values()))
    if not shown:
        return PointSet(points, name, rule, tuple(rows))
    note = (
        f"{name} has a matrix of distances, which is not used: the points are those that it is displayed at, and lengths are "
        "straight lines between them"
    )
    return PointSet(points, name, PLAIN, tuple(rows), note=note)


def check_dimension(header: dict[str, str], count: int, name: str) -> None:
    """Raises DataError if a file does not have as many points as its header says."""
    told = header.get("DIMENSION", str(count))
    if told != str(count):
        fewer = told.isdigit() and count < int(told)
        why = "it was cut short; take a fresh copy" if fewer else "mend the number"
        raise DataError(f"{name}: DIMENSION is {told:.60}, and the file has {count} points: {why}")


# ---------------------------------------------------------------- points at one place


def distinct(points: Float64[np.ndarray, "N 2"]) -> Int64[np.ndarray, " M"]:
    """The indices of the points without those that coincide with an earlier one."""
    _, first = np.unique(points, axis=0, return_index=True)
    return np.sort(first)


def on_a_line(points: Float64[np.ndarray, "N 2"]) -> bool:
    """Whether all points lie on one line, within the rounding of double precision."""
    span = points - points[0]
    far = span[np.abs(span).max(1).argmax()]
    most = float(np.abs(far).max())
    if most == 0:
        return True
    span, far = span / most, far / most
    return float(np.abs(span[:, 0] * far[1] - span[:, 1] * far[0]).max()) <= 1e-12

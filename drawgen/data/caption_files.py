"""Reads files of captions: tables, JSON, COCO's, Karpathy's and Flickr's formats (`docs/captions.md` lists them).

Every format is read into the same list of entries: the path of a picture, its captions, and its split, if the data has splits. A
`Report` records what is used and what is left out.
"""

import ast
import csv
import io
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from drawgen.data.picture_names import PictureNames
from drawgen.data.pictures import DataError
from drawgen.file_kinds import PICTURES
from drawgen.files import files_in, read_bytes

OWN = ("captions.csv", "captions.tsv", "captions.jsonl")
KNOWN = (
    *OWN,
    "captions.json",
    "captions.txt",
    "metadata.csv",
    "metadata.jsonl",
    "dataset.json",
    "dataset_flickr8k.json",
    "dataset_flickr30k.json",
    "dataset_coco.json",
    "flickr8k.token.txt",
    "results_20130124.token",
    "results.csv",
)
"""Names of the files of captions in a folder, in order of preference, in any case."""
TABLES = (".csv", ".tsv", ".jsonl", ".ndjson")
READ = (*TABLES, ".json", ".txt", ".token")
PICTURE_NAMES = ("picture", "image", "file", "file_name", "filename", "path", "image_name", "image_file", "image_path", "file_path")
PICTURE_NAMES_TOO = ("filepath", "img", "photo", "image_id", "id")
"""Used if none of the others exists."""
CAPTION_NAMES = ("caption", "captions", "text", "sentence", "sentences")
CAPTION_NAMES_TOO = ("comment", "comments", "description", "descriptions", "raw")
SPLIT_NAMES = ("split", "subset", "partition", "set")
SPLITS = {
    **dict.fromkeys(("train", "training", "restval"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}
COCO = re.compile(r"(?:captions|image_info|instances)_((?:train|val|test|unlabeled)(?:-?dev)?(\d*))", re.I)
COCO_FOLDER = re.compile(r"(?:train|val|test|unlabeled)\d{4}")
TOKEN = re.compile(r"([^\t#]+)#\d+\t(.*)")
MOST_BYTES = 2**31


class Entry(NamedTuple):
    """A picture's file and its captions."""

    picture: str
    captions: list[str]
    split: str | None
    """train, valid or test, if the data has splits."""


class Row(NamedTuple):
    """A picture's name in a file, and captions of it; a picture may have several rows."""

    picture: str
    captions: list[str]
    split: str | None = None


class Report:
    """Sentences about the data in use, and what is left out: name -> reason (the kind of fault, then details after a colon or a
    semicolon). With `strict` the first entry that would be left out raises DataError."""

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self.used: list[str] = []
        self.left_out: dict[str, str] = {}

    def leave_out(self, name: str, why: str) -> None:
        if self.strict:
            raise DataError(f"{name}: {why}; mend it, or leave data.strict out to continue without it")
        self.left_out[name] = why

    def first(self) -> str:
        return next((f"{name}: {why}" for name, why in self.left_out.items()), "")


def read(path: Path, pictures: str, report: Report) -> list[Entry]:
    """The entries of a folder or file whose pictures exist. Raises DataError."""
    entries: list[Entry] = []
    for file, split in sources(path, report):
        found = read_file(file, pictures, report)
        entries += [entry._replace(split=split) for entry in found] if split else found
    return entries


def sources(path: Path, report: Report) -> list[tuple[Path, str | None]]:
    """The files of captions in a folder, each with its split if there are several; for a file, the file itself."""
    if not path.is_dir():
        return [(path, None)]
    try:
        files = files_in(path, READ)
        folders = sorted(folder for folder in path.iterdir() if folder.name.lower() in (*SPLITS, "annotations") and folder.is_dir())
        inside = {folder: files_in(folder, READ) for folder in folders}
    except OSError as error:
        raise DataError(f"the folder {path} cannot be read ({error.strerror}); change its permissions") from error
    known = sorted((file for file in files if file.name.lower() in KNOWN), key=lambda file: KNOWN.index(file.name.lower()))
    if known:
        if known[1:]:
            report.used.append(f"{known[0].name} is read, and {' and '.join(file.name for file in known[1:])} beside it is not")
        return [(known[0], None)]
    coco: list[tuple[Path, str | None]] = []
    parted: dict[Path, tuple[Path, str | None]] = {}
    for file in itertools.chain(files, *(inside[folder] for folder in folders)):
        name = COCO.fullmatch(file.stem)
        if name and file.name.lower().startswith("captions_") and file.suffix.lower() == ".json":
            coco.append((file, SPLITS.get(re.sub(r"-?dev|\d", "", name[1].lower()))))
        elif file.parent in inside and file.name.lower() in ("metadata.csv", "metadata.jsonl"):
            parted.setdefault(file.parent, (file, SPLITS.get(file.parent.name.lower())))
    if len({split for _, split in coco}) < len(coco):
        raise DataError(
            f"the folder {path} holds captions of COCO of more than one year ({', '.join(file.name for file, _ in coco)}); name "
            "one by data.path, and that for validation by data.valid"
        )
    told = coco or list(parted.values())
    tables = [file for file in files if file.suffix.lower() in TABLES]
    if not told and len(tables) == 1:
        told = [(tables[0], None)]
    if not told:
        which = f" that is known, and several tables ({', '.join(file.name for file in tables[:3])})" if tables else ""
        raise DataError(
            f"the folder {path} holds no captions{which}; put {', '.join(OWN[:2])} or {OWN[2]} into it, beside its pictures, or "
            "name the file by data.path"
        )
    return told if len(told) > 1 else [(told[0][0], None)]


def read_file(file: Path, pictures: str, report: Report) -> list[Entry]:
    """The entries of one file. `pictures` is their folder, if they are not near the file. Raises DataError."""
    rows, own = rows_of(file, text_of(file), report)
    names = PictureNames(places(file, pictures))
    entries = resolved(rows, names, file, report)
    if own:
        for other in names.others({entry.picture for entry in entries}):
            if other not in report.left_out:
                report.leave_out(other, f"{file.name} has no caption of it")
    return entries


def rows_of(file: Path, text: str, report: Report) -> tuple[list[Row], bool]:
    """(the rows of a file, whether it is a user's own list). Raises DataError."""
    suffix = file.suffix.lower()
    if suffix not in READ:
        raise DataError(f"{file} is no file of captions that is known; give .csv, .tsv, .jsonl, .json or Flickr8k.token.txt")
    own = suffix != ".json"
    if suffix == ".json":
        rows, own = read_json(text, file, report)
    elif suffix in (".jsonl", ".ndjson"):
        rows = read_lines(text, file, report)
    elif TOKEN.match(text.lstrip()):
        rows, own = read_flickr(text, file, report), False
    else:
        rows = read_table(text, file, report)
    if not rows:
        why = report.first()
        raise DataError(f"{file} holds no captions that can be used{f' ({why})' if why else ''}; give one with some")
    return listed_splits(rows, file, report), own


def read_texts(file: Path, report: Report, *, without: Iterable[str] = ()) -> list[list[str]]:
    """The captions in a file, without pictures: those of one picture together. The file has any format that is known, or one
    caption per line. Those of pictures for validation or test are left out, and those of the pictures named in `without`, whatever
    their folder. Raises DataError."""
    text = text_of(file)
    out = {stem_of(name) for name in without}
    if file.suffix.lower() == ".txt" and not has_pictures(text):
        lines = (line.strip() for line in text.splitlines())
        rows = [Row(str(number), [line]) for number, line in enumerate(lines) if any(map(str.isalnum, line))]
    else:
        rows, _ = rows_of(file, text, report)
    found: dict[str, list[str]] = {}
    left: set[str] = set()
    for row in rows:
        stem = stem_of(row.picture)
        if row.split in (None, "train") and stem not in out:
            found.setdefault(stem, []).extend(row.captions)
        else:
            left.add(stem)
    groups = [captions for captions in found.values() if captions]
    if not groups:
        raise DataError(f"{file} holds no captions to learn from, beyond those that are measured on; give one with some")
    count = sum(map(len, groups))
    held_out = f"; those of {len(left)} held-out pictures are left out" if left else ""
    report.used.append(f"{file.name}: {count} captions to learn the language from{held_out}")
    return groups


def stem_of(name: str) -> str:
    """The name of a picture without its folder and ending, by which it is known in other files: X of a/X.jpg, and of X.jpg.1, as
    Flickr8k names one picture."""
    name = re.split(r"[/\\]", name)[-1].lower()
    endings = "|".join(ending.lstrip(".") for ending in PICTURES)
    return re.sub(rf"\.(?:{endings})(?:\.\d+)?$", "", name)


def has_pictures(text: str) -> bool:
    """Whether a text is a table of pictures or Flickr's format; otherwise each line is a caption."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    for separator in (",", "\t", ";", "|"):
        cells = [cell.strip().strip('"').lower() for cell in head.split(separator)]
        if len(cells) > 1 and (columns(cells) or Path(cells[0]).suffix in PICTURES):
            return True
    return TOKEN.match(head) is not None


def text_of(file: Path) -> str:
    """Decodes UTF-8, or UTF-16 and UTF-32 with a byte order mark. Raises DataError, with the line, for anything else."""
    try:
        content = read_bytes(file, MOST_BYTES)
    except OSError as error:
        raise DataError(
            f"{file} cannot be read ({error.strerror}); give a folder with captions.csv, or a file of captions"
        ) from error
    marks = {b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    encoding = next((name for mark, name in marks.items() if content.startswith(mark)), "utf-8-sig")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        if encoding != "utf-8-sig":
            raise DataError(f"{file}, line {line}, is not {encoding.upper()} ({error.reason}); save the file as UTF-8") from error
        raise DataError(
            f"{file}, line {line}, is not UTF-8 (byte {content[error.start]:#04x}, {error.reason}; perhaps Windows-1252); save the "
            "file as UTF-8 (in Excel: CSV UTF-8)"
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{file}, line {line}, has zero bytes, as UTF-16 without its mark; save the file as UTF-8")
    return text


# ---------------------------------------------------------------- pictures


def places(file: Path, pictures: str) -> list[Path]:
    """The folders that may have the pictures of a file of captions, the likeliest first. For COCO's captions_val2014.json it is
    val2014 only, if it exists, because train2014 may have files with the same names. Raises DataError."""
    around, given = file.parent, Path(pictures)
    if pictures and not given.is_dir():
        raise DataError(f"the folder of pictures {pictures} does not exist; check data.pictures")
    coco = COCO.fullmatch(file.stem)
    if coco:
        name = re.sub("-?dev", "", coco[1])  # test-dev is a part of test
        other = bool(pictures and COCO_FOLDER.fullmatch(given.name) and COCO_FOLDER.fullmatch(name) and given.name != name)
        above = [around, around / "images", around.parent, around.parent / "images"]
        if pictures:
            above = [given.parent] if other else [given, given / "images"]
        own = next((folder / name for folder in above if (folder / name).is_dir()), None)
        if own is not None and given.name != name:
            return [own]
        if other:
            raise DataError(f"{file} is of the pictures of {name}, and data.pictures is {given}; name their folder, or that above")
    if pictures:
        return [given]
    return [around, around / "images", around / "Images", around.parent / "images", around.parent / "Images"]


def resolved(rows: Sequence[Row], names: PictureNames, file: Path, report: Report) -> list[Entry]:
    """One entry per picture, in the order of first occurrence. Raises DataError if no picture exists."""
    paths: dict[str, str | None] = {}
    found: dict[str, Entry] = {}
    torn: dict[str, str] = {}
    for name, captions, split in rows:
        if name not in paths:
            paths[name] = names.find(name)
        path = paths[name]
        if path is None:
            continue
        if path not in found:
            found[path] = Entry(path, [], split)
        elif found[path].split != split:
            torn[path] = f"it stands in two splits: {found[path].split} and {split}"
        found[path].captions.extend(captions)
    missing = [name for name, path in paths.items() if path is None]
    if not found:
        tried = " and ".join(folder for folder in names.folders if Path(folder).is_dir())
        raise DataError(
            f"none of the pictures of {file} is in {tried} ({missing[0]} is the first: {names.why_not(missing[0])}); name their "
            "folder by data.pictures"
        )
    for name in missing:
        report.leave_out(name, names.why_not(name))
    for path, why in torn.items():
        report.leave_out(path, why)
    entries = []
    for path, entry in found.items():
        if not entry.captions:
            report.leave_out(path, "it has no caption")
        elif path not in torn:
            entries.append(entry)
    count = sum(len(entry.captions) for entry in entries)
    report.used.append(f"{file.name}: {count} captions of {len(entries)} pictures")
    return entries


def listed_splits(rows: list[Row], file: Path, report: Report) -> list[Row]:
    """Adds splits to rows without one, from lists of names beside the file (Flickr_8k.trainImages.txt, train.txt and the like)."""
    if any(row.split for row in rows):
        return rows
    known = {row.picture for row in rows}
    splits: dict[str, str] = {}
    lists = []
    for beside in files_in(file.parent, {".txt"}):
        name = re.fullmatch(r"(?:flickr_?8k\.)?([a-z]+?)(?:images)?", beside.stem.lower())
        if beside == file or not name or name[1] not in SPLITS:
            continue
        told = text_of(beside).split()
        if 2 * len(known.intersection(told)) > len(told):
            splits |= dict.fromkeys(told, SPLITS[name[1]])
            lists.append(beside.name)
    if not lists:
        return rows
    kept = [row._replace(split=splits[row.picture]) for row in rows if row.picture in splits]
    without = len(known) - len({row.picture for row in kept})
    none = f"; {without} pictures that are in none of them are not used" if without else ""
    report.used.append(f"the splits are those of {' and '.join(lists)}{none}")
    return kept


def coco_pictures(file: Path, pictures: str, report: Report) -> list[tuple[int, str]]:
    """(image_id, path) of all images of a COCO file, with captions or without. Raises DataError."""
    whole = parsed(text_of(file), str(file))
    if not (isinstance(whole, dict) and isinstance(whole.get("images"), list)):
        raise DataError(f"{file} has no list `images`; give a COCO file, as captions_val2017.json or image_info_test2017.json")
    names = PictureNames(places(file, pictures))
    found, missing = [], ""
    for number, image in enumerate(whole["images"]):
        try:
            name, key = checked(image["file_name"]), image["id"]
            if isinstance(key, bool) or not isinstance(key, int):
                raise TypeError(f"the id {key!r:.40} is no whole number")
        except (KeyError, TypeError):
            report.leave_out(f"{file.name}, images[{number}]", "it has to have an id and a file_name")
            continue
        path = names.find(name)
        if path is None:
            missing = missing or name
            report.leave_out(name, names.why_not(name))
        else:
            found.append((key, path))
    if not found:
        tried = " and ".join(folder for folder in names.folders if Path(folder).is_dir())
        raise DataError(f"none of the pictures of {file} is in {tried} ({missing} is the first); name their folder")
    return found


# ---------------------------------------------------------------- tables


class Columns(NamedTuple):
    """The roles of a table's columns."""

    picture: int
    captions: list[int]
    split: int | None


def columns(header: Sequence[str]) -> Columns | None:
    """The roles by the header; None without a column of pictures or of captions."""
    picture = next((header.index(n) for n in (*PICTURE_NAMES, *PICTURE_NAMES_TOO) if n in header), None)
    bases = [re.sub(r"[ _-]?\d+$", "", name) for name in header]
    family = next((base for names in (CAPTION_NAMES, CAPTION_NAMES_TOO) for base in bases if base in names), None)
    if picture is None or family is None:
        return None
    split = next((header.index(n) for n in SPLIT_NAMES if n in header), None)
    return Columns(picture, [n for n, base in enumerate(bases) if base == family], split)


def read_table(text: str, file: Path, report: Report) -> list[Row]:
    """Reads a table: a header with a column of pictures and one or more of captions, then one line per row, with cells separated by
    commas, tabs, semicolons or bars. Without a header, the first cell is a picture's file name and the second its caption."""
    first = 1
    told = re.match(r'"?sep=(.)"?[ \t]*(\r\n|\r|\n|$)', text, re.I)
    if told:
        text, first = text[told.end() :], 2
    lines = re.match(r"(?:[^\S\r\n]*(?:\r\n|\r|\n))*", text)
    skipped = lines[0] if lines else ""
    text, first = text[len(skipped) :], first + len(re.findall(r"\r\n|\r|\n", skipped))
    head = re.split(r"[\r\n]", text, maxsplit=1)[0]
    separators = (told[1],) if told else ("\t", ",", ";", "|") if file.suffix.lower() == ".tsv" else (",", "\t", ";", "|")
    for separator in separators:
        header = [cell.strip().strip('"').strip().lower() for cell in head.split(separator)]
        which = columns(header)
        if which:
            break
    else:
        for separator in separators:
            cells = head.split(separator)
            if len(cells) == 2 and Path(cells[0].strip().strip('"')).suffix.lower() in PICTURES:
                header, which = ["picture", "caption"], Columns(0, [1], None)
                report.used.append(f"{file.name} has no header: its first column is taken for pictures, the second for captions")
                break
        else:
            raise DataError(
                f"{file}, line {first}, has to name the columns picture and caption, separated by commas, tabs, semicolons or |; "
                f"it says {head!r:.80}"
            )
    rows = cells_of(text, separator, first, file, report)
    if header == [cell.strip().strip('"').strip().lower() for cell in head.split(separator)]:
        next(rows, None)
        tell_columns(header, which, file, report)
    return list(table_rows(rows, header, which, separator, file, report))


def tell_columns(header: Sequence[str], which: Columns, file: Path, report: Report) -> None:
    """Reports unused and duplicate columns."""
    twice = [name for name, count in Counter(header).items() if count > 1 and name]
    for name in twice:
        both = header.index(name) in which.captions
        report.used.append(f"{file.name} has the column {name} more than once: {'all are' if both else 'the first is'} read")
    unused = [name for n, name in enumerate(header) if n not in (which.picture, *which.captions, which.split) and name not in twice]
    if any(unused):
        report.used.append(f"{file.name}: unused columns: {', '.join(name for name in unused if name)}")


def cells_of(text: str, separator: str, first: int, file: Path, report: Report) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of a table that begins at line `first`. A quoted cell may contain separators and line breaks, except in a file
    with bars, or in a file with tabs whose quotes are part of the text."""
    if separator == "|":
        yield from plain_cells(text, separator, first)
        return
    if separator == "\t":
        try:
            rows = list(quoted_cells(text, separator, first, file, Report(strict=True)))
        except DataError:
            rows = []
        if not rows or any("\t" in cell and "\n" in cell for _, row in rows for cell in row):
            report.used.append(f"{file.name}: its quotation marks are read as letters, since they do not enclose whole cells")
            yield from plain_cells(text, separator, first)
        else:
            yield from rows
        return
    yield from quoted_cells(text, separator, first, file, report)


def plain_cells(text: str, separator: str, first: int) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), first):
        yield number, line.split(separator)


def quoted_cells(text: str, separator: str, first: int, file: Path, report: Report) -> Iterator[tuple[int, list[str]]]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = first + rows.line_num
        try:
            yield line, next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            if first + rows.line_num != line + 1 or "end of data" in str(error):  # its quote took other rows with it
                raise DataError(f"{file}, line {line}, opens quotation marks that do not end ({error}); close them") from error
            report.leave_out(f"{file.name}, line {line}", f"its quotation marks cannot be read; {error}")


def table_rows(
    rows: Iterable[tuple[int, list[str]]], header: Sequence[str], which: Columns, separator: str, file: Path, report: Report
) -> Iterator[Row]:
    unknown: Counter[str] = Counter()
    known = False
    width, needed = len(header), max(which.picture, which.captions[0], which.split or 0)
    for line, row in rows:
        if not any(map(str.strip, row)):
            continue
        if len(row) != width and (len(row) <= needed or any(map(str.strip, row[width:]))):
            mark = {",": "comma", "\t": "tab", ";": "semicolon"}.get(separator, separator)
            mend = f"put a caption with a {mark} in it into quotes" if separator != "|" else "mend the line"
            why = f"it has not as many cells as the header; {len(row)} cells and the header {width}: {mend}"
            report.leave_out(f"{file.name}, line {line}", why)
            continue
        picture = row[which.picture].strip()
        if not picture:
            report.leave_out(f"{file.name}, line {line}", "it names no picture")
            continue
        split = None
        if which.split is not None:
            value = row[which.split].strip().lower()
            split = SPLITS.get(value)
            if split is None:
                unknown[value] += 1
                why = f"its {header[which.split]} is none of train, val and test: it is {value!r:.40}"
                report.leave_out(f"{file.name}, line {line}", why)
                continue
            known = True
        captions = [text for n in which.captions if n < len(row) for text in several(row[n])]
        said = [caption for caption in captions if any(map(str.isalnum, caption))]
        if not said:
            report.leave_out(f"{file.name}, line {line}", f"it has an empty caption; of {picture}")
        yield Row(picture, said, split)
    if unknown and which.split is not None and not known:
        raise DataError(
            f"{file}: its column {header[which.split]} says {', '.join(repr(value) for value in list(unknown)[:3])}; write train, "
            "val or test, or give the column another name"
        )
    if unknown:
        values = ", ".join(f"{value or 'nothing'} ({count} lines)" for value, count in unknown.most_common(5))
        report.used.append(f"{file.name}: its split is unknown, and such lines are not used: {values}")


def sayable(row: Row, name: str, report: Report) -> Row:
    """The row without empty captions; a row without any caption is reported."""
    captions = [caption for caption in row.captions if any(map(str.isalnum, caption))]
    if not captions:
        report.leave_out(name, f"it has an empty caption; of {row.picture}")
    return row._replace(captions=captions)


def several(cell: str) -> list[str]:
    """The captions of a cell: one, or one per line, or a list in JSON's or Python's notation."""
    cell = cell.strip()
    if cell[:1] == "[" and cell[-1:] == "]":
        for parse in (json.loads, ast.literal_eval):
            try:
                told = parse(cell)
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                continue
            if isinstance(told, list) and told and all(isinstance(text, str) for text in told):
                return [" ".join(text.split()) for text in told]
    return [line for line in map(str.strip, re.split(r"[\r\n]+", cell)) if line] if "\n" in cell or "\r" in cell else [cell]


# ---------------------------------------------------------------- lines and JSON


def read_flickr(text: str, file: Path, report: Report) -> list[Row]:
    """Reads lines of the form NAME.jpg#K, a tab, and the caption."""
    rows: list[Row] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        told, name = TOKEN.fullmatch(line.rstrip("\r")), f"{file.name}, line {number}"
        if told is None:
            report.leave_out(name, f"it has to be NAME.jpg#NUMBER, a tab and a caption; it is {line!r:.60}")
        else:
            rows.append(sayable(Row(told[1], [told[2].strip()]), name, report))
    return rows


def read_lines(text: str, file: Path, report: Report) -> list[Row]:
    """Reads one JSON object per line."""
    items = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            items.append((f"{file.name}, line {number}", json.loads(line)))
        except (ValueError, RecursionError) as error:
            report.leave_out(f"{file.name}, line {number}", f"it is not JSON with one object per line: {error}")
    return read_objects(items, file, report)


def read_objects(items: Iterable[tuple[str, Any]], file: Path, report: Report) -> list[Row]:
    """Reads objects with a picture, a caption or a list of captions, and optionally a split, under the names that columns may
    have."""
    rows: list[Row] = []
    seen: dict[tuple[str, ...], Columns | None] = {}
    unused: dict[str, None] = {}
    for name, item in items:
        values = {key.strip().lower(): value for key, value in item.items()} if isinstance(item, dict) else {}
        keys, cells = tuple(values), list(values.values())
        if keys not in seen:
            which = seen[keys] = columns(keys)
            if which:
                unused |= {key: None for n, key in enumerate(keys) if n not in (which.picture, *which.captions, which.split)}
        which = seen[keys]
        picture = cells[which.picture] if which else None
        found = [cells[n] for n in which.captions if cells[n] is not None] if which else []
        captions: list[Any] = []
        for value in found:
            captions += value if isinstance(value, list) else several(value) if isinstance(value, str) else [value]
        captions = [told.get("raw", told.get("caption")) if isinstance(told, dict) else told for told in captions]
        picture = str(picture) if isinstance(picture, int) and not isinstance(picture, bool) else picture
        if not (which and isinstance(picture, str) and all(isinstance(text, str) for text in captions)):
            report.leave_out(name, f'it has to be {{"picture": "NAME", "caption": "TEXT"}}; it is {json.dumps(item)!r:.60}')
            continue
        if not picture.strip():
            report.leave_out(name, "it names no picture")
            continue
        split = None
        if which.split is not None:
            split = SPLITS.get(str(cells[which.split]).strip().lower())
            if split is None:
                report.leave_out(name, f"its {keys[which.split]} is none of train, val and test: it is {cells[which.split]!r:.40}")
                continue
        rows.append(sayable(Row(picture.strip(), captions, split), name, report))
    if unused:
        report.used.append(f"{file.name}: unused keys: {', '.join(unused)}")
    return rows


def parsed(content: str, name: str) -> Any:
    """Raises DataError."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name} is not JSON ({error}); take the original file") from error


def read_json(content: str, file: Path, report: Report) -> tuple[list[Row], bool]:
    """(rows, whether it is a user's own list) of COCO's captions, Karpathy's data sets, a list of objects, or an object that maps
    names of pictures to captions."""
    whole = parsed(content, str(file))
    if isinstance(whole, list):
        return read_objects(((f"{file.name}[{n}]", item) for n, item in enumerate(whole)), file, report), True
    if isinstance(whole, dict) and isinstance(whole.get("images"), list):
        if "annotations" in whole:
            return read_coco(whole, file, report), False
        return read_karpathy(whole["images"], file, report), False
    if isinstance(whole, dict) and whole and all(Path(name).suffix.lower() in PICTURES for name in whole):
        items = ((f"{file.name}, {name}", {"picture": name, "caption": told}) for name, told in whole.items())
        return read_objects(items, file, report), True
    raise DataError(
        f"{file} has no list `images`; give COCO's captions_*.json, Karpathy's dataset JSON, or a list of objects with picture and "
        "caption"
    )


def read_coco(whole: dict[str, Any], file: Path, report: Report) -> list[Row]:
    if not isinstance(whole["annotations"], list):
        raise DataError(f"{file} has no list `annotations`; give COCO's captions_*.json")
    names: dict[Any, str] = {}
    for number, image in enumerate(whole["images"]):
        try:
            names[image["id"]] = checked(image["file_name"])
        except (KeyError, TypeError):
            report.leave_out(f"{file.name}, images[{number}]", "it has to have an id and a file_name")
    rows = [Row(name, []) for name in names.values()]
    for number, annotation in enumerate(whole["annotations"]):
        name = f"{file.name}, annotations[{number}]"
        try:
            rows.append(sayable(Row(names[annotation["image_id"]], [checked(annotation["caption"])]), name, report))
        except (KeyError, TypeError):
            report.leave_out(name, "it has to have a caption and the image_id of a picture in images")
    return rows if any(row.captions for row in rows) else []


def read_karpathy(images: Sequence[Any], file: Path, report: Report) -> list[Row]:
    rows: list[Row] = []
    for number, image in enumerate(images):
        name = f"{file.name}, images[{number}]"
        try:
            picture = f"{image.get('filepath', '')}/{checked(image['filename'])}".lstrip("/")
            captions = [checked(sentence["raw"]) for sentence in image["sentences"]]
            rows.append(sayable(Row(picture, captions, SPLITS[image["split"]]), name, report))
        except (KeyError, TypeError, AttributeError) as error:
            report.leave_out(name, f"it is not as it should be: {type(error).__name__}: {error}")
    return rows


def checked(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value

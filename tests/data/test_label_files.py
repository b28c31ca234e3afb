"""Texts with labels from tables and folders: what is read, and what is refused in one sentence with file and line."""

import gzip
import re

import pytest

from drawgen.data import label_files
from drawgen.data.pictures import DataError

ROWS = [("a b", "x"), ("c, d", "y"), ('e "f"; g', "x")]
CSV = 'a b,x\n"c, d",y\n"e ""f""; g",x\n'


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(here, content, name="t.csv"):
    (here / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return [(row.text, row.label) for row in label_files.read(here / name).rows]


@pytest.mark.parametrize(
    "content",
    [
        CSV,
        "\ufeff" + CSV,
        CSV.encode("utf-16"),
        CSV.replace("\n", "\r\n"),
        CSV.replace("\n", "\n\n\n") + ",\n",
        "text,label\n" + CSV,
        "Label,Text\n" + 'x,a b\ny,"c, d"\nx,"e ""f""; g"\n',
        'id,Class,sentence\n1,x,a b\n2,y,"c, d"\n3,x,"e ""f""; g"\n',
        'a b;x\nc, d;y\n"e ""f""; g";x\n',
        'a b\tx\nc, d\ty\ne "f"; g\tx\n',
        '"a b"\t"x"\nc, d\ty\n"e ""f""; g"\tx',
        "x\ta b\ny\tc, d\nx\te \"f\"; g\n",
        gzip.compress(CSV.encode(), mtime=0),
        " a\u00a0 b ,x \n\"c,\nd\",y\n\"e \"\"f\"\"; g\",x\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
def test_tables(here, content, name):
    """With and without headings, in any order of the columns; separated by commas, semicolons or tabs, whatever the ending."""
    assert rows(here, content, name) == ROWS


def test_letters_with_marks_are_composed(here):
    assert rows(here, "e\u0301,x\nb,y\n") == [("é", "x"), ("b", "y")]


def test_rows_without_text_or_label_are_left_out(here):
    (here / "t.csv").write_text("text,label\na,x\n  ,x\nb,\n", encoding="utf-8")
    table = label_files.read(here / "t.csv")
    assert [row.text for row in table.rows] == ["a"]
    assert list(table.problems.values()) == ["it has no text", "it has no label"]
    assert list(table.problems) == [f"{here / 't.csv'}, line {line}" for line in (3, 4)]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "t.csv is empty; give two columns"),
        ("\n \n", "t.csv is empty"),
        ("text,label\n", "has only a line of headings"),
        ("a\nb\n", "t.csv, line 1: it has one column; give two columns"),
        ("\na,b,c\n", "t.csv, line 2: it has 3 columns, not two, text and label; leave only these, or name them"),
        ("a,x\nb,y\nc, d,x\n", "t.csv, line 3: it has 3 columns, and line 1 2; put a text with a comma into quotation marks"),
        ("a\tx\nb\n", "t.csv, line 2: it has one column, and line 1 2; mend the line"),
        ('a,x\n"b,y\n', "t.csv, line 2: its quotation marks cannot be read"),
        (b"a,x\nb\xff,y\n", r"t.csv, line 2, is not UTF-8 \(byte 0xff, invalid start byte\); save the file as UTF-8"),
        ("a,x\n".encode("utf-16") + b"\x00", "is not UTF-16"),
        ("a,x\nb\0,y\n", "line 2, has zero bytes"),
        (gzip.compress(CSV.encode(), mtime=0)[:-9], "cannot be read"),
        (gzip.compress(CSV.encode(), mtime=0)[:12] + b"\xff" * 9, "cannot be read"),
    ],
)
def test_refused_tables(here, content, told):
    with pytest.raises(DataError, match=told):
        rows(here, content)


def test_files_that_are_not_there(here):
    with pytest.raises(DataError, match=r"no\.csv cannot be read \(No such file or directory\); give two columns"):
        label_files.read(here / "no.csv")
    with pytest.raises(DataError, match=re.escape(f"the folder {here} has 0 files LABEL.txt")):
        label_files.read(here)


def test_folders(here):
    (here / "Old English.txt").write_text("one\n\n two \n", encoding="utf-8")
    (here / "French.TXT.gz").write_bytes(gzip.compress(b"un\ndeux, trois"))
    (here / ".hidden.txt").write_text("x", encoding="utf-8")
    (here / "notes.md").write_text("x", encoding="utf-8")
    found = label_files.read(here).rows
    assert [(row.text, row.label) for row in found] == [
        ("un", "French"), ("deux, trois", "French"), ("one", "Old English"), ("two", "Old English")
    ]  # fmt: skip
    assert found[-1].source.endswith("Old English.txt, line 3")
    (here / "French.txt").write_text("x", encoding="utf-8")
    with pytest.raises(DataError, match=r"has the label French twice"):
        label_files.read(here)

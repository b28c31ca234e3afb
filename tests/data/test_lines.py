"""Lines of text files."""

import gzip

import pytest

from drawgen.data.lines import read_lines
from drawgen.data.pictures import DataError

PACKED = gzip.compress(b"a\nb\n", mtime=0)  # without the time, so that tests have the same names in all processes


@pytest.mark.parametrize(
    "data",
    [b"a\nb\n", b"a\nb", b"a\r\nb\r\n", b"a\rb\r", b"\xef\xbb\xbfa\nb\n", "a\nb\n".encode("utf-16"), PACKED],
)
def test_lines(tmp_path, data):
    (tmp_path / "x.txt").write_bytes(data)
    assert read_lines(tmp_path / "x.txt") == ["a", "b"]


def test_separators_of_unicode_are_no_line_ends(tmp_path):
    (tmp_path / "x.txt").write_text("a\u2028b\x0cc\n", encoding="utf-8")
    assert read_lines(tmp_path / "x.txt") == ["a\u2028b\x0cc"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a\nb\xff\n", "is not UTF-8 .line 2, byte 0xff: invalid start byte.; save it as UTF-8"),
        (b"a\n\0\n", "is not a text .line 2 has a zero byte.; give a text file"),
        (gzip.compress(b"a\nb\n" * 99, mtime=0)[:-9], "is a damaged gzip file"),
        (b"\x1f\x8bnot", "cannot be read|damaged gzip"),
        (b"\xff\xfea", "is not a whole text in UTF-16"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, data, message):
    (tmp_path / "x.txt").write_bytes(data)
    with pytest.raises(DataError, match=message):
        read_lines(tmp_path / "x.txt")


def test_what_is_not_there(tmp_path):
    with pytest.raises(DataError, match="no does not exist; give a text file"):
        read_lines(tmp_path / "no")
    with pytest.raises(DataError, match="cannot be read"):
        read_lines(tmp_path)

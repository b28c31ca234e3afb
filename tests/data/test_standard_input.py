"""Lines of standard input, as they come."""

import os
import threading

import pytest

from drawgen.data.pictures import DataError
from drawgen.data.standard_input import coming_lines


@pytest.fixture
def pipe():
    """A function that puts a pipe in the place of standard input, and returns its other end."""
    kept = os.dup(0)

    def opened():
        out, into = os.pipe()
        os.dup2(out, 0)
        os.close(out)
        return into

    yield opened
    os.dup2(kept, 0)
    os.close(kept)


def fed(pipe, data):
    into = pipe()
    writer = threading.Thread(target=lambda: (os.write(into, data), os.close(into)))
    writer.start()
    found = []
    try:
        for lines in coming_lines():
            found += lines
    finally:
        writer.join()
    return found


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"a\r\n\r\nb\n", ["a", "", "b"]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", ["a", "\ufeffb"]),
        ("é\u2028ü\x85\x0b\n\n".encode(), ["é\u2028ü\x85\x0b", ""]),
    ],
)
def test_lines(pipe, data, lines):
    assert fed(pipe, data) == lines


def test_a_line_comes_when_it_is_written(pipe):
    into = pipe()
    coming = coming_lines()
    for line in ("one", "two"):
        os.write(into, f"{line}\n".encode())
        assert next(coming) == [line]
    os.write(into, b"thr")
    os.close(into)
    assert list(coming) == [["thr"]]


@pytest.mark.parametrize(
    ("data", "before", "message"),
    [
        (b"a\nb\xff\nc\n", ["a"], "-, line 2, is not UTF-8 .byte 0xff"),
        (b"a\nb\0\n", ["a"], "-, line 2, has zero bytes"),
        ("a\n".encode("utf-16"), [], "- is UTF-16"),
    ],
)
def test_what_is_not_text(pipe, data, before, message):
    into = pipe()
    os.write(into, data)
    os.close(into)
    coming = coming_lines()
    assert [next(coming) for _ in before] == [[line] for line in before]
    with pytest.raises(DataError, match=message):
        next(coming)

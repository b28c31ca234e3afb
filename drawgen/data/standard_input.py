"""The lines of standard input, while they are written.

A line ends with a line feed, before which a carriage return is dropped. Other signs that Unicode counts as ends of lines do not end
one, so that the lines are those that other programs count.
"""

import io
from collections.abc import Iterator

from drawgen.data.pictures import DataError

CHUNK = 1 << 16
"""Bytes of standard input that are read at once, at most."""
LONGEST = 1 << 20
"""Bytes of a line, at most."""
MARK = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8, which some programs write at the start."""


def coming_lines() -> Iterator[list[str]]:
    """The lines of standard input (UTF-8), as many at a time as are there: at a terminal one after the other. Raises DataError,
    with the line, for what is not text, after those before it."""
    number, rest = 1, b""
    with open(0, "rb", buffering=0, closefd=False) as file:
        while chunk := read(file):
            *whole, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST:
                raise DataError(f"-, line {number + len(whole)}, has more than {LONGEST} bytes; give a sentence per line")
            found: list[str] = []
            wrong: DataError | None = None
            for line in whole:
                try:
                    found.append(decoded(line, number))
                except DataError as error:
                    wrong = error
                    break
                number += 1
            if found:
                yield found
            if wrong is not None:
                raise wrong
    if rest:
        yield [decoded(rest, number)]


def read(file: io.RawIOBase) -> bytes:
    try:
        return file.read(CHUNK) or b""
    except OSError as error:
        raise DataError(f"standard input cannot be read ({error.strerror}); pipe a text into it") from error


def decoded(line: bytes, number: int) -> str:
    if number == 1:
        if line.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise DataError("- is UTF-16; standard input has to be UTF-8")
        line = line.removeprefix(MARK)
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"-, line {number}, is not UTF-8 (byte {line[error.start]:#04x}, {error.reason}); pipe a text in UTF-8 into it"
        ) from error
    if "\0" in text:
        raise DataError(f"-, line {number}, has zero bytes; standard input has to be UTF-8")
    return text.removesuffix("\r")

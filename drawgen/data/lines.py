"""Reads the lines of text files: UTF-8, or UTF-16 with its mark; plain or compressed by gzip."""

import codecs
import gzip
import io
import zlib
from pathlib import Path

from drawgen import files
from drawgen.data.pictures import DataError

LARGEST = 1 << 30
"""Largest size of a file and of what is packed in it, in bytes."""
PACKED = b"\x1f\x8b"
"""The first bytes of a gzip file."""
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_lines(path: Path, wanted: str = "give a text file") -> list[str]:
    """The lines of a file, without their ends, be they of Unix, Windows or an old Mac. Raises DataError, with `wanted` as the mend,
    for a file that cannot be read, is damaged, or is not a text, with the line and byte that is not UTF-8."""
    try:
        data = files.read_bytes(path, LARGEST)
        if data[:2] == PACKED:
            data = unpacked(data)
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist; {wanted}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({files.reason(error)}); {wanted}") from error
    except (EOFError, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file ({error}); {wanted}") from error
    lines = text_of(data, path, wanted).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if not lines[-1] else lines


def unpacked(data: bytes) -> bytes:
    """The content of a gzip file. Raises OSError, EOFError and zlib.error."""
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(f"it unpacks to more than {LARGEST >> 20} MB")
    return content


def text_of(data: bytes, path: Path, wanted: str) -> str:
    if data[:2] in UTF16:
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise DataError(f"{path} is not a whole text in UTF-16 ({error.reason}); {wanted} in UTF-8") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = f"line {1 + data[: error.start].count(10)}, byte 0x{data[error.start]:02x}"
        raise DataError(f"{path} is not UTF-8 ({place}: {error.reason}); save it as UTF-8") from error
    if "\0" in text:
        raise DataError(f"{path} is not a text (line {1 + text[: text.index(chr(0))].count(chr(10))} has a zero byte); {wanted}")
    return text

"""The directories of a TIFF file, and of EXIF, which is one: each a list of tags with numbers."""

import io
import struct
from dataclasses import dataclass

TYPES = {
    1: "B", 2: "s", 3: "H", 4: "I", 5: "2I", 6: "b", 7: "s", 8: "h", 9: "i", 10: "2i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q",
    18: "Q",
}  # fmt: skip
MOST_ENTRIES = 4096
MOST_BYTES = 2**26
"""Of one tag: a profile, or where ten million strips lie."""
MOST_DIRECTORIES = 1000
ORIENTATION, SUBFILE, SUBDIRECTORIES = 274, 254, 330


@dataclass
class Directory:
    """One picture's tags."""

    file: io.BufferedIOBase
    order: str
    """`<` or `>`, as struct has it."""
    large: bool
    """BigTIFF."""
    entries: dict[int, tuple[int, int, bytes]]
    """Tag -> type, count, and the bytes of the value or of its offset."""
    raw: dict[int, bytes]
    """Tag -> the entry as it stands in the file."""

    def data(self, tag: int) -> bytes | None:
        """The bytes of a tag's value; None if it is missing, too large or beyond the end of the file."""
        if tag not in self.entries:
            return None
        kind, count, field = self.entries[tag]
        if kind not in TYPES:
            return None
        length = struct.calcsize(f"={TYPES[kind]}") * count
        if length <= len(field):
            return field[:length]
        if length > MOST_BYTES:
            return None
        (offset,) = struct.unpack(f"{self.order}{'Q' if self.large else 'I'}", field)
        if offset >= 2**63:
            return None
        self.file.seek(offset)
        data = self.file.read(length)
        return data if len(data) == length else None

    def numbers(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """A tag's integers; the default if it is missing or has another type."""
        data = self.data(tag)
        if data is None:
            return default
        kind, count, _ = self.entries[tag]
        if TYPES[kind] not in "BHIQbhiq":
            return default
        return struct.unpack(f"{self.order}{count}{TYPES[kind]}", data) or default

    def number(self, tag: int, default: int = 0) -> int:
        return self.numbers(tag, (default,))[0]


def directories(file: io.BufferedIOBase) -> list[Directory]:
    """All directories of a TIFF, sub-directories after their parent. Raises ValueError if the file is not a TIFF."""
    file.seek(0)
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        raise ValueError("its header is damaged")
    large = struct.unpack_from(f"{order}H", head, 2)[0] == 43
    if large and len(head) < 16:
        raise ValueError("its header is damaged")
    (offset,) = struct.unpack_from(f"{order}{'Q' if large else 'I'}", head, 8 if large else 4)
    found: list[Directory] = []
    seen: set[int] = set()
    waiting = [offset]
    while waiting and len(found) < MOST_DIRECTORIES:
        offset = waiting.pop(0)
        if offset in seen or not 0 < offset < 2**63:
            continue
        seen.add(offset)
        read = directory(file, offset, order, large)
        if read is None:
            continue
        found.append(read[0])
        waiting = [*read[0].numbers(SUBDIRECTORIES), read[1], *waiting]
    return found


def directory(file: io.BufferedIOBase, offset: int, order: str, large: bool) -> tuple[Directory, int] | None:
    """One directory and the offset of the next; None if the file ends before."""
    many, size, word = ("Q", 20, "Q") if large else ("H", 12, "I")
    file.seek(offset)
    head = file.read(struct.calcsize(f"={many}"))
    if len(head) < struct.calcsize(f"={many}"):
        return None
    count = min(struct.unpack(f"{order}{many}", head)[0], MOST_ENTRIES)
    table, after = file.read(size * count), file.read(struct.calcsize(f"={word}"))
    entries: dict[int, tuple[int, int, bytes]] = {}
    raw: dict[int, bytes] = {}
    for n in range(len(table) // size):
        entry = table[n * size : (n + 1) * size]
        tag, kind, length = struct.unpack_from(f"{order}HH{word}", entry)
        entries.setdefault(tag, (kind, length, entry[-8:] if large else entry[-4:]))
        raw.setdefault(tag, entry)
    following = struct.unpack(f"{order}{word}", after)[0] if len(after) == struct.calcsize(f"={word}") else 0
    return Directory(file, order, large, entries, raw), following


def orientation(exif: bytes) -> int:
    """EXIF's orientation, 1 to 8; 1 if it is missing or unreadable."""
    exif = exif.removeprefix(b"Exif\0\0")
    if len(exif) < 8:
        return 1
    try:
        found = directories(io.BytesIO(exif))
    except ValueError:
        return 1
    said = found[0].number(ORIENTATION, 1) if found else 1
    return said if 1 <= said <= 8 else 1

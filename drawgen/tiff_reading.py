"""Reads TIFF strip by strip (or tile by tile) at full precision: 1 to 64 bits, floats, separate planes, white-is-zero, palettes,
CMYK, L*a*b* and alpha. It reads the largest full page of the file.

Pillow reads the compressions that need libtiff (JPEG, fax).

Axes: H rows, W columns, C channels.
"""

import contextlib
import io
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import TiffImagePlugin

from drawgen.file_kinds import RAW, NotRead
from drawgen.raster import COLOURS, Model, Opened, Raster, full, gather
from drawgen.tiff_tags import ORIENTATION, SUBFILE, Directory, directories

(WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, OFFSETS, SAMPLES, ROWS, LENGTHS, PLANES, PREDICTOR, PALETTE,
 TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_LENGTHS, INKS, EXTRA, FORMAT, PROFILE) = (
    256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 332, 338, 339, 34675,
)  # fmt: skip
HIGHEST = (281, 341)
"""MaxSampleValue and SMaxSampleValue."""
RAW_TAGS = (50706,)
"""DNGVersion."""
RAW_PHOTOMETRIC, RAW_COMPRESSIONS = (32803, 34892), (32767, 34713, 65535)
"""Colour filter arrays; what Sony, Nikon and Pentax pack them by."""
MODELS: dict[int, Model] = {0: "grey", 1: "grey", 2: "rgb", 3: "rgb", 4: "grey", 5: "cmyk", 8: "lab", 9: "lab"}
PLAIN, LZW, DEFLATE, PACKBITS, ZSTD, LZMA = (1,), (5,), (8, 32946), (32773,), (50000,), (34925,)
BY_PILLOW = (2, 3, 4, 6, 7, 32771, 50001)
"""Fax, JPEG, WebP."""
AT_ONCE = 2**24
"""Bytes of uncompressed rows read at once."""
MOST_SEGMENT = 2**32
REVERSED = bytes(int(f"{n:08b}"[::-1], 2) for n in range(256))
STDERR = threading.Lock()


def read_tiff(file: io.BufferedIOBase) -> Opened:
    """Raises ValueError for a damaged file, NotRead for an unsupported one."""
    found = directories(file)
    pages = [page for page in found if page.number(WIDTH) > 0 and page.number(HEIGHT) > 0]
    if any(is_raw(page) for page in found):
        raise NotRead(RAW)
    if not pages:
        raise ValueError("it has no pages")
    whole = [page for page in pages if not page.number(SUBFILE) & 0b101] or pages  # neither reduced nor a mask
    page = max(whole, key=lambda page: page.number(WIDTH) * page.number(HEIGHT))  # the first of equal ones
    note = None
    if page is not whole[0]:
        note = f"it has {len(whole)} pages of different sizes; the largest is taken"
    turned = page.number(ORIENTATION, 1)
    return Opened(
        page.number(HEIGHT), page.number(WIDTH), lambda factor: decode(page, factor), turned if 1 <= turned <= 8 else 1, note
    )


def is_raw(page: Directory) -> bool:
    return (
        any(tag in page.entries for tag in RAW_TAGS)
        or page.number(PHOTOMETRIC) in RAW_PHOTOMETRIC
        or page.number(COMPRESSION) in RAW_COMPRESSIONS
    )


@dataclass
class Layout:
    """The layout of a page's samples in the file."""

    page: Directory
    width: int
    height: int
    bits: int
    form: int
    """1 unsigned integers, 2 signed integers, 3 floats."""
    samples: int
    compression: int
    predictor: int
    separate: bool
    """One plane per sample."""
    tiled: bool
    segment: tuple[int, int]
    """Rows and columns of a strip or tile."""
    offsets: tuple[int, ...]
    lengths: tuple[int, ...]

    @property
    def kind(self) -> np.dtype[Any]:
        """The type of unpacked samples, in the file's byte order."""
        if self.bits <= 8 and self.form != 3:
            return np.dtype("i1" if self.form == 2 else "u1")
        size = next((size for size in (16, 32, 64) if self.bits <= size), 64)
        return np.dtype(f"{self.page.order}{'?uif'[self.form]}{size // 8}")


def layout(page: Directory) -> Layout:
    """Raises ValueError for contradictory tags, NotRead for an unsupported layout."""
    samples = page.number(SAMPLES, 1)
    depths = set(page.numbers(BITS, (1,))[:samples])
    forms = set(page.numbers(FORMAT, (1,))[:samples])
    if len(depths) != 1 or len(forms) != 1:
        raise NotRead("is a TIFF whose channels have different depths, which is not read; save it with 8 or 16 bits per channel")
    bits, form = depths.pop(), forms.pop()
    form = 1 if form == 4 else form  # "undefined"
    known = {1: (*range(1, 17), 32, 64), 2: (8, 16, 32, 64), 3: (16, 32, 64)}
    if bits not in known.get(form, ()):
        raise NotRead(f"is a TIFF with {bits} bits of format {form}, which is not read; save it with 8 or 16 bits per channel")
    tiled = TILE_OFFSETS in page.entries
    width, height = page.number(WIDTH), page.number(HEIGHT)
    rows, columns = min(page.number(ROWS, height), height), width
    if tiled:
        rows, columns = page.number(TILE_HEIGHT), page.number(TILE_WIDTH)
    if rows < 1 or columns < 1 or not 1 <= samples <= 64:
        raise ValueError("its strips have no size")
    found = Layout(
        page, width, height, bits, form, samples, page.number(COMPRESSION, 1), page.number(PREDICTOR, 1),
        page.number(PLANES, 1) == 2 and samples > 1, tiled, (rows, columns),
        page.numbers(TILE_OFFSETS if tiled else OFFSETS), page.numbers(TILE_LENGTHS if tiled else LENGTHS),
    )  # fmt: skip
    wanted = -(-height // rows) * -(-width // columns) * (samples if found.separate else 1)
    if not found.lengths and not tiled and found.compression == 1 and len(found.offsets) == wanted == 1:
        found.lengths = (height * -(-width * samples * bits // 8),)  # old files leave it out
    if len(found.offsets) < wanted or len(found.lengths) < wanted:
        raise ValueError("some of its strips are missing")
    if rows * columns * samples * bits // 8 > MOST_SEGMENT:
        raise ValueError("its strips are too large")
    return found


# ---------------------------------------------------------------- pixels


def decode(page: Directory, factor: int) -> Raster:
    """Raises ValueError for a damaged page, NotRead for an unsupported one."""
    photometric, compression = page.number(PHOTOMETRIC, 1), page.number(COMPRESSION, 1)
    profile = page.data(PROFILE) or None
    if compression in BY_PILLOW or photometric == 6:
        return by_pillow(page, factor, profile)
    if photometric not in MODELS or (photometric == 5 and page.number(INKS, 1) != 1):
        raise NotRead(f"is a TIFF of a colour model that is not read (photometric {photometric}); save it as RGB")
    if compression not in (*PLAIN, *LZW, *DEFLATE, *PACKBITS, *ZSTD, *LZMA):
        raise NotRead(f"is a TIFF with a compression that is not read ({compression}); save it with LZW or none")
    found, model = layout(page), MODELS[photometric]
    stored = 1 if photometric == 3 else COLOURS[model]
    if found.samples < stored:
        raise ValueError(f"it has {found.samples} channels, and {stored} make its colours")
    extra = page.numbers(EXTRA, (2,) if photometric in (1, 2) and found.samples == stored + 1 else ())
    alpha = found.samples > stored and bool(extra) and extra[0] in (1, 2)
    palette = palette_of(page, found.bits) if photometric == 3 else None
    declared = 2.0**found.bits - 1 if found.form == 1 and (found.bits < 8 or 8 < found.bits < 16) else None
    if found.form == 1 and found.bits == 16:
        for tag in HIGHEST:
            told = page.number(tag)
            if 255 < told < 65535 and told & (told + 1) == 0:
                declared = float(told)

    def strips() -> Iterator[Shaped[np.ndarray, "H W C"]]:
        for block in blocks(found):
            colours = block[..., : stored + alpha]
            if palette is not None:
                yield palette[np.minimum(colours[..., 0], len(palette) - 1)]
                continue
            colours = colours.astype(colours.dtype.newbyteorder("="), copy=False)
            if photometric == 0:
                most = 1.0 if found.form == 3 else 2**found.bits - 1 if found.form == 1 else -1
                colours = colours.copy()
                colours[..., 0] = colours.dtype.type(most) - colours[..., 0]
            if photometric == 8 and colours.dtype.kind == "u":  # a and b have a sign
                colours = colours.copy()
                colours[..., 1:3] ^= 1 << (8 * colours.dtype.itemsize - 1)
            if alpha and extra[0] == 1:
                colours = unmultiplied(colours)
            yield colours

    pixels, seen = gather(strips(), found.height, found.width, factor, alpha=alpha)
    if pixels.dtype == np.uint8 and declared is not None:  # fewer than 8 bits
        pixels = np.round(pixels * np.float32(255 / declared)).astype(np.uint8)
        declared = None
    if model == "lab" and found.bits == 16:
        declared = 65535.0
    sixteen = found.form == 1 and 8 < found.bits <= 16
    return Raster(pixels, model, alpha, declared, profile, sixteen, seen)


def unmultiplied(pixels: Shaped[np.ndarray, "H W C"]) -> Shaped[np.ndarray, "H W C"]:
    """Divides premultiplied colours by alpha."""
    most = full(pixels.dtype)
    share = np.maximum(pixels[..., -1:].astype(np.float64) / most, 1e-6)
    colours = pixels[..., :-1] / share
    colours = np.clip(np.round(colours), 0, most) if pixels.dtype.kind in "ui" else colours
    return np.concatenate([colours.astype(pixels.dtype), pixels[..., -1:]], -1)


def palette_of(page: Directory, bits: int) -> UInt8[np.ndarray, "N 3"]:
    colours = np.array(page.numbers(PALETTE), np.float64)
    if bits > 8 or len(colours) < 3 * 2**bits:
        raise ValueError("its palette is damaged")
    colours = colours[: 3 * 2**bits].reshape(3, -1).T
    return np.round(colours / (257 if colours.max() > 255 else 1)).astype(np.uint8)  # some writers have 8 bits


def blocks(found: Layout) -> Iterator[Shaped[np.ndarray, "H W C"]]:
    """The samples from top to bottom, some rows at a time, in the file's byte order."""
    rows, columns = found.segment
    across, planes = -(-found.width // columns), found.samples if found.separate else 1
    each = found.samples // planes
    down = -(-found.height // rows)
    for row in range(down):
        high = rows if found.tiled else min(rows, found.height - row * rows)
        piece = high
        if found.compression == 1 and not found.tiled:  # a strip that lies as it is, by parts
            piece = max(1, AT_ONCE // max(1, columns * found.samples * found.bits // 8))
        for first in range(0, high, piece):
            count = min(piece, high - first)
            block = np.empty((count, across * columns, found.samples), found.kind)
            for plane in range(planes):
                for column in range(across):
                    index = (plane * down + row) * across + column
                    part = segment(found, index, first, count, columns, each)
                    block[:, column * columns : (column + 1) * columns, plane * each : (plane + 1) * each] = part
            yield block[: found.height - row * rows - first, : found.width]


def segment(found: Layout, index: int, first: int, rows: int, columns: int, samples: int) -> Shaped[np.ndarray, "H W C"]:
    """The rows of one strip or tile. Raises ValueError if it is damaged."""
    file, length = found.page.file, found.lengths[index]
    across = -(-columns * samples * found.bits // 8)
    wanted = rows * across
    if found.offsets[index] + first * across >= 2**63:
        raise ValueError("its strips lie beyond its end")
    file.seek(found.offsets[index] + first * across)
    data = file.read(wanted if found.compression == 1 else min(length, 2 * wanted + 65536))
    if found.page.number(FILL_ORDER, 1) == 2:
        data = data.translate(REVERSED)
    data = unpacked(data, found.compression, across, rows)
    if len(data) < wanted:
        raise ValueError("it is cut short")
    raw = np.frombuffer(data, np.uint8, wanted).reshape(rows, across)
    if found.predictor == 3 and found.form == 3:
        return float_predicted(raw, columns, samples, found)
    values = samples_in(raw, columns * samples, found).reshape(rows, columns, samples)
    if found.predictor == 2:
        native = values.astype(values.dtype.newbyteorder("="))
        native = native.view(f"u{native.dtype.itemsize}")  # sums wrap around
        values = np.cumsum(native, axis=1, dtype=native.dtype).view(found.kind.newbyteorder("="))
    return values


def samples_in(raw: UInt8[np.ndarray, "H R"], many: int, found: Layout) -> Shaped[np.ndarray, "H N"]:
    """The numbers in the rows' bytes."""
    if found.bits in (8, 16, 32, 64):
        return raw.view(found.kind)[:, :many]
    bits = np.unpackbits(raw, axis=1)[:, : many * found.bits].reshape(len(raw), many, found.bits)
    weights = (1 << np.arange(found.bits - 1, -1, -1)).astype(np.uint16)
    return (bits * weights).sum(-1, dtype=np.uint16).astype(found.kind)


def float_predicted(raw: UInt8[np.ndarray, "H R"], columns: int, samples: int, found: Layout) -> Shaped[np.ndarray, "H W C"]:
    """Decodes the floating point predictor: the bytes of a row are separated, highest first, and stored as differences (Adobe's
    TIFF technical note 3)."""
    size = found.bits // 8
    summed = np.cumsum(raw.reshape(len(raw), -1, samples), axis=1, dtype=np.uint8).reshape(len(raw), size, columns * samples)
    values = np.ascontiguousarray(summed.transpose(0, 2, 1)).view(f">f{size}")
    return values.reshape(len(raw), columns, samples).astype(found.kind)


def unpacked(data: bytes, compression: int, across: int, rows: int) -> bytes:
    """At most rows x across bytes. Raises ValueError."""
    if compression in PLAIN:
        return data
    if compression in DEFLATE:
        try:
            return zlib.decompressobj().decompress(data, rows * across)
        except zlib.error as error:
            raise ValueError("a strip is damaged") from error
    if compression in LZMA:
        import lzma

        try:
            return lzma.LZMADecompressor(memlimit=2**30).decompress(data, rows * across)
        except lzma.LZMAError as error:
            raise ValueError("a strip is damaged") from error
    tags = ((WIDTH, across), (HEIGHT, rows), (BITS, 8), (COMPRESSION, compression), (PHOTOMETRIC, 1), (OFFSETS, 8), (SAMPLES, 1),
            (ROWS, rows), (LENGTHS, len(data)))  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    padded = data + bytes(len(data) % 2)
    head = struct.pack("<2sHI", b"II", 42, 8 + len(padded))
    tiff = head + padded + struct.pack("<H", len(tags)) + entries + bytes(4)
    with quiet():
        try:
            picture = TiffImagePlugin.TiffImageFile(io.BytesIO(tiff))
            picture.load()
        except OSError as error:
            raise ValueError("a strip is damaged") from error
    return picture.tobytes()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silences libtiff, which writes warnings to standard error outside Python's control; Pillow cannot turn that off, and errors
    raise an exception anyway. One thread at a time."""
    with STDERR:
        try:
            kept = os.dup(2)
        except OSError:  # there is none
            yield
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)


def by_pillow(page: Directory, factor: int, profile: bytes | None) -> Raster:
    """A page read by Pillow through libtiff: from a file with this page alone, and without its orientation, so that Pillow does not
    rotate it."""
    from drawgen.pillow_reading import to_raster

    word = "Q" if page.large else "I"
    page.file.seek(0)
    data = page.file.read()
    data += bytes(-len(data) % 8)
    entries = [entry for tag, entry in page.raw.items() if tag not in (ORIENTATION, 330, 700, 34665, 34853, PROFILE)]
    table = struct.pack(f"{page.order}{'Q' if page.large else 'H'}", len(entries)) + b"".join(entries) + bytes(8)
    at = 8 if page.large else 4
    data = data[:at] + struct.pack(f"{page.order}{word}", len(data)) + data[at + struct.calcsize(f"={word}") :] + table
    with quiet():
        picture = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
        picture.load()
    raster = to_raster(picture, factor)
    raster.encoding = profile
    return raster

"""Reads PNG as browsers do: all depths at full precision, with the file's colour information, strip by strip.

The chunks are parsed here, and only the pixel data goes to Pillow, as a new PNG. So damaged texts, resolutions and profiles do no
harm, and large pictures need not be in memory as a whole.

Axes: H rows, W columns, C channels.
"""

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import PngImagePlugin

from drawgen.colour_profiles import Chromaticities
from drawgen.raster import Model, Opened, Raster, gather
from drawgen.tiff_tags import orientation

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""The passes of an interlaced picture: first column, first row, and the steps to the next."""
AT_ONCE = 2**25
"""Bytes of rows decoded at once."""
MOST_PROFILE = 2**24
SRGB_GAMMA = (0.43, 0.48)
"""A gamma of 1/2.2 = 0.45455 means sRGB in practice."""
PRIMARIES = {
    1: None,
    9: (0.3127, 0.329, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    12: (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
CURVES: dict[int, str | float] = {1: "bt709", 6: "bt709", 14: "bt709", 15: "bt709", 4: 2.2, 5: 2.8, 8: "linear", 13: "srgb"}
"""cICP's numbers (ITU-T H.273)."""


@dataclass
class Chunks:
    """The content of a file's chunks."""

    width: int = 0
    height: int = 0
    depth: int = 8
    kind: int = 0
    interlaced: bool = False
    palette: bytes = b""
    key: bytes | None = None
    """tRNS."""
    said: dict[bytes, bytes] = field(default_factory=dict)
    """cICP, iCCP, sRGB, gAMA, cHRM, sBIT, eXIf."""
    data: list[tuple[int, int]] = field(default_factory=list)
    """Offset and length of each piece of pixel data; the chunk's name is just before the offset."""
    frame: tuple[int, int, int, int] | None = None
    """Width, height, left and top of an animation's first frame, if it is not the default image."""
    ended: bool = False
    spoilt: list[str] = field(default_factory=list)
    """Chunks that are ignored because their checksum is wrong."""

    @property
    def bits(self) -> int:
        return self.depth * CHANNELS[self.kind]


def read_png(file: io.BufferedIOBase) -> Opened:
    """Raises ValueError for a damaged file."""
    chunks = parse(file)
    notes = [f"the checksum of its {' and '.join(chunks.spoilt)} is wrong, which is passed over"] if chunks.spoilt else []
    notes += [] if chunks.ended else ["its end is missing; all pixels are there"]
    colours = None
    try:
        colours = encoding(chunks)
    except (ValueError, zlib.error) as error:
        what = str(error) if isinstance(error, ValueError) else "its colour profile is damaged"
        notes.append(f"{what}; its colours are taken as they are")
    return Opened(
        chunks.height,
        chunks.width,
        lambda factor: decode(file, chunks, factor, colours),
        orientation(chunks.said.get(b"eXIf", b"")),
        " and ".join(notes) or None,
    )


def parse(file: io.BufferedIOBase) -> Chunks:
    """All chunks up to the end; chunks that do not affect the pixels are skipped. Raises ValueError."""
    chunks, first = Chunks(), True
    frames: list[tuple[tuple[int, int, int, int], list[tuple[int, int]]]] = []
    animated = False
    file.seek(0, io.SEEK_END)
    size = file.tell()
    file.seek(len(SIGNATURE))
    while True:
        head = file.read(8)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head)
        start = file.tell()
        if first and kind != b"IHDR":
            raise ValueError("its header is missing")
        if kind == b"IEND":
            chunks.ended = True
            break
        if kind == b"IDAT":
            chunks.data.append((start, min(length, size - start)))
        elif kind == b"fdAT" and frames:
            frames[-1][1].append((start + 4, min(length, size - start) - 4))
        elif kind in (b"IHDR", b"PLTE", b"tRNS", b"acTL", b"fcTL", *WANTED) and length <= MOST_PROFILE:
            body, checksum = file.read(length), file.read(4)
            if len(body) < length or len(checksum) < 4 or zlib.crc32(kind + body) != int.from_bytes(checksum, "big"):
                if kind in (b"IHDR", b"PLTE"):
                    raise ValueError(f"the checksum of its {kind.decode()} is wrong")
                chunks.spoilt.append(kind.decode())
            elif kind == b"IHDR":
                header(chunks, body)
            elif kind == b"PLTE":
                chunks.palette = body
            elif kind == b"tRNS":
                chunks.key = body
            elif kind == b"acTL":
                animated = not chunks.data
            elif kind == b"fcTL" and len(body) >= 20:
                width, height, left, top = struct.unpack_from(">4I", body, 4)
                frames.append(((width, height, left, top), []))
                if not chunks.data and len(frames) == 1:
                    animated = False  # the default image is the first frame
            elif kind in WANTED and not chunks.data:
                chunks.said[kind] = body
        first = False
        file.seek(start + length + 4)
    if first:
        raise ValueError("its header is missing")
    if animated and frames and frames[0][1]:
        (width, height, left, top), data = frames[0]
        if width and height and left + width <= chunks.width and top + height <= chunks.height:
            chunks.frame, chunks.data = frames[0][0], data
    if not chunks.data:
        raise ValueError("it has no pixels")
    return chunks


WANTED = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"sBIT", b"eXIf")


def header(chunks: Chunks, body: bytes) -> None:
    if len(body) != 13:
        raise ValueError("its header is damaged")
    chunks.width, chunks.height, chunks.depth, chunks.kind, _, _, interlaced = struct.unpack(">IIBBBBB", body)
    chunks.interlaced = bool(interlaced)
    if not (0 < chunks.width < 2**31 and 0 < chunks.height < 2**31) or chunks.depth not in DEPTHS.get(chunks.kind, ()):
        raise ValueError("its header is damaged")


# ---------------------------------------------------------------- colours


def encoding(chunks: Chunks) -> bytes | Chromaticities | None:
    """The file's colour information, by the precedence of the specification: cICP, iCCP, sRGB, then gAMA and cHRM. Raises
    ValueError for unusable information."""
    said = chunks.said
    if len(code := said.get(b"cICP", b"")) == 4:
        primaries, curve, _, whole = code
        if primaries in PRIMARIES and curve in CURVES and whole == 1:
            return Chromaticities(CURVES[curve], PRIMARIES[primaries])
        raise ValueError("its cICP chunk names colours that are not converted, as those of HDR")
    if b"iCCP" in said:
        _, _, rest = said[b"iCCP"].partition(b"\0")
        return zlib.decompressobj().decompress(rest[1:], MOST_PROFILE)
    if b"sRGB" in said or len(said.get(b"gAMA", b"")) != 4:
        return None
    (gamma,) = struct.unpack(">I", said[b"gAMA"])
    points = struct.unpack(">8I", said[b"cHRM"]) if len(said.get(b"cHRM", b"")) == 32 else None
    if gamma == 0:
        return None
    low, high = SRGB_GAMMA
    return Chromaticities(
        "srgb" if low < gamma / 100_000 < high else 100_000 / gamma,
        tuple(point / 100_000 for point in points) if points else None,
    )


# ---------------------------------------------------------------- pixels


def decode(file: io.BufferedIOBase, chunks: Chunks, factor: int, colours: bytes | Chromaticities | None) -> Raster:
    """Raises ValueError for a damaged file."""
    width, height = chunks.frame[:2] if chunks.frame else (chunks.width, chunks.height)
    alpha = chunks.kind in (4, 6) or chunks.key is not None or chunks.frame is not None
    strips: Iterator[np.ndarray] = (coloured(samples, chunks) for samples in blocks(file, chunks, width, height))
    if chunks.frame:
        strips = iter([on_canvas(np.concatenate(list(strips)), chunks)])
    pixels, seen = gather(strips, chunks.height, chunks.width, factor, alpha=alpha)
    model: Model = "grey" if chunks.kind in (0, 4) else "rgb"
    raster = Raster(pixels, model, alpha, encoding=colours, range=seen, sixteen=chunks.depth == 16)
    significant = chunks.said.get(b"sBIT", b"")
    if chunks.depth == 16 and significant and 8 < max(significant) < 16 and seen.high < 2 ** max(significant):
        raster.top = 2.0 ** max(significant) - 1  # written as they are, not scaled as the specification wants
    return raster


def blocks(file: io.BufferedIOBase, chunks: Chunks, width: int, height: int) -> Iterator[Shaped[np.ndarray, "H W C"]]:
    """The samples as they are stored (uint8 or uint16), some rows at a time."""
    row = -(-width * chunks.bits // 8)
    if chunks.interlaced:
        sizes = [(-(-(height - y) // dy), -(-(width - x) // dx)) for x, y, dx, dy in ADAM7]
        sizes = [(max(0, rows), max(0, columns)) for rows, columns in sizes]
        lengths = [rows * (1 + -(-columns * chunks.bits // 8)) if rows and columns else 0 for rows, columns in sizes]
        whole = np.zeros((height, width, CHANNELS[chunks.kind]), np.uint16 if chunks.depth == 16 else np.uint8)
        for (x, y, dx, dy), (rows, columns), data in zip(ADAM7, sizes, inflated(file, chunks, lengths), strict=True):
            if data:
                raw = unfilter(zlib.compress(data, 0), columns, rows, chunks.bits)
                whole[y::dy, x::dx] = samples_of(raw, columns, chunks)
        yield whole
    elif height * row <= AT_ONCE:
        yield samples_of(unfilter(b"".join(compressed(file, chunks)), width, height, chunks.bits), width, chunks)
    else:
        each = max(1, AT_ONCE // row)
        counts = [min(each, height - top) for top in range(0, height, each)]
        above = bytes(row)
        for count, data in zip(counts, inflated(file, chunks, [n * (1 + row) for n in counts]), strict=True):
            raw = unfilter(zlib.compress(b"\0" + above + data, 0), width, 1 + count, chunks.bits)
            above = raw[-1].tobytes()
            yield samples_of(raw[1:], width, chunks)


def compressed(file: io.BufferedIOBase, chunks: Chunks) -> Iterator[bytes]:
    """The pieces of the stream, their checksums compared. Raises ValueError."""
    for offset, length in chunks.data:
        before = 4 if chunks.frame is None else 8  # a frame's piece has a number in front
        file.seek(offset - before)
        checksum = zlib.crc32(file.read(before))
        while length > 0:
            piece = file.read(min(length, 2**20))
            if not piece:
                raise ValueError("it is cut short")
            checksum, length = zlib.crc32(piece, checksum), length - len(piece)
            yield piece
        told = file.read(4)
        if len(told) == 4 and int.from_bytes(told, "big") != checksum:
            raise ValueError("the checksum of its pixels is wrong")


def inflated(file: io.BufferedIOBase, chunks: Chunks, lengths: Iterable[int]) -> Iterator[bytes]:
    """The filtered rows, in parts of so many bytes. Raises ValueError if the stream ends early."""
    machine, pieces, waiting = zlib.decompressobj(), compressed(file, chunks), b""
    for length in lengths:
        parts, missing = [], length
        while missing:
            waiting = waiting or next(pieces, b"")
            part = machine.decompress(waiting, missing)
            if not part and not waiting:
                raise ValueError("it is cut short")
            if not part and machine.eof:
                raise ValueError("its pixels end early")
            waiting = machine.unconsumed_tail
            parts.append(part)
            missing -= len(part)
        yield b"".join(parts)


def unfilter(stream: bytes, width: int, height: int, bits: int) -> UInt8[np.ndarray, "H R"]:
    """The bytes of each row. Pillow's decoder undoes the filters, which depend only on the number of bytes per pixel. So it gets
    the picture as one of 8-bit channels; a picture with six or eight bytes per pixel is decoded twice, for the higher and the lower
    bytes."""
    if bits >= 48:
        kind, mode = {48: (2, "RGB"), 64: (6, "RGBA")}[bits]
        high, low = (np.asarray(opened(stream, width, height, 16, kind, f"{mode};16{end}")) for end in "BL")
        return np.stack([high, low], -1).reshape(height, -1)
    kind, columns = {16: (4, width), 24: (2, width), 32: (6, width)}.get(bits, (0, -(-width * bits // 8)))
    return np.asarray(opened(stream, columns, height, 8, kind)).reshape(height, -1)


def opened(stream: bytes, width: int, height: int, depth: int, kind: int, raw: str | None = None) -> PngImagePlugin.PngImageFile:
    """Decodes a PNG that has only pixel data."""
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", stream), (b"IEND", b"")]
    parts = [struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks]
    picture = PngImagePlugin.PngImageFile(io.BytesIO(SIGNATURE + b"".join(parts)))
    if raw is not None:
        picture.tile = [picture.tile[0]._replace(args=raw)]
    picture.load()
    return picture


def samples_of(raw: UInt8[np.ndarray, "H R"], width: int, chunks: Chunks) -> Shaped[np.ndarray, "H W C"]:
    """The numbers in the rows' bytes, as they are stored."""
    channels = CHANNELS[chunks.kind]
    if chunks.depth == 16:
        return np.ascontiguousarray(raw).view(">u2").astype(np.uint16).reshape(len(raw), width, channels)
    if chunks.depth < 8:
        steps = np.arange(8 - chunks.depth, -1, -chunks.depth, dtype=np.uint8)
        raw = ((raw[..., None] >> steps) & (2**chunks.depth - 1)).reshape(len(raw), -1)[:, :width]
    return raw.reshape(len(raw), width, channels)


def coloured(samples: Shaped[np.ndarray, "H W C"], chunks: Chunks) -> Shaped[np.ndarray, "H W C2"]:
    """Palette and colour key applied; small numbers as 0 to 255."""
    key = chunks.key
    if chunks.kind == 3:
        palette = np.zeros((256, 4), np.uint8)
        colours = np.frombuffer(chunks.palette[: len(chunks.palette) // 3 * 3], np.uint8)[:768].reshape(-1, 3)
        palette[:, 3] = 255
        palette[: len(colours), :3] = colours
        if key is not None:
            palette[: len(key[:256]), 3] = np.frombuffer(key[:256], np.uint8)
        return palette[:, : 3 if key is None else 4][samples[..., 0]]
    alpha = None
    if key is not None and chunks.kind in (0, 2):
        colour = np.frombuffer(key[: 2 * CHANNELS[chunks.kind]].ljust(2 * CHANNELS[chunks.kind], b"\0"), ">u2")
        alpha = np.where((samples == colour).all(-1, keepdims=True), 0, np.iinfo(samples.dtype).max).astype(samples.dtype)
    if chunks.depth < 8:
        samples = samples * np.uint8(255 // (2**chunks.depth - 1))
    if alpha is not None:
        return np.concatenate([samples, alpha], -1)
    return samples


def on_canvas(pixels: Shaped[np.ndarray, "H W C"], chunks: Chunks) -> Shaped[np.ndarray, "H2 W2 C2"]:
    """An animation's first frame at its position, the rest transparent."""
    width, height, left, top = chunks.frame or (0, 0, 0, 0)
    plain = chunks.kind not in (4, 6) and chunks.key is None
    canvas = np.zeros((chunks.height, chunks.width, pixels.shape[2] + plain), pixels.dtype)
    canvas[top : top + height, left : left + width, : pixels.shape[2]] = pixels
    if plain:
        canvas[top : top + height, left : left + width, -1] = np.iinfo(pixels.dtype).max
    return canvas

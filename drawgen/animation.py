"""Animations as bytes, written frame by frame: GIF, APNG, MP4. Two frames are held at once, however many there are.

Frames are H W (grey), H W 3 or H W 4 (with an alpha), 0 to 255, all of one shape. GIF and APNG store the changes since the previous
frame, so unchanged pixels are exactly the same on the screen. All frames together take `seconds`; the last one stays for `hold`
more. Films (`film_gif` ...), whose frames have a time each, go to a file while they are made.
"""

import io
import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

Frame = UInt8[np.ndarray, "..."]
Timed = tuple[Frame, float]
"""A frame, and for how many seconds it is shown."""
GREYS = bytes(level for level in range(256) for _ in range(3))
REPEATS = b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
PNG = b"\x89PNG\r\n\x1a\n"
Time = TypeVar("Time", int, float)
MOST_SHOWN = 65_535
"""The longest time of a frame in GIF's and APNG's units."""
CLOCK = 90_000
"""Units per second of a film's times in MP4."""


class Unencodable(ValueError):
    """An encoder refused the frames; the message is the encoder's."""


def each_ms(seconds: float, count: int) -> int:
    """Milliseconds per frame, for each of `count` frames."""
    return max(20, round(1000 * seconds / count))


def once(frames: Iterable[Frame]) -> Iterator[tuple[Frame, int]]:
    return ((frame, 1) for frame in frames)


def changes(frames: Iterable[tuple[Frame, Time]]) -> Iterator[tuple[Frame, Bool[np.ndarray, "H W"], Time]]:
    """Yields the frames that differ from the previous one, the changed pixels (all, for the first), and the time of the equal
    frames together, in whatever unit."""
    shown: Frame | None = None
    differs = np.zeros((0, 0), bool)
    times: Any = 0
    for frame, time in frames:
        if shown is None:
            new: Any = np.ones(frame.shape[:2], bool)
        else:
            new = (frame != shown).reshape(*frame.shape[:2], -1).any(2)
        if shown is not None and new.any():
            yield shown, differs, times
            times = 0
        if times == 0:
            shown, differs = frame, new
        times += time
    if shown is not None:
        yield shown, differs, times


def box(mask: Bool[np.ndarray, "H W"]) -> tuple[slice, slice]:
    """The bounding box of the set pixels; one pixel if none is set."""
    if not mask.any():
        return slice(0, 1), slice(0, 1)
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


# ---------------------------------------------------------------- GIF


def gif(frames: Iterable[Frame], seconds: float, hold: float) -> bytes:
    """A looping GIF. Grey is exact. A colour frame has its own palette for its changed pixels and does not touch the others. So
    they never flicker, and the whole animation may have more than 256 colours. Pixels with an alpha below one half are not drawn;
    pixels drawn before stay."""
    images: list[tuple[int | None, bytes, int]] = []  # the clear colour, the image, how many frames are alike
    screen = b""
    for frame, mask, times in changes(once(frames)):
        screen = gif_screen(frame)
        images.append((*gif_image(frame, mask), times))
    each = each_ms(seconds, sum(times for _, _, times in images))
    parts = [screen]
    for number, (clear, image, times) in enumerate(images, 1):
        shown = times * each + (round(1000 * hold) if number == len(images) else 0)
        parts.append(gif_shown(clear, image, round(shown / 10)))
    return b"".join([*parts, b";"])


def film_gif(file: BinaryIO, frames: Iterable[Timed]) -> None:
    """A looping GIF of frames that have a time each, in hundredths of a second; what rounding takes from one the next has more."""
    until = told = 0.0
    for frame, mask, seconds in changes(frames):
        if not until:
            file.write(gif_screen(frame))
        until += seconds
        shown = max(1, round(100 * until - told))
        told += shown
        file.write(gif_shown(*gif_image(frame, mask), shown))
    file.write(b";")


def gif_screen(frame: Frame) -> bytes:
    """The beginning of a file, with a table of 256 greys."""
    return b"GIF89a" + struct.pack("<HHBBB", frame.shape[1], frame.shape[0], 0xF7, 0, 0) + GREYS + REPEATS


def gif_image(frame: Frame, mask: Bool[np.ndarray, "H W"]) -> tuple[int | None, bytes]:
    """The clear colour, and the changed pixels as an image."""
    if frame.shape[2:] == (4,):
        mask = mask & (frame[..., 3] >= 128)
    rows, columns = box(mask)
    place = struct.pack("<cHHHH", b",", columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
    frame, mask = frame[rows, columns], mask[rows, columns]
    if frame.ndim == 2:
        indices, clear = spare_one(frame, mask)
        table = b"\0"  # none: the greys are the screen's
    else:
        indices, clear, table = with_palette(frame[..., :3], mask)
    return clear, place + table + compressed(indices)


def gif_shown(clear: int | None, image: bytes, hundredths: int) -> bytes:
    """An image that is shown for so many hundredths of a second."""
    stays = 4 + (clear is not None)  # what is drawn stays; whether a colour is clear
    return struct.pack("<4sHBB", bytes([0x21, 0xF9, 4, stays]), min(hundredths, MOST_SHOWN), clear or 0, 0) + image


def spare_one(frame: UInt8[np.ndarray, "H W"], mask: Bool[np.ndarray, "H W"]) -> tuple[UInt8[np.ndarray, "H W"], int | None]:
    """A grey frame with its unchanged pixels set to a grey that no changed pixel has, and that grey. None if the changed pixels
    have all greys; then the whole frame is drawn."""
    spare = np.flatnonzero(np.bincount(frame[mask], minlength=256) == 0)
    if mask.all() or not len(spare):
        return frame, None
    return np.where(mask, frame, np.uint8(spare[0])), int(spare[0])


def with_palette(
    frame: UInt8[np.ndarray, "H W 3"], mask: Bool[np.ndarray, "H W"]
) -> tuple[UInt8[np.ndarray, "H W"], int | None, bytes]:
    """The changed pixels as indices into a palette, the index of the others, and the palette as a local colour table."""
    most = 256 if mask.all() else 255
    pixels = frame[mask]
    colours, which = np.unique(pixels @ np.array([65536, 256, 1]), return_inverse=True)
    if len(colours) <= most:
        palette = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], 1).astype(np.uint8)
    else:
        found = Image.fromarray(pixels[None]).quantize(most, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        which = np.asarray(found)[0]
        palette = np.array(found.getpalette(), np.uint8).reshape(-1, 3)[: int(which.max()) + 1]
    clear = None if most == 256 else len(palette)
    indices = np.full(mask.shape, clear or 0, np.uint8)
    indices[mask] = which
    bits = max(1, (len(palette) + (most == 255) - 1).bit_length())
    return indices, clear, bytes([0x80 | bits - 1]) + palette.tobytes().ljust(3 << bits, b"\0")


def compressed(indices: UInt8[np.ndarray, "H W"]) -> bytes:
    """GIF's LZW, as Pillow writes it for a grey picture of eight bits: all after the image descriptor, up to the trailer."""
    buffer = io.BytesIO()
    Image.fromarray(indices).save(buffer, format="GIF", optimize=False, interlace=0)
    data = buffer.getvalue()
    at = 13 + (3 << (data[10] & 7) + 1)
    while data[at] != 0x2C:  # an extension: skipped block by block
        at += 2
        while data[at]:
            at += data[at] + 1
        at += 1
    return data[at + 10 : -1]


# ---------------------------------------------------------------- APNG


def apng(frames: Iterable[Frame], seconds: float, hold: float) -> bytes:
    """A looping, lossless APNG."""
    header = b""
    images: list[tuple[Placed, int]] = []  # and how many frames are alike
    for frame, mask, times in changes(once(frames)):
        placed = apng_image(frame, mask)
        header = header or placed.header
        images.append((placed, times))
    each = each_ms(seconds, sum(times for _, times in images))
    parts = [apng_head(header, len(images))]
    for number, (placed, times) in enumerate(images):
        shown = times * each + (round(1000 * hold) if number == len(images) - 1 else 0)
        parts.append(apng_shown(placed, number, shown))
    return b"".join([*parts, chunk(b"IEND", b"")])


def film_apng(file: BinaryIO, frames: Iterable[Timed]) -> None:
    """A looping, lossless APNG of frames that have a time each, in ms; what rounding takes from one the next has more."""
    until, told, number, header = 0.0, 0, 0, b""
    for frame, mask, seconds in changes(frames):
        placed = apng_image(frame, mask)
        if not number:
            header = placed.header
            file.write(apng_head(header, 0))
        until += seconds
        shown = max(1, round(1000 * until) - told)
        told += shown
        file.write(apng_shown(placed, number, shown))
        number += 1
    file.write(chunk(b"IEND", b""))
    if number:
        file.seek(0)
        file.write(apng_head(header, number))  # of the same length


class Placed(NamedTuple):
    """The changed pixels of a frame as PNG has them."""

    place: tuple[int, int, int, int]
    """Width, height, left, top."""
    header: bytes
    data: bytes


def apng_image(frame: Frame, mask: Bool[np.ndarray, "H W"]) -> Placed:
    rows, columns = box(mask)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(frame[rows, columns])).save(buffer, format="PNG")
    found = chunks(buffer.getvalue())
    place = columns.stop - columns.start, rows.stop - rows.start, columns.start, rows.start
    return Placed(place, found[b"IHDR"], found[b"IDAT"])


def apng_head(header: bytes, count: int) -> bytes:
    """The beginning of a file of so many frames."""
    return PNG + chunk(b"IHDR", header) + chunk(b"acTL", struct.pack(">II", count, 0))


def apng_shown(placed: Placed, number: int, ms: int) -> bytes:
    """Frame `number`, from 0 on, shown for so many ms. A minute and more is rounded to hundredths of a second."""
    time, per_second = (ms, 1000) if ms <= MOST_SHOWN else (min(round(ms / 10), MOST_SHOWN), 100)
    sequence = max(0, 2 * number - 1)  # of its first chunk; all but the first frame have two
    control = chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, *placed.place, time, per_second, 0, 0))
    if number == 0:
        return control + chunk(b"IDAT", placed.data)
    return control + chunk(b"fdAT", struct.pack(">I", sequence + 1) + placed.data)


def chunks(png: bytes) -> dict[bytes, bytes]:
    """The chunks of a PNG by name, those of one name joined."""
    found: dict[bytes, bytes] = {}
    at = len(PNG)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        name = png[at + 4 : at + 8]
        found[name] = found.get(name, b"") + png[at + 8 : at + 8 + length]
        at += 12 + length
    return found


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


# ---------------------------------------------------------------- MP4


def mp4(av: Any, frames: Iterable[Frame], each_ms: int, hold: float) -> bytes:
    """H.264, 4:2:0, in BT.709 with tags, the index in front. An odd side, which the format does not allow, has its last row or
    column doubled. `av` is PyAV."""
    with tempfile.TemporaryDirectory(prefix="drawgen-") as folder:
        file = Path(folder) / "film.mp4"
        with av.open(str(file), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            stream = film_stream(container, max(1, round(1000 / each_ms)))
            last: Any = None
            for frame in frames:
                if last is None:
                    stream.height, stream.width = (side + side % 2 for side in frame.shape[:2])
                last = frame
                encode(av, container, stream, last)
            for _ in range(round(1000 * hold / each_ms)):
                encode(av, container, stream, last)
            encode(av, container, stream, None)
        return file.read_bytes()


def film_mp4(av: Any, path: Path, frames: Iterable[Timed], rate: float) -> None:
    """`mp4` into a file, of frames that have a time each; `rate` is their usual number per second. If the last one is to stay, it
    is encoded again before the end, since a player shows it for no longer than the others."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = film_stream(container, Fraction(rate).limit_denominator(1001))
        stream.options = {**stream.options, "bf": "0"}  # a frame that is stored before an earlier one confuses the last one's time
        until, last, shown = 0.0, None, 0.0
        for frame, shown in frames:
            if last is None:
                stream.height, stream.width = (side + side % 2 for side in frame.shape[:2])
                stream.codec_context.time_base = Fraction(1, CLOCK)
            last = frame
            encode(av, container, stream, last, round(CLOCK * until))
            until += shown
        if last is not None and shown > 1.5 / rate:
            encode(av, container, stream, last, round(CLOCK * (until - 1 / rate)))
        encode(av, container, stream, None)


def film_stream(container: Any, rate: Any) -> Any:
    stream = container.add_stream("libx264", rate=rate)
    stream.pix_fmt = "yuv420p"
    stream.options = {"crf": "18"}
    context = stream.codec_context
    context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1  # limited, BT.709
    return stream


def encode(av: Any, container: Any, stream: Any, frame: Frame | None, at: int | None = None) -> None:
    """Encodes a frame, `at` that time of `CLOCK` or after the one before, or flushes the encoder at the end."""
    try:
        picture = None if frame is None else film_frame(av, frame)
        if at is not None and picture is not None:
            picture.pts, picture.time_base = at, Fraction(1, CLOCK)
        container.mux(stream.encode(picture))
    except av.FFmpegError as error:
        raise Unencodable(str(error)) from error


def film_frame(av: Any, frame: Frame) -> Any:
    """A video frame: BT.709 in the limited range. Each chroma sample is at the position that players assume, on the left of its two
    columns and between its two rows."""
    rgb = even(frame).astype(np.float32) / 255
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    planes = [16 + 219 * luma]
    for colour, weight in ((blue, 0.0722), (red, 0.2126)):
        wide = np.pad((colour - luma) / (2 - 2 * weight), ((0, 0), (1, 0)), mode="edge")
        half = (wide[:, :-2:2] + 2 * wide[:, 1:-1:2] + wide[:, 2::2]) / 4
        planes.append(128 + 224 * (half[::2] + half[1::2]) / 2)
    flat = np.concatenate([plane.ravel() for plane in planes]).round().astype(np.uint8)
    return av.VideoFrame.from_ndarray(flat.reshape(-1, rgb.shape[1]), format="yuv420p")


def even(frame: Frame) -> UInt8[np.ndarray, "H W 3"]:
    """The frame in colour, with even sides."""
    colour = np.repeat(frame[..., None], 3, 2) if frame.ndim == 2 else frame
    return np.pad(colour, ((0, colour.shape[0] % 2), (0, colour.shape[1] % 2), (0, 0)), mode="edge")

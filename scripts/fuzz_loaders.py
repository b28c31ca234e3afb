"""Fuzzes the loaders with damaged files: each loader returns a value or refuses the file in one sentence.

    uv run python scripts/fuzz_loaders.py --count 10000 --log runs/fuzz_loaders.jsonl --out scripts/results/fuzz_loaders.md
    uv run python scripts/fuzz_loaders.py --loader idx --again 1234          # one mutation again, with its traceback

Mutation number i of a loader is a function of (--seed, loader, i) alone. The log records what was tried, and a second call
continues after it. Files are read in a child process, forked when everything is imported, with limits on its memory and on the time
per file. If it dies, another child continues after the file that killed it. Times are CPU time; memory is the child's peak above
its start.
"""

import argparse
import gzip
import io
import json
import logging
import multiprocessing
import os
import random
import re
import resource
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from drawgen import checkpoint, images, jobs, models
from drawgen.contract import Recipe, Spec, generator
from drawgen.data import idx, omniglot
from drawgen.data.alphabets import Alphabets
from drawgen.data.captions import SPECIAL, Captioned
from drawgen.data.digits import Binarized
from drawgen.data.iam_online import IamOnline
from drawgen.data.labelled import LabelledTexts
from drawgen.data.strokes import Strokes
from drawgen.data.text import Text
from drawgen.strokes.low_poly import LowPoly
from drawgen.strokes.painting import FORMAT, NAMES, Painting
from drawgen.training.journal import Journal

BATCH = 200
"""Files that one child reads."""
LIMIT_S, LIMIT_MB = 2.0, 512
"""Limits per file: CPU time and memory."""
KILL_S, KILL_MB = 10, 2048
"""Where a child is killed, and where memory ends for it."""

# ---------------------------------------------------------------- mutations

Change = Callable[[bytes, random.Random], bytes]

NUMBERS = (*map(str, (-1, 0, 1, 255, 256, 65536, 10**9, 2**31, 2**32, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**400)),
           "1e999", "-1e999", "1e308", "NaN", "Infinity", "0.5", "9" * 5000, "٣", "1_0")  # fmt: skip
TEXTS = (
    "",
    "\x00",
    "\u001b[31m",
    "\ud800",
    "x" * 300,
    "../" * 9 + "etc/passwd",
    "/dev/zero",
    "a\nb",
    "é",
    "🎨" * 9,
    "~",
    "CON",
    "%s%n",
)
EXTREMES = (b"\0", b"\1", b"\x7f", b"\x80", b"\xff")


def place(data: bytes, rng: random.Random) -> int:
    """Any place, and often one near the beginning, where heads are."""
    return rng.randrange(len(data) + 1) if rng.random() < 0.5 else rng.randrange(min(len(data), 64) + 1)


def flip(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8)) if data else 0):
        changed[min(place(data, rng), len(data) - 1)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: place(data, rng)]


def remove(data: bytes, rng: random.Random) -> bytes:
    at = place(data, rng)
    return data[:at] + data[at + rng.choice((1, 2, 4, 16, 256)) :]


def repeat(data: bytes, rng: random.Random) -> bytes:
    at = place(data, rng)
    chunk = data[at : at + rng.choice((1, 4, 16, 256, 4096))]
    return data[:at] + chunk * rng.choice((2, 3, 50)) + data[at:]


def swap(data: bytes, rng: random.Random) -> bytes:
    a, b = sorted((place(data, rng), place(data, rng)))
    size = rng.choice((1, 4, 16, 64))
    return data[:a] + data[b : b + size] + data[a + size : b] + data[a : a + size] + data[b + size :]


def insert(data: bytes, rng: random.Random) -> bytes:
    at = place(data, rng)
    return data[:at] + rng.randbytes(rng.choice((1, 4, 16, 256))) + data[at:]


def extreme(data: bytes, rng: random.Random) -> bytes:
    """A whole number of 1 to 8 bytes becomes the least, the largest, or one off."""
    at, size = place(data, rng), rng.choice((1, 2, 4, 8))
    number = rng.choice(EXTREMES) + rng.choice(EXTREMES) * (size - 1)
    return data[:at] + (number if rng.random() < 0.5 else number[::-1]) + data[at + size :]


def number(data: bytes, rng: random.Random) -> bytes:
    """A number in text becomes another."""
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?", data))
    if not found:
        return flip(data, rng)
    chosen = rng.choice(found)
    return data[: chosen.start()] + rng.choice(NUMBERS).encode() + data[chosen.end() :]


def lines(data: bytes, rng: random.Random) -> bytes:
    """Lines go, come twice, change places or become something else."""
    rows = data.split(b"\n")
    at, to = rng.randrange(len(rows)), rng.randrange(len(rows))
    what = rng.randrange(5)
    if what == 0:
        del rows[at]
    elif what == 1:
        rows.insert(to, rows[at])
    elif what == 2:
        rows[at], rows[to] = rows[to], rows[at]
    else:
        rows[at] = rng.choice((b"", b" ", b"\t\t", b",,,", b'"', b"\xff\xfe", b"[" * 5000, b"null", b"\r", b"\xef\xbb\xbf", b"{}"))
    return b"\n".join(rows)


def other(rng: random.Random) -> bytes:
    """Nothing, or something else altogether."""
    return rng.choice((b"", b"\0", b"\n", bytes(1000), b"<html></html>", b"[" * 20_000, b"\x80\x05."))


PLAIN: tuple[Change, ...] = (flip, flip, cut, remove, repeat, swap, insert, extreme, extreme)
WORDS: tuple[Change, ...] = (number, number, lines)


def strange(rng: random.Random) -> Any:
    """A value of any type that JSON has."""
    return rng.choice((
        None, True, False, [], {}, [[]], {"a": 1}, -1, 0, 1, 0.5, 70_000, 2**31, 2**63, 10**400, 1e308, float("nan"), float("inf"),
        rng.choice(TEXTS), rng.choice(TEXTS), [1, 2, 3], ["a", "b"], [[[[]]]],
    ))  # fmt: skip


def json_change(data: bytes, rng: random.Random) -> bytes:
    """One value in a tree is replaced, removed, doubled or renamed; of several lines of JSON, in one."""
    rows = data.split(b"\n") if data.count(b"\n{") > 0 and data.lstrip()[:1] == b"{" and b"}\n" in data else [data]
    at = rng.randrange(len(rows))
    try:
        tree = json.loads(rows[at])
    except ValueError:
        try:
            rows, at, tree = [data], 0, json.loads(data)
        except ValueError:
            return number(data, rng)
    spots: list[tuple[Any, Any]] = []
    stack = [tree]
    while stack:
        node = stack.pop()
        keys: Any = node.keys() if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        spots += [(node, key) for key in keys]
        stack += [node[key] for key in keys]
    if not spots:
        return json.dumps(strange(rng)).encode()
    for _ in range(rng.choice((1, 1, 2))):
        node, key = rng.choice(spots)
        what = rng.randrange(8)
        if key not in (node if isinstance(node, dict) else range(len(node))):
            continue
        if what == 0:
            del node[key]
        elif what == 1 and isinstance(node, list):
            node.extend([node[key]] * rng.choice((1, 3, 1000)))
        elif what == 1:
            node[rng.choice(TEXTS)] = node.pop(key)
        elif what == 2:
            node[key] = rng.choice(([node[key]], {"a": node[key]}, str(node[key])[:1000]))
        elif what == 3 and isinstance(node, list):
            rng.shuffle(node)
        else:
            node[key] = strange(rng)
    rows[at] = json.dumps(tree).encode()
    return b"\n".join(rows)


def gzip_change(data: bytes, rng: random.Random) -> bytes:
    return gzip.compress(raw(gzip.decompress(data), rng), 1, mtime=0)


def zip_change(data: bytes, rng: random.Random) -> bytes:
    """One part changes, its sums are right; or a part goes, comes twice, is packed in another way or called otherwise."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = [(name, archive.read(name)) for name in archive.namelist()]
    at = rng.randrange(len(parts))
    name, content = parts[at]
    what, kind = rng.randrange(8), zipfile.ZIP_DEFLATED
    if what == 0:
        del parts[at]
    elif what == 1:
        parts[at] = (rng.choice((name + "x", "../" + name, "x" * 300, ".")), content)
    elif what == 2:
        kind = rng.choice((zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED))
    elif what == 3:
        parts[at] = (name, content + bytes(10_000_000))
    else:
        parts[at] = (name, raw(content, rng))
    return zipped(parts, kind)


def zipped(parts: Iterable[tuple[str, bytes]], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of (name, content), without the time at which it was made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts:
            archive.writestr(zipfile.ZipInfo(name), content, kind)
    return buffer.getvalue()


def png_change(data: bytes, rng: random.Random) -> bytes:
    """A chunk changes, its sum is right; the picture's size in its head, or its pixels before they are packed."""
    chunks, at = [], 8
    while at + 8 <= len(data):
        size = struct.unpack(">I", data[at : at + 4])[0]
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    at = rng.randrange(len(chunks))
    kind, body = chunks[at]
    if kind == b"IDAT" and rng.random() < 0.7:
        body = zlib.compress(raw(zlib.decompress(body), rng))
    else:
        body = raw(body, rng)
    chunks[at] = (rng.choice((b"tEXt", b"iCCP", b"eXIf", b"acTL", b"fcTL", b"tRNS", b"PLTE")) if rng.random() < 0.1 else kind, body)
    if rng.random() < 0.1:
        chunks.insert(at, chunks[at])
    packed = (struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks)
    return data[:8] + b"".join(packed)


def safetensors_change(data: bytes, rng: random.Random) -> bytes:
    """The head changes, its length is right."""
    size = struct.unpack("<Q", data[:8])[0]
    head = json_change(data[8 : 8 + size], rng) if rng.random() < 0.7 else raw(data[8 : 8 + size], rng)
    if rng.random() < 0.2:
        head = re.sub(rb'"F32"', rng.choice((b'"I32"', b'"U8"', b'"BOOL"', b'"F16"', b'"I64"', b'"F8_E4M3"')), head)
    return struct.pack("<Q", len(head)) + head + data[8 + size :]


def raw(data: bytes, rng: random.Random) -> bytes:
    words = data[:200].isascii()
    return rng.choice((*PLAIN, *WORDS) if words else PLAIN)(data, rng)


def mutate(data: bytes, rng: random.Random) -> bytes:
    """The file, changed once or a few times: as bytes, or behind the sums and lengths that would give it away."""
    if rng.random() < 0.02:
        return other(rng)
    aware: Change | None = None
    if data[:2] == b"\x1f\x8b":
        aware = gzip_change
    elif data[:4] == b"PK\x03\x04":
        aware = zip_change
    elif data[:4] == b"\x89PNG":
        aware = png_change
    elif data[:1] in b"{[" and data:
        aware = json_change
    elif data[8:9] == b"{":
        aware = safetensors_change
    if aware is not None and rng.random() < 0.6:
        return aware(data, rng)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = raw(data, rng)
    return data


# ---------------------------------------------------------------- loaders


@dataclass(frozen=True)
class Seed:
    """A sound set of files, and the one of them that is damaged."""

    files: Mapping[str, bytes]
    target: str


@dataclass(frozen=True)
class Loader:
    """What reads files of a kind."""

    seeds: Callable[[], list[Seed]]
    read: Callable[[Path, str], Any]
    """Of a folder with the files, and the target's name in it."""


def saved(picture: Any, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def picture(mode: str = "RGB", side: int = 9) -> Any:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def picture_seeds() -> list[Seed]:
    exif = Image.Exif()
    exif[274] = 6
    moving = {"save_all": True, "append_images": [picture("L"), picture("RGB", 7).resize((9, 9))]}
    deep = Image.fromarray(np.arange(81, dtype=np.uint16).reshape(9, 9) * 800)
    made = {
        "a.png": saved(picture(), "PNG", exif=exif), "b.png": saved(picture("P"), "PNG", transparency=3),
        "c.png": saved(deep, "PNG"),
        "d.png": saved(picture("RGBA"), "PNG"), "e.png": saved(picture(), "PNG", **moving),
        "a.jpg": saved(picture(), "JPEG", exif=exif), "b.jpg": saved(picture("CMYK"), "JPEG"),
        "c.jpg": saved(picture(), "JPEG", progressive=True), "a.gif": saved(picture("P"), "GIF", **moving),
        "a.bmp": saved(picture(), "BMP"), "a.ppm": saved(picture(), "PPM"), "a.webp": saved(picture("RGBA"), "WEBP", exif=exif),
        "a.tif": saved(picture(), "TIFF"), "b.tif": saved(deep, "TIFF"),
        "c.tif": saved(picture("RGBA"), "TIFF", compression="tiff_lzw"),
        "d.tif": saved(picture("F"), "TIFF"), "a.tga": saved(picture(), "TGA"), "a.ico": saved(picture("RGBA", 16), "ICO"),
    }  # fmt: skip
    return [Seed({name: data}, name) for name, data in made.items()]


def stroke_seeds() -> list[Seed]:
    strokes = [[0.1, 0.1, 0.5, 0.9, 0.9, 0.2, 0.02, 0.03, 0.7, 0.7, 1.0, 0.5, 0.0]] * 3
    head = {"format": FORMAT, "width": 40, "height": 30, "background": [1.0, 1.0, 0.9], "columns": list(NAMES)}
    return [Seed({"a.json": json.dumps(head | {"strokes": strokes}).encode()}, "a.json")]


def triangle_seeds() -> list[Seed]:
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]).double()
    halves = torch.tensor([[0, 1, 2], [0, 2, 3]])
    return [Seed({"a.json": LowPoly(points, halves, torch.eye(3)[:2].double(), (30, 40)).json().encode()}, "a.json")]


@cache
def model_folders() -> list[dict[str, bytes]]:
    """A tiny model of each kind, as its run leaves it, recipe and all."""
    found = []
    for name in models.names():
        recipe: Recipe = models.recipe(name, "tiny")
        spec = Spec(
            (1, 16, 16),
            (*SPECIAL, "a", "b"),
            classes=("a", "b"),
            point=2,
            step=0.15,
            counts=(2, 154),
            task="hull",
            source_vocabulary=(*SPECIAL, "a"),
            unit="words",
        )
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            checkpoint.write_model(folder, name, recipe.model, spec)
            checkpoint.write_weights(folder, recipe.model.build(spec, rng=generator(0)).state_dict())
            plain = {part: checkpoint.to_plain(getattr(recipe, part)) for part in ("data", "fit")}
            plain |= {"config": checkpoint.to_plain(recipe.model), "model": name, "preset": "tiny", "ranks": 1, "begin": ""}
            checkpoint.write_json(folder / jobs.RECIPE, plain)
            found.append({path.name: path.read_bytes() for path in folder.iterdir()})
    return found


def folder_seeds(target: str) -> Callable[[], list[Seed]]:
    return lambda: [Seed(files, target) for files in model_folders()]


def caption_seeds() -> list[Seed]:
    pictures = {f"{n}.png": saved(picture(side=8 + n), "PNG") for n in range(3)}
    texts = ("a red circle", "two blue, small squares", "Ein grünes Dreieck über dem Kreis")
    pairs = list(zip(pictures, texts, strict=True))
    coco = {
        "images": [{"id": n, "file_name": name} for n, name in enumerate(pictures)],
        "annotations": [{"image_id": n, "id": n, "caption": text} for n, text in enumerate(texts)],
    }
    split = ("train", "val", "test")
    karpathy = {"images": [
        {"filename": name, "filepath": "", "split": part, "sentences": [{"raw": text}]}
        for (name, text), part in zip(pairs, split, strict=True)
    ]}  # fmt: skip
    rows = [(name, f'"{text}"', part) for (name, text), part in zip(pairs, split, strict=True)]
    made = {
        "captions.csv": "picture,caption\n" + "".join(f"{a},{b}\n" for a, b, _ in rows),
        "captions.tsv": "picture\tcaption\tsplit\n" + "".join("\t".join(row) + "\n" for row in rows),
        "captions.jsonl": "".join(json.dumps({"picture": name, "caption": text}) + "\n" for name, text in pairs),
        "captions_val.json": json.dumps(coco),
        "dataset.json": json.dumps(karpathy),
        "Flickr8k.token.txt": "".join(f"{name}#0\t{text}\n" for name, text in pairs),
    }
    return [Seed(pictures | {name: text.encode()}, name) for name, text in made.items()]


def read_captions(folder: Path, target: str) -> Any:
    for path in [folder / target] + [folder] * (target != "captions_val.json"):  # COCO's is no name that is looked for
        data = Captioned(path=str(path), side_px=8, batch=1, min_count=1)
        found = data.spec(), {split: len(entries) for split, entries in data.entries.items()}
        _ = list(islice(data.stream("train", seed=0), 2)), list(data.stream("valid", seed=0))
    return found


def text_seeds() -> list[Seed]:
    plain = "the quick brown fox\njumps over 12 lazy dogs\r\n" * 8
    return [Seed({"a.txt": text.encode()}, "a.txt") for text in (plain, "Grüße, мир, 世界, 🎨\n" * 12)]


def read_text(folder: Path, target: str) -> Any:
    data = Text(path=str(folder / target), batch=2, length=8, held_out=0.3)
    return data.spec(), list(islice(data.stream("train", seed=0), 3)), list(data.stream("valid", seed=0))


def labelled_seeds() -> list[Seed]:
    plain = 'a red fox;en\nun, deux;fr\n"trois; quatre";fr\nso we go;en\nund so weiter;de\nja;de\n'
    made = {
        "a.csv": plain.encode(), "b.csv": ("text;label\n" + plain).encode("utf-16"),
        "c.tsv": plain.replace("; ", " ").replace(";", "\t").encode(),
        "d.csv.gz": gzip.compress(plain.encode(), mtime=0),
    }  # fmt: skip
    return [Seed({name: data}, name) for name, data in made.items()]


def read_labelled(folder: Path, target: str) -> Any:
    data = LabelledTexts(path=str(folder / target), batch=1, min_count=1, longest=8, held_out=0.3)
    return data.spec(), list(islice(data.stream("train", seed=0), 3)), list(data.stream("valid", seed=0)), data.notes


def read_alphabets(folder: Path, target: str) -> Any:
    data = Alphabets(path=str(folder / target), batch=1, every=2)
    return data.spec(), list(islice(data.stream("train", seed=0), 4)), list(data.stream("valid", seed=0)), data.problems


def alphabet_seeds() -> list[Seed]:
    (seed,) = omniglot_stroke_seeds()
    text = "START\n1.0,-2.0,0\n30.0,-50.0,100\nBREAK\n"
    parts = {f"strokes/{name}/character{n:02d}/{n:04d}_01.txt": text.encode() for name in ("Greek", "Latin") for n in range(3)}
    return [Seed({seed.target: zipped(parts.items())}, seed.target)]


def quickdraw_seeds() -> list[Seed]:
    rows = [{"word": "ell", "drawing": [[[0, n, 50], [0, 100, 100], [0, 9, 20]], [[1, 5], [2, n]]]} for n in range(8)]
    return [Seed({"a.ndjson": "".join(json.dumps(row) + "\n" for row in rows).encode()}, "a.ndjson")]


def stroke3_seeds() -> list[Seed]:
    def objects(count: int, kind: str) -> np.ndarray:
        whole = np.empty(count, object)
        whole[:] = [np.array([[1, 2, 0], [3, n, 0], [5, 5, 1]], kind) for n in range(count)]
        return whole

    found = []
    for save, kind in ((np.savez, "int16"), (np.savez_compressed, "float32")):
        buffer = io.BytesIO()
        save(buffer, train=objects(6, kind), valid=objects(3, kind), test=objects(1, kind))  # type: ignore[operator]
        found.append(Seed({"a.npz": buffer.getvalue()}, "a.npz"))
    return found


def omniglot_stroke_seeds() -> list[Seed]:
    text = "START\n1.0,-2.0,0\n30.0,-50.0,100\nBREAK\n5.0,-5.0,1000\n9.0,-80.0,1100\nBREAK\n"
    parts = {f"strokes/Greek/character01/{n:04d}_01.txt": text.replace("30", str(n)).encode() for n in range(5)}
    return [Seed({"strokes_a.zip": zipped(parts.items())}, "strokes_a.zip")]


def read_drawings(folder: Path, target: str) -> Any:
    data = Strokes(path=str(folder / target), batch=2, side_px=8, held_out=0.3)
    return list(islice(data.stream("train", seed=0), 4)), list(data.stream("valid", seed=0)), data.problems


def iam_seeds() -> list[Seed]:
    points = "".join(f'<Point x="{x}" y="{x % 7}" time="{x}.5"/>' for x in range(9))
    ink = f'<?xml version="1.0"?><Session><StrokeSet><Stroke>{points}</Stroke></StrokeSet></Session>'
    files = {f"a01-000u-{number:02d}.xml": ink.encode() for number in (1, 2)}
    files["a01-000u.txt"] = b"OCR:\n\nA\n\nCSR:\n\na small house\nby the sea\n"
    return [Seed(files, "a01-000u-01.xml"), Seed(files, "a01-000u.txt")]


def idx_seeds() -> list[Seed]:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 28, 28), np.uint8)
    labels = struct.pack(">II4B", 2049, 4, 3, 1, 4, 1)
    whole = struct.pack(">IIII", 2051, *pixels.shape) + pixels.tobytes()
    names = ("a-images-idx3-ubyte", "a-labels-idx1-ubyte")
    unpacked = dict(zip(names, (whole, labels), strict=True))
    packed = {name: gzip.compress(data, mtime=0) for name, data in unpacked.items()}  # seen by what it begins with, not by its name
    return [Seed(files, name) for files in (unpacked, packed) for name in names]


def omniglot_seeds() -> list[Seed]:
    ink = Image.fromarray(np.eye(105, dtype=np.uint8) * 255).convert("1")
    parts = {f"images_background/{a}/character01/{n:04d}.png": saved(ink, "PNG") for a in "AB" for n in range(2)}
    return [Seed({"images_background.zip": zipped(parts.items())}, "images_background.zip")]


def binarized_seeds() -> list[Seed]:
    bits = np.random.default_rng(0).integers(0, 2, (3, 784), dtype=np.uint8)
    found = []
    for save in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        save(buffer, bits=np.packbits(bits, axis=1))
        found.append(Seed({"a.npz": buffer.getvalue()}, "a.npz"))
    text = "\n".join(" ".join(map(str, row)) for row in bits.tolist())
    return [*found, Seed({"a.amat": text.encode()}, "a.amat")]


def metrics_seeds() -> list[Seed]:
    rows = [{"step": n, "loss": 1 / (n + 1), "valid/nats": None} for n in range(8)]
    return [Seed({"metrics.jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode()}, "metrics.jsonl")]


def state_seeds() -> list[Seed]:
    with tempfile.TemporaryDirectory() as place:
        path = checkpoint.write_state(Path(place), 3, {"step": 3, "model": {"w": torch.ones(3, 4)}, "seconds": 0.5})
        return [Seed({path.name: path.read_bytes()}, path.name)]


LOADERS: dict[str, Loader] = {
    "pictures": Loader(picture_seeds, lambda folder, name: images.load_image(str(folder / name))),
    "strokes": Loader(stroke_seeds, lambda folder, name: Painting.read(folder / name)),
    "triangles": Loader(triangle_seeds, lambda folder, name: LowPoly.read(folder / name)),
    "config": Loader(folder_seeds(checkpoint.CONFIG), lambda folder, _: models.load(folder)),
    "weights": Loader(folder_seeds(checkpoint.WEIGHTS), lambda folder, _: models.load(folder)),
    "recipes": Loader(folder_seeds(jobs.RECIPE), lambda folder, _: jobs.stored_recipe(folder)),
    "states": Loader(state_seeds, lambda folder, _: checkpoint.read_newest_state(folder)),
    "metrics": Loader(metrics_seeds, lambda folder, _: Journal(folder, step=5, finished=True, tensorboard=False)),
    "captions": Loader(caption_seeds, read_captions),
    "text": Loader(text_seeds, read_text),
    "labelled": Loader(labelled_seeds, read_labelled),
    "alphabets": Loader(alphabet_seeds, read_alphabets),
    "quickdraw": Loader(quickdraw_seeds, read_drawings),
    "stroke3": Loader(stroke3_seeds, read_drawings),
    "omniglot-strokes": Loader(omniglot_stroke_seeds, read_drawings),
    "omniglot": Loader(omniglot_seeds, lambda folder, name: omniglot.read_characters(folder / name)),
    "iam": Loader(iam_seeds, lambda folder, _: IamOnline(path=str(folder)).parts),
    "idx": Loader(idx_seeds, lambda folder, _: idx.read_digits(folder / "a-images-idx3-ubyte")),
    "binarized": Loader(binarized_seeds, lambda folder, name: Binarized(path=str(folder / name)).train),
}  # fmt: skip


# ---------------------------------------------------------------- trying


@dataclass
class Tried:
    """What became of some files; it is a line of the log."""

    loader: str
    seed: int
    first: int
    count: int = 0
    read: int = 0
    refused: int = 0
    worst_s: float = 0.0
    worst_mb: float = 0.0
    faults: tuple[tuple[int, str], ...] = ()
    """(number, why) of what was neither read nor refused, was killed, or took too much."""


@cache
def seeds_of(name: str) -> list[Seed]:
    return LOADERS[name].seeds()


def prepare(name: str, seed: int, number: int, folder: Path) -> str:
    """Writes the files of mutation `number` and returns the name of the damaged one."""
    rng = random.Random(f"{seed} {name} {number}")
    chosen = rng.choice(seeds_of(name))
    for left in folder.iterdir():
        left.unlink()
    for file, content in chosen.files.items():
        (folder / file).write_bytes(mutate(content, rng) if file == chosen.target else content)
    return chosen.target


def attempt(name: str, seed: int, number: int, folder: Path) -> tuple[str, float]:
    """("read", "refused" or what is wrong, seconds of the processor). A refusal is an error of drawgen's own, or a ValueError, of
    one line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target = prepare(name, seed, number, folder)
    begun = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            LOADERS[name].read(folder, target)
        outcome = "read"
    except Exception as error:
        own = type(error) is ValueError or (isinstance(error, ValueError) and type(error).__module__.startswith("drawgen."))
        outcome = "refused" if own and 0 < len(str(error)) < 1000 and "\n" not in str(error) else describe(error)
    return outcome, time.process_time() - begun


def describe(error: Exception) -> str:
    traceback.clear_frames(error.__traceback__)  # where memory ended, the frames still hold it
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "drawgen" in frame.filename]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} at {where}: {str(error)[:100]!r}"


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_child(tried: Tried, count: int, pipe: Any) -> None:
    """Reads `count` files and yields for each (number, outcome, seconds, megabytes)."""
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 2)  # libraries in C write there
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    most = pages * resource.getpagesize() + KILL_MB * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    began = peak_mb()
    with tempfile.TemporaryDirectory() as place:
        for number in range(tried.first + tried.count, tried.first + count):
            soft = int(time.process_time()) + KILL_S
            resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
            outcome, seconds = attempt(tried.loader, tried.seed, number, Path(place))
            pipe.send((number, outcome, seconds, peak_mb() - began))


def batch(name: str, seed: int, first: int, count: int) -> Tried:
    """Some files, read by as many children as it takes."""
    context = multiprocessing.get_context("fork")
    tried = Tried(name, seed, first)
    while tried.count < count:
        mine, theirs = context.Pipe(duplex=False)
        child = context.Process(target=in_child, args=(tried, count, theirs))
        child.start()
        theirs.close()
        while tried.count < count:
            number = first + tried.count
            try:
                told = mine.recv() if mine.poll(6 * KILL_S) else None
            except EOFError:
                told = None
            if told is None:
                child.kill()
                child.join()
                note(tried, number, f"killed ({child.exitcode})", 0.0, tried.worst_mb)
                break
            note(tried, *told)
        child.join()
    return tried


def note(tried: Tried, number: int, outcome: str, seconds: float, megabytes: float) -> None:
    tried.count += 1
    if outcome in ("read", "refused"):
        setattr(tried, outcome, getattr(tried, outcome) + 1)
    else:
        tried.faults += ((number, outcome),)
    if seconds > LIMIT_S:
        tried.faults += ((number, f"{seconds:.1f} s"),)
    if megabytes > max(LIMIT_MB, tried.worst_mb + 1):  # the peak of all so far, reported when it rises
        tried.faults += ((number, f"{megabytes:.0f} MB"),)
    tried.worst_s, tried.worst_mb = max(tried.worst_s, seconds), max(tried.worst_mb, megabytes)


# ---------------------------------------------------------------- the table


def logged(log: Path) -> list[Tried]:
    rows = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [Tried(**{**row, "faults": tuple(tuple(f) for f in row["faults"])}) for row in map(json.loads, rows)]


def together(name: str, parts: list[Tried]) -> Tried:
    whole = Tried(name, 0, 0)
    for part in parts:
        whole = replace(
            whole, count=whole.count + part.count, read=whole.read + part.read, refused=whole.refused + part.refused,
            worst_s=max(whole.worst_s, part.worst_s), worst_mb=max(whole.worst_mb, part.worst_mb),
            faults=whole.faults + part.faults,
        )  # fmt: skip
    return whole


def table(parts: list[Tried]) -> str:
    rows = [
        "# Damaged files",
        "",
        f"Made by `scripts/fuzz_loaders.py` on {jobs.machine()}. A loader has to read a damaged file or refuse it in one "
        f"sentence, in less than {LIMIT_S:g} s of CPU time and with less than {LIMIT_MB} MB above the idle process. Anything "
        "else is a fault.",
        "",
        "| loader | mutations | read | refused | faults | worst s | worst MB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    found = [together(name, [part for part in parts if part.loader == name]) for name in LOADERS]
    found = [one for one in found if one.count]
    for one in [*found, together("all", found)]:
        numbers = (one.count, one.read, one.refused, len(one.faults), f"{one.worst_s:.2f}", f"{one.worst_mb:.0f}")
        rows.append(f"| {one.loader} | {' | '.join(map(str, numbers))} |")
    faults = [f"- {one.loader} {number}: {why}" for one in found for number, why in one.faults[:20]]
    return "\n".join([*rows, *(["", "Faults (`--loader NAME --again NUMBER`):", "", *faults] if faults else [])]) + "\n"


def batches(names: list[str], count: int) -> Iterator[tuple[str, int, int]]:
    """All loaders in turn, so that a run that is stopped has tried each."""
    for first in range(0, count, BATCH):
        for name in names:
            yield name, first, min(BATCH, count - first)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loader", action="append", choices=list(LOADERS), help="this one only; may be given again")
    parser.add_argument("--count", type=int, default=1000, help="mutations of each loader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--log", type=Path, help="what was tried; a second call continues after it")
    parser.add_argument("--out", type=Path, help="the table")
    parser.add_argument("--again", type=int, help="one mutation again, in this process")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.CRITICAL)
    names = arguments.loader or list(LOADERS)
    if arguments.again is not None:
        folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        target = prepare(names[0], arguments.seed, arguments.again, folder)
        print(folder / target)
        print(LOADERS[names[0]].read(folder, target))
        return 0
    parts = logged(arguments.log) if arguments.log else []
    done = {(part.loader, part.seed, part.first, part.count) for part in parts}
    for name in names:  # what is imported and compiled late is not any file's own time or memory
        batch_in_process(name, arguments.seed, 30)
    begun = time.monotonic()
    for name, first, count in batches(names, arguments.count):
        if (name, arguments.seed, first, count) in done:
            continue
        if time.monotonic() - begun > 60 * arguments.minutes:
            break
        tried = batch(name, arguments.seed, first, count)
        parts.append(tried)
        if arguments.log:
            arguments.log.parent.mkdir(parents=True, exist_ok=True)
            with open(arguments.log, "a", encoding="utf-8") as log:
                log.write(json.dumps(vars(tried)) + "\n")
        faults = "".join(f"\n  {number}: {why}" for number, why in tried.faults)
        print(f"{name} {first}-{first + count - 1}: {tried.read} read, {tried.refused} refused{faults}", flush=True)
    text = table(parts)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    print(text)
    return int(any(part.faults for part in parts))


def batch_in_process(name: str, seed: int, count: int) -> Tried:
    """Without a child: for tests, where nothing is to be killed."""
    tried = Tried(name, seed, 0)
    with tempfile.TemporaryDirectory() as place:
        for number in range(count):
            note(tried, number, *attempt(name, seed, number, Path(place)), 0.0)
    return tried


if __name__ == "__main__":
    sys.exit(main())

"""Small ICC profiles for tests, made by hand."""

import struct

import numpy as np

from drawgen.colour_profiles import BRADFORD, D50

P3 = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
ADOBE = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
SRGB = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)


def s15(*values):
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def gamma(exponent):
    return b"curv" + struct.pack(">IIH", 0, 1, round(exponent * 256)) + b"\0\0"


def parametric(kind, *values):
    return b"para" + struct.pack(">IHH", 0, kind, 0) + s15(*values)


SRGB_CURVE = parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def packed(space, tags, *, pcs=b"XYZ "):
    """A display profile of version 2."""
    table, body = struct.pack(">I", len(tags)), b""
    offset = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data
    size = offset + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"test", 0x02400000, b"mntr", space, pcs) + bytes(12) + b"acsp" + bytes(28)
    head += s15(*D50)
    return head.ljust(128, b"\0") + table + body


def rgb(points=P3, curve=SRGB_CURVE):
    xy = np.array(points).reshape(4, 2)
    white, *primaries = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in xy)
    columns = np.stack(primaries, 1)
    columns = columns * np.linalg.solve(columns, white)
    adapted = np.linalg.inv(BRADFORD) @ np.diag(BRADFORD @ D50 / (BRADFORD @ white)) @ BRADFORD @ columns
    tags = {b"wtpt": b"XYZ \0\0\0\0" + s15(*D50)}
    for n, letter in enumerate((b"r", b"g", b"b")):
        tags[letter + b"XYZ"] = b"XYZ \0\0\0\0" + s15(*adapted[:, n])
        tags[letter + b"TRC"] = curve
    return packed(b"RGB ", tags)


def grey(curve):
    return packed(b"GRAY", {b"wtpt": b"XYZ \0\0\0\0" + s15(*D50), b"kTRC": curve})

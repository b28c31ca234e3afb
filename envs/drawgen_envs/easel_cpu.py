"""Updates screens and errors where strokes changed the canvas; compiled for a CPU (numba).

Its definition is `easel.to_screen` and `easel.squared_error`; tests compare them.
"""

from typing import TypeAlias

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from drawgen_envs.compiling_cpu import compiled

Screen: TypeAlias = UInt8[np.ndarray, "N H W C"]


@compiled()
def box(stroke: Float32[np.ndarray, " P"], height: int, width: int) -> tuple[int, int, int, int]:
    """First and last row and column (the last excluded) that a stroke may touch: its three points' box, its radius and a pixel."""
    around = max(stroke[6], stroke[7], 0) * min(height, width) + 1.5
    if max(stroke[6], stroke[7]) <= 0:
        return 0, 0, 0, 0
    left, right = min(stroke[0], stroke[2], stroke[4]) * width - around, max(stroke[0], stroke[2], stroke[4]) * width + around
    top, bottom = min(stroke[1], stroke[3], stroke[5]) * height - around, max(stroke[1], stroke[3], stroke[5]) * height + around
    return (
        int(min(max(top, 0), height)),
        int(min(max(bottom + 1, 0), height)),
        int(min(max(left, 0), width)),
        int(min(max(right + 1, 0), width)),
    )


@compiled()
def show(
    canvas: Float32[np.ndarray, "N C H W"],
    strokes: Float32[np.ndarray, "N P"],
    screen: Screen,
    target: Screen,
    error: Int64[np.ndarray, " N"],
) -> None:
    """Writes canvas (N C H W) to screen (N H W C uint8) where a stroke each (N P) may have touched it, and adds to error (N) what
    that changes in the squared error against target (as screen; of length 0 for none)."""
    levels = np.empty(canvas.shape[3], np.int32)
    for n in range(canvas.shape[0]):
        change = 0
        first, last, left, right = box(strokes[n], canvas.shape[2], canvas.shape[3])
        for i in range(first, last):
            for c in range(canvas.shape[1]):
                paint, seen = canvas[n, c, i, left:right], screen[n, i, left:right, c]
                for j in range(len(paint)):  # apart, so that it becomes vector code
                    levels[j] = np.int32(min(max(paint[j], np.float32(0)), np.float32(1)) * np.float32(255) + np.float32(0.5))
                if len(target):
                    aim = target[n, i, left:right, c]
                    for j in range(len(seen)):
                        new, old, wanted = levels[j], np.int32(seen[j]), np.int32(aim[j])
                        change += (new - old) * (new + old - wanted - wanted)  # (new - wanted)^2 - (old - wanted)^2
                for j in range(len(seen)):
                    seen[j] = np.uint8(levels[j])
        error[n] += change


@compiled()
def squared_error(screen: Screen, target: Screen, rows: Int64[np.ndarray, " M"], error: Int64[np.ndarray, " N"]) -> None:
    """Writes to error (N) the squared error between screen and target (N H W C uint8) in some rows (M)."""
    for n in rows:
        one, other = screen[n].ravel(), target[n].ravel()
        total = np.int64(0)
        for i in range(len(one)):
            gap = np.int32(one[i]) - np.int32(other[i])
            total += gap * gap
        error[n] = total

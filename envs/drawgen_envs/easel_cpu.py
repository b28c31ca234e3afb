"""What is seen of a canvas, brought up to date where strokes touched it; compiled for a CPU (numba).

Its definition is `easel.to_screen` and `easel.squared_error`, and the tests hold it to them.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def show(canvas, rows, columns, screen, target, error):
    """Writes canvas (N C H W) to screen (N H W C uint8) in the touched rows (N S 2) and columns (N S H 2), and adds to error (N)
    what that changes in the squared error against target (as screen; of length 0 for none)."""
    for n in range(canvas.shape[0]):
        change = 0
        for s in range(rows.shape[1]):
            for i in range(rows[n, s, 0], rows[n, s, 1]):
                for j in range(columns[n, s, i, 0], columns[n, s, i, 1]):
                    for c in range(canvas.shape[1]):
                        share = min(max(canvas[n, c, i, j], np.float32(0)), np.float32(1))
                        new = np.int64(share * np.float32(255) + np.float32(0.5))
                        if len(target):
                            aim = np.int64(target[n, i, j, c])
                            old = np.int64(screen[n, i, j, c])
                            change += (new - aim) * (new - aim) - (old - aim) * (old - aim)
                        screen[n, i, j, c] = np.uint8(new)
        error[n] += change


@njit(cache=True, nogil=True)
def squared_error(screen, target, rows, error):
    """Writes to error (N) the squared error between screen and target (N H W C uint8) in some rows (M)."""
    for n in rows:
        one, other = screen[n].ravel(), target[n].ravel()
        total = 0
        for begin in range(0, len(one), 1024):  # so few fit into 32 bits, which a compiler adds up four at a time and faster
            part = np.int32(0)
            for i in range(begin, min(begin + 1024, len(one))):
                gap = np.int32(one[i]) - np.int32(other[i])
                part = np.int32(part + np.int32(gap * gap))
            total += part
        error[n] = total

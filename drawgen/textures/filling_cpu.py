"""The loops of filling a hole, compiled for the CPU (numba): nearest patches by PatchMatch, and their votes.

Axes: H W rows and columns, C channels.
"""

import numpy as np
from drawgen_envs.compiling_cpu import compiled
from jaxtyping import Bool, Float32, Int32

REACH = 3
"""Of a patch, in pixels to each side."""


@compiled(fastmath=True)
def distance(
    pixels: Float32[np.ndarray, "H W C"],
    known: Bool[np.ndarray, "H W"],
    i: int,
    j: int,
    p: int,
    q: int,
    most: float,
) -> float:
    """The sum of squared differences of the patches around (i, j), as far as it is `known`, and (p, q), per pixel; something
    above `most` as soon as it is above it."""
    H, W, C = pixels.shape
    total, count = np.float32(0.0), 0
    limit = np.float32(most * (2 * REACH + 1) ** 2)
    for a in range(max(-REACH, -i), min(REACH + 1, H - i)):
        for b in range(max(-REACH, -j), min(REACH + 1, W - j)):
            if known[i + a, j + b]:
                count += 1
                for c in range(C):
                    difference = pixels[i + a, j + b, c] - pixels[p + a, q + b, c]
                    total += difference * difference
        if total > limit:
            return np.inf
    return float(total / max(count, 1))


@compiled()
def match(
    pixels: Float32[np.ndarray, "H W C"],
    known: Bool[np.ndarray, "H W"],
    centres: Bool[np.ndarray, "H W"],
    wanted: Int32[np.ndarray, "N 2"],
    number: Int32[np.ndarray, "H W"],
    near: Int32[np.ndarray, "N 2"],
    error: Float32[np.ndarray, " N"],
    drift: tuple[float, float],
    farthest: int,
    rounds: int,
    seed: int,
) -> None:
    """PatchMatch (Barnes et al. 2009): improves the nearest patches `near` of the places `wanted` among the `centres` by those of
    the neighbours and by random ones, at most `farthest` away and ever nearer. `number` is a place's index in `wanted`, or -1. To
    the error is added `drift` times the square of how many rows and columns a patch is away."""
    H, W = known.shape
    state = np.uint64(seed * 2 + 1)
    N = len(wanted)
    for n in range(N):
        i, j, p, q = wanted[n, 0], wanted[n, 1], near[n, 0], near[n, 1]
        error[n] = drift[0] * (p - i) ** 2 + drift[1] * (q - j) ** 2 + distance(pixels, known, i, j, p, q, np.inf)
    for time in range(rounds):
        step = 1 if time % 2 == 0 else -1
        for k in range(N):
            n = k if step == 1 else N - 1 - k
            i, j = wanted[n]
            for side in range(2):
                a, b = (i - step, j) if side == 0 else (i, j - step)
                if 0 <= a < H and 0 <= b < W and number[a, b] >= 0:
                    m = number[a, b]
                    p, q = near[m, 0] + i - a, near[m, 1] + j - b
                    if 0 <= p < H and 0 <= q < W and centres[p, q]:
                        away = drift[0] * (p - i) ** 2 + drift[1] * (q - j) ** 2
                        value = away + distance(pixels, known, i, j, p, q, error[n] - away)
                        if value < error[n]:
                            near[n, 0], near[n, 1], error[n] = p, q, value
            reach = farthest
            while reach >= 1:
                state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                p = near[n, 0] + np.int64((state >> np.uint64(33)) % np.uint64(2 * reach + 1)) - reach
                state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                q = near[n, 1] + np.int64((state >> np.uint64(33)) % np.uint64(2 * reach + 1)) - reach
                if 0 <= p < H and 0 <= q < W and centres[p, q]:
                    away = drift[0] * (p - i) ** 2 + drift[1] * (q - j) ** 2
                    value = away + distance(pixels, known, i, j, p, q, error[n] - away)
                    if value < error[n]:
                        near[n, 0], near[n, 1], error[n] = p, q, value
                reach //= 2


@compiled()
def vote(
    pixels: Float32[np.ndarray, "H W C"],
    hole: Bool[np.ndarray, "H W"],
    number: Int32[np.ndarray, "H W"],
    near: Int32[np.ndarray, "N 2"],
    error: Float32[np.ndarray, " N"],
    trust: Float32[np.ndarray, "H W"],
    sigma: float,
) -> Float32[np.ndarray, "H W C"]:
    """Each pixel of the hole as the mean of what the nearest patches around it have in its place: weighted by how well they fit,
    and by `trust`."""
    H, W, C = pixels.shape
    out = pixels.copy()
    sums = np.zeros(C)
    for i in range(H):
        for j in range(W):
            if not hole[i, j]:
                continue
            sums[:] = 0
            total = 0.0
            for a in range(max(-REACH, -i), min(REACH + 1, H - i)):
                for b in range(max(-REACH, -j), min(REACH + 1, W - j)):
                    n = number[i + a, j + b]
                    if n < 0:
                        continue
                    weight = trust[i + a, j + b] * np.exp(-error[n] / (2 * sigma)) + 1e-12
                    total += weight
                    for c in range(C):
                        sums[c] += weight * pixels[near[n, 0] - a, near[n, 1] - b, c]
            if total > 0:
                for c in range(C):
                    out[i, j, c] = sums[c] / total
    return out


@compiled()
def depth(hole: Bool[np.ndarray, "H W"]) -> Int32[np.ndarray, "H W"]:
    """How many pixels each pixel of the hole is away from the nearest one outside, in rows or columns, diagonals being 1. What
    lies beyond the border of the picture is not outside."""
    H, W = hole.shape
    out = np.where(hole, np.int32(H + W), np.int32(0))
    for back in range(2):
        for k in range(H):
            i = H - 1 - k if back else k
            for m in range(W):
                j = W - 1 - m if back else m
                sign = -1 if back else 1
                for a, b in ((-sign, -1), (-sign, 0), (-sign, 1), (0, -sign)):
                    if 0 <= i + a < H and 0 <= j + b < W:
                        out[i, j] = min(out[i, j], out[i + a, j + b] + 1)
    return out.astype(np.int32)


@compiled()
def steps(
    pixels: Float32[np.ndarray, "H W C"], hole: Bool[np.ndarray, "H W"], sources: Int32[np.ndarray, "H W 2"], axis: int
) -> Float32[np.ndarray, "H W C"]:
    """By how much the step from each pixel to the next along `axis` differs from the step that their sources have there: the mean
    of both, or of the one that has something there."""
    H, W, C = pixels.shape
    out = np.zeros((H, W, C), np.float32)
    down, along = (1, 0) if axis == 0 else (0, 1)
    for i in range(H - down):
        for j in range(W - along):
            if not (hole[i, j] or hole[i + down, j + along]):
                continue
            p, q = sources[i, j]
            r, s = sources[i + down, j + along]
            if r == p + down and s == q + along:
                continue
            first = p + down < H and q + along < W and not hole[p + down, q + along]
            second = r - down >= 0 and s - along >= 0 and not hole[r - down, s - along]
            count = int(first) + int(second)
            if count == 0:
                continue
            for c in range(C):
                here, there = pixels[p, q, c], pixels[r, s, c]
                step = np.float32(0.0)
                if first:
                    step += pixels[p + down, q + along, c] - here
                if second:
                    step += there - pixels[r - down, s - along, c]
                out[i, j, c] = step / count - (there - here)
    return out


@compiled()
def linked(
    c: Float32[np.ndarray, "N C"], links: Int32[np.ndarray, "N 4"], weights: Float32[np.ndarray, "N 4"], own: float
) -> Float32[np.ndarray, "N C"]:
    """The matrix of `filling.spread` times c: for each place, `own` c there, and for each neighbour its weight times the difference
    to c there, which is 0 at one without a number (-1)."""
    N, C = c.shape
    out = np.empty((N, C), np.float32)
    for n in range(N):
        for f in range(C):
            total = np.float32(own) * c[n, f]
            for k in range(4):
                m = links[n, k]
                total += weights[n, k] * (c[n, f] - (c[m, f] if m >= 0 else np.float32(0.0)))
            out[n, f] = total
    return out

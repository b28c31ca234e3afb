"""The loops of quilting, compiled for the CPU (numba).

Axes: H W rows and columns of what is being made, R S those of the exemplar, C channels, h w those of a patch. An exemplar is C R S
where rows of it are compared and R S C where single pixels are.
"""

import numpy as np
from drawgen_envs.compiling_cpu import compiled
from jaxtyping import Bool, Float32, Int32, Int64

from drawgen.minimum_cut_cpu import grid, minimum_cut

UNIT = 10000.0  # costs of cuts are integers: this many for a difference from black to white
NEVER = 1 << 50
SOFT = 0.1
DOWN_ALONG = ((-1, 0), (1, 0), (0, -1), (0, 1))


@compiled(fastmath=True)
def errors(
    exemplar: Float32[np.ndarray, "C R S"],
    patch: Float32[np.ndarray, "C h w"],
    weight: Float32[np.ndarray, "C h w"],
    rows: int,
    columns: int,
) -> Float32[np.ndarray, "rows columns"]:
    """The weighted sum of squared differences between a patch and the exemplar at each of the first `rows` x `columns`
    positions."""
    C, h, w = patch.shape
    out = np.zeros((rows, columns), np.float32)
    for r in range(rows):
        total = out[r]
        for i in range(h):
            for j in range(w):
                for c in range(C):
                    if weight[c, i, j] > 0:
                        line, value, much = exemplar[c, r + i, j : j + columns], patch[c, i, j], weight[c, i, j]
                        for s in range(columns):
                            difference = line[s] - value
                            total[s] += much * difference * difference
    return out


@compiled(fastmath=True)
def error_at(
    exemplar: Float32[np.ndarray, "C R S"],
    patch: Float32[np.ndarray, "C h w"],
    weight: Float32[np.ndarray, "C h w"],
    r: int,
    s: int,
    most: float,
) -> float:
    """The same at one position; something above `most` as soon as it is above it."""
    C, h, w = patch.shape
    total = np.float32(0.0)
    for i in range(h):
        for c in range(C):
            line, row, much = exemplar[c, r + i, s : s + w], patch[c, i], weight[c, i]
            part = np.float32(0.0)
            for j in range(w):
                difference = line[j] - row[j]
                part += much[j] * difference * difference
            total += part
        if total > most:
            break
    return float(total)


@compiled()
def halved(picture: Float32[np.ndarray, "C h w"], weight: Float32[np.ndarray, "C h w"]) -> tuple:  # type: ignore[type-arg]
    """The weighted means of 2 x 2 cells and the sums of their weights; an odd last row or column is left out."""
    C, h, w = picture.shape
    out = np.zeros((C, h // 2, w // 2), np.float32)
    total = np.zeros((C, h // 2, w // 2), np.float32)
    for c in range(C):
        for i in range(h - h % 2):
            for j in range(w - w % 2):
                total[c, i // 2, j // 2] += weight[c, i, j]
                out[c, i // 2, j // 2] += weight[c, i, j] * picture[c, i, j]
        for i in range(h // 2):
            for j in range(w // 2):
                if total[c, i, j] > 0:
                    out[c, i, j] /= total[c, i, j]
    return out, total


@compiled()
def window(
    exemplar: Float32[np.ndarray, "R S C"],
    sources: Int32[np.ndarray, "H W 2"],
    known: Bool[np.ndarray, "H W"],
    y: int,
    x: int,
    h: int,
    w: int,
) -> tuple:  # type: ignore[type-arg]
    """The pixels that the patch at (y, x) will meet, and where there are any (1 or 0), both C h w."""
    H, W = known.shape
    C = exemplar.shape[2]
    patch = np.zeros((C, h, w), np.float32)
    weight = np.zeros((C, h, w), np.float32)
    for i in range(h):
        for j in range(w):
            p, q = (y + i) % H, (x + j) % W
            if known[p, q]:
                for c in range(C):
                    weight[c, i, j] = 1.0
                    patch[c, i, j] = exemplar[sources[p, q, 0], sources[p, q, 1], c]
    return patch, weight


@compiled()
def fits(blocked: Int64[np.ndarray, "R+1 S+1"], r: int, s: int, h: int, w: int) -> bool:
    """Whether the exemplar has an opaque patch at (r, s), by the table of sums of its pixels that are not opaque."""
    if r < 0 or s < 0 or r + h >= blocked.shape[0] or s + w >= blocked.shape[1]:
        return False
    return blocked[r + h, s + w] - blocked[r, s + w] - blocked[r + h, s] + blocked[r, s] == 0


@compiled()
def penalty(near: Float32[np.ndarray, "K 4"], r: int, s: int, side: int, guard: int) -> float:
    """What speaks against a copy from (r, s). `near` has two kinds of rows. With a 0 at the end: where a patch nearby was copied
    from, and what it costs to copy the very same again, less in proportion to what the two do not share. With a 1: where a patch
    would be copied from that continues one which is there, and what that costs; something that is nearly so, up to `guard` pixels
    off, is ruled out."""
    total = 0.0
    for k in range(len(near)):
        down, along = abs(r - near[k, 0]), abs(s - near[k, 1])
        if near[k, 3] > 0:
            if down == 0 and along == 0:
                total += near[k, 2]
            elif down <= guard and along <= guard:
                return np.inf
        elif down < side and along < side:
            total += near[k, 2] * (1 - down / side) * (1 - along / side)
    return total


@compiled()
def exact(
    full: Float32[np.ndarray, "C R S"],
    blocked: Int64[np.ndarray, "R+1 S+1"],
    patch: Float32[np.ndarray, "C h w"],
    weight: Float32[np.ndarray, "C h w"],
    near: Float32[np.ndarray, "K 4"],
    side: int,
    guard: int,
    positions: Int32[np.ndarray, "M 2"],
) -> tuple:  # type: ignore[type-arg]
    """Those of the positions whose error is at most twice the least of those before, and the errors: weighted squared difference
    and penalty."""
    found = np.empty_like(positions)
    error = np.empty(len(positions), np.float32)
    number, best = 0, np.inf
    for k in range(len(positions)):
        r, s = positions[k]
        if fits(blocked, r, s, weight.shape[1], weight.shape[2]):
            against = penalty(near, r, s, side, guard)
            if against <= 2 * best:
                value = against + error_at(full, patch, weight, r, s, 2 * best - against)
                if value <= 2 * best and value < np.inf:
                    found[number, 0], found[number, 1], error[number] = r, s, value
                    number += 1
                    best = min(best, value)
    return found[:number], error[:number]


@compiled()
def search(
    full: Float32[np.ndarray, "C R S"],
    blocked: Int64[np.ndarray, "R+1 S+1"],
    patch: Float32[np.ndarray, "C h w"],
    weight: Float32[np.ndarray, "C h w"],
    near: Float32[np.ndarray, "K 4"],
    side: int,
    guard: int,
) -> tuple:  # type: ignore[type-arg]
    """All positions (r, s) in the exemplar whose patch agrees with what is there about as well as the best, and their errors with
    penalty."""
    h, w = weight.shape[1:]
    rows, columns = max(full.shape[1] - h + 1, 0), max(full.shape[2] - w + 1, 0)
    positions = np.empty((rows * columns, 2), np.int32)
    for r in range(rows):
        for s in range(columns):
            positions[r * columns + s, 0], positions[r * columns + s, 1] = r, s
    return exact(full, blocked, patch, weight, near, side, guard, positions)


@compiled()
def lowest(values: Float32[np.ndarray, "R S"], count: int) -> np.float32:
    """The `count`-th lowest of numbers that are not negative, or the highest if there are fewer. np.partition does it too, but
    takes seven seconds to compile. Such numbers are in the order of their bits."""
    bits = values.view(np.int32)
    low, high = np.int32(-1), np.int32(bits.max())
    while high - low > 1:
        middle = low + (high - low) // 2
        if (bits <= middle).sum() >= count:
            high = middle
        else:
            low = middle
    return np.array([high], np.int32).view(np.float32)[0]


@compiled()
def search_coarse(
    full: Float32[np.ndarray, "C R S"],
    half: Float32[np.ndarray, "C R/2 S/2"],
    quarter: Float32[np.ndarray, "C R/4 S/4"],
    blocked: Int64[np.ndarray, "R+1 S+1"],
    patch: Float32[np.ndarray, "C h w"],
    weight: Float32[np.ndarray, "C h w"],
    near: Float32[np.ndarray, "K 4"],
    side: int,
    guard: int,
    keep: int,
) -> tuple:  # type: ignore[type-arg]
    """The same among fewer: all are compared at quarter size, what lies around the `keep` best at half size, and what lies around
    the best quarter of those at full size."""
    h, w = weight.shape[1:]
    patch1, weight1 = halved(patch, weight)
    patch2, weight2 = halved(patch1, weight1)
    rows, columns = quarter.shape[1] - h // 4 + 1, quarter.shape[2] - w // 4 + 1
    error = errors(quarter, patch2, weight2, rows, columns)
    for r in range(rows):
        for s in range(columns):
            if not fits(blocked, 4 * r, 4 * s, h, w):
                error[r, s] = np.inf
    for k in range(len(near)):  # `penalty`, only where it is not 0
        reach = guard if near[k, 3] > 0 else side
        for r in range(max(int(near[k, 0] - reach) // 4, 0), min(int(near[k, 0] + reach) // 4 + 1, rows)):
            for s in range(max(int(near[k, 1] - reach) // 4, 0), min(int(near[k, 1] + reach) // 4 + 1, columns)):
                error[r, s] += penalty(near[k : k + 1], 4 * r, 4 * s, side, guard)
    limit = lowest(error, keep)
    seen = np.zeros((half.shape[1], half.shape[2]), np.bool_)
    some = np.empty((9 * min(keep, rows * columns) + 9, 2), np.int32)
    values = np.empty(len(some), np.float32)
    count, best = 0, np.inf
    left = keep
    for ties in (False, True):
        for r in range(rows):
            for s in range(columns):
                if left == 0 or not (error[r, s] < limit or (ties and error[r, s] == limit)) or error[r, s] == np.inf:
                    continue
                error[r, s] = np.inf
                left -= 1
                for p in range(max(2 * r - 1, 0), min(2 * r + 2, half.shape[1])):
                    for q in range(max(2 * s - 1, 0), min(2 * s + 2, half.shape[2])):
                        if not seen[p, q] and fits(blocked, 2 * p, 2 * q, h, w):
                            seen[p, q] = True
                            some[count, 0], some[count, 1] = p, q
                            value = error_at(half, patch1, weight1, p, q, 3 * best)
                            values[count] = value + penalty(near, 2 * p, 2 * q, side, guard)
                            best = min(best, values[count])
                            count += 1
    seen = np.zeros((full.shape[1], full.shape[2]), np.bool_)
    positions = np.empty((9 * max(keep // 4, 1) + len(near), 2), np.int32)
    number = 0
    for k in range(len(near)):
        p, q = int(near[k, 0]), int(near[k, 1])
        if near[k, 3] > 0 and 0 <= p < full.shape[1] and 0 <= q < full.shape[2] and not seen[p, q]:
            seen[p, q] = True
            positions[number, 0], positions[number, 1] = p, q
            number += 1
    for k in np.argsort(values[:count])[: max(keep // 4, 1)]:
        for p in range(max(2 * some[k, 0] - 1, 0), min(2 * some[k, 0] + 2, full.shape[1])):
            for q in range(max(2 * some[k, 1] - 1, 0), min(2 * some[k, 1] + 2, full.shape[2])):
                if not seen[p, q]:
                    seen[p, q] = True
                    positions[number, 0], positions[number, 1] = p, q
                    number += 1
    return exact(full, blocked, patch, weight, near, side, guard, positions[:number])


@compiled()
def seam(
    exemplar: Float32[np.ndarray, "R S C"], usable: Bool[np.ndarray, "R S"], p: int, q: int, r: int, s: int, down: int, along: int
) -> int:
    """The cost of a cut between two neighbours, copied from (p, q) and, `down` and `along` of it, from (r, s): how much each of the
    two differs from what the other's source has in its place, relative to how much the sources change there. Where one source has
    nothing usable there, the other counts twice."""
    R, S, C = exemplar.shape
    p1, q1 = min(max(p + down, 0), R - 1), min(max(q + along, 0), S - 1)
    r1, s1 = min(max(r - down, 0), R - 1), min(max(s - along, 0), S - 1)
    left, right = usable[r1, s1], usable[p1, q1]
    first, second, change, other = 0.0, 0.0, 0.0, 0.0
    for c in range(C):
        a, b, a1, b1 = exemplar[p, q, c], exemplar[r, s, c], exemplar[p1, q1, c], exemplar[r1, s1, c]
        first += (a - b1) ** 2
        second += (a1 - b) ** 2
        change += (a - a1) ** 2
        other += (b - b1) ** 2
    if left != right:
        first, second = (first, first) if left else (second, second)
        change, other = (other, other) if left else (change, change)
    return int(UNIT * (np.sqrt(first) + np.sqrt(second)) / (SOFT + np.sqrt(change) + np.sqrt(other)))


@compiled()
def seams(
    exemplar: Float32[np.ndarray, "R S C"],
    usable: Bool[np.ndarray, "R S"],
    sources: Int32[np.ndarray, "H W 2"],
    wrap_rows: bool,
    wrap_columns: bool,
) -> Int64[np.ndarray, "H W"]:
    """The costs of the cuts between each pixel and those below it and to its right."""
    H, W = sources.shape[:2]
    out = np.zeros((H, W), np.int64)
    for i in range(H):
        for j in range(W):
            (p, q), (r, s), (u, v) = sources[i, j], sources[(i + 1) % H, j], sources[i, (j + 1) % W]
            if (i < H - 1 or wrap_rows) and (r != p + 1 or s != q):
                out[i, j] += seam(exemplar, usable, p, q, r, s, 1, 0)
            if (j < W - 1 or wrap_columns) and (u != p or v != q + 1):
                out[i, j] += seam(exemplar, usable, p, q, u, v, 0, 1)
    return out


@compiled()
def paste(
    exemplar: Float32[np.ndarray, "R S C"],
    usable: Bool[np.ndarray, "R S"],
    sources: Int32[np.ndarray, "H W 2"],
    known: Bool[np.ndarray, "H W"],
    fixed: Bool[np.ndarray, "H W"],
    wrap_rows: bool,
    wrap_columns: bool,
    y: int,
    x: int,
    h: int,
    w: int,
    r: int,
    s: int,
) -> None:
    """Lays the exemplar's patch at (r, s) over the window h x w at (y, x). Unknown pixels take the patch's; known ones either keep
    theirs or take the patch's, along the cut of least cost, where seams that were there before may be covered (Kwatra et al. 2003;
    in the terms of Boykov et al. 2001, it is one expansion of the patch's label). `fixed` pixels stay, and where the patch
    has nothing usable, everything stays as it is."""
    H, W = known.shape
    neighbour = grid(h, w, False, False)
    capacity = np.zeros((h * w, 4), np.int64)
    terminal = np.zeros(h * w, np.int64)  # positive: it costs that much to keep the old pixel; negative: to take the new one
    there_is = np.zeros((h, w), np.bool_)
    for i in range(max(-r, 0), min(h, usable.shape[0] - r)):
        for j in range(max(-s, 0), min(w, usable.shape[1] - s)):
            there_is[i, j] = usable[r + i, s + j]
    for i in range(h):
        for j in range(w):
            n = i * w + j
            p, q = (y + i) % H, (x + j) % W
            if not there_is[i, j]:
                continue
            if not known[p, q]:
                terminal[n] += NEVER
            elif fixed[p, q]:
                terminal[n] -= NEVER
            for d in range(4):
                down, along = DOWN_ALONG[d]
                a, b = i + down, j + along
                inside = 0 <= a < h and 0 <= b < w and there_is[a, b]
                if inside and d % 2 == 0:
                    continue  # each pair once
                if not inside and not ((wrap_rows or 0 <= y + a < H) and (wrap_columns or 0 <= x + b < W)):
                    continue
                u, v = (y + a) % H, (x + b) % W
                if not known[p, q] and not known[u, v]:
                    continue
                (e, f), (g, k) = sources[p, q], sources[u, v]
                new = seam(exemplar, usable, r + i, s + j, g, k, down, along) if known[u, v] else 0
                if not inside:
                    if known[u, v] and known[p, q]:
                        old = seam(exemplar, usable, e, f, g, k, down, along)
                        terminal[n] += 2 * (old - new)
                    continue
                m = a * w + b
                old_new = seam(exemplar, usable, e, f, r + a, s + b, down, along) if known[p, q] else 0
                old_old = 0
                if known[p, q] and known[u, v]:
                    old_old = seam(exemplar, usable, e, f, g, k, down, along)
                # All costs are doubled: one of two old pixels is half that of each, less half where only one of them is old.
                here, there = 2 * old_new - old_old, 2 * new - old_old  # n old and m new; n new and m old (doubled)
                terminal[n] += old_old
                terminal[m] += old_old
                if here < 0:
                    terminal[m] -= here
                    terminal[n] += here
                    there += here
                    here = 0
                if there < 0:
                    terminal[n] -= there
                    terminal[m] += there
                    here += there
                    there = 0
                capacity[m, d ^ 1] += max(here, 0)  # new is the source's side
                capacity[n, d] += max(there, 0)
    new_side = minimum_cut(neighbour, capacity, terminal)
    for i in range(h):
        for j in range(w):
            p, q = (y + i) % H, (x + j) % W
            if there_is[i, j] and (new_side[i * w + j] or not known[p, q]):
                sources[p, q, 0], sources[p, q, 1] = r + i, s + j
                known[p, q] = True

"""The compiled twins (numba) of the orderings in `ordering.py`.

Axes: N strokes, E = 2 N ends (2 n is the first end of stroke n, 2 n + 1 its last), K neighbours of an end.

A tour is an array of N + 1 ends, those at which the pen comes down, by place; place 0 is the origin, a stroke without length that
stays where it is. The end at which the pen rises is the other one of the stroke, `down ^ 1`. After the last place the tour is open.
"""

import numpy as np
from drawgen_envs.compiling_cpu import compiled
from jaxtyping import Bool, Float64, Int64

LONGEST_RUN = 3  # as in ordering.py, which numba does not read
SPAN = 50
"""Strokes among which a kick exchanges two runs, at most."""
LEAST = 1e-9
"""The least gain in mm, above what rounding makes."""


@compiled()
def greedy(ends: Float64[np.ndarray, "N 4"]) -> tuple[Int64[np.ndarray, " N"], Bool[np.ndarray, " N"]]:
    """The twin of `ordering.greedy`."""
    N = len(ends)
    index, flipped = np.empty(N, np.int64), np.empty(N, np.bool_)
    left = np.arange(N)
    x, y = 0.0, 0.0
    for step in range(N):
        best, nearest, spot, flip = -1, np.inf, 0, False
        for k in range(N - step):
            n = left[k]
            first = (ends[n, 0] - x) ** 2 + (ends[n, 1] - y) ** 2
            last = (ends[n, 2] - x) ** 2 + (ends[n, 3] - y) ** 2
            nearer = min(first, last)
            if nearer < nearest or (nearer == nearest and n < best):
                best, nearest, spot, flip = n, nearer, k, last < first
        left[spot] = left[N - step - 1]
        index[step], flipped[step] = best, flip
        x, y = (ends[best, 0], ends[best, 1]) if flip else (ends[best, 2], ends[best, 3])
    return index, flipped


@compiled()
def way(spots: Float64[np.ndarray, "E 2"], one: int, other: int) -> float:
    """The distance of two ends; that to -1, behind the tour's last stroke, is nothing."""
    if one < 0 or other < 0:
        return 0.0
    return np.sqrt((spots[one, 0] - spots[other, 0]) ** 2 + (spots[one, 1] - spots[other, 1]) ** 2)


@compiled()
def down_at(tour: Int64[np.ndarray, " M"], place: int) -> int:
    return tour[place] if place < len(tour) else -1


@compiled()
def gain_of_reversal(spots: Float64[np.ndarray, "E 2"], tour: Int64[np.ndarray, " M"], i: int, j: int) -> float:
    """What it saves to reverse the places i to j, 1 <= i <= j."""
    before, after = tour[i - 1] ^ 1, down_at(tour, j + 1)
    return (
        way(spots, before, tour[i]) + way(spots, tour[j] ^ 1, after) - way(spots, before, tour[j] ^ 1) - way(spots, tour[i], after)
    )


@compiled()
def gain_of_move(spots: Float64[np.ndarray, "E 2"], tour: Int64[np.ndarray, " M"], i: int, j: int, p: int, flip: bool) -> float:
    """What it saves to put the places i to j between p and p + 1, which both lie outside of them or at their border."""
    before, after = tour[i - 1] ^ 1, down_at(tour, j + 1)
    left, right = tour[p] ^ 1, down_at(tour, p + 1)
    first, last = tour[i], tour[j] ^ 1
    if flip:
        first, last = last, first
    return (
        way(spots, before, tour[i])
        + way(spots, tour[j] ^ 1, after)
        - way(spots, before, after)
        + way(spots, left, right)
        - way(spots, left, first)
        - way(spots, last, right)
    )


@compiled()
def reverse(tour: Int64[np.ndarray, " M"], place: Int64[np.ndarray, " M"], i: int, j: int) -> None:
    while i < j:
        one, other = tour[i] ^ 1, tour[j] ^ 1
        tour[i], tour[j] = other, one
        place[other >> 1], place[one >> 1] = i, j
        i += 1
        j -= 1
    if i == j:
        tour[i] ^= 1


@compiled()
def noted(
    tour: Int64[np.ndarray, " M"], place: Int64[np.ndarray, " M"], log: Int64[np.ndarray, "L 2"], count: int, i: int, j: int
) -> int:
    """Reverses, and writes it down so that it can be undone; the number of notes."""
    reverse(tour, place, i, j)
    if count < len(log):
        log[count, 0], log[count, 1] = i, j
    return count + 1


@compiled()
def exchange(
    tour: Int64[np.ndarray, " M"], place: Int64[np.ndarray, " M"], log: Int64[np.ndarray, "L 2"], count: int, i: int, j: int, k: int
) -> int:
    """The places i to j - 1 and j to k change their order, in their directions: three reversals."""
    count = noted(tour, place, log, count, i, k)
    middle = i + k - j + 1
    count = noted(tour, place, log, count, i, middle - 1)
    return noted(tour, place, log, count, middle, k)


@compiled()
def move(
    tour: Int64[np.ndarray, " M"],
    place: Int64[np.ndarray, " M"],
    log: Int64[np.ndarray, "L 2"],
    count: int,
    i: int,
    j: int,
    p: int,
    flip: bool,
) -> int:
    """The places i to j go between p and p + 1; the number of notes."""
    if flip:
        count = noted(tour, place, log, count, i, j)
    if p < i:
        return exchange(tour, place, log, count, p + 1, i, j)
    return exchange(tour, place, log, count, i, j + 1, p)


@compiled()
def descend(
    spots: Float64[np.ndarray, "E 2"],
    near: Int64[np.ndarray, "E K"],
    tour: Int64[np.ndarray, " M"],
    place: Int64[np.ndarray, " M"],
    queue: Int64[np.ndarray, " M"],
    queued: Bool[np.ndarray, " M"],
    waiting: int,
    log: Int64[np.ndarray, "L 2"],
    count: int,
) -> tuple[float, int]:
    """Moves strokes until no stroke in the queue has a move that saves anything; what was saved in mm, and the number of notes.

    Each move joins an end of the stroke with one of its neighbours, if that way is shorter than the one from the end now: by a
    reversal, or by a run that begins or ends with either of the two and goes to the other.
    """
    M = len(tour)
    N = M - 1
    saved = 0.0
    head = 0
    while waiting > 0:
        n = queue[head]
        head = (head + 1) % M
        waiting -= 1
        queued[n] = False
        again = True
        while again:
            again = False
            best, kind, bi, bj, bp, bflip = LEAST, 0, 0, 0, 0, False
            for side in range(2):
                e = 2 * n + side
                p = place[n]
                up = tour[p] != e  # whether the pen rises at e
                if p == (N if up else 0):
                    continue
                gap = way(spots, e, tour[p + 1]) if up else way(spots, tour[p - 1] ^ 1, e)
                for k in range(near.shape[1]):
                    f = near[e, k]
                    if f < 0 or way(spots, e, f) >= gap:
                        break
                    q = place[f >> 1]
                    f_up = tour[q] != f
                    if up == f_up:  # both are left, or both are met: what lies between is reversed
                        i, j = min(p, q), max(p, q)
                        if up:
                            i += 1
                        else:
                            j -= 1
                        gain = gain_of_reversal(spots, tour, i, j)
                        if gain > best:
                            best, kind, bi, bj = gain, 1, i, j
                    for length in range(1, LONGEST_RUN + 1):
                        for own in range(2):
                            # the run begins or ends at the end of one stroke, and goes to the end of the other
                            at, rises, to, to_rises = (p, up, q, f_up) if own else (q, f_up, p, up)
                            i = at - length + 1 if rises else at
                            j = i + length - 1
                            t = to if to_rises else to - 1
                            if i < 1 or j > N or i - 1 <= t <= j:
                                continue
                            flip = rises == to_rises
                            gain = gain_of_move(spots, tour, i, j, t, flip)
                            if gain > best:
                                best, kind, bi, bj, bp, bflip = gain, 2, i, j, t, flip
            if kind == 0:
                continue
            touched = (bi - 1, bi, bj, bj + 1, bp, bp + 1) if kind == 2 else (bi - 1, bi, bj, bj + 1, bi, bj)
            for spot in touched:
                if spot <= N:
                    m = tour[spot] >> 1
                    if not queued[m] and m != n:
                        queued[m] = True
                        queue[(head + waiting) % M] = m
                        waiting += 1
            if kind == 1:
                count = noted(tour, place, log, count, bi, bj)
            else:
                count = move(tour, place, log, count, bi, bj, bp, bflip)
            saved += best
            again = True
    return saved, count


@compiled()
def improved(
    ends: Float64[np.ndarray, "N 4"],
    index: Int64[np.ndarray, " N"],
    flipped: Bool[np.ndarray, " N"],
    near: Int64[np.ndarray, "E K"],
    kicks: int,
) -> tuple[Int64[np.ndarray, " N"], Bool[np.ndarray, " N"]]:
    """The twin of `ordering.best_move`, repeated, with the neighbours in `near` alone; and the kicks of `ordering.improved`."""
    N = len(ends)
    M = N + 1
    spots = np.zeros((2 * M, 2))  # the last two are the origin
    for n in range(N):
        spots[2 * n, 0], spots[2 * n, 1], spots[2 * n + 1, 0], spots[2 * n + 1, 1] = ends[n, 0], ends[n, 1], ends[n, 2], ends[n, 3]
    tour, place = np.empty(M, np.int64), np.empty(M, np.int64)
    tour[0], place[N] = 2 * N, 0
    queue, queued = np.empty(M, np.int64), np.zeros(M, np.bool_)
    for k in range(N):
        tour[k + 1] = 2 * index[k] + flipped[k]
        place[index[k]] = k + 1
        queue[k], queued[index[k]] = index[k], True
    log = np.empty((1000, 2), np.int64)
    queue[N], queued[N] = N, True
    descend(spots, near, tour, place, queue, queued, M, log[:0], 0)
    state = np.uint64(0x9E3779B97F4A7C15)
    for _ in range(kicks if N > 2 else 0):
        cuts = np.empty(3, np.int64)
        span = min(SPAN, N)
        for c in range(3):
            state ^= state << np.uint64(13)  # xorshift (Marsaglia 2003)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            cuts[c] = np.int64(state >> np.uint64(11))
        i = 1 + cuts[0] % (N - span + 1)  # runs i to j - 1 and j to k, within the span
        j = i + 1 + cuts[1] % (span - 1)
        k = j + cuts[2] % (i + span - j)
        before, middle, after = tour[i - 1] ^ 1, tour[j - 1] ^ 1, down_at(tour, k + 1)
        longer = (
            way(spots, before, tour[j])
            + way(spots, tour[k] ^ 1, tour[i])
            + way(spots, middle, after)
            - way(spots, before, tour[i])
            - way(spots, middle, tour[j])
            - way(spots, tour[k] ^ 1, after)
        )
        waiting = 0
        for spot in (i - 1, i, j - 1, j, k, k + 1):
            if spot <= N and not queued[tour[spot] >> 1]:
                queued[tour[spot] >> 1] = True
                queue[waiting] = tour[spot] >> 1
                waiting += 1
        count = exchange(tour, place, log, 0, i, j, k)
        saved, count = descend(spots, near, tour, place, queue, queued, waiting, log, count)
        if saved < longer - LEAST and count <= len(log):  # a search of more notes than that is kept
            for note in range(count - 1, -1, -1):
                reverse(tour, place, log[note, 0], log[note, 1])
    found, flips = np.empty(N, np.int64), np.empty(N, np.bool_)
    for k in range(N):
        found[k], flips[k] = tour[k + 1] >> 1, tour[k + 1] & 1
    return found, flips

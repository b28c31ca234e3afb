"""Short tours, compiled for a CPU (numba): the exact shortest by dynamic programming, and a local search.

Axes: N cities, K near neighbours of a city.

A tour is the array of its cities in order; `place[c]` is the position of city c in it. Positions are counted around the circle.
"""

import numpy as np
from drawgen_envs.compiling_cpu import compiled
from jaxtyping import Float64, Int64

SEGMENT = 3
"""Cities moved at once by Or-opt, at most."""
STRETCH = 30
"""Longest of the two neighbouring runs of cities that a perturbation exchanges."""
NEAR = 10
"""Near neighbours of a city between which the local search looks for shorter ways."""
GAIN = 1e-10
"""What counts as shorter, in the units of the distances (about 1)."""


@compiled(fastmath={"nsz", "reassoc"})
def held_karp(distances: Float64[np.ndarray, "N N"]) -> Int64[np.ndarray, " N"]:
    """The shortest tour, from city 0 on, by dynamic programming over subsets (Held & Karp 1962): O(2^N N^2) time, O(2^N N) memory.
    N is at least 2.

    best[S, j]: the shortest way from city 0 through the cities of S, which ends at j in S: min over k in S - j of best[S - j, k] +
    d(k, j). Cities 1 .. N-1 are bits 0 .. N-2; best is infinite for k not in S.
    """
    n = len(distances) - 1
    best = np.full((1 << n, n), np.inf)
    among = distances[1:, 1:].copy()
    for j in range(n):
        best[1 << j, j] = distances[0, j + 1]
    for s in range(1, 1 << n):
        if s & (s - 1) == 0:
            continue
        for j in range(n):
            if (s >> j) & 1:
                before, way = best[s ^ (1 << j)], among[j]
                least = np.inf
                for k in range(n):
                    least = min(least, before[k] + way[k])
                best[s, j] = least
    tour = np.zeros(n + 1, np.int64)
    s, after = (1 << n) - 1, 0
    for t in range(n, 0, -1):
        last = 0
        for j in range(n):
            if best[s, j] + distances[j + 1, after] < best[s, last] + distances[last + 1, after]:
                last = j
        tour[t] = after = last + 1
        s ^= 1 << last
    return tour


@compiled()
def near(distances: Float64[np.ndarray, "N N"], most: int) -> Int64[np.ndarray, "N K"]:
    """The nearest cities of each, at most `most`, the nearest first."""
    n = len(distances)
    found = np.empty((n, min(most, n - 1)), np.int64)
    for c in range(n):
        order = np.argsort(distances[c], kind="mergesort")
        k = 0
        for other in order:
            if other != c and k < found.shape[1]:
                found[c, k] = other
                k += 1
    return found


@compiled()
def nearest_neighbour(distances: Float64[np.ndarray, "N N"], first: int) -> Int64[np.ndarray, " N"]:
    """The tour that always goes on to the nearest city that is left."""
    n = len(distances)
    tour = np.empty(n, np.int64)
    left = np.ones(n, np.bool_)
    at = first
    for t in range(n):
        tour[t] = at
        left[at] = False
        best = -1
        for c in range(n):
            if left[c] and (best < 0 or distances[at, c] < distances[at, best]):
                best = c
        at = best
    return tour


@compiled()
def reverse(tour: Int64[np.ndarray, " N"], place: Int64[np.ndarray, " N"], i: int, j: int) -> None:
    """Reverses the run of positions i .. j around the circle, or what is left of the circle if that is shorter."""
    n = len(tour)
    many = (j - i) % n + 1
    if 2 * many > n:
        i, j, many = (j + 1) % n, (i - 1) % n, n - many
    for _ in range(many // 2):
        a, b = tour[i], tour[j]
        tour[i], tour[j] = b, a
        place[b], place[a] = i, j
        i = i + 1 if i + 1 < n else 0
        j = j - 1 if j > 0 else n - 1


@compiled()
def move(
    tour: Int64[np.ndarray, " N"],
    place: Int64[np.ndarray, " N"],
    run: Int64[np.ndarray, " S"],
    c: int,
    e: int,
    spare: Int64[np.ndarray, " N"],
) -> None:
    """Moves a run of neighbouring cities, its first city next to c and its last next to e; c and e are neighbours outside of it."""
    n, many = len(tour), len(run)
    first = max(place[run[0]], place[run[many - 1]])
    if many > 1 and abs(place[run[0]] - place[run[many - 1]]) != many - 1:  # it lies across the end of the array
        first = min(place[run[0]], place[run[many - 1]])
    filled = 0
    for k in range(1, n - many + 1):
        city, after = tour[(first + k) % n], tour[(first + k + 1) % n]
        spare[filled] = city
        filled += 1
        if k < n - many and ((city == c and after == e) or (city == e and after == c)):
            for m in range(many):
                spare[filled] = run[m] if city == c else run[many - 1 - m]
                filled += 1
    for k in range(n):
        tour[k] = spare[k]
        place[spare[k]] = k


@compiled()
def improve(
    tour: Int64[np.ndarray, " N"],
    place: Int64[np.ndarray, " N"],
    distances: Float64[np.ndarray, "N N"],
    neighbours: Int64[np.ndarray, "N K"],
    queue: Int64[np.ndarray, " N"],
    waiting: int,
    spare: Int64[np.ndarray, " N"],
) -> float:
    """2-opt and Or-opt until no move of a queued city makes the tour shorter; returns the length saved. The queue holds `waiting`
    cities, each at most once; a city whose neighbours in the tour change joins it."""
    n = len(tour)
    queued = np.zeros(n, np.bool_)
    for q in range(waiting):
        queued[queue[q]] = True
    touched = np.empty(6, np.int64)
    runs = np.empty(SEGMENT, np.int64)
    saved = 0.0
    while waiting:
        waiting -= 1
        a = queue[waiting]
        queued[a] = False
        count = 0
        for side in range(2):  # the edge from a to the city after it, then to the one before it
            step = 1 if side == 0 else -1
            b = tour[(place[a] + step) % n]
            ab = distances[a, b]
            for c in neighbours[a]:
                ac = distances[a, c]
                if ac >= ab:
                    break
                d = tour[(place[c] + step) % n]
                gain = ab + distances[c, d] - ac - distances[b, d]
                if gain > GAIN:  # 2-opt: the edges a-b and c-d become a-c and b-d
                    if step == 1:
                        reverse(tour, place, place[b], place[c])
                    else:
                        reverse(tour, place, place[c], place[b])
                    saved += gain
                    touched[0], touched[1], touched[2], touched[3] = a, b, c, d
                    count = 4
                    break
                # Or-opt: the run from a away from b moves between c and one of its neighbours.
                for many in range(1, min(SEGMENT, n - 3) + 1):
                    last = tour[(place[a] - step * (many - 1)) % n]
                    runs[many - 1] = last
                    if last in (b, c):
                        break
                    before = tour[(place[last] - step) % n]
                    freed = ab + distances[last, before] - distances[before, b]
                    for way in range(2):
                        e = tour[(place[c] + 1 - 2 * way) % n]
                        if e in (a, last):
                            continue
                        gain = freed + distances[c, e] - ac - distances[last, e]
                        if gain > GAIN:
                            move(tour, place, runs[:many], c, e, spare)
                            saved += gain
                            touched[0], touched[1], touched[2] = a, b, c
                            touched[3], touched[4], touched[5] = e, last, before
                            count = 6
                            break
                    if count:
                        break
                if count:
                    break
            if count:
                break
        for m in range(count):
            city = touched[m]
            if not queued[city]:
                queued[city] = True
                queue[waiting] = city
                waiting += 1
    return saved


@compiled()
def shuffle(state: np.uint64) -> np.uint64:
    """The next of a sequence of random numbers of 64 bits, of which the high ones are good (Knuth's linear congruential one)."""
    return state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)


@compiled()
def below(state: np.uint64, many: int) -> int:
    """A number from 0 to `many` - 1."""
    return int((state >> np.uint64(33)) % np.uint64(many))


@compiled()
def search(
    distances: Float64[np.ndarray, "N N"], neighbours: Int64[np.ndarray, "N K"], rounds: int, seed: int
) -> Int64[np.ndarray, " N"]:
    """Iterated local search (Johnson & McGeoch 1997): 2-opt and Or-opt from the tour of the nearest neighbour; then, in each of
    `rounds`, two neighbouring runs of the tour are exchanged and the local search repairs the tour around them. A longer tour is
    taken back. N is at least 5."""
    n = len(distances)
    tour = nearest_neighbour(distances, 0)
    place, spare, kept = np.empty(n, np.int64), np.empty(n, np.int64), tour.copy()
    for k in range(n):
        place[tour[k]] = k
    queue = tour[::-1].copy()
    improve(tour, place, distances, neighbours, queue, n, spare)
    kept[:] = tour
    longest = min(STRETCH, (n - 1) // 3)
    state = shuffle(np.uint64(seed))
    for _ in range(rounds):
        state = shuffle(state)
        p = below(state, n)
        state = shuffle(state)
        first = 1 + below(state, longest)
        state = shuffle(state)
        second = 1 + below(state, longest)
        a, b, c, d = p, (p + 1) % n, (p + first) % n, (p + first + 1) % n
        e, f = (p + first + second) % n, (p + first + second + 1) % n
        ta, tb, tc, td, te, tf = tour[a], tour[b], tour[c], tour[d], tour[e], tour[f]
        change = distances[ta, td] + distances[te, tb] + distances[tc, tf]
        change -= distances[ta, tb] + distances[tc, td] + distances[te, tf]
        for k in range(first + second):
            spare[k] = tour[(p + 1 + k) % n]
        for k in range(first + second):
            city = spare[(k + first) % (first + second)]
            tour[(p + 1 + k) % n] = city
            place[city] = (p + 1 + k) % n
        waiting = 0
        for city in (ta, tb, tc, td, te, tf):
            there = False
            for q in range(waiting):
                there = there or queue[q] == city
            if not there:
                queue[waiting] = city
                waiting += 1
        change -= improve(tour, place, distances, neighbours, queue, waiting, spare)
        if change < -GAIN:
            kept[:] = tour
        elif change > GAIN:
            tour[:] = kept
            for k in range(n):
                place[tour[k]] = k
        else:
            kept[:] = tour
    return kept


@compiled()
def shortest(points: Float64[np.ndarray, "B N 2"], exact: int, rounds: int) -> Int64[np.ndarray, "B N"]:
    """Of each set of points: by `held_karp` for up to `exact` points, otherwise by `search`."""
    many, n, _ = points.shape
    tours = np.empty((many, n), np.int64)
    for b in range(many):
        distances = np.sqrt((points[b, :, 0:1] - points[b, :, 0]) ** 2 + (points[b, :, 1:2] - points[b, :, 1]) ** 2)
        if n <= exact:
            tours[b] = held_karp(distances) if n > 1 else np.zeros(n, np.int64)
        else:
            tours[b] = search(distances, near(distances, NEAR), rounds, b)
    return tours

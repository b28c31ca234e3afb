"""The minimum cut of a graph in which each node has four neighbours, as pixels have, compiled for the CPU (numba).

Axes: N nodes, D = 4 directions. Direction d ^ 1 leads back: neighbour[neighbour[n, d], d ^ 1] = n.
"""

import numpy as np
from drawgen_envs.compiling_cpu import compiled
from jaxtyping import Bool, Int32, Int64

UP, DOWN, LEFT, RIGHT = 0, 1, 2, 3
FREE, TERMINAL, ORPHAN = -1, 4, 5


@compiled()
def grid(height: int, width: int, wrap_rows: bool, wrap_columns: bool) -> Int32[np.ndarray, "N D"]:
    """The neighbours (up, down, left, right) of the pixels of a picture, row by row. A pixel at the border is its own neighbour
    there unless the picture wraps."""
    neighbour = np.empty((height * width, 4), np.int32)
    for i in range(height):
        for j in range(width):
            n = i * width + j
            up, down = (i - 1) % height, (i + 1) % height
            left, right = (j - 1) % width, (j + 1) % width
            neighbour[n, 0] = up * width + j if wrap_rows or i > 0 else n
            neighbour[n, 1] = down * width + j if wrap_rows or i < height - 1 else n
            neighbour[n, 2] = i * width + left if wrap_columns or j > 0 else n
            neighbour[n, 3] = i * width + right if wrap_columns or j < width - 1 else n
    return neighbour


@compiled()
def minimum_cut(
    neighbour: Int32[np.ndarray, "N D"], capacity: Int64[np.ndarray, "N D"], terminal: Int64[np.ndarray, " N"]
) -> Bool[np.ndarray, " N"]:
    """Which nodes are on the source's side of the cut of least cost.

    A cut costs capacity[n, d] for each n on the source's side whose neighbour d is on the sink's; terminal[n] for each node on the
    sink's side where that is positive, and -terminal[n] for each on the source's side where it is negative. A node that no flow
    decides is on the sink's side. Both arrays are overwritten. An edge from a node to itself has to have capacity 0.

    The algorithm is that of Boykov & Kolmogorov (2004): two search trees, which are mended after each augmentation.
    """
    N = len(terminal)
    parent = np.full(N, FREE, np.int8)
    sink = np.zeros(N, np.bool_)
    distance = np.zeros(N, np.int32)
    stamp = np.zeros(N, np.int32)
    queued = np.zeros(N, np.bool_)
    queue = np.empty(N + 1, np.int32)  # of active nodes, each at most once
    head, tail = 0, 0
    orphans = np.empty(N + 1, np.int32)  # circular too: a node is an orphan at most once at a time
    time = 0
    for n in range(N):
        if terminal[n] != 0:
            parent[n], sink[n], distance[n] = TERMINAL, terminal[n] < 0, 1
            queue[tail], queued[n] = n, True
            tail += 1
    if tail == N + 1:
        tail = 0
    while head != tail:
        p = queue[head]
        if parent[p] == FREE:
            queued[p] = False
            head = head + 1 if head < N else 0
            continue
        found = -1
        for d in range(4):
            q = neighbour[p, d]
            if (capacity[q, d ^ 1] if sink[p] else capacity[p, d]) == 0:
                continue
            if parent[q] == FREE:
                parent[q], sink[q], stamp[q], distance[q] = d ^ 1, sink[p], stamp[p], distance[p] + 1
                if not queued[q]:
                    queue[tail], queued[q] = q, True
                    tail = tail + 1 if tail < N else 0
            elif sink[q] != sink[p]:
                found = d
                break
            elif stamp[q] <= stamp[p] and distance[q] > distance[p]:
                parent[q], stamp[q], distance[q] = d ^ 1, stamp[p], distance[p] + 1
        if found < 0:
            queued[p] = False
            head = head + 1 if head < N else 0
            continue
        time += 1
        # Augment along the path source ... s -> t ... sink.
        s, step = (neighbour[p, found], found ^ 1) if sink[p] else (p, found)
        t = neighbour[s, step]
        flow = capacity[s, step]
        n = s
        while parent[n] != TERMINAL:
            up = neighbour[n, parent[n]]
            flow = min(flow, capacity[up, parent[n] ^ 1])
            n = up
        flow = min(flow, terminal[n])
        n = t
        while parent[n] != TERMINAL:
            flow = min(flow, capacity[n, parent[n]])
            n = neighbour[n, parent[n]]
        flow = min(flow, -terminal[n])
        capacity[s, step] -= flow
        capacity[t, step ^ 1] += flow
        first, last = 0, 0
        n = s
        while parent[n] != TERMINAL:
            d = parent[n]
            up = neighbour[n, d]
            capacity[n, d] += flow
            capacity[up, d ^ 1] -= flow
            if capacity[up, d ^ 1] == 0:
                parent[n], orphans[last] = ORPHAN, n
                last = last + 1 if last < N else 0
            n = up
        terminal[n] -= flow
        if terminal[n] == 0:
            parent[n], orphans[last] = ORPHAN, n
            last = last + 1 if last < N else 0
        n = t
        while parent[n] != TERMINAL:
            d = parent[n]
            up = neighbour[n, d]
            capacity[n, d] -= flow
            capacity[up, d ^ 1] += flow
            if capacity[n, d] == 0:
                parent[n], orphans[last] = ORPHAN, n
                last = last + 1 if last < N else 0
            n = up
        terminal[n] += flow
        if terminal[n] == 0:
            parent[n], orphans[last] = ORPHAN, n
            last = last + 1 if last < N else 0
        # Each orphan finds a new parent of its own tree that leads to the terminal, or falls free.
        while first != last:
            n = orphans[first]
            first = first + 1 if first < N else 0
            nearest, best = 1 << 30, -1
            for d in range(4):
                q = neighbour[n, d]
                if (capacity[n, d] if sink[n] else capacity[q, d ^ 1]) == 0 or parent[q] == FREE or sink[q] != sink[n] or q == n:
                    continue
                steps, r = 0, q
                while True:
                    if stamp[r] == time:
                        steps += distance[r]
                        break
                    steps += 1
                    if parent[r] == TERMINAL:
                        stamp[r], distance[r] = time, 1
                        break
                    if parent[r] == ORPHAN:
                        steps = 1 << 30
                        break
                    r = neighbour[r, parent[r]]
                if steps < 1 << 30:
                    if steps < nearest:
                        nearest, best = steps, d
                    r = q
                    while stamp[r] != time:
                        stamp[r], distance[r] = time, steps
                        steps -= 1
                        r = neighbour[r, parent[r]]
            if best >= 0:
                parent[n], stamp[n], distance[n] = best, time, nearest + 1
                continue
            for d in range(4):
                q = neighbour[n, d]
                if parent[q] == FREE or sink[q] != sink[n] or q == n:
                    continue
                if (capacity[n, d] if sink[n] else capacity[q, d ^ 1]) != 0 and not queued[q]:
                    queue[tail], queued[q] = q, True
                    tail = tail + 1 if tail < N else 0
                if 0 <= parent[q] < 4 and neighbour[q, parent[q]] == n and parent[q] == d ^ 1:
                    parent[q], orphans[last] = ORPHAN, q
                    last = last + 1 if last < N else 0
            parent[n] = FREE
    side = np.empty(N, np.bool_)
    for n in range(N):
        side[n] = parent[n] != FREE and not sink[n]
    return side

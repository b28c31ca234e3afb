"""Minimum cuts against scipy's maximum flow: the cut is a cut, and it costs what flows."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import maximum_flow

from drawgen.minimum_cut_cpu import grid, minimum_cut


def cost(neighbour, capacity, terminal, source):
    total = np.where(source, np.maximum(-terminal, 0), np.maximum(terminal, 0)).sum()
    return total + (capacity * (source[:, None] & ~source[neighbour])).sum()


def flow(neighbour, capacity, terminal):
    """The capacities of parallel edges (on a narrow torus) are added up."""
    N = len(terminal)
    nodes = np.arange(N)
    rows = np.concatenate([nodes.repeat(4), np.full(N, N), nodes])
    columns = np.concatenate([neighbour.ravel(), nodes, np.full(N, N + 1)])
    values = np.concatenate([capacity.ravel(), np.maximum(terminal, 0), np.maximum(-terminal, 0)])
    graph = coo_matrix((values, (rows, columns)), (N + 2, N + 2), dtype=np.int32).tocsr()
    return maximum_flow(graph, N, N + 1).flow_value


@settings(deadline=None)
@given(
    st.integers(1, 9), st.integers(1, 9), st.booleans(), st.booleans(), st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.5, 1])
)
def test_the_cut_costs_the_maximum_flow(height, width, rows, columns, seed, share):
    rng = np.random.default_rng(seed)
    neighbour = grid(height, width, rows, columns)
    N = height * width
    capacity = rng.integers(0, 20, (N, 4)) * (neighbour != np.arange(N)[:, None])
    terminal = rng.integers(-30, 30, N) * (rng.random(N) < share)
    source = minimum_cut(neighbour, capacity.copy(), terminal.copy())
    assert cost(neighbour, capacity, terminal, source) == flow(neighbour, capacity, terminal)


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.booleans(), st.booleans())
def test_there_and_back(height, width, rows, columns):
    neighbour = grid(height, width, rows, columns)
    for n in range(height * width):
        for d in range(4):
            m = neighbour[n, d]
            assert m == n or neighbour[m, d ^ 1] == n
            i, j = n // width + (-1, 1, 0, 0)[d], n % width + (0, 0, -1, 1)[d]
            assert m == i % height * width + j % width or m == n

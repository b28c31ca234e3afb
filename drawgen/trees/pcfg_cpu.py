"""The most probable tree of a probabilistic context-free grammar, compiled for a CPU (numba).

Axes: W words, K symbols, T of them parts of speech (the first), R rules with two parts, U closed chains of rules with one part,
C spans.
"""

import numpy as np
from drawgen_envs.compiling_cpu import compiled
from jaxtyping import Float32, Int16, Int64

UNARY = -1
"""In the place of a border within a span: the symbol is above another one of the same span."""
WORD = -2
"""A part of speech over its word."""


@compiled()
def span(start: int, end: int) -> int:
    """The number of the span from word `start` up to word `end` (exclusive)."""
    return (end - 1) * end // 2 + start


@compiled()
def close(
    score: Float32[np.ndarray, " K"],
    border: Int16[np.ndarray, " K"],
    left: Int16[np.ndarray, " K"],
    first: Int64[np.ndarray, " K+1"],
    above: Int64[np.ndarray, " U"],
    gain: Float32[np.ndarray, " U"],
    active: Int16[np.ndarray, " K"],
) -> int:
    """Adds symbols above others to a span; returns how many symbols it has, and writes them to `active`."""
    own = score.copy()
    for k in range(len(own)):
        if own[k] > -np.inf:
            for u in range(first[k], first[k + 1]):
                value = own[k] + gain[u]
                if value > score[above[u]]:
                    score[above[u]] = value
                    border[above[u]] = UNARY
                    left[above[u]] = k
    count = 0
    for k in range(len(own)):
        if score[k] > -np.inf:
            active[count] = k
            count += 1
    return count


@compiled()
def chart(
    emission: Float32[np.ndarray, "W T"],
    symbols: int,
    binary_first: Int64[np.ndarray, " K+1"],
    binary_right: Int64[np.ndarray, " R"],
    binary_parent: Int64[np.ndarray, " R"],
    binary_log: Float32[np.ndarray, " R"],
    unary_first: Int64[np.ndarray, " K+1"],
    unary_above: Int64[np.ndarray, " U"],
    unary_log: Float32[np.ndarray, " U"],
) -> tuple[Float32[np.ndarray, "C K"], Int16[np.ndarray, "C K"], Int16[np.ndarray, "C K"], Int16[np.ndarray, "C K"]]:
    """The CKY algorithm: (score, border, left, right) of the best derivation of each symbol over each span. Rules are sorted by
    their left part, chains by their lower end; entries `first[k]` .. `first[k + 1]` are those of symbol k."""
    words, tags = emission.shape
    spans = words * (words + 1) // 2
    score = np.full((spans, symbols), -np.inf, np.float32)
    border = np.full((spans, symbols), WORD, np.int16)
    left = np.zeros((spans, symbols), np.int16)
    right = np.zeros((spans, symbols), np.int16)
    active = np.zeros((spans, symbols), np.int16)
    count = np.zeros(spans, np.int64)
    for end in range(1, words + 1):
        for start in range(end - 1, -1, -1):
            here = span(start, end)
            if end == start + 1:
                score[here, :tags] = emission[start]
            best = score[here]
            for middle in range(start + 1, end):
                one, other = span(start, middle), span(middle, end)
                others = score[other]
                for a in range(count[one]):
                    k = active[one, a]
                    base = score[one, k]
                    for r in range(binary_first[k], binary_first[k + 1]):
                        value = base + others[binary_right[r]] + binary_log[r]
                        if value > best[binary_parent[r]]:
                            p = binary_parent[r]
                            best[p] = value
                            border[here, p] = middle
                            left[here, p] = k
                            right[here, p] = binary_right[r]
            count[here] = close(best, border[here], left[here], unary_first, unary_above, unary_log, active[here])
    return score, border, left, right

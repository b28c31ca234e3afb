"""The energies of additive attention compiled for a CPU (numba), for generation, without gradients. `decoder.Attention` is their
definition; tests compare the two.

Axes: B pictures, K rows that share a picture, N places, A attention units.

In plain torch every step stores B K N A numbers and reads them again; here each stays in a register.
"""

import numpy as np
from drawgen_envs.compiling_cpu import compiled
from jaxtyping import Float32


@compiled(fastmath=True)
def energies(
    keys: Float32[np.ndarray, "B N A"], query: Float32[np.ndarray, "B K A"], score: Float32[np.ndarray, " A"], bias: np.float32
) -> Float32[np.ndarray, "B K N"]:
    """score . tanh(keys + query) + bias: B K N of B N A, B K A and A.

    tanh(2y) = 2 p q / (p^2 + q^2), where p / q is tanh y by Lambert's continued fraction, cut after seven terms: right to 3e-7,
    with a single division. For large y, p / q is near 1 and its error hardly matters; beyond 5 it is 1.
    """
    B, N, A = keys.shape
    K = query.shape[1]
    out = np.empty((B, K, N), np.float32)
    half, most = np.float32(0.5), np.float32(5.0)
    for b in range(B):
        for n in range(N):
            for k in range(K):
                total = np.float32(0.0)
                for a in range(A):
                    y = half * (keys[b, n, a] + query[b, k, a])
                    y = min(max(y, -most), most)
                    s = y * y
                    p = y * (np.float32(135135.0) + s * (np.float32(17325.0) + s * (np.float32(378.0) + s)))
                    q = np.float32(135135.0) + s * (np.float32(62370.0) + s * (np.float32(3150.0) + s * np.float32(28.0)))
                    total += score[a] * (p * q / (p * p + q * q))
                out[b, k, n] = total + total + bias
    return out


@compiled(fastmath=True)
def energies_backward(
    gradient: Float32[np.ndarray, "B K N"],
    keys: Float32[np.ndarray, "B N A"],
    query: Float32[np.ndarray, "B K A"],
    score: Float32[np.ndarray, " A"],
) -> tuple[Float32[np.ndarray, "B N A"], Float32[np.ndarray, "B K A"], Float32[np.ndarray, " A"]]:
    """The gradients of keys, query and score from that of the energies. tanh is computed again, as above."""
    B, N, A = keys.shape
    K = query.shape[1]
    of_keys, of_query, of_score = np.zeros_like(keys), np.zeros_like(query), np.zeros_like(score)
    half, most, one, two = np.float32(0.5), np.float32(5.0), np.float32(1.0), np.float32(2.0)
    for b in range(B):
        for k in range(K):
            for n in range(N):
                g = gradient[b, k, n]
                if g == 0:
                    continue
                for a in range(A):
                    y = half * (keys[b, n, a] + query[b, k, a])
                    y = min(max(y, -most), most)
                    s = y * y
                    p = y * (np.float32(135135.0) + s * (np.float32(17325.0) + s * (np.float32(378.0) + s)))
                    q = np.float32(135135.0) + s * (np.float32(62370.0) + s * (np.float32(3150.0) + s * np.float32(28.0)))
                    t = two * p * q / (p * p + q * q)
                    slope = g * score[a] * (one - t * t)
                    of_keys[b, n, a] += slope
                    of_query[b, k, a] += slope
                    of_score[a] += g * t
    return of_keys, of_query, of_score

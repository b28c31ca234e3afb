"""Strokes of bristles, compiled for the CPU (numba). `bristles.lay_torch` is the definition; the names are those used there.

Axes: S strokes, C channels, H rows, W columns, K pieces of a curve.

A stroke is laid row by row. First each piece of its curve compares itself with the pixels of the row that it can reach; then the
pixels that the sweep reaches get their paint.
"""

import math

import numpy as np
from drawgen_envs.compiling_cpu import compiled
from jaxtyping import Float32, Float64, Int64

from drawgen.strokes.bristles import Look

FAR = 1e30


@compiled()
def chance(x: int, y: int, key: int) -> float:
    h = (np.int64(x) * 0x27D4EB2F) ^ (np.int64(y) * 0x165667B1) ^ (np.int64(key) * 0x1E3779B1)
    h &= 0xFFFFFFFF
    h ^= h >> 15
    h = (h * 0x2C1B3C6D) & 0xFFFFFFFF
    h ^= h >> 12
    h = (h * 0x297A2D39) & 0xFFFFFFFF
    return float(h ^ (h >> 15)) / 0xFFFFFFFF


@compiled(fastmath={"contract"})
def noise(x: float, y: float, key: int) -> float:
    i, j = math.floor(x), math.floor(y)
    u, v = x - i, y - j
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    top = chance(i, j, key) * (1 - u) + chance(i + 1, j, key) * u
    bottom = chance(i, j + 1, key) * (1 - u) + chance(i + 1, j + 1, key) * u
    return float(2 * (top * (1 - v) + bottom * v) - 1)


@compiled(fastmath={"contract", "reassoc", "nsz", "arcp"})
def lay(
    colour: Float32[np.ndarray, "C H W"],
    relief: Float32[np.ndarray, "H W"],
    points: Float64[np.ndarray, "S 3 2"],
    counts: Int64[np.ndarray, " S"],
    radii: Float64[np.ndarray, "S 2"],
    opacities: Float64[np.ndarray, " S"],
    paints: Float64[np.ndarray, "S C"],
    numbers: Int64[np.ndarray, " S"],
    seed: int,
    look: Look,
) -> None:
    """Lays strokes on the ground, in place; points and radii in pixels."""
    C, H, W = colour.shape
    side = float(min(H, W))
    wide = side * look.wide
    visible = np.empty(look.octaves)
    for octave in range(look.octaves):
        visible[octave] = min(max(wide / 2**octave / 1.5 - 1, 0.0), 1.0)
    gaps, shares, owners = np.empty(W), np.empty(W), np.empty(W, np.int64)
    for s in range(len(points)):
        K, r0, r1 = counts[s], radii[s, 0], radii[s, 1]
        reach = look.reach * max(r0, r1) + 2
        ax, ay, radius, start = np.empty(K + 1), np.empty(K + 1), np.empty(K + 1), np.zeros(K + 1)
        for k in range(K + 1):
            t = k / K
            ax[k] = (1 - t) ** 2 * points[s, 0, 0] + 2 * t * (1 - t) * points[s, 1, 0] + t**2 * points[s, 2, 0]
            ay[k] = (1 - t) ** 2 * points[s, 0, 1] + 2 * t * (1 - t) * points[s, 1, 1] + t**2 * points[s, 2, 1]
            radius[k] = r0 + (r1 - r0) * t
            if k > 0:
                start[k] = start[k - 1] + math.hypot(ax[k] - ax[k - 1], ay[k] - ay[k - 1])
        left, right = max(0.0, ax.min() - reach), min(float(W), ax.max() + reach + 1)
        top, bottom = max(0.0, ay.min() - reach), min(float(H), ay.max() + reach + 1)
        if left >= right or top >= bottom or opacities[s] == 0 or reach == 2:
            continue
        key = (seed * 7919 + numbers[s] * 101) & 0xFFFFFFFF
        turn = 2 * math.pi * chance(numbers[s], seed, 5)
        for i in range(int(top), int(bottom)):
            y = i + 0.5
            gaps[int(left) : int(right)] = FAR
            for k in range(K):
                if y < min(ay[k], ay[k + 1]) - reach or y > max(ay[k], ay[k + 1]) + reach:
                    continue
                dx, dy = ax[k + 1] - ax[k], ay[k + 1] - ay[k]
                length = math.sqrt(dx * dx + dy * dy + 1e-12)
                ux, uy = dx / length, dy / length
                low, high = min(ax[k], ax[k + 1]) - reach, max(ax[k], ax[k + 1]) + reach
                if abs(uy) > 1e-3:  # where a strip along the piece meets the row
                    middle = ax[k] + (y - ay[k]) * ux / uy
                    low, high = max(low, middle - reach / abs(uy)), min(high, middle + reach / abs(uy))
                slope = (radius[k] - radius[k + 1]) / length
                tilt = slope / math.sqrt(max(1 - slope * slope, 1e-6))
                least, most = 0.0, 1.0
                if slope >= 1:
                    most = 0.0
                elif slope <= -1:
                    least = 1.0
                for j in range(int(max(low, left)), int(min(max(high + 1, 0.0), right))):
                    x = j + 0.5 - ax[k]
                    along, across = x * ux + (y - ay[k]) * uy, abs((y - ay[k]) * ux - x * uy)
                    share = min(max((along - tilt * across) / length, least), most)
                    x, beside = x - share * dx, y - ay[k] - share * dy
                    gap = math.sqrt(x * x + beside * beside) - (radius[k] + (radius[k + 1] - radius[k]) * share)
                    if gap < gaps[j]:
                        gaps[j], shares[j], owners[j] = gap, share, k
            for j in range(int(left), int(right)):
                if gaps[j] == FAR:
                    continue
                k, share = owners[j], shares[j]
                r = radius[k] + (radius[k + 1] - radius[k]) * share
                distance = gaps[j] + r
                if distance >= look.reach * r + 2:
                    continue
                dx, dy = ax[k + 1] - ax[k], ay[k + 1] - ay[k]
                length = math.sqrt(dx * dx + dy * dy)
                if length > 1e-4:
                    ux, uy = dx / length, dy / length
                else:
                    ux, uy = math.cos(turn), math.sin(turn)
                x = j + 0.5 - ax[k]
                past = 0.0
                if (k == 0 and share == 0) or (k == K - 1 and share == 1):
                    past = x * ux + (y - ay[k]) * uy - share * length
                along = start[k] + share * length + past
                across = math.sqrt(max(distance * distance - past * past, 0.0))
                if (y - ay[k]) * ux - x * uy < 0:
                    across = -across

                flank, tip = 1.0 if across < 0 else 0.0, 1.0 if past > 0 else 0.0
                fray = 0.5 * noise(along / (3 * wide), flank, key + 11) + 0.5 * noise(along / wide, flank, key + 12)
                depth = r + min(0.1 * r, 0.5 * wide) * (fray + 0.3) - distance
                if past != 0:
                    split = 0.5 * noise(2 * across / wide, tip, key + 13) + 0.3 * noise(0.5 * across / wide, tip, key + 14)
                    split += 0.2 * noise(8 * across / wide, tip, key + 15)
                    cap = math.sqrt(max(r * r - across * across, 0.0)) * (0.75 + 0.35 * split)
                    depth = min(depth, cap - abs(past))
                if depth <= -1:
                    continue
                tone, ridge, tones, ridges, wave = 0.0, 0.0, 1.0, 1.0, wide
                for octave in range(look.octaves):
                    if visible[octave] > 0:
                        bristle = visible[octave] * noise(across / wave, along / (wave * look.long), key + octave)
                        tone += tones * bristle
                        ridge += ridges * bristle
                    tones, ridges, wave = tones * look.tones, ridges * look.ridges, wave / 2
                inner = min(max(depth, -1.0), 1.0)
                dry = min(max(4 * (look.full + (look.dry - look.full) * (k + share) / K - ridge), 0.0), 1.0)
                covered = opacities[s] * (0.5 + inner - 0.5 * inner * abs(inner)) * (1 - 0.85 * dry)
                flat = (abs(across) / max(r, 1e-6) - 1) / look.rim_width
                body = min(0.4 + r / (0.02 * side), 1.0)
                height = look.thick * side * body * (0.55 + 0.5 * ridge + look.rim * math.exp(-flat * flat))
                for c in range(C):
                    paint = paints[s, c]
                    if c < 3:
                        paint = min(max(paint * (1 + look.tint * tone) + 0.25 * look.tint * tone, 0.0), 1.0)
                    colour[c, i, j] += covered * (paint - colour[c, i, j])
                relief[i, j] += covered * (look.under * relief[i, j] + height - relief[i, j])

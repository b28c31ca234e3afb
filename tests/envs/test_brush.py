"""The brush: what a stroke covers, what commutes with drawing it, its gradients, and the compiled twins held to the definition."""

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from drawgen_envs import brush, brush_cpu
from hypothesis import given, settings
from hypothesis import strategies as st

PAINTS = [brush.paint_torch, brush_cpu.Paint.apply]
both = pytest.mark.parametrize("paint", PAINTS, ids=["torch", "compiled"])


def stroke(*points, radii=(0.05, 0.05), opacities=(1.0, 1.0), colour=(1.0,), dtype=torch.float64):
    """One stroke (1 1 P) through three points."""
    return torch.tensor([[[*(x for point in points for x in point), *radii, *opacities, *colour]]], dtype=dtype)


def drawn(strokes, height, width, paint=brush.paint):
    """Strokes on a black canvas (H W), channel 0."""
    return paint(torch.zeros(len(strokes), strokes.shape[2] - 10, height, width, dtype=strokes.dtype), strokes)[0, 0]


def scattered(seed, batch=2, count=3, channels=3, radius=0.1, dtype=torch.float64):
    """Strokes at random (B S P), partly beyond the canvas."""
    rng = torch.Generator().manual_seed(seed)
    out = torch.rand(batch, count, 10 + channels, generator=rng, dtype=dtype)
    out[..., :6] = out[..., :6] * 1.4 - 0.2
    out[..., 6:8] *= radius
    return out


# What a stroke covers


@both
@pytest.mark.parametrize("radius_px", [0.1, 0.4, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("degrees", [0.0, 17.0, 45.0, 90.0])
def test_area_of_a_straight_stroke(paint, radius_px, degrees):
    """Constant radius r and length L: 2 r L + pi r^2, and the edge's profile adds a little to the round ends.

    Across the line the profile is exact. Around an end, the integral of E(r - d) - E(-r - d) over the plane is
    pi (r^2 + 1/6) for r >= 1, since the tent's variance is 1/6; a thinner end has less.
    """
    L = 30.0
    x, y = L / 2 * math.cos(math.radians(degrees)), L / 2 * math.sin(math.radians(degrees))
    ends = [(0.5 - x / 64, 0.5 - y / 64), (0.5, 0.5), (0.5 + x / 64, 0.5 + y / 64)]
    area = drawn(stroke(*ends, radii=(radius_px / 64,) * 2), 64, 64, paint).sum().item()
    distance = torch.linspace(0, radius_px + 1, 20001, dtype=torch.float64)
    profile = brush.edge(radius_px - distance) - brush.edge(-radius_px - distance)
    cap = 2 * math.pi * torch.trapezoid(profile * distance, distance).item()
    if radius_px >= 1:
        assert cap == pytest.approx(math.pi * (radius_px**2 + 1 / 6), rel=1e-6)
    # pixels lie on lines 0.7 apart at 45 degrees: a thin line along them is up to an eighth too dark
    slack = 0.005 if degrees != 45 else 0.03 if radius_px > 0.5 else 0.125
    assert area == pytest.approx(2 * radius_px * L + cap, rel=slack)
    assert area == pytest.approx(2 * radius_px * L + math.pi * radius_px**2, rel=0.025, abs=1)


def swept(row, height, width, samples=6000):
    """A stroke's least |q - p(t)| - r(t) at each pixel by trying many t; then the edge. Plain numpy, from the equations."""
    t = np.linspace(0, 1, samples)[:, None]
    points = np.array(row[:6]).reshape(3, 2) * (width, height)
    path = (1 - t) ** 2 * points[0] + 2 * t * (1 - t) * points[1] + t**2 * points[2]
    r = (row[6] + (row[7] - row[6]) * t[:, 0]) * min(height, width)
    out, gaps = np.zeros((height, width)), np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            d = np.hypot(*(path - (j + 0.5, i + 0.5)).T)
            k = np.argmin(d - r)
            gaps[i, j] = d[k] - r[k]
            inside = [float(np.clip(x, -1, 1)) for x in (r[k] - d[k], -r[k] - d[k])]
            e = [0.5 + x - 0.5 * x * abs(x) for x in inside]
            out[i, j] = (row[8] + (row[9] - row[8]) * t[k, 0]) * (e[0] - e[1])
    return out, gaps


@both
@pytest.mark.parametrize("seed", range(4))
def test_the_sweep_of_a_disc(paint, seed):
    """Beside the exact sweep, sampled densely: an edge moves by at most an eighth of a pixel, and a value by at most that."""
    row = scattered(seed, 1, 1, 1, radius=0.3)
    row[..., 8:] = 1
    truth, _ = swept(row[0, 0].tolist(), 31, 43)
    assert np.abs(drawn(row, 31, 43, paint).numpy() - truth).max() < 0.125 + 0.01


def test_opacity_changes_along_a_stroke():
    row = stroke((0.1, 0.5), (0.5, 0.5), (0.9, 0.5), radii=(0.1, 0.1), opacities=(0.2, 0.8))
    middle = drawn(row, 40, 40)[20, 4:36]
    x = torch.arange(4, 36, dtype=torch.float64) + 0.5
    torch.testing.assert_close(middle, 0.2 + 0.6 * (x / 40 - 0.1) / 0.8)


@both
@pytest.mark.parametrize("size", [64, 512])
def test_no_segments_to_be_seen(paint, size):
    """The outline is where the exact sweep has it, to an eighth of a pixel, at any size: read off the edge's ramp."""
    row = stroke((0.1, 0.2), (0.9, 0.1), (0.6, 0.9), radii=(0.02, 0.06))
    m = drawn(row, size, size, paint)
    i, j = torch.nonzero((m > 0.02) & (m < 0.98), as_tuple=True)
    pick = torch.linspace(0, len(i) - 1, 400).long()
    i, j = i[pick], j[pick]
    value = m[i, j]
    depth = torch.where(value < 0.5, (2 * value).sqrt() - 1, 1 - (2 - 2 * value).sqrt())  # the edge's inverse
    t = torch.linspace(0, 1, 20001, dtype=torch.float64)[:, None]
    p0, p1, p2 = row[0, 0, :6].view(3, 2) * size
    path = (1 - t) ** 2 * p0 + 2 * t * (1 - t) * p1 + t**2 * p2
    r = (row[0, 0, 6] + (row[0, 0, 7] - row[0, 0, 6]) * t[:, 0]) * size
    q = torch.stack([j, i], 1) + 0.5
    exact = (torch.cdist(q.double(), path) - r).amin(1)
    assert (depth + exact).abs().max() <= 0.125


@both
def test_nothing_leaves_all_untouched(paint):
    canvas = torch.rand(2, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    for columns in (slice(6, 8), slice(8, 10)):
        strokes = scattered(1, dtype=torch.float32)
        strokes[..., columns] = 0
        assert torch.equal(paint(canvas, strokes), canvas)
        assert torch.equal(paint(canvas, strokes.requires_grad_()), canvas)
    assert torch.equal(paint(canvas, torch.zeros(2, 0, 13)), canvas)


@both
@pytest.mark.parametrize("seed", range(5))
def test_a_box_bounds_a_stroke(paint, seed):
    """Nothing beyond the points' box, widened by the larger radius and one pixel."""
    row = scattered(seed, 1, 1, 1)
    H, W = 37, 53
    touched = torch.nonzero(drawn(row, H, W, paint))
    points = row[0, 0, :6].view(3, 2) * torch.tensor([W, H])
    reach = row[0, 0, 6:8].max() * H + 1
    centres = touched.flip(1) + 0.5
    assert bool((centres > points.amin(0) - reach).all())
    assert bool((centres < points.amax(0) + reach).all())


@both
def test_order_and_blending(paint):
    """Later strokes lie on earlier ones; half opacity mixes halves."""
    cover = ((-1.0, 0.5), (0.5, 0.5), (2.0, 0.5))
    red = stroke(*cover, radii=(2, 2), colour=(1.0, 0.0, 0.0))
    half_blue = stroke(*cover, radii=(2, 2), opacities=(0.5, 0.5), colour=(0.0, 0.0, 1.0))
    canvas = torch.zeros(1, 3, 4, 4, dtype=torch.float64)
    assert paint(canvas, torch.cat([red, half_blue], 1))[0, :, 2, 2].tolist() == pytest.approx([0.5, 0.0, 0.5])
    assert paint(canvas, torch.cat([half_blue, red], 1))[0, :, 2, 2].tolist() == pytest.approx([1.0, 0.0, 0.0])


# What commutes with drawing


@both
def test_translating(paint):
    strokes, size = scattered(3, 1, 4, 1), torch.tensor([48.0, 48.0], dtype=torch.float64)
    moved = strokes.clone()
    moved[..., :6] += (torch.tensor([5, -7]) / size).repeat(3)
    picture, other = drawn(strokes, 48, 48, paint), drawn(moved, 48, 48, paint)
    torch.testing.assert_close(other[:-7, 5:], picture[7:, :-5], atol=1e-9, rtol=0)


@both
def test_flipping_and_transposing(paint):
    strokes = scattered(4, 1, 4, 1)
    picture = drawn(strokes, 40, 40, paint)
    flipped, transposed = strokes.clone(), strokes.clone()
    flipped[..., 0:6:2] = 1 - flipped[..., 0:6:2]
    transposed[..., :6] = strokes[..., [1, 0, 3, 2, 5, 4]]
    torch.testing.assert_close(drawn(flipped, 40, 40, paint), picture.flip(1), atol=1e-9, rtol=0)
    torch.testing.assert_close(drawn(transposed, 40, 40, paint), picture.T, atol=1e-9, rtol=0)


@both
def test_reversing(paint):
    """A stroke drawn from its other end is the same."""
    row = scattered(5, 1, 1, 1)
    back = row[..., [4, 5, 2, 3, 0, 1, 7, 6, 9, 8, 10]]
    torch.testing.assert_close(drawn(back, 40, 30, paint), drawn(row, 40, 30, paint), atol=1e-9, rtol=0)


@both
def test_resolution(paint):
    """Twice the size, averaged down, is the same drawing but for the edge's ramp; on average within half a grey level."""
    strokes = scattered(6, 1, 5, 1, radius=0.05)
    small, large = drawn(strokes, 64, 64, paint), drawn(strokes, 128, 128, paint)
    pooled = torch.nn.functional.avg_pool2d(large[None, None], 2)[0, 0]
    assert (pooled - small).abs().max() < 0.2
    assert (pooled - small).mean().abs() < 0.002


@both
def test_batch_and_sequence_equal_one_by_one(paint):
    strokes = scattered(7, 3, 4)
    canvas = torch.rand(3, 3, 24, 33, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    together = paint(canvas, strokes)
    for b in range(3):
        one = canvas[b : b + 1]
        for s in range(4):
            one = paint(one, strokes[b : b + 1, s : s + 1])
        torch.testing.assert_close(together[b : b + 1], one, atol=1e-12, rtol=0)


def test_in_place():
    """`paint_` is `paint`, to the last pixel of the last canvas; of a canvas with strides, too."""
    for channels, height, width in ((1, 1, 1), (3, 20, 30), (4, 17, 16)):
        strokes = scattered(8, 2, 6, channels, radius=0.5, dtype=torch.float32)
        canvas = torch.rand(2, channels, height, width)
        wanted = brush.paint(canvas, strokes)
        guarded = torch.full((canvas.numel() + 64,), 7.0)
        inside = guarded[: canvas.numel()].view(canvas.shape).copy_(canvas)
        assert brush.paint_(inside, strokes) is inside
        torch.testing.assert_close(inside, wanted, atol=1e-6, rtol=0)
        assert bool((guarded[canvas.numel() :] == 7).all())
        strided = canvas.transpose(2, 3).contiguous().transpose(2, 3)
        torch.testing.assert_close(brush.paint_(strided, strokes), wanted, atol=1e-6, rtol=0)


def test_a_change_in_place_is_seen_by_autograd():
    """A graph that still needs the canvas as it was refuses, instead of a wrong gradient."""
    canvas, strokes = torch.rand(1, 1, 8, 8), scattered(1, 1, 2, 1, dtype=torch.float32)
    for shape in (lambda canvas: canvas, lambda canvas: canvas.transpose(2, 3)):
        weight = torch.ones(1, requires_grad=True)
        loss = (weight * canvas).sum()
        brush.paint_(shape(canvas), strokes)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


# Gradients


@both
@pytest.mark.parametrize("seed", range(3))
def test_gradients_match_finite_differences(paint, seed):
    strokes = scattered(seed, 2, 2, 3, radius=0.3)
    canvas = torch.rand(2, 3, 7, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    assert torch.autograd.gradcheck(
        paint, (canvas.requires_grad_(), strokes.requires_grad_()), atol=1e-5, eps=1e-7, fast_mode=paint is brush.paint_torch
    )


def both_ways(paint, canvas, strokes):
    canvas, strokes = canvas.clone().requires_grad_(), strokes.clone().requires_grad_()
    out = paint(canvas, strokes)
    weight = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out).cos()
    out.backward(weight)
    return out.detach(), canvas.grad, strokes.grad


def agree(dtype, canvas, strokes):
    """Value and gradient of the compiled twin and the definition.

    Where two pieces or two ends of the sweep are equally near, either may be taken: there the gradient is not defined, so gradients
    are compared in float64 away from such places (drawn numbers are not round), the value always.
    """
    mine, truth = both_ways(brush_cpu.Paint.apply, canvas, strokes), both_ways(brush.paint_torch, canvas, strokes)
    loose = 1e-6 if dtype == torch.float64 else 2e-3
    torch.testing.assert_close(mine[0], truth[0], atol=loose, rtol=0)
    loose = loose if dtype == torch.float64 else 1e-2  # near the end of a piece a pixel may be taken for one at the end
    for got, wanted in zip(mine[1:], truth[1:], strict=True):
        assert bool(got.isfinite().all())
        scale = max(1.0, wanted.abs().max().item())
        torch.testing.assert_close(got / scale, wanted / scale, atol=loose, rtol=0)


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 5), (20, 33)])
def test_gradient_by_the_strokes_alone(count, height, width):
    """The same, where none by the canvas is wanted; also the second time, and what is handed in is left as it was."""
    canvas = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(2))
    strokes = scattered(3, 2, count, radius=0.6, dtype=torch.float32)
    wanted = both_ways(brush.paint, canvas, strokes)[2]
    rows = strokes.clone().requires_grad_()
    out = brush.paint(canvas, rows)
    flat = torch.full((out.numel() + 64,), torch.nan)  # what stands after the gradient must not come in
    weight = flat[: out.numel()].view_as(out).copy_(torch.linspace(-1, 1, out.numel()).view_as(out).cos())
    kept = weight.clone()
    out.backward(weight, retain_graph=True)
    torch.testing.assert_close(rows.grad, wanted, atol=1e-5, rtol=1e-4)
    first = rows.grad.clone()
    with torch.no_grad():
        rows.add_(1)  # an optimiser's step
    out.backward(weight)
    assert torch.equal(rows.grad, 2 * first)
    assert torch.equal(weight, kept)


@both
def test_a_canvas_used_twice(paint):
    """In a graph that forks and joins: the gradients add up, as finite differences have it."""
    strokes = scattered(4, 1, 1, 1, radius=0.3)
    canvas = torch.rand(1, 1, 6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(3))

    def forked(canvas, strokes):
        once = paint(canvas, strokes)
        return paint(once, strokes.flip(2).roll(1, 2)) * once + canvas

    inputs = (canvas.requires_grad_(), strokes.requires_grad_())
    assert torch.autograd.gradcheck(forked, inputs, atol=1e-5, eps=1e-7, fast_mode=paint is brush.paint_torch)


place = st.floats(-0.5, 1.5, width=32)
size = st.one_of(st.just(0.0), st.floats(0, 0.5, width=32))
share = st.floats(0, 1, width=32)
rows = st.tuples(*[place] * 6, size, size, share, share, share)


@settings(max_examples=30, deadline=None)
@given(st.lists(rows, min_size=1, max_size=3), st.sampled_from([(1, 1), (5, 40), (24, 17), (33, 16)]))
def test_compiled_value_equals_the_definition(numbers, shape):
    """Over any strokes, round numbers and ties too."""
    for dtype, tolerance in ((torch.float64, 1e-6), (torch.float32, 5e-4)):
        strokes = torch.tensor([numbers], dtype=dtype)
        canvas = torch.full((1, 1, *shape), 0.25, dtype=dtype)
        wanted = brush.paint_torch(canvas, strokes)
        torch.testing.assert_close(brush.paint(canvas, strokes), wanted, atol=tolerance, rtol=0)
        mine = brush_cpu.Paint.apply(canvas, strokes.requires_grad_())
        torch.testing.assert_close(mine.detach(), wanted, atol=tolerance, rtol=0)
        mine.sum().backward()
        assert bool(strokes.grad.isfinite().all())


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 2**31),
    st.sampled_from([1, 3, 4]),
    st.sampled_from([(1, 1), (7, 40), (24, 17)]),
    st.sampled_from([0.02, 0.2, 1.0]),
)
def test_compiled_gradient_equals_the_definition(seed, channels, shape, radius):
    for dtype in (torch.float64, torch.float32):
        strokes = scattered(seed, 2, 2, channels, radius, dtype)
        agree(dtype, torch.rand(2, channels, *shape, dtype=dtype, generator=torch.Generator().manual_seed(seed)), strokes)


DEGENERATE = {
    "a dot": stroke((0.4, 0.43), (0.4, 0.43), (0.4, 0.43), radii=(0.1, 0.2)),
    "a dot of no size": stroke((0.4, 0.43), (0.4, 0.43), (0.4, 0.43), radii=(0.0, 0.0)),
    "no size": stroke((0.1, 0.2), (0.5, 0.83), (0.9, 0.41), radii=(0.0, 0.0)),
    "an end swallowed": stroke((0.4, 0.41), (0.43, 0.44), (0.47, 0.46), radii=(0.4, 0.03)),
    "the other end swallowed": stroke((0.4, 0.41), (0.43, 0.44), (0.47, 0.46), radii=(0.03, 0.4)),
    "far outside": stroke((50.0, 61.0), (70.0, 73.0), (80.0, 97.0)),
    "out and back": stroke((0.5, 0.52), (60.0, 70.0), (0.57, 0.51)),
    "across": stroke((-3.0, 0.21), (0.4, 0.63), (4.0, 0.87)),
    "huge": stroke((0.4, 0.2), (0.6, 0.93), (0.1, 0.5), radii=(30.0, 50.0)),
    "below zero": stroke((0.1, 0.2), (0.5, 0.83), (0.9, 0.41), radii=(-0.1, 0.1)),
    "folded": stroke((0.2, 0.51), (0.9, 0.51), (0.21, 0.51), radii=(0.02, 0.05)),
}


@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("shape", [(1, 1), (20, 27)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_degenerate_strokes(name, shape, dtype):
    canvas = torch.full((1, 1, *shape), 0.3, dtype=dtype)
    strokes = DEGENERATE[name].to(dtype)
    mine, truth = both_ways(brush_cpu.Paint.apply, canvas, strokes), both_ways(brush.paint_torch, canvas, strokes)
    torch.testing.assert_close(mine[0], truth[0], atol=1e-6 if dtype == torch.float64 else 5e-4, rtol=0)
    torch.testing.assert_close(mine[1], truth[1], atol=1e-6 if dtype == torch.float64 else 5e-4, rtol=0)
    assert bool(mine[2].isfinite().all())
    assert bool(truth[2].isfinite().all())
    torch.testing.assert_close(mine[2][..., 10:], truth[2][..., 10:], atol=1e-3, rtol=1e-3)


# What is refused, and where it runs


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 2e4])
def test_unfit_numbers(number):
    strokes = scattered(0, 1, 2)
    strokes[0, 1, 3] = number
    for paint in (brush.paint, brush.paint_):
        canvas = torch.zeros(1, 3, 8, 8, dtype=torch.float64)
        with pytest.raises(ValueError, match="not finite or is beyond 10000"):
            paint(canvas, strokes)
        assert not canvas.any()


@pytest.mark.parametrize(
    ("canvas", "strokes", "words"),
    [
        (torch.zeros(3, 8, 8), torch.zeros(1, 1, 13), "a canvas is floats"),
        (torch.zeros(1, 3, 0, 8), torch.zeros(1, 1, 13), "a canvas is floats"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), torch.zeros(1, 1, 13), "uint8"),
        (torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 12), r"\(1, S, 13\), not \(1, 1, 12\)"),
        (torch.zeros(2, 3, 8, 8), torch.zeros(1, 1, 13), r"\(2, S, 13\)"),
        (torch.zeros(1, 3, 8, 8), torch.zeros(1, 13), r"\(1, S, 13\)"),
        (torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 13, dtype=torch.float64), "float64 on cpu, the canvas torch.float32"),
    ],
)
def test_wrong_shapes(canvas, strokes, words):
    for paint in (brush.paint, brush.paint_):
        with pytest.raises(ValueError, match=words):
            paint(canvas, strokes)


def test_half_precision_goes_to_the_definition():
    strokes = scattered(9, 1, 1, 1, dtype=torch.float32).bfloat16()
    assert drawn(strokes, 8, 8).dtype == torch.bfloat16


@pytest.mark.slow
def test_without_a_folder_to_write_to(tmp_path):
    """Installed where nobody may write, and without a home: compiled anew, and right."""
    shutil.copytree(Path(brush.__file__).parent, tmp_path / "drawgen_envs", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "drawgen_envs" / "__pycache__").write_text("no folder")
    (tmp_path / "home").write_text("no folder")
    code = """if True:
        import torch
        from drawgen_envs import brush
        strokes = torch.tensor([[[0.1, 0.1, 0.5, 0.2, 0.9, 0.9, 0.1, 0.1, 1.0, 1.0, 1.0]]])
        print(brush.__file__, float((brush.paint(torch.zeros(1, 1, 16, 16), strokes)
            - brush.paint_torch(torch.zeros(1, 1, 16, 16), strokes)).abs().max()) < 1e-4)
    """
    environment = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    environment |= {"HOME": str(tmp_path / "home" / "none"), "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [str(tmp_path / "drawgen_envs" / "brush.py"), "True"]

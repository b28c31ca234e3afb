"""The brush's Triton kernels held to the definition: interpreted on a CPU, compiled where a GPU is. And that they compile."""

import math
import os
import subprocess
import sys

import pytest
import torch
from drawgen_envs import brush
from hypothesis import given, settings
from hypothesis import strategies as st

CUDA = torch.cuda.is_available()
with pytest.MonkeyPatch.context() as patch:
    if not CUDA:
        patch.setenv("TRITON_INTERPRET", "1")  # heeded when the kernels are defined, Triton's own too, and again when they run
    pytest.importorskip("triton")
    from drawgen_envs import brush_gpu

# The interpreter of Triton 3.6 makes scalars of arrays in a way that numpy warns of.
pytestmark = pytest.mark.filterwarnings("ignore:Conversion of an array with ndim > 0:DeprecationWarning")

on = pytest.mark.parametrize(
    "device",
    [
        pytest.param("cpu", marks=pytest.mark.skipif(CUDA, reason="the kernels are compiled here")),
        pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not CUDA, reason="no GPU")]),
    ],
)


@pytest.fixture(autouse=True, scope="module")
def interpreted():
    with pytest.MonkeyPatch.context() as patch:
        if not CUDA:
            patch.setenv("TRITON_INTERPRET", "1")
        yield


def scattered(seed, batch, count, channels, radius):
    """Strokes at random (B S P), partly beyond the canvas; every third one opaque."""
    out = torch.rand(batch, count, 10 + channels, generator=torch.Generator().manual_seed(seed))
    out[..., :6] = out[..., :6] * 1.4 - 0.2
    out[..., 6:8] *= radius
    out[:, ::3, 8:10] = 1
    return out


def blank(seed, *shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def both_ways(paint, canvas, strokes):
    """What is painted, and the gradients by canvas and strokes, all in float64 on the CPU."""
    canvas, strokes = canvas.clone().requires_grad_(), strokes.clone().requires_grad_()
    out = paint(canvas, strokes)
    weight = torch.linspace(-1, 1, out.numel(), dtype=torch.float64).cos().view(out.shape)
    out.backward(weight.to(out))
    return [tensor.detach().double().cpu() for tensor in (out, canvas.grad, strokes.grad)]


def agree(device, canvas, strokes, value=2e-5, gradient=1e-3):
    """Both ways beside the definition in float64: values to 2e-5, gradients to a thousandth of the largest, or of 1."""
    mine = both_ways(brush_gpu.Paint.apply, canvas.to(device), strokes.to(device))
    truth = both_ways(brush.paint_torch, canvas.double(), strokes.double())
    torch.testing.assert_close(mine[0], truth[0], atol=value, rtol=0)
    for got, wanted in zip(mine[1:], truth[1:], strict=True):
        assert bool(got.isfinite().all())
        torch.testing.assert_close(got, wanted, atol=gradient * max(1.0, wanted.abs().max().item()), rtol=0)
    own = canvas.to(device)
    brush_gpu.paint_(own, strokes.to(device))
    torch.testing.assert_close(own.double().cpu(), mine[0], atol=1e-6, rtol=0)


@on
@pytest.mark.parametrize(
    ("batch", "count", "channels", "height", "width", "radius"),
    [
        (2, 1, 3, 12, 40, 0.2),
        (1, 3, 1, 1, 1, 0.5),
        (1, 2, 4, 16, 32, 0.02),
        (1, 9, 3, 9, 33, 0.1),  # more than a span: three of three
        (2, 2, 9, 17, 16, 0.3),  # more channels than a program has
        pytest.param(1, 20, 3, 20, 40, 0.1, marks=pytest.mark.slow),
        pytest.param(1, 3, 17, 17, 33, 0.2, marks=pytest.mark.slow),
    ],
)
def test_equals_the_definition(device, batch, count, channels, height, width, radius):
    agree(device, blank(1, batch, channels, height, width), scattered(2, batch, count, channels, radius))


place = st.floats(-0.5, 1.5, width=32)
size = st.one_of(st.just(0.0), st.floats(0, 0.5, width=32))
share = st.one_of(st.just(1.0), st.floats(0, 1, width=32))
rows = st.tuples(*[place] * 6, size, size, share, share, share)


@on
@settings(max_examples=8, deadline=None, derandomize=True)
@given(numbers=st.lists(rows, min_size=1, max_size=2), shape=st.sampled_from([(1, 1), (5, 34), (16, 17)]))
def test_any_strokes(device, numbers, shape):
    """Round numbers and ties too. There the pieces' number may hang on a rounding, so the definition is in float32 too."""
    strokes, canvas = torch.tensor([numbers]), torch.full((1, 1, *shape), 0.25)
    out, by_canvas, by_strokes = both_ways(brush_gpu.Paint.apply, canvas.to(device), strokes.to(device))
    wanted = both_ways(brush.paint_torch, canvas, strokes)
    torch.testing.assert_close(out, wanted[0], atol=5e-4, rtol=0)
    torch.testing.assert_close(by_canvas, wanted[1], atol=5e-4, rtol=0)
    assert bool(by_strokes.isfinite().all())
    torch.testing.assert_close(by_strokes[..., 10:], wanted[2][..., 10:], atol=5e-4 * canvas.numel(), rtol=0)


@on
@settings(max_examples=4, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**31),
    channels=st.sampled_from([1, 3]),
    shape=st.sampled_from([(7, 35), (17, 12)]),
    radius=st.sampled_from([0.02, 0.2, 1.0]),
)
def test_any_seed(device, seed, channels, shape, radius):
    agree(device, blank(seed, 1, channels, *shape), scattered(seed, 1, 2, channels, radius))


# the points, the radii, the opacities
DEGENERATE = {
    "a dot": ((0.4, 0.43, 0.4, 0.43, 0.4, 0.43), (0.1, 0.2), (0.7, 0.9)),
    "a dot of no size": ((0.4, 0.43, 0.4, 0.43, 0.4, 0.43), (0.0, 0.0), (1.0, 1.0)),
    "no size": ((0.1, 0.2, 0.5, 0.83, 0.9, 0.41), (0.0, 0.0), (1.0, 1.0)),
    "no opacity": ((0.1, 0.2, 0.5, 0.83, 0.9, 0.41), (0.1, 0.1), (0.0, 0.0)),
    "an end swallowed": ((0.4, 0.41, 0.43, 0.44, 0.47, 0.46), (0.4, 0.03), (1.0, 0.5)),
    "the other end swallowed": ((0.4, 0.41, 0.43, 0.44, 0.47, 0.46), (0.03, 0.4), (1.0, 0.5)),
    "far outside": ((50.0, 61.0, 70.0, 73.0, 80.0, 97.0), (0.1, 0.1), (1.0, 1.0)),
    "out and back": ((0.5, 0.52, 60.0, 70.0, 0.57, 0.51), (0.1, 0.1), (1.0, 1.0)),
    "across": ((-3.0, 0.21, 0.4, 0.63, 4.0, 0.87), (0.05, 0.05), (1.0, 1.0)),
    "huge": ((0.4, 0.2, 0.6, 0.93, 0.1, 0.5), (30.0, 50.0), (1.0, 1.0)),
    "below zero": ((0.1, 0.2, 0.5, 0.83, 0.9, 0.41), (-0.1, 0.1), (1.0, 1.0)),
    "folded": ((0.2, 0.51, 0.9, 0.51, 0.21, 0.51), (0.02, 0.05), (1.0, 1.0)),
}


@on
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_strokes(device, name):
    """The gradient by a degenerate stroke's points and radii may be any of several: finite. All else as in the definition."""
    points, radii, opacities = DEGENERATE[name]
    strokes = torch.tensor([[[*points, *radii, *opacities, 0.9]]])
    canvas = blank(3, 1, 1, 13, 27)
    mine = both_ways(brush_gpu.Paint.apply, canvas.to(device), strokes.to(device))
    truth = both_ways(brush.paint_torch, canvas.double(), strokes.double())
    for got, wanted in zip(mine[:2], truth[:2], strict=True):
        torch.testing.assert_close(got, wanted, atol=5e-4, rtol=0)
    assert bool(mine[2].isfinite().all())
    torch.testing.assert_close(mine[2][..., 8:], truth[2][..., 8:], atol=1e-2, rtol=1e-3)
    if name in ("no size", "no opacity", "a dot of no size"):
        assert torch.equal(mine[0], canvas.double())


@on
def test_in_place_stays_inside(device):
    """To the last pixel of the last canvas, and not beyond; tiles that no stroke meets are left alone, whatever they hold."""
    canvas = blank(4, 2, 3, 17, 33).to(device)
    guarded = torch.full((canvas.numel() + 600,), 7.0, device=device)
    inside = guarded[: canvas.numel()].view(canvas.shape).copy_(canvas)
    strokes = scattered(5, 2, 2, 3, 0.2).to(device)
    brush_gpu.paint_(inside, strokes)
    torch.testing.assert_close(inside, brush_gpu.Paint.apply(canvas, strokes), atol=1e-6, rtol=0)
    assert bool((guarded[canvas.numel() :] == 7).all())


@on
def test_gradient_by_the_strokes_alone(device):
    canvas, strokes = blank(6, 1, 3, 12, 20).to(device), scattered(7, 1, 2, 3, 0.2).to(device)
    wanted = both_ways(brush_gpu.Paint.apply, canvas, strokes)[2]
    rows = strokes.clone().requires_grad_()
    out = brush_gpu.Paint.apply(canvas, rows)
    weight = torch.linspace(-1, 1, out.numel(), dtype=torch.float64).cos().view(out.shape).to(out)
    out.backward(weight, retain_graph=True)
    assert torch.equal(rows.grad.double().cpu(), wanted)
    out.backward(weight)  # again, the same bits
    assert torch.equal(rows.grad.double().cpu(), 2 * wanted)


@on
def test_no_strokes(device):
    canvas, strokes = blank(8, 1, 3, 5, 6), torch.zeros(1, 0, 13)
    out, by_canvas, by_strokes = both_ways(brush_gpu.Paint.apply, canvas.to(device), strokes.to(device))
    assert torch.equal(out, canvas.double())
    assert by_canvas.shape == canvas.shape
    assert by_strokes.shape == strokes.shape


@on
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # numpy's, of the interpreter
@pytest.mark.parametrize("number", [math.nan, math.inf])
@pytest.mark.parametrize("column", [0, 3, 7, 9])
def test_unfit_numbers_are_seen(device, number, column):
    """Nobody looks at them before they are drawn, but the canvas shows them, everywhere."""
    strokes = scattered(9, 1, 1, 1, 0.1)
    strokes[..., column] = number
    assert bool(brush_gpu.Paint.apply(blank(9, 1, 1, 4, 40).to(device), strokes.to(device)).isnan().all())


COMPILE = """
import os, sys
import torch
from drawgen_envs import brush
brush.paint(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 11))
assert "triton" not in sys.modules  # not for a CPU
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from drawgen_envs import brush_gpu

POINTERS = {"canvas", "out", "strokes", "grad", "before", "under", "grad_canvas", "grad_strokes"}
TILE = {"ROWS": brush_gpu.ROWS, "WIDTH": brush_gpu.WIDTH}
for line in sys.argv[1:]:
    name, flag, group, ones = line.split()
    kernel = getattr(brush_gpu, name)
    ones = ones.split(",")  # arguments that are 1 become constants
    constants = TILE | {"GROUP": int(group)} | {"IN_PLACE" if name == "forward" else "CANVAS": flag == "True"}
    constants |= {name: 1 for name in ones if name in kernel.arg_names}
    signature = {name: "*fp32" if name in POINTERS else "constexpr" if name in constants else "i32" for name in kernel.arg_names}
    aligned = {
        (i,): [["tt.divisibility", 16]] for i, name in enumerate(kernel.arg_names) if name in POINTERS | {"H", "W"} - set(ones)
    }
    source = ASTSource(kernel, signature, constexprs=constants, attrs=aligned)
    done = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=dict(brush_gpu.LAUNCH))
    wide = all(f"{word}.global.v4" in done.asm["ptx"] for word in ("ld", "st"))
    print(name, "sm_90" in done.asm["ptx"], done.asm["cubin"][:4] == b"\\x7fELF", wide)
"""


def compiled(lines, folder):
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment["TRITON_CACHE_DIR"] = str(folder)
    command = [sys.executable, "-W", "error::UserWarning", "-c", COMPILE, *lines]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_compiles_for_a_gpu(tmp_path):
    """Without one: to machine code for sm_90 by the assembler that Triton brings, with loads of 16 bytes."""
    run = compiled(["forward True 4 none", "backward True 4 S,span"], tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split("\n")[:2] == ["forward True True True", "backward True True True"]


@pytest.mark.slow
def test_compiles_in_all_forms(tmp_path):
    """Numbers that are 1 are constants to Triton, of another type."""
    forms = [(4, "none"), (4, "S,span"), (1, "C"), (4, "H"), (4, "W"), (1, "S,span,C,H,W")]
    lines = [f"{name} {flag} {g} {one}" for name in ("forward", "backward") for flag in (True, False) for g, one in forms]
    run = compiled([*lines, "forward True 8 none", "backward True 8 none"], tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("True True") == len(lines) + 2


@pytest.mark.gpu
@pytest.mark.skipif(not CUDA, reason="no GPU")
class TestOnCuda:
    def test_is_what_paint_takes(self):
        canvas, strokes = blank(1, 2, 3, 40, 50).cuda(), scattered(2, 2, 3, 3, 0.1).cuda()
        wanted = brush.paint_torch(canvas.double(), strokes.double()).float()
        out = brush.paint(canvas, strokes.clone().requires_grad_())
        assert "Paint" in type(out.grad_fn).__name__
        torch.testing.assert_close(out.detach(), wanted, atol=2e-5, rtol=0)
        half = brush.paint(canvas.bfloat16(), strokes.bfloat16())
        assert half.dtype == torch.bfloat16
        strided = canvas.transpose(2, 3).contiguous().transpose(2, 3)
        torch.testing.assert_close(brush.paint_(strided, strokes), wanted, atol=2e-5, rtol=0)
        assert brush.paint_(canvas, strokes) is canvas
        torch.testing.assert_close(canvas, wanted, atol=2e-5, rtol=0)

    def test_large(self):
        """Many programs at once: 500 strokes, and 64 canvases of 256 px, the same bits each time."""
        for batch, count, size in ((1, 500, 128), (64, 2, 256)):
            canvas, strokes = blank(1, batch, 3, size, size).cuda(), scattered(2, batch, count, 3, 0.05).cuda()
            first, second = (both_ways(brush.paint, canvas, strokes) for _ in range(2))
            for one, other in zip(first, second, strict=True):
                assert torch.equal(one, other)
            wanted = both_ways(brush.paint, canvas.double().cpu(), strokes.double().cpu())
            for got, truth in zip(first, wanted, strict=True):
                assert ((got - truth).abs() < 1e-3 * max(1.0, truth.abs().max().item())).float().mean() > 0.9999

    def test_never_waits_and_can_be_captured(self):
        canvas, strokes = blank(1, 2, 3, 40, 50).cuda(), scattered(2, 2, 10, 3, 0.1).cuda().requires_grad_()
        weight = torch.ones_like(canvas)

        def step():
            return torch.autograd.grad(brush.paint(canvas, strokes), strokes, weight)[0]

        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            wanted = step()
            torch.cuda.synchronize()
            torch.cuda.set_sync_debug_mode("error")
            try:
                step()
            finally:
                torch.cuda.set_sync_debug_mode("default")
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            out = step()
        graph.replay()
        assert torch.equal(out, wanted)

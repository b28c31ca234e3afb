"""What is seen of canvases, kept up to date by compiled loops, against its definition in torch."""

import numpy as np
import pytest
import torch
from drawgen_envs import easel_cpu
from drawgen_envs.easel import BezierEasel, squared_error, to_screen
from hypothesis import given, settings
from hypothesis import strategies as st

CPU = torch.device("cpu")


def strokes(count, channels, rng):
    numbers = rng.uniform(-0.3, 1.3, (count, 10 + channels))
    numbers[:, 6:8] = rng.choice([0, 0.01, 0.1, 0.6], (count, 2))
    numbers[:, 8:] = rng.uniform(0, 1, (count, 2 + channels))
    return torch.from_numpy(numbers).float()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(1, 1), (5, 9), (16, 12)]), st.sampled_from([1, 3]), st.booleans())
def test_touched_pixels_are_all_that_changed(seed, size, channels, aimed):
    rng = np.random.default_rng(seed)
    easel = BezierEasel(3, *size, background=[0.3] * channels, device=CPU)
    target = torch.from_numpy(rng.integers(0, 256, (3, *size, channels), dtype=np.uint8)) if aimed else None
    easel.clear(torch.arange(3), [0, 0, 0], target)
    for _ in range(4):
        easel.lay(strokes(3, channels, rng))
        assert torch.equal(easel.screen, to_screen(easel.canvas))
        assert torch.equal(easel.error, squared_error(easel.screen, target) if aimed else torch.zeros(3, dtype=torch.int64))
    kept = easel.screen.clone()
    easel.clear(torch.tensor([1]), [0])
    assert (easel.screen[1] == 77).all()  # round(0.3 * 255)
    assert torch.equal(easel.screen[[0, 2]], kept[[0, 2]])
    assert torch.equal(easel.screen, to_screen(easel.canvas))
    if aimed:
        assert torch.equal(easel.error, squared_error(easel.screen, target))


def test_the_largest_error_fits():
    """Black against white, on a large canvas: beyond 32 bits."""
    black = np.zeros((1, 700, 700, 3), np.uint8)
    error = np.zeros(1, np.int64)
    easel_cpu.squared_error(black, black + np.uint8(255), np.array([0]), error)
    assert error[0] == 255**2 * 700 * 700 * 3 > 2**32


def test_state():
    rng = np.random.default_rng(0)
    one, other = (BezierEasel(2, 8, 8, background=[1.0], device=CPU) for _ in range(2))
    one.lay(strokes(2, 1, rng))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one.screen, other.screen)
    one.lay(strokes(2, 1, rng))
    assert not torch.equal(one.screen, other.screen)  # nothing is shared


@pytest.mark.gpu
def test_a_gpu_sees_the_same():
    rng = np.random.default_rng(0)
    target = torch.from_numpy(rng.integers(0, 256, (4, 16, 16, 3), dtype=np.uint8))
    easels = [BezierEasel(4, 16, 16, background=[1.0] * 3, device=torch.device(device)) for device in ("cpu", "cuda")]
    for easel in easels:
        easel.clear(torch.arange(4, device=easel.device), [0] * 4, target.to(easel.device))
    for _ in range(5):
        marks = strokes(4, 3, rng)
        for easel in easels:
            easel.lay(marks.to(easel.device))
    one, other = (easel.screen.cpu().int() for easel in easels)
    assert (one - other).abs().max() <= 1

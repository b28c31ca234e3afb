"""The soft window over a text."""

import math

import pytest
import torch

from drawgen.contract import generator
from drawgen.nn.soft_window import PACE, SoftWindow, one_hot

TEXT, LENGTHS = torch.tensor([[0, 2, 1, 1], [3, 0, 0, 0]]), torch.tensor([4, 2])


def window(seed=1):
    built = SoftWindow(6, 3, rng=generator(seed))
    return built, torch.randn(2, 6, generator=generator(seed, 1)), torch.rand(2, 3, generator=generator(seed, 2))


def test_it_is_that_of_a_slow_loop():
    """Straight from equations 46 to 51."""
    built, h, kappa = window()
    characters = one_hot(TEXT, LENGTHS, 4)
    w, after, phi = (part.detach() for part in built(h, kappa, characters))
    numbers = built.numbers(h).detach()
    for b in range(2):
        expected = [0.0] * 4
        for u in range(1, 6):
            total = 0.0
            for k in range(3):
                alpha, beta = math.exp(numbers[b, k]), math.exp(numbers[b, 3 + k])
                place = float(kappa[b, k]) + math.exp(numbers[b, 6 + k])
                assert float(after[b, k]) == pytest.approx(place, rel=1e-5)
                total += alpha * math.exp(-beta * (place - u) ** 2)
            assert float(phi[b, u - 1]) == pytest.approx(total, rel=1e-4)
            if u <= LENGTHS[b]:
                expected[int(TEXT[b, u - 1])] += total
        assert w[b].tolist() == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_it_moves_onwards_only():
    built, _, kappa = window()
    for t in range(20):
        h = 3 * torch.randn(2, 6, generator=generator(5, t))
        _, after, _ = built(h, kappa, one_hot(TEXT, LENGTHS, 4))
        assert (after > kappa).all()
        kappa = after


def test_it_begins_at_the_pace_of_writing():
    built, _, _ = window()
    _, after, _ = built(torch.zeros(2, 6), torch.zeros(2, 3), one_hot(TEXT, LENGTHS, 4))
    torch.testing.assert_close(after, torch.full((2, 3), PACE))


def test_what_is_beyond_a_text_is_not_seen():
    hot = one_hot(TEXT, LENGTHS, 4)
    assert hot.shape == (2, 5, 4)
    assert hot.sum(2).tolist() == [[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]]


def test_its_gradient_is_finite_far_beyond_the_text():
    built, h, _ = window()
    w, after, phi = built(h.requires_grad_(), torch.full((2, 3), 1e4), one_hot(TEXT, LENGTHS, 4))
    (w.sum() + phi.sum() + after.sum()).backward()
    assert torch.isfinite(h.grad).all()

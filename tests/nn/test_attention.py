"""The scores and parts of attention: their equations, their compiled twin."""

import numpy as np
import pytest
import torch

from drawgen.contract import generator
from drawgen.nn.attention import Additive, Dot, GlobalAttention, Memory, Pointer, energies, score
from drawgen.ranges import ArgumentError

DOUBLE = torch.float64


def random(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed), dtype=DOUBLE)


@pytest.mark.parametrize(("batch", "rows", "places", "units"), [(1, 1, 1, 1), (2, 3, 7, 5), (3, 2, 49, 64)])
def test_compiled_energies(batch, rows, places, units):
    """The compiled twin is the definition in double precision, near zero and far from it, in value and gradient."""
    part = Additive(4, 6, units, rng=generator(0))
    part.score.bias.data.fill_(0.3)
    rng = generator(1)
    keys = (torch.randn(batch, places, units, generator=rng) * torch.logspace(-3, 1.5, units)).requires_grad_()
    query = torch.randn(batch, rows, units, generator=rng).requires_grad_()
    upon = torch.randn(batch, rows, places, generator=rng)
    fast = energies(part.score, Memory(keys, keys, None), query)
    inputs = (keys, query, part.score.weight, part.score.bias)
    found = torch.autograd.grad(fast, inputs, upon)
    part.double()
    inputs = (keys.detach().double().requires_grad_(), query.detach().double().requires_grad_(), part.score.weight, part.score.bias)
    slow = energies(part.score, Memory(inputs[0], inputs[0], None), inputs[1])
    definition = (torch.tanh(keys[:, None].double() + query[:, :, None]) @ part.score.weight[0]) + part.score.bias
    torch.testing.assert_close(slow, definition)
    torch.testing.assert_close(fast.double(), slow, atol=2e-6, rtol=0)
    for mine, true in zip(found, torch.autograd.grad(slow, inputs, upon.double()), strict=True):
        torch.testing.assert_close(mine.double(), true, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("width", [6, 4])
def test_global_attention_is_luongs(width):
    """The lecture's attention, one row and one place at a time, in numpy: alpha = softmax(e . h), c the weighted sum, and the
    attentional state tanh(W [c, h]); features of another width than the state are projected first. Beams of a row share it."""
    part = GlobalAttention(score("dot", width, 6, 0, rng=generator(0)), width, 6, rng=generator(1)).double()
    values, h = random(2, 5, width), random(2, 3, 6, seed=1)
    state, alpha = part(h, part.memory(values, torch.tensor([[True] * 5, [True] * 3 + [False] * 2])))
    weights = {name: p.detach().numpy() for name, p in part.named_parameters()}
    for row in range(2):
        a = values[row, : 5 - 2 * row].numpy()
        e = a if width == 6 else a @ weights["score.key.weight"].T
        for k in range(3):
            q = h[row, k].numpy()
            p = np.exp(e @ q) / np.exp(e @ q).sum()
            np.testing.assert_allclose(alpha[row, k, : len(p)].detach(), p, atol=1e-12)
            expected = np.tanh(weights["joint.weight"] @ np.concatenate([p @ a, q]) + weights["joint.bias"])
            np.testing.assert_allclose(state[row, k].detach(), expected, atol=1e-12)
    assert (alpha[1, :, 3:] == 0).all()


@pytest.mark.parametrize("kind", ["additive", "dot"])
def test_a_pointer_gives_the_energies(kind):
    """-inf where no place is; each place has its word for the decoder."""
    part = Pointer(score(kind, 4, 6, 3, rng=generator(0))).double()
    values, h, words = random(2, 5, 4), random(2, 3, 6, seed=1), random(2, 5, 7, seed=2)
    mask = torch.tensor([[True] * 5, [True, True, False, True, False]])
    memory = part.memory(values, mask, words)
    found = part(h, memory)
    assert torch.equal(found.isinf(), ~mask[:, None].expand(-1, 3, -1))
    torch.testing.assert_close(found[0], part.score.energies(h[:1], part.score.memory(values[:1]))[0])
    assert memory.words is words


def test_kinds_of_scores():
    assert isinstance(score("dot", 6, 6, 0, rng=generator(0)), Dot)
    assert list(score("dot", 6, 6, 0, rng=generator(0)).parameters()) == []
    with pytest.raises(ArgumentError, match="attention is 'hard'"):
        score("hard", 6, 6, 3, rng=generator(0))
    with pytest.raises(ValueError, match="masked everywhere"):
        Additive(4, 6, 3, rng=generator(0)).memory(torch.zeros(1, 2, 4), torch.tensor([[False, False]]))

"""The policy's probabilities, its sampler, and the critic's penalty."""

import itertools

import pytest
import torch
from torch import nn

from drawgen.contract import generator
from drawgen.nn.policy import Critic, Policy, gradient_penalty

SIDE = 8  # a grid of 4x4


@pytest.fixture(scope="module")
def policy():
    built = Policy(1, SIDE, width=4, units=8, noise=0, numbers=0, choices=(2,), rng=generator(0))
    built.flag.bias.data[1] = 0.5
    for head in built.heads:
        head.weight.data.mul_(3)
    return built


def look(policy, count):
    planes = torch.rand(1, 1, SIDE, SIDE, generator=generator(1)).expand(count, -1, -1, -1)
    return policy.look(planes, policy.start(count))


@torch.no_grad()
def test_probabilities_sum_to_one(policy):
    """Over all actions that differ: a move is its end alone, whatever else stands in the action."""
    paints = torch.tensor(list(itertools.product(range(16), range(16), [1], range(2))))
    moves = torch.tensor([(0, end, 0, 0) for end in range(16)])
    actions = torch.cat([paints, moves])
    _, log_prob, _ = policy.choose(*look(policy, len(actions)), actions=actions)
    assert float(log_prob.double().exp().sum()) == pytest.approx(1, abs=1e-4)


@torch.no_grad()
def test_the_sampler_draws_by_them(policy):
    count = 40_000
    uniforms = torch.rand(count, 4, generator=generator(2))
    actions, log_prob, _ = policy.choose(*look(policy, count), uniforms=uniforms)
    again, given, _ = policy.choose(*look(policy, count), actions=actions)
    assert torch.equal(actions, again)
    torch.testing.assert_close(log_prob, given)
    cells = torch.tensor([(0, end, 0, 0) for end in range(16)])
    _, expected, _ = policy.choose(*look(policy, 16), actions=cells)
    moves = actions[actions[:, 2] == 0]
    share = torch.bincount(moves[:, 1], minlength=16) / count
    torch.testing.assert_close(share, expected.exp(), atol=4e-3, rtol=0)


@torch.no_grad()
def test_entropy_of_a_move_is_of_flag_and_end(policy):
    seen, memory = look(policy, 1)
    _, _, entropy = policy.choose(seen, memory, actions=torch.tensor([[0, 3, 0, 0]]))
    flag = policy.flag(memory.h).softmax(1)
    z = memory.h + policy.flag_embed[0]
    end = policy.pointers[0].logits(z, seen.cells).softmax(1)
    expected = -(flag * flag.log()).sum() - (end * end.log()).sum()
    assert float(entropy) == pytest.approx(float(expected), abs=1e-5)


def test_a_place_is_the_mean_of_where_it_points():
    policy = Policy(1, SIDE, width=4, units=8, noise=3, numbers=4, choices=(), rng=generator(0))
    for pointer in policy.pointers:
        pointer.near.weight.data.zero_()
    memory = policy.start(2, torch.randn(2, 3, generator=generator(3)))
    seen, memory = policy.look(torch.rand(2, 1, SIDE, SIDE, generator=generator(4)), memory)
    points, numbers, flag, log_prob = policy.stroke(seen, memory, None)
    weights = policy.pointers[0].logits(memory.h, seen.cells).softmax(1).view(2, 4, 4)
    centre = (torch.arange(4) + 0.5) / 4
    torch.testing.assert_close(points[:, 0, 0], (weights.sum(1) * centre).sum(1))
    torch.testing.assert_close(points[:, 0, 1], (weights.sum(2) * centre).sum(1))
    assert points.shape == (2, 3, 2)
    assert numbers.shape == (2, 4)
    assert flag.tolist() == [1, 1]
    assert log_prob.tolist() == [0, 0]


def test_sides_that_do_not_halve_thrice_are_refused():
    with pytest.raises(ValueError, match="multiples of 8"):
        Policy(1, 12, width=4, units=8, noise=0, numbers=4, choices=(), rng=generator(0))


class Plane(nn.Module):
    """A critic whose slope is known."""

    def __init__(self, slope):
        super().__init__()
        self.slope = slope

    def forward(self, pictures):
        return (pictures * self.slope).flatten(1).sum(1)


def test_the_penalty_of_a_known_slope():
    slope = torch.randn(1, 4, 4, generator=generator(5))
    pictures = torch.rand(2, 6, 1, 4, 4, generator=generator(6))
    penalty = gradient_penalty(Plane(slope), *pictures, rng=generator(7))
    assert float(penalty.detach()) == pytest.approx((float(slope.norm()) - 1) ** 2, rel=1e-4)


@torch.no_grad()
def test_the_critic_sees_a_collapse():
    """The same picture four times over scores otherwise than among others."""
    critic = Critic(1, SIDE, 4, rng=generator(8))
    pictures = torch.rand(4, 1, SIDE, SIDE, generator=generator(9))
    among, alone = critic(pictures)[0], critic(pictures[:1].expand(4, -1, -1, -1))[0]
    assert abs(float(among - alone)) > 1e-5

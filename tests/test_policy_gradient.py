"""Advantages against a slow loop; PPO's surrogate on-policy, and against the gradient through the brush."""

import pytest
import torch
from drawgen_envs.brush import paint
from hypothesis import given, settings
from hypothesis import strategies as st

from drawgen.policy_gradient import advantages, clipped_surrogate, reinforce


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 6), st.integers(1, 3), st.floats(0, 1), st.floats(0, 1), st.integers(0, 1000))
def test_advantages_match_a_slow_loop(steps, batch, gamma, lam, seed):
    rng = torch.Generator().manual_seed(seed)
    rewards = torch.randn(steps, batch, generator=rng, dtype=torch.float64)
    values = torch.randn(steps, batch, generator=rng, dtype=torch.float64)
    estimate, returns = advantages(rewards, values, gamma=gamma, lam=lam)
    for b in range(batch):
        v = [*values[:, b].tolist(), 0.0]
        for t in range(steps):
            expected = sum((gamma * lam) ** (k - t) * (float(rewards[k, b]) + gamma * v[k + 1] - v[k]) for k in range(t, steps))
            assert float(estimate[t, b]) == pytest.approx(expected, abs=1e-9)
            assert float(returns[t, b]) == pytest.approx(expected + v[t], abs=1e-9)


def test_lambda_one_sums_the_rewards():
    rewards, values = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[10.0], [20.0], [30.0]])
    _, returns = advantages(rewards, values, gamma=1.0, lam=1.0)
    assert returns.flatten().tolist() == [7.0, 6.0, 4.0]


def test_on_policy_the_gradient_is_that_of_the_score():
    log_prob = torch.randn(20, requires_grad=True)
    advantage = torch.randn(20)
    loss = clipped_surrogate(log_prob, log_prob.detach(), advantage, clip=0.2)
    assert float(loss.detach()) == pytest.approx(-float(advantage.mean()), abs=1e-6)
    (gradient,) = torch.autograd.grad(loss, log_prob)
    torch.testing.assert_close(gradient, -advantage / 20)


def test_beyond_the_clip_nothing_is_gained():
    old = torch.zeros(4)
    log_prob = torch.tensor([0.5, -0.5, 0.5, -0.5], requires_grad=True)
    advantage = torch.tensor([1.0, 1.0, -1.0, -1.0])
    (gradient,) = torch.autograd.grad(clipped_surrogate(log_prob, old, advantage, clip=0.2), log_prob)
    assert (gradient != 0).tolist() == [False, True, True, False]


def test_rewards_teach_the_same_as_the_gradient_through_the_brush():
    """A dot at a Gaussian place: the mean of the score-function estimate is that of the pathwise one."""
    count, sigma = 40_000, 0.05
    rng = torch.Generator().manual_seed(0)
    target = torch.zeros(1, 1, 8, 8)
    target[..., 4:7, 4:7] = 1
    mean = torch.tensor([0.45, 0.5], requires_grad=True)
    place = mean + sigma * torch.randn(count, 2, generator=rng)
    rest = torch.tensor([0.2, 0.2, 1.0, 1.0, 1.0]).expand(count, 5)
    canvas = paint(torch.zeros(count, 1, 8, 8), torch.cat([place, place, place, rest], 1)[:, None])
    cost = (canvas - target).square().mean((1, 2, 3))
    (pathwise,) = torch.autograd.grad(cost.mean(), mean, retain_graph=True)
    log_prob = -((place.detach() - mean) / sigma).square().sum(1) / 2
    advantage = cost.detach().mean() - cost.detach()
    (score,) = torch.autograd.grad(clipped_surrogate(log_prob, log_prob.detach(), advantage, clip=0.2), mean)
    assert float((pathwise - score).norm() / pathwise.norm()) < 0.08


def test_reinforce_has_the_exact_gradient_on_two_places():
    """A policy over two places, of which one is rewarded: the mean of the estimates over both, weighted by their probabilities, is
    the gradient of the expected reward; and the baseline changes nothing of it."""
    weight = torch.tensor([0.3, -0.4], dtype=torch.float64, requires_grad=True)
    reward = torch.tensor([1.0, 0.25], dtype=torch.float64)
    exact = torch.autograd.grad((weight.softmax(0) * reward).sum(), weight)[0]
    for baseline in (0.0, 0.7, -3.0):
        found = torch.zeros_like(exact)
        for place in range(2):
            log_prob = weight.log_softmax(0)[place : place + 1]
            loss = reinforce(log_prob, reward[place : place + 1], torch.full((1,), baseline, dtype=torch.float64))
            found -= weight.softmax(0)[place].detach() * torch.autograd.grad(loss, weight)[0]
        torch.testing.assert_close(found, exact)

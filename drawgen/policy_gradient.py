"""Learning from rewards: REINFORCE, advantages, and the clipped surrogate of PPO.

Axes: T steps, B episodes.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def reinforce(log_prob: Float[Tensor, "*N"], reward: Float[Tensor, "*N"], baseline: Float[Tensor, "*N"]) -> Float[Tensor, ""]:
    """What REINFORCE minimises (Williams 1992): -mean((R - b) log p). Its gradient's expectation is that of -E[R], whatever the
    baseline b, which must not depend on the action; b only changes the variance. Gradients reach `log_prob` alone.

    >>> log_prob = torch.tensor([0.5], requires_grad=True).log()
    >>> round(reinforce(log_prob, torch.tensor([1.0]), torch.tensor([0.25])).item(), 3)  # .75 log 2
    0.52
    """
    return -((reward - baseline).detach() * log_prob).mean()


def advantages(
    rewards: Float[Tensor, "T B"], values: Float[Tensor, "T B"], *, gamma: float, lam: float
) -> tuple[Float[Tensor, "T B"], Float[Tensor, "T B"]]:
    """Generalised advantage estimates of whole episodes, and the returns that values should be (Schulman et al. 2016, equation 16):

    delta_t = r_t + gamma V_{t+1} - V_t,  A_t = sum_k (gamma lam)^k delta_{t+k},  R_t = A_t + V_t, with V = 0 after the last step.

    >>> rewards = torch.tensor([[0.0], [1.0]])
    >>> advantages(rewards, torch.zeros(2, 1), gamma=1.0, lam=1.0)[0].flatten().tolist()
    [1.0, 1.0]
    """
    after = torch.cat([values[1:], torch.zeros_like(values[:1])])
    deltas = rewards + gamma * after - values
    running, found = torch.zeros_like(deltas[0]), []
    for delta in deltas.flip(0):
        running = delta + gamma * lam * running
        found.append(running)
    estimate = torch.stack(found[::-1])
    return estimate, estimate + values


def clipped_surrogate(
    log_prob: Float[Tensor, "*N"], old_log_prob: Float[Tensor, "*N"], advantage: Float[Tensor, "*N"], *, clip: float
) -> Float[Tensor, ""]:
    """What PPO minimises (Schulman et al. 2017, equation 7): -mean min(w A, clip(w, 1 - clip, 1 + clip) A), w = p / p_old.

    On-policy w is 1, and the gradient is that of -mean(A log p)."""
    ratio = (log_prob - old_log_prob).exp()
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()

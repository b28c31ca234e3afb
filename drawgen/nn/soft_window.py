"""The soft window over a text (Graves 2013, section 5.1): attention that moves along the characters, forwards only.

Axes: B rows, N characters, C symbols, K components of the window, U units.

    (a, b, k) = W h_t + bias                                            (48)
    alpha_t = exp(a),   beta_t = exp(b),   kappa_t = kappa_{t-1} + exp(k)    (49-51)
    phi(t, u) = sum_k alpha_t^k exp(-beta_t^k (kappa_t^k - u)^2)            (46)
    w_t = sum_u phi(t, u) c_u,   c_u one-hot                             (47)

Here u counts from 1. phi of the place after the last character says whether the text has been written.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen.nn.linear import linear

PACE = 1 / 14
"""Characters that the window moves on per step, to begin with."""


def one_hot(text: Int[Tensor, "B N"], lengths: Int[Tensor, " B"], symbols: int) -> Float[Tensor, "B N1 C"]:
    """The characters as one-hot vectors; those beyond a length, and the place after the last, are 0."""
    place = torch.arange(text.shape[1], device=text.device)
    vectors = F.one_hot(text, symbols).float() * (place < lengths[:, None])[..., None]
    return F.pad(vectors, (0, 0, 0, 1))


class SoftWindow(nn.Module):
    """Where a network is in its text. The state is kappa, B K, which starts at 0."""

    def __init__(self, units: int, components: int, *, rng: torch.Generator) -> None:
        super().__init__()
        self.components = components
        self.numbers = linear(units, 3 * components, rng)
        self.numbers.bias.data[2 * components :] = math.log(PACE)

    def forward(
        self, h: Float[Tensor, "B U"], kappa: Float[Tensor, "B K"], characters: Float[Tensor, "B N1 C"]
    ) -> tuple[Float[Tensor, "B C"], Float[Tensor, "B K"], Float[Tensor, "B N1"]]:
        """(w_t, kappa_t, phi at each character and at the place after the last)."""
        alpha, beta, onward = self.numbers(h).exp().chunk(3, 1)
        kappa = kappa + onward
        places = torch.arange(1, characters.shape[1] + 1, device=h.device, dtype=h.dtype)
        away = (kappa[..., None] - places).square()  # B K N1
        phi = (alpha[..., None] * (-beta[..., None] * away).exp()).sum(1)
        return torch.einsum("bn,bnc->bc", phi, characters), kappa, phi

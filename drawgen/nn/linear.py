"""A linear layer whose random numbers are an argument."""

import torch
from torch import nn


def linear(inputs: int, outputs: int, rng: torch.Generator) -> nn.Linear:
    """Weights uniform within 1 / sqrt(inputs), no bias to begin with."""
    layer = nn.Linear(inputs, outputs)
    nn.init.uniform_(layer.weight, -(inputs**-0.5), inputs**-0.5, generator=rng)
    nn.init.zeros_(layer.bias)
    return layer

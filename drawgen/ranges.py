"""Ranges of settings, checked in one wording."""

import math


def check_range(
    name: str,
    value: float,
    *,
    at_least: float = -math.inf,
    above: float = -math.inf,
    at_most: float = math.inf,
    below: float = math.inf,
) -> None:
    """Raises ValueError where `value` does not lie in the range, as NaN never does: "n is -3; it has to be at least 1"."""
    bounds = {"at least": at_least, "above": above, "at most": at_most, "below": below}
    inside = at_least <= value <= at_most and (above == -math.inf or value > above) and (below == math.inf or value < below)
    if not inside:
        told = " and ".join(f"{words} {bound}" for words, bound in bounds.items() if not math.isinf(bound))
        raise ValueError(f"{name} is {value}; it has to be {told}")

"""Ranges and choices in one wording."""

import math
import pickle
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from drawgen import models
from drawgen.ranges import ArgumentError, check_choice, check_fields, check_range


@pytest.mark.parametrize(
    ("value", "bounds", "words"),
    [
        (-3, {"at_least": 1}, "x is -3; it has to be at least 1"),
        (0.0, {"above": 0, "below": 100}, "x is 0.0; it has to be above 0 and below 100"),
        (100, {"above": 0, "below": 100}, "x is 100; it has to be above 0 and below 100"),
        (1.5, {"at_least": 0, "at_most": 1}, "x is 1.5; it has to be at least 0 and at most 1"),
        (math.nan, {"at_least": 0}, "x is nan; it has to be finite and at least 0"),
        (math.nan, {}, "x is nan; it has to be finite"),
        (math.inf, {"above": 0}, "x is inf; it has to be finite and above 0"),
        (-math.inf, {"below": 5}, "x is -inf; it has to be finite and below 5"),
        (None, {"at_least": 0}, "x is None; it has to be finite and at least 0"),
        ("3", {"at_least": 0}, "x is 3; it has to be finite and at least 0"),
        (np.float32(2), {"below": 2}, "x is 2.0; it has to be below 2"),
        ((0.5, 1.0), {"at_least": 0, "below": 1}, r"x is \(0.5, 1.0\); each has to be at least 0 and below 1"),
    ],
)
def test_what_lies_outside_is_told_with_the_range(value, bounds, words):
    with pytest.raises(ArgumentError, match=f"^{words}$"):
        check_range("x", value, **bounds)


def test_ends_of_a_range():
    check_range("x", 1, at_least=1, at_most=1)
    check_range("x", 0.5, above=0, below=1)
    check_range("x", 2**70, at_least=0)
    check_range("x", 10**400, at_least=0)
    check_range("x", np.int64(3), above=2)
    check_range("x", (0.0, 0.5), at_least=0, below=1)


@dataclass(frozen=True)
class Config:
    units: int = 1
    minutes: float | None = None
    betas: tuple[float, float] = (0.5, 0.5)

    def __post_init__(self) -> None:
        check_fields(self, "model", "units", "minutes", at_least=1)
        check_fields(self, "model", "betas", at_least=0, below=1)


def test_fields():
    """None passes where a field may be None, and there alone."""
    Config()
    Config(units=2, minutes=1.5)
    for settings, words in (
        ({"units": 0}, r"^model\.units is 0; it has to be at least 1$"),
        ({"units": None}, r"^model\.units is None; it has to be finite and at least 1$"),
        ({"minutes": math.inf}, r"^model\.minutes is inf; it has to be finite and at least 1$"),
        ({"betas": (0.5, 2)}, r"^model\.betas is \(0\.5, 2\); each has to be at least 0 and below 1$"),
    ):
        with pytest.raises(ArgumentError, match=words):
            Config(**settings)


CONFIGS = {
    (part, type(config)): config
    for name in models.names()
    for recipe in models.module(name).PRESETS.values()
    for part, config in (("model", recipe.model), ("data", recipe.data), ("fit", recipe.fit))
}


@pytest.mark.parametrize(("part", "kind"), CONFIGS, ids=lambda of: of if isinstance(of, str) else f"{of.__module__}.{of.__name__}")
def test_every_number_of_every_config_has_a_range(part, kind):
    """A float is finite, too."""
    wrong = {int: [-(10**9)], float: [math.nan, math.inf, -math.inf]}
    wrong |= {number | None: values for number, values in wrong.items()}
    for field in fields(kind):
        for value in wrong.get(field.type, []):
            with pytest.raises(ArgumentError, match=rf"^{part}\.{field.name} is {value}; it has to be "):
                replace(CONFIGS[part, kind], **{field.name: value})


def test_choices():
    check_choice("cell", "gru", ("lstm", "gru"))
    check_choice("cell", "gru", {"gru": 1})
    for value, told in (("none", "'none'"), (None, "None"), ([], r"\[\]")):
        with pytest.raises(ArgumentError, match=f"^cell is {told}; it is one of lstm, gru$"):
            check_choice("cell", value, ("lstm", "gru"))


def test_the_name_comes_apart():
    """And stays whole on the way from another process."""
    for error in (ArgumentError("model.units", "is 0"), pickle.loads(pickle.dumps(ArgumentError("model.units", "is 0")))):
        assert isinstance(error, ValueError)
        assert (error.name, error.rest, str(error)) == ("model.units", "is 0", "model.units is 0")

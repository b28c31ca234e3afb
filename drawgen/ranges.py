"""Ranges and choices of arguments, checked in one wording."""

import math
from collections.abc import Iterable
from dataclasses import fields
from numbers import Integral, Real
from typing import Any, get_args


class ArgumentError(ValueError):
    """An invalid argument: "NAME REST", such as "n is -3; it has to be at least 1". A setting of a config has a dotted name
    (model.units). The command line replaces the name by the flag."""

    def __init__(self, name: str, rest: str) -> None:
        super().__init__(f"{name} {rest}")
        self.name, self.rest = name, rest

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self.rest)


def check_range(
    name: str,
    value: object,
    *,
    at_least: float = -math.inf,
    above: float = -math.inf,
    at_most: float = math.inf,
    below: float = math.inf,
) -> None:
    """Raises ArgumentError if `value`, or one number of a tuple, is not a finite number in the range."""
    numbers: tuple[Any, ...] = value if isinstance(value, tuple) else (value,)
    finite = all(isinstance(number, Real) and number - number == 0 for number in numbers)  # which NaN and infinity are not
    if finite and all(at_least <= number <= at_most and above < number < below for number in numbers):
        return
    bounds = {"at least": at_least, "above": above, "at most": at_most, "below": below}
    told = [f"{words} {bound}" for words, bound in bounds.items() if not math.isinf(bound)]
    who = "each" if isinstance(value, tuple) else "it"
    raise ArgumentError(name, f"is {value}; {who} has to be {' and '.join(told if finite else ['finite', *told])}")


def check_whole(name: str, value: object) -> None:
    """Raises ArgumentError for what is not a whole number."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise ArgumentError(name, f"is {value!r}; it has to be a whole number")


def check_size(size: object) -> None:
    """Raises ArgumentError for a size that is not height and width in pixels."""
    if not isinstance(size, (tuple, list)) or len(size) != 2 or any(side != round(side) for side in size):
        raise ArgumentError("size", f"is {size!r}; give height and width in pixels, as (256, 256)")
    for side in size:
        check_range("size", side, at_least=1)


def check_fields(config: Any, part: str, *names: str, **bounds: float) -> None:
    """`check_range` for these fields of a config. Messages name them PART.NAME, or NAME if the part is empty. A field that may be
    None is not checked if it is None."""
    optional = {field.name for field in fields(config) if type(None) in get_args(field.type)}
    for name in names:
        value = getattr(config, name)
        if value is not None or name not in optional:
            check_range(f"{part}.{name}" if part else name, value, **bounds)


def check_choice(name: str, value: object, choices: Iterable[str | int]) -> None:
    """Raises ArgumentError for a value that is not one of the choices."""
    known = tuple(choices)
    if value not in known:
        raise ArgumentError(name, f"is {value!r}; it is one of {', '.join(map(str, known))}")

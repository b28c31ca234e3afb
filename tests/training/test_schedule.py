"""The rate's course, and how a budget in minutes becomes a number of steps: nothing before the fall depends on that number."""

import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawgen.training.schedule import FEW, Fit, check_threads, fall_begins, schedule, settle

QUICK = settings(derandomize=True, deadline=None, database=None, max_examples=200)


def simulated(fit: Fit, budget: float, paces: list[float], every: int = 1) -> tuple[int, int]:
    """(the step at which the number is settled, the number) of a run whose steps take these times, the last for ever."""
    spent = 0.0
    for step in range(1, 100_000):
        spent += paces[min(step, len(paces)) - 1]
        if step % every == 0 or step == fit.warmup:
            steps = settle(step, budget - spent, spent / step, fit)
            if steps is not None:
                return step, steps
    raise AssertionError("it never ends")


@given(
    warmup=st.integers(0, 60),
    decay=st.sampled_from([0.0, 0.1, 0.5, 0.8, 0.97, 1.0]),
    budget=st.floats(0.1, 300),
    paces=st.lists(st.floats(0.01, 5.0), min_size=1, max_size=200),
    every=st.sampled_from([1, 10]),
)
@QUICK
def test_what_was_run_before_is_what_the_number_gives(
    warmup: int, decay: float, budget: float, paces: list[float], every: int
) -> None:
    """Whatever the machine does: the rates until the number is known are those of a run that is given the number."""
    warmup = max(warmup, FEW) if decay == 1 else warmup
    fit = Fit(warmup=warmup, decay=decay)
    at, steps = simulated(fit, budget, paces, every)
    assert steps >= at
    assert [schedule(step, None, fit) for step in range(at)] == [schedule(step, steps, fit) for step in range(at)]


@pytest.mark.parametrize(("decay", "expected"), [(0.0, 1000), (0.5, 500), (0.8, 200), (1.0, 50)])
def test_a_steady_machine_meets_its_budget(decay: float, expected: int) -> None:
    """And the number is settled when the fall begins."""
    at, steps = simulated(Fit(decay=decay), 120.0, [0.12])
    assert (at, steps) == (pytest.approx(expected, abs=1), pytest.approx(1000, abs=2))


def test_a_machine_that_was_busy_at_first() -> None:
    """The first seconds do not decide: of 120 s, 4 at a third of the speed."""
    at, steps = simulated(Fit(), 120.0, [0.36] * 11 + [0.12])
    spent = 11 * 0.36 + (steps - 11) * 0.12
    assert 110 < spent < 121
    assert at < steps


def test_time_that_is_up_ends_the_run() -> None:
    assert settle(7, 0.0, 0.1, Fit()) == 7  # within the warm-up
    assert settle(7, 0.05, 0.1, Fit()) is None
    assert settle(900, -1.0, 0.1, Fit(decay=0.0)) == 900


def test_the_fall_does_not_begin_before_the_warm_up_is_over() -> None:
    fit = Fit(warmup=100, decay=1.0)
    assert fall_begins(1000, fit) == 100
    assert [schedule(step, 1000, fit) for step in range(101)] == [min(1.0, (step + 1) / 101) for step in range(101)]
    assert schedule(999, 1000, fit) < 0.03


def test_settings_that_contradict_each_other_are_named() -> None:
    with pytest.raises(ValueError, match=r"fit.decay is 1 and fit.warmup 0.*give fit.steps"):
        Fit(decay=1.0, warmup=0)
    assert Fit(decay=1.0, warmup=0, steps=5).steps == 5
    for betas in ((2.0, 5.0), (0.9, 1.0), (-0.1, 0.9)):
        with pytest.raises(ValueError, match=r"fit.betas is .*; each has to be at least 0 and below 1"):
            replace(Fit(), betas=betas)


def test_threads_are_as_many_as_make_sense() -> None:
    check_threads(os.cpu_count() or 1)
    with pytest.raises(ValueError, match=r"fit\.threads is 1000000; it has to be at most"):
        check_threads(1_000_000)

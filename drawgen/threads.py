"""Sets torch's number of threads temporarily, and spreads compiled work over as many."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

import torch

WORKERS: ContextVar[int | None] = ContextVar("workers", default=None)


def cores() -> int:
    """Cores that this process may use; if the system does not say (macOS, Windows), all cores of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Sets torch's number of threads, and restores it on exit; also a decorator, but not for a generator. One thread is best for
    small steps: several wait for each other, on a busy machine for long."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def workers(count: int) -> Iterator[None]:
    """Sets the number of threads of `spread`; without it, they are as many as torch's."""
    token = WORKERS.set(count)
    try:
        yield
    finally:
        WORKERS.reset(token)


def spread(job: Callable[[int], None], count: int) -> None:
    """`job(n)` for all n below `count`, on several threads (`workers`): for compiled jobs, which run without Python's lock. Threads
    wait for each other only at the end, so that a busy machine slows them down little."""
    numbers = iter(range(count))

    def work() -> None:
        for n in numbers:  # each number goes to one thread
            job(n)

    others = min(WORKERS.get() or torch.get_num_threads(), count) - 1
    if others < 1:
        work()
        return
    with ThreadPoolExecutor(others) as pool:
        working = [pool.submit(work) for _ in range(others)]
        work()
        for one in working:
            one.result()

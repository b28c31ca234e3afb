"""Sets torch's number of threads temporarily, and spreads compiled work over as many."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


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


def spread(job: Callable[[int], None], count: int) -> None:
    """`job(n)` for all n below `count`, on as many threads as torch may use: for compiled jobs, which run without Python's lock."""
    numbers = iter(range(count))

    def work() -> None:
        for n in numbers:  # each number goes to one thread
            job(n)

    others = min(torch.get_num_threads(), count) - 1
    if others < 1:
        work()
        return
    with ThreadPoolExecutor(others) as pool:
        working = [pool.submit(work) for _ in range(others)]
        work()
        for one in working:
            one.result()

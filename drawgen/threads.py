"""The number of threads that torch works with, lent and given back."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Works with so many threads, and leaves the process as it was; also a decorator, though not of a generator. One is best for
    small steps: more wait for each other, on a busy machine for long."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

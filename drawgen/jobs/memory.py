"""Refuses requests that do not fit into memory, before they are computed."""

import os
from pathlib import Path


def refuse_what_does_not_fit(size: tuple[int, int], channels: int, n: int) -> None:
    """Raises ValueError, with the amount, if drawing would need more memory than is available."""
    need = size[0] * size[1] * n * (4 * channels + 1) * 4 * 2
    refuse_more_than_there_is(need, f"{n} of {size[1]}x{size[0]} pixels", "fewer" if n > 1 else "a smaller size")


def refuse_more_than_there_is(need: int, what: str, less: str = "a smaller size") -> None:
    """Raises ValueError if `what` needs more bytes of memory than are available; the mend is `less`."""
    have = available_memory()
    if have is not None and need > have:
        raise ValueError(f"{what} take about {need / 2**30:.1f} GiB of memory, and {have / 2**30:.1f} are free; ask for {less}")


def available_memory() -> int | None:
    """Bytes available without swapping; None if the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None

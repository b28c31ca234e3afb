"""Refuses requests that do not fit into memory, before they are computed."""

import os
from pathlib import Path
from typing import Any

from drawgen.likelihood import parameters_per_pixel


def refuse_what_does_not_fit(size: tuple[int, int], channels: int, n: int, *, working: int = 0) -> None:
    """Raises ValueError, with the amount, if drawing would need more memory than is available. `working`: bytes per pixel of one
    picture that are needed at once beside the finished ones (`bytes_at_work`)."""
    need = size[0] * size[1] * (n * (4 * channels + 1) * 4 * 2 + working)
    refuse_more_than_there_is(need, f"{n} of {size[1]}x{size[0]} pixels", "fewer" if n > 1 else "a smaller size")


def bytes_at_work(channels: int, config: Any = None, *, even_out: float = 0.0) -> int:
    """Bytes per pixel that making one texture needs at once, about, as measured. Whichever is largest: a model's layout gives
    each pixel `embed` and all the mixture's numbers (`nn/guide.py`), three times while they are handed out; taking out specks
    sorts each pixel's neighbourhood; evening out transforms a mirrored copy in double precision. `config` is the model's; None if
    there is none."""
    layout = 0
    if getattr(config, "layout", 0):
        layout = 3 * 4 * (config.embed + parameters_per_pixel(config.components, channels))
    specks = 0 if config is None else 100 * channels
    return max(layout, specks, 220 * channels if even_out else 0)


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

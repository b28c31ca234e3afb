"""What is said of memory, on systems that tell of it in their own ways or not at all."""

import os
from pathlib import Path

import pytest

from drawgen.jobs import memory


@pytest.fixture
def no_proc(monkeypatch):
    def absent(self, **how):
        raise FileNotFoundError(str(self))

    monkeypatch.setattr(Path, "read_text", absent)


def test_more_than_there_is():
    with pytest.raises(ValueError, match=r"it take about 1073741824.0 GiB of memory, and .* are free; ask for less"):
        memory.refuse_more_than_there_is(2**60, "it", "less")


@pytest.mark.usefixtures("no_proc")
def test_memory_is_told_by_sysconf_where_there_is_no_proc(monkeypatch):
    """As on macOS: all that there is, used or not."""
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 16384, "SC_PHYS_PAGES": 3}.__getitem__, raising=False)
    assert memory.available_memory() == 49152


def unknown(name):
    raise ValueError("unrecognized configuration name")


@pytest.mark.usefixtures("no_proc")
@pytest.mark.parametrize("sysconf", [None, unknown])
def test_where_nothing_is_told_nothing_is_refused(monkeypatch, sysconf):
    """As on Windows."""
    if sysconf is None:
        monkeypatch.delattr(os, "sysconf", raising=False)
    else:
        monkeypatch.setattr(os, "sysconf", sysconf, raising=False)
    assert memory.available_memory() is None
    memory.refuse_more_than_there_is(2**60, "it")

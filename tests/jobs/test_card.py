"""What a card says of the machine."""

import os
import platform
from pathlib import Path

from drawgen.jobs.card import machine


def test_machine_without_proc(monkeypatch):
    """Where the system tells nothing of its processor but its kind."""

    def absent(self, **how):
        raise FileNotFoundError(str(self))

    monkeypatch.setattr(Path, "read_text", absent)
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    assert machine().startswith("arm64, 10 cores")

"""A studio as a person has it: its server in a process, and its page in Debian's Chromium."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_MS = 120_000
"""Code is compiled when a stroke is drawn for the first time on a machine."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a studio."""
    words = [sys.executable, "-m", "drawgen.cli", "studio", "--folder", str(folder), "--no-open", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}) as server:
        assert server.stdout is not None
        try:
            address = server.stdout.readline().strip()
            wait_for(address)
            yield address
        finally:
            server.terminate()
            server.wait(60)


def wait_for(address: str) -> None:
    """Until the server answers."""
    until = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address):
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser. Skips the test without one."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (the group `dev`)")
    if CHROMIUM is None:
        pytest.skip("there is no chromium; install Debian's package `chromium`")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page(browser: Any, address: str, *, faults: list[str] | None = None, **options: Any) -> Iterator[Any]:
    """A page of the studio; what it logs as an error goes to `faults`, and fails the test if that is None."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
    context.set_default_timeout(PATIENCE_MS)
    opened = context.new_page()
    noted: list[str] = [] if faults is None else faults
    opened.on("pageerror", lambda error: noted.append(str(error)))
    opened.on("console", lambda message: noted.append(message.text) if message.type == "error" else None)
    opened.goto(address)
    try:
        yield opened
        if faults is None:
            assert not noted, noted
    finally:
        context.close()

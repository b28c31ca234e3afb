"""Shapes and types are checked while testing; real data is read where it lies, and its tests skip where it does not."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

ROOT = Path(__file__).parent.parent
SOURCES = [path.relative_to(root) for root in (ROOT, ROOT / "envs") for path in sorted(root.glob("drawgen*/**/*.py"))]
# numba and triton compile the twins, and they take no wrappers; mypaint takes arrays where it says sequences
UNCHECKED = ("_cpu", "_gpu", "mypaint")
CHECKED = [path for path in SOURCES if path.stem != "__init__" and not path.stem.endswith(UNCHECKED)]
install_import_hook([".".join(path.with_suffix("").parts) for path in CHECKED], "typecheck.typecheck")

import torch  # noqa: E402

torch.set_num_threads(1)  # two threads wait for each other on a busy machine

DATA = Path(os.environ.get("DRAWGEN_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))


@pytest.fixture
def data() -> Path:
    """The folder of real data; the test is skipped where it is absent (point DRAWGEN_DATA to it)."""
    if not DATA.is_dir():
        pytest.skip(f"no real data in {DATA}; set DRAWGEN_DATA")
    return DATA

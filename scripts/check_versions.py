"""A part of the tests on several Pythons, with the newest dependencies and with the oldest that pyproject.toml allows.

    python scripts/check_versions.py -o scripts/results/versions.md

It needs uv, which finds the Pythons of this machine or fetches them; one that it does not find is a row that says so. Each
combination takes some minutes on a core, and about 6 GB of disk until it is done. Wheels alone are installed: what would have to be
compiled is no package that a person can have without work.
"""

import argparse
import datetime
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
RESOLUTIONS = {"highest": "newest", "lowest-direct": "lowest"}
TESTS = (
    "tests/cli/test_main.py",
    "tests/cli/test_textures.py",
    "tests/models/test_contract.py",
    "tests/models/test_ride.py",
    "tests/envs/test_contract.py",
    "tests/envs/test_mypaint.py",
    "tests/nn/test_spatial_lstm.py",
    "tests/data/test_captions.py",
    "tests/training/test_fit.py",
    "tests/test_animation.py",
    "tests/test_checkpoint.py",
    "tests/test_files.py",
    "tests/test_images.py",
    "tests/test_image_reading.py",
)
SHOWN = ("torch", "numpy", "pillow", "gymnasium", "numba")
VERSIONS = f"from importlib.metadata import version; print(' '.join(version(name) for name in {SHOWN}))"
MOST_NAMED = 4
"""Failed tests that a row names."""


def run(*words: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, encoding="utf-8", **options)  # type: ignore[call-overload,no-any-return]


def row(version: str, resolution: str) -> list[str]:
    """One combination: its Python, the resolution, the packages' versions, what passed, and what did not."""
    python = run("uv", "python", "find", version)
    if python.returncode:
        return [version, RESOLUTIONS[resolution], *[""] * len(SHOWN), "not run", f"there is no Python {version} here"]
    with tempfile.TemporaryDirectory(prefix="drawgen-versions-", dir=os.environ.get("TMPDIR", "/var/tmp")) as place:
        own = Path(place) / "venv"
        run("uv", "venv", "--python", python.stdout.strip(), own, check=True)
        own_python = own / "bin" / "python"
        release = run(own_python, "-c", "import platform; print(platform.python_version())", check=True).stdout.strip()
        install = ["uv", "pip", "install", "--python", own_python, "--resolution", resolution, "--no-build", "--no-sources"]
        made = run(*install, "-r", ROOT / "pyproject.toml", "--all-extras", "--group", f"{ROOT / 'pyproject.toml'}:dev")
        if made.returncode:
            lines = [line.strip(" │╰─▶×help:") for line in made.stderr.splitlines()]
            return [release, RESOLUTIONS[resolution], *[""] * len(SHOWN), "not installed", " ".join(lines)[:300]]
        versions = run(own_python, "-c", VERSIONS, check=True).stdout.split()
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "envs")]),
            "NUMBA_CACHE_DIR": str(Path(place) / "numba"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        tested = run(own_python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS, cwd=ROOT, env=environment)
        print(tested.stdout[-2000:], file=sys.stderr)
        counts = re.findall(r"(\d+) (passed|failed|skipped|xfailed|error)", tested.stdout.splitlines()[-1])
        told = ", ".join(f"{number} {what}" for number, what in counts) or f"exit status {tested.returncode}"
        failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", tested.stdout, re.MULTILINE)
        more = f" and {len(failed) - MOST_NAMED} more" if len(failed) > MOST_NAMED else ""
        return [release, RESOLUTIONS[resolution], *versions, told, ", ".join(f"`{name}`" for name in failed[:MOST_NAMED]) + more]


def table(rows: list[list[str]]) -> str:
    head = ["Python", "dependencies", *SHOWN, "tests", "what failed"]
    lines = [
        "# Pythons and dependencies",
        "",
        f"Run on {datetime.date.today().isoformat()}, {platform.system()} {platform.machine()}, by `scripts/check_versions.py`.",
        "*Newest* are the newest releases that the bounds in pyproject.toml allow on that day, *lowest* the lowest that they allow",
        "(uv's `lowest-direct`), with all extras and the development group, from wheels alone.",
        "",
        "A part of the tests, for time; `.ci/run` runs the whole on Python 3.11 with the newest:",
        "",
        *(f"- `{test}`" for test in TESTS),
        "",
        *(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pythons", nargs="*", default=PYTHONS, help="versions, or paths of interpreters")
    parser.add_argument("-o", dest="out", type=Path, required=True, help="a Markdown file for the table, written after each row")
    arguments = parser.parse_args()
    rows = []
    for resolution in RESOLUTIONS:
        for version in arguments.pythons:
            rows.append(row(version, resolution))
            arguments.out.write_text(table(rows), encoding="utf-8")


if __name__ == "__main__":
    main()

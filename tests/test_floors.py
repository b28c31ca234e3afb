"""The floors of the house: an import only runs down, and the front door is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "drawgen"

# (a module or package, its floor): the longest name that fits decides. A new file that fits nowhere has to be given a floor.
FLOORS = {
    "drawgen": 0,
    "drawgen_envs": 1,
    "drawgen.contract": 1,
    "drawgen.ranges": 1,
    "drawgen.printable": 1,
    "drawgen.likelihood": 1,
    "drawgen.likelihood_cpu": 1,
    "drawgen.policy_gradient": 1,
    "drawgen.sampling": 1,
    "drawgen.devices": 1,
    "drawgen.diagnosis": 1,
    "drawgen.interrupts": 1,
    "drawgen.threads": 1,
    "drawgen.minimum_cut_cpu": 1,
    "drawgen.tiling": 1,
    "drawgen.geometry": 1,
    "drawgen.nn": 1,
    "drawgen.trees": 1,
    "drawgen.checkpoint": 2,
    "drawgen.feature_cache": 2,
    "drawgen.file_kinds": 2,
    "drawgen.files": 2,
    "drawgen.colour_profiles": 2,
    "drawgen.image_reading": 2,
    "drawgen.pillow_reading": 2,
    "drawgen.png_reading": 2,
    "drawgen.raster": 2,
    "drawgen.tiff_reading": 2,
    "drawgen.tiff_tags": 2,
    "drawgen.images": 2,
    "drawgen.films": 2,
    "drawgen.animation": 2,
    "drawgen.masks": 2,
    "drawgen.ink": 2,
    "drawgen.attention_maps": 3,
    "drawgen.charts": 3,
    "drawgen.report_pages": 3,
    "drawgen.confusion_pictures": 3,
    "drawgen.point_pictures": 3,
    "drawgen.reading_pictures": 3,
    "drawgen.tree_pictures": 3,
    "drawgen.alignment_pictures": 3,
    "drawgen.training": 3,
    "drawgen.strokes": 3,
    "drawgen.textures": 3,
    "drawgen.data": 3,
    "drawgen.models": 4,
    "drawgen.jobs": 5,
    "drawgen.studio": 6,
    "drawgen.cli": 6,
    "drawgen.__main__": 6,
}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def floor_of(module: str) -> int:
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in FLOORS and (length > 1 or module == "drawgen" or name == "drawgen_envs"):
            return FLOORS[name]
    raise AssertionError(f"{module} has no floor; give it one in tests/test_floors.py")


def imports(path: Path) -> set[str]:
    """The project's modules that a file imports, wherever in it; not those for type checkers only."""
    modules = {name_of(p) for p in PACKAGE.rglob("*.py")}
    found = set()
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("drawgen")}
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("drawgen", "drawgen_envs"):
            found |= {f"{node.module}.{a.name}" if f"{node.module}.{a.name}" in modules else node.module for a in node.names}
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_run_down(path):
    """A module imports modules of lower floors, or of its own outside models/; a model never imports another, though it may
    load a saved one by `drawgen.models`."""
    own = name_of(path)
    for other in imports(path) - {"drawgen"}:
        if other.startswith("drawgen_envs"):  # a house of its own, below
            continue
        assert floor_of(other) <= floor_of(own), f"{own} imports {other}, which lies above it"
        if own.startswith("drawgen.models."):
            assert not other.startswith("drawgen.models."), f"{own} imports {other}: models do not know each other"
        assert not other.startswith("drawgen.cli") or own.startswith(("drawgen.cli", "drawgen.__main__")), (
            f"{own} imports the command line"
        )


def test_the_test_bites(tmp_path):
    """An upward import is seen, also inside a function."""
    file = tmp_path / "x.py"
    file.write_text("def f():\n    from drawgen import cli\n")
    assert imports(file) == {"drawgen.cli"}
    assert floor_of("drawgen.cli") > floor_of("drawgen.nn.spatial_lstm")


def test_environments_do_not_know_drawgen():
    for path in (ROOT / "envs").rglob("*.py"):
        assert not imports(path) - {name for name in imports(path) if name.startswith("drawgen_envs")}


def test_one_file_prints():
    """And what it prints has no control characters in it."""
    for path in FILES:
        if path == PACKAGE / "cli" / "printing.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.Call) and ast.unparse(node.func) == "print"), f"{path} prints"


HEAVY = "torch torchvision skimage numba"
SLOWER = f"{HEAVY} numpy PIL tyro tqdm IPython"


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        ("import drawgen", SLOWER),
        ("import drawgen; dir(drawgen), drawgen.__all__, hasattr(drawgen, 'nothing')", SLOWER),
        ("from drawgen import Interrupted", SLOWER),
        ("import drawgen.models as m; m.listing()", HEAVY),
        ("import drawgen.cli", HEAVY),
    ],
)
def test_light_imports(words, heavy):
    """Neither torch nor torchvision is imported before there is work for them; `import drawgen` itself imports nothing."""
    code = f"import sys; {words}; found = set({heavy.split()}) & set(sys.modules); sys.exit(', '.join(found))"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, encoding="utf-8")
    assert done.stderr.strip() == ""


def test_public_names_and_modules_go_together():
    """A name of the front door hides no module, and modules are imported as ever."""
    code = "import drawgen; from drawgen import images, models; import drawgen.jobs; drawgen.load, drawgen.train, drawgen.training"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    import drawgen

    assert not {path.stem for path in PACKAGE.iterdir()} & set(drawgen.__all__)


def test_no_shelf_for_odds_and_ends():
    """Names that become the biggest room of a house."""
    banned = {"utils", "common", "misc", "engine", "helpers"}
    assert not banned & {path.stem for path in (*FILES, *(ROOT / "envs").rglob("*.py"))}

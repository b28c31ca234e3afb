"""Compiled functions: where they are kept, and that they run where they cannot be."""

import errno
import os
import pwd
import runpy
from pathlib import Path

import pytest
from drawgen_envs import compiling_cpu
from drawgen_envs.compiling_cpu import private_folder
from numba import config
from numba.core.caching import IndexDataCacheFile

ROOT = Path(__file__).parent.parent.parent
SOURCE = "from drawgen_envs.compiling_cpu import compiled\n\n\n@compiled()\ndef double(x):\n    return 2 * x\n"


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A module with a compiled function, nowhere but among temporary files a place to keep it, and a working folder."""
    for name in ("code", "temporary", "work"):
        (tmp_path / name).mkdir()
    (tmp_path / "code" / "loops.py").write_text(SOURCE)
    (tmp_path / "code" / "__pycache__").write_text("a file, where root could not be kept out of a folder")
    monkeypatch.setattr(config, "CACHE_DIR", "")
    for name in ("XDG_CACHE_HOME", "IPYTHONDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def double(places):
    """The function as a new process would make it, called once."""
    function = runpy.run_path(str(places / "code" / "loops.py"))["double"]
    assert function(21) == 42
    return function


def test_all_compiled_functions_are_kept_in_one_way():
    for path in [*ROOT.glob("drawgen/**/*.py"), *ROOT.glob("envs/**/*.py")]:
        text = path.read_text()
        assert path.name == "compiling_cpu.py" or not any(word in text for word in ("import njit", "numba.njit(", "jit(")), path


def test_beside_the_source(places):
    (places / "code" / "__pycache__").unlink()
    double(places)
    assert any(name.startswith(".nb") for name in {path.suffix for path in (places / "code" / "__pycache__").iterdir()})
    assert not list((places / "temporary").iterdir())
    assert sum(double(places).stats.cache_hits.values()) == 1


def test_among_temporary_files(places):
    assert not double(places).stats.cache_hits
    (folder,) = (places / "temporary").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert sum(double(places).stats.cache_hits.values()) == 1
    assert config.CACHE_DIR == ""  # other people's functions stay where they were


def test_nowhere(places, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(places / "missing"))
    assert not double(places).stats.cache_hits
    assert not double(places).stats.cache_hits
    assert sorted(path.name for path in places.iterdir()) == ["code", "temporary", "work"]


def test_without_a_home_no_folder_is_named_so(places, monkeypatch):
    """numba takes "~" for a folder's name where the user has neither HOME nor a name."""

    def unknown(uid):
        raise KeyError(uid)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    double(places)
    assert sum(double(places).stats.cache_hits.values()) == 1
    assert not list((places / "work").iterdir())

    monkeypatch.setattr(config, "CACHE_DIR", str(places / "given"))  # NUMBA_CACHE_DIR goes before it
    assert not double(places).stats.cache_hits
    assert list((places / "given").rglob("*.nbi"))

    monkeypatch.setattr(config, "CACHE_DIR", "/dev/null/given")
    assert sum(double(places).stats.cache_hits.values()) == 1
    assert not list((places / "work").iterdir())


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_damaged_files_are_compiled_again(places, ending):
    double(places)
    files = list((places / "temporary").rglob(f"*.{ending}"))
    assert files
    for file in files:
        file.write_bytes(file.read_bytes()[:-9])
    assert not double(places).stats.cache_hits
    assert sum(double(places).stats.cache_hits.values()) == 1


def test_a_full_disk(places, monkeypatch):
    """What could not be written is not named by the index: another version's file may lie in its place."""

    def full(self, name, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(IndexDataCacheFile, "_save_data", full)
        double(places)
    (index,) = (places / "temporary").rglob("*.nbi")
    (index.parent / index.name.replace(".nbi", ".1.nbc")).write_bytes(b"stale")
    assert not double(places).stats.cache_hits
    assert sum(double(places).stats.cache_hits.values()) == 1


# ---------------------------------------------------------------- nobody else's folder


def test_a_private_folder_stays(places):
    folder = private_folder()
    assert folder == places / "temporary" / f"drawgen-numba-{os.geteuid()}"
    assert private_folder() == folder


def spoil_by_link(folder):
    (folder.parent.parent / "theirs").mkdir(mode=0o700)
    folder.symlink_to(folder.parent.parent / "theirs")


def spoil_by_mode(folder):
    folder.mkdir()
    folder.chmod(0o770)


def spoil_by_parent(folder):
    folder.parent.chmod(0o777)  # without the sticky bit others can move it away


def spoil_by_file(folder):
    folder.write_text("")


@pytest.mark.parametrize("spoil", [spoil_by_link, spoil_by_mode, spoil_by_parent, spoil_by_file])
def test_what_others_can_reach_is_not_trusted(places, spoil):
    spoil(places / "temporary" / f"drawgen-numba-{os.geteuid()}")
    assert private_folder() is None
    assert not double(places).stats.cache_hits


def test_without_owners_no_folder_is_trusted(places, monkeypatch):
    """Where files have none, as on Windows, each process compiles for itself."""
    monkeypatch.delattr(compiling_cpu.os, "geteuid")
    assert private_folder() is None
    assert not double(places).stats.cache_hits
    assert not list((places / "temporary").iterdir())


def test_another_owner_is_not_trusted(places, monkeypatch):
    mine = os.geteuid()
    (places / "temporary").chmod(0o1777)
    monkeypatch.setattr(compiling_cpu.os, "geteuid", lambda: mine + 1)
    (places / "temporary" / f"drawgen-numba-{mine + 1}").mkdir(mode=0o700)
    assert private_folder() is None

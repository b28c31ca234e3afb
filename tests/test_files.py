"""Files: written whole or not at all, locked against a second run, read without waiting."""

import errno
import io
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from drawgen import files
from drawgen.files import StorageError

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# ---------------------------------------------------------------- writing


def test_write_atomically_makes_and_replaces(tmp_path):
    for content in (b"one", b"", b"three" * 1000):
        files.write_atomically(tmp_path / "a.bin", content)
        assert (tmp_path / "a.bin").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


class FullFile(io.FileIO):
    """A file on a disk that has room for two bytes more."""

    def write(self, data):
        super().write(bytes(data)[:2])
        full()


@pytest.mark.parametrize("existed", [True, False])
@pytest.mark.parametrize("where", ["open", "write", "fsync", "replace"])
def test_full_disk_leaves_what_was_there(tmp_path, monkeypatch, where, existed):
    """Whichever operation fails: the old content, no temporary file, and one sentence with the file and the mend."""
    path = tmp_path / "a.bin"
    if existed:
        path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        if where == "open":
            patch.setattr("builtins.open", full)
        if where == "write":
            patch.setattr("builtins.open", lambda name, mode: FullFile(name, mode))
        if where == "fsync":
            patch.setattr(os, "fsync", full)
        if where == "replace":
            patch.setattr(Path, "replace", full)
        with pytest.raises(StorageError) as caught:
            files.write_atomically(path, b"new content")
    assert str(path) in str(caught.value)
    assert "free some space" in str(caught.value)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == ([("a.bin", b"old")] if existed else [])


def test_ctrl_c_while_writing_leaves_no_temporary_file(tmp_path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    (tmp_path / "a.bin").write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            files.write_atomically(tmp_path / "a.bin", b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.bin", b"old")]


def test_folder_that_cannot_be_flushed_is_no_error(tmp_path, monkeypatch):
    """Network drives refuse to flush a folder; the file is in place by then."""
    flush = os.fsync

    def refuse_folders(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        flush(handle)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    files.write_atomically(tmp_path / "a.bin", b"new")
    assert (tmp_path / "a.bin").read_bytes() == b"new"


def test_absent_folder_is_named(tmp_path):
    with pytest.raises(StorageError, match="none"):
        files.write_atomically(tmp_path / "none" / "a.bin", b"")


@pytest.mark.skipif(AS_ROOT, reason="root may write everywhere")
def test_read_only_folder_is_named(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(StorageError, match="closed"):
        files.write_atomically(tmp_path / "closed" / "a.bin", b"")
    with (
        pytest.raises(ValueError, match=r"closed.*cannot be used .*choose another"),
        files.locked(tmp_path / "closed" / "run"),
    ):
        pass


def test_leftovers_of_killed_runs_are_removed(tmp_path):
    for name in (".state-00000001.pt.123.tmp", "state-00000001.pt", ".hidden", "a.tmp"):
        (tmp_path / name).touch()
    files.remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"state-00000001.pt", ".hidden", "a.tmp"}


# ---------------------------------------------------------------- locks

HOLD = """
import sys, time
from pathlib import Path
from drawgen.files import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_second_run_is_kept_out_until_the_first_dies(tmp_path):
    """The lock belongs to a process: killed without mercy, it leaves no lock behind."""
    folder = tmp_path / "run"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "held\n"
            with (
                pytest.raises(ValueError, match=r"another run is writing to .*run; wait for it or choose"),
                files.locked(folder),
            ):
                pass
        finally:
            holder.kill()
            holder.wait()
        with files.locked(folder):
            pass
    with files.locked(folder):  # and given back at the end of the block
        pass


def test_lock_needs_a_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="file cannot be used"), files.locked(tmp_path / "file"):
        pass


# ---------------------------------------------------------------- reading


def test_a_pipe_is_refused_at_once(tmp_path):
    """Nobody writes to it: reading would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="it is a pipe or a device, not a file"):
        files.read_bytes(tmp_path / "pipe")
    with pytest.raises(OSError, match="it is a pipe or a device"):
        files.read_bytes(Path("/dev/zero"))
    with pytest.raises(IsADirectoryError):
        files.read_bytes(tmp_path)


def test_standard_input_is_read_as_it_comes():
    """By its name, as shells hand it over."""
    code = "import sys; from pathlib import Path; from drawgen import files; print(len(files.read_bytes(Path(sys.argv[1]))))"
    for name in ("/dev/stdin", "/dev/fd/0"):
        done = subprocess.run([sys.executable, "-c", code, name], input=b"x" * 100_000, capture_output=True, check=True)
        assert done.stdout == b"100000\n"


def test_no_more_is_read_than_wanted(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    assert files.read_bytes(tmp_path / "a", 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        files.read_bytes(tmp_path / "a", 4)


def test_what_systems_leave_in_folders_is_passed_over(tmp_path):
    for name in ("b.PNG", "a.png", "._a.png", "Thumbs.db", "c.txt", "__MACOSX/d.png", ".ipynb_checkpoints/e.png", "sub/f.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "sub" / "round").symlink_to(tmp_path)

    def names(**how):
        return [str(path.relative_to(tmp_path)) for path in files.files_in(tmp_path, {".png"}, **how)]

    assert names() == ["a.png", "b.PNG"]
    assert names(deep=True) == ["a.png", "b.PNG", "sub/f.png"]


def test_names_that_the_system_does_not_take_are_no_files(tmp_path):
    (tmp_path / "a").touch()
    assert files.is_file(tmp_path / "a")
    assert files.is_folder(tmp_path)
    for name in ("x" * 300, "a\0", "nothing"):
        assert not files.is_file(tmp_path / name)
        assert not files.is_folder(str(tmp_path / name))

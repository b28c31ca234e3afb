"""Files: written whole or not at all, locked against a second run, read without waiting."""

import errno
import io
import os
import stat
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

from drawgen import files
from drawgen.files import StorageError

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def denied(*args, **kwargs):
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


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


def test_folder_that_cannot_be_opened_is_no_error(tmp_path, monkeypatch):
    """As on Windows."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", denied)
        files.write_atomically(tmp_path / "a.bin", b"new")
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize(("system", "times"), [("nt", 2), ("nt", 99), ("posix", 1)])
def test_a_file_that_is_held_open_is_tried_again_on_windows(tmp_path, monkeypatch, system, times):
    """By a virus scanner or a viewer, for a moment: at most so long, and never elsewhere."""
    replace, refusals, waited = Path.replace, iter(range(times)), []

    def held(self, target):
        if next(refusals, None) is not None:
            denied()
        return replace(self, target)

    (tmp_path / "a.bin").write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", held)
        patch.setattr(time, "sleep", waited.append)
        patch.setattr(os, "name", system)
        if (system, times) == ("nt", 2):
            files.write_atomically(tmp_path / "a.bin", b"new")
        else:
            with pytest.raises(StorageError, match="Permission denied"):
                files.write_atomically(tmp_path / "a.bin", b"new")
    assert (tmp_path / "a.bin").read_bytes() == (b"new" if waited == [0.01, 0.1] else b"old")
    assert sum(waited) < 1
    assert names(tmp_path) == ["a.bin"]


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


# ---------------------------------------------------------------- what a person named


def no_links(*names):
    raise NotImplementedError("os.link")


@pytest.mark.parametrize("link", [os.link, denied, no_links])
def test_a_file_that_appeared_meanwhile_is_kept_and_so_is_the_work(tmp_path, monkeypatch, link):
    """Also where the disk, or the system, knows no hard links."""
    monkeypatch.setattr(os, "link", link)
    path = tmp_path / "a.png"
    files.write_output(path, b"first", replace=False)
    for number in (1, 2):
        with pytest.raises(StorageError, match=rf"a\.png has appeared meanwhile .* is in .*a-{number}\.png$"):
            files.write_output(path, b"second", replace=False)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == {
        "a.png": b"first", "a-1.png": b"second", "a-2.png": b"second",
    }  # fmt: skip
    files.write_output(path, b"third", replace=True)
    assert path.read_bytes() == b"third"


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("where", ["fsync", "rename"])
def test_full_disk_leaves_a_person_s_file_and_nothing_beside_it(tmp_path, monkeypatch, where, replace):
    if replace:
        (tmp_path / "a.png").write_bytes(b"old")
    with monkeypatch.context() as patch:
        if where == "fsync":
            patch.setattr(os, "fsync", full)
        else:
            patch.setattr(os, "link", full)
            patch.setattr(Path, "replace", full)
        with pytest.raises(StorageError, match="free some space"):
            files.write_output(tmp_path / "a.png", b"new", replace=replace)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == ([("a.png", b"old")] if replace else [])


@pytest.mark.parametrize("replace", [True, False])
def test_a_link_is_written_through(tmp_path, replace):
    """What it points to is made, or replaced; the link stays."""
    (tmp_path / "there").mkdir()
    (tmp_path / "a.png").symlink_to("there/b.png")
    if replace:
        (tmp_path / "there" / "b.png").write_bytes(b"old")
    files.check_output_path(tmp_path / "a.png", force=replace)
    files.write_output(tmp_path / "a.png", b"new", replace=replace)
    assert (tmp_path / "a.png").is_symlink()
    assert (tmp_path / "there" / "b.png").read_bytes() == b"new"
    assert names(tmp_path) == ["a.png", "there"]


def test_permissions_are_handed_on(tmp_path):
    (tmp_path / "a.png").touch(mode=0o600)
    files.write_output(tmp_path / "a.png", b"new", replace=True)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o600


@pytest.mark.parametrize("length", [247, 255])
@pytest.mark.parametrize("letter", ["n", "é"])
def test_names_as_long_as_they_may_be(tmp_path, length, letter):
    """The temporary name is no longer, and neither is the one beside a file that appeared meanwhile."""
    path = tmp_path / (letter * ((length - 4) // len(letter.encode())) + ".png")
    files.check_output_path(path)
    files.write_output(path, b"one", replace=False)
    with pytest.raises(StorageError, match="is left as it is"):
        files.write_output(path, b"two", replace=False)
    files.write_atomically(path, b"three")
    assert sorted(p.read_bytes() for p in tmp_path.iterdir()) == [b"three", b"two"]


def test_names_where_their_longest_is_not_told(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "pathconf")
    assert files.longest_name(tmp_path) == 255


@pytest.mark.parametrize("name", ["CON.png", "nul.tar.png", "aux .png", "Com1.png", "lpt9", "photo:gravel.png"])
def test_names_of_devices_are_refused_on_windows(tmp_path, monkeypatch, name):
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        with pytest.raises(ValueError, match=r"cannot be the name of a file on Windows; choose another"):
            files.check_output_path(tmp_path / name)
    files.check_output_path(tmp_path / name)


@pytest.mark.parametrize("name", ["console.png", "null.png", "com.png", "a.con", "lpt10.png"])
def test_names_like_those_of_devices_are_good(name):
    assert not files.DEVICES.fullmatch(name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("n" * 256, "too long"),
        ("n" * 300 + "/a", "too long"),
        ("none/a", "does not exist; make it first"),
        ("there/a", "does not exist; make it first"),
        ("folder", "is a folder; give a file name in it"),
        ("there", "exists already; choose another name or give `force`"),
        ("pipe", "is a pipe or a device"),
        ("round", "levels of symbolic links"),
        ("dangling", "none does not exist; make it first"),
        ("read", "is the file that is read"),
    ],
)
def test_check_output_path_refuses(tmp_path, name, words):
    (tmp_path / "folder").mkdir()
    (tmp_path / "there").touch()
    (tmp_path / "read").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "dangling").symlink_to("none/b")
    with pytest.raises(ValueError, match=words) as caught:
        files.check_output_path(tmp_path / name, force=name != "there", sources=["photo:coffee", tmp_path / "read"])
    assert str(caught.value).startswith(str(tmp_path / name))


@pytest.mark.parametrize("name", ["a.png", "symbolic.png", "hard.png", "./a.png"])
def test_what_is_read_is_never_replaced(tmp_path, name):
    (tmp_path / "a.png").touch()
    (tmp_path / "symbolic.png").symlink_to("a.png")
    os.link(tmp_path / "a.png", tmp_path / "hard.png")
    for read in ("a.png", "symbolic.png", "hard.png"):
        with pytest.raises(ValueError, match="is the file that is read"):
            files.check_output_path(tmp_path / name, force=True, sources=[str(tmp_path / read)])


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


def test_lock_where_there_is_no_fcntl(tmp_path, monkeypatch):
    """As on Windows, whose locks msvcrt has."""
    fcntl = pytest.importorskip("fcntl")

    def locking(handle, mode, count):
        assert (mode, count) == ("at once", 1)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(LK_NBLCK="at once", locking=locking))
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with (
        files.locked(tmp_path),
        pytest.raises(ValueError, match="another run is writing"),
        files.locked(tmp_path),
    ):
        pass
    with files.locked(tmp_path):
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


def test_a_folder_that_does_not_open_is_called_one(tmp_path, monkeypatch):
    """Windows says no more than that it is not permitted."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(IsADirectoryError):
        files.read_bytes(tmp_path)
    with pytest.raises(PermissionError):
        files.read_bytes(tmp_path / "file")


def test_reading_where_no_flag_is_for_pipes_and_one_for_bytes(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"one\r\ntwo\x1athree")
    monkeypatch.delattr(os, "O_NONBLOCK")
    monkeypatch.setattr(os, "O_BINARY", 0, raising=False)
    assert files.read_bytes(tmp_path / "a") == b"one\r\ntwo\x1athree"


@pytest.fixture
def standard_input():
    """A function that puts a file, by its handle, in the place of standard input."""
    before = os.dup(0)

    def put(handle):
        os.dup2(handle, 0)
        os.close(handle)

    yield put
    os.dup2(before, 0)
    os.close(before)


def test_standard_input_needs_no_name(tmp_path, standard_input):
    (tmp_path / "a").write_bytes(b"12345")
    standard_input(os.open(tmp_path / "a", os.O_RDONLY))
    assert files.read_standard_input(5) == b"12345"
    reading, writing = os.pipe()
    os.write(writing, b"123456")
    os.close(writing)
    standard_input(reading)
    with pytest.raises(OSError, match="larger than 5 bytes"):
        files.read_standard_input(5)
    standard_input(os.open(os.devnull, os.O_RDONLY))
    with pytest.raises(OSError, match="it is a terminal or a device"):
        files.read_standard_input(5)


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


class Caseless(type(Path())):
    """A path that compares letters without their case, as on Windows."""

    def __lt__(self, other):
        return str(self).lower() < str(other).lower()


def test_what_systems_leave_in_folders_is_passed_over(tmp_path, monkeypatch):
    for name in ("b.PNG", "a.png", "._a.png", "Thumbs.db", "c.txt", "__MACOSX/d.png", ".ipynb_checkpoints/e.png", "sub/f.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "sub" / "round").symlink_to(tmp_path)

    def names(**how):
        return [str(path.relative_to(tmp_path)) for path in files.files_in(tmp_path, {".png"}, **how)]

    assert names() == ["a.png", "b.PNG"]
    (tmp_path / "C.png").touch()
    assert names() == ["C.png", "a.png", "b.PNG"]
    with monkeypatch.context() as patch:
        patch.setattr(files, "Path", Caseless)
        assert names() == ["C.png", "a.png", "b.PNG"]
    (tmp_path / "C.png").unlink()
    assert names(deep=True) == ["a.png", "b.PNG", "sub/f.png"]


def test_names_that_the_system_does_not_take_are_no_files(tmp_path):
    (tmp_path / "a").touch()
    assert files.is_file(tmp_path / "a")
    assert files.is_folder(tmp_path)
    for name in ("x" * 300, "a\0", "nothing"):
        assert not files.is_file(tmp_path / name)
        assert not files.is_folder(str(tmp_path / name))

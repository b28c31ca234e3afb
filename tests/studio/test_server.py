"""The command: ports, folders, and the extra."""

import socket
import sys

import pytest

from drawgen import cli, files
from drawgen.ranges import ArgumentError
from drawgen.studio.server import bound, serve


def test_without_the_extra(tmp_path, monkeypatch, capsys):
    """One sentence says what to install."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert cli.main(["studio", "--folder", str(tmp_path / "new"), "--no-open"]) == 2
    assert capsys.readouterr().err == "drawgen: the studio needs the extra `studio`: pip install 'drawgen[studio]'\n"
    assert not (tmp_path / "new").exists()


def test_ports():
    """One that is taken is refused, or passed over where none was asked for; others cannot reach it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ArgumentError, match="taken"):
            bound(port)
    with bound(None) as one, bound(None) as other:
        assert one.getsockname()[0] == other.getsockname()[0] == "127.0.0.1"
        assert one.getsockname()[1] < other.getsockname()[1]


def test_folders(tmp_path):
    """One studio at a time has a folder, which is no file."""
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="cannot be used"):
        serve(tmp_path / "file", port=0, show=False)
    with files.locked(tmp_path / "studio"), pytest.raises(ValueError, match="another"):
        serve(tmp_path / "studio", port=0, show=False)

"""metrics.jsonl after accidents."""

import json
from pathlib import Path

import pytest

from drawgen.checkpoint import CheckpointError
from drawgen.training.journal import Journal


def opened(folder: Path, step: int) -> Journal:
    return Journal(folder, step=step, finished=False, tensorboard=False)


def test_what_a_power_cut_leaves_is_dropped(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, zeros, half a line, what is JSON and no line of metrics."""
    good = [b'{"step": 1, "loss": 2.0}', b'{"step": 2, "loss": 1.0}']
    bad = [b"\xff\xfe\x80", b"\0" * 40, b"[" * 100_000, b"[1]", b"3", b'{"loss": 1}', b'{"step": "x"}', b'{"step": 1, "lo']
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"\n".join([good[0], *bad[:4], good[1], *bad[4:]]))
    journal = opened(tmp_path, 2)
    journal.write({"step": 3, "loss": 0.5})
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2, 3]


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(CheckpointError, match=r"metrics\.jsonl cannot be read \(Is a directory\); move it away"):
        opened(tmp_path, 2)


def test_it_moves(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    journal = opened(tmp_path / "new", 0)
    journal.write({"step": 1})
    (tmp_path / "new" / "metrics.jsonl").rename(tmp_path / "metrics.jsonl")
    journal.move(tmp_path, 1)
    journal.write({"step": 2})
    journal.close()
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 2

"""Damaged files: every loader reads them or refuses them in one sentence, and the script that tries it often sees what does not."""

import importlib.util
import json
import logging
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parent.parent / "scripts" / "fuzz_loaders.py"
spec = importlib.util.spec_from_file_location("fuzz_loaders", PATH)
fuzz = importlib.util.module_from_spec(spec)
sys.modules["fuzz_loaders"] = fuzz
spec.loader.exec_module(fuzz)

COUNT = 100


@pytest.mark.parametrize("name", list(fuzz.LOADERS))
def test_damaged_files_are_read_or_refused(name, caplog):
    caplog.set_level(logging.CRITICAL)
    tried = fuzz.batch_in_process(name, 0, COUNT)
    wrong = [fault for fault in tried.faults if not fault[1].endswith(" s")]  # tests do not time
    assert not wrong
    assert tried.read + tried.refused == COUNT


@pytest.mark.parametrize("name", list(fuzz.LOADERS))
def test_the_sound_files_are_read(name, tmp_path):
    """Else all would be refused for one reason."""
    for number, seed in enumerate(fuzz.seeds_of(name)):
        folder = tmp_path / str(number)
        folder.mkdir()
        for file, content in seed.files.items():
            (folder / file).write_bytes(content)
        fuzz.LOADERS[name].read(folder, seed.target)


def test_mutations_are_a_function_of_seed_and_number(tmp_path):
    for name in fuzz.LOADERS:
        made = []
        for seed in (0, 0, 1):
            files = []
            for number in range(10):
                target = fuzz.prepare(name, seed, number, tmp_path)
                files.append((tmp_path / target).read_bytes())
            made.append(files)
        assert made[0] == made[1] != made[2]


def spin(folder, name):
    while True:
        pass


def eat(folder, name):
    return [bytes(range(256)) * 2**14 for _ in range(2**30)]


def fail(folder, name):
    raise KeyError("spoilt")


def leave(folder, name):
    fuzz.os._exit(3)


def speak(folder, name):
    raise ValueError("two\nlines")


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (spin, "killed (-24)"),
        (eat, "MemoryError"),
        (fail, "KeyError"),
        (leave, "killed (3)"),
        (speak, "ValueError at"),
        (len, "TypeError"),
    ],
)
def test_the_script_sees_what_is_wrong(monkeypatch, read, words):
    """Whatever a file does to its reader, the next one is read."""
    monkeypatch.setattr(fuzz, "KILL_S", 1 if read is spin else 30)
    monkeypatch.setattr(fuzz, "KILL_MB", 600)
    monkeypatch.setattr(fuzz, "LIMIT_MB", 4)
    text = fuzz.LOADERS["text"].seeds
    turns = iter(range(100))

    def now_and_then(folder, name):
        return read(folder, name) if fuzz.random.Random((folder / name).read_bytes()).random() < 0.5 else next(turns)

    monkeypatch.setitem(fuzz.LOADERS, "text", fuzz.Loader(text, now_and_then))
    tried = fuzz.batch("text", 0, 0, 4 if read is spin else 8)
    assert tried.count == (4 if read is spin else 8)
    assert 0 < tried.read < tried.count
    faults = [why for _, why in tried.faults if not why.endswith((" s", " MB"))]
    assert len(faults) == tried.count - tried.read
    assert {why[: len(words)] for why in faults} == {words}


def test_memory_is_told(monkeypatch):
    monkeypatch.setitem(fuzz.LOADERS, "text", fuzz.Loader(fuzz.LOADERS["text"].seeds, lambda *_: len(bytes(range(256)) * 2**18)))
    monkeypatch.setattr(fuzz, "LIMIT_MB", 50)
    tried = fuzz.batch("text", 0, 0, 2)
    assert [why.endswith(" MB") for _, why in tried.faults] == [True]
    assert tried.worst_mb > 50


def test_the_log_is_gone_on_with(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fuzz, "BATCH", 5)
    monkeypatch.setattr(fuzz.torch, "set_num_threads", lambda count: None)
    monkeypatch.setattr(fuzz.logging, "disable", lambda level: None)
    log, out = tmp_path / "log.jsonl", tmp_path / "table.md"
    words = ["fuzz", "--loader", "text", "--loader", "idx", "--log", str(log), "--out", str(out)]
    for count in (5, 10, 10):
        monkeypatch.setattr(sys, "argv", [*words, "--count", str(count)])
        assert fuzz.main() == 0
    assert [(row["loader"], row["first"]) for row in map(json.loads, log.read_text().splitlines())] == [
        ("text", 0), ("idx", 0), ("text", 5), ("idx", 5),
    ]  # fmt: skip
    assert "| all | 20 |" in out.read_text()
    monkeypatch.setattr(sys, "argv", [*words, "--count", "1000000", "--minutes", "0"])
    assert fuzz.main() == 0
    capsys.readouterr()

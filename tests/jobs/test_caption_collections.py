"""Captions of folders in tables and in text files: what is written, what an interruption leaves, what is refused."""

import csv
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from command_line import contents, refused, run
from PIL import Image

import drawgen
from drawgen import cli, files, jobs, models
from drawgen.data.captions import Captioned
from drawgen.images import ImageError
from drawgen.jobs import caption_collections, caption_tables, captions
from drawgen.ranges import ArgumentError

COUNT = 37
"""Pictures that can be read: three batches, the last one short."""


@pytest.fixture(scope="session")
def captioner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("captioner") / "run"
    jobs.train("captioner", models.recipe("captioner", "tiny"), folder, preset="tiny")
    return str(folder)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with pictures, in one of which the pictures lie deeper; one is damaged, and others are no pictures."""
    monkeypatch.chdir(tmp_path)
    Path("photos/more").mkdir(parents=True)
    noise = np.random.default_rng(0)
    for n in range(COUNT):
        pixels = noise.integers(0, 256, (1, 1, 3)) * np.ones((32, 32, 1)) + noise.integers(-20, 20, (32, 32, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(f"photos/{'more/' if n > 30 else ''}{n:02d}, a.png")
    Path("photos/05-damaged.jpg").write_text("text")
    for name in ("film.mp4", "notes.doc", ".hidden.png"):
        Path("photos", name).write_bytes(b"\0\0\0\x18ftypmp42")
    return tmp_path


def rows(path):
    return list(csv.reader(Path(path).read_text(encoding="utf-8").splitlines()))


# ---------------------------------------------------------------- what is written


def test_a_table(here, capsys, captioner):
    """In the order of the pictures, named from the table's folder; what is no picture is passed over, what is damaged told."""
    Path("new").mkdir()
    status, out, err = run(capsys, "caption", "photos", "-o", "new/captions.csv", "--model", captioner)
    assert (status, out) == (0, "")
    assert f"new/captions.csv: captions of {COUNT} pictures\n" in err
    assert "1 of 38 pictures were left out" in err
    assert "05-damaged.jpg" in err
    assert "film" not in err
    header, *told = rows("new/captions.csv")
    assert header == ["picture", "caption", "score", "model", "doubt"]
    plain = {Path(one.picture).name: one for one in drawgen.load(captioner).caption("photos")}
    assert [Path(row[0]).name for row in told] == list(plain)
    for name, text, score, model, doubt in told:
        one = plain[Path(name).name]
        assert name == f"../{Path(one.picture).as_posix()}"
        assert (text, model, doubt) == (one.text, captioner, "")
        assert float(score) == pytest.approx(one.score, abs=1e-3)


def test_several_captions(here, captioner):
    jobs.caption_files("photos", "c.csv", n=3, model=captioner)
    _, *told = rows("c.csv")
    assert len(told) == 3 * COUNT
    assert [row[0] for row in told[:3]] == ["photos/00, a.png"] * 3
    scores = [float(row[2]) for row in told[:3]]
    assert scores == sorted(scores, reverse=True)
    jobs.caption_files(["photos"], "c.jsonl", n=3, model=captioner)
    lines = [json.loads(line) for line in Path("c.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(one["picture"], *(c["caption"] for c in one["captions"])) for one in lines] == [
        (told[n][0], told[n][1], told[n + 1][1], told[n + 2][1]) for n in range(0, len(told), 3)
    ]
    assert {tuple(one) for one in lines} == {("picture", "captions", "model", "doubt")}


def test_a_text_file_beside_each(here, capsys, captioner):
    status, out, err = run(capsys, "caption", "photos", "--sidecar", "--model", captioner, "-n", 2)
    assert (status, out) == (0, "")
    assert f"text files beside them: captions of {COUNT} pictures" in err
    for one in drawgen.load(captioner).caption("photos", n=2):
        text = Path(one.picture).with_suffix(".txt").read_text(encoding="utf-8")
        assert text == "".join(f"{caption.text}\n" for caption in one.captions)
    assert len(list(Path("photos").rglob("*.txt"))) == COUNT


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_what_is_written_can_be_trained_on(here, captioner, ending):
    """From the table's folder, wherever that is, and with names that have commas."""
    for out in (Path("photos/captions"), Path("new/captions")):
        out = out.with_suffix(f".{ending}")
        out.parent.mkdir(exist_ok=True)
        jobs.caption_files("photos", out, model=captioner, n=2)
        data = Captioned(path=str(out), held_out=0.0)
        entries = {Path(entry.picture).name: entry for entry in data.part("train")}
        assert len(entries) == COUNT
        for one in drawgen.load(captioner).caption("photos", n=2):
            entry = entries[Path(one.picture).name]
            assert Path(entry.picture).samefile(one.picture)
            assert entry.captions == [caption.text for caption in one.captions]
        out.unlink()


def test_from_python(here, captioner):
    """The result of `caption` writes the same files."""
    found = drawgen.load(captioner).caption("photos", n=2)
    for name in ("c.csv", "c.jsonl"):
        found.save(name)
        assert Path(name).read_bytes().count(b"\n") == (2 * COUNT + 1 if name == "c.csv" else COUNT)
        assert caption_tables.read_back(Path(name)).keys() == {Path(one.picture).as_posix() for one in found}
        with pytest.raises(ImageError, match="exists already"):
            found.save(name)
        before = Path(name).read_bytes()
        jobs.caption_files("photos", name, n=2, model=captioner, force=True)
        assert Path(name).read_bytes() == before
    drawgen.load(captioner).caption(Image.new("L", (9, 9))).save("one.csv")
    assert rows("one.csv")[1][0] == "picture 1"


def test_names_of_pictures(here):
    """Relative where there is a way; odd ones survive."""
    assert caption_tables.name_in("photos/00, a.png", Path("c.csv")) == "photos/00, a.png"
    assert caption_tables.name_in(str(here / "photos/00, a.png"), Path("photos/c.csv")) == "00, a.png"
    assert caption_tables.name_in("photo:coffee", Path("c.csv")) == "photo:coffee"
    Path("link").symlink_to(here / "photos")
    assert caption_tables.name_in("link/00, a.png", Path("link/c.csv")) == "00, a.png"
    assert caption_tables.name_in("photos/00, a.png", Path("/c.csv")) == (here / "photos/00, a.png").as_posix()[1:]


@pytest.mark.parametrize("name", ['a "b".png', "two\nlines.png", "é ü.png", "\udcff.png", "; tab\t.png", "c\rr.png"])
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_odd_names(here, captioner, name, ending):
    try:
        Image.new("RGB", (32, 32), "red").save(Path("photos/more") / name)
    except (OSError, UnicodeError):
        pytest.skip("no such names here")
    out = Path(f"c.{ending}")
    jobs.caption_files("photos/more", out, model=captioner)
    before = out.read_bytes()
    assert before.decode()
    assert jobs.caption_files("photos/more", out, model=captioner, resume=True)[:2] == (0, COUNT - 31 + 1)
    assert out.read_bytes() == before
    assert len(caption_tables.read_back(out)) == COUNT - 31 + 1


def test_a_picture_has_one_row(here, captioner):
    """However often and under whatever name it is given."""
    done = jobs.caption_files(["photos/00, a.png", "./photos/00, a.png", here / "photos" / "00, a.png"], "c.csv", model=captioner)
    assert (done.found, len(rows("c.csv"))) == (1, 2)


# ---------------------------------------------------------------- interruptions


def interrupting(monkeypatch, after, number):
    """The signal comes while a caption is written."""
    for place in (caption_collections.Table, caption_collections.Sidecars):
        write = place.write
        told = []

        def writing(self, described, write=write, told=told):
            write(self, described)
            told.append(described)
            if len(told) == after:
                os.kill(os.getpid(), number)

        monkeypatch.setattr(place, "write", writing)


@pytest.mark.parametrize("where", [["-o", "c.csv"], ["-o", "c.jsonl"], ["--sidecar"]])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", [1, 20])
def test_an_interruption_keeps_what_was_found(here, capsys, captioner, monkeypatch, where, number, after):
    """It goes on to the same files, though the interruption was amid a batch, and only what is missing is captioned."""
    words = ["caption", "photos", *where, "--model", captioner, "-n", "2"]
    assert cli.main(words) == 0
    whole = contents(here)
    for path in here.rglob("*"):
        if path.suffix in (".txt", ".csv", ".jsonl"):
            path.unlink()
    with monkeypatch.context() as patch:
        interrupting(patch, after, number)
        status, _, err = run(capsys, *words)
    assert status == 128 + number
    assert f"{after} of 38 pictures" in err
    assert "the same command with --resume adds the others" in err
    refused(capsys, here, " ".join(words), "exists already; replace it with --force, or add")
    shares = []
    out = None if where == ["--sidecar"] else where[1]
    done = jobs.caption_files("photos", out, sidecar=out is None, n=2, model=captioner, resume=True, progress=shares.append)
    assert (done.found, done.kept, list(done.left_out)) == (COUNT - after, after, [str(Path("photos/05-damaged.jpg"))])
    assert contents(here) == whole
    assert shares[0] == after / 38
    assert shares == sorted(shares)
    assert jobs.caption_files("photos", out, sidecar=out is None, n=2, model=captioner, resume=True).kept == COUNT


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_kill_at_any_byte(here, captioner, ending, monkeypatch):
    """What a file is cut to goes on to the same file."""
    out = Path(f"c.{ending}")
    options = {"n": 2, "model": captioner, "beams": 2}
    jobs.caption_files("photos/more", out, **options)
    whole = out.read_bytes()
    found = list(captions.caption(captioner, captions.pictures_in(["photos/more"]), beams=2, n=2))
    monkeypatch.setattr(captions, "caption", lambda *_, **__: iter(found))
    step = max(1, len(whole) // 60)
    for size in range(0, len(whole) + 1, step):
        out.write_bytes(whole[:size])
        jobs.caption_files("photos/more", out, **options, resume=True)
        assert out.read_bytes() == whole


def test_nothing_is_captioned_twice(here, captioner, monkeypatch):
    """Where all is there the model is not even loaded; a picture that cannot be read is told again."""
    jobs.caption_files("photos", "c.csv", model=captioner)
    monkeypatch.setattr(captions, "caption", lambda *_, **__: pytest.fail("captioned"))
    with pytest.raises(pytest.fail.Exception):
        jobs.caption_files("photos", "d.csv", model=captioner)


def test_new_pictures_take_their_places(here, captioner):
    """Pictures that were added since, and one that is gone: its row stays, in front."""
    jobs.caption_files("photos", "whole.csv", model=captioner)
    Path("photos/00, a.png").rename("photos/zz.png")
    Path("photos/20, a.png").rename("20.png")
    jobs.caption_files("photos", "c.csv", model=captioner)
    Path("20.png").rename("photos/20, a.png")
    Path("photos/01, a.png").unlink()
    done = jobs.caption_files("photos", "c.csv", model=captioner, resume=True)
    assert done[:2] == (1, COUNT - 2)
    names = [row[0] for row in rows("c.csv")[1:]]
    expected = [row[0] for row in rows("whole.csv")[3:]]
    inside = [name for name in expected if "more" not in name]
    assert names == ["photos/01, a.png", *inside, *[name for name in expected if "more" in name], "photos/zz.png"]


def test_another_model_or_number_is_noticed(here, capsys, captioner, tmp_path):
    jobs.caption_files("photos", "c.csv", model=captioner)
    words = "caption photos -o c.csv --resume"
    refused(capsys, here, f"{words} --model captioner", "--model is captioner, and c.csv has captions by ")
    refused(capsys, here, words, "--model is not given, and c.csv has captions by ")
    refused(capsys, here, f"{words} -n 2 --model {captioner}", "-n is 2, and c.csv has 1 captions of ")


def test_what_is_not_ours_is_left(here, capsys, captioner):
    Path("photos/00, a.txt").write_text("my own words")
    words = f"caption photos --sidecar --model {captioner}"
    refused(capsys, here, words, "00, a.txt exists already; replace it with --force")
    jobs.caption_files("photos", sidecar=True, model=captioner, resume=True)
    assert Path("photos/00, a.txt").read_text() == "my own words"
    jobs.caption_files("photos", sidecar=True, model=captioner, force=True)
    assert Path("photos/00, a.txt").read_text() != "my own words"
    for text, told in [
        ("picture,caption\na.jpg,a dog\n", "is no table of captions"),
        ("picture,caption,score,model,doubt\na.png,a dog,0,x\nb.png,a,0,x,\n", "c.csv, line 2, has not the columns"),
    ]:
        Path("c.csv").write_text(text)
        refused(capsys, here, f"caption photos -o c.csv --resume --model {captioner}", told)
    for line in ('{"picture": "a.png"}', '{"picture": ["a.png"], "captions": [], "model": "x"}'):
        Path("c.jsonl").write_text(f'{line}\n{{"picture": "b.png"}}\n')
        refused(capsys, here, f"caption photos -o c.jsonl --resume --model {captioner}", "c.jsonl, line 1, is not the JSON")


def test_two_pictures_of_one_stem(here, capsys, captioner):
    """Refused before anything is written; a camera's raw file beside its JPEG is no second picture."""
    Image.new("RGB", (32, 32)).save("photos/x.jpg")
    Path("photos/x.cr2").write_bytes(b"II*\0\x10\0\0\0CR\2\0")
    assert jobs.caption_files(["photos/x.jpg", "photos/x.cr2"], sidecar=True, model=captioner)[:2] == (1, 0)
    done = jobs.caption_files(["photos/x.cr2", "photos/x.jpg"], sidecar=True, model=captioner, resume=True)
    assert (done.found, done.kept, len(done.left_out)) == (0, 1, 1)
    Path("photos/x.txt").unlink()
    Image.new("RGB", (32, 32)).save("photos/x.png")
    refused(capsys, here, f"caption photos --sidecar --model {captioner}", "x.jpg and ", "x.png would both have their caption in")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("photos -o c.txt", "c.txt has no known ending; use one of .csv .jsonl"),
        ("photos -o c.json", "-o c.json is the results file of --coco FILE; captions of other pictures go to .csv or .jsonl"),
        ("photos -o c.csv --sidecar", "--sidecar and --output are two places"),
        ("photos -o c.csv --resume --force", "--resume keeps the captions"),
        ("photos -o c.csv --attention x.png", "--attention draws"),
        ("photos --sidecar --json", "--json is for captions that are printed"),
        ("photos --resume", "--resume adds captions to files"),
        ("photos -o absent/c.csv", "the folder absent does not exist"),
        ("photos -o c.csv -n 9", "-n is 9"),
        ("photos -o c.csv --strict", "05-damaged.jpg"),
        ("photos/05-damaged.jpg -o c.csv", "no picture could be read"),
        ("photos/film.mp4 -o c.csv", "film.mp4 is a film; take a frame out of it"),
        ("photo:coffee --sidecar", "photo:coffee is no file"),
        ("--sidecar --coco c.json -o r.json", "--coco writes one results file"),
    ],
)
def test_refusals(here, capsys, captioner, words, told):
    refused(capsys, here, f"caption {words} --model {captioner}", told)


def test_refusals_from_python(here, captioner):
    with pytest.raises(ArgumentError, match="sidecar and `output` are two places"):
        jobs.caption_files("photos")
    with pytest.raises(ValueError, match="a Image has none"):
        jobs.caption_files(Image.new("L", (9, 9)), "c.csv")


# ---------------------------------------------------------------- pictures of all kinds


def test_pictures_of_all_kinds(here, capsys, captioner):
    """Grey, CMYK, alpha, palettes, 16 bits, tiny and thin ones; films are passed over in folders, and refused by name."""
    folder = here / "kinds"
    folder.mkdir()
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        Image.new(mode, (40, 30)).save(folder / f"{mode.replace(';', '')}.png")
    Image.new("CMYK", (40, 30)).save(folder / "cmyk.jpg")
    for width, height in ((1, 1), (2, 3000), (3000, 2)):
        Image.new("RGB", (width, height), "teal").save(folder / f"{width}x{height}.png")
    for name, head in {
        "a.mp4": b"\0\0\0\x18ftypisom", "b.mov": b"\0\0\0\x08wide\0\0\0\0mdat", "c.avi": b"RIFF\0\0\0\0AVI LIST",
        "d.mkv": b"\x1aE\xdf\xa3", "e.wmv": b"0&\xb2u\x8ef\xcf\x11", "f.mpg": b"\0\0\1\xb3",
    }.items():  # fmt: skip
        (folder / name).write_bytes(head + bytes(64))
        with pytest.raises(ImageError, match=rf"{name} is a film; take a frame out of it, as PNG or JPEG$"):
            jobs.caption_files(folder / name, "film.csv", model=captioner)
    (folder / "empty.png").touch()
    done = jobs.caption_files("kinds", "c.csv", model=captioner)
    assert (done.found, [Path(name).name for name in done.left_out]) == (11, ["empty.png"])


def test_doubt_is_written_and_told(here, capsys, captioner, monkeypatch):
    caption = captions.caption

    def doubting(*words, **options):
        return (one._replace(doubt='it is "odd", very') for one in caption(*words, **options))

    monkeypatch.setattr(captions, "caption", doubting)
    status, _, err = run(capsys, "caption", "photos/00, a.png", "-o", "c.csv", "--model", captioner)
    assert status == 0
    assert "c.csv: captions of 1 picture\n1 of the new captions is doubtful; `doubt` in the file says why\n" in err
    assert rows("c.csv")[1][4] == 'it is "odd", very'


def test_without_a_model_each_picture_has_the_captioner_that_knows_its_kind(here, capsys):
    """In files as in the terminal."""
    status, out, _ = run(capsys, "caption", "photo:chelsea", "photos/00, a.png")
    assert status == 0
    status, _, _ = run(capsys, "caption", "photo:chelsea", "photos/00, a.png", "-o", "c.csv")
    assert status == 0
    _, *told = rows("c.csv")
    assert [f"{row[0]}\t{row[1]}" for row in told] == out.splitlines()
    assert told[0][3] == "captioner:photos"
    assert jobs.caption_files(["photo:chelsea", "photos/00, a.png"], "c.csv", resume=True).kept == 2


def test_two_processes_on_one_table(captioner, here):
    """The second is refused; the file may be written when the first is done."""
    with (
        files.reserved(Path("a.csv")),
        pytest.raises(ValueError, match=r"another process is writing a\.csv; wait for it, or choose"),
    ):
        jobs.caption_files("photos", "a.csv", model=captioner)
    assert not Path("a.csv").exists()
    jobs.caption_files("photos", "a.csv", model=captioner)
    assert Path("a.csv").exists()

"""drawgen paint."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from command_line import refused, run
from PIL import Image

PAINT = "paint photo.png -o new.png --strokes 5 --detail-px 32"
TRIANGLES = "paint photo.png -o new.png --triangles 12 --detail-px 32"


@pytest.fixture
def quick(monkeypatch):
    """Paintings of few steps."""
    from drawgen.strokes import placing

    monkeypatch.setattr(placing, "ROUNDS", tuple(part._replace(steps=2) for part in placing.ROUNDS))


@pytest.fixture
def few(monkeypatch):
    """Triangles in few steps."""
    from drawgen.strokes import triangles

    monkeypatch.setattr(triangles, "STEPS", 20)


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "gif", "apng", "mp4", "svg", "json"])
def test_paint_is_the_same_file_for_the_same_seed(capsys, here, quick, ending):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        line = f"paint photo:coffee -o {name}.{ending} --strokes 5 --detail-px 32 --size 60x40 --seed {seed}"
        assert run(capsys, *line.split())[:2] == (0, f"{name}.{ending}\n")
    first, again, other = (Path(f"{name}.{ending}").read_bytes() for name in "abc")
    assert first == again
    assert first != other
    if ending not in ("svg", "json", "mp4"):
        with Image.open(f"a.{ending}") as picture:
            assert picture.size == (60, 40)
            assert getattr(picture, "n_frames", 1) == (6 if ending in ("gif", "apng") else 1)


def test_paint_again_from_strokes(capsys, here, quick):
    """The very same file as from the photograph, at any size; as an animation too."""
    assert run(capsys, *["paint", "photo:coffee", "-o", "a.json", "--strokes", "5", "--detail-px", "32"])[0] == 0
    for file in ("a.png", "a.svg", "a.gif"):
        assert run(capsys, *f"paint a.json -o {file}".split())[0] == 0
        assert run(capsys, *f"paint photo:coffee -o b{file} --strokes 5 --detail-px 32".split())[0] == 0
        assert Path(file).read_bytes() == Path("b" + file).read_bytes()
    assert run(capsys, *["paint", "a.json", "-o", "large.webp", "--size", "300x200", "--animate"])[0] == 0
    with Image.open("large.webp") as picture:
        assert (picture.size, picture.n_frames) == ((300, 200), 6)
    with Image.open("a.png") as picture:
        assert max(picture.size) == 1024
    refused(capsys, here, "paint a.json -o new.png --size 300x300", "another aspect than --size 300x300")
    refused(capsys, here, "paint a.json -o new.png --strokes 9", "is painted already; leave --strokes out")
    refused(capsys, here, "paint a.json -o new.png --least-radius 1", "leave --least-radius out")


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "svg", "json"])
def test_triangles_are_the_same_file_for_the_same_seed(capsys, here, few, ending):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        line = f"paint photo:coffee -o {name}.{ending} --triangles 12 --detail-px 32 --size 60x40 --seed {seed}"
        assert run(capsys, *line.split())[:2] == (0, f"{name}.{ending}\n")
    first, again, other = (Path(f"{name}.{ending}").read_bytes() for name in "abc")
    assert first == again
    assert first != other
    if ending in ("png", "jpg", "gif"):
        with Image.open(f"a.{ending}") as picture:
            assert picture.size == (60, 40)
            assert (getattr(picture, "n_frames", 1) > 3) == (ending == "gif")


def test_triangles_again_from_a_file(capsys, here, few):
    """The very same file as from the photograph, at any size."""
    assert run(capsys, *["paint", "photo:coffee", "-o", "a.json", "--triangles", "12", "--detail-px", "32"])[0] == 0
    for file in ("a.png", "a.svg", "a.gif"):
        assert run(capsys, *f"paint a.json -o {file}".split())[0] == 0
        assert run(capsys, *f"paint photo:coffee -o b{file} --triangles 12 --detail-px 32".split())[0] == 0
        assert Path(file).read_bytes() == Path("b" + file).read_bytes()
    with Image.open("a.png") as picture:
        assert max(picture.size) == 1024
    refused(capsys, here, "paint a.json -o new.png --size 300x300", "another aspect than --size 300x300")
    refused(capsys, here, "paint a.json -o new.png --triangles 9", "is painted already; leave --triangles out")
    refused(capsys, here, "paint a.json -o new.svg --lines", "is not a file of strokes")


@pytest.mark.parametrize("mode", ["L", "I;16", "RGBA", "LA"])
def test_triangles_of_any_picture(capsys, here, few, mode):
    """Grey, of 16 bits, transparent: over white, or over a background."""
    y, x = np.mgrid[:30, :40]
    grey = Image.fromarray((x * 6).astype(np.uint8))
    if mode == "I;16":
        grey = Image.fromarray((x * 1600).astype(np.uint16))
    elif mode != "L":
        grey = grey.convert(mode)
        grey.putalpha(Image.fromarray(np.where(y < 15, 0, 255).astype(np.uint8)))
    grey.save("a.png")
    line = "paint a.png -o b.png --triangles 12 --detail-px 40 --size 40x30"
    assert run(capsys, *line.split())[0] == 0
    with Image.open("b.png") as drawn:
        found = np.asarray(drawn.convert("RGB")).astype(int)
    assert (np.ptp(found, 2) <= 1).all()
    assert found[20:, 30:].mean() > found[20:, :10].mean() + 60
    line = line.replace("b.png", "c.png") + " --background red"
    if "A" not in mode:
        refused(capsys, here, line, "so no --background is seen behind --triangles; leave it out")
        return
    assert found[:10].mean() > 240
    assert run(capsys, *line.split())[0] == 0
    with Image.open("c.png") as drawn:
        red, green, blue = np.asarray(drawn.convert("RGB"))[:10].mean((0, 1))
    assert (red > 240, green < 30, blue < 30) == (True, True, True)


def test_triangles_interrupted_keep_what_there_is(capsys, here, monkeypatch):
    from drawgen.strokes.mesh import Mesh

    plain = Mesh.step

    def step(mesh, rate_px):
        if len(mesh) > 3:
            os.kill(os.getpid(), signal.SIGINT)
        return plain(mesh, rate_px)

    monkeypatch.setattr(Mesh, "step", step)
    status, _, err = run(
        capsys, *["paint", "photo:coffee", "-o", "a.png", "--triangles", "20", "--detail-px", "32", "--size", "30x20"]
    )
    assert status == 128 + signal.SIGINT
    assert "a.png is the painting so far, 20 triangles" in err
    with Image.open("a.png") as picture:
        assert picture.size == (30, 20)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_paint_interrupted_keeps_what_there_is(capsys, here, monkeypatch, number):
    from drawgen.strokes import placing

    plain = placing.LooseStrokes.step

    def step(strokes, gradient, rate):
        plain(strokes, gradient, rate)
        if len(strokes) > 3:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(placing.LooseStrokes, "step", step)
    line = "paint photo:coffee -o a.png --strokes 20 --detail-px 32 --size 30x20"
    status, _, err = run(capsys, *line.split())
    assert status == 128 + number
    assert "a.png is the painting so far, 6 strokes" in err
    with Image.open("a.png") as picture:
        assert picture.size == (30, 20)


def moving(path):
    """A GIF of three frames."""
    first, *others = [Image.fromarray(np.roll(np.eye(24, 32, dtype=np.uint8) * 200, n, 1)) for n in range(3)]
    first.save(path, save_all=True, append_images=others, duration=70)


def test_a_film_is_painted_frame_by_frame_where_the_output_moves(capsys, here, quick):
    moving("a.gif")
    line = "paint a.gif -o {} --strokes 4 --detail-px 24"
    for out, frames, extra in (("b.gif", 3, ""), ("c.png", 1, ""), ("d.png", 3, " --animate"), ("e.apng", 3, " --size 40x30")):
        assert run(capsys, *(line + extra).format(out).split())[:2] == (0, f"{out}\n")
        with Image.open(out) as picture:
            assert getattr(picture, "n_frames", 1) == frames
            assert picture.size == {"e.apng": (40, 30), "c.png": (1024, 768)}.get(out, (32, 24))


@pytest.fixture
def piped():
    """A function that puts a pipe with a file's content in the place of standard input."""
    kept = os.dup(0)

    def put(file):
        out, into = os.pipe()
        os.write(into, Path(file).read_bytes())  # no more than a pipe holds
        os.close(into)
        os.dup2(out, 0)
        os.close(out)

    yield put
    os.dup2(kept, 0)
    os.close(kept)


@pytest.mark.parametrize("name", ["-", pytest.param("/dev/stdin", marks=pytest.mark.skipif(os.name == "nt", reason="needs it"))])
def test_standard_input_may_be_a_picture_or_a_film(capsys, here, quick, piped, name):
    """As from a file; it is read once, whatever it is."""
    moving("a.gif")
    for source, out in (("photo.png", "{}.png"), ("a.gif", "{}.gif"), ("a.gif", "{}.jpg")):
        told = []
        for one in (source, name):
            piped(source)
            file = out.format("file" if one == source else "pipe")
            words = ["paint", one, "-o", file, "--strokes", "4", "--detail-px", "24", "--size", "40x30"]
            assert run(capsys, *words)[:2] == (0, f"{file}\n")
            told.append(Path(file).read_bytes())
        assert told[0] == told[1]
    piped("a.gif")
    assert f"and {name} is a film; leave it out" in run(capsys, "paint", name, "-o", "b.gif", "--seconds", "1")[2]
    piped("text.png")
    assert f"drawgen: {name} is not a picture" in run(capsys, "paint", name, "-o", "b.png")[2]


def test_a_folder_is_painted(capsys, here, quick):
    Path("photos").mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (32, 24), "teal").save(f"photos/{name}.jpg")
    Path("photos/c.png").write_text("this is text")
    words = ["paint", "photos", "-o", "out/{name}.svg", "--strokes", "4", "--detail-px", "24"]
    status, out, err = run(capsys, *words)
    assert (status, out) == (0, f"{Path('out/a.svg')}\n{Path('out/b.svg')}\n")
    assert "c.png is not a picture" in err
    status, again, err = run(capsys, *words)
    assert (status, again) == (0, out)
    assert "2 of 3 paintings are in out already and are kept (without --force)" in err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("paint moving.gif -o new.webp --animate", "new.webp would be held in memory as a whole; choose .mp4, .gif, .apng"),
        ("paint moving.gif -o new.gif --seconds 1", "--seconds is for a picture, and moving.gif is a film; leave it out"),
        ("paint moving.gif -o new.gif --triangles 9", "--triangles is for a picture"),
        ("paint moving.gif -o new.gif --background none", "--background is none, and a film's canvas is not transparent"),
        ("paint moving.gif -o new.gif --strokes 0", "--strokes is 0"),
        ("paint moving.gif -o new.gif --palette auto:0", "--palette is 'auto:0'"),
        ("paint moving.gif -o new.gif --size 4x400", "crop it, or give a larger --detail-px"),
        ("paint moving.gif -o moving.gif --force", "moving.gif is the file that is read"),
        ("paint moving.gif -o none/new.gif", "the folder none does not exist"),
        ("paint text.mp4 -o new.gif", "text.mp4 is damaged, or no film that can be read"),
        ("paint text.mp4 -o new.png", "text.mp4 is a film, and new.png is not; choose .mp4, .gif, .apng"),
        ("paint none.mp4 -o new.mp4", "none.mp4 does not exist"),
        ("paint folder -o out", "the folder folder holds no pictures"),
        ("paint pictures -o pictures", "pictures is the folder of the pictures"),
        ("paint pictures -o new.svg", "new.svg is a file's name, and pictures is a folder; give a folder, or FOLDER/{name}.svg"),
        ("paint pictures -o a-file", "a-file is a file, and a folder of pictures"),
        ("paint pictures -o out/{name}.txt", "has no known ending; use one of"),
    ],
)
def test_films_and_folders_refused(capsys, here, line, words):
    moving("moving.gif")
    Path("text.mp4").write_text("this is text")
    Path("pictures").mkdir()
    Image.new("RGB", (32, 24), "teal").save("pictures/a.jpg")
    refused(capsys, here, line, words)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("paint none.png -o new.png", "none.png does not exist"),
        ("paint text.png -o new.png", "text.png is not a picture"),
        ("paint folder -o new.png", "folder"),
        ("paint photo:none -o new.png", "photo:none is not a sample photograph"),
        ("paint none.json -o new.png", "none.json does not exist"),
        (PAINT.replace("new.png", "there.png"), "there.png exists already"),
        (PAINT.replace("new.png", "new.xyz"), "new.xyz has no known ending; use one of .apng .bmp"),
        (PAINT.replace("new.png", "none/new.svg"), "the folder none does not exist"),
        (PAINT + " --strokes 0", "--strokes is 0"),
        (PAINT + " --strokes 100000", "--strokes is 100000; it has to be at least 1 and at most 10000"),
        (PAINT + " --seconds 0", "--seconds is 0.0"),
        (PAINT + " --seconds nan", "--seconds is nan"),
        (PAINT + " --seed -1", "--seed is -1"),
        (PAINT + " --detail-px 0", "--detail-px is 0"),
        (PAINT + " --least-radius -1", "--least-radius is -1"),
        (PAINT + " --opacity 2", "--opacity is 2.0"),
        (PAINT + " --palette reddish,blue", "--palette has 'reddish'"),
        (PAINT + " --palette auto:none", "--palette is 'auto:none'"),
        (PAINT + " --background whitish", "--background has 'whitish'"),
        (PAINT + " --size 4x400", "crop it, or give a larger --detail-px"),
        (PAINT + " --size 0x4", "--size is '0x4'"),
        (PAINT.replace("new.png", "new.svg") + " --animate", "new.svg has no known ending; use one of .apng .gif"),
        (TRIANGLES + " --strokes 5", "--strokes is for strokes, and --triangles draws none; leave one of the two out"),
        (TRIANGLES + " --least-radius 1", "--least-radius is for strokes"),
        (TRIANGLES + " --opacity 1", "--opacity is for strokes"),
        (TRIANGLES + " --lines", "--lines is for strokes"),
        (TRIANGLES + " --pen-mm 1", "--pen-mm is for strokes"),
        (TRIANGLES + " --page A4", "--page is for strokes"),
        (TRIANGLES + " --background none", "--background is none, and --triangles cover the whole picture"),
        (TRIANGLES + " --triangles 1", "--triangles is 1; it has to be at least 2 and at most 10000"),
        (TRIANGLES + " --detail-px 0", "--detail-px is 0"),
        (TRIANGLES + " --seconds 0", "--seconds is 0.0"),
        (TRIANGLES + " --palette reddish", "--palette has 'reddish'"),
        (TRIANGLES + " --size 4x3000", "crop it, or give a larger --detail-px"),
    ],
)
def test_paint_refuses(capsys, here, line, words):
    refused(capsys, here, line, words)

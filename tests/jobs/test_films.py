"""Films and folders painted: what becomes of times, sizes, sound, cuts, Ctrl-C, and of what cannot be read."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from drawgen import films, images
from drawgen.images import ImageError
from drawgen.interrupts import Interrupted
from drawgen.jobs.films import FILM_PX, paint_film, paint_folder, takes
from drawgen.jobs.reports import Reports
from drawgen.ranges import ArgumentError
from drawgen.strokes import moving, placing

SMALL = {"strokes": 6, "detail_px": 24}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder to work in, and paintings of few steps."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(placing, "ROUNDS", tuple(part._replace(steps=2) for part in placing.ROUNDS))
    monkeypatch.setattr(moving, "STEPS", 2)
    return tmp_path


def frame(number, height=24, width=32):
    y, x = np.mgrid[:height, :width]
    found = np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 60)], 2).astype(np.uint8)
    found[6:14, 2 * number : 2 * number + 8] = (250, 200, 30)
    return found


def film(path, numbers=(0, 1, 2), times=None, rate=10.0, **size):
    times = times or [0.1] * len(numbers)
    images.save_film(Path(path), zip((frame(n, **size) for n in numbers), times, strict=True), rate=rate)


def read(path):
    with films.opened(path, covering=(512, 512)) as found:
        return found, list(found.moments)


def told(job, *words, **options):
    """What is said, and the answer."""
    said = []
    answer = job(*words, **SMALL, **options, progress=Reports(message=said.append))
    return said, answer


@pytest.mark.parametrize(("source", "out"), [("gif", "gif"), ("apng", "mp4"), ("mp4", "apng"), ("mp4", "mp4"), ("gif", "apng")])
def test_times_and_sizes_are_kept(source, out):
    if "mp4" in (source, out):
        pytest.importorskip("av")
    film(f"a.{source}", (0, 1, 2, 3), [0.1, 0.3, 0.2, 0.1])
    said, answer = told(paint_film, f"a.{source}", f"b.{out}")
    found, moments = read(f"b.{out}")
    assert said == []
    assert found.size == (24, 32)
    times = [moment.seconds for moment in moments]
    assert times[:3] == pytest.approx([0.1, 0.3, 0.2], abs=1e-3)
    assert times[3] == pytest.approx(0.1, abs=0.08 if out == "mp4" else 1e-3)  # an MP4's last frame is as long as usual
    assert (answer.frames, answer.laid) == (4, 1)
    assert answer.seconds == pytest.approx(0.7, abs=1e-3)


@pytest.mark.parametrize("brush", ["plain", "bristles"])
def test_a_film_begins_as_its_first_frame_is_painted(brush):
    from drawgen.jobs import paint

    film("a.apng", (1, 2))
    told(paint_film, "a.apng", "b.apng", brush=brush, seed=5)
    images.save_image(Path("one.png"), images.load_image("a.apng"))
    told(paint, "one.png", "b.png", size=(24, 32), brush=brush, seed=5)
    first, second = (moment.image for moment in read("b.apng")[1])
    assert np.array_equal(first, images.load_image("b.png"))
    assert not np.array_equal(first, second)


def test_a_still_film_is_one_picture_and_that_of_the_photograph():
    """Frames alike are one in an APNG; it is what `paint` makes of the frame."""
    from drawgen.jobs import paint

    made = ((frame(n), 0.1) for n in (1, 1, 1, 1, 2))
    images.save_film(Path("a.apng"), made, rate=10)
    told(paint_film, "a.apng", "b.apng")
    images.save_image(Path("one.png"), images.load_image("a.apng"))
    told(paint, "one.png", "b.png", size=(24, 32))
    with Image.open("b.apng") as moving_picture, Image.open("b.png") as still:
        first = next(iter(ImageSequence.Iterator(moving_picture)))
        assert first.info["duration"] == 400
        assert np.array_equal(np.asarray(first.convert("RGB")), np.asarray(still.convert("RGB")))


def test_frames_are_painted_as_they_are_read(monkeypatch):
    """Each is written before the next but one is read."""
    events = []
    plain_next, plain_image = moving.MovingPainting.next, images.animation.apng_image
    monkeypatch.setattr(moving.MovingPainting, "next", lambda *words: events.append("paint") or plain_next(*words))
    monkeypatch.setattr(images.animation, "apng_image", lambda *words: events.append("write") or plain_image(*words))
    film("a.gif", range(6))
    events.clear()
    told(paint_film, "a.gif", "b.apng")
    assert events.count("paint") == 6
    ahead = [events[:k].count("paint") - events[:k].count("write") for k in range(7)]
    assert max(ahead) <= 2


def test_ctrl_c_keeps_a_film_that_plays(monkeypatch):
    plain = moving.MovingPainting.carry

    def carry(self, *words):
        plain(self, *words)
        carried.append(1)
        if len(carried) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(moving.MovingPainting, "carry", carry)
    for ending in ("gif", "apng", "mp4"):
        if ending == "mp4":
            pytest.importorskip("av")
        carried = []
        film("a.gif", range(8))
        with pytest.raises(Interrupted, match=rf"b\.{ending} is the film so far, 0\.3 s long") as stop:
            paint_film("a.gif", f"b.{ending}", **SMALL)
        assert stop.value.so_far.frames == 3
        assert len(read(f"b.{ending}")[1]) == 3


def test_what_is_told(monkeypatch):
    """Sound, odd sides, a film that is larger or faster than what is written, and one that is cut short."""
    pytest.importorskip("av")
    import drawgen.jobs.films as job

    film("odd.gif", width=33)
    said, _ = told(paint_film, "odd.gif", "odd.mp4")
    assert said == ["odd.mp4: the format holds even sides only; 33x24 gets its last column twice"]
    film("fast.mp4", range(6), [1 / 60] * 6, rate=60)
    said, answer = told(paint_film, "fast.mp4", "fast.gif")
    assert said == ["fast.mp4 has 60 frames per second; a GIF holds 50, and those between are left out"]
    assert answer.frames == 3
    assert sum(moment.seconds for moment in read("fast.gif")[1]) == pytest.approx(0.1, abs=0.01)
    monkeypatch.setattr(job, "FILM_PX", 16)
    said, _ = told(paint_film, "odd.gif", "small.gif")
    assert said == ["odd.gif is 33x24 pixels; small.gif is 16x12, unless `size` is given"]
    assert FILM_PX >= 1080
    said, _ = told(paint_film, "odd.gif", "large.apng", size=(30, 40))
    assert said == []
    assert read("large.apng")[0].size == (30, 40)
    data = Path("fast.gif").read_bytes()
    Path("cut.gif").write_bytes(data[: len(data) - 40])
    said, answer = told(paint_film, "cut.gif", "cut.apng", size=(24, 32))
    assert said == ["cut.gif is damaged after 2 of 3 frames; the others are left out"]
    assert answer.frames == 2


def test_sound_is_left_out(monkeypatch):
    film("a.gif")
    plain = films.of_animation

    def loud(*words):
        found = plain(*words)
        found.sound = True
        return found

    monkeypatch.setattr(films, "of_animation", loud)
    assert told(paint_film, "a.gif", "b.gif")[0] == ["a.gif: its sound is left out"]


def test_palette_of_the_first_frame_and_a_background():
    film("a.gif")
    told(paint_film, "a.gif", "b.apng", palette="auto:2", opacity=1)
    told(paint_film, "a.gif", "c.apng", palette=["red", "blue"], background="white")
    with pytest.raises(ArgumentError, match="palette has 'reddish'"):
        paint_film("a.gif", "d.apng", palette="reddish")
    with pytest.raises(ArgumentError, match="brush is mypaint:classic/dry_brush, whose paint would flicker"):
        paint_film("a.gif", "b.gif", brush="mypaint:classic/dry_brush")
    with pytest.raises(ArgumentError, match="background is none"):
        paint_film("a.gif", "d.apng", background="none")
    assert not Path("d.apng").exists()


def test_which_are_films():
    film("a.gif")
    Image.fromarray(frame(0)).save("one.gif")
    Path("text.mp4").write_text("text")
    assert takes("a.gif", "b.gif")
    assert takes("a.gif", "b.png", animate=True)
    assert not takes("a.gif", "b.png")
    assert not takes("one.gif", "b.gif")
    assert takes("text.mp4", "b.png")


# ---------------------------------------------------------------- folders


@pytest.fixture
def photos():
    Path("photos").mkdir()
    for number, name in enumerate(("a.png", "b.png", "b.jpg")):
        Image.fromarray(frame(number)).save(f"photos/{name}")
    return Path("photos")


def test_a_folder(photos):
    Path("photos/text.png").write_text("this is text")
    Path("photos/notes.txt").write_text("this is text")
    said, (made, left_out) = told(paint_folder, photos, "out")
    assert [path.name for path in made] == ["a.png", "b.jpg.png", "b.png.png"]
    assert all(path.exists() for path in made)
    assert list(left_out) == [str(Path("photos/text.png"))]
    assert said == [f"left out: {left_out[str(Path('photos/text.png'))]}"]
    made[0].write_text("kept")
    made[1].unlink()
    said, (again, _) = told(paint_folder, photos, "out")
    assert again == made
    assert made[0].read_text() == "kept"
    assert made[1].exists()
    assert said[0] == "2 of 4 paintings are in out already and are kept (without `force`)"
    told(paint_folder, photos, "out", force=True)
    assert made[0].read_bytes() != b"kept"


def test_a_form_of_names(photos):
    """Moving endings take films in, frame by frame."""
    film("photos/c.gif")
    _, (made, _) = told(paint_folder, photos, "out/{name} in strokes.svg", opacity=1)
    assert [path.name for path in made] == [f"{name} in strokes.svg" for name in ("a", "b.jpg", "b.png", "c")]
    _, (made, _) = told(paint_folder, photos, "moving/{name}.apng")
    assert len(read("moving/c.apng")[1]) == 3
    with pytest.raises(ArgumentError, match="seconds is for a picture"):
        paint_folder(photos, "again/{name}.apng", seconds=0.1, **SMALL)


def test_a_folder_interrupted_goes_on(photos, monkeypatch):
    plain = placing.LooseStrokes.step
    steps = []

    def step(strokes, gradient, rate):
        plain(strokes, gradient, rate)
        steps.append(1)
        if len(steps) == 15:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(placing.LooseStrokes, "step", step)
    with pytest.raises(Interrupted, match="out has 1 new paintings, and the same command goes on from there"):
        paint_folder(photos, "out", **SMALL)
    assert [path.name for path in sorted(Path("out").iterdir())] == ["a.png"]
    first = Path("out/a.png").stat().st_mtime_ns
    paint_folder(photos, "out", **SMALL)
    assert len(list(Path("out").iterdir())) == 3
    assert Path("out/a.png").stat().st_mtime_ns == first


def test_force_replaces_a_painting_by_a_whole_one(photos):
    """Interrupted, it leaves the one that was there."""
    paint_folder(photos, "out", **SMALL)
    before = {path: path.read_bytes() for path in Path("out").iterdir()}
    plain = placing.LooseStrokes.step

    def step(strokes, gradient, rate):
        plain(strokes, gradient, rate)
        again.undo()
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.MonkeyPatch.context() as again:
        again.setattr(placing.LooseStrokes, "step", step)
        with pytest.raises(Interrupted, match="has 0 new paintings"):
            paint_folder(photos, "out", force=True, seed=3, **SMALL)
    assert {path: path.read_bytes() for path in Path("out").iterdir()} == before
    paint_folder(photos, "out", force=True, seed=3, **SMALL)
    after = {path: path.read_bytes() for path in Path("out").iterdir()}
    assert after.keys() == before.keys()
    assert all(after[path] != data for path, data in before.items())


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("photos", "is the folder of the pictures"),
        ("a-file", "is a file, and a folder of pictures"),
        ("out/{name}.xyz", "has no known ending; use one of"),
    ],
)
def test_folders_refused(photos, out, words):
    Path("a-file").touch()
    with pytest.raises(ImageError, match=words):
        paint_folder(photos, out, **SMALL)
    Path("empty").mkdir()
    with pytest.raises(ImageError, match="holds no pictures"):
        paint_folder("empty", "out", **SMALL)

"""Films, read and written frame by frame: times, colours, what is damaged, and that no more is held than has to be."""

import struct
import weakref
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from drawgen import films, images
from drawgen.films import Moment
from drawgen.images import ImageError

WIDE = (512, 512)
TIMES = [0.1, 0.25, 0.07, 0.1]


def frame(number, height=48, width=64):
    """A square that moves over a slope of colours."""
    y, x = np.mgrid[:height, :width]
    found = np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 60)], 2).astype(np.uint8)
    found[8:20, 4 * number : 4 * number + 12] = (250, 200, 30)
    return found


def write(path, times=TIMES, rate=10.0, **size):
    images.save_film(Path(path), ((frame(n, **size), seconds) for n, seconds in enumerate(times)), rate=rate)


def read(path, covering=WIDE):
    with films.opened(path, covering=covering) as film:
        return film, list(film.moments)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("ending", ["gif", "apng", "mp4"])
def test_what_is_written_is_read(here, ending):
    """Times, sizes, pictures: exactly where the format has them so."""
    if ending == "mp4":
        pytest.importorskip("av")
    write(f"a.{ending}")
    film, moments = read(f"a.{ending}")
    assert film.size == (48, 64)
    assert film.note == ""
    assert not film.sound
    assert len(moments) == 4
    times = [moment.seconds for moment in moments]
    assert times == pytest.approx(TIMES, abs=2e-4)
    assert moments[-1].share == pytest.approx(1, abs=0.01)
    for number, moment in enumerate(moments):
        error = (255 * moment.image - torch.from_numpy(frame(number)).permute(2, 0, 1)).abs().mean()
        assert error <= {"apng": 1e-3, "gif": 4, "mp4": 4}[ending]


@pytest.mark.parametrize(("ending", "unit"), [("gif", 0.01), ("apng", 0.001)])
def test_what_rounding_takes_the_next_has_more(here, ending, unit):
    write(f"a.{ending}", [1 / 30] * 12)
    times = [moment.seconds for moment in read(f"a.{ending}")[1]]
    assert sum(times) == pytest.approx(0.4, abs=unit)
    assert max(times) - min(times) < 1.5 * unit


def test_the_last_frame_of_an_mp4_stays(here):
    pytest.importorskip("av")
    write("a.mp4", [0.1, 0.1, 1.5])
    assert [moment.seconds for moment in read("a.mp4")[1]] == pytest.approx([0.1, 0.1, 1.4, 0.1], abs=1e-3)


@pytest.mark.parametrize("ending", ["gif", "apng"])
def test_frames_alike_are_one_shown_for_longer(here, ending):
    still = frame(0)
    images.save_film(Path(f"a.{ending}"), iter([(still, 0.1), (still.copy(), 0.25), (frame(1), 0.1)]), rate=10)
    assert [moment.seconds for moment in read(f"a.{ending}")[1]] == pytest.approx([0.35, 0.1])


def test_a_frame_of_minutes(here):
    write("a.apng", [120.0, 0.1])
    assert [moment.seconds for moment in read("a.apng")[1]] == pytest.approx([120.0, 0.1])


@pytest.mark.parametrize("ending", ["gif", "apng", "mp4"])
def test_frames_are_not_kept(here, ending):
    """Each is written before the next but one is asked for, and read only when it is asked for."""
    if ending == "mp4":
        pytest.importorskip("av")
    seen = []

    def made():
        for number in range(10):
            found = frame(number)
            seen.append(weakref.ref(found))
            yield found, 0.1
            del found
            assert sum(ref() is not None for ref in seen) <= 3

    images.save_film(Path(f"a.{ending}"), made(), rate=10)
    with films.opened(f"a.{ending}", covering=WIDE) as film:
        found = []
        for moment in film.moments:
            found.append(weakref.ref(moment.image))
            del moment
            assert sum(ref() is not None for ref in found) <= 2
    assert len(found) == 10


def test_frames_that_end_with_an_error_leave_no_file(here):
    def made():
        yield frame(0), 0.1
        raise ImageError("the second is not there")

    with pytest.raises(ImageError, match="the second is not there"):
        images.save_film(Path("a.gif"), made(), rate=10)
    assert list(here.iterdir()) == []


def test_a_film_that_is_there_is_kept(here):
    Path("a.gif").write_text("kept")
    with pytest.raises(OSError, match=r"what was made is in a-1\.gif"):
        images.save_film(Path("a.gif"), iter([(frame(0), 0.1)]), rate=10, replace=False)
    assert Path("a.gif").read_text() == "kept"


def test_slower():
    """No frame is shorter, and the whole is as long."""
    moments = [Moment(torch.full((1, 1, 1), float(n)), None, 0.008, (n + 1) / 9) for n in range(9)]
    found = list(films.slower(iter(moments), 0.02))
    assert [float(moment.image) for moment in found] == [0, 3, 6]
    assert [moment.seconds for moment in found] == pytest.approx([0.024] * 3)
    assert found[-1].share == 1


# ---------------------------------------------------------------- what moves


def test_kinds(here):
    Image.new("RGB", (4, 4)).save("one.gif")
    Image.new("RGB", (4, 4)).save("one.png")
    for ending in ("gif", "apng"):
        write(f"two.{ending}", [0.1, 0.1])
    Image.fromarray(frame(0)).save("two.webp", save_all=True, append_images=[Image.fromarray(frame(1))], duration=70)
    Path("text.mp4").write_text("this is text")
    Path("text.png").write_text("this is text")
    found = {name: films.kind(name) for name in ("one.gif", "one.png", "two.gif", "two.apng", "two.webp", "text.mp4", "text.png")}
    moving = ["two.gif", "two.apng", "two.webp"]
    assert found == dict.fromkeys(("one.gif", "one.png", "text.png"), None) | dict.fromkeys(moving, "animation") | {
        "text.mp4": "film"
    }
    assert films.kind("none.mp4") is None
    assert films.kind("photo:coffee") is None
    assert films.kind(here) is None
    assert [moment.seconds for moment in read("two.webp")[1]] == pytest.approx([0.07, 0.07])


def test_hurried_frames_are_shown_as_browsers_do(here):
    first, *others = [Image.fromarray(frame(n)) for n in range(3)]
    first.save("a.gif", save_all=True, append_images=others, duration=[0, 10, 20])
    assert [moment.seconds for moment in read("a.gif")[1]] == pytest.approx([0.1, 0.1, 0.02])


def test_transparent_frames_are_over_white(here):
    first = Image.new("RGBA", (8, 8), (200, 0, 0, 255))
    second = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    first.save("a.apng", format="PNG", save_all=True, append_images=[second], duration=100, disposal=0, blend=0)
    one, other = read("a.apng")[1]
    assert one.image[:, 0, 0].tolist() == pytest.approx([200 / 255, 0, 0])
    assert other.alpha is not None
    assert float(other.image.min()) == 1


# ---------------------------------------------------------------- films of PyAV


def recorded(path, *, sound=False, size=(64, 48), count=5, codec="libx264"):
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(10))
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if sound:
            audio = container.add_stream("aac", rate=44100)
            audio.layout = "mono"
            tone = av.AudioFrame.from_ndarray(np.zeros((1, 4410), np.float32), format="fltp", layout="mono")
            tone.sample_rate = 44100
        for number in range(count):
            picture = av.VideoFrame.from_ndarray(frame(number, size[1], size[0]), format="rgb24")
            container.mux(stream.encode(picture))
            if sound:
                container.mux(audio.encode(tone))
        for one in (stream, audio) if sound else (stream,):
            container.mux(one.encode(None))


def test_sound_is_noticed(here):
    recorded("a.mp4", sound=True)
    film, moments = read("a.mp4")
    assert film.sound
    assert [moment.seconds for moment in moments] == pytest.approx([0.1] * 5, abs=1e-3)


def test_large_frames_are_reduced(here):
    recorded("a.mp4", size=(2048, 1024), count=1)
    film, (moment,) = read("a.mp4", covering=(128, 128))
    assert film.size == (1024, 2048)
    assert moment.image.shape == (3, 256, 512)


UPRIGHT = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
"""The display matrix of an MP4's track: rows of two numbers in 16.16 and one in 2.30."""


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_film_held_sideways_is_shown_upright(here, quarters):
    """As a telephone writes it: pixels as the sensor has them, and a matrix that turns them clockwise."""
    recorded("a.mp4", count=1)
    _, (upright,) = read("a.mp4")
    data, one = Path("a.mp4").read_bytes(), 1 << 16
    a, b = {1: (0, one), 2: (-one, 0), 3: (0, -one)}[quarters]
    x, y = {1: (48, 0), 2: (64, 48), 3: (0, 64)}[quarters]
    turned = struct.pack(">9i", a, b, 0, -b, a, 0, x << 16, y << 16, 1 << 30)
    track = data.index(b"tkhd")
    at = data.index(UPRIGHT, track)
    assert at < track + 100
    Path("b.mp4").write_bytes(data[:at] + turned + data[at + 36 :])
    film, (moment,) = read("b.mp4")
    assert film.size == ((64, 48) if quarters % 2 else (48, 64))
    torch.testing.assert_close(moment.image, upright.image.rot90(-quarters, (1, 2)), atol=0.02, rtol=0)


@pytest.mark.parametrize("cut", ["text", "empty", "head", "sound"])
def test_what_is_no_film(here, cut):
    pytest.importorskip("av")
    if cut == "text":
        Path("a.mp4").write_text("this is text")
    elif cut == "empty":
        Path("a.mp4").touch()
    elif cut == "head":
        recorded("b.mp4")
        Path("a.mp4").write_bytes(Path("b.mp4").read_bytes()[:400])
    else:
        import av

        with av.open("a.mp4", "w", format="mp4") as container:
            audio = container.add_stream("aac", rate=44100)
            audio.layout = "mono"
            tone = av.AudioFrame.from_ndarray(np.zeros((1, 4410), np.float32), format="fltp", layout="mono")
            tone.sample_rate = 44100
            container.mux(audio.encode(tone))
            container.mux(audio.encode(None))
    words = {"text": "is damaged, or no film", "empty": "is empty", "head": "is damaged", "sound": "has no pictures in it"}
    with pytest.raises(ImageError, match=words[cut]) as caught, films.opened("a.mp4", covering=WIDE):
        pass
    assert str(caught.value).startswith("a.mp4 ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", ["apng", "gif", "mp4"])
def test_a_film_cut_short_is_read_as_far_as_it_goes(here, ending):
    if ending == "mp4":
        pytest.importorskip("av")
    write(f"a.{ending}", [0.1] * 80)
    data = Path(f"a.{ending}").read_bytes()
    Path(f"b.{ending}").write_bytes(data[: len(data) * 3 // 4])
    film, moments = read(f"b.{ending}")
    assert 2 <= len(moments) < 80
    assert film.note.startswith(f"b.{ending} ")

"""Animations: what has not changed stays the same on the screen, colours are right, and no more is held than has to be."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from drawgen import animation


def noise(height=24, width=32, channels=3, seed=0):
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def growing(count=5, channels=3, height=24, width=32):
    """Noise, on which squares of other noise are laid; in grey a frame with all levels."""
    frame = noise(height, width, channels)
    yield frame
    for n in range(1, count):
        frame = frame.copy()
        frame[2 * n : 2 * n + 5, 3 * n : 3 * n + 7] = noise(5, 7, channels, n)
        yield frame


def decoded(data, mode="RGB"):
    with Image.open(io.BytesIO(data)) as picture:
        return [np.asarray(frame.convert(mode)).astype(int) for frame in ImageSequence.Iterator(picture)]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("encode", [animation.gif, animation.apng])
def test_pixels_that_do_not_change_stay(encode, channels):
    """768 colours in the first frame are more than a GIF's palette; those of a square are not."""
    frames = list(growing(channels=channels))
    found = decoded(encode(iter(frames), 1.0, 0.5), "RGB" if channels == 3 else "L")
    assert len(found) == len(frames)
    for n in range(1, len(frames)):
        same = frames[n] == frames[n - 1]
        same = same.all(2) if channels == 3 else same
        assert (found[n][same] == found[n - 1][same]).all()
        assert (found[n][~same] == frames[n][~same]).all()
    if channels == 1 or encode is animation.apng:
        assert all((a == b).all() for a, b in zip(found, frames, strict=True))
    assert np.abs(found[0] - frames[0]).mean() < 20


@pytest.mark.parametrize("colours", [3, 4, 254, 255, 256, 257, 5000])
def test_palettes_of_any_number_of_colours(colours):
    """Exact as long as they fit: 256 in a whole frame, 255 beside pixels that stay."""
    picked = np.random.default_rng(1).permutation(256**3)[:colours]
    palette = np.stack([picked >> 16, picked >> 8 & 255, picked & 255], 1).astype(np.uint8)
    first = palette[np.arange(90 * 90) % colours].reshape(90, 90, 3)
    second = first.copy()
    second[5:85, 5:85] = palette[::-1][np.arange(80 * 80) % colours].reshape(80, 80, 3)
    found = decoded(animation.gif([first, second], 1.0, 0.0))
    for n, (frame, most) in enumerate(((first, 256), (second, 255))):
        error = np.abs(found[n] - frame).mean()
        assert error == 0 if colours <= most else error < 16


@pytest.mark.parametrize("encode", [animation.gif, animation.apng])
def test_frames_alike_are_one_shown_for_longer(encode):
    one, other = noise(seed=1), noise(seed=2)
    data = encode([one, one, one, other, other], 1.0, 0.3)
    with Image.open(io.BytesIO(data)) as picture:
        times = []
        for frame in ImageSequence.Iterator(picture):
            frame.load()
            times.append(frame.info["duration"])
    assert times == [600, 700]


@pytest.mark.parametrize("encode", [animation.gif, animation.apng])
def test_clear_pixels_stay_clear(encode):
    first = np.zeros((8, 8, 4), np.uint8)
    second = first.copy()
    second[2:4, 2:6] = (200, 10, 20, 255)
    found = decoded(encode([first, second], 1.0, 0.0), "RGBA")
    assert (found[0][..., 3] == 0).all()
    assert (found[1][..., 3] == second[..., 3]).all()
    assert (found[1][2:4, 2:6] == (200, 10, 20, 255)).all()


def colours_of(frame):
    """A decoded frame in RGB, by the equations of ITU-R BT.709 in the limited range."""
    planes = frame.to_ndarray(format="yuv420p").astype(float)
    height, width = frame.height, frame.width
    flat = planes.ravel()
    luma = (flat[: height * width].reshape(height, width) - 16) / 219
    blue, red = (part.reshape(height // 2, width // 2) for part in np.split((flat[height * width :] - 128) / 224, 2))
    blue, red = (np.repeat(np.repeat(plane, 2, 0), 2, 1) for plane in (blue, red))
    r, b = luma + 1.5748 * red, luma + 1.8556 * blue
    return 255 * np.stack([r, (luma - 0.2126 * r - 0.0722 * b) / 0.7152, b], 2)


def film(tmp_path, frames, each=100, hold=0.0):
    av = pytest.importorskip("av")
    file = tmp_path / "a.mp4"
    file.write_bytes(animation.mp4(av, iter(frames), each, hold))
    with av.open(str(file)) as container:
        return container.streams.video[0].codec_context, list(container.decode(video=0)), file.read_bytes()


def test_film_has_the_colours_and_says_which_they_are(tmp_path):
    colours = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 150, 120), (30, 90, 60), (255, 255, 255), (0, 0, 0)], np.uint8)
    frame = np.repeat(np.repeat(colours[None], 32, 0), 32, 1)
    context, found, data = film(tmp_path, [frame] * 3)
    picture = colours_of(found[-1])
    for n, colour in enumerate(colours):
        middle = picture[8:24, 32 * n + 8 : 32 * n + 24].mean((0, 1))
        assert np.abs(middle - colour).max() < 2.5
    assert (context.color_range, context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1, 1)
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_film_of_an_odd_size_repeats_its_edge(tmp_path):
    frame = np.full((33, 49, 3), 60, np.uint8)
    frame[-1], frame[:, -1] = 220, 220
    _, found, _ = film(tmp_path, [frame])
    picture = colours_of(found[0])
    assert picture.shape == (34, 50, 3)
    assert np.abs(picture[-2:, 8:40] - 220).mean() < 12
    assert np.abs(picture[8:24, -2:] - 220).mean() < 12
    assert np.abs(picture[8:24, 8:40] - 60).mean() < 5


@pytest.mark.parametrize("kind", ["gif", "apng", "mp4"])
def test_frames_are_not_kept(kind):
    """Each is encoded before the next but one is asked for."""
    av = pytest.importorskip("av") if kind == "mp4" else None
    import weakref

    seen = []

    def frames():
        for n in range(12):
            frame = noise(seed=n)
            seen.append(weakref.ref(frame))
            yield frame
            del frame
            assert sum(ref() is not None for ref in seen) <= 3

    if kind == "mp4":
        animation.mp4(av, frames(), 100, 0.0)
    else:
        getattr(animation, kind)(frames(), 1.0, 0.0)
    assert len(seen) == 12

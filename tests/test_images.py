"""Samples become files that hold what was drawn."""

import os
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from drawgen import images
from drawgen.images import ImageError

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
many = settings(derandomize=True, deadline=None, database=None)


def noise(height=6, width=8):
    """Colours that no two pixels share."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(height=16, width=24):
    """Colours that JPEG keeps to within a few levels."""
    x, y = np.meshgrid(np.linspace(40, 200, width), np.linspace(30, 220, height))
    return np.stack([x, y, 255 - x], -1).astype(np.uint8)


def saved(folder, name, picture, **options):
    picture.save(folder / name, **options)
    return folder / name


def loaded(folder, name, picture, **options):
    return images.load_image(saved(folder, name, picture, **options))


def as_tensor(array):
    """H W C levels as C H W in [0, 1]."""
    return torch.from_numpy(np.asarray(array).astype(np.float32) / 255).permute(2, 0, 1)


# ---------------------------------------------------------------- arrangement


@given(st.integers(1, 12), st.sampled_from([1, 3]), st.integers(1, 5), st.integers(1, 5), st.integers(0, 3), st.integers(1, 5))
@settings(many, max_examples=60)
def test_grid_shows_each_picture_once_on_white(n, channels, height, width, gap, columns):
    pictures = torch.arange(n).view(n, 1, 1, 1).expand(n, channels, height, width) / 20.0
    sheet = images.grid(pictures, columns=columns, gap_px=gap)
    columns = min(columns, n)
    rows = -(-n // columns)
    assert sheet.shape == (channels, rows * (height + gap) - gap, columns * (width + gap) - gap)
    for index in range(n):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        assert (sheet[:, top : top + height, left : left + width] == pictures[index]).all()
    shown = sum((sheet == index / 20.0).sum().item() for index in range(n))
    assert shown == n * channels * height * width
    assert (sheet == 1).sum().item() == sheet.numel() - shown


@given(n=st.integers(1, 30), height=st.integers(1, 9), width=st.integers(1, 9), columns=st.none() | st.integers(1, 40))
def test_size_of_a_grid_is_known_before_it_is_made(n, height, width, columns):
    made = images.grid(torch.zeros(n, 1, height, width), columns=columns, gap_px=3)
    assert made.shape[1:] == images.grid_size(n, height, width, columns=columns, gap_px=3)


def test_grid_is_about_square():
    assert images.grid(torch.zeros(9, 1, 10, 10), gap_px=0).shape == (1, 30, 30)
    assert images.grid(torch.zeros(4, 1, 10, 40), gap_px=0).shape == (1, 40, 40)


def test_strip_puts_pictures_side_by_side():
    pictures = torch.rand(3, 3, 4, 5)
    row = images.strip(pictures, gap_px=1)
    assert row.shape == (3, 4, 17)
    for n, picture in enumerate(pictures):
        assert torch.equal(row[:, :, 6 * n : 6 * n + 5], picture)


@pytest.mark.parametrize("shape", [(1, 10, 100), (3, 100, 10), (1, 1, 200)])
def test_shrink_fits_the_longer_side(shape):
    small = images.shrink(torch.full(shape, 0.25), 20)
    assert max(small.shape[1:]) == 20
    assert small.shape[1:] == tuple(max(1, round(side * 20 / max(shape))) for side in shape[1:])
    torch.testing.assert_close(small, torch.full_like(small, 0.25))


def test_shrink_leaves_smaller_pictures_alone_and_stays_in_range():
    image = torch.rand(3, 20, 30)
    assert images.shrink(image, 30) is image
    steps = (torch.arange(64) % 8 < 4).float().expand(1, 64, 64)  # Lanczos overshoots at edges
    small = images.shrink(steps, 40)
    assert small.min() >= 0
    assert small.max() <= 1


@given(st.integers(1, images.LONGEST_SIDE), st.integers(1, images.LONGEST_SIDE), st.sampled_from(["x", "X", "×", " x "]))
@settings(many)
def test_parse_size_gives_height_then_width(width, height, times):
    assert images.parse_size(f"{width}{times}{height}") == (height, width)


@given(st.one_of(st.text(max_size=12), st.from_regex(r"-?\d+[xX]-?\d+", fullmatch=True), st.just("9" * 5000 + "x1")))
@settings(many)
def test_parse_size_refuses_everything_else_and_repeats_it(text):
    try:
        size, message = images.parse_size(text), None
    except ValueError as error:
        size, message = None, str(error)
    if size is None:
        assert repr(text) in message
    else:
        assert 1 <= min(size) <= max(size) <= images.LONGEST_SIDE


@pytest.mark.parametrize(
    "text", ["", "5", "x", "5x", "x5", "axb", "0x5", "5x0", "-3x4", "5x5x5", "1.5x2", "70000x5", "5 5", "1e3x5"]
)
def test_parse_size_refuses(text):
    with pytest.raises(ValueError, match=r"^size is"):
        images.parse_size(text)


# ---------------------------------------------------------------- out


@pytest.mark.parametrize("ending", [*images.STILL, ".PNG"])
@pytest.mark.parametrize("channels", [1, 3])
def test_saved_pictures_come_back(tmp_path, ending, channels):
    """Lossless kinds exactly, JPEG nearly."""
    image = as_tensor(smooth())[:channels]
    path = tmp_path / f"a{ending}"
    images.save_image(path, image)
    tolerance = 0.05 if ending in (".jpg", ".jpeg") else 1e-6
    torch.testing.assert_close(images.load_image(path), image, rtol=0, atol=tolerance)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_saving_clips_and_rounds(tmp_path):
    images.save_image(tmp_path / "a.png", torch.tensor([[[-0.5, 0.4999, 0.502, 1.7]]]))
    torch.testing.assert_close(images.load_image(tmp_path / "a.png"), torch.tensor([[[0, 127, 128, 255]]]) / 255)


def test_same_picture_same_bytes(tmp_path):
    for name in "ab":
        images.save_image(tmp_path / f"{name}.png", as_tensor(noise()))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_picture_too_long_for_its_format_is_refused(tmp_path):
    with pytest.raises(ImageError, match=r"a\.webp cannot be written as WEBP .*choose another ending"):
        images.save_image(tmp_path / "a.webp", torch.zeros(1, 1, 20_000))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("save", [images.save_image, lambda path, image: images.save_animation(path, [image])])
def test_saving_refuses_an_unknown_ending(tmp_path, save):
    with pytest.raises(ImageError, match=r"a\.xyz has no known ending.*\.png|a\.xyz has no known ending.*\.gif"):
        save(tmp_path / "a.xyz", torch.zeros(1, 2, 2))


@pytest.mark.parametrize("ending", [".gif", ".apng", ".png", ".webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_animation_has_its_frames_and_times(tmp_path, ending, channels):
    """Half a second for five frames, and the last one stays for three tenths more."""
    frames = [torch.full((channels, 9, 11), n / 4) for n in range(5)]
    path = tmp_path / f"a{ending}"
    images.save_animation(path, iter(frames), seconds=0.5, hold=0.3)
    with Image.open(path) as found:
        assert found.n_frames == 5
        assert found.info.get("loop", 0) == 0  # for ever
        for n, frame in enumerate(frames):
            found.seek(n)
            found.load()
            assert found.info["duration"] == (100 if n < 4 else 400)
            assert np.abs(np.asarray(found.convert("L")) / 255 - frame[0].numpy()).max() < 0.01
    torch.testing.assert_close(images.load_image(path), torch.zeros(1, 9, 11))


@pytest.mark.parametrize("ending", [".gif", ".apng", ".webp"])
def test_animation_of_one_frame(tmp_path, ending):
    images.save_animation(tmp_path / f"a{ending}", [torch.ones(1, 5, 5)])
    torch.testing.assert_close(images.load_image(tmp_path / f"a{ending}"), torch.ones(1, 5, 5))


@pytest.mark.parametrize(("height", "width"), [(32, 48), (33, 49), (1, 1)])
def test_mp4_has_its_frames(tmp_path, height, width):
    """An odd size gets its last row or column twice: nothing is lost."""
    av = pytest.importorskip("av")
    frames = [torch.full((3, height, width), n / 9) for n in range(10)]
    images.save_animation(tmp_path / "a.mp4", frames, seconds=1.0, hold=0.5)
    with av.open(str(tmp_path / "a.mp4")) as container:
        found = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert container.streams.video[0].average_rate == 10
    assert len(found) == 15
    assert found[0].shape == (height + height % 2, width + width % 2, 3)
    for n, array in enumerate(found):
        assert abs(array.mean() / 255 - min(n, 9) / 9) < 0.03


@pytest.mark.parametrize(("ending", "most"), [(".webp", 16_383), (".jpg", 65_500), (".gif", 65_535)])
def test_limits_of_formats_are_the_formats_own(tmp_path, ending, most):
    """The largest side is written, one pixel more is refused beforehand and by the format."""
    path = tmp_path / f"a{ending}"
    save = images.save_image if ending in images.STILL else lambda path, image: images.save_animation(path, [image])
    images.check_extent(path, 1, most)
    save(path, torch.zeros(1, 1, most))
    with pytest.raises(ImageError, match=rf"a\{ending} would have {most + 1}x1 pixels and .* holds {most} a side; choose another"):
        images.check_extent(path, 1, most + 1)
    with pytest.raises(ImageError, match="cannot be written"):
        save(path, torch.zeros(1, 1, most + 1))
    images.check_extent(tmp_path / "a.png", 1, most + 1)


def test_mp4_without_its_extra_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImageError, match=r"drawgen\[video\]"):
        images.check_output(tmp_path / "a.mp4")


@pytest.mark.parametrize("ending", [*images.STILL, *images.MOVING, ".JPG"])
def test_check_output_lets_good_names_pass(tmp_path, ending):
    if ending == ".mp4":
        pytest.importorskip("av")
    images.check_output(tmp_path / f"a{ending}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.xyz", "has no known ending; use one of .apng"),
        ("a", "has no known ending"),
        (".png", "has no known ending"),
        ("none/a.png", "does not exist; make it first"),
        ("folder.png", "is a folder; give a file name in it"),
        ("there.png", "exists already; choose another name or give `force`"),
    ],
)
def test_check_output_refuses(tmp_path, name, words):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "there.png").touch()
    with pytest.raises(ImageError) as caught:
        images.check_output(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert words in str(caught.value)


def test_check_output_lets_force_replace_a_file_but_no_folder(tmp_path):
    (tmp_path / "there.png").touch()
    images.check_output(tmp_path / "there.png", force=True)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ImageError, match="is a folder"):
        images.check_output(tmp_path / "folder.png", force=True)


@pytest.mark.skipif(AS_ROOT, reason="root may write everywhere")
def test_check_output_refuses_a_folder_that_may_not_be_written(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(ImageError, match="may not be written to; choose another"):
        images.check_output(tmp_path / "closed" / "a.png")


# ---------------------------------------------------------------- windows


@pytest.mark.parametrize(("shape", "wanted"), [((1, 40, 60), (3, 32, 32)), ((3, 60, 40), (1, 16, 24)), ((3, 5, 5), (3, 32, 32))])
def test_fit_to_takes_the_middle(shape, wanted):
    picture = torch.zeros(shape)
    picture[:, shape[1] // 4 : -shape[1] // 4 or None, shape[2] // 4 : -shape[2] // 4 or None] = 1
    fitted = images.fit_to(picture, wanted)
    assert fitted.shape == wanted
    assert fitted[:, wanted[1] // 2, wanted[2] // 2].min() > 0.8


def test_boxes_lie_where_they_are_told():
    from drawgen.contract import Sample

    canvases = torch.zeros(2, 1, 1, 10, 10)
    boxes = {"write": torch.tensor([[[2.0, 3.0, 6.0, 8.0]], [[-5.0, -5.0, 30.0, 30.0]]])}
    sample = Sample(canvases[-1], lambda count: iter(canvases[:count]), boxes)
    first, second = images.boxed(sample, scale=4)
    assert first.shape == (1, 3, 40, 40)
    painted = torch.nonzero(first[0, 0])
    assert painted.min(0).values.tolist() == [12, 8]
    assert painted.max(0).values.tolist() == [31, 23]
    assert second.sum() == 0, "a window beyond the picture shows no edge in it"
    with pytest.raises(ImageError, match="leave `boxes` out"):
        list(images.boxed(Sample(canvases[-1])))

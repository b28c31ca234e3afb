"""Crops of pictures: a pure function of (seed, step, rank), from the training part only."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from drawgen.data.pictures import Crops, DataError
from drawgen.images import ImageError


def numbered(folder, name="a.png", height=40, width=50):
    """A picture whose 16-bit pixels are all different, in steps of 16: a crop tells where it comes from."""
    Image.fromarray(16 * np.arange(height * width, dtype=np.uint16).reshape(height, width)).save(folder / name)
    return str(folder / name)


def noise(folder, name, height=30, width=30, mode="RGB"):
    pixels = np.random.default_rng(len(name)).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(folder / name)


def first(data, count, **options):
    return list(islice(data.stream("train", **options), count))


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    return Crops(path=numbered(tmp_path_factory.mktemp("numbered")), crop_px=12, batch=3, held_out=0.25)


@given(st.integers(0, 2**40), st.integers(0, 20), st.integers(0, 3))
@settings(derandomize=True, deadline=None, database=None, max_examples=25)
def test_starting_later_is_skipping(crops, seed, start, rank):
    """A resumed run sees the batches that the uninterrupted one would have seen."""
    whole = first(crops, start + 2, seed=seed, rank=rank, ranks=4)
    later = first(crops, 2, seed=seed, start=start, rank=rank, ranks=4)
    for a, b in zip(whole[start:], later, strict=True):
        assert torch.equal(a.images, b.images)


def test_seeds_steps_and_ranks_all_matter(crops):
    keys = [(seed, start, rank) for seed in (0, 1) for start in (0, 1) for rank in (0, 1)]
    batches = [first(crops, 1, seed=seed, start=start, rank=rank, ranks=2)[0].images for seed, start, rank in keys]
    for n, batch in enumerate(batches):
        assert not any(torch.equal(batch, other) for other in batches[:n])


def test_crops_are_squares_of_the_training_rows_and_reach_all_of_them(crops):
    """Rows 0 to 29 of 40; the lowest quarter is held out. Every place comes up, to the last row and column."""
    tops, lefts = set(), set()
    for batch in first(crops, 300, seed=0):
        assert batch.images.shape == (3, 1, 12, 12)
        for crop in batch.images:
            place = round(crop[0, 0, 0].item() * 65535 / 16)
            top, left = divmod(place, 50)
            expected = (torch.arange(12)[:, None] + top) * 50 + torch.arange(12) + left
            torch.testing.assert_close(crop[0], expected * 16 / 65535)
            tops.add(top)
            lefts.add(left)
    assert tops == set(range(30 - 12 + 1))
    assert lefts == set(range(50 - 12 + 1))


def test_validation_is_the_held_out_rows_once(crops):
    (batch,) = crops.stream("valid", seed=0)
    seen = (batch.images * 65535 / 16).round().long()
    assert seen.shape == (5, 1, 10, 10)
    assert torch.equal(seen.flatten().sort().values, torch.arange(30 * 50, 40 * 50))
    (other,) = crops.stream("valid", seed=9)
    assert torch.equal(other.images, batch.images)


def test_nothing_held_out_gives_no_validation(tmp_path):
    data = Crops(path=numbered(tmp_path), held_out=0.0)
    assert list(data.stream("valid", seed=0)) == []
    assert data.pictures[0][0].image.shape == (1, 40, 50)


def test_ranks_share_the_validation_part(tmp_path):
    for n in range(5):
        noise(tmp_path, f"{'x' * n}a.png", mode="L")
    data = Crops(path=str(tmp_path))
    parts = [list(data.stream("valid", seed=0, rank=rank, ranks=2)) for rank in range(2)]
    assert [len(part) for part in parts] == [3, 2]
    whole = list(data.stream("valid", seed=0))
    for n, batch in enumerate(whole):
        assert torch.equal(batch.images, parts[n % 2][n // 2].images)


def test_folder_of_grey_and_colour_becomes_colour(tmp_path):
    """Other files are passed over."""
    noise(tmp_path, "a.png", mode="L")
    noise(tmp_path, "b.JPG", mode="RGB")
    (tmp_path / "notes.txt").write_text("not a picture")
    data = Crops(path=str(tmp_path), crop_px=8, batch=16)
    assert data.spec().image == (3, 8, 8)
    batch = first(data, 1, seed=0)[0].images
    grey = [bool((crop[0] == crop[1]).all() and (crop[0] == crop[2]).all()) for crop in batch]
    assert set(grey) == {True, False}


def test_larger_pictures_give_more_crops(tmp_path):
    Image.new("L", (100, 100), 255).save(tmp_path / "large.png")
    Image.new("L", (10, 10), 0).save(tmp_path / "small.png")
    data = Crops(path=str(tmp_path), crop_px=4, batch=400, held_out=0.0)
    assert first(data, 1, seed=0)[0].images.mean() > 0.97


def test_grey_drops_the_colour(tmp_path):
    """By luma: green is the brightest."""
    for name, colour in {"a": (255, 0, 0), "b": (0, 255, 0), "c": (0, 0, 255)}.items():
        Image.new("RGB", (20, 20), colour).save(tmp_path / f"{name}.png")
    data = Crops(path=str(tmp_path), grey=True, crop_px=4)
    assert data.spec().image == (1, 4, 4)
    means = [part.image.mean().item() for part in data.pictures[0]]
    assert means == pytest.approx([0.299, 0.587, 0.114])


def test_crops_are_as_small_as_the_smallest_picture(tmp_path):
    noise(tmp_path, "a.png", height=8, width=40)
    noise(tmp_path, "bb.png", height=50, width=40)
    data = Crops(path=str(tmp_path), crop_px=48)
    assert data.spec().image == (3, 7, 7)  # 8 rows, one of them held out
    assert first(data, 1, seed=0)[0].images.shape[2:] == (7, 7)
    assert [tuple(batch.images.shape[2:]) for batch in data.stream("valid", seed=0)] == [(1, 1), (6, 6)]


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
def test_too_small_a_picture_is_refused(tmp_path, size):
    noise(tmp_path, "a.png", *size)
    with pytest.raises(ImageError, match=r"a\.png is too small to learn from; give"):
        Crops(path=str(tmp_path / "a.png")).spec()


@pytest.mark.parametrize(("longest_px", "shape"), [(0, (40, 50)), (50, (40, 50)), (100, (40, 50)), (25, (20, 25))])
def test_longest_px_reduces_larger_pictures(tmp_path, longest_px, shape):
    data = Crops(path=numbered(tmp_path), longest_px=longest_px, held_out=0.0)
    assert data.pictures[0][0].image.shape[1:] == shape


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crop_px", 0),
        ("crop_px", -3),
        ("batch", 0),
        ("longest_px", -1),
        ("held_out", 1.0),
        ("held_out", -0.1),
        ("held_out", float("nan")),
    ],
)
def test_bad_values_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"data\.{name}( is)? {value}"):
        replace(Crops(), **{name: value})


def test_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("not a picture")
    with pytest.raises(DataError, match="holds no pictures; put PNG or JPEG files in it") as caught:
        Crops(path=str(tmp_path)).spec()
    assert str(tmp_path) in str(caught.value)


def test_damaged_picture_in_a_folder_is_named(tmp_path):
    noise(tmp_path, "a.png")
    (tmp_path / "b.png").write_text("not a picture")
    with pytest.raises(ImageError, match=r"b\.png is not a picture"):
        Crops(path=str(tmp_path)).spec()


def test_nothing_is_read_before_it_is_needed():
    """A preset may name what is not there; asking for it says so."""
    with pytest.raises(ImageError, match="does not exist"):
        Crops(path="no/such.png").spec()


def test_what_systems_leave_is_passed_over(tmp_path):
    """A folder of pictures from a Mac, from Windows, from a notebook, and a folder that is named as a picture."""
    noise(tmp_path, "a.png")
    for name in ("._a.png", "__MACOSX/._a.png", ".ipynb_checkpoints/a-checkpoint.png", "Thumbs.db", ".DS_Store", "sub.jpg/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\26\7")
    assert Crops(path=str(tmp_path)).paths() == [str(tmp_path / "a.png")]
    (tmp_path / "a.png").unlink()
    with pytest.raises(DataError, match="holds no pictures"):
        Crops(path=str(tmp_path)).paths()


# ---------------------------------------------------------------- transparency


def sprite(path, height=60, width=80, box=(5, 10, 45, 70)):
    """Grey noise of 100 to 149 in a box; elsewhere transparent, with black hidden there."""
    pixels = np.zeros((height, width, 2), np.uint8)
    top, left, bottom, right = box
    pixels[top:bottom, left:right, 0] = np.random.default_rng(0).integers(100, 150, (bottom - top, right - left))
    pixels[top:bottom, left:right, 1] = 255
    Image.fromarray(pixels).save(path)
    return str(path)


def test_transparent_pixels_are_not_part_of_an_exemplar(tmp_path):
    """Neither the hidden black nor the white that they are laid on; every opaque place comes up."""
    data = Crops(path=sprite(tmp_path / "a.png"), crop_px=30, batch=8)
    assert data.spec().image == (1, 30, 30)
    crops = torch.cat([batch.images for batch in first(data, 100, seed=0)])
    assert 100 <= crops.min() * 255 < 102
    assert 147 < crops.max() * 255 <= 149.01
    assert len({tuple(crop[0, 0, :3].tolist()) for crop in crops}) > 200  # of 11 x 31 places
    assert list(data.stream("valid", seed=0)) == []  # its lowest rows are transparent


def test_crops_are_as_small_as_the_largest_opaque_square(tmp_path):
    data = Crops(path=sprite(tmp_path / "a.png", box=(20, 3, 60, 24)), crop_px=48)
    assert data.spec().image == (1, 21, 21)
    (valid,) = data.stream("valid", seed=0)
    assert valid.images.shape == (2, 1, 8, 8)  # of the lowest eight rows
    assert valid.images.min() * 255 > 99
    assert valid.images.max() * 255 < 150


def test_a_wholly_transparent_exemplar_is_refused(tmp_path):
    Image.new("RGBA", (40, 40), (1, 2, 3, 0)).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"a\.png has no opaque pixels to learn from; give"):
        Crops(path=str(tmp_path / "a.png")).spec()


def test_opaque_alpha_changes_nothing(tmp_path):
    noise(tmp_path, "a.png")
    Image.open(tmp_path / "a.png").convert("RGBA").save(tmp_path / "b.png")
    one, other = (first(Crops(path=str(tmp_path / name), crop_px=8), 1, seed=3)[0].images for name in ("a.png", "b.png"))
    assert torch.equal(one, other)


# ---------------------------------------------------------------- what lies in a folder


def test_what_a_mac_leaves_in_a_folder_is_passed_over(tmp_path):
    """And a folder that is named like a picture."""
    noise(tmp_path, "a.png")
    (tmp_path / "._a.png").write_bytes(b"\0\5\x16\7")
    (tmp_path / "sub.jpg").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    assert Crops(path=str(tmp_path)).paths() == [str(tmp_path / "a.png")]


def test_pictures_that_are_not_read_are_named_not_passed_over(tmp_path):
    noise(tmp_path, "a.png")
    (tmp_path / "b.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    with pytest.raises(ImageError, match=r"b\.HEIC is a HEIC picture, which is not read"):
        Crops(path=str(tmp_path)).spec()


# ---------------------------------------------------------------- whole pictures held out, crops that grow, mirrored ones


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    """Eight pictures of 70 x 150 pixels, the n-th of level 10 n."""
    folder = tmp_path_factory.mktemp("eight")
    for n in range(8):
        Image.fromarray(np.full((70, 150), 10 * n, np.uint8)).save(folder / f"{n}.png")
    return Crops(path=str(folder), crop_px=16, batch=50, held_out=0.25, whole=True)


def levels(batches):
    return sorted({round(255 * level) // 10 for batch in batches for level in batch.images.flatten().unique().tolist()})


def test_whole_pictures_are_held_out(eight):
    """Spread evenly over their names; each picture is measured in adjacent squares of 64 pixels."""
    assert levels(eight.stream("valid", seed=0)) == [3, 7]
    assert levels(eight.stream("seen", seed=0)) == [0, 1, 2, 4, 5, 6]
    assert levels(first(eight, 20, seed=0)) == [0, 1, 2, 4, 5, 6]
    assert all(batch.images.shape == (2, 1, 64, 64) for batch in eight.stream("valid", seed=0))
    alone = replace(eight, path=f"{eight.path}/1.png")
    assert levels(first(alone, 1, seed=0)) == [1]
    assert list(alone.stream("valid", seed=0)) == []


def test_a_model_of_one_size_is_measured_on_squares_of_its_size(eight):
    """Of whole pictures and of held-out rows; what is smaller is left out."""
    for whole in (True, False):
        held = list(replace(eight, whole=whole, one_size=True, held_out=0.25).stream("valid", seed=0))
        assert [tuple(batch.images.shape[2:]) for batch in held] == [(16, 16)] * (2 if whole else 8)
        assert len(held[0].images) == (4 * 9 if whole else 9)
    assert list(replace(eight, whole=False, one_size=True, crop_px=20).stream("valid", seed=0)) == []


def test_the_training_part_can_be_measured(crops):
    """`seen`: rows 0 to 29 once, cut as the held-out ones are."""
    (batch,) = crops.stream("seen", seed=0)
    assert batch.images.shape == (1, 1, 30, 30)
    assert torch.equal(batch.images[0], crops.pictures[0][0].image[:, :, :30])


def test_crops_grow_to_their_size_and_resume_there(crops):
    growing = replace(crops, first_px=5, growth=6)
    sides = [batch.images.shape[2] for batch in first(growing, 8, seed=0)]
    assert sides == [5, 5, 7, 7, 9, 9, 12, 12]
    assert growing.spec() == crops.spec()
    for start in range(8):
        (later,) = first(growing, 1, seed=0, start=start)
        assert torch.equal(later.images, first(growing, 8, seed=0)[start].images)
    assert torch.equal(first(growing, 1, seed=0, start=6)[0].images, first(crops, 1, seed=0, start=6)[0].images)


def test_about_half_of_the_crops_are_mirrored(crops):
    plain, mirrored = (
        torch.cat([batch.images for batch in first(data, 100, seed=0)]) for data in (crops, replace(crops, mirror=True))
    )
    same = (plain == mirrored).flatten(1).all(1)
    turned = (plain.flip(3) == mirrored).flatten(1).all(1)
    assert (same | turned).all()
    assert 0.4 < same.float().mean() < 0.6


def test_normals_are_turned_when_they_are_mirrored(tmp_path):
    """Normals that all lean to the right lean to the left in a mirrored crop."""
    ramp = np.arange(0, 240, 10, dtype=np.uint8)[None].repeat(24, 0)
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    Image.fromarray(np.full((24, 24, 3), (204, 102, 230), np.uint8)).save(tmp_path / "normal.png")
    data = Crops(path=str(tmp_path / "ramp.png"), maps=(str(tmp_path / "normal.png"),), crop_px=8, batch=20, mirror=True)
    (batch,) = first(data, 1, seed=0)
    mirrored = batch.images[:, 0, 0, 0] > batch.images[:, 0, 0, -1]
    assert 0 < mirrored.sum() < 20
    for image, turned in zip(batch.images, mirrored, strict=True):
        expected = torch.tensor([51 if turned else 204, 102, 230]) / 255
        torch.testing.assert_close(image[1:], expected[:, None, None].expand(-1, 8, 8))

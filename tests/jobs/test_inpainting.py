"""Holes of photographs, and photographs beyond their edges."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import refused, run
from PIL import Image
from skimage import data

import drawgen
from drawgen import checkpoint, images
from drawgen.contract import Repairs, generator
from drawgen.images import ImageError
from drawgen.interrupts import Interrupted
from drawgen.ranges import ArgumentError
from drawgen.training.run import Run

SHORT = ["--invent", "detail", "--steps", "2"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with a photograph in colour and its mask, of 72 x 64 pixels."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(data.coffee()[100:164, 200:272]).save("photo.png")
    mask = np.zeros((64, 72), np.uint8)
    mask[20:34, 30:50] = 255
    Image.fromarray(mask).save("mask.png")
    return tmp_path


def pixels(name):
    return np.asarray(Image.open(name)).astype(int)


def outside():
    return pixels("mask.png") == 0


# ---------------------------------------------------------------- what stays


@pytest.mark.parametrize("more", [[], SHORT], ids=["nothing", "detail"])
def test_all_outside_the_hole_stays(here, capsys, more):
    assert run(capsys, "inpaint", "photo.png", "--mask", "mask.png", "-o", "new.png", *more)[:2] == (0, "new.png\n")
    assert np.array_equal(pixels("new.png")[outside()], pixels("photo.png")[outside()])
    assert not np.array_equal(pixels("new.png"), pixels("photo.png"))
    assert Path("new.model").is_dir() == bool(more)


@pytest.mark.parametrize("more", [[], SHORT], ids=["nothing", "detail"])
def test_the_photograph_stays_where_it_is_extended(here, capsys, more):
    assert run(capsys, "extend", "photo.png", "--by", "10,0,20,6", "-o", "new.png", *more)[0] == 0
    assert pixels("new.png").shape == (70, 102, 3)
    assert np.array_equal(pixels("new.png")[:64, 10:82], pixels("photo.png"))
    assert run(capsys, "extend", "photo.png", "--size", "80x65", "-o", "sized.png")[0] == 0
    assert np.array_equal(pixels("sized.png")[:64, 4:76], pixels("photo.png"))
    assert run(capsys, "extend", "photo.png", "--by", "3", "-o", "around.png")[0] == 0
    assert np.array_equal(pixels("around.png")[3:67, 3:75], pixels("photo.png"))


def test_what_is_in_the_hole_does_not_matter(here):
    """Neither for the filling nor for what a model learns."""
    other = pixels("photo.png").astype(np.uint8)
    other[~outside()] = (0, 255, 0)
    Image.fromarray(other).save("other.png")
    for options in ({}, {"invent": "detail", "steps": 2}):
        one, two = (drawgen.inpaint(name, mask="mask.png", **options).images for name in ("photo.png", "other.png"))
        assert torch.equal(one, two)


def test_a_black_mask_changes_nothing(here, capsys):
    Image.new("L", (72, 64)).save("black.png")
    status, _, said = run(capsys, "inpaint", "photo.png", "--mask", "black.png", "-o", "new.png")
    assert (status, said) == (0, "the mask black.png is black, so there is nothing to fill; make it white where there is\n")
    assert np.array_equal(pixels("new.png"), pixels("photo.png"))


def test_transparent_parts_are_filled(here, capsys):
    Image.fromarray(np.dstack([pixels("photo.png"), pixels("mask.png") ^ 255]).astype(np.uint8)).save("clear.png")
    assert run(capsys, "inpaint", "clear.png", "-o", "new.png")[0] == 0
    assert np.array_equal(pixels("new.png")[outside()], pixels("photo.png")[outside()])
    assert pixels("new.png").shape == (64, 72, 3)


def test_other_transparent_parts_stay(here, capsys):
    """With a mask: they are not taken from, and stay transparent."""
    alpha = np.full((64, 72), 255, np.uint8)
    alpha[:, :10] = 0
    Image.fromarray(np.dstack([pixels("photo.png").astype(np.uint8), alpha])).save("clear.png")
    assert run(capsys, "inpaint", "clear.png", "--mask", "mask.png", "-o", "new.png")[0] == 0
    found = pixels("new.png")
    assert np.array_equal(found[..., 3], alpha)
    kept = outside() & (alpha == 255)
    assert np.array_equal(found[kept][:, :3], pixels("photo.png")[kept])
    refused(capsys, here, "inpaint clear.png --mask mask.png -o new.jpg", "new.jpg cannot be written as JPEG")


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_stay(here, capsys, channels):
    numbers = torch.rand(channels, 64, 72, generator=generator(0))
    Path("deep.png").write_bytes(images.png(numbers, bits=16))
    assert run(capsys, "inpaint", "deep.png", "--mask", "mask.png", "-o", "new.png")[0] == 0
    (before, deep), (after, bits) = (images.load_numbers(name) for name in ("deep.png", "new.png"))
    assert (deep, bits) == (16, 16)
    kept = torch.from_numpy(outside())
    assert torch.equal(before[:, kept], after[:, kept])
    status, _, said = run(capsys, "inpaint", "deep.png", "--mask", "mask.png", "-o", "new.tif")
    assert (status, said) == (0, "deep.png has 16 bits per channel, and new.tif will have 8; PNG keeps them\n")


def test_only_the_source_is_used(here):
    """A white half and a black one; filled from the black one only."""
    photo = np.zeros((64, 72), np.uint8)
    photo[:, 40:] = 255
    source = np.where(np.arange(72) < 36, 255, 0).astype(np.uint8)
    filled = drawgen.inpaint(photo, mask="mask.png", source=np.tile(source, (64, 1)))
    assert float(filled.images[0, 0, 24:30, 36:44].max()) < 0.5


# ---------------------------------------------------------------- models


def test_a_model_that_is_there(here, capsys):
    """Trained by one command, used for another hole; and one of grey for a picture in colours is refused."""
    assert run(capsys, "inpaint", "photo.png", "--mask", "mask.png", "-o", "new.png", *SHORT)[0] == 0
    Image.fromarray(np.roll(pixels("mask.png"), 9, 0).astype(np.uint8)).save("mask.png")
    assert run(capsys, "inpaint", "photo.png", "--mask", "mask.png", "-o", "other.png", "--model", "new.model")[0] == 0
    assert np.array_equal(pixels("other.png")[outside()], pixels("photo.png")[outside()])
    refused(
        capsys, here, "inpaint photo.png --mask mask.png -o x.png --model ride:gravel", "--model is ride:gravel, of grey pictures"
    )
    refused(
        capsys, here, "inpaint photo.png --mask mask.png -o x.png --model draw", "draw is not a model that fills holes of pictures"
    )
    refused(
        capsys, here, "inpaint photo.png --mask mask.png -o x.png --model new.model --steps 3", "--model is given", "leave --steps"
    )
    refused(capsys, here, "inpaint photo.png --mask mask.png -o x.png --steps 3", "--invent is nothing", "leave --steps")


def test_a_grey_picture_by_a_model_of_colours(here):
    grey = np.asarray(Image.open("photo.png").convert("L"))
    drawgen.inpaint("photo.png", mask="mask.png", invent="detail", steps=2, save="model")
    filled = drawgen.load("model").inpaint(grey, mask="mask.png")
    assert filled.images.shape == (1, 3, 64, 72)
    assert filled.trained.source == "model"


def test_a_model_without_layout(here):
    drawgen.texture("photo.png", size=(16, 16), steps=2, invent="all", save="model")
    assert isinstance(drawgen.load("model").model, Repairs)
    with pytest.raises(ArgumentError, match=r"^model has no layout"):
        drawgen.inpaint("photo.png", mask="mask.png", model="model")


def test_an_interrupted_training_goes_on(here, monkeypatch):
    """To the same picture as without the interruption."""
    whole = drawgen.inpaint("photo.png", mask="mask.png", invent="detail", steps=4).images
    plain = Run.advance

    def advance(self, batch):
        plain(self, batch)
        if self.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Run, "advance", advance)
    with pytest.raises(Interrupted):
        drawgen.inpaint("photo.png", "new.png", mask="mask.png", invent="detail", steps=4)
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert not Path("new.png").exists()
    assert checkpoint.states(here / "new.model")
    resumed = drawgen.inpaint("photo.png", here / "new.png", mask="mask.png", invent="detail", steps=4, resume=True)
    assert torch.equal(resumed.images, whole)


# ---------------------------------------------------------------- what is wrong


def test_what_is_refused(here, capsys):
    for name, size in (("small", (9, 9)), ("white", (72, 64))):
        Image.new("L", size, 255).save(f"{name}.png")
    Image.new("L", (72, 64), 99).save("grey.png")
    words = "inpaint photo.png -o x.png"
    refused(capsys, here, words, "--mask is not given, and photo.png has no transparent parts to fill")
    refused(capsys, here, f"{words} --mask small.png", "the mask small.png is 9x9 pixels and its photograph 72x64")
    refused(capsys, here, f"{words} --mask grey.png", "the mask grey.png is grey in 100% of its pixels")
    refused(capsys, here, f"{words} --mask white.png", "white.png leaves nothing of photo.png to take from")
    refused(capsys, here, f"{words} --mask mask.png --source mask.png", "mask.png and mask.png leaves nothing of photo.png")
    refused(capsys, here, f"{words} --mask absent.png", "absent.png does not exist")
    refused(capsys, here, "inpaint photo.png --mask mask.png -o x.gif", "x.gif cannot hold this")
    refused(capsys, here, "inpaint photo.png --mask mask.png -o mask.png --force", "mask.png")
    extend = "extend photo.png -o x.png"
    refused(capsys, here, extend, "--by and --size are two ways to say the same; give one of them")
    refused(capsys, here, f"{extend} --by 1 --size 99x99", "--by and --size are two ways to say the same; give one of them")
    refused(capsys, here, f"{extend} --by 1,2,3", "--by is '1,2,3'; give four numbers of pixels")
    refused(capsys, here, f"{extend} --by=-1", "--by is '-1'; give four numbers of pixels")
    refused(capsys, here, f"{extend} --size 20x99", "--size is 20x99, smaller than photo.png (72x64)")
    refused(capsys, here, f"{extend} --by 60000", "GiB of memory")
    refused(capsys, here, f"{extend} --by 1 --source small.png", "the mask small.png is 9x9 pixels")


def test_what_is_refused_from_python(here):
    with pytest.raises(ArgumentError, match=r"^by is \(-1, 0, 0, 0\)"):
        drawgen.extend("photo.png", by=(-1, 0, 0, 0))
    with pytest.raises(ArgumentError, match=r"^invent is 'all'"):
        drawgen.inpaint("photo.png", mask="mask.png", invent="all")
    clear = np.zeros((64, 72, 4), np.uint8)
    with pytest.raises(ImageError, match=r"leaves nothing|no opaque"):
        drawgen.extend(clear, by=(1, 0, 0, 0))

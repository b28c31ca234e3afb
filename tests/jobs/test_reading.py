"""Which reader a picture has, and what `read` answers and refuses."""

import json

import pytest
import torch

from drawgen import cli, images, jobs, models
from drawgen.data.clutter import segments
from drawgen.images import ImageError
from drawgen.jobs.reading import CLUTTER, DIGIT, PAIR, ROW, read, reader_for

DIGITS = torch.from_numpy(segments(1).pictures).float() / 255  # 10 28 28


def page(*places, height=120, width=200):
    """Ink on grey paper under a lamp: (digit, top, left) ..."""
    light = torch.linspace(0.6, 0.9, width).expand(1, height, width).clone()
    for digit, top, left in places:
        light[0, top : top + 28, left : left + 28] *= 1 - 0.85 * DIGITS[digit]
    return light


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run folder of each kind of reader."""
    folder = tmp_path_factory.mktemp("readers")
    for name in ("glimpse_reader", "draw_classifier"):
        jobs.train(name, models.recipe(name, "tiny"), folder / name, preset="tiny")
    return folder


@pytest.mark.parametrize(
    ("picture", "reader"),
    [
        (page((7, 40, 80)), DIGIT),
        (page((1, 40, 30), (2, 42, 62), (3, 38, 95)), ROW),
        (page((1, 10, 30), (2, 80, 140)), PAIR),
        (torch.rand(1, 100, 100, generator=torch.Generator().manual_seed(0)).gt(0.995).float(), CLUTTER),
    ],
)
def test_the_reader_that_a_picture_fits(picture, reader):
    assert reader_for(picture, "it") == reader


def test_pictures_without_digits_are_refused():
    with pytest.raises(ImageError, match="it: the picture shows nothing but paper"):
        reader_for(torch.full((1, 50, 50), 0.7), "it")
    many = page(*((n % 10, 5 + 40 * (n // 5), 5 + 38 * (n % 5)) for n in range(15)))
    with pytest.raises(ImageError, match="it shows 15 pieces of ink, which are no row"):
        reader_for(many, "it")


def test_answers_name_picture_and_model(trained, tmp_path, capsys):
    images.save_image(tmp_path / "row.png", page((1, 40, 30), (2, 42, 62)))
    found = read([str(tmp_path / "row.png")], tmp_path / "looks.png", model=trained / "glimpse_reader", n=2)
    assert [(one.picture, one.model, len(one.labels)) for one in found] == [
        (str(tmp_path / "row.png"), str(trained / "glimpse_reader"), 2)
    ]
    assert (tmp_path / "looks.png").exists()
    cli.main(
        ["read", str(tmp_path / "row.png"), "--model", str(trained / "glimpse_reader"), "--json", "-o", str(tmp_path / "l.gif")]
    )
    said = json.loads(capsys.readouterr().out)
    assert said["labels"][0]["label"].isdigit()
    assert images.load_image(tmp_path / "l.gif").shape[1] > 32


def test_several_readers_are_not_shown_in_one_picture(tmp_path):
    with pytest.raises(ValueError, match=rf"picture 1 is for {ROW}, and picture 2 for {PAIR}; show them one by one"):
        read([page((1, 40, 30), (2, 42, 62)), page((1, 10, 30), (2, 80, 140))], tmp_path / "looks.png")
    assert not (tmp_path / "looks.png").exists()


def test_a_model_that_reads_nothing_is_refused():
    with pytest.raises(ValueError, match="pointer_net is not a model that reads pictures"):
        read([page((1, 40, 30))], model="pointer_net")

"""The bits of each pixel: the model's own, and what they look like."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import drawgen
from drawgen import cli, images, models
from drawgen.contract import Request, Spec, generator
from drawgen.data.pictures import Pictures
from drawgen.jobs.heat_maps import ENDS, UNKNOWN, HeatMap, coloured, heat_map
from drawgen.models.ride import PRESETS, Config


@pytest.mark.parametrize("config", [PRESETS["tiny"].model, Config(layout=2, units=8, hidden=8, embed=8, components=3)])
def test_the_bits_add_up(config):
    """To what `measure` gives of the whole picture; and a change of a pixel changes nothing before it."""
    model = models.build(config, Spec((3, 20, 24), exemplar=(20, 24)), rng=generator(0)).eval()
    picture = torch.rand(1, 3, 20, 24, generator=generator(1))
    bits = model.bits_by_pixel(picture)
    assert bits.shape == (1, 20, 24)
    total, count = model.measure(Pictures(picture), rng=generator(0))["bits_per_dim"]
    assert float(bits.sum()) == pytest.approx(total.item(), rel=1e-4)
    assert count == 3 * 20 * 24
    if config.layout:
        return  # a layout is made of all pixels
    picture[0, :, 10, 12] = 1 - picture[0, :, 10, 12]
    change = (model.bits_by_pixel(picture) - bits).abs()[0]
    before = torch.cat([change[:10].flatten(), change[10, :12]]).max()
    assert before < 1e-4
    assert min(change[10, 12], change[10, 13], change[11, 12]) > 10 * before
    assert model.bytes_per_pixel > 0


def test_lighter_means_more():
    """Each colour is lighter than the one before."""
    scale = coloured(torch.linspace(-0.1, 1.1, 240)[None])[:, 0]
    light = (scale * torch.tensor([0.2126, 0.7152, 0.0722])[:, None]).sum(0)
    steps = light.diff()
    assert (steps >= 0).all()
    assert (steps[25:-25] > 0).all()


def test_the_ends_and_what_is_transparent():
    bits = torch.arange(1000.0).view(10, 100)
    opaque = torch.ones(10, 100, dtype=torch.bool)
    opaque[9, 99] = False
    found = HeatMap(bits, opaque)
    low, high = found.ends
    assert (low, high) == (round(ENDS[0] * 998), round(ENDS[1] * 998))
    assert found.mean == pytest.approx(998 / 2)
    shown = (found.picture() * 255).round()
    assert shown[:, 9, 99].tolist() == list(UNKNOWN)
    assert shown[:, 0, 0].tolist() == [0, 0, 4]
    assert shown[:, 9, 98].tolist() == [252, 255, 164]
    assert torch.isfinite(HeatMap(torch.ones(2, 2), torch.ones(2, 2, dtype=torch.bool)).picture()).all()


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("photo.png")
    return "photo.png"


def test_the_command(photo, capsys):
    """The whole picture at its size, and a legend."""
    words = ["eval", "ride:dirt", "--data", photo, "--heat", "heat.png"]
    assert cli.main(words) == 0
    done = capsys.readouterr()
    scores = dict(line.split() for line in done.out.splitlines())
    assert list(scores) == ["pixels", "bits_per_pixel", "bits_per_dim", "black_bits_per_pixel", "yellow_bits_per_pixel"]
    assert scores["pixels"] == "1200"
    assert float(scores["bits_per_pixel"]) == pytest.approx(3 * float(scores["bits_per_dim"]), abs=1e-3)
    low, high = (float(scores[f"{name}_bits_per_pixel"]) for name in ("black", "yellow"))
    assert done.err == (
        f"heat.png: black is {low:.1f} bits per pixel or fewer, pale yellow {high:.1f} or more; the lighter, the more surprising\n"
    )
    assert images.picture_size("heat.png") == (30, 40)
    assert cli.main(words) == 2
    assert "heat.png exists already" in capsys.readouterr().err
    assert cli.main([*words, "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pixels"] == 1200


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ride:dirt", "--data", "photo.png", "--heat", "heat.txt"], "heat.txt has no known ending"),
        (["ride:dirt", "--data", "photo.png", "--heat", "photo.png"], "photo.png is the file that is read"),
        (["ride:dirt", "--data", "several", "--heat", "heat.png"], "--heat shows one picture, and several has several; give one"),
        (["draw", "--heat", "heat.png"], "--heat is asked of draw, which has no bits of single pixels; models of the kind `ride`"),
        (["ride:dirt", "--data", "photo.png", "--heat", "heat.png", "--split", "valid"], "--heat shows every pixel of a picture"),
        (["ride:dirt", "--data", "photo.png", "--force"], "--force replaces a picture, and none is asked for"),
        (["ride:dirt", "--data", "absent.png", "--heat", "heat.png"], "absent.png does not exist"),
    ],
)
def test_refused(photo, tmp_path, capsys, words, message):
    (tmp_path / "several").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "several" / name).write_bytes((tmp_path / photo).read_bytes())
    assert cli.main(["eval", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "heat.png").exists()


def test_the_picture_of_a_run_is_not_replaced(photo, capsys, tmp_path):
    drawgen.texture(photo, "new.png", size=(9, 9), invent="all", steps=2)
    before = (tmp_path / photo).read_bytes()
    assert cli.main(["eval", "new.model", "--heat", photo, "--force"]) == 2
    assert "photo.png is the file that is read" in capsys.readouterr().err
    assert (tmp_path / photo).read_bytes() == before
    assert cli.main(["eval", "new.model", "--heat", "heat.png"]) == 0


def test_a_defect_stands_out(photo):
    """Noise in a sample of the model."""
    model = models.load("ride:dirt")
    sample = model.sample(Request(size=(60, 60), seed=1)).images[0].clone()
    sample[:, 40:46, 30:36] = torch.rand(3, 6, 6, generator=generator(0))
    images.save_image(Path(photo), sample)
    bits = heat_map(model, "ride:dirt", data=photo).bits
    means = torch.nn.functional.avg_pool2d(bits[None], 6, 1)[0]
    top, left = divmod(int(means.argmax()), means.shape[1])
    assert abs(top - 40) <= 3
    assert abs(left - 30) <= 3

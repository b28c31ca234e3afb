"""drawgen texture."""

from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import SAMPLE, TEXTURE, contents, refused, run
from PIL import Image

from drawgen import images
from drawgen.contract import generator
from drawgen.textures.yardstick import seam

NOTHING = "texture photo.png -o new.png --invent nothing --size 40x30"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("texture small.png -o new.png --steps 2", "small.png is 7x7 pixels"),
        (TEXTURE + " --exemplar-px 7", "--exemplar-px than 7"),
        (TEXTURE + " --exemplar-px -1", "--exemplar-px is -1"),
        (TEXTURE + " --steps 0", "--steps is 0"),
        (TEXTURE + " --minutes 0", "--minutes is 0.0"),
        (TEXTURE + " --minutes -2", "--minutes is -2.0"),
        (TEXTURE + " --minutes nan", "--minutes is nan"),
        (TEXTURE + " --minutes inf", "--minutes is inf"),
        (TEXTURE + " --seed -1", "--seed is -1"),
        (TEXTURE + " --save run", "run exists already; continue it with --resume, replace it with --force"),
        (TEXTURE + " --save run --resume --seed 3", "run was started with preset 'tiny', not 'texture'"),
        (TEXTURE + " --save a-file", "a-file is a file"),
        (TEXTURE + " --save none/model", "the folder none does not exist"),
        (TEXTURE + " --save folder-of-mine", "folder-of-mine exists already and is no model (mine.txt is in it)"),
        (NOTHING + " --save model", "--invent is nothing, which trains no model; leave --save out"),
        (NOTHING + " --resume", "--invent is nothing, which trains no model; leave --resume out"),
        (NOTHING + " --minutes 1", "--invent is nothing, which trains no model; leave --minutes out"),
        (NOTHING + " --steps 2", "--invent is nothing, which trains no model; leave --steps out"),
        (NOTHING.replace(".png --", ".gif --") + " -n 2", "--invent is nothing, which samples nothing that new.gif could show"),
        (NOTHING.replace("40x30", "40x3") + " --tile", "--size is 40x3; a tile has to be at least 4x4"),
        (TEXTURE.replace("new.png", "new.svg"), "new.svg has no known ending; use one of"),
        (TEXTURE + " --even-out 2", "--even-out is 2.0; it has to be at least 0 and at most 1"),
        (TEXTURE + " --even-out nan", "--even-out is nan"),
        (TEXTURE + " --size 41x30 --tile", "--size is 41x30; where a tile with new detail repeats, its sides are multiples of 2"),
        (TEXTURE + " --size 41x30 --tile --invent detail", "multiples of 2; choose such a size, or all or nothing for --invent"),
        (TEXTURE + " --size 41x30 --tile-axis x --invent detail", "multiples of 2"),
        (TEXTURE + " --size 30x41 --tile-axis y", "multiples of 2"),
        (TEXTURE.replace("new", "t-{i}") + " -n 3", "t-2.png exists already"),
        (TEXTURE.replace("new", "t") + " -n 3 --tile", "t-2.png exists already"),
        (NOTHING.replace("new", "t-{i}") + " -n 3", "t-2.png exists already"),
        *((TEXTURE + f" --size 60000x60000 --invent {invent}", " GiB of memory, and ") for invent in ("auto", "all", "detail")),
        (NOTHING.replace("40x30", "60000x60000"), "take about 134.1 GiB of memory, and "),
        (SAMPLE + " --size 60000x60000", " GiB of memory, and "),
        ("sample draw -o new.png --tile-axis y", "--tile is y, and draw draws no textures; leave it out"),
        ("sample draw -o new.png --even-out 0.5", "--even-out is 0.5, and draw draws no textures; leave it out"),
        ("sample painter:doodles -o new.png --tile", "--tile is true, and painter:doodles draws no textures"),
        ("sample char_rnn --even-out 0.5", "char_rnn writes text; leave --even-out out"),
    ],
)
def test_texture_refuses(capsys, here, line, words):
    Path("folder-of-mine").mkdir()
    Path("folder-of-mine/mine.txt").touch()
    Path("t-2.png").touch()
    refused(capsys, here, line, words)


def test_texture(capsys, here):
    """A picture of the asked size, a model folder that draws more of it, and the same file for the same seed."""
    for name in ("a.png", "b.png"):
        line = f"texture photo:brick -o {name} --steps 2 --size 40x30 --exemplar-px 64"
        status, out, err = run(capsys, *line.split())
        assert (status, out) == (0, f"{name}\n")
        assert "photo:brick is 512x512 pixels; it is reduced to 64" in err
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    with Image.open("a.png") as picture:
        assert picture.size == (40, 30)
    assert run(capsys, "sample", "a.model", "-o", "more.png", "--size", "20x20")[0] == 0
    again = "texture photo:brick -o again.png --save a.model --resume --steps 2 --size 40x30 --exemplar-px 64"
    assert run(capsys, *again.split())[0] == 0
    assert Path("again.png").read_bytes() == Path("a.png").read_bytes()
    refused(capsys, here, again.replace("again", "new") + " --seed 3", "a.model was started with fit.seed 0, not 3")


# ---------------------------------------------------------------- several files, tiles


def pixels(name):
    with Image.open(name) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def colours(name):
    return set(map(tuple, pixels(name).reshape(-1, 3).tolist()))


def new_in(here, before):
    return sorted(path.name for path in here.iterdir() if path not in before)


def test_nothing_is_invented(capsys, here):
    """The photograph's own pixels, without a model, and the same file for the same seed."""
    before = contents(here)
    drawn = np.random.default_rng(3).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    Image.fromarray(drawn).save("photo.png")
    assert run(capsys, *NOTHING.split()) == (0, "new.png\n", "")
    assert run(capsys, *NOTHING.replace("new", "again").split())[0] == 0
    assert new_in(here, before) == ["again.png", "new.png"]
    assert pixels("new.png").shape == (30, 40, 3)
    assert colours("new.png") <= colours("photo.png")
    assert len(colours("new.png")) > 100
    assert Path("new.png").read_bytes() == Path("again.png").read_bytes()


def test_several_in_a_file_each(capsys, here):
    before = contents(here)
    words = NOTHING.replace("new", "t-{i}").split()
    assert run(capsys, *words, "-n", 3)[:2] == (0, "t-1.png\nt-2.png\nt-3.png\n")
    assert new_in(here, before) == ["t-1.png", "t-2.png", "t-3.png"]
    assert not np.array_equal(pixels("t-1.png"), pixels("t-2.png"))
    first = Path("t-1.png").read_bytes()
    assert run(capsys, *words, "--force")[:2] == (0, "t-1.png\n")  # the first of three is the same as one
    assert Path("t-1.png").read_bytes() == first


def test_one_in_a_file_with_a_number(capsys, here):
    before = contents(here)
    line = "texture photo.png -o new-{i}.png --invent all --steps 2 --size 24x20"
    assert run(capsys, *line.split())[:2] == (0, "new-1.png\n")
    assert new_in(here, before) == ["new-1.png", "new.model"]


def same_border(one, other):
    return all(np.array_equal(one[side], other[side]) for side in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]))


@pytest.mark.parametrize("flags", ["--invent nothing", "--invent all --steps 2", "--invent detail --steps 2 --even-out 0.5"])
def test_tiles_fit_each_other(capsys, here, flags):
    line = f"texture photo.png -o new.png -n 2 --tile --size 32x24 --seed 3 {flags}"
    status, out, _ = run(capsys, *line.split())
    assert (status, out) == (0, "new-1.png\nnew-2.png\n")
    first, second = pixels("new-1.png"), pixels("new-2.png")
    assert same_border(first, second)
    assert (first != second)[4:-4, 4:-4].any(2).mean() > 0.5


def test_tiles_of_a_trained_model_fit_each_other(capsys, here):
    assert run(capsys, *(SAMPLE + " -n 2 --tile --size 24x20").split())[:2] == (0, "new-1.png\nnew-2.png\n")
    assert same_border(pixels("new-1.png"), pixels("new-2.png"))
    assert run(capsys, *(SAMPLE + " --tile-axis y --size 24x20").split())[:2] == (0, "new.png\n")
    assert run(capsys, *(SAMPLE + " -n 2 --tile --size 24x20").split())[0] == 2


def test_an_animation_of_each_tile(capsys, here):
    assert run(capsys, *(SAMPLE.replace("png", "gif") + " -n 2 --tile --size 24x20").split())[:2] == (0, "new-1.gif\nnew-2.gif\n")
    with Image.open("new-2.gif") as moving:
        assert moving.n_frames > 10


def blobs(side):
    """Neighbours are alike, and rows that lie far apart are not."""
    rough = torch.rand(1, 1, side + 12, side + 12, generator=generator(1))
    smooth = torch.nn.functional.avg_pool2d(rough, 13, 1)[0]
    return (smooth - smooth.min()) / (smooth.max() - smooth.min())


@pytest.mark.parametrize("flags", ["--tile-axis x", "--tile-axis x --tile"])
def test_a_tile_of_one_axis(capsys, here, flags):
    """The axis says more than --tile."""
    images.save_image(Path("blobs.png"), blobs(120))
    assert run(capsys, *NOTHING.replace("photo", "blobs").replace("40x30", "60x50").split(), *flags.split())[0] == 0
    along, down = seam(images.load_image("new.png"))
    assert along < 2
    assert down > 2
    turned = NOTHING.replace("photo", "blobs").replace("40x30", "50x60").replace("new", "turned") + " --tile-axis y"
    assert run(capsys, *turned.split())[0] == 0
    along, down = seam(images.load_image("turned.png"))
    assert along > 2
    assert down < 2


def test_evened_out(capsys, here):
    """A photograph that is darker on one side."""
    shade = torch.linspace(0.2, 0.8, 64).expand(1, 64, 64) + 0.05 * torch.rand(1, 64, 64, generator=generator(2))
    images.save_image(Path("shaded.png"), shade)
    spread = []
    for amount in ("0", "1"):
        line = f"texture shaded.png -o even-{amount}.png --invent nothing --size 64x64 --even-out {amount}"
        assert run(capsys, *line.split())[0] == 0
        spread.append(pixels(f"even-{amount}.png").mean((0, 2)).std())
    assert spread[1] < 0.8 * spread[0]


# ---------------------------------------------------------------- photographs of all kinds


def odd_photographs():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    framed = noise.copy()
    framed[:8] = framed[-8:] = framed[:, :8] = framed[:, -8:] = 255
    alpha = np.full((64, 64, 1), 255, np.uint8)
    alpha[:20, :30], alpha[50:, 50:] = 0, 100
    yield "small", Image.fromarray(noise[:20, :20])
    yield "one", Image.fromarray(np.full((64, 64, 3), (200, 30, 90), np.uint8))
    yield "two", Image.fromarray(np.where(noise[:, :, :1] > 128, (200, 30, 90), (0, 250, 90)).astype(np.uint8))
    yield "framed", Image.fromarray(framed)
    yield "holed", Image.fromarray(np.concatenate([noise, alpha], 2))
    yield "grey16", Image.fromarray(noise[:, :, 0].astype(np.uint16) * 257)
    yield "tall", Image.fromarray(rng.integers(0, 256, (600, 40, 3), dtype=np.uint8))


@pytest.mark.parametrize("invent", ["auto --steps 4", "detail --steps 4", "nothing", "nothing --tile -n 2"])
@pytest.mark.parametrize(("name", "photo"), [pytest.param(*each, id=each[0]) for each in odd_photographs()])
def test_odd_photographs(capsys, here, name, photo, invent):
    photo.save(f"{name}.png")
    line = f"texture {name}.png -o new-{{i}}.png --size 30x24 --exemplar-px 300 --invent {invent}"
    status, out, err = run(capsys, *line.split())
    assert status == 0, err
    assert out.startswith("new-1.png\n")
    drawn = pixels("new-1.png")
    assert drawn.shape == (24, 30, 3)
    if name == "one":
        assert np.abs(drawn - (200, 30, 90)).max() <= 8
    if "nothing" in invent and name in ("two", "small"):
        assert colours("new-1.png") <= colours(f"{name}.png")


def test_a_photograph_with_hardly_an_opaque_pixel(capsys, here):
    alpha = np.zeros((64, 64, 1), np.uint8)
    alpha[10:14, 10:14] = 255
    Image.fromarray(np.concatenate([np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8), alpha], 2)).save(
        "a.png"
    )
    for invent in ("auto --steps 4", "nothing"):
        refused(capsys, here, f"texture a.png -o new.png --size 30x24 --invent {invent}", "crops of 4 are left to learn from")

"""Textures of several photographs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import refused, run
from PIL import Image
from skimage import data

import drawgen
from drawgen import images, jobs
from drawgen.ranges import ArgumentError

NEW = ["--invent", "nothing"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with two photographs of 64 pixels, one in colour, labels, and a folder of photographs."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(data.grass()[:64, :64]).save("grass.png")
    Image.fromarray(data.coffee()[100:164, 200:264]).save("coffee.png")
    labels = np.zeros((40, 60), np.uint8)
    labels[:, 30:] = 1
    Image.fromarray(labels).save("labels.png")
    Path("photos").mkdir()
    Image.fromarray(data.brick()[:64, :64]).save("photos/brick.png")
    Image.fromarray(data.gravel()[:64, :64]).save("photos/gravel.png")
    return tmp_path


# ---------------------------------------------------------------- labels


def test_labels_say_what_goes_where(here, capsys):
    assert run(capsys, "texture", "grass.png", "coffee.png", "-o", "new.png", "--labels", "labels.png", *NEW)[:2] == (
        0,
        "new.png\n",
    )
    new = images.load_image("new.png")
    assert new.shape == (3, 40, 60)
    parts = [drawgen.texture(name, size=(40, 60), invent="nothing").images[0] for name in ("grass.png", "coffee.png")]
    assert torch.equal(new[:, :, :17], parts[0].expand(3, -1, -1)[:, :, :17])
    assert torch.equal(new[:, :, 43:], parts[1][:, :, 43:])


def test_labels_of_one_photograph_give_its_texture(here):
    labels = torch.zeros(24, 30, dtype=torch.long)
    for options in ({"invent": "nothing"}, {"invent": "detail", "steps": 2}):
        one = drawgen.labelled_texture(["coffee.png"], labels, n=2, seed=3, **options)
        assert torch.equal(one.images, drawgen.texture("coffee.png", size=(24, 30), n=2, seed=3, **options).images)


def test_each_photograph_has_a_model(here, capsys):
    words = ["texture", "grass.png", "coffee.png", "-o", "new.png", "--labels", "labels.png", "--size", "24x20", "--steps", "2"]
    assert run(capsys, *words, "--invent", "detail")[0] == 0
    assert images.load_image("new.png").shape == (3, 20, 24)
    assert [name.is_dir() for name in (Path("new-1.model"), Path("new-2.model"))] == [True, True]
    assert drawgen.load("new-2.model").sample(size=(8, 8)).images.shape == (1, 3, 8, 8)


def test_what_labels_refuse(here, capsys):
    Image.new("L", (9, 9), 2).save("two.png")
    words = "texture grass.png coffee.png -o x.png --invent nothing"
    refused(capsys, here, words, "--labels are not given")
    refused(capsys, here, f"{words} --labels two.png", "the labels two.png go from 2 to 2; with 2 photographs they are 0 to 1")
    refused(capsys, here, f"{words} --labels absent.png", "absent.png does not exist")
    refused(capsys, here, f"{words} --labels labels.png --tile", "--tile and --labels do not go together")
    refused(capsys, here, f"{words} --labels labels.png --maps grass.png", "--maps and --labels do not go together")
    refused(capsys, here, "texture grass.png text.png -o x.png --invent nothing --labels labels.png", "text.png does not exist")
    refused(capsys, here, "texture grass.png coffee.png -o x.gif --invent nothing --labels labels.png", "x.gif cannot hold this")
    with pytest.raises(ArgumentError, match="photos are none"):
        jobs.labelled_texture([], "labels.png")


def test_what_labels_refuse_from_python(here):
    with pytest.raises(ArgumentError, match=r"^size is \(0, 9\)|^size is 0"):
        jobs.labelled_texture(["grass.png"], np.zeros((9, 9), int), size=(0, 9), invent="nothing")
    with pytest.raises(ArgumentError, match=r"^invent is nothing, which trains no model; leave `save` out$"):
        jobs.labelled_texture(["grass.png"], np.zeros((9, 9), int), save="model", invent="nothing")
    assert jobs.labelled_texture(["grass.png"], [[0, 0], [0, 0]], invent="nothing").images.shape == (1, 1, 2, 2)


# ---------------------------------------------------------------- folders


def test_a_folder_of_photographs(here, capsys):
    words = ["texture", "photos", "-o", "new", "--size", "20x24"]
    status, told, _ = run(capsys, *words, *NEW)
    assert (status, told) == (0, "new/brick.png\nnew/gravel.png\n".replace("/", str(Path("/"))))
    for name in ("brick", "gravel"):
        whole = drawgen.texture(f"photos/{name}.png", size=(24, 20), invent="nothing").images[0]
        assert torch.equal(images.load_image(f"new/{name}.png"), whole)
    refused(
        capsys,
        here,
        " ".join([*words, *NEW]),
        "exists already; replace it with --force, or go on with what is missing with --resume",
    )
    assert run(capsys, *words, *NEW, "--force")[0] == 0


def test_a_folder_goes_on_with_what_is_missing(here):
    options = {"size": (24, 20), "invent": "detail", "steps": 2}
    jobs.texture_folder("photos", "new", **options)
    kept = Path("new/brick.png").stat().st_mtime_ns
    Path("new/gravel.png").rename("gravel.png")
    made, left_out = jobs.texture_folder("photos", "new", resume=True, **options)
    assert (made, left_out) == ([Path("new/brick.png"), Path("new/gravel.png")], {})
    assert Path("new/brick.png").stat().st_mtime_ns == kept
    assert Path("new/gravel.png").read_bytes() == Path("gravel.png").read_bytes()


def test_one_progress_over_all(here):
    shares = []
    jobs.texture_folder("photos", "new", size=(24, 20), steps=2, progress=jobs.Reports(drawing=shares.append))
    assert shares == sorted(shares)
    assert min(shares) < 0.4
    assert shares[-1] == 1


def test_what_is_no_photograph_is_left_out(here, capsys):
    Path("photos/bad.png").write_text("text")
    Image.new("L", (64, 64), 9).save("photos/brick.jpg")
    status, told, said = run(capsys, "texture", "photos", "-o", "new", "--size", "20x24", *NEW)
    assert status == 0
    assert [Path(line).name for line in told.split()] == ["brick.jpg.png", "brick.png.png", "gravel.png"]
    assert "left out: " in said
    assert "bad.png" in said


def test_names_of_a_folder(here, capsys):
    """Each texture has a file of its own, and these are told; several tiles have one each."""
    for name in ("brick.jpg", "brick.png.bmp", "a {i}.png"):
        Image.fromarray(data.grass()[:64, :64]).save(f"photos/{name}")
    words = ["texture", "photos", "--size", "20x24", *NEW]
    status, told, _ = run(capsys, *words, "-o", "new")
    made = [Path(line) for line in told.splitlines()]
    assert (status, len(set(made))) == (0, 5)
    assert {"a i.png", "gravel.png"} < {path.name for path in made}
    assert sorted(made) == sorted(Path("new").iterdir())
    told = run(capsys, *words, "-o", "tiles", "--tile", "-n", "2")[1]
    assert sorted(map(Path, told.splitlines())) == sorted(Path("tiles").iterdir())
    assert len(told.splitlines()) == 10
    refused(capsys, here, " ".join([*words, "-o", "tiles", "--tile", "-n", "2"]), "exists already; replace it with --force")
    kept = {path: path.stat().st_mtime_ns for path in made}
    assert run(capsys, *words, "-o", "new", "--resume")[0] == 0
    assert {path: path.stat().st_mtime_ns for path in made} == kept


def test_models_of_a_folder_are_not_replaced(here, capsys):
    Path("new/gravel.model").mkdir(parents=True)
    refused(capsys, here, "texture photos -o new --steps 2", "gravel.model exists already; replace it with --force, or go on")


def test_what_a_folder_refuses(here, capsys):
    Path("empty").mkdir()
    refused(capsys, here, "texture photos -o grass.png/new --invent nothing", "new cannot be made (")
    refused(capsys, here, "texture photos -o new --invent nothing --maps grass.png", "--maps belong to one photograph")
    refused(capsys, here, "texture empty -o new --invent nothing", "the folder empty holds no pictures")
    refused(capsys, here, "texture photos -o photos --invent nothing", "photos is the folder of the photographs")
    refused(capsys, here, "texture photos -o grass.png --invent nothing", "grass.png is a file")
    refused(capsys, here, "texture photos -o new --save model", "--save is one folder")


# ---------------------------------------------------------------- guides


def test_a_guide(here, capsys):
    """Its aspect ratio is the default; and the texture is dark where it is dark."""
    guide = np.zeros((60, 90), np.uint8)
    guide[:, 45:] = 255
    Image.fromarray(guide).save("guide.png")
    assert run(capsys, "texture", "photo:grass", "-o", "new.png", "--guide", "guide.png", *NEW)[0] == 0
    new = images.load_image("new.png")
    assert new.shape == (1, 340, 512)
    assert float(new[:, :, 280:].mean() - new[:, :, :230].mean()) > 0.1
    refused(capsys, here, "texture grass.png -o x.png --guide guide.png --invent all", "--guide needs a layout")
    for words in ("texture grass.png --invent nothing", "texture grass.png --labels guide.png", "sample ride:brick"):
        Image.new("L", (9, 9)).save("guide.png")
        refused(capsys, here, f"{words} --guide guide.png -o guide.png --force", "guide.png is the file that is read")
    refused(capsys, here, "texture grass.png -o x.png --guide absent.png", "absent.png does not exist")
    refused(capsys, here, "texture grass.png -o x.png --guide guide.png --guide-strength 2", "--guide-strength is 2")


def test_a_guide_for_a_model(here, capsys):
    guide = torch.cat([torch.zeros(1, 40, 30), torch.ones(1, 40, 30)], 2)
    made = drawgen.texture("photo:grass", guide=guide, size=(48, 64), steps=20, exemplar_px=128)
    assert made.invented == "detail"
    for drawn in (made, made.trained.sample(size=(48, 64), guide=guide, guide_strength=0.9)):
        assert float(drawn.images[..., 36:].mean() - drawn.images[..., :28].mean()) > 0.05
    made.trained.sample(size=(48, 64), guide=guide, tile=True)
    Image.fromarray(np.zeros((9, 9), np.uint8)).save("guide.png")
    refused(capsys, here, "sample draw -o x.png --guide guide.png", "--guide is given, and draw draws no textures")
    refused(capsys, here, "sample char_rnn --guide guide.png", "char_rnn writes text; leave --guide out")

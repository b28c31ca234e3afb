"""What the tabs do, called as their processes call it: with types checked, and without a process."""

import base64
import json
import signal

import pytest
import torch
from PIL import Image

from drawgen import cli, images, jobs
from drawgen.files import StorageError
from drawgen.interrupts import Interrupted
from drawgen.strokes import placing
from drawgen.studio import answering, photos, settings, uploads
from drawgen.studio.settings import Photo, Work
from drawgen.studio.tabs import models as models_tab
from drawgen.studio.tabs import paint as paint_tab
from drawgen.studio.tabs import texture as texture_tab
from drawgen.studio.tabs.paint import PaintSettings
from drawgen.studio.tabs.texture import TextureSettings

GRAVEL, COFFEE = Photo(sample="gravel"), Photo(sample="coffee")


@pytest.fixture
def work(tmp_path):
    """A job at work, and what it told."""
    folder = tmp_path / "jobs" / "job"
    folder.mkdir(parents=True)
    told = []
    made = Work(folder, resume=False, photo="photo.png", tell=lambda **event: told.append(event))
    made.told = told
    return made


def photograph(folder, size=(40, 30)):
    """A file of a job, and its pixels."""
    pixels = torch.rand(3, size[1], size[0], generator=torch.Generator().manual_seed(1))
    images.save_image(folder / "photo.png", pixels)
    return pixels


# ---------------------------------------------------------------- as the command line


def test_a_texture_is_that_of_the_command_line(work, tmp_path):
    """With its model, byte for byte; the first picture is told of at once, and then the curve."""
    asked = TextureSettings(photo=GRAVEL, width=48, height=32, tile=True, steps=12, invent="all", seed=3)
    texture_tab.texture(asked, work)
    out = tmp_path / "texture.png"
    words = ["texture", "photo:gravel", "--size", "48x32", "--tile", "--steps", "12", "--invent", "all", "--seed", "3", "-o"]
    assert cli.main([*words, str(out)]) == 0
    assert (work.folder / "texture.png").read_bytes() == out.read_bytes()
    for name in ("model.safetensors", "config.json"):
        assert (work.folder / "texture.model" / name).read_bytes() == (tmp_path / "texture.model" / name).read_bytes()
    pictures = [event for event in work.told if event.keys() & {"preview", "point"}]
    assert pictures[0]["preview"] == "preview.png"
    shares = [event["share"] for event in work.told if event.get("phase") in ("learning", "finishing")]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert any("point" in event for event in work.told)


def test_a_painting_is_that_of_the_command_line(work, tmp_path):
    """In each of its formats."""
    asked = PaintSettings(photo=COFFEE, strokes=6, palette="auto:3", background="#fffaf0", brush="bristles", seed=2)
    paint_tab.paint(asked, work)
    words = ["--strokes", "6", "--palette", "auto:3", "--background", "#fffaf0", "--seed", "2"]
    for format, name in paint_tab.FORMATS.items():
        found = paint_tab.file(paint_tab.File(job="job", format=format, brush="bristles", seed=2), tmp_path)
        assert found == {"file": name}
        out = tmp_path / name
        more = {"png": ["--brush", "bristles"], "gif": ["--brush", "bristles"], "plotter": ["--lines"]}.get(format, [])
        assert cli.main(["paint", "photo:coffee", "-o", str(out), *words, *more]) == 0
        assert (work.folder / name).read_bytes() == out.read_bytes(), format
    assert not (work.folder / paint_tab.STATE).exists()
    shown = [event for event in work.told if "strokes" in event]
    assert shown[-1]["share"] == 1
    assert shown[-1]["strokes"] == 6


def test_quilting(work):
    """Which trains nothing."""
    texture_tab.texture(TextureSettings(photo=GRAVEL, width=40, height=24, invent="nothing"), work)
    assert images.picture_size(work.folder / "texture.png") == (24, 40)


# ---------------------------------------------------------------- interrupted


@pytest.mark.parametrize("so_far", [False, True])
def test_a_texture_that_is_stopped(work, monkeypatch, so_far):
    """It is drawn by the model so far; before there is one, its first picture is kept."""
    trained = None
    if so_far:
        texture_tab.texture(TextureSettings(photo=GRAVEL, width=32, height=32, steps=2, invent="all"), work)
        trained = jobs.texture("photo:gravel", size=(32, 32), steps=2, exemplar_px=64).trained
    (work.folder / "preview.png").write_bytes(b"first")

    def interrupted(*_args, **_options):
        raise Interrupted(signal.SIGTERM, "interrupted", trained)

    monkeypatch.setattr(jobs, "texture", interrupted)
    asked = TextureSettings(photo=GRAVEL, width=32, height=24, steps=2)
    with pytest.raises(Interrupted, match="stopped") as stop:
        texture_tab.texture(asked, work)
    assert ("learned" in str(stop.value)) == so_far
    if so_far:
        assert images.picture_size(work.folder / "texture.png") == (24, 32)
    else:
        assert (work.folder / "texture.png").read_bytes() == b"first"
    work.abandoned = True
    (work.folder / "texture.png").unlink()
    with pytest.raises(Interrupted, match="interrupted"):
        texture_tab.texture(asked, work)
    assert not (work.folder / "texture.png").exists()


def test_a_painting_that_is_stopped_and_goes_on(work, tmp_path, monkeypatch):
    """It ends with the same strokes as without a stop."""
    monkeypatch.setattr(placing, "KEPT_S", -1.0)
    monkeypatch.setattr(paint_tab, "SHOWN_S", 0.0)  # every step is told, so that no clock decides where it stops
    monkeypatch.setattr(paint_tab, "COSTS", 0.0)
    asked = PaintSettings(photo=COFFEE, strokes=8, seed=5)

    def stop(**event):
        if event.get("share", 0) > 0.2:
            signal.raise_signal(signal.SIGTERM)

    work.tell = stop
    with pytest.raises(Interrupted, match=r"stopped early; the painting so far has [1-8] strokes"):
        paint_tab.paint(asked, work)
    assert json.loads((work.folder / "painting.json").read_text(encoding="utf-8"))["strokes"]
    assert (work.folder / paint_tab.STATE).is_file()
    work.tell, work.resume = (lambda **_: None), True
    paint_tab.paint(asked, work)
    assert cli.main(["paint", "photo:coffee", "-o", str(tmp_path / "whole.json"), "--strokes", "8", "--seed", "5"]) == 0
    assert (work.folder / "painting.json").read_bytes() == (tmp_path / "whole.json").read_bytes()


# ---------------------------------------------------------------- questions


def test_more_and_repairs(work, tmp_path):
    """From a texture's model; what is outside of the mask stays as it is."""
    texture_tab.texture(TextureSettings(photo=GRAVEL, width=32, height=32, steps=2, invent="detail"), work)
    made = texture_tab.more(texture_tab.More(job="job", width=32, height=48, tile=True, seed=4), tmp_path)["file"]
    assert images.picture_size(work.folder / made) == (48, 32)
    mask = torch.zeros(1, 32, 32)
    mask[:, 8:16, 8:16] = 1
    data = base64.b64encode(images.png(mask)).decode()
    repaired = texture_tab.repair(texture_tab.Repair(job="job", file="texture.png", mask=data), tmp_path)["file"]
    before, after = (images.load_image(work.folder / name) for name in ("texture.png", repaired))
    assert torch.equal(before[:, mask[0] == 0], after[:, mask[0] == 0])
    for wrong in ("no base64!", base64.b64encode(b"no picture").decode()):
        with pytest.raises(ValueError):  # noqa: PT011
            texture_tab.repair(texture_tab.Repair(job="job", file="texture.png", mask=wrong), tmp_path)
    with pytest.raises(ValueError, match="no longer there"):
        texture_tab.repair(texture_tab.Repair(job="job", file="other.png", mask=data), tmp_path)


def test_models(work, tmp_path):
    """Those of the studio's folder, and the shipped ones."""
    texture_tab.texture(TextureSettings(photo=GRAVEL, width=32, height=32, steps=20, invent="all"), work)
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("config.json", "model.safetensors"):
        (broken / name).write_bytes(b"no")
    (tmp_path / "outside").symlink_to(work.folder)
    found = {row["name"]: row for row in models_tab.listed(models_tab.Listed(), tmp_path)}
    assert [name for name, row in found.items() if row["place"] == "own"] == ["jobs/job/texture.model"]
    assert found["ride:dirt"]["what"] == "stony ground"
    own = models_tab.card(models_tab.Which(name="jobs/job/texture.model"), tmp_path)
    assert own["card"].startswith("# ride")
    assert "bits_per_dim" in own["curves"]
    assert models_tab.card(models_tab.Which(name="draw:mnist"), tmp_path)["curves"] == {}
    for name in ("../jobs/job/texture.model", "nothing", "/", "broken", "outside/texture.model"):
        with pytest.raises(ValueError, match=r"no longer there|is not JSON|damaged"):
            models_tab.sample(models_tab.Sampled(name=name), tmp_path)


def test_what_models_make(tmp_path):
    picture = models_tab.sample(models_tab.Sampled(name="draw:mnist"), tmp_path)["picture"]
    assert base64.b64decode(picture.removeprefix("data:image/png;base64,"), validate=True).startswith(b"\x89PNG")
    assert models_tab.sample(models_tab.Sampled(name="char_rnn:shakespeare"), tmp_path)["text"]
    with pytest.raises(ValueError, match="answers questions"):
        models_tab.sample(models_tab.Sampled(name="seq2seq:translate"), tmp_path)


# ---------------------------------------------------------------- photographs


def test_a_part_of_a_photograph(work):
    """It is cut out once, as it is seen."""
    pixels = photograph(work.folder)
    assert work.photo(Photo(upload="ab")) == str(work.folder / "photo.png")
    assert work.photo(GRAVEL) == "photo:gravel"
    cut = work.photo(Photo(upload="ab", crop=(10, 5, 20, 100)))
    assert torch.equal(images.load_image(cut), images.load_image(work.folder / "photo.png")[:, 5:, 10:30])
    assert images.load_image(cut).shape == (3, 25, 20)
    del pixels
    (work.folder / "cropped.png").unlink()
    with pytest.raises(images.ImageError, match="outside"):
        work.photo(Photo(upload="ab", crop=(40, 0, 5, 5)))


def upload(folder, name, data):
    home = folder / "uploads" / "ab"
    home.mkdir(parents=True, exist_ok=True)
    (home / "original.jpg").write_bytes(data)
    return photos.look(photos.Look(upload="ab", file="original.jpg", name=name), folder)


def test_a_turned_photograph(tmp_path):
    """A phone's, by EXIF: it is seen upright, and reduced for the page."""
    turned = Image.new("RGB", (2000, 100), "red")
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.jpg", exif=exif)
    assert upload(tmp_path, "turned.jpg", (tmp_path / "turned.jpg").read_bytes()) == {"height": 2000, "width": 100}
    with Image.open(tmp_path / "uploads" / "ab" / uploads.SHOWN) as shown:
        assert shown.size == (80, 1600)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "is a HEIC picture"),
        (b"", "is empty"),
        (b"hello", "holiday.heic"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "holiday.heic is damaged"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "holiday.heic"),
    ],
)
def test_what_is_no_photograph(tmp_path, data, says):
    """One sentence, which names the file as its owner does."""
    with pytest.raises(ValueError, match=r"^(holiday\.heic) ") as error:
        upload(tmp_path, "holiday.heic", data)
    assert says in str(error.value)
    assert str(tmp_path) not in str(error.value)
    assert "original" not in str(error.value)
    assert "\n" not in str(error.value)


# ---------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ValueError("`strokes` is 0; give more"), "Strokes is 0; give more."),
        (StorageError("x could not be written (No space left on device: free some space)"), "free some space"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("can't allocate memory: 9 bytes"), "not enough memory"),
        (OSError(28, "No space left on device"), "free some space"),
        (ValueError("phone.heic is large"), "phone.heic is large."),
        (KeyError("x"), "a fault in drawgen"),
    ],
)
def test_errors_are_sentences(error, says, capsys):
    told = settings.told(error)
    assert says in told
    assert told.endswith(".")
    assert "Traceback" not in told


def test_answers(tmp_path):
    """Refusals are answers, too."""
    assert "answer" in answering.answer("models.card", {"name": "ride:dirt"}, tmp_path)
    refused = answering.answer("paint.file", {"job": "ab", "format": "svg"}, tmp_path)
    assert refused == {"refused": "There are no strokes yet."}

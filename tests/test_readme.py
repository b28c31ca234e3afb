"""The commands and the Python of the README and of the pages in docs/ run, as one who reads them would run them."""

import dataclasses
import json
import re
import runpy
import shlex
import struct
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from drawgen import cli, jobs, models
from drawgen.data import labelled_pictures

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ELSEWHERE = ("new_model.md",)
"""Pages whose blocks need what they themselves describe: tests/docs/test_new_model.py."""


def blocks(page, language):
    """The contents of a page's fenced blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands():
    """The words of every command in the pages' blocks, each with its remark, the same words once."""
    found = {}
    for page in PAGES:
        for line in "".join(blocks(page, "sh")).splitlines():
            if re.match(r"drawgen |torchrun ", line) and page.name not in ELSEWHERE:
                words = line.split(" -m drawgen.cli ", 1)[-1].removeprefix("drawgen ")
                found.setdefault(tuple(shlex.split(words, comments=True)), words)
    return list(found.values())


QUICK = {
    "texture": ["--steps", "2", "--size", "24x24", "--force"],
    "inpaint": ["--force"],
    "extend": ["--force"],
    "paint": ["--strokes", "3", "--detail-px", "16", "--force"],
    "plot": ["--force"],
    "sample": ["--force"],
    "reconstruct": ["--force"],
    "interpolate": ["--force"],
    "read": ["--force"],
    "caption": ["--force"],
    "points": ["--force"],
    "illustrate": ["--size", "32", "--force"],
    "translate": ["--force"],
    "lesions": ["--pictures", "2", "--draws", "1", "--force"],
    "diagnose": ["--force"],
}
"""What is added to each command, so that it takes a moment and may come again."""
SMALLER = {
    "1024x1024": "32x32",
    "512x512": "32x32",
    "256x256": "32x32",
    "600x800": "32x40",
    "1920x600": "96x64",
    "400,0,400,0": "8,0,8,0",
    "5000": "50",
    "30": "0.2",
    "runs/mine": "captioner",
    "RUN": "captioner:scenes",
    "runs/german": "runs/french",
    "new.model": "OUT.model",
    "resnet50.pth": "resnet18.pth",
}
"""Words of commands that are not trainings, and what stands in for them."""
SHORTER = {
    "minutes=2": "steps=2",
    "strokes=250": "strokes=5, detail_px=32",
    '"steps": 100': '"steps": 2',
    "num_envs=1000": "num_envs=3",
}
"""What takes minutes, and what is done here instead."""
MADE = {
    "README.md": {"ground.png": (256, 256)},
    "python.md": {"dirt.png": (256, 256), "gravel.png": (256, 256), "samples.png": (4 * 28 + 6, 4 * 28 + 6)},
}
"""The pictures that a page's Python makes, and their sizes."""


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A folder with what the README says that one has: photographs, scenes, the fixed binarisation of MNIST."""
    monkeypatch.chdir(tmp_path)
    for name in ("photos", "scenes", "digits"):
        (tmp_path / name).mkdir()
    Image.new("RGB", (30, 20), "teal").save("photos/one.jpg")
    Image.new("RGB", (64, 64), "teal").save("scenes/one.png")
    rows = np.random.default_rng(0).integers(0, 256, (128, 98), dtype=np.uint8)
    for split in ("train", "valid"):
        np.savez(f"digits/binarized_mnist_{split}.npz", bits=rows)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python") and page.name not in ELSEWHERE], ids=lambda page: page.stem
)
def test_every_block_runs(page):
    names: dict = {}
    whole = "".join(blocks(page, "python"))
    for long, short in SHORTER.items():
        whole = whole.replace(long, short)
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # what other packages have to say about themselves
        exec(compile(whole, str(page), "exec"), names)
    for name, size in MADE.get(page.name, {}).items():
        with Image.open(name) as picture:
            assert picture.size == size
    if page.name == "python.md":
        assert Path("coffee.svg").read_text(encoding="utf-8").count("<path") == 5
        assert len(names["captions"]) == 2
        assert names["run"].steps == 2
    for env in ("env", "envs"):
        if env in names:
            names[env].close()


def test_what_is_shortened_stands_in_a_page():
    whole = "".join(block for page in PAGES for block in blocks(page, "python"))
    assert all(whole.count(long) == 1 for long in SHORTER)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the files that the commands name."""
    folder = tmp_path_factory.mktemp("desk")
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    letter = Image.new("L", (64, 64), 255)
    letter.paste(0, (28, 12, 36, 52))
    folders = ["holiday/b.jpg", "FOLDER/c.png", "scenes/d.png", "val2017/e.png", "photos/f.jpg", "PHOTOS/g.png"]
    names = ["PHOTO", "OTHER", "PORTRAIT.jpg", "A.jpg", "SCENE.png", "photo.jpg", "portrait.jpg", "gravel.jpg", "grass.jpg"]
    for name in (*names, "floor.png", "weave.png", "suspect.png", *folders):
        (folder / name).parent.mkdir(exist_ok=True)
        photo.save(folder / name, format="JPEG" if name.endswith("jpg") else "PNG")
    number = letter.copy()
    number.paste(0, (42, 14, 50, 54))
    number.save(folder / "NUMBER.jpg")
    for name in ("MY_LETTER.jpg", "MY_DIGIT.jpg", "DIGIT.png", "ONE.png", "OTHER.png"):
        letter.save(folder / name)
    photo.save(folder / "FILM.gif", save_all=True, append_images=[photo.rotate(90)], duration=100)
    labels = Image.fromarray(np.eye(64, dtype=np.uint8))
    mask = labels.point(lambda level: 255 * level)
    for name, picture in {
        "LABELS": labels,
        "labels": labels,
        "MASK": mask,
        "mask": mask,
        "lawn": mask.point(lambda v: 255 - v),
    }.items():
        picture.save(folder / f"{name}.png")
    cut = photo.copy()
    cut.putalpha(mask.point(lambda level: 255 - level))
    cut.save(folder / "cutout.png")
    for name in ("height", "roughness", "occlusion"):
        Image.fromarray(rng.integers(0, 256, (64, 64), dtype=np.uint8)).save(folder / f"{name}.png")
    Image.new("RGB", (64, 64), (128, 128, 255)).save(folder / "normal.png")
    found = {"images": [{"id": 1, "file_name": "e.png"}], "annotations": [{"image_id": 1, "caption": "noise"}]}
    (folder / "captions_val2017.json").write_text(json.dumps(found), encoding="utf-8")
    line = '<path d="M1 1h9" stroke="red"/>'
    for name in ("DRAWING.svg", "OTHER.svg"):
        (folder / name).write_text(f'<svg xmlns="http://www.w3.org/2000/svg">{line}</svg>', encoding="utf-8")
    jobs.train("draw_classifier", models.recipe("draw_classifier", "tiny"), folder / "runs" / "reader", preset="tiny")
    jobs.train("ride", models.recipe("ride", "tiny"), folder / "OUT.model", preset="tiny")
    jobs.train("pointer_net", models.recipe("pointer_net", "tiny"), folder / "runs" / "hull", preset="tiny")
    jobs.train("seq2seq", models.recipe("seq2seq", "tiny"), folder / "runs" / "french", preset="tiny")
    jobs.train("conv_draw", models.recipe("conv_draw", "tiny"), folder / "runs" / "colour", preset="tiny")
    (folder / "SENTENCES.txt").write_text("Where is the dog?\n\nI am happy.\n", encoding="utf-8")
    jobs.train("text_classifier", models.recipe("text_classifier", "tiny"), folder / "runs" / "texts", preset="tiny")
    small = models.recipe("resnet_classifier", "tiny")
    for kind in ("residual", "plain"):
        changed = dataclasses.replace(small, model=dataclasses.replace(small.model, kind=kind))
        jobs.train("resnet_classifier", changed, folder / "runs" / kind, preset="tiny")
    (folder / "MNIST").mkdir()
    for part, sizes in (("images-idx3", (64, 28, 28)), ("labels-idx1", (64,))):
        values = rng.integers(0, 10, sizes, dtype=np.uint8)
        head = struct.pack(f">I{len(sizes)}I", 2048 + len(sizes), *sizes)
        for name in ("train", "t10k"):
            (folder / "MNIST" / f"{name}-{part}-ubyte").write_bytes(head + values.tobytes())
    torch.save(torchvision.models.resnet18().state_dict(), folder / "resnet18.pth")
    (folder / "TEXT.txt").write_text("ROMEO: what light\n" * 200, encoding="utf-8")
    (folder / "LINES.txt").write_text("kalo\nlankot\n", encoding="utf-8")
    (folder / "POINTS.csv").write_text("x,y\n0,0\n2,0\n1,3\n1,1\n", encoding="utf-8")
    head = "NAME: berlin\nTYPE: TSP\nDIMENSION: 4\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n"
    (folder / "berlin52.tsp").write_text(f"{head}1 0 0\n2 30 0\n3 0 40\n4 20 20\nEOF\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("line", commands())
def test_every_command_runs(line, desk, capsys, monkeypatch):
    """All but trainings, measurements and the demo are carried out; of those the words are understood."""
    monkeypatch.chdir(desk)
    called = []

    def note(*words, **options):
        called.append((words, options))
        return SimpleNamespace(steps=1, seconds=0.0, scores={})

    monkeypatch.setitem(labelled_pictures.HELD_OUT, "mnist", 4)  # the desk's MNIST is a small one
    monkeypatch.setattr(jobs, "train", note)
    monkeypatch.setattr(jobs, "begun", lambda *_: ("texture", models.recipe("ride", "texture")))
    monkeypatch.setattr(jobs, "measure", lambda *words, **options: note(*words, **options).scores)
    monkeypatch.setattr(jobs, "heat", lambda *words, **options: note(*words, **options).scores)
    monkeypatch.setattr(jobs, "demo", note)
    command, *words = shlex.split(line, comments=True)
    if command in QUICK:
        words = [SMALLER.get(word, word) for word in words] + QUICK[command]
        if "nothing" in words:  # trains nothing
            words.remove("--steps")
            words.remove("2")
        if "--triangles" in words:  # draws no strokes
            words.remove("--strokes")
            words.remove("3")
        if "--resume" in words:  # what is there stays
            words.remove("--force")
    status = cli.main([command, *words])
    said = capsys.readouterr()
    assert status == 0, said.err
    assert bool(called) == (command in ("train", "eval", "demo") and "--help" not in words)
    if "-o" in words and command in QUICK:
        assert Path(words[words.index("-o") + 1].replace("{i}", "1").replace("{name}", "c")).stat().st_size > 20
    elif not called and "--sidecar" not in words:
        assert said.out


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(("script", "words"), [("sample", ["ride:dirt"]), ("sample_texture", ["photo:gravel", "--steps", "1"])])
def test_the_sampling_scripts(script, words, monkeypatch):
    """They take what the commands take."""
    monkeypatch.setattr("sys.argv", [script, *words, "-o", "out.png", "--size", "40x32"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "scripts" / f"{script}.py"), run_name="__main__")
    assert ended.value.code == 0
    with Image.open("out.png") as picture:
        assert picture.size == (40, 32)

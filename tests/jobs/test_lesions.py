"""`drawgen lesions`: the report, its numbers, and what it refuses."""

import dataclasses
import json

import numpy as np
import pytest
from command_line import refused, run
from PIL import Image

import drawgen
from drawgen import jobs, models
from drawgen.jobs import lesion_subjects, lesioning
from drawgen.jobs.lesion_reports import near, percent

FEW = {"draws": 2, "pictures": 20}


@pytest.fixture(scope="module")
def nets(tmp_path_factory):
    """A residual, a plain and a highway network on the digits of a pocket calculator, and one with drawn modules."""
    folder = tmp_path_factory.mktemp("nets")
    recipe = models.recipe("resnet_classifier", "tiny")
    for name, settings in {
        "residual": {}, "plain": {"kind": "plain"}, "highway": {"kind": "highway"}, "drawn": {"drawn": 3},
    }.items():  # fmt: skip
        changed = dataclasses.replace(recipe, model=dataclasses.replace(recipe.model, **settings))
        jobs.train("resnet_classifier", changed, folder / name, preset="tiny")
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_report(nets, here, capsys):
    """A page with its charts, and the numbers; the lines say the main ones."""
    status, out, err = run(
        capsys, "lesions", nets / "residual", "-o", "report", "--beside", nets / "plain", "--draws", 2, "--pictures", 20
    )
    assert (status, err) == (0, "")
    assert "6 residual modules, on 20 pictures of its valid split" in out
    assert "6 plain modules without one" in out
    assert out.endswith("report/report.html\n")
    names = {path.name for path in (here / "report").iterdir()}
    assert names == {"report.html", "report.json", *(f"{name}.png" for name in ("one", "several", "shuffled", "norms", "paths"))}
    told = json.loads((here / "report" / "report.json").read_text())
    assert len(told["without_one"]) == 6
    assert [row["changes_shape"] for row in told["without_one"]] == [False, False, True, False, True, False]
    assert [row["modules"] for row in told["without_several"]] == [1, 2, 3, 4, 5, 6]
    assert told["beside"]["built"] == "6 plain modules"
    assert len(told["gradient_by_path_length"]) == len(told["paths_by_length"]) == 7
    assert sum(told["gradient_shares_by_length"]) == pytest.approx(1)
    assert told["classes"] == 10
    page = (here / "report" / "report.html").read_text()
    assert "5 to 17 of 54" in page
    assert "10 of 54: about 20 %" in page
    refused(capsys, here, f"lesions {nets / 'residual'} -o report", "has a report already")
    assert run(capsys, "lesions", nets / "residual", "-o", "report", "--draws", 1, "--pictures", 9, "--force")[0] == 0


def test_the_same_seed_gives_the_same_numbers(nets):
    first, again, other = (jobs.lesions(nets / "residual", seed=seed, **FEW).numbers() for seed in (0, 0, 1))
    assert first == again
    assert first["gradient_by_path_length"] != other["gradient_by_path_length"]


def test_gates_and_drawn_modules(nets):
    """A highway network has a section of its gates; the table has the paper's experiment of training with drawn modules."""
    found = jobs.lesions(nets / "highway", **FEW)
    assert [section.name for section in found.report.sections][-2:] == ["gates", "paper"]
    assert len(found.gates) == 6
    found = jobs.lesions(nets / "drawn", beside=nets / "residual", **FEW)
    assert any("3 of 6 modules drawn" in row[0] for row in found.report.sections[-1].table.rows)


def test_photographs(monkeypatch, here):
    """EfficientNet-Lite0: 9 of 16 modules; the intact network gives the labels. With a folder, its pictures."""
    monkeypatch.setattr(lesion_subjects, "SIDE_PX", 64)
    told = []
    found = drawgen.lesions("efficientnet-lite0", pictures=3, draws=1, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    assert found.deletions.error == 0
    assert found.classes is None
    assert len(found.deletions.one) == 9
    assert found.numbers()["error_is"] == "labels other than before"
    assert "9 modules with a shortcut, of 16" in found.lines()[0]
    (here / "deep").mkdir()
    for n in range(3):
        pixels = np.random.default_rng(n).integers(0, 256, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(here / "deep" / f"{n}.png")
    one = lesion_subjects.subject("efficientnet-lite0", data=str(here), split=None, pictures=2, seed=0, device="cpu")
    assert one.seen == f"2 pictures of {here.name}"
    assert one.examined.images.shape == (2, 3, 64, 64)


def test_what_is_refused(nets, here, capsys):
    import torch

    (here / "empty").mkdir()
    torch.save({"conv.weight": torch.zeros(1)}, here / "other.pt")
    for words, said in {
        f"{nets / 'plain'} -o new": "is not a residual network: it is made of 6 plain modules, which have no shortcuts",
        "draw -o new": "draw is not a residual network; give a resnet_classifier, efficientnet-lite0, or a file with the weights",
        "other.pt -o new": "other.pt holds no weights of one of torchvision's ResNets",
        "no.pt -o new": "no.pt is no file; check the path",
        "nothing -o new": "nothing is neither a model folder nor a shipped model",
        "efficientnet-lite0 -o new --data empty": "the folder empty holds no pictures; put PNG or JPEG files in it",
        "efficientnet-lite0 -o new --data no": "no is no folder; give a folder of pictures",
        "efficientnet-lite0 -o new --split test": "--split is 'test', and pictures for efficientnet-lite0 have no splits",
        f"efficientnet-lite0 --pictures 1 -o new --beside {nets / 'plain'}": "--beside is for two trained resnet_classifiers",
        f"{nets / 'residual'} -o new --split seen": "split is 'seen'",
        f"{nets / 'residual'} -o new --pictures 0": "--pictures is 0; it has to be at least 1",
        f"{nets / 'residual'} -o new/new": "does not exist; make it first",
    }.items():
        refused(capsys, here, f"lesions {words}", said)


def test_counts():
    assert lesioning.counts_up_to(9) == list(range(1, 10))
    assert lesioning.counts_up_to(54) == [1, 2, 3, 5, 7, 10, 13, 16, 20, 25, 30, 40]
    assert lesioning.lengths_of(54) == list(range(55))
    long = lesioning.lengths_of(333)
    assert (long[0], long[-1]) == (0, 333)
    assert len(long) <= 62


def test_words(nets):
    found = jobs.lesions(nets / "residual", **FEW)
    assert near(found.deletions, 10 / 54)[0] == 1
    assert percent(0.0596, digits=2) == "5.96 %"

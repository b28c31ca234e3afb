"""One stand-in model per verb, each one file beside the project's own models, through every command; and the table of verbs."""

import json
from pathlib import Path

import pytest
import torch
from command_line import run
from PIL import Image

from drawgen import checkpoint, contract, images, jobs, models
from drawgen.jobs.demonstration import DEMONSTRATIONS
from drawgen.jobs.verbs import VERBS, commands_for, that_can, verbs_of

STAND_INS = Path(__file__).parent.parent / "stand_ins"
NAMES = list(dict.fromkeys(f"standin_{verb.protocol.__name__.lower()}" for verb in VERBS))


@pytest.fixture(scope="module", autouse=True)
def beside():
    """The stand-ins among the models."""
    models.__path__.append(str(STAND_INS))
    yield
    models.__path__.remove(str(STAND_INS))


@pytest.fixture(scope="module")
def runs(tmp_path_factory, beside):
    """name -> run folder, each trained by the command."""
    folder = tmp_path_factory.mktemp("stand_ins")
    for name in NAMES:
        said = []
        jobs.train(name, models.recipe(name), folder / name, preset="tiny", reports=jobs.Reports(message=said.append))
        assert said[0].startswith("training for 3 steps")
    return {name: folder / name for name in NAMES}


def of(name):
    return next(verb for verb in VERBS if name == f"standin_{verb.protocol.__name__.lower()}")


@pytest.mark.parametrize("name", NAMES)
def test_a_stand_in_has_its_verb_and_no_other(name, runs):
    model = models.load(runs[name])
    assert isinstance(model, contract.Model)
    assert verbs_of(model) == [of(name)]
    assert that_can(model, of(name).protocol, name) is model


@pytest.mark.parametrize("name", NAMES)
def test_the_card_says_what_it_does(name, runs):
    card = (runs[name] / checkpoint.CARD).read_text()
    command = of(name).command.replace("MODEL", "FOLDER") or "drawgen eval FOLDER"
    assert f"Try it: `{command}`." in card
    assert json.loads((runs[name] / "config.json").read_text())["spec"]


@pytest.mark.parametrize("name", NAMES)
def test_a_preview_appears_where_there_is_something_to_see(name, tmp_path):
    reports = jobs.Reports(preview_seconds=0.0)
    jobs.train(name, models.recipe(name), tmp_path / "run", preset="tiny", reports=reports)
    there = {path.name for path in (tmp_path / "run").glob("preview.*")}
    verb = of(name)
    assert (verb.shows in there) if verb.preview else not there
    if "preview.png" in there:
        with Image.open(tmp_path / "run" / "preview.png") as picture:
            assert min(picture.size) >= 8


@pytest.mark.parametrize("name", NAMES)
def test_every_command_takes_it_or_says_what_it_does(name, runs, tmp_path, capsys, monkeypatch):
    """`eval` and `list` take all of them; each other command takes those with its verb, and says of the rest what they do."""
    monkeypatch.chdir(tmp_path)
    images.save_image(tmp_path / "a.png", torch.rand(1, 8, 8))
    line = '<path d="M1 1h9" stroke="red"/>'
    (tmp_path / "a.svg").write_text(f'<svg xmlns="http://www.w3.org/2000/svg">{line}</svg>', encoding="utf-8")
    folder = str(runs[name])
    verb = of(name)
    seen = "a.svg" if "DRAWING" in verb.command else "a.png"
    assert run(capsys, "eval", folder)[0] == 0
    assert "tiny" in run(capsys, "list", name)[1]
    asked = {contract.Completes: ["--begin", seen], contract.Handwrites: ["--text", "a b"]}
    commands = {
        "sample": ["sample", folder, *asked.get(verb.protocol, []), "-o", "OUT"],
        "reconstruct": ["reconstruct", folder, seen, "-o", "OUT"],
        "interpolate": ["interpolate", folder, seen, seen, "-o", "OUT"],
        "caption": ["caption", "a.png", "--model", folder],
        "read": ["read", "a.png", "--model", folder],
        "points": ["points", folder, "random:8", "-o", "OUT"],
        "parse": ["parse", "a b", "--model", folder, "-o", "OUT"],
        "translate": ["translate", "c d", "--model", folder],
        "classify": ["classify", "a text", "--model", folder],
        "diagnose": ["diagnose", folder, "-o", "OUT"],
    }
    mine = verb.command.split()[1] if verb.command else ""
    for command, words in commands.items():
        out = f"{command}.txt" if (verb.protocol, command) == (contract.Writes, "sample") else f"{command}.png"
        status, told, err = run(capsys, *(word.replace("OUT", out) for word in words))
        if command == mine:
            assert status == 0, err
            assert told or (tmp_path / out).stat().st_size
        else:
            assert status == 2
            assert err.startswith(f"drawgen: {folder} is not a model that ")
            assert f"it {verb.does}" in err
            assert err.count("\n") == 1


def test_the_demo_shows_all_that_have_something_to_show(runs, tmp_path, monkeypatch):
    from drawgen.strokes import placing

    monkeypatch.setattr(placing, "ROUNDS", tuple(part._replace(steps=2) for part in placing.ROUNDS))
    monkeypatch.setattr(models, "shipped", lambda: {f"{name}:tiny": folder for name, folder in runs.items()})
    page = jobs.demo(tmp_path / "demo").read_text()
    for verb in VERBS:
        name = f"standin_{verb.protocol.__name__.lower()}:tiny"
        assert (name in page) == (verb.protocol in DEMONSTRATIONS), name


def test_answers_of_verbs_without_a_command(runs):
    """Asked directly."""

    def model(name):
        return models.load(runs[f"standin_{name}"])

    picture = torch.rand(1, 1, 8, 8)
    holes = torch.zeros(1, 8, 8, dtype=torch.bool)
    holes[:, :4] = True
    repaired = model("repairs").repair(picture, holes, rng=contract.generator(0)).images
    assert torch.equal(repaired[..., 4:, :], picture[..., 4:, :])
    assert not torch.equal(repaired, picture)
    assert model("translates").translate(["abc"])[0][0].text == "cba"
    assert model("parses").parse(["a b"])[0].tree == "(S a b)"
    label, probability = model("classifies").classify(["abc", "ab"]).best(0)[0]
    assert label == "other"
    assert probability > 0.9
    assert model("points").point([torch.tensor([[2.0, 0.0], [1.0, 0.0]])])[0].indices == (1, 0)
    batch = next(iter(models.recipe("standin_recurs").data.stream("train", seed=0)))
    assert model("recurs").last_loss(batch, rng=contract.generator(0)).shape == (4,)


def test_the_table():
    """Every command is one, every verb that has a command and is seen at all has a demonstration, every verb says what it does."""
    from drawgen.cli import COMMANDS

    assert len({(verb.protocol, verb.does) for verb in VERBS}) == len(VERBS)
    for verb in VERBS:
        assert verb.does
        assert (verb.preview is None) == (verb.shows == "")
        if verb.command:
            assert verb.command.split()[1] in COMMANDS
            assert "MODEL" in verb.command
            assert bool(verb.endings) != ("REPORT" in verb.command)  # which is a folder
    assert set(DEMONSTRATIONS) <= {verb.protocol for verb in VERBS}


def test_a_model_without_a_verb_can_be_measured():
    assert commands_for(torch.nn.Linear(1, 1), "a model") == ["drawgen eval 'a model'"]
    with pytest.raises(ValueError, match="x is not a model that draws pictures; it can only be measured: drawgen eval x"):
        that_can(torch.nn.Linear(1, 1), contract.Draws, "x")

"""What is wrong is told by the flag's name at the command line, and by the argument's name from Python."""

import dataclasses
from pathlib import Path

import pytest
from command_line import refused, run

from drawgen import cli, jobs, models
from drawgen.cli.parsing import naming_flags
from drawgen.files import StorageError
from drawgen.interrupts import Interrupted
from drawgen.jobs import captions
from drawgen.ranges import ArgumentError
from drawgen.studio.server import serve

PHOTO, OUT = "photo.png", Path("new.png")
REFUSED = {
    "texture": ("photo.png -o new.png --device gpu", "device", lambda: jobs.texture(PHOTO, OUT, device="gpu")),
    "inpaint": ("photo.png -o new.png --mask photo.png --device gpu", "device",
                lambda: jobs.inpaint(PHOTO, OUT, mask=PHOTO, device="gpu")),
    "extend": ("photo.png -o new.png --by 1 --device gpu", "device",
               lambda: jobs.extend(PHOTO, OUT, by=(1, 1, 1, 1), device="gpu")),
    "paint": ("photo.png -o new.png --least-radius 99", "least_radius", lambda: jobs.paint(PHOTO, OUT, least_radius=99)),
    "plot": ("drawing.svg -o new.svg --pen-mm 99", "pen_mm", lambda: jobs.plot("drawing.svg", "new.svg", pen_mm=99)),
    "train": ("ride tiny -o new --fit.valid-steps -1", "fit.valid_steps", lambda: changed("fit", valid_steps=-1)),
    "sample": ("run -o new.png --top-k -1", "top_k", lambda: jobs.sample("run", OUT, top_k=-1)),
    "reconstruct": ("run photo.png -o new.png --polish -1", "polish", lambda: jobs.reconstruct("run", [PHOTO], OUT, polish=-1)),
    "read": ("photo.png -n 0", "n", lambda: jobs.read([PHOTO], n=0)),
    "interpolate": ("run photo.png photo.png -o new.png -n 1", "n", lambda: jobs.interpolate("run", PHOTO, PHOTO, OUT, n=1)),
    "caption": ("photo.png --beam 0", "beams", lambda: next(captions.caption("captioner", [PHOTO], beams=0))),
    "classify": ("text --model run -n 0", "n", lambda: jobs.classify("run", "text", n=0)),
    "points": ("run random:9 -o new.png --beam 0", "beams", lambda: jobs.points("run", "random:9", OUT, beams=0)),
    "illustrate": ("circle -o new.png --beam 0", "beams", lambda: jobs.illustrate("circle", OUT, beams=0)),
    "parse": ("dogs --model run --beam 0", "beams", lambda: jobs.parse("dogs", model="run", beams=0)),
    "translate": ("hello --beam 0", "beams", lambda: jobs.translate("hello", beams=0)),
    "lesions": ("efficientnet-lite0 -o new --draws 0", "draws", lambda: jobs.lesions("efficientnet-lite0", draws=0)),
    "diagnose": ("run -o new --seed -1", "seed", lambda: jobs.diagnose("run", "new", seed=-1)),
    "studio": ("--folder new --no-open --port -1", "port", lambda: serve(Path("new"), port=-1)),
    "eval": ("run --importance 0", "importance", lambda: jobs.measure("run", importance=0)),
}  # fmt: skip
"""A wrong value of each command: the words, the argument's name, and the same call from Python."""


def changed(part, **settings):
    return dataclasses.replace(getattr(models.recipe("ride", "tiny"), part), **settings)


def test_every_command_that_takes_values_is_here():
    assert set(REFUSED) == set(cli.COMMANDS) - {"list", "demo"}


@pytest.mark.parametrize("command", REFUSED)
def test_a_wrong_value(capsys, here, command):
    words, name, call = REFUSED[command]
    flag = words.split()[-2]
    preset = words.split()[:2] if command == "train" else []
    assert flag in run(capsys, command, *preset, "--help")[1]
    with pytest.raises(ArgumentError) as caught:
        call()
    assert caught.value.name == name
    assert str(caught.value) == f"{name} {caught.value.rest}"
    refused(capsys, here, f"{command} {words}", f"drawgen: {flag} {caught.value.rest}\n".replace("99;", "99.0;"))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ArgumentError("least_radius", "is 0"), "--least-radius is 0"),
        (ArgumentError("n", "is 9 and `beams` 5"), "-n is 9 and --beam 5"),
        (ArgumentError("fit.steps", "is 0; give `fit.rate`"), "--steps is 0; give `fit.rate`"),
        (ArgumentError("fit.rate", "is 0"), "fit.rate is 0"),
        (ValueError("it is text; leave `least_radius` out"), "it is text; leave --least-radius out"),
        (ValueError("it needs the extra `video` and `n`"), "it needs the extra `video` and -n"),
        (StorageError("the disk is full; leave `n` out"), "the disk is full; leave -n out"),
        (
            Interrupted(2, "interrupted; the state is kept, and `steps` is more"),
            "interrupted; the state is kept, and --steps is more",
        ),
        (OSError(2, "No such file"), "[Errno 2] No such file"),
    ],
)
def test_names_become_flags(error, told):
    """Those of the command's own arguments, as `steps`, by which a texture's settings of a fit go; the error stays the same."""
    with pytest.raises(type(error)) as caught, naming_flags({"least_radius", "n", "beam", "steps"}.__contains__):
        raise error
    assert caught.value is error
    assert str(error) == told

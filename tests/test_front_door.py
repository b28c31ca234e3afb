"""`import drawgen`: what the command line gives, as values; and the process is left as it was."""

import logging
import os
import signal
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import run
from PIL import Image

import drawgen
from drawgen import images
from drawgen.contract import Piece


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def quick():
    """A painting in a second."""
    from drawgen.strokes import placing

    patch = pytest.MonkeyPatch()
    patch.setattr(placing, "ROUNDS", tuple(part._replace(steps=2) for part in placing.ROUNDS))
    yield
    patch.undo()


def page():
    """A dark bar on bright paper, H W."""
    found = np.full((60, 40), 0.9)
    found[10:50, 18:23] = 0.1
    return found


# ---------------------------------------------------------------- names


def test_names():
    assert set(drawgen.__all__) <= set(dir(drawgen))
    assert sorted(drawgen._HOMES) == sorted(set(drawgen.__all__) - {"__version__"})
    assert all(getattr(drawgen, name).__name__ == name for name in drawgen._HOMES)
    with pytest.raises(AttributeError, match="module 'drawgen' has no attribute 'paints'"):
        _ = drawgen.paints


# ---------------------------------------------------------------- the same as the command line


def test_a_sample_is_the_command_lines(here, capsys):
    line = "sample ride:dirt -o a.png --size 32x24 --seed 3 --tile -n 2"
    assert run(capsys, *line.split())[0] == 0
    drawgen.load("ride:dirt").sample(size=(24, 32), seed=3, tile=True, n=2).save("b-{i}.png")
    for number in (1, 2):
        assert Path(f"a-{number}.png").read_bytes() == Path(f"b-{number}.png").read_bytes()
    assert run(capsys, *["sample", "draw", "-o", "a.gif", "-n", "2", "--boxes"])[0] == 0
    drawgen.load("draw").sample(n=2).save("b.gif", boxes=True)
    assert Path("a.gif").read_bytes() == Path("b.gif").read_bytes()


def test_reconstructions_and_ways_are_the_command_lines(here, capsys):
    images.save_image(here / "page.png", torch.from_numpy(page()).float()[None])
    painter, digits = drawgen.load("painter:characters"), drawgen.load("draw")
    assert run(capsys, *["reconstruct", "painter:characters", "page.png", "-o", "a.svg"])[0] == 0
    painter.reconstruct("page.png").save("b.svg")  # polished
    assert Path("a.svg").read_text() == Path("b.svg").read_text()
    assert run(capsys, *["reconstruct", "draw", "page.png", "page.png", "-o", "a.png"])[0] == 0
    drawn = digits.reconstruct(["page.png", "page.png"])
    drawn.save("b.png")
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    assert drawn.seen.shape == drawn.images.shape == (2, 1, 28, 28)
    assert run(capsys, *["interpolate", "draw", "page.png", "page.png", "-o", "way.png", "-n", "4"])[0] == 0
    digits.interpolate("page.png", Path("page.png"), n=4).save("way2.png")
    assert Path("way.png").read_bytes() == Path("way2.png").read_bytes()


@pytest.mark.usefixtures("quick")
def test_a_painting_is_the_command_lines(here, capsys):
    for size, words in ((None, ""), ((40, 60), " --size 60x40")):
        options = {"strokes": 5, "detail_px": 32, "palette": ["#321", "tan"], "size": size}
        painting = drawgen.paint("photo:coffee", **options)
        for name in ("a.png", "a.svg", "a.json", "a.gif"):
            line = f"paint photo:coffee -o {name} --strokes 5 --detail-px 32 --palette #321,tan --force{words}"
            assert run(capsys, *line.split())[0] == 0
            painting.save("b" + name, force=True)
            assert Path(name).read_bytes() == Path("b" + name).read_bytes()
        with Image.open("ba.png") as picture:
            assert picture.size == ((60, 40) if size else (1024, 683))
            assert np.array_equal(np.asarray(picture), np.asarray(painting.pil()))


def test_a_texture_is_the_command_lines(here, capsys):
    line = "texture photo:brick -o a.png --steps 2 --size 40x30 --exemplar-px 64"
    assert run(capsys, *line.split())[0] == 0
    brick = drawgen.texture("photo:brick", size=(30, 40), steps=2, exemplar_px=64)
    brick.save("b.png")
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    assert run(capsys, *["sample", "a.model", "-o", "more.png", "--size", "16x16", "--seed", "7"])[0] == 0
    brick.trained.sample(size=(16, 16), seed=7).save("more2.png")
    assert Path("more.png").read_bytes() == Path("more2.png").read_bytes()


def test_captions_and_texts_are_the_command_lines(here, capsys):
    images.save_image(here / "page.png", torch.from_numpy(page()).float()[None])
    captions = drawgen.caption(["photo:coffee", here], n=2)
    out = run(capsys, "caption", "photo:coffee", here, "-n", 2)[1]
    told = [f"{one.picture}\t{caption.score:.3f}\t{caption.text}" for one in captions for caption in one.captions]
    assert out.splitlines() == told
    text = drawgen.load("char_rnn").write(prime="ROMEO:", length=30, seed=2, top_p=0.9)
    words = "sample char_rnn --prime ROMEO: --length 30 --seed 2 --top-p 0.9"
    assert run(capsys, *words.split())[1].rstrip("\n") == text[0].text.rstrip("\n")
    streamed = list(drawgen.load("char_rnn").stream(prime="ROMEO:", length=30, seed=2, top_p=0.9))
    assert all(isinstance(piece, Piece) for piece in streamed)
    assert "".join(piece.text for piece in streamed) == text[0].text
    assert text[0].score == pytest.approx(sum(piece.log_prob for piece in streamed))


def test_what_a_model_cannot_do_is_told_as_the_command_line_tells_it(here, capsys):
    for name, method, line in (
        ("draw", "write", "caption photo:coffee --model draw"),
        ("char_rnn", "sample", "read photo:coffee --model char_rnn"),
    ):
        told = run(capsys, *line.split())[2].split("; ")[1]
        with pytest.raises(ValueError, match=f"{name} is not a model that .*; it ") as caught:
            getattr(drawgen.load(name), method)()
        assert str(caught.value).split("; ")[1] == told.strip()


# ---------------------------------------------------------------- nothing is written, nothing is changed

WORK = {
    "load": lambda: drawgen.load("ride:dirt"),
    "sample": lambda: drawgen.load("ride:dirt").sample(size=(16, 16)),
    "reconstruct": lambda: drawgen.load("painter:characters").reconstruct(page()),
    "interpolate": lambda: drawgen.load("draw").interpolate(page(), page(), n=3),
    "write": lambda: drawgen.load("char_rnn").write(length=5),
    "stream": lambda: next(drawgen.load("char_rnn").stream(length=5)),
    "read": lambda: drawgen.train("draw_classifier", "tiny").read(page()),
    "evaluate": lambda: drawgen.train("draw", "tiny").evaluate(),
    "caption": lambda: drawgen.caption(page(), beams=1),
    "paint": lambda: drawgen.paint("photo:coffee", strokes=3, detail_px=16),
    "texture": lambda: drawgen.texture("photo:brick", size=(16, 16), steps=1, exemplar_px=64),
    "train": lambda: drawgen.train("captioner", "tiny"),
    "show": lambda: drawgen.load("draw").sample(n=2)._repr_png_(),
}


def process():
    """What of this process work could change; not Python's own random numbers, of which beartype takes some to check types here."""
    return {
        "threads": torch.get_num_threads(),
        "torch's random numbers": torch.random.get_rng_state().numpy().tobytes(),
        "numpy's": np.random.get_state()[1].tobytes(),  # noqa: NPY002
        "signal handlers": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
        "warnings": list(warnings.filters),
        "logging": [(logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in ("", "drawgen")],
        "gradients": torch.is_grad_enabled(),
        "numpy's errors": np.geterr(),
        "the folder": Path.cwd(),
    }


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("elsewhere", [False, True], ids=["main thread", "another thread"])
@pytest.mark.parametrize("work", WORK)
def test_the_process_is_left_as_it_was(here, work, elsewhere):
    """And nothing is written where one is; threads other than the main one may not set signal handlers."""
    torch.set_num_threads(2)
    found: list = []

    def do():
        torch.set_num_threads(2)  # OpenMP has a number for each thread
        WORK[work]()  # what is imported on the way may add filters of its own warnings
        before = process()
        WORK[work]()
        found.extend((before, process()))

    try:
        if elsewhere:
            thread = threading.Thread(target=do)
            thread.start()
            thread.join()
        else:
            do()
        before, after = found
    finally:
        torch.set_num_threads(1)
    assert {name for name in before if before[name] != after[name]} == set()
    assert list(here.iterdir()) == []


# ---------------------------------------------------------------- progress


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "work",
    [
        lambda hear: drawgen.load("ride:dirt").sample(size=(64, 16), progress=hear),
        lambda hear: drawgen.load("painter:characters").reconstruct(page(), progress=hear),
        lambda hear: drawgen.load("char_rnn").write(length=300, progress=hear),
        lambda hear: drawgen.caption(page(), beams=1, progress=hear),
        lambda hear: drawgen.paint("photo:coffee", strokes=5, detail_px=16, progress=hear),
        lambda hear: drawgen.texture("photo:brick", size=(16, 16), steps=2, exemplar_px=64, progress=hear),
        lambda hear: drawgen.train("draw", "tiny", fit={"log_steps": 1}, progress=hear),
    ],
)
def test_progress_goes_from_0_to_1(capsys, work):
    shares: list[float] = []
    work(shares.append)
    assert shares == sorted(shares)
    assert shares[0] >= 0
    assert shares[-1] == pytest.approx(1.0)
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("quick")
def test_a_bar_where_it_is_asked_for_and_in_sessions(capsys, monkeypatch):
    def told(progress):
        capsys.readouterr()
        drawgen.paint("photo:coffee", strokes=3, detail_px=16, progress=progress)
        out, err = capsys.readouterr()
        assert out == ""
        return err

    assert "3 strokes" in told(True)
    assert told(None) == told(False) == ""
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)  # as notebooks and interactive sessions have it
    assert "3 strokes" in told(None)
    assert told(False) == ""
    small = np.zeros((8, 8))
    capsys.readouterr()
    drawgen.paint(small, strokes=3, detail_px=16, progress=True)
    assert "picture 1 is 8x8 pixels, fewer than the painter looks at" in capsys.readouterr().err


# ---------------------------------------------------------------- Ctrl-C keeps what there is


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("out", [None, "a.png"])
def test_paint_interrupted(here, monkeypatch, out):
    from drawgen.strokes import placing

    plain = placing.LooseStrokes.step

    def step(strokes, gradient, rate):
        plain(strokes, gradient, rate)
        if len(strokes) > 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(placing.LooseStrokes, "step", step)
    with pytest.raises(drawgen.Interrupted, match="is the painting so far, 6 strokes") as caught:
        drawgen.paint("photo:coffee", out, strokes=20, detail_px=32)
    assert isinstance(caught.value, KeyboardInterrupt)
    assert caught.value.number == signal.SIGINT
    assert caught.value.so_far.strokes.shape == (6, 13)
    assert [path.name for path in here.iterdir()] == ([out] if out else [])


def stopping_at(monkeypatch, step):
    """Ctrl-C after a step of a training."""
    from drawgen.training.run import Run

    plain = Run.advance

    def advance(self, batch):
        plain(self, batch)
        if self.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Run, "advance", advance)


def test_train_interrupted(here, monkeypatch):
    whole = drawgen.train("draw", "tiny")
    stopping_at(monkeypatch, 2)
    with pytest.raises(drawgen.Interrupted) as caught:
        drawgen.train("draw", "tiny", out="run", fit={"log_steps": 1})
    so_far = caught.value.so_far
    assert (so_far.steps, so_far.folder, so_far.scores) == (2, Path("run"), {})
    assert so_far.curve.series("loss")[0] == [1.0, 2.0]
    assert so_far.sample(n=2).images.shape == (2, 1, 12, 12)
    run = drawgen.train("draw", out="run", resume=True)
    assert run.steps == 4
    torch.testing.assert_close(run.model.state_dict(), whole.model.state_dict(), rtol=0, atol=0)
    with pytest.raises(drawgen.Interrupted) as caught:
        drawgen.train("draw", "tiny")  # in a temporary folder
    assert caught.value.so_far.sample().images.shape == (1, 1, 12, 12)


def test_texture_interrupted(here, monkeypatch):
    stopping_at(monkeypatch, 2)
    for save in (None, "model"):
        with pytest.raises(drawgen.Interrupted) as caught:
            drawgen.texture("photo:brick", size=(16, 16), steps=3, exemplar_px=64, save=save)
        assert caught.value.so_far.sample(size=(16, 16)).images.shape == (1, 1, 16, 16)
    again = drawgen.texture("photo:brick", size=(16, 16), steps=3, exemplar_px=64, save="model", resume=True)
    monkeypatch.undo()
    monkeypatch.chdir(here)
    whole = drawgen.texture("photo:brick", size=(16, 16), steps=3, exemplar_px=64)
    assert torch.equal(again.images, whole.images)


def test_write_interrupted(monkeypatch):
    from drawgen.models.char_rnn import CharRNN

    plain = CharRNN.write

    def write(self, request, index):
        for number, piece in enumerate(plain(self, request, index)):
            if index == 1 and number == 1:
                os.kill(os.getpid(), signal.SIGINT)
            yield piece

    whole = drawgen.load("char_rnn").write(length=600, n=2)
    monkeypatch.setattr(CharRNN, "write", write)
    with pytest.raises(drawgen.Interrupted) as caught:
        drawgen.load("char_rnn").write(length=600, n=3)
    first, second = caught.value.so_far
    assert first == whole[0]
    assert whole[1].text.startswith(second.text)
    assert len(second.text) < len(whole[1].text)


def test_ctrl_c_in_compiled_code_is_ctrl_c(monkeypatch):
    from drawgen.models.ride import Ride

    def sample(self, request):
        raise SystemError("returned a result with an exception set") from KeyboardInterrupt()

    monkeypatch.setattr(Ride, "sample", sample)
    with pytest.raises(KeyboardInterrupt):
        drawgen.load("ride:dirt").sample()


# ---------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("work", "told"),
    [
        (lambda: drawgen.load("nothing"), "nothing is neither a model folder nor a shipped model"),
        (lambda: drawgen.load("draw").sample(n=0), "n is 0; it has to be at least 1"),
        (lambda: drawgen.load("draw").sample(seed=-1), "seed is -1"),
        (lambda: drawgen.load("draw").sample(temperature=0), "temperature is 0"),
        (lambda: drawgen.load("draw").sample(size=(0, 28)), "size is 0"),
        (lambda: drawgen.load("draw").sample(size=(30, 30)), "size is 30x30 pixels, and this model draws 28x28"),
        (lambda: drawgen.load("draw").interpolate(page(), page(), n=1), "n is 1"),
        (lambda: drawgen.load("draw").reconstruct(page(), polish=3), "polish is 3"),
        (lambda: drawgen.load("draw").reconstruct([]), "no pictures are given"),
        (lambda: drawgen.load("draw").reconstruct(np.full((9, 9), 7.0)), "picture 1 holds numbers outside"),
        (lambda: drawgen.load("draw").evaluate(importance=0), "importance is 0"),
        (lambda: drawgen.load("char_rnn").write(top_p=0), "top_p is 0"),
        (lambda: drawgen.caption(page(), beams=0), "beams is 0"),
        (lambda: drawgen.caption("none.png"), "none.png is no picture"),
        (lambda: drawgen.paint("none.png"), "none.png does not exist"),
        (lambda: drawgen.paint("photo:coffee", strokes=0), "strokes is 0"),
        (lambda: drawgen.paint("photo:coffee", seconds=0), "seconds is 0"),
        (lambda: drawgen.paint("photo:coffee", seed=-1), "seed is -1"),
        (lambda: drawgen.paint("photo:coffee", size=(4, 0)), "size is 0"),
        (lambda: drawgen.paint("photo:coffee", palette=["reddish"]), "palette has 'reddish'"),
        (lambda: drawgen.paint("photo:coffee", "x.svg", animate=True), "x.svg has no known ending"),
        (lambda: drawgen.texture("none.png"), "none.png does not exist"),
        (lambda: drawgen.texture("photo:brick", steps=0), "fit.steps is 0"),
        (lambda: drawgen.texture("photo:brick", size=(0, 4)), "size is 0"),
        (lambda: drawgen.texture("photo:brick", resume=True), "resume is true, and no folder is given"),
        (lambda: drawgen.texture(np.zeros((5, 5))), "picture 1 is 5x5 pixels"),
        (lambda: drawgen.train("nothing"), "there is no model 'nothing'"),
        (lambda: drawgen.train("draw", "nothing"), "draw has no preset 'nothing'"),
        (lambda: drawgen.train("draw", "tiny", fit={"stepz": 1}), "fit has no setting 'stepz'; it has steps, minutes"),
        (lambda: drawgen.train("draw", "tiny", fit={"steps": "many"}), "fit.steps is 'many', which is not a int"),
        (lambda: drawgen.train("draw", "tiny", fit={"steps": 0}), "fit.steps is 0"),
        (lambda: drawgen.train("draw", "tiny", data="photo.png"), "data is 'photo.png'; give settings by their names"),
        (lambda: drawgen.train("draw", "tiny", resume=True), "resume is true, and the run's folder is not given; give `out`"),
        (lambda: drawgen.train("draw", "tiny", out="none", resume=True), "none holds no run to resume"),
    ],
)
def test_errors_name_the_argument_and_no_flag(here, work, told):
    with pytest.raises(ValueError, match=told) as caught:
        work()
    assert "--" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(here.iterdir()) == []


def test_a_file_is_not_replaced_without_force(here):
    (here / "x.png").write_text("kept")
    for work in (
        lambda force: drawgen.load("ride:dirt").sample(size=(8, 8)).save("x.png", force=force),
        lambda force: drawgen.paint("photo:coffee", "x.png", strokes=1, detail_px=16, force=force),
    ):
        with pytest.raises(ValueError, match=r"x\.png exists already; choose another name or give `force` to replace it"):
            work(False)
        assert (here / "x.png").read_text() == "kept"
    work(True)
    assert images.load_image("x.png").shape[0] == 3

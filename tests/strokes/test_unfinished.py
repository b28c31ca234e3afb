"""A painting that is killed goes on to the same strokes."""

import pytest
import torch

from drawgen import jobs
from drawgen.contract import generator
from drawgen.jobs import Reports
from drawgen.strokes import placing
from drawgen.strokes.placing import ROUNDS, Style, lay
from drawgen.strokes.unfinished import Unfinished

PHOTO = torch.rand(3, 24, 32, generator=generator(3)).sqrt()
STYLE = Style(strokes=12, detail_px=32)


@pytest.fixture
def always(monkeypatch):
    """A state after each step, and short rounds."""
    monkeypatch.setattr(placing, "KEPT_S", -1.0)
    monkeypatch.setattr(placing, "ROUNDS", tuple(this._replace(steps=max(2, this.steps // 20)) for this in ROUNDS))


def test_it_goes_on_to_the_same_strokes(always):
    """From any step of any round, also after strokes have been replaced."""
    states = []
    whole = lay(PHOTO, STYLE, on_state=states.append, rng=generator(1))
    assert {state.round for state in states} == set(range(len(ROUNDS)))
    assert states[-1].moves > 0
    for state in states[::7]:
        again = lay(PHOTO, STYLE, begun=state, rng=generator(99))
        assert torch.equal(again.strokes, whole.strokes)


def test_seconds_go_on(always):
    """A budget that is nearly spent allows few steps more."""
    states = []
    lay(PHOTO, STYLE, seconds=0.5, on_state=states.append, rng=generator(1))
    more = []
    lay(PHOTO, STYLE, seconds=0.5, begun=states[-1], on_state=more.append, rng=generator(1))
    assert len(more) <= len(states) / 2
    assert all(state.seconds[0] >= states[-1].seconds[0] for state in more)


def test_a_file(tmp_path):
    """It is read as it was written, but not for another painting, or damaged."""
    state = Unfinished(5, 17, 2, 0.25, (1.5, 0.5), torch.rand(4, 37), generator(0).get_state())
    file = tmp_path / "state"
    assert Unfinished.read(file, "ab") is None
    state.write(file, "ab")
    found = Unfinished.read(file, "ab")
    assert (found.round, found.step, found.moves, found.share, found.seconds) == (5, 17, 2, 0.25, (1.5, 0.5))
    assert torch.equal(found.strokes, state.strokes)
    assert torch.equal(found.random, state.random)
    assert Unfinished.read(file, "cd") is None
    file.write_bytes(file.read_bytes()[:-9])
    assert Unfinished.read(file, "ab") is None
    file.write_bytes(b"\xff" * 40)
    assert Unfinished.read(file, "ab") is None


class Killed(Exception):
    pass


def test_the_job_goes_on(always, tmp_path):
    """From the file to the same file; a state of other settings is not taken, and that is said."""
    how = {"strokes": 10, "detail_px": 24, "seed": 3}
    jobs.paint("photo:coffee", tmp_path / "whole.json", **how)
    state = tmp_path / "state"

    def kill(told):
        if told.share > 0.5:
            raise Killed

    with pytest.raises(Killed):
        jobs.paint("photo:coffee", tmp_path / "again.json", **how, state=state, progress=Reports(strokes=kill))
    kept = state.read_bytes()
    said, shares = [], []
    hearing = Reports(strokes=lambda told: shares.append(told.share), message=said.append)
    jobs.paint("photo:coffee", tmp_path / "again.json", **how, state=state, progress=hearing)
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "whole.json").read_bytes()
    assert shares[0] > 0.4
    assert not state.exists()
    assert not said
    state.write_bytes(kept)
    jobs.paint("photo:coffee", tmp_path / "other.json", **how | {"seed": 4}, state=state, progress=hearing)
    assert "starts from the beginning" in said[0]


def test_a_listener_gets_the_strokes():
    """As a painting, while they are optimised."""
    seen = []
    lay(
        PHOTO, STYLE, on_progress=lambda told: seen.append((told.strokes, told.now())), stop=lambda: len(seen) > 3, rng=generator(1)
    )
    assert all(len(painting.strokes) == count for count, painting in seen)
    assert seen[0][1].json()

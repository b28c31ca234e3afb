"""Lines in an alphabet of our own, and their batches."""

import itertools

import numpy as np
import pytest
import torch

from drawgen.data.hand_letters import BASE, DENSE, GRID, MOST, WORDS, Hand, basis, letter_of, line_of_text, written
from drawgen.data.handwriting import Line, OwnHands, batch_of, line_of, line_text
from drawgen.ranges import ArgumentError
from drawgen.strokes.pen_lines import from_stroke3

STILL = Hand(
    slant=0.0, wide=1.0, tall=1.0, gap=2.0, space=6.0, slope=0.0, wave=(0.0, 0.1, 0.0), bend=np.zeros((2, 3)), own=0.0,
    unsteady=0.0, pace=0.2, seed=0,
)  # fmt: skip


@pytest.mark.parametrize("name", GRID)
def test_letters_stand_on_their_line(name):
    letter = letter_of(name)
    assert len(letter.points) <= MOST
    assert letter.strokes[0][0].start == 0
    assert letter.strokes[-1][-1].stop == len(letter.points)
    low, high = letter.points[:, 1].min(), letter.points[:, 1].max()
    assert low >= -BASE
    assert high <= 13 - BASE
    if name.isupper() or name.isdigit():
        assert (low, high) in ((0, 9), (-1, 9))  # the tail of Q
    if name in "acemnorsuvwxz":
        assert (low, high) == (0, 5)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_curves_go_through_their_control_points(count):
    points = np.random.default_rng(count).normal(size=(count, 2))
    curve = basis(count) @ points
    np.testing.assert_allclose(curve[::DENSE], points, atol=1e-12)
    np.testing.assert_allclose(basis(count).sum(1), 1)


def test_a_hand_that_does_not_err_writes_the_alphabet():
    [[*down], [*across]] = [list(line) for line in line_of_text("t", STILL, np.random.default_rng(0))]
    assert down[0][1] * 13 == pytest.approx(-8)
    assert across[0][1] == pytest.approx(across[-1][1])
    steps = np.hypot(*np.diff(down, axis=0).T) * 13
    assert steps.max() / steps.min() < 1.1
    one, two = (next(line_of_text(text, STILL, np.random.default_rng(0))) for text in ("to", "to"))
    assert (one == two).all()


def test_lines_are_a_function_of_their_generator():
    one, same, other = (written("Anna 12, ok?", np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(one, same, strict=True))
    assert not np.allclose(one[0][0], other[0][0])
    with pytest.raises(KeyError):
        written("é", np.random.default_rng(0))


def test_words_of_validation_do_not_occur_in_training():
    data = OwnHands(batch=8, count=16, odd=0.0)
    held = {word for place, word in enumerate(WORDS) if place % 10 == 9}

    def words(split):
        for batch in itertools.islice(data.stream(split, seed=0), 6):
            for row, length in zip(batch.text.tolist(), batch.text_lengths.tolist(), strict=True):
                for word in "".join(data.vocabulary[number] for number in row[:length]).lower().split():
                    yield word.strip(".,?!:'-")

    assert set(words("valid")) <= held
    assert not set(words("train")) & held
    assert len(set(WORDS)) == len(WORDS) > 600


def test_every_character_is_written_sooner_or_later():
    texts = "".join(line_text(np.random.default_rng(number), 28, held=False, odd=0.25) for number in range(400))
    assert set(texts) == set(OwnHands().vocabulary)


@pytest.mark.parametrize("held", [False, True])
def test_lines_are_no_longer_than_they_may_be(held):
    lengths = {len(line_text(np.random.default_rng(number), 12, held=held, odd=0.5)) for number in range(300)}
    assert max(lengths) == 12
    assert min(lengths) > 0


def test_steps_have_the_standard_deviation_1_about():
    data = OwnHands(batch=32)
    batch = next(iter(data.stream("train", seed=3)))
    steps = torch.cat([row[1:length, :2] for row, length in zip(batch.rows, batch.lengths.tolist(), strict=True)])
    assert float(steps.std()) == pytest.approx(1, abs=0.1)
    assert batch.items() == ("lines", 32)
    assert (batch.rows[:, 0, :2] == 0).all()
    for row, length in zip(batch.rows, batch.lengths.tolist(), strict=True):
        assert row[length - 1, 2] == 1  # the pen is raised in the end
        assert row[:, 2].unique().tolist() == [0, 1]


def test_training_can_go_on_anywhere_and_validation_is_fixed():
    data = OwnHands(batch=3, longest=12, count=7)
    first = [batch.rows for batch in itertools.islice(data.stream("train", seed=1), 6)]
    again = [batch.rows for batch in itertools.islice(data.stream("train", seed=1, start=3), 3)]
    assert all(torch.equal(a, b) for a, b in zip(first[3:], again, strict=True))
    other = next(iter(data.stream("train", seed=2))).rows
    assert first[0].shape != other.shape or not torch.equal(first[0], other)
    valid = [list(data.stream("valid", seed=seed)) for seed in (0, 5)]
    assert [len(batch.rows) for batch in valid[0]] == [3, 3, 1]
    assert all(torch.equal(a.rows, b.rows) for a, b in zip(*valid, strict=True))


def test_a_line_survives_its_rows():
    lines = written("two words", np.random.default_rng(4))
    line = line_of(lines, "two words", 0.2)
    back = from_stroke3(line.rows * (0.2, 0.2, 1))
    for before, after in zip(lines, back, strict=True):
        np.testing.assert_allclose(before - lines[0][0], after, atol=1e-5)


def test_batches_refuse_what_the_vocabulary_lacks():
    line = Line(np.zeros((2, 3), np.float32), "ab")
    assert batch_of([line], ("a", "b")).text.tolist() == [[0, 1]]
    with pytest.raises(KeyError):
        batch_of([line], ("a",))


@pytest.mark.parametrize("settings", [{"batch": 0}, {"longest": 3}, {"odd": 1.5}, {"count": -1}])
def test_settings_out_of_range(settings):
    with pytest.raises(ArgumentError, match=f"data.{next(iter(settings))} is"):
        OwnHands(**settings)

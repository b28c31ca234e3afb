"""The memory tasks against their definitions, sequence by sequence."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from drawgen.contract import generator
from drawgen.data.long_memory import GO, ORDERS, WAIT, WIDTHS, LongMemory, sequences
from drawgen.ranges import ArgumentError

LENGTHS = st.integers(11, 90)
SEEDS = st.integers(0, 10_000)


@given(length=LENGTHS, seed=SEEDS)
def test_order(length, seed):
    inputs, answers = sequences("order", length, 5, rng=generator(seed))
    assert inputs.shape == (5, length, 6)
    assert (inputs.sum(2) == 1).all()
    for symbols, answer in zip(inputs.argmax(2).tolist(), answers[:, 0].tolist(), strict=True):
        places = [t for t, symbol in enumerate(symbols) if symbol < 2]
        assert len(places) == 2
        assert length // 10 <= places[0] <= 2 * length // 10
        assert 4 * length // 10 <= places[1] <= 5 * length // 10
        assert ORDERS[answer] == "".join("ab"[symbols[t]] for t in places)


@pytest.mark.parametrize("task", ["addition", "multiplication"])
@given(length=LENGTHS, seed=SEEDS)
def test_arithmetic(task, length, seed):
    inputs, answers = sequences(task, length, 5, rng=generator(seed))
    assert inputs.shape == (5, length, 2)
    assert ((inputs >= 0) & (inputs <= 1)).all()
    for (values, marks), answer in zip(inputs.transpose(1, 2).tolist(), answers[:, 0].tolist(), strict=True):
        first, second = (t for t, mark in enumerate(marks) if mark == 1)
        assert sum(marks) == 2
        assert first < length // 10 <= second <= length // 2
        one, other = values[first], values[second]
        assert answer == pytest.approx(one + other if task == "addition" else one * other, abs=1e-6)


@given(length=LENGTHS, seed=SEEDS)
def test_memory(length, seed):
    inputs, answers = sequences("memory", length, 5, rng=generator(seed))
    for symbols, bits in zip(inputs.argmax(2).tolist(), answers.tolist(), strict=True):
        assert symbols == bits + [WAIT] * (length - 11) + [GO] + [WAIT] * 5
        assert set(bits) <= {0, 1}


@pytest.mark.parametrize("task", list(WIDTHS))
def test_every_answer_comes_up(task):
    answers = sequences(task, 20, 400, rng=generator(0)).answers
    if answers.is_floating_point():
        assert answers.std() > 0.2
    else:
        shares = torch.bincount(answers.flatten()) / answers.numel()
        torch.testing.assert_close(shares, torch.full_like(shares, 1 / len(shares)), atol=0.07, rtol=0)


def test_streams():
    """Endless and new for training, `count` sequences for validation; lengths are drawn for each batch, the same on all ranks."""
    data = LongMemory(length=30, shortest=12, batch=4, count=10)
    assert sum(len(batch.inputs) for batch in data.stream("valid", seed=0)) == 10
    assert {batch.inputs.shape[1] for batch in data.stream("valid", seed=0)} == {30}
    parts = [list(data.stream("valid", seed=0, rank=rank, ranks=2)) for rank in range(2)]
    assert sum(len(batch.inputs) for part in parts for batch in part) == 10
    stream = data.stream("train", seed=0)
    batches = [next(stream) for _ in range(30)]
    lengths = [batch.inputs.shape[1] for batch in batches]
    assert min(lengths) >= 12
    assert max(lengths) <= 30
    assert len(set(lengths)) > 5
    again = data.stream("train", seed=0, start=7, rank=1, ranks=2)
    assert [next(again).inputs.shape[1] for _ in range(5)] == lengths[7:12]
    torch.testing.assert_close(next(data.stream("train", seed=0, start=3)).inputs, batches[3].inputs)
    other = next(data.stream("train", seed=0, rank=1, ranks=2))
    assert not torch.equal(other.inputs, batches[0].inputs)
    assert batches[0].items() == ("sequences", 4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"task": "sorting"}, "data.task is 'sorting'; it is one of order, addition, multiplication, memory"),
        ({"length": 10}, "data.length is 10; it has to be at least 11"),
        ({"shortest": 5}, "data.shortest is 5; it has to be at least 11"),
        ({"length": 20, "shortest": 30}, "data.shortest is 30; it has to be at most data.length, which is 20"),
        ({"batch": 0}, "data.batch is 0; it has to be at least 1"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ArgumentError) as error:
        LongMemory(**settings)
    assert str(error.value) == message

"""The classifier of texts and drawings: its equations step by step, padding, unknown symbols, what it learns."""

import numpy as np
import pytest
import torch

from drawgen.contract import Classifies, HeldOut, Spec, generator
from drawgen.data.labelled import UNKNOWN, LabelledBatch, MadeUpWords
from drawgen.data.pen_rows import STEP, rows_of
from drawgen.models.text_classifier import LONGEST, SUMMARIES, Config
from drawgen.nn.recurrence import CELLS

TEXTS = Spec(vocabulary=(UNKNOWN, *"abcd "), unit="characters", classes=("one", "two", "three"))
DRAWINGS = Spec(point=3, classes=("one", "two"))
LENGTHS = (5, 1, 7, 3)


def model_of(spec=TEXTS, seed=0, **settings):
    made = Config(**({"units": 6, "embedding": 4} | settings)).build(spec, rng=generator(seed))
    for n, parameter in enumerate(made.parameters()):
        parameter.data += 0.5 * torch.randn(parameter.shape, generator=generator(seed, n))
    return made.double().eval()


def batch_of(spec=TEXTS, fill=0):
    rng, longest, lengths = generator(3), max(LENGTHS), torch.tensor(LENGTHS)
    if spec is TEXTS:
        inputs = torch.randint(6, (len(LENGTHS), longest), generator=rng)
    else:
        inputs = torch.randn(len(LENGTHS), longest, 3, generator=rng, dtype=torch.float64)
    for row, length in zip(inputs, LENGTHS, strict=True):
        row[length:] = fill
    return LabelledBatch(inputs, lengths, torch.tensor([0, 1, 1, 0]))


@pytest.mark.parametrize("spec", [TEXTS, DRAWINGS], ids=["texts", "drawings"])
@pytest.mark.parametrize("cell", list(CELLS))
@pytest.mark.parametrize("summary", SUMMARIES)
@pytest.mark.parametrize("settings", [{}, {"bidirectional": False}, {"layers": 2}])
def test_a_batch_is_each_item_step_by_step(spec, cell, summary, settings):
    """In float64, to 1e-9; whatever pads the rows."""
    model = model_of(spec, cell=cell, summary=summary, **settings)
    batch = batch_of(spec, fill=2)
    found = model(batch.inputs, batch.lengths)
    torch.testing.assert_close(found.exp().sum(1), torch.ones(len(found), dtype=torch.float64))
    for row, length in enumerate(LENGTHS):
        item = batch.inputs[row, :length]
        if spec is TEXTS:
            steps = model.embedding[item]
        else:
            steps = torch.stack([torch.cat([item[t], 2 * STEP * item[: t + 1, :2].sum(0)]) for t in range(length)])
        parts = []
        for reader, order in ((model.onward, range(length)), (model.backwards, range(length - 1, -1, -1))):
            if reader is None:
                continue
            state, read = reader.start(1), []
            for t in order:
                out, state = reader.step(steps[t][None], state)
                read.append(out[0])
            read = torch.stack(read)
            parts.append({"end": read[-1], "mean": read.mean(0), "max": read.max(0).values}[summary])
        logits = model.says.weight @ torch.cat(parts) + model.says.bias
        torch.testing.assert_close(found[row], logits.log_softmax(0), atol=1e-9, rtol=0)


@pytest.mark.parametrize("summary", SUMMARIES)
def test_padding_changes_nothing(summary):
    """Neither what is said nor the gradients."""
    model = model_of(summary=summary)
    small, filled = batch_of(), batch_of(fill=4)
    wide = filled._replace(inputs=torch.nn.functional.pad(filled.inputs, (0, 6), value=3))
    grads = []
    for batch in (small, wide):
        model.zero_grad()
        next(model.losses(batch, state={}, rng=generator(0))).value.backward()
        grads.append([parameter.grad.clone() for parameter in model.parameters()])
    for one, other in zip(*grads, strict=True):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=0)
    torch.testing.assert_close(model(small.inputs, small.lengths), model(wide.inputs, wide.lengths), atol=1e-12, rtol=0)


def test_measuring():
    model, batch = model_of(), batch_of()
    log_p = model(batch.inputs, batch.lengths).detach()
    scores = model.measure(batch, rng=generator(0))
    assert scores["nats_per_item"][0].item() == pytest.approx(-float(log_p[range(4), batch.labels].sum()))
    assert scores["accuracy"] == (int((log_p.argmax(1) == batch.labels).sum()), 4.0)
    assert isinstance(model, HeldOut)
    assert model.held_out_score in scores
    assert batch.items() == ("texts", 4)
    assert batch_of(DRAWINGS).items() == ("drawings", 4)


def test_texts_are_classified():
    """In any order and number; an unknown character is the unknown symbol; white space is one blank."""
    model = model_of()
    assert isinstance(model, Classifies)
    assert model.takes == "texts"
    texts = ["abc", "d", "a b c d" * 9, "cab"]
    together = model.classify(texts).log_probs
    alone = torch.cat([model.classify([text]).log_probs for text in texts])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)
    same = model.classify(["axb", "aßb", "a好b"]).log_probs
    torch.testing.assert_close(same[1:], same[:1].expand(2, -1))
    torch.testing.assert_close(model.classify([" a\n\tb "]).log_probs, model.classify(["a b"]).log_probs)
    decomposed = model_of(Spec(vocabulary=(UNKNOWN, "é"), classes=("a", "b"))).classify(["e\u0301", "é"]).log_probs
    torch.testing.assert_close(decomposed[0], decomposed[1])
    long = model.classify(["a" * LONGEST, "a" * (3 * LONGEST)]).log_probs
    torch.testing.assert_close(long[0], long[1], atol=1e-6, rtol=0)
    assert model.classify([]).log_probs.shape == (0, 3)
    for text in ("", " \n"):
        with pytest.raises(ValueError, match="text 2 is empty; give at least one character"):
            model.classify(["a", text])
    with pytest.raises(ValueError, match="item 1 is a drawing, and texts are read"):
        model.classify([torch.zeros(2, 3)])


def test_words():
    model = model_of(Spec(vocabulary=(UNKNOWN, "a", "dog"), unit="words", classes=("x", "y")))
    same = model.classify(["A dog!", "a  DOG", "a dog..."]).log_probs
    torch.testing.assert_close(same[1:], same[:1].expand(2, -1), atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match="text 1 is empty; give at least one word"):
        model.classify(["?!"])


def test_drawings_of_any_scale_are_classified():
    model = model_of(DRAWINGS)
    assert model.takes == "drawings"
    lines = [np.array([[0.0, 0], [3, 4], [6, 1]]), np.array([[1.0, 1], [2, 5]])]
    rows = torch.from_numpy(rows_of(lines))
    found = model.classify([rows, rows * torch.tensor([70.0, 70, 1])]).log_probs
    torch.testing.assert_close(found[0], found[1], atol=1e-4, rtol=0)
    for wrong in (torch.zeros(0, 3), torch.full((2, 3), torch.nan), torch.full((2, 3), 0.5)):
        with pytest.raises(ValueError, match="drawing 1 cannot be read"):
            model.classify([wrong])
    with pytest.raises(ValueError, match="item 1 is a text, and drawings are read"):
        model.classify(["a"])


def test_it_learns_two_languages():
    config, data = Config(units=12, embedding=8), MadeUpWords()
    model = config.build(data.spec(), rng=generator(0))
    optimiser = torch.optim.Adam(model.parameters(), 2e-2)
    stream = data.stream("train", seed=0)
    for _ in range(80):
        loss = next(model.losses(next(stream), state={}, rng=generator(0))).value
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    right = sum(float(model.measure(batch, rng=generator(0))["accuracy"][0]) for batch in data.stream("valid", seed=0))
    assert right > 0.9 * data.count


def test_dropout_is_for_training():
    model = model_of(dropout=0.5)
    batch = batch_of()
    losses = [float(next(model.losses(batch, state={}, rng=generator(seed))).value.detach()) for seed in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]
    assert torch.equal(model(batch.inputs, batch.lengths), model(batch.inputs, batch.lengths))


def test_refusals():
    with pytest.raises(ValueError, match="needs texts or drawings with labels"):
        Config().build(Spec(point=2, classes=("a",)), rng=generator(0))
    with pytest.raises(ValueError, match="labels"):
        Config().build(Spec(point=3), rng=generator(0))
    with pytest.raises(ValueError, match=r"model\.summary is 'last'; it is one of end, mean, max"):
        Config(summary="last")

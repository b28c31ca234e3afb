"""Sequence to sequence: the papers' equations, whole sequences and steps, padding, batches, beams, copies."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from drawgen import jobs, models
from drawgen.contract import Spec, Translates, generator
from drawgen.data.captions import END, SPECIAL, START, UNKNOWN
from drawgen.data.pairs import PairBatch, Pairs, Reversals, batched
from drawgen.data.sentences import CAPITAL, JOINT
from drawgen.models import seq2seq
from drawgen.models.seq2seq import ATTENTIONS, READINGS, Config
from drawgen.nn.recurrence import CELLS
from drawgen.ranges import ArgumentError
from drawgen.training import Fit

LETTERS = tuple("abcdefgh")
SPEC = Spec(vocabulary=(*SPECIAL, *LETTERS), source_vocabulary=(*SPECIAL, *LETTERS), unit="characters")
SMALL = {"units": 6, "embedding": 5, "attention_units": 4, "dropout": 0.0, "input_dropout": 0.0, "smoothing": 0.0}
KINDS = list(itertools.product(ATTENTIONS, READINGS))


def model_of(spec=SPEC, seed=0, **settings):
    made = Config(**SMALL | settings).build(spec, rng=generator(seed)).double().eval()
    for n, parameter in enumerate(made.parameters()):
        parameter.data += 0.5 * torch.randn(parameter.shape, generator=generator(seed, n), dtype=torch.float64)
    return made


def batch_of(*words):
    return batched([(word, word[::-1] + "a") for word in words], SPEC)


def test_it_is_the_equations():
    """One text, one symbol and one step at a time, in numpy: a source read from its end, global additive attention."""
    model = model_of(source="reversed")
    batch = batch_of("abcd", "ha")
    weights = {name: p.detach().numpy() for name, p in model.named_parameters()}

    def cell(part, x, h, c):
        a = sum(weights[f"{part}.layers.0.{name}_l0"] for name in ("bias_ih", "bias_hh"))
        a = a + weights[f"{part}.layers.0.weight_ih_l0"] @ x + weights[f"{part}.layers.0.weight_hh_l0"] @ h
        i, f, g, o = np.split(a, 4)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        return np.tanh(c) / (1 + np.exp(-o)), c

    def affine(name, x):
        return weights[f"{name}.weight"] @ x + weights[f"{name}.bias"]

    found = model.log_probs(batch).exp().detach().numpy()
    for row in range(2):
        h, c, e = np.zeros(6), np.zeros(6), []
        for symbol in batch.sources[row][: batch.source_lengths[row]].flip(0).tolist():
            h, c = cell("encoder", weights["embedding.weight"][symbol], h, c)
            e.insert(0, h)
        h, c = np.split(np.tanh(affine("bridge", h)), 2)
        for t, symbol in enumerate(batch.targets[row][: batch.lengths[row] - 1].tolist()):
            h, c = cell("decoder.recurrent", weights["decoder.embedding.weight"][symbol], h, c)
            name = "decoder.attention.score"
            hidden = [np.tanh(affine(f"{name}.key", place) + affine(f"{name}.query", h)) for place in e]
            alpha = np.exp([affine(f"{name}.score", each)[0] for each in hidden])
            context = sum(a * place for a, place in zip(alpha / alpha.sum(), e, strict=True))
            logits = affine("decoder.output", np.tanh(affine("decoder.attention.joint", np.concatenate([context, h]))))
            np.testing.assert_allclose(found[row, t], np.exp(logits) / np.exp(logits).sum(), atol=1e-9)


@pytest.mark.parametrize(("attention", "source"), KINDS)
@pytest.mark.parametrize("cell", list(CELLS))
def test_whole_targets_are_their_steps(attention, source, cell):
    model = model_of(attention=attention, source=source, cell=cell, layers=2)
    batch = batch_of("abcd", "h", "egg")
    whole = model.log_probs(batch)
    state, memory = model.encode(batch.sources, batch.source_lengths)
    for t in range(batch.targets.shape[1] - 1):
        logits, state, _ = model.decoder.step(batch.targets[:, t], state, memory)
        inside = t < batch.lengths - 1
        torch.testing.assert_close(logits.log_softmax(1)[inside], whole[inside, t], atol=1e-9, rtol=0)


@pytest.mark.parametrize(("attention", "source"), KINDS)
def test_padding_changes_nothing(attention, source):
    model = model_of(attention=attention, source=source)
    batch = batch_of("abcd", "ha")
    wider = PairBatch(
        torch.nn.functional.pad(batch.sources, (0, 3), value=END), batch.source_lengths,
        torch.nn.functional.pad(batch.targets, (0, 2), value=END), batch.lengths,
    )  # fmt: skip
    alone, padded = model.log_probs(batch), model.log_probs(wider)
    torch.testing.assert_close(padded[:, : alone.shape[1]], alone, atol=1e-9, rtol=0)
    a, b = (model.measure(each, rng=generator(0))["nats_per_symbol"] for each in (batch, wider))
    assert a[1] == b[1] == 5 + 1 + 3 + 1
    torch.testing.assert_close(a[0], b[0])


@pytest.mark.parametrize("attention", ["dot", "additive", "soft"])
def test_attention_to_one_place_is_that_place(attention):
    """Of a source of one symbol (its end) the map is 1."""
    model = model_of(attention=attention)
    state, memory = model.encode(torch.tensor([[END]]), torch.tensor([1]))
    _, _, maps = model.decoder(torch.tensor([[START, 3, 4]]), state, memory)
    torch.testing.assert_close(maps, torch.ones(1, 3, 1, dtype=torch.float64))


@pytest.mark.parametrize(("attention", "source"), KINDS)
def test_batches_and_single_texts_agree(attention, source):
    model = model_of(attention=attention, source=source)
    assert isinstance(model, Translates)
    texts = ["abc", "h", "aabbccdd", "gg"]
    together = model.translate(texts, beams=3, n=2)
    for text, found in zip(texts, together, strict=True):
        alone = model.translate([text], beams=3, n=2)[0]
        assert [each.text for each in alone] == [each.text for each in found]
        for one, other in zip(alone, found, strict=True):
            assert one.score == pytest.approx(other.score, abs=1e-9)
            assert one.source == tuple(text)
            if attention != "none":
                torch.testing.assert_close(one.maps, other.maps)
                assert one.maps.shape == (len(one.words), 1, len(text))
                torch.testing.assert_close(one.maps.sum(2), torch.ones_like(one.maps[..., 0]))


def test_a_beam_of_one_is_greedy():
    model = model_of()
    texts = ["abc", "heg"]
    best = model.translate(texts, beams=1)
    batch = batched([(text, "") for text in texts], SPEC)
    state, memory = model.encode(batch.sources, batch.source_lengths)
    tokens, rows = torch.full((2,), START), [[], []]
    for _ in range(17):
        logits, state, _ = model.decoder.step(tokens, state, memory)
        logits[:, START] = -torch.inf
        tokens = logits.argmax(1)
        for row, token in zip(rows, tokens.tolist(), strict=True):
            row.append(token)
    for hypotheses, row in zip(best, rows, strict=True):
        written = row[: row.index(END)] if END in row else row
        if UNKNOWN not in written:
            assert hypotheses[0].text == "".join(SPEC.vocabulary[token] for token in written)


def test_unknown_words_are_copied():
    """Where the model writes an unknown word, the source's word that the attention is at is taken."""
    words = (CAPITAL, "go", f"{JOINT}.")
    spec = Spec(vocabulary=(*SPECIAL, *words), source_vocabulary=(*SPECIAL, *words), unit="words")
    settings = {"attention": "dot"}
    model = model_of(spec, **settings)
    model.decoder.output.bias.data[UNKNOWN] += 100
    text = model.translate(["zyx"], beams=1)[0][0]
    assert text.words
    assert set(text.words) == {"zyx"}
    without = model_of(spec, copies=False, **settings)
    without.decoder.output.bias.data[UNKNOWN] += 100
    assert all("unknown" not in word for word in without.translate(["zyx"], beams=1)[0][0].words)


def test_marks_are_not_shown():
    words = (CAPITAL, "go", f"{JOINT}.")
    spec = Spec(vocabulary=(*SPECIAL, *words), source_vocabulary=(*SPECIAL, *words), unit="words")
    model = model_of(spec)
    assert model.shown([CAPITAL, "go", f"{JOINT}."]) == (["Go", "."], [[0, 1], [2]])
    found = model.translate(["Go."], beams=4, n=4)[0]
    assert found[0].source == ("Go", ".")
    for each in found:
        assert len(each.words) == len(each.log_probs) == len(each.maps)
        assert each.score * 1 < 0


def test_bad_values_are_refused():
    with pytest.raises(ArgumentError, match=r"model\.attention is 'hard'"):
        Config(attention="hard")
    with pytest.raises(ArgumentError, match=r"model\.units is 7, and two directions share them"):
        Config(units=7)
    with pytest.raises(ValueError, match="text 2 is empty"):
        model_of().translate(["a", "  "])
    with pytest.raises(ValueError, match=r"pairs of texts \(spec\.source_vocabulary\)"):
        Config().build(Spec(vocabulary=SPECIAL, unit="words"), rng=generator(0))


def test_it_learns_to_reverse():
    """A few hundred steps on short words; then unseen words come out backwards."""
    data = Reversals(letters="abcd", most=4, batch=64, count=100)
    model = Config(**SMALL | {"units": 48, "embedding": 16, "attention_units": 16}).build(data.spec(), rng=generator(0))
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    for batch in itertools.islice(data.stream("train", seed=0), 250):
        loss = next(model.losses(batch, state={}, rng=generator(1)))
        optimiser.zero_grad()
        loss.value.backward()
        optimiser.step()
    pairs = data.pairs("valid")
    found = model.eval().translate([pair.source for pair in pairs], beams=1)
    assert sum(each[0].text == pair.targets[0] for each, pair in zip(found, pairs, strict=True)) >= 90


def test_a_run_knows_its_files_from_anywhere(tmp_path, monkeypatch):
    """Also those of the targets and of validation: the recipe has them as absolute paths."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).write_text("go on\nstop\n" * 9)
        (tmp_path / f"valid.{name}").write_text("run\n")
    data = Pairs(path="a", target="b", valid="valid.a", valid_target="valid.b", batch=4)
    recipe = dataclasses.replace(models.recipe("seq2seq", "tiny"), data=data, fit=Fit(steps=1, warmup=0))
    jobs.train("seq2seq", recipe, Path("run"), preset="translate")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert jobs.measure(str(tmp_path / "run"))["pairs"] == 1


def test_presets_say_what_they_are():
    assert seq2seq.PRESETS["translate-no-attention"].model.source == "reversed"
    assert seq2seq.PRESETS["translate-forward"].model.attention == "none"

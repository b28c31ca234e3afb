"""The character model against a slow loop, the state that it carries, and what it writes."""

import itertools
import math
from dataclasses import replace

import pytest
import torch

from drawgen import sampling
from drawgen.contract import Request, Spec, generator
from drawgen.data.text import BYTES, Characters, Sums, Text, encode
from drawgen.models import char_rnn
from drawgen.nn.recurrence import CELLS
from drawgen.training import Fit, evaluate, fit

LETTERS = tuple("\nabcdef")
EVERY_CELL = pytest.mark.parametrize("cell", list(CELLS))


def small(vocabulary=LETTERS, *, seed=0, **changes):
    settings = {"units": 8, "layers": 2} | changes
    model = char_rnn.Config(**settings).build(Spec(vocabulary=vocabulary), rng=generator(seed)).eval()
    for n, parameter in enumerate(model.parameters()):
        parameter.data += 0.5 * torch.randn(parameter.shape, generator=generator(seed, n))
    return model


def texts(rows=3, length=12, seed=0):
    return torch.randint(0, len(LETTERS), (rows, length), generator=generator(seed))


def run(walk):
    """(losses, returned state) of a generator of losses."""
    losses = []
    while True:
        try:
            losses.append(next(walk))
        except StopIteration as end:
            return losses, end.value


@torch.no_grad()
def nats_by_steps(model, row):
    """-log p of every symbol of a row but the first, one step at a time."""
    state, total = model.decoder.start(1), 0.0
    for before, after in itertools.pairwise(row.tolist()):
        logits, state, _ = model.decoder.step(torch.tensor([before]), state)
        total -= float(logits.double().log_softmax(-1)[0, after])
    return total


# ---------------------------------------------------------------- numbers


def test_the_classic_defaults_have_the_published_number_of_weights():
    """65 symbols, two layers of 128, two biases a gate: 240,321; of 512: 3,320,385."""
    for units, expected in ((128, 240_321), (512, 3_320_385)):
        model = char_rnn.Config(units=units).build(Spec(vocabulary=tuple(map(chr, range(65)))), rng=generator(0))
        assert sum(p.numel() for p in model.parameters()) == expected


@EVERY_CELL
@pytest.mark.parametrize("embedding", [0, 3])
def test_loss_and_measure_are_the_steps(cell, embedding, monkeypatch):
    """The measurement goes through a long row in pieces; the state is carried."""
    monkeypatch.setattr(char_rnn, "CHUNK", 5)
    model = small(cell=cell, embedding=embedding)
    tokens = texts(2, 13)
    expected = sum(nats_by_steps(model, row) for row in tokens)
    batch = Characters(tokens, torch.ones(2, dtype=torch.bool))
    with torch.no_grad():
        totals = model.measure(batch, rng=generator(0))
    assert float(totals["nats_per_char"][0]) == pytest.approx(expected, rel=1e-5)
    assert totals["nats_per_char"][1] == 24
    assert float(totals["bits_per_char"][0]) == pytest.approx(expected / math.log(2), rel=1e-5)
    (loss,), _ = run(model.losses(batch, state={}, rng=generator(0)))
    assert float(loss.value.detach()) == pytest.approx(expected / 24, rel=1e-5)
    assert loss.count == 24


@EVERY_CELL
def test_the_carried_state_equals_one_long_pass(cell):
    model = small(cell=cell)
    tokens = texts(3, 13)
    fresh = torch.tensor([True, True, True])
    (whole,), _ = run(model.losses(Characters(tokens, fresh), state={}, rng=generator(0)))
    (first,), state = run(model.losses(Characters(tokens[:, :7], fresh), state={}, rng=generator(0)))
    (second,), _ = run(model.losses(Characters(tokens[:, 6:], ~fresh), state=state, rng=generator(0)))
    assert float((first.value + second.value).detach()) / 2 == pytest.approx(float(whole.value.detach()), rel=1e-5)


def test_fresh_rows_begin_from_nothing():
    model = small()
    tokens, none = texts(2, 6), torch.zeros(2, dtype=torch.bool)
    _, state = run(model.losses(Characters(texts(2, 6, seed=1), ~none), state={}, rng=generator(0)))
    one = torch.tensor([True, False])
    _, mixed = run(model.losses(Characters(tokens, one), state=state, rng=generator(0)))
    _, begun = run(model.losses(Characters(tokens, ~none), state={}, rng=generator(0)))
    _, carried = run(model.losses(Characters(tokens, none), state=state, rng=generator(0)))
    for name in ("h", "c"):
        torch.testing.assert_close(mixed[name][0], begun[name][0])
        torch.testing.assert_close(mixed[name][1], carried[name][1])
        assert not torch.allclose(begun[name][1], carried[name][1])


def test_dropout_is_for_training_only():
    model = small(dropout=0.5)
    batch = Characters(texts(), torch.ones(3, dtype=torch.bool))
    values = [float(next(model.losses(batch, state={}, rng=generator(seed))).value.detach()) for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]
    with torch.no_grad():
        assert model.measure(batch, rng=generator(0)) == model.measure(batch, rng=generator(1))


def test_it_learns_what_can_be_known_and_no_more(tmp_path):
    """Of a sum of one-digit numbers two digits can only be guessed, ln 10 nats each, of 6.45 symbols on average; the rest can be
    learnt, and some of it is here."""
    data = Sums(batch=32, length=30)
    model = char_rnn.Config(units=48, layers=1, cell="gru").build(data.spec(), rng=generator(0))
    before = evaluate(model, data)["nats_per_char"]
    fit(model, data, Fit(steps=250, rate=1e-2, warmup=10, clip=5.0, ema=0.9), tmp_path / "run")
    after = evaluate(model, data)["nats_per_char"]
    assert before > 2.4
    assert 0.95 * 2 * math.log(10) / 6.45 < after < 1.1


# ---------------------------------------------------------------- writing


def wrote(model, request, index=0):
    """A text, and the log-probability of what comes after the prime."""
    pieces = list(model.write(request, index))
    return "".join(piece.text for piece in pieces), sum(piece.log_prob for piece in pieces)


@EVERY_CELL
def test_it_writes_what_the_definition_writes(cell):
    model = small(cell=cell)
    request = Request(n=2, seed=5, prime="abcab", length=30, temperature=0.8, top_k=5, top_p=0.9)
    prime = torch.tensor([encode("abcab", LETTERS)])
    for index in range(2):
        text, score = wrote(model, request, index)
        with torch.inference_mode():
            state = model.decoder.start(1)
            for t in range(4):
                _, state, _ = model.decoder.step(prime[:, t], state)
            expected = sampling.ancestral(
                model.decoder.step, prime[:, 4], state, length=30, temperature=0.8, top_k=5, top_p=0.9,
                rngs=[request.rng(index)],
            )  # fmt: skip
        assert text == "abcab" + "".join(LETTERS[token] for token in expected.tokens[0].tolist())
        assert score == pytest.approx(float(expected.log_probs.sum()), abs=1e-3)


@pytest.mark.parametrize("at_once", [1, 2, 32])
def test_a_text_ends_where_it_is_told_to(at_once, monkeypatch):
    """With the first end after the prime, also if that is split over two pieces; otherwise at its length."""
    monkeypatch.setattr(char_rnn, "AT_ONCE", at_once)
    model = small()
    whole, _ = wrote(model, Request(prime="ab", length=60))
    for until in (whole[10:11], whole[20:23], whole[2:4], whole[55:62]):
        text, score = wrote(model, Request(prime="ab", length=60, until=until))
        assert text == whole[: whole.index(until, 2) + len(until)]
        row = torch.tensor(encode(text, LETTERS))
        assert score == pytest.approx(nats_by_steps(model, row[:2]) - nats_by_steps(model, row), abs=1e-4)
    assert wrote(model, Request(prime="ab", length=60, until="aaaaaaaaaaaa"))[0] == whole
    with pytest.raises(ValueError, match="the character '!'"):
        wrote(model, Request(until="a!"))


def test_the_score_is_that_of_the_text():
    model = small()
    text, score = wrote(model, Request(prime="ab", length=20))
    row = torch.tensor(encode(text, LETTERS))
    assert score == pytest.approx(nats_by_steps(model, row[:2]) - nats_by_steps(model, row), abs=1e-4)


def test_a_longer_text_begins_as_the_shorter():
    model = small()
    long, short = (wrote(model, Request(prime="c", length=length))[0] for length in (90, 33))
    assert long.startswith(short)


def test_without_a_prime_it_begins_as_a_new_line():
    model = small()
    assert wrote(model, Request(length=40))[0] == wrote(model, Request(prime="\n", length=40))[0][1:]


def test_more_than_all_symbols_are_all():
    model = small()
    assert wrote(model, Request(length=40, top_k=2**70)) == wrote(model, Request(length=40))


def test_a_prime_has_the_ends_of_line_of_the_training_text():
    model = small()
    plain, windows, old = (wrote(model, Request(prime=prime, length=30)) for prime in ("a\nb", "\ufeffa\r\nb", "a\rb"))
    assert plain == windows == old
    with pytest.raises(ValueError, match="is not UTF-8"):
        wrote(small(BYTES), Request(prime="a\udcff"))


def test_bytes_come_as_text():
    """Also where a character lies across two pieces; the prime may hold any character."""
    model = small(BYTES)
    request = Request(prime="é𝄞", length=200, temperature=3.0)
    whole, score = wrote(model, request)
    assert whole.startswith("é𝄞")
    assert len(whole.encode()) >= 200
    assert score < 0


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(prime="abz"), r"the character 'z' \(number 3 of the text\) is not among the 7"),
        (Request(size=(3, 3)), "`size` and `tile` are for pictures"),
        (Request(tile=True), "`size` and `tile` are for pictures"),
    ],
)
def test_refused_before_anything_is_written(request_, words):
    with pytest.raises(ValueError, match=words):
        next(small().write(request_, 0))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cell": "none"}, "model.cell is 'none'; it is one of rnn, gru, gru_before, lstm"),
        ({"units": 0}, "model.units is 0"),
        ({"layers": 0}, "model.layers is 0"),
        ({"embedding": -1}, "model.embedding is -1"),
        ({"dropout": 1.0}, "model.dropout is 1.0"),
        ({"dropout": math.nan}, "model.dropout is nan"),
        ({"forget_bias": math.inf}, "model.forget_bias is inf"),
    ],
)
def test_bad_settings(options, words):
    with pytest.raises(ValueError, match=words):
        char_rnn.Config(**options)


def test_data_without_text_is_refused():
    with pytest.raises(ValueError, match="needs text"):
        char_rnn.Config().build(Spec((1, 8, 8)), rng=generator(0))


def test_a_text_is_measured_as_a_whole(tmp_path):
    """The score does not depend on the stretches' length, but for what each forgets at its beginning."""
    path = tmp_path / "a.txt"
    path.write_text("abcdef\n" * 200)
    data = Text(path=str(path), batch=2, length=5, held_out=0.5)
    model = small()
    expected = nats_by_steps(model, torch.from_numpy(data.read(data.kept - 1, 1400))) / (1400 - data.kept)
    assert evaluate(model, data)["nats_per_char"] == pytest.approx(expected, rel=1e-5)
    assert evaluate(model, replace(data, pieces=3))["nats_per_char"] == pytest.approx(expected, rel=0.05)

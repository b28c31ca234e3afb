"""The decoder: its two forms agree, its attention is the paper's, masks change nothing, the compiled twin writes the same."""

from itertools import islice

import numpy as np
import pytest
import torch

from drawgen import sampling
from drawgen.contract import generator
from drawgen.nn.attention import GlobalAttention, SoftAttention, score
from drawgen.nn.decoder import Decoder
from drawgen.nn.recurrence import CELLS

DOUBLE = torch.float64


def random(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed), dtype=DOUBLE)


def decoder(*, attends=True, vocabulary=7, double=True, seed=1, **options):
    settings = {"units": 6, "layers": 2, "embedding": 5} | options
    words, glimpses = 5 if settings.pop("word_query", False) else 0, settings.pop("glimpses", 1)
    kind, part = settings.pop("overall", ""), None
    if kind:
        part = GlobalAttention(score(kind, 4, 6, 3, rng=generator(seed + 1)), 4, 6, rng=generator(seed + 2))
    elif attends:
        part = SoftAttention(4, 6, 3, words, glimpses=glimpses, rng=generator(seed + 1))
    found = Decoder(vocabulary, attention=part, rng=generator(seed), **settings).double()
    for n, parameter in enumerate(found.parameters()):
        parameter.data += 0.3 * random(*parameter.shape, seed=n)
    return found if double else found.float()


def memory_of(model, rows=3, places=5, seed=4):
    return model.look(random(rows, places, 4, seed=seed)) if model.attention is not None else None


TOKENS = torch.randint(0, 7, (3, 6), generator=generator(2))
KINDS = pytest.mark.parametrize(
    "options",
    [
        {"attends": True},
        {"attends": True, "layers": 1},
        {"attends": True, "word_query": True},
        {"attends": True, "word_query": True, "glimpses": 2},
        {"overall": "additive"},
        {"overall": "dot", "embedding": 0},
        {"attends": False},
        {"attends": False, "embedding": 0},
    ],
    ids=["soft", "soft-one-layer", "soft-word", "glimpses", "global-additive", "global-dot", "embedding", "one-hot"],
)


@KINDS
@pytest.mark.parametrize("cell", list(CELLS))
def test_steps_are_the_whole_sequence(cell, options):
    model = decoder(cell=cell, **options)
    memory = memory_of(model)
    whole, after, maps = model(TOKENS, model.start(3, memory), memory)
    state = model.start(3, memory)
    for t in range(TOKENS.shape[1]):
        logits, state, extras = model.step(TOKENS[:, t], state, memory)
        torch.testing.assert_close(logits, whole[:, t])
        if memory is not None:
            torch.testing.assert_close(extras["map"], maps[:, t])
    torch.testing.assert_close(state, after)


@pytest.mark.parametrize("glimpses", [1, 2])
@pytest.mark.parametrize("word_query", [False, True])
def test_attention_is_the_papers(word_query, glimpses):
    """Xu et al. (2015), one row and one place at a time, in numpy; with the last word in the query; and with a second glimpse."""
    model = decoder(layers=1, word_query=word_query, glimpses=glimpses)
    attention = model.attention
    values, h, words = random(2, 5, 4), random(2, 6, seed=9), TOKENS[:2, 0]
    context, alpha = attention(h, attention.memory(values), model.asked(model.embed(words)))
    weights = {name: p.detach().numpy() for name, p in attention.named_parameters()}
    for row in range(2):
        a, q = values[row].numpy(), h[row].numpy()
        told = np.zeros(3)
        if word_query:
            told = weights["word.weight"] @ model.embedding.weight[words[row]].detach().numpy() + weights["word.bias"]
        asked = weights["query.weight"] @ q + weights["query.bias"] + told
        energy = []
        for place in range(5):
            hidden = np.tanh(weights["key.weight"] @ a[place] + weights["key.bias"] + asked)
            energy.append((weights["score.weight"] @ hidden + weights["score.bias"])[0])
        expected = np.exp(energy) / np.exp(energy).sum()
        seen = expected @ a
        if glimpses == 2:
            asked = asked + weights["again.weight"] @ seen + weights["again.bias"]
            total = np.zeros(4)
            for place in range(5):
                hidden = np.tanh(weights["key.weight"] @ a[place] + weights["key.bias"] + asked)
                total += a[place] / (1 + np.exp(-(weights["weigh.weight"] @ hidden + weights["weigh.bias"])))
            seen = seen + weights["added.weight"] @ total + weights["added.bias"]
        gate = 1 / (1 + np.exp(-(weights["gate.weight"] @ q + weights["gate.bias"])))
        np.testing.assert_allclose(alpha[row].detach().numpy(), expected, atol=1e-12)
        np.testing.assert_allclose(context[row].detach().numpy(), gate * seen, atol=1e-12)


def test_a_second_glimpse_begins_as_none():
    """A new decoder of two glimpses with the weights of one predicts what that one predicts."""
    one = decoder(glimpses=1)
    soft = SoftAttention(4, 6, 3, glimpses=2, rng=generator(6))
    two = Decoder(7, units=6, layers=2, embedding=5, attention=soft, rng=generator(5)).double()
    assert two.load_state_dict(one.state_dict(), strict=False).unexpected_keys == []
    values = random(3, 5, 4)
    expected, found = (model(TOKENS, model.start(3, model.look(values)), model.look(values))[0] for model in (one, two))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("glimpses", [1, 2])
def test_masked_places_get_no_probability_and_change_nothing(glimpses):
    model = decoder(glimpses=glimpses)
    values = random(3, 5, 4)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2, [False, True, False, True, False]])
    memory = model.look(values, mask)
    logits, _, maps = model(TOKENS, model.start(3, memory), memory)
    assert (maps[~mask[:, None].expand(-1, 6, -1)] == 0).all()
    torch.testing.assert_close(maps.sum(2), torch.ones(3, 6, dtype=DOUBLE))
    noise = model.look(torch.where(mask[..., None], values, 1e3 * random(3, 5, 4, seed=8)), mask)
    torch.testing.assert_close(model(TOKENS, model.start(3, noise), noise)[0], logits)
    for row in range(3):  # as if the masked places were not there
        alone = model.look(values[row : row + 1, mask[row]])
        torch.testing.assert_close(model(TOKENS[row : row + 1], model.start(1, alone), alone)[0], logits[row : row + 1])


@pytest.mark.parametrize("glimpses", [1, 2])
def test_beams_that_share_a_feature_map(glimpses):
    """K rows side by side look at one memory as if each had its own."""
    model = decoder(glimpses=glimpses)
    values, h = random(2, 5, 4), random(6, 6, seed=3)
    shared = model.attention(h, model.look(values))
    own = model.attention(h, model.look(values.repeat_interleave(3, 0)))
    torch.testing.assert_close(shared, own)


def test_symbols_after_do_not_change_what_was_before():
    model = decoder()
    memory = memory_of(model)
    whole, _, _ = model(TOKENS, model.start(3, memory), memory)
    changed = torch.cat([TOKENS[:, :4], (TOKENS[:, 4:] + 1) % 7], 1)
    torch.testing.assert_close(model(changed, model.start(3, memory), memory)[0][:, :4], whole[:, :4])


def test_a_vector_may_be_fed_in_place_of_a_symbol():
    model = decoder(attends=False)
    state = model.start(3)
    _, expected, _ = model.step(TOKENS[:, 0], state)
    torch.testing.assert_close(model.feed(model.embedding(TOKENS[:, 0]), state), expected)


@KINDS
def test_every_weight_learns(options):
    model = decoder(**options)
    memory = memory_of(model)
    logits, _, maps = model(TOKENS, model.start(3, memory), memory)
    (logits.square().sum() + (maps.square().sum() if maps is not None else 0)).backward()
    useless = {"attention.score.bias"}  # it shifts all places alike
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert name in useless or parameter.grad.abs().max() > 0, name


def test_dropout_is_seeded():
    model = decoder(dropout=0.5)
    memory = memory_of(model)
    first, second, other = (model(TOKENS, model.start(3, memory), memory, rng=generator(n))[0] for n in (0, 0, 1))
    assert torch.equal(first, second)
    assert not torch.allclose(first, other)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: decoder(embedding=0), "embedding is 0"),
        (lambda: decoder(glimpses=3), "glimpses"),
        (lambda: decoder(attends=False).look(random(1, 2, 4)), "attends to nothing"),
        (lambda: decoder().look(random(1, 2, 4), torch.tensor([[False, False]])), "masked everywhere"),
    ],
)
def test_refusals(make, words):
    with pytest.raises(ValueError, match=words):
        make()


# ---------------------------------------------------------------- decoding with it


def test_beam_search_in_a_batch_writes_what_it_writes_alone():
    """Rows of a batch, their maps and scores, are those of each picture by itself; greedy too."""
    model = decoder(vocabulary=9)
    with torch.inference_mode():
        values = random(4, 5, 4)
        first = torch.zeros(4, dtype=torch.long)

        def search(values):
            memory = model.look(values)
            state = model.start(len(values), memory)
            step = lambda tokens, state: model.step(tokens, state, memory)  # noqa: E731
            tokens = first[: len(values)]
            return (
                sampling.beam_search(step, tokens, state, beams=3, length=12, end=1, alpha=0.7),
                sampling.greedy(step, tokens, state, length=12, end=1),
            )

        together, greedy = search(values)
        for row in range(4):
            alone, one = search(values[row : row + 1])
            for k in range(3):
                length = int(alone.lengths[0, k])
                assert together.lengths[row, k] == length
                assert torch.equal(together.tokens[row, k, :length], alone.tokens[0, k, :length])
                torch.testing.assert_close(together.log_probs[row, k, :length], alone.log_probs[0, k, :length])
                torch.testing.assert_close(together.extras["map"][row, k, :length], alone.extras["map"][0, k, :length])
            assert torch.equal(greedy.tokens[row, : one.lengths[0]], one.tokens[0, : one.lengths[0]])


def test_what_beam_search_says_of_its_words_is_what_the_model_says():
    """Log-probabilities and maps of every hypothesis, against one teacher-forced pass over it."""
    model = decoder(vocabulary=9)
    with torch.inference_mode():
        memory = model.look(random(2, 5, 4))
        found = sampling.beam_search(
            lambda tokens, state: model.step(tokens, state, memory), torch.zeros(2, dtype=torch.long), model.start(2, memory),
            beams=4, length=8, end=1,
        )  # fmt: skip
        for row in range(2):
            alone = model.look(memory.values[row : row + 1])
            for k in range(4):
                length = int(found.lengths[row, k])
                written = found.tokens[row, k, :length]
                read = torch.cat([torch.zeros(1, dtype=torch.long), written[:-1]])[None]
                logits, _, maps = model(read, model.start(1, alone), alone)
                expected = logits[0].log_softmax(-1).gather(1, written[:, None])[:, 0]
                torch.testing.assert_close(found.log_probs[row, k, :length].double(), expected, atol=1e-5, rtol=1e-5)
                torch.testing.assert_close(found.extras["map"][row, k, :length], maps[0])
                assert float(found.scores[row, k]) == pytest.approx(float(expected.mean()), abs=1e-5)


# ---------------------------------------------------------------- the compiled twin


@pytest.mark.parametrize("cell", list(CELLS))
@pytest.mark.parametrize("options", [{}, {"layers": 1}, {"layers": 3, "embedding": 4}])
@pytest.mark.parametrize(
    "how", [{}, {"temperature": 0.6}, {"top_k": 3}, {"top_p": 0.7}, {"top_k": 4, "top_p": 0.8, "temperature": 1.3}]
)
def test_compiled_writes_what_the_definition_writes(cell, options, how):
    from drawgen.nn import decoder_cpu

    model = decoder(attends=False, double=False, cell=cell, vocabulary=11, units=9, **({"embedding": 0} | options))
    begin = {name: random(*tensor.shape, seed=5).float() for name, tensor in model.start(1).items()}
    with torch.inference_mode():
        choose = sampling.chooser(rngs=[generator(3)], **how)
        moves = list(sampling.walk(model.step, torch.tensor([2]), begin, choose, length=40))
    state = {name: tensor[0].numpy().copy() for name, tensor in begin.items()}
    numbers = torch.cat(list(islice(sampling.draws([generator(3)]), 40))).numpy()
    how = {"temperature": 1.0, "top_k": 0, "top_p": 1.0} | how
    tokens, log_probs = decoder_cpu.write(
        2,
        numbers,
        decoder_cpu.weights(model),
        state["h"],
        state.get("c", state["h"]),
        how["temperature"],
        how["top_k"],
        how["top_p"],
    )
    assert tokens.tolist() == [int(move.tokens) for move in moves]
    np.testing.assert_allclose(log_probs, [float(move.log_probs) for move in moves], atol=1e-4)


@pytest.mark.parametrize("cell", list(CELLS))
@pytest.mark.parametrize("scale", [30.0, 1e30])
def test_compiled_bears_what_overflows(cell, scale):
    """Gates and cells whose exp is infinite; and weights that make everything NaN still give symbols."""
    from drawgen.nn import decoder_cpu

    model = decoder(attends=False, double=False, cell=cell, vocabulary=11, units=70, embedding=0)
    for n in range(2):
        for parameter in model.recurrent.weights(n):
            parameter.data *= scale
    state = {name: tensor[0].numpy().copy() for name, tensor in model.start(1).items()}
    numbers = torch.cat(list(islice(sampling.draws([generator(3)]), 300))).numpy()
    tokens, log_probs = decoder_cpu.write(
        2, numbers, decoder_cpu.weights(model), state["h"], state.get("c", state["h"]), 1.0, 0, 1.0
    )
    assert tokens.min() >= 0
    assert tokens.max() < 11
    if scale == 30.0:
        assert np.isfinite(log_probs).all()
        read = torch.tensor([[2, *tokens[:-1]]])
        with torch.inference_mode():
            logits, _, _ = model.double()(read, {n: t.double() for n, t in model.start(1).items()})
        assert torch.isfinite(logits).all()


def test_hints():
    """What is known of a row as a whole: added to the initial state before its tanh, to the first layer's gates, and before the
    output; beams of a row share it. Without hints nothing changes."""
    model = decoder(layers=1, hints=5)
    values, hints = random(3, 4, 4, seed=2), random(3, 5, seed=3)
    memory = model.look(values, hints=hints)
    told = model.hint(hints)
    start, gates, deep = told.split(model.hint_sizes(), 1)
    state = model.start(3, memory)
    whole = torch.cat([part.flatten(1) for part in state.values()], 1)
    torch.testing.assert_close(whole, (model.first(values.mean(1)) + start).tanh())
    tokens = TOKENS[:3, 0]
    plain = model.look(values)
    words = model.embed(tokens)
    context, _ = model.attention(state["h"][:, -1], plain, model.asked(words))
    h, _ = model.recurrent.step_from(model.first_product(words) + gates + context @ model.context_weight().t(), state)
    expected = model.output(words + deep + model.from_state(h) + model.from_context(context))
    logits, _, _ = model.step(tokens, state, memory)
    torch.testing.assert_close(logits, expected)
    beams = {name: part.repeat_interleave(2, 0) for name, part in state.items()}
    torch.testing.assert_close(model.step(tokens.repeat_interleave(2), beams, memory)[0][::2], logits)
    without = model.step(tokens, model.start(3, plain), plain)[0]
    assert not torch.allclose(without, logits)


def test_teacher_forcing_with_hints_equals_single_steps():
    model = decoder(layers=1, hints=5)
    memory = model.look(random(len(TOKENS), 4, 4, seed=2), hints=random(len(TOKENS), 5, seed=3))
    state = model.start(len(TOKENS), memory)
    whole, _, _ = model(TOKENS, state, memory)
    for t in range(TOKENS.shape[1]):
        logits, state, _ = model.step(TOKENS[:, t], state, memory)
        torch.testing.assert_close(logits, whole[:, t])


def test_tied_weights_and_input_dropout():
    model = decoder(layers=1, tied=True, input_dropout=0.5)
    assert model.output.weight is model.embedding.weight
    memory = model.look(random(len(TOKENS), 4, 4, seed=2))
    state = model.start(len(TOKENS), memory)
    plain, again = (model(TOKENS, state, memory)[0] for _ in range(2))
    assert torch.equal(plain, again)
    noisy = model(TOKENS, state, memory, rng=generator(0))[0]
    assert not torch.allclose(plain, noisy)

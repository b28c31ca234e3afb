"""Greedy, ancestral and beam decoding against exhaustive search and exact frequencies, over small Markov chains."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from drawgen import sampling
from drawgen.contract import generator

END = 0
QUICK = settings(derandomize=True, deadline=None, database=None, max_examples=40)
chains = st.builds(
    lambda symbols, seed, sharp: sharp * torch.randn(symbols, symbols, generator=generator(seed), dtype=torch.float64),
    st.integers(2, 4), st.integers(0, 10**6), st.sampled_from([0.3, 1.0, 3.0]),
)  # fmt: skip
FEW = {"temperature": 1.0, "top_k": 0, "top_p": 1.0}


def markov(table):
    """A step whose logits depend on the last symbol and on how many came before, which the state counts."""

    def step(tokens, state):
        logits = table[tokens] + 0.7 * torch.sin(state["count"] + torch.arange(table.shape[1]))
        return logits, {"count": state["count"] + 1}, {"seen": torch.stack([tokens.double(), state["count"][:, 0]], 1)}

    return step


def begin(rows=1):
    return torch.full((rows,), 1), {"count": torch.zeros(rows, 1, dtype=torch.float64)}


def log_probs_of(table, tokens):
    """Of a list of symbols, one after another."""
    last, found = 1, []
    for n, token in enumerate(tokens):
        logits, _, _ = markov(table)(torch.tensor([last]), {"count": torch.full((1, 1), float(n), dtype=torch.float64)})
        found.append(float(logits.log_softmax(-1)[0, token]))
        last = token
    return found


def hypotheses(symbols, length):
    """All that end within `length` symbols, and all of that length that do not."""
    for n in range(1, length + 1):
        for head in itertools.product(range(1, symbols), repeat=n - 1):
            yield [*head, END]
    yield from (list(each) for each in itertools.product(range(1, symbols), repeat=length))


def written(found, row=0, k=None):
    at = row if k is None else (row, k)
    return found.tokens[at][: int(found.lengths[at])].tolist()


# ---------------------------------------------------------------- beam search


@given(chains, st.integers(1, 4), st.sampled_from([0.0, 0.6, 1.0]))
@QUICK
def test_a_beam_that_holds_everything_is_exhaustive_search(table, length, alpha):
    """All hypotheses in the order of their scores, finished ones first; beams beyond their number have the score -inf."""
    symbols = len(table)
    beams = symbols**length
    found = sampling.beam_search(markov(table), *begin(), beams=beams, length=length, end=END, alpha=alpha)
    scored = []
    for tokens in hypotheses(symbols, length):
        scored.append((tokens[-1] == END, sum(log_probs_of(table, tokens)) / len(tokens) ** alpha, tokens))
    scored.sort(reverse=True)
    real = int(torch.isfinite(found.scores[0]).sum())
    assert real == len(scored)
    for k, (finished, score, _) in enumerate(scored):
        assert float(found.scores[0, k]) == pytest.approx(score, abs=1e-4)
        assert bool(found.finished[0, k]) == finished
    assert sorted(written(found, 0, k) for k in range(real)) == sorted(tokens for *_, tokens in scored)


def repeats(tokens):
    pairs = list(itertools.pairwise(tokens))
    return len(set(pairs)) < len(pairs) or any(a == b for a, b in pairs)


@given(chains, st.integers(1, 5))
@QUICK
def test_pairs_once_is_exhaustive_search_without_repetitions(table, length):
    """Scores are those of the model, as if nothing were excluded."""
    found = sampling.beam_search(markov(table), *begin(), beams=len(table) ** length, length=length, end=END, pairs_once=True)
    real = int(torch.isfinite(found.scores[0]).sum())
    wanted = [tokens for tokens in hypotheses(len(table), length) if not repeats(tokens)]
    assert sorted(written(found, 0, k) for k in range(real)) == sorted(wanted)
    for k in range(real):
        tokens = written(found, 0, k)
        assert float(found.scores[0, k]) == pytest.approx(sum(log_probs_of(table, tokens)) / len(tokens), abs=1e-4)


@given(chains)
@QUICK
def test_a_beam_as_wide_as_the_vocabulary_is_exhaustive_over_two_symbols(table):
    found = sampling.beam_search(markov(table), *begin(), beams=len(table), length=2, end=END, alpha=0.0)
    best = sorted((sum(log_probs_of(table, tokens)) for tokens in hypotheses(len(table), 2)), reverse=True)[: len(table)]
    assert sorted(found.scores[0].tolist(), reverse=True) == pytest.approx(best, abs=1e-5)


@given(chains, st.integers(1, 20), st.sampled_from([0.0, 1.0]))
@QUICK
def test_one_beam_is_greedy(table, length, alpha):
    beam = sampling.beam_search(markov(table), *begin(3), beams=1, length=length, end=END, alpha=alpha)
    greedy = sampling.greedy(markov(table), *begin(3), length=length, end=END)
    assert torch.equal(beam.tokens[:, 0], greedy.tokens)
    assert torch.equal(beam.lengths[:, 0], greedy.lengths)
    assert torch.equal(beam.finished[:, 0], greedy.finished)
    torch.testing.assert_close(beam.log_probs[:, 0].double(), greedy.log_probs.double(), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(beam.extras["seen"][:, 0], greedy.extras["seen"])


@given(chains, st.integers(1, 6), st.integers(1, 12))
@QUICK
def test_every_symbol_carries_its_log_probability_and_its_extras(table, beams, length):
    """Extras follow their hypothesis: here they tell the symbol before and the step."""
    found = sampling.beam_search(markov(table), *begin(), beams=beams, length=length, end=END)
    for k in range(beams):
        if not math.isfinite(found.scores[0, k]):
            continue
        tokens = written(found, 0, k)
        expected = log_probs_of(table, tokens)
        assert found.log_probs[0, k, : len(tokens)].tolist() == pytest.approx(expected, abs=1e-5)
        assert (found.log_probs[0, k, len(tokens) :] == 0).all()
        assert (found.tokens[0, k, len(tokens) :] == END).all()
        assert float(found.scores[0, k]) == pytest.approx(sum(expected) / len(tokens), abs=1e-5)
        assert found.extras["seen"][0, k, : len(tokens)].tolist() == [[before, n] for n, before in enumerate([1, *tokens[:-1]])]
        assert bool(found.finished[0, k]) == (tokens[-1] == END)


def test_wider_beams_find_likelier_hypotheses():
    table = torch.randn(12, 12, generator=generator(0), dtype=torch.float64)
    scores = [
        float(sampling.beam_search(markov(table), *begin(), beams=k, length=6, end=END, alpha=0.0).scores.max())
        for k in (1, 4, 144)
    ]
    assert scores[0] <= scores[1] <= scores[2]
    assert scores[0] < scores[2]


def test_hypotheses_that_never_end_are_returned_unfinished():
    table = torch.zeros(3, 3, dtype=torch.float64)
    table[:, END] = -1e9
    found = sampling.beam_search(markov(table), *begin(2), beams=3, length=5, end=END)
    assert not found.finished.any()
    assert (found.lengths == 5).all()
    assert (found.tokens != END).all()
    greedy = sampling.greedy(markov(table), *begin(2), length=5, end=END)
    assert not greedy.finished.any()
    assert (greedy.lengths == 5).all()


def test_finished_hypotheses_keep_their_score_however_long_others_go_on():
    """One ends at once with probability 1/2; the others go on for ever, at 1/2 in all."""
    table = torch.tensor([[9.0, 9.0, 9.0], [0.0, -1e9, 0.0], [-1e9, -1e9, 0.0]], dtype=torch.float64)

    def step(tokens, state):
        return table[tokens], state, {}

    for length in (1, 2, 30):
        found = sampling.beam_search(step, *begin(), beams=2, length=length, end=END, alpha=0.0)
        assert written(found, 0, 0) == [END]
        assert found.scores[0].tolist() == pytest.approx([math.log(0.5)] * 2)
        assert found.finished[0].tolist() == [True, False]
        assert found.lengths[0].tolist() == [1, length]


@given(chains, st.integers(1, 4))
@QUICK
def test_rows_of_a_batch_do_not_know_each_other(table, beams):
    counts = torch.tensor([[0.0], [1.5], [4.0]], dtype=torch.float64)
    tokens = torch.tensor([1, 1, 0])
    together = sampling.beam_search(markov(table), tokens, {"count": counts}, beams=beams, length=10, end=END)
    for row in range(3):
        rows = slice(row, row + 1)
        alone = sampling.beam_search(markov(table), tokens[rows], {"count": counts[rows]}, beams=beams, length=10, end=END)
        torch.testing.assert_close(together.scores[rows], alone.scores)
        assert [written(together, row, k) for k in range(beams)] == [written(alone, 0, k) for k in range(beams)]


def test_the_search_stops_when_all_have_ended():
    calls = []

    def step(tokens, state):
        calls.append(len(tokens))
        return torch.tensor([[5.0, 0.0, 0.0]]).expand(len(tokens), -1), state, {}

    found = sampling.beam_search(step, *begin(2), beams=1, length=1000, end=END)
    assert found.tokens.shape == (2, 1, 1)
    assert len(calls) <= sampling.PATIENCE
    calls.clear()
    assert sampling.greedy(step, *begin(2), length=1000, end=END).tokens.shape == (2, 1)
    assert len(calls) <= sampling.PATIENCE


@pytest.mark.parametrize("options", [{"beams": 0}, {"length": 0}, {"alpha": -1.0}, {"alpha": math.nan}, {"alpha": math.inf}])
def test_beam_search_refuses(options):
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        sampling.beam_search(markov(torch.zeros(2, 2)), *begin(), **({"beams": 2, "length": 2, "end": END} | options))


# ---------------------------------------------------------------- at random


def frequencies(logits, count=40_000, **options):
    """How often each symbol is drawn from the same logits."""
    choose = sampling.chooser(**(FEW | options), rngs=[generator(1, n) for n in range(200)])
    drawn = torch.cat([choose(logits.expand(200, -1)) for _ in range(count // 200)])
    return torch.bincount(drawn, minlength=logits.shape[0]) / count


LOGITS = torch.tensor([0.5, 0.3, 0.15, 0.04, 0.01]).log()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.5, 0.3, 0.15, 0.04, 0.01]),
        ({"temperature": 0.5}, [0.25, 0.09, 0.0225, 0.0016, 0.0001]),
        ({"temperature": 2.0}, [0.5**0.5, 0.3**0.5, 0.15**0.5, 0.2, 0.1]),
        ({"top_k": 1}, [1, 0, 0, 0, 0]),
        ({"top_k": 3}, [0.5, 0.3, 0.15, 0, 0]),
        ({"top_k": 9}, [0.5, 0.3, 0.15, 0.04, 0.01]),
        ({"top_p": 0.4}, [1, 0, 0, 0, 0]),
        ({"top_p": 0.6}, [0.5, 0.3, 0, 0, 0]),
        ({"top_p": 0.9}, [0.5, 0.3, 0.15, 0, 0]),
        ({"top_k": 2, "top_p": 0.62}, [1, 0, 0, 0, 0]),  # of the two that are left, the first has 0.625
    ],
)
def test_frequencies(options, expected):
    """Within four standard errors, whatever the order of the symbols; what is left out is never drawn."""
    expected = torch.tensor(expected, dtype=torch.float64)
    expected = expected / expected.sum()
    for order in ([0, 1, 2, 3, 4], [3, 0, 4, 2, 1]):
        found = frequencies(LOGITS[order], **options)
        wanted = expected[order]
        assert ((found - wanted).abs() <= 4 * (wanted * (1 - wanted) / 40_000).sqrt()).all()


def test_ties_do_not_make_more_than_k():
    assert (frequencies(torch.zeros(6), top_k=2, count=2000) > 0).sum() == 2
    assert (frequencies(torch.zeros(6), top_p=0.5, count=2000) > 0).sum() == 3


@given(chains, st.integers(0, 100))
@QUICK
def test_a_row_depends_on_its_own_generator_alone(table, seed):
    def draw(seeds):
        rngs = [generator(seed, n) for n in seeds]
        return sampling.ancestral(markov(table), *begin(len(seeds)), length=12, end=END, rngs=rngs)

    together = draw([0, 1, 2])
    for row in range(3):
        alone = draw([row])
        assert written(together, row) == written(alone)
        tokens = written(alone)
        assert alone.log_probs[0, : len(tokens)].tolist() == pytest.approx(log_probs_of(table, tokens), abs=1e-5)


@given(chains, st.integers(1, 15))
@QUICK
def test_one_of_the_likeliest_is_greedy(table, length):
    rngs = [generator(n) for n in range(2)]
    drawn = sampling.ancestral(markov(table), *begin(2), length=length, end=END, top_k=1, rngs=rngs)
    assert torch.equal(drawn.tokens, sampling.greedy(markov(table), *begin(2), length=length, end=END).tokens)


def test_sequences_have_the_chains_probabilities():
    """All hypotheses of at most three symbols, each as often as it is likely."""
    table = torch.randn(3, 3, generator=generator(5), dtype=torch.float64)
    rows = 20_000
    found = sampling.ancestral(markov(table), *begin(rows), length=3, end=END, rngs=[generator(0, n) for n in range(rows)])
    counts = {}
    for row in range(rows):
        key = tuple(written(found, row))
        counts[key] = counts.get(key, 0) + 1
    every = [tuple(tokens) for tokens in hypotheses(3, 3)]
    assert set(counts) <= set(every)
    for tokens in every:
        p = math.exp(sum(log_probs_of(table, tokens)))
        assert abs(counts.get(tokens, 0) / rows - p) <= 4.5 * math.sqrt(p * (1 - p) / rows)


def test_moves_come_one_by_one():
    moves = sampling.walk(markov(torch.zeros(3, 3)), *begin(), lambda logits: logits.argmax(-1), length=10**9)
    assert len(list(itertools.islice(moves, 5))) == 5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"temperature": math.inf}, "temperature is inf"),
        ({"top_k": -1}, "top_k is -1"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_p": 1.1}, "top_p is 1.1"),
        ({"top_p": math.nan}, "top_p is nan"),
        ({"length": 0}, "length is 0"),
    ],
)
def test_ancestral_refuses(options, words):
    with pytest.raises(ValueError, match=words):
        sampling.ancestral(markov(torch.zeros(2, 2)), *begin(), **({"length": 2, "rngs": [generator(0)]} | options))

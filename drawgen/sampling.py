"""Generation with any model that predicts the next symbol: greedy, random sampling, or beam search.

Axes: B rows, T steps, V symbols, K beams.

All functions take a step, `step(tokens, state) -> (logits, state, extras)`: the logits of the next symbol after `tokens` (B), the
new state, and further outputs of the step (attention maps). State and extras are dictionaries of tensors with the rows first, so
that rows can be repeated and reordered. Every generated symbol has its log-probability under the model itself (temperature 1, no
truncation), in nats.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from drawgen.contract import State
from drawgen.ranges import check_range

Step: TypeAlias = Callable[[Tensor, State], tuple[Tensor, State, Mapping[str, Tensor]]]
Choose: TypeAlias = Callable[[Tensor], Tensor]
"""Logits B V -> the symbols chosen, B."""

PATIENCE = 8
"""Steps between two checks whether all rows have ended; a check synchronises with a GPU."""
PLAUSIBLE = 5.0
"""Nats below the most probable symbol beyond which `guided` leaves a symbol out."""
DRAWN = 256
"""Random numbers drawn at once."""


class Move(NamedTuple):
    """One step of all rows."""

    tokens: Int[Tensor, " B"]
    log_probs: Float[Tensor, " B"]
    extras: Mapping[str, Tensor]


class Written(NamedTuple):
    """Sequences. After its end a row is padded with the end symbol, with log-probability 0."""

    tokens: Int[Tensor, "B T"]
    log_probs: Float[Tensor, "B T"]
    lengths: Int[Tensor, " B"]
    """Number of symbols, including the end."""
    finished: Bool[Tensor, " B"]
    """Whether the row ends with the end symbol; a row of maximal length may not."""
    extras: dict[str, Tensor]
    """The extras of the steps, B T ..."""


class Beams(NamedTuple):
    """Hypotheses, the best first: finished ones before unfinished ones, each by score. Fields as in `Written`."""

    tokens: Int[Tensor, "B K T"]
    log_probs: Float[Tensor, "B K T"]
    lengths: Int[Tensor, "B K"]
    finished: Bool[Tensor, "B K"]
    scores: Float[Tensor, "B K"]
    """Log-probability / length^alpha; -inf if there are fewer hypotheses than beams."""
    extras: dict[str, Tensor]
    """B K T ..."""


# ---------------------------------------------------------------- one hypothesis a row


def greedy(step: Step, tokens: Int[Tensor, " B"], state: State, *, length: int, end: int | None = None) -> Written:
    """The most probable symbol at every step, at most `length` symbols."""
    return collect(walk(step, tokens, state, lambda logits: logits.argmax(-1), length=length, end=end), end)


def ancestral(
    step: Step,
    tokens: Int[Tensor, " B"],
    state: State,
    *,
    length: int,
    end: int | None = None,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    rngs: Sequence[torch.Generator],
) -> Written:
    """Samples from p(y)^(1/temperature), normalised, truncated to the `top_k` most probable symbols (0: all) and then to the fewest
    whose probabilities add up to `top_p`. Row i depends on `rngs[i]` alone (generators on the CPU). Raises ValueError."""
    choose = chooser(temperature=temperature, top_k=top_k, top_p=top_p, rngs=rngs)
    return collect(walk(step, tokens, state, choose, length=length, end=end), end)


def walk(
    step: Step, tokens: Int[Tensor, " B"], state: State, choose: Choose, *, length: int, end: int | None = None
) -> Iterator[Move]:
    """Yields the moves one by one, for text that is shown while it is generated."""
    check_range("length", length, at_least=1)
    done = torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)
    for t in range(length):
        logits, state, extras = step(tokens, state)
        tokens = choose(logits)
        log_probs = logits.float().log_softmax(-1).gather(1, tokens[:, None])[:, 0]
        if end is not None:
            tokens, log_probs = tokens.masked_fill(done, end), log_probs.masked_fill(done, 0.0)
            done = done | (tokens == end)
        yield Move(tokens, log_probs, extras)
        if end is not None and t % PATIENCE == PATIENCE - 1 and bool(done.all()):
            return


def collect(moves: Iterator[Move], end: int | None) -> Written:
    made = list(moves)
    tokens = torch.stack([move.tokens for move in made], 1)
    ended = tokens == end if end is not None else torch.zeros_like(tokens, dtype=torch.bool)
    lengths = (~ended).sum(1) + ended.any(1)
    longest = int(lengths.max())  # the looks for the end come late
    extras = {name: torch.stack([move.extras[name] for move in made[:longest]], 1) for name in made[0].extras}
    log_probs = torch.stack([move.log_probs for move in made[:longest]], 1)
    return Written(tokens[:, :longest], log_probs, lengths, ended.any(1), extras)


def chooser(
    *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, rngs: Sequence[torch.Generator]
) -> Callable[[Float[Tensor, "B V"]], Int[Tensor, " B"]]:
    """Samples from logits as in `ancestral`, by the inverse of the cumulative distribution. Raises ValueError."""
    check_range("temperature", temperature, above=0)
    check_range("top_k", top_k, at_least=0)
    check_range("top_p", top_p, above=0, at_most=1)
    uniforms = draws(rngs)

    def choose(logits: Float[Tensor, "B V"]) -> Int[Tensor, " B"]:
        logits = logits.double() / temperature
        if 0 < top_k < logits.shape[1]:
            values, kept = logits.topk(top_k, -1)
            logits = torch.full_like(logits, -torch.inf).scatter(-1, kept, values)
        probabilities = logits.softmax(-1)
        if top_p < 1:
            ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
            # A symbol stays while those before it have less than `top_p`.
            ordered = ordered.masked_fill(ordered.cumsum(-1) - ordered >= top_p, 0.0)
            probabilities = torch.zeros_like(probabilities).scatter(-1, order, ordered)
        cumulative = probabilities.cumsum(-1)
        drawn = next(uniforms).to(logits.device)[:, None] * cumulative[:, -1:]
        return torch.searchsorted(cumulative, drawn, right=True)[:, 0].clamp(max=logits.shape[1] - 1)  # where all is NaN

    return choose


def draws(rngs: Sequence[torch.Generator]) -> Iterator[Float[Tensor, " B"]]:
    """An endless stream of numbers in [0, 1), one per generator."""
    while True:
        yield from torch.stack([torch.rand(DRAWN, generator=rng, dtype=torch.float64) for rng in rngs], 1)


def together(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """The numbers of the inputs that are searched at once, the longest first: inputs of like length, as padding is lost; padded,
    they have at most `most` symbols, or are one.

    >>> list(together([3, 9, 2, 4], most=10))
    [[1], [3, 0], [2]]
    """
    some: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if some and (len(some) + 1) * lengths[some[0]] > most:
            yield some
            some = []
        some.append(index)
    if some:
        yield some


# ---------------------------------------------------------------- beam search


def beam_search(
    step: Step,
    tokens: Int[Tensor, " B"],
    state: State,
    *,
    beams: int,
    length: int,
    end: int,
    alpha: float = 1.0,
    pairs_once: bool = False,
) -> Beams:
    """The K = `beams` best hypotheses of every row. All rows and beams are one batch, B x K, with the beams of a row side by side.

    Hypotheses are compared by log-probability / length^alpha: alpha 0 is the log-probability, which favours short ones; 1 is its
    mean. A finished hypothesis keeps its place among the K and its score until better ones displace it. With `pairs_once`, no
    hypothesis has the same two symbols in succession twice, or the same symbol twice in succession. Raises ValueError.
    """
    check_range("beams", beams, at_least=1)
    check_range("length", length, at_least=1)
    check_range("alpha", alpha, at_least=0)
    batch, device = len(tokens), tokens.device
    first = torch.arange(batch, device=device)[:, None] * beams  # where each row's beams begin
    tokens = tokens.repeat_interleave(beams)
    state = {name: tensor.repeat_interleave(beams, 0) for name, tensor in state.items()}
    totals = torch.full((batch, beams), -torch.inf, device=device)
    totals[:, 0] = 0.0  # all beams begin alike: only one of them counts
    lengths = torch.zeros((batch, beams), device=device, dtype=torch.long)
    done = torch.zeros((batch, beams), device=device, dtype=torch.bool)
    made: list[tuple[Tensor, Move]] = []
    history = tokens[:, None][:, :0]
    for t in range(length):
        logits, state, extras = step(tokens, state)
        logits = logits.float()
        allowed = logits.masked_fill(repeated(history, logits.shape[1]), -torch.inf) if pairs_once else logits
        # No hypothesis has more than K children among the best K.
        best, words = allowed.topk(min(beams, logits.shape[1]), -1)
        gains = (best - logits.logsumexp(-1, keepdim=True)).unflatten(0, (batch, beams))  # B K k
        words = words.unflatten(0, (batch, beams)).masked_fill(done[..., None], end)
        gains = gains.masked_fill(done[..., None], -torch.inf)
        gains[..., 0].masked_fill_(done, 0.0)  # what has ended has one child: itself
        lengths = lengths + ~done
        candidates = totals[..., None] + gains
        chosen = (candidates / lengths[..., None] ** alpha).flatten(1).topk(beams).indices  # B K
        parents = chosen // gains.shape[2]
        totals, lengths = candidates.flatten(1).gather(1, chosen), lengths.gather(1, parents)
        moved, gained = words.flatten(1).gather(1, chosen), gains.flatten(1).gather(1, chosen)
        done = done.gather(1, parents) | (moved == end)
        rows = (first + parents).flatten()
        state = {name: tensor.index_select(0, rows) for name, tensor in state.items()}
        tokens = moved.flatten()
        if pairs_once:
            history = torch.cat([history[rows], tokens[:, None]], 1)
        made.append((parents, Move(moved, gained, {name: tensor.index_select(0, rows) for name, tensor in extras.items()})))
        if t % PATIENCE == PATIENCE - 1 and bool(done.all()):
            break
    scores = totals / lengths**alpha
    done = done & scores.isfinite()  # an empty beam counts as unfinished
    order = rank(scores, done)
    return trace(made, order, lengths.gather(1, order), done.gather(1, order), scores.gather(1, order))


def guided(logits: Float[Tensor, "B V"], without: Float[Tensor, "B V"], guidance: float) -> Float[Tensor, "B V"]:
    """Classifier-free guidance (Ho & Salimans 2022): (1 + guidance) log p - guidance log q, with q without the condition. Symbols
    far below the most probable one are left out: what has next to no probability without the condition would win by that alone."""
    log_p, log_q = logits.log_softmax(-1), without.log_softmax(-1)
    plausible = log_p > log_p.amax(-1, keepdim=True) - PLAUSIBLE
    return torch.where(plausible, (1 + guidance) * log_p - guidance * log_q, -torch.inf)


def repeated(history: Int[Tensor, "R T"], vocabulary: int) -> Bool[Tensor, "R V"]:
    """The symbols that would repeat a pair of symbols of their row, or its last symbol."""
    last = history[:, -1:]
    followed = (history[:, :-1] == last).int()  # where the last symbol was before
    counts = torch.zeros(len(history), vocabulary, dtype=torch.int32, device=history.device)
    return counts.scatter_add(1, history[:, 1:], followed).scatter(1, last, 1) > 0


def rank(scores: Float[Tensor, "B K"], done: Bool[Tensor, "B K"]) -> Int[Tensor, "B K"]:
    """Sorts finished hypotheses first, then by score."""
    by_score = scores.argsort(dim=1, descending=True, stable=True)
    finished_first = done.gather(1, by_score).int().argsort(dim=1, descending=True, stable=True)
    return by_score.gather(1, finished_first)


def trace(
    made: list[tuple[Tensor, Move]],
    order: Int[Tensor, "B K"],
    lengths: Int[Tensor, "B K"],
    finished: Bool[Tensor, "B K"],
    scores: Float[Tensor, "B K"],
) -> Beams:
    """Traces each hypothesis back from its last symbol to its first."""
    batch, beams = order.shape
    row = torch.arange(batch, device=order.device)[:, None]
    at, steps = order, []
    for parents, move in reversed(made):
        extras = {name: tensor.unflatten(0, (batch, beams))[row, at] for name, tensor in move.extras.items()}
        steps.append(Move(move.tokens.gather(1, at), move.log_probs.gather(1, at), extras))
        at = parents.gather(1, at)
    steps = steps[::-1][: int(lengths.max())]
    shown = {name: torch.stack([move.extras[name] for move in steps], 2) for name in steps[0].extras}
    tokens, log_probs = torch.stack([move.tokens for move in steps], 2), torch.stack([move.log_probs for move in steps], 2)
    return Beams(tokens, log_probs, lengths, finished, scores, shown)

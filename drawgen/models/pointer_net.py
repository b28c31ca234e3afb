"""The pointer network (Vinyals, Fortunato & Jaitly 2015, "Pointer Networks").

Axes: B sets, N points of a set, D numbers of a point, V = N + 1 symbols, T symbols of an answer, U units, E features of a place,
K beams, R = B x K.

An encoder reads the points P_1 .. P_N one by one; a decoder points at them one by one:

    e_1 .. e_N = encoder(P_1 .. P_N),    d_t = decoder(P_{C_{t-1}}, d_{t-1}),
    u_tj = v . tanh(W_1 e_j + W_2 d_t),  p(C_t = j | C_1 .. C_{t-1}, P) = softmax_j(u_tj)

Symbol 0 ends an answer; its place e_0 is learned, and so is the first input. As the attention does not enter the decoder's next
state, all steps of a given answer are one call of the LSTM and one product (teacher forcing).

Beyond the paper: the encoder can read in both directions (`bidirectional`); the decoder can be fed the encoder's state of the last
point beside its coordinates (`feed`); and the points can be sorted first (`order`), so that a permutation of the points permutes
the answer. `drawgen.data.points` says what the answers are; sorted points have other numbers, so the answer begins elsewhere.

Without `masked` the network itself has to learn that no point comes twice, as in the paper. A search can be constrained to valid
answers (`nn/pointing.py`): no point twice; a polygon that does not cross itself; a tour through all points; triangles that are each
once.

Of *strokes* the places are each stroke in both directions (x0, y0, x1, y1), 2 N places that are read along a curve through their
middles. The decoder's first input is where the pen is; then it points at a stroke and a direction. Nothing of this is in the paper.

With `reinforced`, tours are learned from their length (Bello et al. 2016, "Neural Combinatorial Optimization with Reinforcement
Learning"; the baseline is the length of the greedy tour: Rennie et al. 2017, "Self-Critical Sequence Training"):

    gradient = mean((L(sampled tour) - L(greedy tour)) grad log p(sampled tour))
"""

from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen import sampling
from drawgen.contract import POINTING_KINDS, Group, Loss, Player, Pointing, Recipe, Spec, State, Totals
from drawgen.data.points import PointBatch, PointSets
from drawgen.geometry.curves import along_curve
from drawgen.nn.attention import SCORES, Memory, Pointer, score
from drawgen.nn.decoder import Decoder
from drawgen.nn.linear import linear
from drawgen.nn.pointing import END, ENDED, allowed, left, longest_answer, other_way, places
from drawgen.nn.recurrence import CELLS, Recurrent, pick, read_both_ways
from drawgen.ranges import ArgumentError, check_choice, check_fields, check_range
from drawgen.training import Fit

ORDERS = ("given", "x", "angle", "curve")
FEEDS = ("points", "states")
TRACE = "trace"
AT_ONCE = 20_000
"""Places that are searched at once, over all sets and beams."""
VIEWS = 8
"""Flips and quarter turns of a square."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """A pointer network."""

    cell: str = "lstm"
    """The recurrent cell of encoder and decoder: rnn, gru, gru_before or lstm."""
    units: int = 128
    """Units of each layer."""
    layers: int = 1
    """Stacked layers."""
    bidirectional: bool = True
    """Whether a second encoder reads the points backwards. The paper has none."""
    order: str = "given"
    """The order in which the points are read: given; x, from left to right; angle, around their mean; curve, along a Hilbert curve.
    The paper reads them as they are given."""
    feed: str = "states"
    """What the decoder is fed of the last point: points, its coordinates, as in the paper; states, the encoder's state at it,
    too."""
    attention: str = "additive"
    """The score of a place: additive, as in the paper, or dot."""
    attention_units: int = 128
    """Units of the additive score."""
    masked: bool = True
    """Whether points that were pointed at get no probability, in training and in a search without constraints, too. Not of
    triangles."""
    reinforced: bool = False
    """Whether tours are learned from their length (policy gradient), without labels."""

    def __post_init__(self) -> None:
        check_choice("model.cell", self.cell, CELLS)
        check_choice("model.order", self.order, ORDERS)
        check_choice("model.feed", self.feed, FEEDS)
        check_choice("model.attention", self.attention, SCORES)
        check_fields(self, "model", "units", "layers", "attention_units", at_least=1)

    def build(self, spec: Spec, *, rng: torch.Generator) -> "PointerNet":
        if spec.point is None or spec.task is None:
            raise ValueError("a pointer_net needs points to learn from, and this data has none")
        check_choice("spec.task", spec.task, POINTING_KINDS)
        check_choice("spec.point", spec.point, (4 if spec.task == "strokes" else 2,))
        if self.reinforced and spec.task != "tour":
            raise ArgumentError("model.reinforced", f"is true, and {spec.task} has no length; it is for tours")
        return PointerNet(self, spec, rng=rng)


class Reading(NamedTuple):
    """Places in the order in which they are read, and the answers that then are right. The places are points, or strokes in both
    directions."""

    points: Float[Tensor, "B N D"]
    counts: Int[Tensor, " B"]
    first: Int[Tensor, " B"]
    """The decoder's first input: END, or the symbol of where the pen is."""
    answers: Int[Tensor, "B T"]
    lengths: Int[Tensor, " B"]
    order: Int[Tensor, "B N"]
    """The number that each place had before."""


class PointerNet(nn.Module):
    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        self.kind: str = spec.wanted("task", "points")
        numbers: int = spec.wanted("point", "points")
        self.encoder = Recurrent(config.cell, numbers, config.units, layers=config.layers, rng=rng)
        self.backwards: Recurrent | None = None
        if config.bidirectional:
            self.backwards = Recurrent(config.cell, numbers, config.units, layers=config.layers, rng=rng)
        features = config.units * (1 + config.bidirectional)
        self.end = nn.Parameter(torch.zeros(features))
        self.go = nn.Parameter(torch.zeros(numbers))
        part = score(config.attention, features, config.units, config.attention_units, rng=rng)
        self.decoder = Decoder(
            0,
            cell=config.cell,
            units=config.units,
            layers=config.layers,
            embedding=numbers + (features if config.feed == "states" else 0),
            attention=Pointer(part),
            rng=rng,
        )
        self.bridge = linear(features, self.decoder.state_size, rng)

    # ---------------------------------------------------------------- encoder

    def arrange(self, points: Float[Tensor, "B N D"], counts: Int[Tensor, " B"]) -> Int[Tensor, "B N"]:
        """The numbers of the points in the order in which they are read; what pads a row comes last."""
        inside = places(counts, points.shape[1])
        number = torch.arange(points.shape[1], device=points.device).expand(inside.shape)
        if self.config.order == "given":
            return number
        if self.kind == "strokes":
            points = (points[..., :2] + points[..., 2:]) / 2  # that of both directions: they stay side by side
        x, y = points[..., 0].double(), points[..., 1].double()
        if self.config.order == "x":
            keys = [y, x]
        elif self.config.order == "angle":
            across, down = (part - (part * inside).sum(1, keepdim=True) / counts[:, None] for part in (x, y))
            keys = [torch.atan2(down, across)]
        else:
            keys = [along_curve(points)]
        order = number
        for key in (*keys, (~inside).byte()):
            order = order.gather(1, key.gather(1, order).argsort(dim=1, stable=True))
        return order

    def encode(self, points: Float[Tensor, "B N D"], counts: Int[Tensor, " B"]) -> tuple[State, Memory]:
        """The decoder's first state, and the V places; what pads a row has no probability."""
        rows, many, _ = points.shape
        x = 2 * points - 1
        inside = places(counts, many)
        read, summary = read_both_ways(self.encoder, self.backwards, x, counts)
        values = torch.cat([self.end.to(read.dtype).expand(rows, 1, -1), read], 1)
        words = torch.cat([self.go.expand(rows, 1, -1), x], 1)
        if self.config.feed == "states":
            words = torch.cat([words.to(values.dtype), values], 2)
        part: Pointer = self.decoder.attention  # type: ignore[assignment]
        memory = part.memory(values, F.pad(inside, (1, 0), value=True), words)
        return self.decoder.state_of(self.bridge(summary)), memory

    # ---------------------------------------------------------------- training

    def players(self) -> dict[str, Player]:
        return {"model": Player([Group(list(self.parameters()))])}

    def read_in_order(self, batch: PointBatch) -> Reading:
        """The places of a batch, in order, and its answers."""
        points, counts = batch.points, batch.counts
        if self.kind == "strokes":
            points, counts = both_ways(points), 2 * counts
        order = self.arrange(points, counts)
        rank = F.pad(order.argsort(1) + 1, (1, 0))  # of a symbol
        first = rank[:, 1] if self.kind == "strokes" else rank[:, 0]
        answers = batch.answers
        if answers.shape[1] and self.config.order != "given":
            answers = rearranged(rank.gather(1, answers), batch.lengths, self.kind)
        return Reading(pick(points, order), counts, first, answers, batch.lengths, order)

    def log_probs(self, read: Reading) -> Float[Tensor, "B T V"]:
        """log p of every symbol at every step of the answers, in nats."""
        state, memory = self.encode(read.points, read.counts)
        before = torch.cat([read.first[:, None], read.answers[:, :-1]], 1)
        logits, _, _ = self.decoder(before, state, memory)
        logits = logits.float() if logits.dtype == torch.bfloat16 else logits
        if self.config.masked and self.kind != "delaunay":  # as `left`, for all steps at once
            symbols = logits.shape[2]
            seen = F.one_hot(before, symbols)
            if self.kind == "strokes":
                seen = seen + F.one_hot(other_way(before), symbols)
            seen = seen.cumsum(1) > 0
            seen[..., END] = places(read.lengths, before.shape[1]) if self.kind not in ENDED else False
            logits = logits.masked_fill(seen, -torch.inf)
        return logits.log_softmax(-1)

    def nats(self, read: Reading) -> tuple[Float[Tensor, "B T"], Float[Tensor, "B T"]]:
        """-log p of every symbol of the answers, 0 beyond the end; and the mask of symbols (1)."""
        log_p = self.log_probs(read).gather(2, read.answers[..., None])[..., 0]
        counted = places(read.lengths, read.answers.shape[1])
        return -log_p.masked_fill(~counted, 0.0), counted.to(log_p.dtype)

    def losses(self, batch: PointBatch, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """The mean over symbols of -log p, in nats; or, from rewards, the policy gradient's surrogate."""
        read = self.read_in_order(batch)
        if self.config.reinforced:
            yield self.policy_loss(read, rng=rng)
            return None
        nats, counted = self.nats(read)
        yield Loss(nats.sum() / counted.sum(), count=len(nats))
        return None

    def last_loss(self, batch: PointBatch, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """-log p of the last symbol of each answer, in nats."""
        nats, counted = self.nats(self.read_in_order(batch))
        return nats.gather(1, counted.sum(1, keepdim=True).long() - 1)[:, 0]

    def policy_loss(self, read: Reading, *, rng: torch.Generator) -> Loss:
        """The surrogate whose gradient is the policy gradient (see the top)."""

        def by_chance(logits: Float[Tensor, "B V"]) -> Int[Tensor, " B"]:
            return (logits - torch.empty_like(logits).exponential_(generator=rng).log()).argmax(-1)  # Gumbel's

        with torch.no_grad():
            taken, best = (
                torch.stack([move.tokens for move in self.walk(read, choose)], 1)
                for choose in (by_chance, lambda logits: logits.argmax(-1))
            )
            length, least = tour_lengths(read.points, taken), tour_lengths(read.points, best)
        nats, _ = self.nats(read._replace(answers=taken, lengths=read.counts))
        value = -((length - least) * nats.sum(1)).mean()
        return Loss(value, count=len(nats), log={"tour_length": least.mean()})

    def walk(self, read: Reading, choose: sampling.Choose) -> Iterator[sampling.Move]:
        """Valid tours of sets of equal numbers of points, symbol by symbol."""
        state, memory = self.encode(read.points, read.counts)
        step = self.stepper(read, memory, constrained=True)
        return sampling.walk(step, read.first, state | untraced(read), choose, length=read.points.shape[1])

    @torch.no_grad()
    def measure(self, batch: PointBatch, *, rng: torch.Generator) -> Totals:
        """`nats_per_symbol` of the answers, and what greedy constrained decoding gives: `accuracy`, the share of sets with the same
        polygon, triangles or tour; of triangles, `coverage`, the share of the right ones that were found; of tours
        and strokes, `length_ratio`, their length over that of the answers."""
        read = self.read_in_order(batch)
        nats, counted = self.nats(read)
        found = self.search(read, beams=1, constrained=True).tokens[:, 0]
        longest = max(found.shape[1], read.answers.shape[1])
        found, answers = (F.pad(symbols, (0, longest - symbols.shape[1]), value=END) for symbols in (found, read.answers))
        right = (answers == found).all(1).double()
        scores: Totals = {}
        if self.kind not in ENDED:
            made, best = (self.way(read, symbols) for symbols in (found, answers))
            scores["length_ratio"] = (made.sum(), float(best.sum()))
        scores["accuracy"] = (right.sum(), float(len(right)))
        if self.kind == "delaunay":
            mine, true = (triangle_keys(symbols) for symbols in (found, answers))
            hits = (true[:, :, None] == mine[:, None]).any(2) & (true > 0)
            scores["coverage"] = (hits.sum().double(), float((true > 0).sum()))
        return scores | {"nats_per_symbol": (nats.sum(), float(counted.sum()))}

    def way(self, read: Reading, symbols: Int[Tensor, "B T"]) -> Float[Tensor, " B"]:
        """The length of tours, or the way of the raised pen between strokes."""
        if self.kind == "tour":
            return tour_lengths(read.points, symbols[:, : read.points.shape[1]])
        symbols = torch.cat([read.first[:, None], symbols[:, : read.points.shape[1] // 2 - 1]], 1)
        there = pick(read.points, (symbols - 1).clamp(min=0))  # an empty beam has END
        return (there[:, 1:, :2] - there[:, :-1, 2:]).norm(dim=2).sum(1)

    # ---------------------------------------------------------------- pointing

    def stepper(self, read: Reading, memory: Memory, *, constrained: bool) -> sampling.Step:
        """A step of `drawgen.sampling`. The state has the symbols so far, `trace`, from the first input on."""

        def step(tokens: Int[Tensor, " R"], state: State) -> tuple[Tensor, State, dict[str, Tensor]]:
            own = {name: tensor for name, tensor in state.items() if name != TRACE}
            logits, after, _ = self.decoder.step(tokens, own, memory)
            trace = torch.cat([state[TRACE], tokens[:, None]], 1)
            beams = len(tokens) // len(read.points)
            counts = read.counts.repeat_interleave(beams, 0)
            if constrained:
                may = allowed(self.kind, trace, read.points.repeat_interleave(beams, 0), counts)
                logits = logits.masked_fill(~may, -torch.inf)
            elif self.config.masked:
                logits = logits.masked_fill(~left(self.kind, trace, counts, read.points.shape[1]), -torch.inf)
            return logits, after | {TRACE: trace}, {}

        return step

    def search(self, read: Reading, *, beams: int, constrained: bool) -> sampling.Beams:
        """The best answers by beam search."""
        state, memory = self.encode(read.points, read.counts)
        return sampling.beam_search(
            self.stepper(read, memory, constrained=constrained),
            read.first,
            state | untraced(read),
            beams=beams,
            length=longest_answer(self.kind, read.points.shape[1]),
            end=END,
            alpha=0.0,
        )

    @torch.inference_mode()
    def point(
        self, points: Sequence[Float[Tensor, "_ D"]], *, beams: int = 5, constrained: bool = True, views: int | None = None
    ) -> list[Pointing]:
        """The answer to each set of points, which may have any scale, by a beam search of width `beams`: the most probable one; of
        tours and orders of strokes the shortest one that a constrained search ends with, in `views` of the 8 flips and quarter
        turns of the set: by default in all, if the beam is wider than 1. Raises ValueError."""
        check_range("beams", beams, at_least=1)
        compared = constrained and self.kind not in ENDED
        if views is None:
            views = VIEWS if compared and beams > 1 else 1
        check_range("views", views, at_least=1, at_most=VIEWS)
        if views > 1 and not compared:
            raise ArgumentError("views", f"is {views}, and only constrained tours and orders of strokes have views; leave it out")
        groups: dict[int, list[int]] = defaultdict(list)
        for index, one in enumerate(points):
            least = 2 if self.kind == "strokes" else 3
            if len(one) < least or one.shape[1] != self.spec.point or not bool(one.isfinite().all()):
                size = f"{len(one)} x {one.shape[1]}"
                raise ValueError(f"set {index} is {size} numbers; give {least} or more rows of {self.spec.point} finite ones")
            groups[len(one)].append(index)
        found: dict[int, Pointing] = {}
        for many, indices in groups.items():
            at_once = max(1, AT_ONCE // (many * beams * views))
            for first in range(0, len(indices), at_once):
                some = indices[first : first + at_once]
                sets = torch.stack([in_unit_square(points[index]) for index in some]).to(self.end)
                found |= dict(zip(some, self.answers(sets, beams, constrained, views), strict=True))
        return [found[index] for index in range(len(points))]

    def answers(self, points: Float[Tensor, "B N D"], beams: int, constrained: bool, views: int) -> list[Pointing]:
        """`point` for sets of equal numbers of points in the unit square."""
        sets = torch.cat([seen_from(points, view) for view in range(views)])
        none = torch.zeros(len(sets), 0, dtype=torch.long, device=points.device)
        counts = torch.full((len(sets),), points.shape[1], device=points.device)
        read = self.read_in_order(PointBatch(sets, counts, none, counts))
        beam = self.search(read, beams=beams, constrained=constrained)
        best = torch.zeros(len(points), dtype=torch.long, device=points.device)
        if constrained and self.kind not in ENDED:
            each = Reading(*(part.repeat_interleave(beams, 0) for part in read))
            lengths = self.way(each, beam.tokens.flatten(0, 1)).masked_fill(~beam.scores.isfinite().flatten(), torch.inf)
            best = lengths.view(views, -1, beams).transpose(0, 1).flatten(1).argmin(1)  # view x beam
        answers = []
        for row, chosen in enumerate(best.tolist()):
            view, k = divmod(chosen, beams)
            at = view * len(points) + row
            symbols = beam.tokens[at, k, : int(beam.lengths[at, k])]
            indices = read.order[at][symbols[symbols != END] - 1].tolist()
            answers.append(Pointing(self.kind, tuple(indices), float(beam.log_probs[at, k].sum())))
        return answers

    @torch.inference_mode()
    def probabilities(self, points: Float[Tensor, "N D"], indices: Sequence[int]) -> tuple[tuple[int, ...], Float[Tensor, "T V"]]:
        """How an answer is given step by step: its indices in the order in which the model was trained to give them, and at each
        step the probability of every point, given those before it; last that of the end, which is a step of its own."""
        ends = self.kind in ENDED
        answer = torch.tensor([*(index + 1 for index in indices), *([END] if ends else [])], device=self.end.device)[None]
        count = torch.tensor([len(points)], device=self.end.device)
        lengths = torch.tensor([answer.shape[1]], device=self.end.device)
        read = self.read_in_order(PointBatch(in_unit_square(points).to(self.end)[None], count, answer, lengths))
        found, order = self.log_probs(read)[0].exp(), read.order[0]
        by_point = torch.empty_like(found)
        by_point[:, order] = found[:, 1:]
        by_point[:, -1] = found[:, END]
        symbols = read.answers[0]
        return tuple(order[symbols[symbols != END] - 1].tolist()), by_point.cpu()


# ---------------------------------------------------------------- points and answers


def both_ways(strokes: Float[Tensor, "B N 4"]) -> Float[Tensor, "B 2*N 4"]:
    """Each stroke, and then the same from its last end to its first."""
    return torch.stack([strokes, strokes.roll(2, 2)], 2).flatten(1, 2)


def untraced(read: Reading) -> State:
    """The part of a search's state that has the symbols so far: none."""
    return {TRACE: read.first[:, None][:, :0]}


def in_unit_square(points: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
    """The points moved and scaled, all axes alike, into the middle of the unit square."""
    spots = points.double().reshape(-1, 2)
    low, high = spots.amin(0), spots.amax(0)
    scale = (high - low).amax().clamp(min=torch.finfo(torch.float64).tiny)
    return ((spots - (low + high) / 2) / scale + 0.5).float().view_as(points)


def seen_from(points: Float[Tensor, "B N D"], view: int) -> Float[Tensor, "B N D"]:
    """One of the 8 flips and quarter turns of the unit square; 0 is none."""
    x, y = points[..., 0::2], points[..., 1::2]
    x, y = (1 - x if view & 1 else x), (1 - y if view & 2 else y)
    return torch.stack([y, x] if view & 4 else [x, y], -1).flatten(-2)


def rearranged(answers: Int[Tensor, "B T"], lengths: Int[Tensor, " B"], kind: str) -> Int[Tensor, "B T"]:
    """Answers as they have to be for other numbers of the points (`drawgen.data.points`)."""
    many = answers.shape[1]
    if not many:
        return answers
    if kind == "strokes":
        return answers
    if kind == "delaunay":
        body = answers[:, : many - many % 3]
        return torch.cat([body.unflatten(1, (-1, 3)).sort(2).values.flatten(1), answers[:, many - many % 3 :]], 1)
    symbols = (lengths - int(kind == "hull"))[:, None]
    t = torch.arange(many, device=answers.device)
    inside = t < symbols
    first = answers.masked_fill(~inside, 1 << 40).argmin(1, keepdim=True)
    onward = answers.gather(1, (first + t) % symbols)
    if kind == "tour":
        back = answers.gather(1, (first - t) % symbols)
        onward = torch.where((back[:, 1:2] < onward[:, 1:2]), back, onward)
    return onward.masked_fill(~inside, END)


def tour_lengths(points: Float[Tensor, "B N D"], tours: Int[Tensor, "B N"]) -> Float[Tensor, " B"]:
    """Lengths of closed tours of symbols 1 .. N."""
    there = pick(points, (tours - 1).clamp(min=0))
    return (there - there.roll(-1, 1)).norm(dim=2).sum(1)


def triangle_keys(answers: Int[Tensor, "B T"]) -> Int[Tensor, "B M"]:
    """A number for each triangle of the answers, 0 for none."""
    corners = answers[:, : answers.shape[1] // 3 * 3].unflatten(1, (-1, 3)).sort(2).values
    keys = (corners[..., 0] * 4096 + corners[..., 1]) * 4096 + corners[..., 2]
    return keys.masked_fill(corners[..., 0] == END, 0)


HULL = Config(order="angle")
SETS = PointSets(task="hull", least=5, most=50)
FIT = Fit(minutes=60.0, rate=4e-3, warmup=200, decay=0.6, log_steps=50)

PRESETS: dict[str, Recipe] = {
    "hull": Recipe(
        model=HULL,
        data=SETS,
        fit=FIT,
        about="Convex hulls of 5 to 50 points, read in the order of their angles in both directions. With seed 0, 45,000 steps "
        "(about 45 CPU minutes in bfloat16, on one thread of a Xeon) and greedy decoding, 97.5, 96.5, 88.9, 72.1 and 18.6 % of the "
        "hulls of 5, 10, 50, 100 and 200 points are right. Vinyals et al. 2015, Table 1: 92.0, 87.0, 69.6, 50.3 and 22.1 %, for "
        "points as they are given.",
        what="convex hulls of 5 to 50 points",
        size="449 k",
        figure="88.9 % right, of 50 points",
    ),
    "hull-paper": Recipe(
        model=replace(HULL, order="given", bidirectional=False, feed="points", masked=False, units=256, attention_units=256),
        data=SETS,
        fit=replace(FIT, rate=1e-3),
        about="Convex hulls of 5 to 50 points as in the paper: the points are read once, as they are given. "
        "With seed 0, 4,313 steps (13 minutes in bfloat16, on one thread of a Xeon) and greedy decoding, 80, 71, 26 and 8 % of the "
        "hulls of 5, 10, 50 and 100 points are right, still far from Table 1 of Vinyals et al. 2015: 92.0, 87.0, 69.6 and 50.3 %.",
        what="convex hulls, as in the paper",
        size="796 k",
        figure="26 % right, of 50 points",
    ),
    "delaunay": Recipe(
        model=replace(HULL, order="x", masked=False),
        data=PointSets(task="delaunay", least=5, most=10),
        fit=replace(FIT, minutes=30.0),
        about="Delaunay triangulations of 5 to 10 points, read from left to right in both directions. With seed 0 and 9,000 "
        "steps (about 8 CPU minutes in bfloat16, on one thread of a Xeon), greedy decoding gives all triangles of 86.8 and 33.2 % "
        "of the sets of 5 and 10 points, and 95.3 and 86.9 % of the triangles. Vinyals et al. 2015, section 4.2: 80.7 and 22.6 %, "
        "93.0 and 81.3 %.",
        what="Delaunay triangles of 5 to 10 points",
        size="449 k",
        figure="33 % right, of 10 points",
    ),
    "tour": Recipe(
        model=HULL,
        data=PointSets(task="tour", least=5, most=20),
        fit=FIT,
        about="Tours of 5 to 20 points, labelled by Held-Karp up to 12 points and by a local search beyond. With seed 0 and 24,000 "
        "steps (about 25 CPU minutes in bfloat16, on one thread of a Xeon), greedy tours of 10, 20 and 50 points are 1.0011, "
        "1.0092 and 1.090 times as long as the shortest; with a beam of 5, 1.0001, 1.0019 and 1.054 times. Vinyals et al. 2015, "
        "Table 2: 1.00 and 1.01, and 7.66 for 50 points, of which the shortest is 5.7.",
        what="tours of 5 to 20 points",
        size="449 k",
        figure="1.009 x the shortest, 20 points",
    ),
    "tour-reinforced": Recipe(
        model=replace(HULL, reinforced=True),
        data=PointSets(task="tour", least=20, most=20, labels=False),
        fit=replace(FIT, rate=1e-3),
        about="Tours of 20 points, learned from their length alone (policy gradient with a greedy baseline). "
        "With seed 0 and 3,000 steps (10 minutes on one thread of a Xeon), greedy tours are 1.14 times as long as the shortest, "
        "and the shortest of a beam of 5 in 8 views 1.09 times. Kool et al. 2019 report 1.016 to 1.025 for a pointer network after "
        "100 epochs of 1.28 million sets.",
        what="tours of 20 points, from rewards",
        size="449 k",
        figure="1.14 x the shortest",
    ),
    "strokes": Recipe(
        model=replace(HULL, order="curve"),
        data=PointSets(task="strokes", least=5, most=40),
        fit=replace(FIT, minutes=30.0),
        about="The order and directions in which a pen draws 5 to 40 strokes, labelled by a local search. With seed 0 and 6,000 "
        "steps (about 20 CPU minutes in bfloat16, on one thread of a Xeon), the pen's way between the strokes is 1.10 times "
        "that of the labels.",
        what="orders of 5 to 40 strokes for a pen",
        size="452 k",
        figure="1.10 x a local search's way",
    ),
    "tiny": Recipe(
        model=Config(units=16, attention_units=16, order="angle"),
        data=PointSets(task="hull", least=6, most=6, batch=16, count=32),
        fit=Fit(steps=20, warmup=5),
        about="A small pointer network for tests: it trains in seconds.",
        what="a small one, for tests",
        size="8 k",
    ),
}

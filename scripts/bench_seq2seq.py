"""Speed of translating and of training, beside loops.

    uv run python scripts/bench_seq2seq.py RUN --data SENTENCES.txt [--out scripts/results/bench_seq2seq.md]

Translating: all sentences and hypotheses of a batch at once, beside one sentence after the other, and in a sentence one hypothesis
after the other, as most public implementations do. Both use the same trained weights and the same step of the decoder; the loop's
attention keys are computed once per sentence, too. Training: a step on 128 pairs of the preset's size beside a loop over symbols
with `nn.LSTMCell`, and attention with keys projected at each. One thread; CPU time, because other processes may be busy; the two
take turns, and each figure is the least of its turns.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen import models
from drawgen.contract import State, generator
from drawgen.data.captions import END, SPECIAL, START, UNKNOWN
from drawgen.data.lines import read_lines
from drawgen.data.pairs import PairBatch, encode_sources
from drawgen.data.sentences import joined, symbols_of
from drawgen.jobs import machine
from drawgen.models.seq2seq import LONGER, PRESETS

TURNS = 3
PAIRS, SYMBOLS, VOCABULARY = 128, (10, 12), 10_000


# ---------------------------------------------------------------- translating


@torch.inference_mode()
def one_by_one(model: Any, texts: list[str], beams: int) -> list[str]:
    """Translations by a beam search without batches."""
    return [searched(model, symbols_of(text, model.unit), beams) for text in texts]


@torch.inference_mode()
def in_bfloat16(model: Any, texts: list[str], beams: int) -> Any:
    """Batched, with products in bfloat16."""
    with torch.autocast("cpu", torch.bfloat16):
        return model.translate(texts, beams=beams)


def searched(model: Any, source: list[str], beams: int) -> str:
    """A beam search of one sentence, one hypothesis after the other, by mean log-probability."""
    tokens, lengths = encode_sources([source], model.spec)
    state, memory = model.encode(tokens, lengths)
    hypotheses: list[tuple[list[int], float, State, list[int]]] = [([START], 0.0, state, [])]
    for _ in range(LONGER[0] * len(source) + LONGER[1]):
        candidates = []
        for symbols, total, before, seen in hypotheses:
            if symbols[-1] == END:
                candidates.append((symbols, total, before, seen))
                continue
            logits, after, extras = model.decoder.step(torch.tensor([symbols[-1]]), before, memory)
            logits[:, START] = -torch.inf
            log_p, best = logits.log_softmax(-1)[0].topk(beams)
            place = int(extras["map"][0].argmax())
            candidates += [
                ([*symbols, symbol], total + gain, after, [*seen, place])
                for symbol, gain in zip(best.tolist(), log_p.tolist(), strict=True)
            ]
        hypotheses = sorted(candidates, key=lambda one: one[1] / (len(one[0]) - 1), reverse=True)[:beams]
        if all(symbols[-1] == END for symbols, *_ in hypotheses):
            break
    ended = [one for one in hypotheses if one[0][-1] == END] or hypotheses
    symbols, _, _, seen = ended[0]
    words = [source[min(seen[t], len(source) - 1)] if n == UNKNOWN else model.spec.symbols[n] for t, n in enumerate(symbols[1:])]
    return joined(words[:-1] if symbols[-1] == END else words, model.unit)


# ---------------------------------------------------------------- training


class Loop(nn.Module):
    """The preset's model, symbol by symbol."""

    def __init__(self, units: int, embedding: int, attention: int) -> None:
        super().__init__()
        self.read, self.written = nn.Embedding(VOCABULARY, embedding), nn.Embedding(VOCABULARY, embedding)
        self.forwards, self.backwards = (nn.LSTMCell(embedding, units // 2) for _ in range(2))
        self.bridge = nn.Linear(units, 2 * units)
        self.cell = nn.LSTMCell(embedding, units)
        self.key, self.query, self.score = nn.Linear(units, attention), nn.Linear(units, attention), nn.Linear(attention, 1)
        self.joint, self.output = nn.Linear(2 * units, units), nn.Linear(units, VOCABULARY)

    def forward(self, batch: PairBatch) -> Tensor:
        sources, targets = batch.sources, batch.targets
        x, sides = self.read(sources), []
        for cell, order in ((self.forwards, range(sources.shape[1])), (self.backwards, reversed(range(sources.shape[1])))):
            h = c = x.new_zeros(len(x), cell.hidden_size)
            states = {}
            for t in order:
                h, c = cell(x[:, t], (h, c))
                states[t] = h
            sides.append((torch.stack([states[t] for t in range(sources.shape[1])], 1), h))
        places = torch.cat([states for states, _ in sides], 2)
        h, c = torch.tanh(self.bridge(torch.cat([last for _, last in sides], 1))).chunk(2, 1)
        total = x.new_zeros(())
        for t in range(targets.shape[1] - 1):
            h, c = self.cell(self.written(targets[:, t]), (h, c))
            energies = self.score(torch.tanh(self.key(places) + self.query(h)[:, None]))[..., 0]
            seen = (energies.softmax(1)[:, None] @ places)[:, 0]
            logits = self.output(torch.tanh(self.joint(torch.cat([seen, h], 1))))
            total = total + F.cross_entropy(logits, targets[:, t + 1], label_smoothing=0.1)
        return total / (targets.shape[1] - 1)


def step(model: nn.Module, value: Callable[[], Tensor]) -> Callable[[], None]:
    optimiser = torch.optim.AdamW(model.parameters(), fused=True)

    def taken() -> None:
        optimiser.zero_grad()
        value().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()

    return taken


def training() -> list[float]:
    """Seconds of a training step: the loop, ours, ours in bfloat16. No dropout, which the loop has not."""
    from dataclasses import replace

    config = replace(PRESETS["translate"].model, dropout=0.0, input_dropout=0.0)
    symbols = (*SPECIAL, *(f"w{n}" for n in range(VOCABULARY - len(SPECIAL))))
    spec = replace(PRESETS["tiny"].data.spec(), vocabulary=symbols, source_vocabulary=symbols, unit="words")
    ours: Any = config.build(spec, rng=generator(0))
    loop = Loop(config.units, config.embedding, config.attention_units)
    sources, targets = (torch.randint(len(SPECIAL), VOCABULARY, (PAIRS, many), generator=generator(1, many)) for many in SYMBOLS)
    batch = PairBatch(sources, torch.full((PAIRS,), SYMBOLS[0]), targets, torch.full((PAIRS,), SYMBOLS[1]))

    def loss() -> Tensor:
        value: Tensor = next(ours.losses(batch, state={}, rng=generator(0))).value
        return value

    def in_bfloat16() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return loss()

    return seconds([step(loop, lambda: loop(batch)), step(ours, loss), step(ours, in_bfloat16)])


def seconds(jobs: list[Callable[[], object]]) -> list[float]:
    """The least processor time of each job."""
    times: list[list[float]] = [[] for _ in jobs]
    for turn in range(TURNS + 1):
        for job, kept in zip(jobs, times, strict=True):
            begun = time.process_time()
            job()
            if turn:  # the first turn compiles
                kept.append(time.process_time() - begun)
    return [min(kept) for kept in times]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="sentences, one per line; of several columns the first")
    parser.add_argument("--sentences", type=int, default=512)
    parser.add_argument("--few", type=int, default=64, help="sentences of the loop")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model: Any = models.load(arguments.run)
    lines = list(dict.fromkeys(line.split("\t")[0] for line in read_lines(arguments.data) if line.strip()))
    texts = lines[:: max(1, len(lines) // arguments.sentences)][: arguments.sentences]
    few = texts[:: max(1, len(texts) // arguments.few)][: arguments.few]
    rows = []
    for beams in (1, 5):
        ways: list[Callable[[], object]] = [
            partial(one_by_one, model, few, beams),
            partial(model.translate, texts, beams=beams),
            partial(in_bfloat16, model, texts, beams),
        ]
        slow, fast, short = seconds(ways)
        together = [best.text for best, *_ in model.translate(few, beams=beams)]
        same = sum(a == b for a, b in zip(one_by_one(model, few, beams), together, strict=True))
        alike = sum(a[0].text == b for a, b in zip(in_bfloat16(model, few, beams), together, strict=True))
        loop, *paces = len(few) / slow, len(texts) / fast, len(texts) / short
        for name, pace, equal in (("", paces[0], same), (", in bfloat16", paces[1], alike)):
            rows.append(f"| {beams}{name} | {loop:.1f} | {pace:.0f} | {pace / loop:.1f} | {equal} of {len(few)} |")
        print("\n".join(rows[-2:]), flush=True)
    loop, ours, short = training()
    text = [
        "# Speed of translating and of training",
        "",
        f"By `scripts/bench_seq2seq.py` on one thread of {machine()}, torch {torch.__version__}. CPU time.",
        "",
        f"Translating {len(texts)} sentences of {arguments.data.name} (the loop: {len(few)} of them), sentences per second:",
        "",
        "| beam | one hypothesis at a time | batched | ratio | same translation |",
        "| --- | --- | --- | --- | --- |",
        *rows,
        "",
        "Both use the same weights and the same step of the decoder. In the loop it has one row, in the batch all hypotheses of",
        "all sentences that are translated together, so arithmetic bounds it; the loop reads all weights",
        "once per hypothesis and symbol.",
        "",
        f"A training step on {PAIRS} pairs of {SYMBOLS[0]} and {SYMBOLS[1]} symbols, of {VOCABULARY} symbols each way, preset "
        "`translate` without dropout, milliseconds:",
        "",
        "| loop over symbols | drawgen | ratio | drawgen in bfloat16 | ratio |",
        "| --- | --- | --- | --- | --- |",
        f"| {loop * 1e3:.0f} | {ours * 1e3:.0f} | {loop / ours:.2f} | {short * 1e3:.0f} | {loop / short:.2f} |",
        "",
        "A loop calls `nn.LSTMCell` for every symbol, and computes attention and logits of one symbol at a time. drawgen calls the",
        "LSTM once per direction and once for all symbols of the targets, and computes attention and logits of all of them in one.",
        "bfloat16 (`--fit.precision bf16`) is fast on processors that have instructions for it.",
    ]
    print("\n".join(text))
    if arguments.out:
        arguments.out.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Speed of the character model: characters per second in training and sampling, compared with naive implementations.

    uv run python scripts/bench_char_rnn.py [--out scripts/results/bench_char_rnn.md]

Training is compared with `nn.LSTMCell` (or `nn.GRUCell`) in a loop over steps and layers. Sampling is compared with `nn.LSTM` (or
`nn.GRU`) called for one character at a time with softmax and multinomial, as in most public implementations. One thread; CPU time,
because other processes may be busy; the implementations take turns, and each figure is the best of its turns.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen import sampling
from drawgen.contract import Request, Spec, generator
from drawgen.data.text import Characters
from drawgen.jobs import machine
from drawgen.models import char_rnn

SYMBOLS, BATCH, LENGTH = 65, 50, 50
KERNELS = {"lstm": nn.LSTM, "gru": nn.GRU}
CELLS = {"lstm": nn.LSTMCell, "gru": nn.GRUCell}


class Loop(nn.Module):
    """Two layers of cells, stepped by hand."""

    def __init__(self, cell: str, units: int) -> None:
        super().__init__()
        self.cells = nn.ModuleList([CELLS[cell](SYMBOLS, units), CELLS[cell](units, units)])
        self.output = nn.Linear(units, SYMBOLS)

    def forward(self, tokens: Tensor) -> Tensor:
        states, total = [None, None], torch.zeros(())
        for t in range(tokens.shape[1] - 1):
            x = F.one_hot(tokens[:, t], SYMBOLS).float()
            for n, cell in enumerate(self.cells):
                states[n] = cell(x, states[n])
                x = states[n][0] if isinstance(states[n], tuple) else states[n]
            total = total + F.cross_entropy(self.output(x), tokens[:, t + 1])
        return total / (tokens.shape[1] - 1)


class Kernel(nn.Module):
    """Two layers of torch's own, one character at a time."""

    def __init__(self, cell: str, units: int) -> None:
        super().__init__()
        self.layers = KERNELS[cell](SYMBOLS, units, 2, batch_first=True)
        self.output = nn.Linear(units, SYMBOLS)

    @torch.inference_mode()
    def write(self, count: int) -> None:
        token, state = torch.tensor([[3]]), None
        for _ in range(count):
            y, state = self.layers(F.one_hot(token, SYMBOLS).float(), state)
            token = torch.multinomial(self.output(y[:, 0]).softmax(-1), 1)


def seconds(jobs: list[Callable[[], object]], turns: int) -> list[float]:
    """The least processor time of each job."""
    times: list[list[float]] = [[] for _ in jobs]
    for turn in range(turns + 1):
        for job, kept in zip(jobs, times, strict=True):
            begun = time.process_time()
            job()
            if turn:  # the first turn compiles
                kept.append(time.process_time() - begun)
    return [min(kept) for kept in times]


def training_step(model: nn.Module, loss: Callable[[], Tensor]) -> Callable[[], None]:
    optimiser = torch.optim.AdamW(model.parameters(), fused=True)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        loss().backward()
        optimiser.step()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the table here, as Markdown")
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tokens = torch.randint(0, SYMBOLS, (BATCH, LENGTH + 1), generator=generator(0))
    batch = Characters(tokens, torch.ones(BATCH, dtype=torch.bool))
    trained, sampled = [], []
    for cell, units in (("lstm", 128), ("gru", 128), ("lstm", 512)):
        model = char_rnn.Config(cell=cell, units=units).build(Spec(vocabulary=tuple(map(chr, range(SYMBOLS)))), rng=generator(0))
        loop, kernel = Loop(cell, units), Kernel(cell, units)
        ours = training_step(model, lambda: next(model.losses(batch, state={}, rng=generator(0))).value)  # noqa: B023
        slow, fast = seconds([training_step(loop, lambda: loop(tokens)), ours], arguments.turns)  # noqa: B023
        count = BATCH * LENGTH
        trained.append(f"| {cell} | 2 x {units} | {count / slow:,.0f} | {count / fast:,.0f} | {slow / fast:.1f}x |")
        print(trained[-1], flush=True)
        model.eval()
        count = 2000 if units < 500 else 500

        @torch.inference_mode()
        def stepped(count: int) -> None:
            choose = sampling.chooser(rngs=[generator(0)])
            for _ in sampling.walk(model.decoder.step, torch.tensor([3]), model.decoder.start(1), choose, length=count):  # noqa: B023
                pass

        slow, cells, fast = seconds(
            [lambda: kernel.write(count), lambda: stepped(count), lambda: model.sample(Request(length=count))],  # noqa: B023
            arguments.turns,
        )
        rates = " | ".join(f"{count / each:,.0f}" for each in (slow, cells, fast))
        sampled.append(f"| {cell} | 2 x {units} | {rates} | {slow / cells:.1f}x | {slow / fast:.1f}x |")
        print(sampled[-1], flush=True)
    text = [
        "# Char-RNN: characters per second",
        "",
        f"{machine()}, torch {torch.__version__}, one thread, CPU time, {SYMBOLS} symbols;",
        f"best of {arguments.turns} interleaved turns. Made by `scripts/bench_char_rnn.py`.",
        "",
        f"Training, {BATCH} rows of {LENGTH} characters, with Adam:",
        "",
        "| cell | layers | cells in a loop | drawgen | ratio |",
        "| --- | --- | --- | --- | --- |",
        *trained,
        "",
        "Sampling one text:",
        "",
        "| cell | layers | torch's layers, stepped | drawgen's cells | drawgen, compiled | ratio, cells | ratio, compiled |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *sampled,
        "",
        "`drawgen sample` uses the compiled implementation on a CPU, and the cells elsewhere.",
    ]
    if arguments.out:
        arguments.out.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

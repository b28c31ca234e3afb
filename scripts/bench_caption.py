"""Captions per second by beam search, and milliseconds per training step, compared with a naive implementation in one run.

    uv run python scripts/bench_caption.py --out scripts/results/bench_caption.md

The naive implementation is the usual one: one picture, one hypothesis at a time, and the features projected at every step. All
implementations have the same random weights and generate the same words. Times are CPU time of the process on one thread, so that
other processes do not count.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional as F

from drawgen import jobs, models, sampling
from drawgen.contract import generator
from drawgen.nn.attention import Memory, SoftAttention
from drawgen.nn.decoder import Decoder

VOCABULARY, STEPS, BEAMS, PLACES, FEATURES, UNITS = 10_000, 20, 5, 196, 512, 512
END = 1


def naive(decoder: Decoder, values: torch.Tensor) -> list[int]:
    """The best caption of one picture (N D): hypotheses in a Python list, each stepped by itself."""
    hypotheses = [(0.0, [0], decoder.start(1, decoder.look(values[None])))]
    for _ in range(STEPS):
        candidates = []
        for total, tokens, state in hypotheses:
            if tokens[-1] == END:
                candidates.append((total, tokens, state))
                continue
            memory = decoder.look(values[None])  # the features projected at every step
            logits, after = naive_step(decoder, torch.tensor([tokens[-1]]), state, memory)
            best, words = logits.log_softmax(-1)[0].topk(BEAMS)
            candidates += [(total + gain, [*tokens, word], after) for gain, word in zip(best.tolist(), words.tolist(), strict=True)]
        candidates.sort(key=lambda one: one[0] / max(1, len(one[1]) - 1), reverse=True)
        hypotheses = candidates[:BEAMS]
    return hypotheses[0][1][1:]


def naive_step(decoder: Decoder, tokens: torch.Tensor, state: dict[str, torch.Tensor], memory: Memory) -> tuple:
    """The equations one by one, with torch.tanh."""
    attention = decoder.attention
    query = attention.query(state["h"][:, -1])
    alpha = attention.score(torch.tanh(memory.keys + query[:, None]))[..., 0].softmax(-1)
    context = attention.gate(state["h"][:, -1]).sigmoid() * (alpha[:, None] @ memory.values)[:, 0]
    embedded = decoder.embedding(tokens)
    h, after = decoder.recurrent.step(torch.cat([embedded, context], 1), state)
    return decoder.output(embedded + decoder.from_state(h) + decoder.from_context(context)), after


def batched(decoder: Decoder, values: torch.Tensor) -> torch.Tensor:
    """The best captions of many pictures (B N D)."""
    memory = decoder.look(values)
    state = decoder.start(len(values), memory)
    start = torch.zeros(len(values), dtype=torch.long)
    step = lambda tokens, state: decoder.step(tokens, state, memory)  # noqa: E731
    return sampling.beam_search(step, start, state, beams=BEAMS, length=STEPS, end=END).tokens[:, 0]


def seconds(work: Callable[[], object], repeats: int) -> float:
    """The least CPU time of some runs, after one to warm up."""
    work()
    times = []
    for _ in range(repeats):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def training(preset: str) -> tuple[float, float]:
    """Milliseconds per step, forward and backward: ours, and with torch.tanh and one matrix product per time step."""
    recipe = models.recipe("captioner", preset)
    model = recipe.model.build(recipe.data.spec(), rng=generator(0)).train()
    batch = next(iter(recipe.data.stream("train", seed=0)))

    def ours() -> None:
        next(model.losses(batch, state={}, rng=generator(0))).value.backward()

    def stepwise() -> None:
        state, memory = model.begin(batch.images)
        logits = []
        for token in batch.tokens[:, :-1].unbind(1):
            out, state = naive_step(model.decoder, token, state, memory)
            logits.append(out)
        F.cross_entropy(torch.stack(logits, 2), batch.tokens[:, 1:]).backward()

    return 1e3 * seconds(ours, 5), 1e3 * seconds(stepwise, 5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    out = parser.parse_args().out
    torch.set_num_threads(1)
    decoder = Decoder(
        VOCABULARY, units=UNITS, embedding=UNITS, attention=SoftAttention(FEATURES, UNITS, UNITS, rng=generator(1)), rng=generator(0)
    ).eval()  # fmt: skip
    decoder.output.weight.data *= 8  # as sharp as a trained one: no near ties
    decoder.output.bias.data[END] = -100.0  # all captions have the full length
    values = torch.randn(32, PLACES, FEATURES, generator=generator(1))
    with torch.inference_mode():
        same = [naive(decoder, values[n]) for n in range(2)] == batched(decoder, values)[:2].tolist()
        slow = seconds(lambda: naive(decoder, values[0]), 2)
        one = seconds(lambda: batched(decoder, values[:1]), 3)
        many = seconds(lambda: batched(decoder, values), 2) / len(values)
    step, stepwise = training("scenes")
    lines = [
        "# Speed of the captioner",
        "",
        f"{jobs.machine()}, torch {torch.__version__}, one thread, CPU time of the process, fp32. Beam {BEAMS}, {STEPS} steps, a",
        f"vocabulary of {VOCABULARY}, features {PLACES} x {FEATURES}, {UNITS} units. All implementations give the",
        f"same words: {same}.",
        "",
        "| implementation | captions/s | ratio |",
        "| --- | --- | --- |",
        f"| one picture, one hypothesis at a time, features projected at every step | {1 / slow:.2f} | 1 |",
        f"| one picture, its beams together | {1 / one:.1f} | {slow / one:.1f} |",
        f"| 32 pictures and their beams together | {1 / many:.1f} | {slow / many:.1f} |",
        "",
        "| training step of the preset `scenes` (32 pictures, forward and backward) | ms |",
        "| --- | --- |",
        f"| one matrix product per time step, torch.tanh | {stepwise:.0f} |",
        f"| drawgen | {step:.0f} |",
        "",
        "Made by `scripts/bench_caption.py`.",
    ]
    print("\n".join(lines))
    if out is not None:
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Figures of a painter that learned to reconstruct by PPO: its error while it learned, and by number of actions on held-out
drawings, beside random actions, the greedy painter, a painter that learned pathwise, and an agent of `scripts/ppo_spiral.py`.

    python scripts/painter_ppo_report.py runs/characters-ppo --data OMNIGLOT --spiral runs/spiral --out painter_characters_ppo

The greedy painter tries some random actions at each step, and takes the one that lowers the error most. A stroke of the pathwise
painter counts as two actions: a move and a stroke.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import torch
from matplotlib import pyplot
from torch import Tensor
from torch.nn import functional as F

from drawgen import images, jobs, models
from drawgen.contract import generator
from drawgen.models.painter import Painter
from drawgen.nn.painting_ways import LEVELS, PRESSURES, SIZES, PolicyGradient, screen

TRIED = 64
"""Actions from which the greedy painter chooses."""
SHOWN = (2, 4, 8, 16)
"""Numbers of actions."""


def errors(canvases: Tensor, target: Tensor) -> list[float]:
    """The squared error after each number of actions as a fraction of a blank canvas's, of canvases T B C H W."""
    blank = float(target.square().sum())
    return [1.0, *(float((canvas - target).square().sum()) / blank for canvas in canvases)]


def by_chance(count: int, grid: int, *, rng: torch.Generator) -> Tensor:
    """Random actions with the pen down, count 6: control point, end, flag, pressure, size, ink."""
    ranges = (grid**2, grid**2, 1, PRESSURES, len(SIZES), 1)
    action = torch.stack([torch.randint(most, (count,), generator=rng) for most in ranges], 1)
    action[:, 2], action[:, 5] = 1, LEVELS - 1
    return action


def played(painter: Painter, actions: Tensor) -> Tensor:
    """Canvases T B C H W of actions T B A."""
    assert isinstance(painter.learning, PolicyGradient)
    episodes = painter.learning.begin(torch.zeros(len(actions), actions.shape[1], 1), len(actions))
    canvases = []
    for action in actions:
        episodes.step(action)
        canvases.append(screen(episodes))
    return torch.stack(canvases)


def greedily(painter: Painter, target: Tensor, *, rng: torch.Generator) -> Tensor:
    """The greedy painter's canvases (T C H W) for one target (C H W)."""
    begun = torch.zeros(0, TRIED, 6, dtype=torch.int64)
    kept = []
    for _ in range(painter.config.strokes):
        action = by_chance(TRIED, painter.policy.grid, rng=rng)
        action[0, 2] = 0  # a move, if no stroke helps
        tried = torch.cat([begun, action[None]])
        canvases = played(painter, tried)[-1]
        best = int((canvases - target).square().sum((1, 2, 3)).argmin())
        begun = tried[:, best : best + 1].expand(-1, TRIED, -1)
        kept.append(canvases[best])
    return torch.stack(kept)


def smooth(values: list[float], width: int = 15) -> list[float]:
    padded = F.pad(torch.tensor(values)[None, None], (width // 2, width // 2), mode="replicate")
    return F.avg_pool1d(padded, width, 1)[0, 0].tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the run's folder")
    parser.add_argument("--data", required=True, help="folder of the set's files")
    parser.add_argument("--pathwise", default="painter:characters", help="a painter that learned pathwise, of the same size")
    parser.add_argument("--spiral", type=Path, help="a folder of scripts/ppo_spiral.py")
    parser.add_argument("--greedy", type=int, default=64, help="pictures that the greedy painter paints")
    parser.add_argument("--out", type=Path, required=True, help="the table's file without its suffix; pictures go beside it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recipe = jobs.stored_recipe(arguments.run)[2]
    painter, pathwise = models.load(arguments.run), models.load(arguments.pathwise)
    assert isinstance(painter, Painter)
    data = replace(recipe.data, path=arguments.data)
    target = torch.cat([batch.images for batch in data.stream("valid", seed=0)])
    actions = painter.config.strokes

    with torch.no_grad():
        drawn = painter.drawn(target, actions, rng=generator(1)).canvases
        strokes = pathwise.drawn(target, actions // 2, rng=generator(1)).canvases
        rng = generator(2)
        chance = torch.stack([by_chance(len(target), painter.policy.grid, rng=rng) for _ in range(actions)])
        few = target[: arguments.greedy]
        greedy = torch.stack([greedily(painter, one, rng=rng) for one in few], 1)
    rows = {
        "random actions": errors(played(painter, chance), target),
        f"greedy: the best of {TRIED} random actions": errors(greedy, few),
        "PPO": errors(drawn, target),
    }
    two = errors(strokes, target)
    counts = [*range(0, actions + 1, 4)][1:]

    logged = [json.loads(line) for line in (arguments.run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    learning = [row for row in logged if "share" in row]
    each = recipe.data.batch * actions
    hours = max(row.get("seconds", 0.0) for row in logged) / 3600
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.4), constrained_layout=True)
    left.plot([row["step"] * each / 1e6 for row in learning], smooth([row["share"] for row in learning]), label="training batches")
    held = [row for row in logged if "valid/share_10_strokes" in row]
    if held:
        name = "valid/share_20_strokes"
        left.plot([row["step"] * each / 1e6 for row in held], [row[name] for row in held], ".", label="held out, after 20 actions")
    if arguments.spiral:
        curve = json.loads((arguments.spiral / "curve.json").read_text(encoding="utf-8"))
        left.plot([row["actions"] / 1e6 for row in curve], [row["error"] for row in curve], "--", label="scripts/ppo_spiral.py")
    left.set(xlabel="million actions", ylabel="error (blank: 1)", ylim=(0.2, 1.0), title="while it learns")
    left.legend(frameon=False, fontsize=8)
    for (name, values), style in zip(rows.items(), (":", "--", "-"), strict=True):
        right.plot(values, style, color="#b3261e" if name == "PPO" else "#555", label=name)
    right.plot(range(0, actions + 1, 2), two, "-.", color="#1e6bb3", label=f"pathwise, {actions // 2} strokes")
    right.set(xlabel="actions", ylim=(0, 1.2), title="by number of actions, held out")
    right.legend(frameon=False, fontsize=8)
    figure.savefig(arguments.out.with_name(f"{arguments.out.name}_curves.png"), dpi=110)

    sheet = torch.cat([target[:16], *(drawn[step - 1][:16] for step in SHOWN if step <= actions), strokes[-1][:16]])
    images.save_image(
        arguments.out.with_suffix(".png"), images.grid(sheet, columns=16).repeat_interleave(2, 1).repeat_interleave(2, 2)
    )
    lines = [
        f"# {arguments.out.name}", "",
        f"Made by `scripts/painter_ppo_report.py` on {jobs.machine()}, one thread: {learning[-1]['step']:,} batches of "
        f"{recipe.data.batch} drawings,",
        f"{learning[-1]['step'] * each:,} actions, {hours:.1f} hours by the clock, seed {recipe.fit.seed}.", "",
        f"The squared error as a fraction of a blank canvas's, on {len(target)} held-out drawings (greedy: {len(few)}):", "",
        "| painter | " + " | ".join(f"{count} actions" for count in counts) + " |", "| --- |" + " --- |" * len(counts),
        *(f"| {name} | " + " | ".join(f"{values[count]:.3f}" for count in counts) + " |" for name, values in rows.items()),
        "| pathwise, a stroke for two actions | " + " | ".join(f"{two[count // 2]:.3f}" for count in counts) + " |", "",
        f"![The error while it learns, and by number of actions]({arguments.out.name}_curves.png)", "",
        f"![Held-out drawings; after {', '.join(map(str, SHOWN))} actions; by the painter that learned pathwise]"
        f"({arguments.out.name}.png)",
    ]  # fmt: skip
    arguments.out.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()

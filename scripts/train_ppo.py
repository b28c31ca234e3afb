"""PPO of stable-baselines3 learns to paint a target: drawgen/Reconstruct-v0, with a learning curve.

    uv run python scripts/train_ppo.py --out runs/ppo [--minutes 15] [--target photos/]
    uv run python scripts/train_ppo.py --out runs/ppo --report scripts/results/ppo_reconstruct.md   # reports that run

The error is the mean squared error between painting and target (colours in [0, 1]) at the end of an episode, over the same 256
targets at every check, with deterministic actions. Minutes are CPU time of this process.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import drawgen_envs  # noqa: F401
import gymnasium
import numpy as np
import torch
from drawgen_envs.sb3 import PaintingVecEnv
from PIL import Image, ImageDraw
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecNormalize
from torch import Tensor, nn

NAME = "drawgen/Reconstruct-v0"
SIZE, LENGTH, CANVASES, CHECKED = 32, 5, 64, 256
RADIUS = (0.03, 0.5)
EVERY = 20_480  # steps between two checks


class Eye(BaseFeaturesExtractor):
    """Two convolutions over canvas, target, their difference and pixel coordinates; and the step."""

    def __init__(self, space: gymnasium.spaces.Dict, width: int = 128) -> None:
        super().__init__(space, width + 1)
        channels, height, breadth = space["canvas"].shape
        self.layers = nn.Sequential(
            *(nn.Conv2d(3 * channels + 2, 24, 6, 4, 1), nn.ReLU(), nn.Conv2d(24, 32, 3, 2, 1), nn.ReLU()),
            *(nn.Flatten(), nn.LazyLinear(width), nn.ReLU()),
        )
        places = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, breadth), indexing="ij")
        self.register_buffer("places", torch.stack(places))
        with torch.no_grad():
            self.layers(torch.zeros(1, 3 * channels + 2, height, breadth))

    def forward(self, seen: dict[str, Tensor]) -> Tensor:
        canvas, target = seen["canvas"] - 0.5, seen["target"] - 0.5  # stable-baselines3 has divided by 255
        places = self.places.expand(len(canvas), -1, -1, -1)
        return torch.cat([self.layers(torch.cat([canvas, target, target - canvas, places], 1)), seen["step"] / LENGTH], 1)


def make(count: int, target: str | None) -> gymnasium.vector.VectorEnv:
    return gymnasium.make_vec(NAME, num_envs=count, size=SIZE, length=LENGTH, radius=RADIUS, target=target)


def paint(act: Any, target: str | None) -> tuple[float, float, list[np.ndarray]]:
    """The mean errors of blank canvases and of the paintings by `act(observation)`, and the pictures: targets, then each step's."""
    envs = make(CHECKED, target)
    seen, _ = envs.reset(seed=1_000_000)
    wanted, pictures = seen["target"], [seen["target"], seen["canvas"]]

    def error(canvas: np.ndarray) -> float:
        return float(((canvas / 255.0 - wanted / 255.0) ** 2).mean())

    blank = error(seen["canvas"])
    for _ in range(LENGTH):
        seen, _, _, _, infos = envs.step(act(seen))
        if infos:
            seen = {"canvas": np.stack([last["canvas"] for last in infos["final_obs"]])}
        pictures.append(seen["canvas"])
    return blank, error(seen["canvas"]), pictures


class Check(BaseCallback):
    """Evaluates at intervals, writes one line per check, and stops training in time."""

    def __init__(self, out: Path, seconds: float, target: str | None) -> None:
        super().__init__()
        self.out, self.seconds, self.target, self.next = out, seconds, target, 0

    def _on_step(self) -> bool:
        if self.num_timesteps >= self.next:
            self.next += EVERY
            _, error, _ = paint(lambda seen: self.model.predict(seen, deterministic=True)[0], self.target)
            line = {"steps": self.num_timesteps, "cpu_s": round(time.process_time(), 1), "error": error}
            with (self.out / "curve.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(line, flush=True)
            self.model.save(self.out / "agent")
        return bool(time.process_time() < self.seconds)


def train(out: Path, minutes: float, target: str | None) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "curve.jsonl").unlink(missing_ok=True)
    envs = VecNormalize(PaintingVecEnv(make(CANVASES, target), finite=True), norm_obs=False, gamma=0.95)
    model = PPO(
        "MultiInputPolicy",
        envs,
        learning_rate=7e-4,
        n_steps=4 * LENGTH,
        batch_size=320,
        n_epochs=4,
        gamma=0.95,
        gae_lambda=0.9,
        policy_kwargs={"features_extractor_class": Eye, "net_arch": [128], "log_std_init": -0.7},
        seed=0,
    )
    model.learn(10**9, callback=Check(out, 60 * minutes, target))
    model.save(out / "agent")


def chart(curve: list[dict[str, float]], blank: float, random: float, width: int = 420, height: int = 330) -> Image.Image:
    """Plots the error over steps, with the random policy's for comparison."""
    page = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(page)
    left, right, top, bottom = 56, width - 12, 24, height - 36
    most_steps, most = curve[-1]["steps"], 1.15 * max(blank, random, curve[0]["error"])

    def at(steps: float, error: float) -> tuple[float, float]:
        return left + (right - left) * steps / most_steps, bottom - (bottom - top) * error / most

    pen.text((left, 6), "mean squared error at an episode's end", fill="black")
    for name, value in (("blank", blank), ("random policy", random)):
        pen.line([at(0, value), at(most_steps, value)], fill=(190, 190, 190))
        pen.text((right - 90, at(0, value)[1] - 13), name, fill=(130, 130, 130))
    for share in range(5):
        pen.text((8, at(0, most * share / 4)[1] - 6), f"{most * share / 4:.3f}", fill="black")
        pen.text((at(most_steps * share / 4, 0)[0] - 12, bottom + 6), f"{most_steps * share / 4 / 1000:.0f}k", fill="black")
    pen.text((right - 40, bottom + 20), "steps", fill="black")
    pen.line([(left, top), (left, bottom), (right, bottom)], fill="black")
    pen.line([at(point["steps"], point["error"]) for point in curve], fill=(200, 40, 40), width=2, joint="curve")
    return page


def report(out: Path, to: Path, target: str | None) -> None:
    curve = [json.loads(line) for line in (out / "curve.jsonl").read_text(encoding="utf-8").splitlines()]
    model = PPO.load(out / "agent")
    envs = make(CHECKED, target)
    envs.action_space.seed(0)
    blank, random, _ = paint(lambda _: envs.action_space.sample(), target)
    _, error, pictures = paint(lambda seen: model.predict(seen, deterministic=True)[0], target)
    cell = 66
    sheet = Image.new("RGB", (8 * cell, len(pictures) * cell), "white")
    for row, step in enumerate(pictures):
        for column in range(8):
            sheet.paste(Image.fromarray(step[column]).resize((64, 64), Image.Resampling.NEAREST), (column * cell, row * cell))
    plot = chart(curve, blank, random)
    page = Image.new("RGB", (plot.width + sheet.width + 20, max(plot.height, sheet.height)), "white")
    page.paste(plot, (0, 0))
    page.paste(sheet, (plot.width + 20, 0))
    page.save(to.with_suffix(".png"), optimize=True)
    picked = [curve[round(i * (len(curve) - 1) / 7)] for i in range(8)]
    lines = [
        "# PPO learns to reconstruct",
        "",
        f"`scripts/train_ppo.py`: stable-baselines3's PPO on `{NAME}`, {SIZE}x{SIZE}, {LENGTH} strokes, {CANVASES} canvases at",
        f"once. Target: {target or 'two random colours with a soft edge between them, new in every episode'}. "
        f"{curve[-1]['cpu_s'] / 60:.0f} minutes of one CPU core, {curve[-1]['steps']:,} steps.",
        "",
        f"Mean squared error at the end of an episode, over {CHECKED} unseen targets, with deterministic actions:",
        "",
        "| policy | error | fraction of blank |",
        "| --- | --- | --- |",
        f"| blank canvas | {blank:.4f} | 1 |",
        f"| random | {random:.4f} | {random / blank:.2f} |",
        f"| PPO | {error:.4f} | {error / blank:.2f} |",
        "",
        "| steps | CPU seconds | error |",
        "| --- | --- | --- |",
        *(f"| {point['steps']:,} | {point['cpu_s']:.0f} | {point['error']:.4f} |" for point in picked),
        "",
        f"![The learning curve; targets in the first row, below them the canvas after 0 to {LENGTH} strokes]"
        f"({to.with_suffix('.png').name})",
    ]
    to.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the agent and its curve")
    parser.add_argument("--minutes", type=float, default=15.0, help="of CPU time")
    parser.add_argument("--target", help="a picture or a folder of pictures")
    parser.add_argument("--report", type=Path, help="train nothing; write a page (.md) and its picture (.png)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.report:
        report(arguments.out, arguments.report, arguments.target)
    else:
        train(arguments.out, arguments.minutes, arguments.target)


if __name__ == "__main__":
    main()

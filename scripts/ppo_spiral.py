"""PPO on drawgen/Spiral-v0 in one file, in CleanRL's way: only the environment comes from elsewhere. An agent with SPIRAL's actions
(Ganin et al. 2018) learns to paint target pictures, with any brush. It first clones paintings of random actions: what they painted
is a target for which they are right.

    python scripts/ppo_spiral.py --out runs/spiral --target FOLDER --check OTHER_FOLDER --minutes 30
    python scripts/ppo_spiral.py --out runs/colour --target FOLDER --channels 3 --actions 20 --brush mypaint:classic/dry_brush
    python scripts/ppo_spiral.py --out runs/spiral --report scripts/results/ppo_spiral.md     # the curves of that run

The error of a painting is its squared error as a fraction of a blank canvas's. An agent is compared with random actions, and with
the greedy painter: of GREEDY random actions it takes the one that lowers the error most, again and again. Minutes are CPU time.
Ctrl-C stops training; what was learned is kept in `agent.pt`.

Axes: T actions, B canvases, K planes, C channels, H = W = side, N cells of the grid, A components of an action.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Categorical
from torch.nn import functional as F

GREEDY = 64
DARK = 1e-3
"""Added to the error of a blank canvas, so that the weight of an empty target is bounded."""


@dataclass
class Args:
    target: str = ""
    """a picture, or a folder of pictures; nothing: soft edges between two random colours"""
    check: str = ""
    """pictures to measure on (default: those to learn from)"""
    channels: int = 1
    """1 for grey pictures, 3 for colours"""
    side: int = 32
    """pixels of a canvas's side, a multiple of 8"""
    actions: int = 16
    """actions of an episode; a stroke takes one, or two where the pen moves first"""
    brush: str = "bezier"
    """bezier, or mypaint:NAME where libmypaint is installed"""
    canvases: int = 32
    """episodes of a batch"""
    minutes: float = 30.0
    """CPU minutes of training"""
    clone: float = 5.0
    """of them spent first on cloning random paintings"""
    rate: float = 5e-4
    """Adam's learning rate; it falls to zero"""
    gamma: float = 0.95
    """discount"""
    lam: float = 0.9
    """GAE's lambda"""
    epochs: int = 3
    """passes over a batch"""
    minibatches: int = 4
    """parts of a pass"""
    clip: float = 0.2
    """PPO's epsilon"""
    entropy: float = 0.01
    """weight of the entropy bonus"""
    seed: int = 0
    """of everything"""


def make(args: Args, count: int, target: str) -> gymnasium.vector.VectorEnv:
    sizes = [1 / 32, 1.5 / 32, 2.5 / 32] if args.channels == 1 else [1 / 32, 2 / 32, 4 / 32, 8 / 32]
    return gymnasium.make_vec(
        "drawgen_envs:drawgen/Spiral-v0", num_envs=count, tensors=True, size=args.side, channels=args.channels, length=args.actions,
        brush=args.brush, grid=args.side // 2, sizes=sizes, pressures=4, levels=6, target=target or edges(args),
    )  # fmt: skip


def edges(args: Args):
    """Targets without a file: two colours with a soft edge between them."""

    def draw(rng: np.random.Generator) -> np.ndarray:
        y, x = np.mgrid[-1 : 1 : args.side * 1j, -1 : 1 : args.side * 1j]
        angle, shift = rng.uniform(0, 2 * np.pi), rng.uniform(-0.5, 0.5)
        share = 1 / (1 + np.exp(-8 * (np.cos(angle) * x + np.sin(angle) * y - shift)))[..., None]
        low, high = rng.uniform(0, 1, (2, args.channels))
        return (255 * (low + share * (high - low))).round().astype(np.uint8)

    return draw


# ---------------------------------------------------------------- the agent


class Agent(nn.Module):
    """Convolutions over canvas, target, their difference, the pen and coordinates; an LSTM; then the components of an action one
    by one, each given the ones before. Points are chosen by attention over the cells of the grid."""

    def __init__(self, channels: int, side: int, choices: list[int], width: int = 32, units: int = 256) -> None:
        super().__init__()
        self.side, self.grid, self.units = side, side // 2, units
        self.down = nn.ModuleList(
            [
                nn.Conv2d(3 * channels + 3, width, 5, 2, 2),
                nn.Conv2d(width, 2 * width, 3, 2, 1),
                nn.Conv2d(2 * width, 2 * width, 3, 2, 1),
            ]
        )
        self.up = nn.ModuleList([nn.Conv2d(inputs, width, 1) for inputs in (width, 2 * width, 2 * width)])
        self.summarise = nn.Linear(2 * width * (side // 8) ** 2, units)
        self.lstm = nn.LSTMCell(units, units)
        self.value = nn.Linear(units, 1)
        self.flag, self.flag_after = nn.Linear(units, 2), nn.Embedding(2, units)
        self.queries = nn.ModuleList([nn.Linear(units, width) for _ in range(2)])  # end, control
        self.points_after = nn.ModuleList([nn.Linear(width + 2, units) for _ in range(2)])
        self.heads = nn.ModuleList([nn.Linear(units, count) for count in choices])
        self.choices_after = nn.ModuleList([nn.Embedding(count, units) for count in choices])
        for embedding in (self.flag_after, *self.choices_after):
            nn.init.normal_(embedding.weight, std=0.03)
        line = torch.linspace(-1, 1, side)
        self.register_buffer("coordinates", torch.stack(torch.meshgrid(line, line, indexing="xy")), persistent=False)
        line = torch.arange(self.grid) / self.grid * 2 - 1
        self.register_buffer("places", torch.cartesian_prod(line, line).flip(1), persistent=False)  # x, y

    def start(self, count: int) -> tuple[Tensor, Tensor]:
        return torch.zeros(count, self.units), torch.zeros(count, self.units)

    def see(self, canvas: Tensor, target: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
        """Features of the cells (B N width) and a summary (B units), of canvases and targets (B C H W) and where the pen is (B)."""
        pen = torch.zeros(len(ends), self.side**2)
        pen[torch.arange(len(ends)), (ends // self.grid * 2) * self.side + ends % self.grid * 2] = 1
        planes = [canvas, target, target - canvas, pen.view(-1, 1, self.side, self.side)]
        x = torch.cat([*planes, self.coordinates.expand(len(canvas), -1, -1, -1)], 1)
        levels = []
        for layer in self.down:
            x = layer(x).relu()
            levels.append(x)
        cells = self.up[2](levels[2])
        for level in (1, 0):
            cells = F.interpolate(cells, scale_factor=2) + self.up[level](levels[level])
        return cells.flatten(2).transpose(1, 2), self.summarise(x.flatten(1)).relu()

    def act(self, cells: Tensor, h: Tensor, action: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """An action (B A), given or drawn, its log-probability and the entropy. A move is its flag and its end alone."""
        picked: dict[int, Tensor] = {}
        log_probs: dict[int, Tensor] = {}
        entropies: dict[int, Tensor] = {}
        rows = torch.arange(len(h))

        def pick(component: int, logits: Tensor) -> Tensor:
            choice = Categorical(logits=logits)
            picked[component] = choice.sample() if action is None else action[:, component]
            log_probs[component], entropies[component] = choice.log_prob(picked[component]), choice.entropy()
            return picked[component]

        z = h + self.flag_after(pick(2, self.flag(h)))
        for component, query, after in zip((1, 0), self.queries, self.points_after, strict=True):
            cell = pick(component, 0.5 * (cells @ query(z)[:, :, None])[..., 0])
            z = z + after(torch.cat([cells[rows, cell], self.places[cell]], 1)).relu()
        for component, (head, after) in enumerate(zip(self.heads, self.choices_after, strict=True), 3):
            z = (z + after(pick(component, head(z)))).relu()
        paints = (picked[2] == 1).float()
        parts = range(len(picked))
        counts = [torch.ones_like(paints) if part in (1, 2) else paints for part in parts]
        log_prob = torch.stack([log_probs[part] * counts[part] for part in parts]).sum(0)
        entropy = torch.stack([entropies[part] * counts[part] for part in parts]).sum(0)
        return torch.stack([picked[part] for part in parts], 1), log_prob, entropy


# ---------------------------------------------------------------- paintings and their errors


def floats(pictures: Tensor) -> Tensor:
    """B C H W in [0, 1], of B H W C bytes."""
    return pictures.permute(0, 3, 1, 2).float() / 255


def worth(canvases: Tensor, target: Tensor, blank: Tensor) -> Tensor:
    """Minus the mean squared error over resolutions, as a fraction of a blank canvas's (T B, of T B C H W)."""

    def error(canvas: Tensor) -> Tensor:
        gap, total = (canvas - target).flatten(0, -4), 0.0
        for _ in range(4):
            total = total + gap.square().mean((1, 2, 3))
            gap = F.avg_pool2d(gap, 2)
        return total.view(canvas.shape[:-3])

    return -error(canvases) / (error(blank[None])[0] + DARK)


@torch.no_grad()
def paint(envs: gymnasium.vector.VectorEnv, act, seed: int) -> tuple[Tensor, Tensor]:
    """Targets (B C H W), and the canvases before and after each action (T+1 B C H W), of `act(observation, step)`."""
    seen, _ = envs.reset(seed=seed)
    target, canvases = floats(seen["target"]), [floats(seen["canvas"])]
    for step in range(int(seen["length"][0])):
        seen, _, _, _, infos = envs.step(act(seen, step))
        canvases.append(floats(infos["final_obs"]["canvas"] if infos else seen["canvas"]))
    return target, torch.stack(canvases)


def errors(target: Tensor, canvases: Tensor) -> Tensor:
    """The squared error after each number of actions, as a fraction of the blank canvases' (T+1)."""
    total = (canvases - target).square().sum((1, 2, 3, 4))
    return total / total[0]


def by_agent(agent: Agent):
    state: dict[str, Tensor] = {}

    def act(seen: dict[str, Tensor], step: int) -> Tensor:
        if step == 0:
            state["h"], state["c"] = agent.start(len(seen["canvas"]))
            state["ends"] = torch.zeros(len(seen["canvas"]), dtype=torch.int64)
        cells, summary = agent.see(floats(seen["canvas"]), floats(seen["target"]), state["ends"])
        state["h"], state["c"] = agent.lstm(summary, (state["h"], state["c"]))
        action, _, _ = agent.act(cells, state["h"])
        state["ends"] = action[:, 1]
        return action

    return act


def by_chance(envs: gymnasium.vector.VectorEnv):
    envs.action_space.seed(0)
    return lambda *_: torch.from_numpy(envs.action_space.sample())


@torch.no_grad()
def greedily(args: Args, target: str, count: int) -> tuple[Tensor, Tensor]:
    """The paintings of the greedy painter: on GREEDY canvases with one target, each tries another action after what was best."""
    targets, paintings = [], []
    for number in range(count):
        envs = make(args, GREEDY, target)
        envs.action_space.seed(number)
        begun: list[Tensor] = []
        kept: list[Tensor] = []
        for _ in range(args.actions):
            seen, _ = envs.reset(seed=[1_000_000 + number] * GREEDY)
            if not kept:
                kept.append(floats(seen["canvas"])[0])
            wanted = floats(seen["target"])
            for action in begun:
                envs.step(action.expand(GREEDY, -1))
            tried = torch.from_numpy(envs.action_space.sample())
            seen, _, _, _, infos = envs.step(tried)
            canvas = floats(infos["final_obs"]["canvas"] if infos else seen["canvas"])
            best = int((canvas - wanted).square().sum((1, 2, 3)).argmin())
            begun.append(tried[best])
            kept.append(canvas[best])
        targets.append(wanted[0])
        paintings.append(torch.stack(kept))
    return torch.stack(targets), torch.stack(paintings, 1)


# ---------------------------------------------------------------- cloning, before PPO


def at_random(args: Args, choices: list[int], ends: Tensor, rng: torch.Generator) -> Tensor:
    """Random actions (B A) of pens at cells `ends` (B): half move the pen anywhere, half paint, often short strokes."""
    count, grid = len(ends), args.side // 2
    start = torch.stack([ends % grid, ends // grid], 1).float()  # x, y
    reach = grid * torch.tensor([0.1, 0.2, 0.4])[torch.randint(3, (count, 1), generator=rng)]
    end = start + reach * torch.randn(count, 2, generator=rng)
    control = (start + end) / 2 + 0.5 * reach * torch.randn(count, 2, generator=rng)
    down = torch.rand(count, 1, generator=rng) < 0.5
    end = torch.where(down, end, grid * torch.rand(count, 2, generator=rng))
    cells = [at.long().clamp(0, grid - 1) @ torch.tensor([1, grid]) for at in (control, end)]
    rest = [torch.randint(most, (count,), generator=rng) for most in choices]
    return torch.stack([*cells, down[:, 0].long(), *rest], 1)


def clone(args: Args, agent: Agent, adam: torch.optim.Adam, choices: list[int], seconds: float) -> None:
    """What random actions painted is a target for which they are right: the agent learns to choose them, with no reward."""
    envs, rng = make(args, args.canvases, ""), torch.Generator().manual_seed(args.seed)
    begun = time.process_time()
    while (spent := time.process_time() - begun) < seconds:
        seen, _ = envs.reset(seed=int(torch.randint(2**31, (1,), generator=rng)))
        canvases, ends, actions = [floats(seen["canvas"])], [torch.zeros(args.canvases, dtype=torch.int64)], []
        for _ in range(args.actions):
            actions.append(at_random(args, choices, ends[-1], rng))
            seen, _, _, _, infos = envs.step(actions[-1])
            canvases.append(floats(infos["final_obs"]["canvas"] if infos else seen["canvas"]))
            ends.append(actions[-1][:, 1])
        log_prob, _, _ = replay(agent, torch.stack(canvases[:-1]), canvases[-1], torch.stack(ends[:-1]), torch.stack(actions))
        for group in adam.param_groups:
            group["lr"] = 2 * args.rate * (1 - 0.9 * spent / seconds)
        learn(agent, adam, -log_prob.mean())


# ---------------------------------------------------------------- PPO


def replay(agent: Agent, canvases: Tensor, target: Tensor, ends: Tensor, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probability, entropy and value (T B each) of actions T B A on known canvases T B C H W. Convolutions are one call; only
    the LSTM goes step by step."""
    steps, count = ends.shape
    goal = target.expand(steps, *target.shape)
    cells, summary = agent.see(canvases.flatten(0, 1), goal.flatten(0, 1), ends.flatten())
    states, (h, c) = [], agent.start(count)
    for part in summary.unflatten(0, (steps, count)):
        h, c = agent.lstm(part, (h, c))
        states.append(h)
    flat = torch.cat(states)
    _, log_prob, entropy = agent.act(cells, flat, actions.flatten(0, 1))
    return tuple(numbers.view(steps, count) for numbers in (log_prob, entropy, agent.value(flat)[:, 0]))


def learn(agent: Agent, adam: torch.optim.Adam, loss: Tensor) -> None:
    adam.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(agent.parameters(), 1.0)
    adam.step()


def train(args: Args, out: Path) -> None:
    torch.manual_seed(args.seed)
    out.mkdir(parents=True, exist_ok=True)
    (out / "args.json").write_text(json.dumps(asdict(args)), encoding="utf-8")
    envs, checked = make(args, args.canvases, args.target), make(args, 256, args.check or args.target)
    agent = Agent(args.channels, args.side, list(envs.single_action_space.nvec[3:]))
    adam = torch.optim.Adam(agent.parameters(), args.rate)
    begun, seconds, batches, curve, due = time.process_time(), 60 * args.minutes, 0, [], 0.0
    acting = stepping = 0.0
    seen, _ = envs.reset(seed=args.seed)
    try:
        clone(args, agent, adam, list(envs.single_action_space.nvec[3:]), 60 * args.clone)
        while (spent := time.process_time() - begun) < seconds:
            if spent >= due:
                due = spent + seconds / 40
                torch.manual_seed(args.seed)  # measured with the same chance each time
                error = float(errors(*paint(checked, by_agent(agent), 1_000_000))[-1])
                torch.manual_seed(args.seed + batches)
                rate = batches * args.canvases * args.actions / max(acting, 1e-9)
                curve.append({"actions": batches * args.canvases * args.actions, "cpu_s": round(spent, 1), "error": error})
                curve[-1] |= {"acting_per_s": round(rate), "share_of_envs": round(stepping / max(acting, 1e-9), 3)}
                (out / "curve.json").write_text(json.dumps(curve), encoding="utf-8")
                torch.save(agent.state_dict(), out / "agent.pt")
                print(curve[-1], flush=True)
            for group in adam.param_groups:
                group["lr"] = args.rate * min(1.0, (batches + 1) / 50) * (1 - spent / seconds)

            # One batch of whole episodes.
            clock = time.process_time()
            target, canvases = floats(seen["target"]), [floats(seen["canvas"])]
            ends, actions, log_probs, values = [torch.zeros(args.canvases, dtype=torch.int64)], [], [], []
            h, c = agent.start(args.canvases)
            with torch.no_grad():
                for _ in range(args.actions):
                    cells, summary = agent.see(canvases[-1], target, ends[-1])
                    h, c = agent.lstm(summary, (h, c))
                    action, log_prob, _ = agent.act(cells, h)
                    before = time.process_time()
                    seen, _, _, _, infos = envs.step(action)
                    stepping += time.process_time() - before
                    canvases.append(floats(infos["final_obs"]["canvas"] if infos else seen["canvas"]))
                    ends.append(action[:, 1])
                    actions.append(action)
                    log_probs.append(log_prob)
                    values.append(agent.value(h)[:, 0])
            acting += time.process_time() - clock

            # The reward of an action is the decrease of the error; advantages by GAE, V = 0 after the last action.
            score = worth(torch.stack(canvases), target, canvases[0])
            rewards, value = score[1:] - score[:-1], torch.stack(values)
            advantage, running = torch.zeros_like(rewards), torch.zeros(args.canvases)
            for step in reversed(range(args.actions)):
                after = value[step + 1] if step + 1 < args.actions else 0.0
                running = rewards[step] + args.gamma * after - value[step] + args.gamma * args.lam * running
                advantage[step] = running
            returns = advantage + value
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
            done, past, where = torch.stack(actions), torch.stack(log_probs), torch.stack(ends[:-1])
            views = torch.stack(canvases[:-1])

            for _ in range(args.epochs):
                for rows in torch.randperm(args.canvases).chunk(args.minibatches):
                    log_prob, entropy, value = replay(agent, views[:, rows], target[rows], where[:, rows], done[:, rows])
                    ratio, gain = (log_prob - past[:, rows]).exp(), advantage[:, rows]
                    surrogate = -torch.minimum(ratio * gain, ratio.clamp(1 - args.clip, 1 + args.clip) * gain).mean()
                    regression = (value - returns[:, rows]).square().mean()
                    learn(agent, adam, surrogate + 0.5 * regression - args.entropy * entropy.mean())
            batches += 1
    except KeyboardInterrupt:
        print(f"stopped after {batches} batches")
    torch.save(agent.state_dict(), out / "agent.pt")


# ---------------------------------------------------------------- the report


def report(out: Path, to: Path) -> None:
    from matplotlib import pyplot

    args = Args(**json.loads((out / "args.json").read_text(encoding="utf-8")))
    curve = json.loads((out / "curve.json").read_text(encoding="utf-8"))
    source, checked = args.check or args.target, make(args, 256, args.check or args.target)
    agent = Agent(args.channels, args.side, list(checked.single_action_space.nvec[3:]))
    agent.load_state_dict(torch.load(out / "agent.pt", weights_only=True))
    torch.manual_seed(args.seed)
    target, painted = paint(checked, by_agent(agent), 1_000_000)
    ways = {
        "random": errors(*paint(checked, by_chance(checked), 1_000_000)),
        f"greedy: the best of {GREEDY} random actions": errors(*greedily(args, source, 32)),
        "PPO": errors(target, painted),
    }
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.4), constrained_layout=True)
    left.plot([row["actions"] / 1e3 for row in curve], [row["error"] for row in curve], color="#b3261e")
    left.set(xlabel="thousand actions", ylabel="error (blank: 1)", title="PPO, while it learns", ylim=(0, None))
    for (name, values), style in zip(ways.items(), (":", "--", "-"), strict=True):
        right.plot(values, style, color="#b3261e" if name == "PPO" else "#555", label=name)
    right.set(
        xlabel="actions", ylim=(0, min(2.0, max(float(values.max()) for values in ways.values()))), title="by number of actions"
    )
    right.legend(frameon=False, fontsize=8)
    figure.savefig(to.with_name(f"{to.stem}_curves.png"), dpi=110)
    shown = [target[:16], *(painted[step][:16] for step in (2, 4, 8, args.actions) if step <= args.actions)]
    rows = torch.stack(shown).expand(-1, -1, 3, -1, -1)  # R 16 3 H W
    big = rows.permute(0, 3, 1, 4, 2).repeat_interleave(2, 1).repeat_interleave(2, 3).flatten(0, 1).flatten(1, 2)
    pyplot.imsave(to.with_suffix(".png"), big.clamp(0, 1).numpy())
    last = curve[-1]
    steps = [step for step in (4, 8, 12, 16, 20) if step <= args.actions]
    lines = [
        f"# PPO on drawgen/Spiral-v0: {args.actions} actions, {'colour' if args.channels == 3 else 'grey'}, brush {args.brush}", "",
        f"`scripts/ppo_spiral.py`, one file: {args.side}x{args.side} pixels, {args.canvases} canvases per batch, seed {args.seed};",
        f"{last['cpu_s'] / 60:.0f} CPU minutes of one thread: {args.clone:g} of cloning random paintings, then PPO,",
        f"{last['actions']:,} actions. With the agent in the loop {last['acting_per_s']:,} actions per second are played",
        f"({last['share_of_envs']:.0%} of the time is the environment's); learning from them comes on top.", "",
        "The squared error as a fraction of a blank canvas's, on 256 pictures (greedy: 32):", "",
        "| painter | " + " | ".join(f"{step} actions" for step in steps) + " |", "| --- |" + " --- |" * len(steps),
        *(f"| {name} | " + " | ".join(f"{float(values[step]):.3f}" for step in steps) + " |" for name, values in ways.items()), "",
        f"![The error while PPO learns, and by number of actions]({to.stem}_curves.png)", "",
        f"![Targets, and the canvases after 2, 4, 8 and {args.actions} actions]({to.stem}.png)",
    ]  # fmt: skip
    to.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the agent and its curve")
    parser.add_argument("--report", type=Path, help="train nothing; write a page (.md) and its pictures")
    for each in fields(Args):
        parser.add_argument(
            f"--{each.name}", type=type(each.default), default=each.default, help=f"(default: {each.default or 'none'})"
        )
    given = vars(parser.parse_args())
    out, to = given.pop("out"), given.pop("report")
    torch.set_num_threads(1)
    if to is not None:
        report(out, to)
    else:
        train(Args(**given), out)


if __name__ == "__main__":
    main()

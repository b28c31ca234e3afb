"""Episodes of painting: what an action means, what is seen, what is rewarded; for N canvases at once.

Axes: N environments, H rows, W columns, C channels, P numbers of a stroke (`brush.COLUMNS`, then its colour).
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.error import InvalidAction, ResetNeeded
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from drawgen_envs.brush import COLUMNS
from drawgen_envs.easel import Easel, MypaintEasel
from drawgen_envs.targets import Targets

Reward: TypeAlias = Callable[[Tensor, Tensor], Any]
"""From the canvases before and after a stroke (N H W C uint8) to N numbers."""

MYPAINT = "mypaint:"


class Episodes:
    """N paintings in progress: the strokes' meaning, what is seen and what is rewarded. `Canvas` tells what the arguments mean."""

    def __init__(
        self,
        count: int,
        *,
        size: int | tuple[int, int] = 64,
        channels: int = 3,
        length: int = 20,
        background: float | Sequence[float] = 1.0,
        radius: tuple[float, float] = (0.008, 0.25),
        brush: str = "bezier",
        reward: Reward | None = None,
        target: Any = None,
        device: str | torch.device = "cpu",
    ) -> None:
        height, width = (size, size) if isinstance(size, int) else size
        if length < 1:
            raise ValueError(f"length is {length}; an episode has at least 1 step")
        if len(radius) != 2 or not 0 < radius[0] <= radius[1] <= 1:
            raise ValueError(f"radius is {radius}; it is the least and the greatest, above 0 and at most 1 (the shorter side)")
        if reward is not None and not callable(reward):
            raise ValueError(f"reward is {reward!r}; it is a function of the canvases before and after a stroke")
        self.check_memory(count, height, width, channels)
        self.count, self.length, self.channels, self.radius, self.reward = count, length, channels, radius, reward
        self.height, self.width, self.brush, self.background = height, width, brush, background
        self.device = torch.device(device)
        self.easel = self.make_easel(count, height, width)
        self.targets = None if target is None else Targets(target, height, width, channels)
        self.steps = np.zeros(count, np.int64)
        self.begun = np.zeros(count, bool)
        self.strokes = torch.zeros(count, length, len(COLUMNS) + channels, device=self.device)
        self.seeds = np.zeros(count, np.int64)
        self.action_space = self.make_action_space()
        self.observation_space = spaces.Dict(self.make_spaces())

    @staticmethod
    def check_memory(count: int, height: int, width: int, channels: int) -> None:
        wanted = count * height * width * channels * 8  # floats, bytes seen, a target and an observation
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 2**40
        if wanted > there:
            raise ValueError(f"{count} canvases of {width}x{height} need {wanted / 2**30:.1f} GiB of memory; take fewer or smaller ones")

    def make_easel(self, count: int, height: int, width: int) -> Easel:
        if self.brush == "bezier":
            return Easel(count, height, width, self.channels, background=self.background, device=self.device)
        if self.brush.startswith(MYPAINT):
            name = self.brush.removeprefix(MYPAINT)
            return MypaintEasel(count, height, width, self.channels, brush=name, background=self.background, device=self.device)
        raise ValueError(f"brush is {self.brush!r}; it is bezier, or {MYPAINT} and the name of one of its brushes")

    # ---------------------------------------------------------------- what an action means

    def make_action_space(self) -> spaces.Space[Any]:
        return spaces.Box(-1, 1, (len(COLUMNS) + self.channels,), np.float32)

    def check(self, actions: Any) -> Tensor:
        """The actions as a tensor on the device. What is on the CPU is checked; on another device, where a look would stall it,
        numbers are brought into the range, and 0 stands for NaN."""
        wanted = (self.count, *self.action_space.shape)  # type: ignore[misc]
        if isinstance(actions, Tensor):
            tensor = actions
        else:
            array = np.asarray(actions)
            if array.dtype.kind not in "fiu":
                raise InvalidAction(f"actions are numbers, not {array.dtype}")
            tensor = torch.from_numpy(np.ascontiguousarray(array))
        if tuple(tensor.shape) != wanted:
            raise InvalidAction(f"actions have the shape {tuple(tensor.shape)}; {wanted} was expected")
        return self.within(tensor)

    def within(self, actions: Tensor) -> Tensor:
        actions = actions.detach().float()
        if actions.device.type == "cpu":
            if not bool((actions.abs() <= 1).all()):
                raise InvalidAction("an action lies outside of [-1, 1] or is not finite; clip it")
        else:
            actions = actions.nan_to_num(0.0).clamp(-1, 1)
        return actions.to(self.device)

    def meaning(self, actions: Tensor) -> Float[Tensor, "N P"]:
        """The strokes that actions stand for."""
        share = (actions + 1) / 2
        least, greatest = self.radius
        radii = least * (greatest / least) ** share[:, 6:8]
        return torch.cat([share[:, :6], radii, share[:, 8:]], 1)

    def lift(self, rows: Bool[np.ndarray, " N"]) -> None:
        """Where an episode begins."""

    # ---------------------------------------------------------------- episodes

    def begin(self, rows: Bool[np.ndarray, " N"], rngs: Sequence[np.random.Generator]) -> None:
        """New episodes in some rows; `rngs` are the generators of all."""
        chosen = np.flatnonzero(rows)
        self.seeds[chosen] = [int(rngs[row].integers(2**30)) for row in chosen]
        if self.targets is not None:
            pictures = [torch.from_numpy(self.targets(rngs[row])) for row in chosen]
            target = self.easel.screen.clone() if self.easel.target is None else self.easel.target.clone()
            target[torch.from_numpy(chosen).to(self.device)] = torch.stack(pictures).to(self.device)
            self.easel.target = target
        self.easel.clear(rows, self.seeds[chosen].tolist())
        self.steps[chosen] = 0
        self.begun |= rows
        self.lift(rows)

    def step(self, actions: Any) -> Tensor:
        """One stroke on each canvas; the rewards (N)."""
        if not self.begun.all():
            raise ResetNeeded("step was called before reset, or after an episode's end without one")
        strokes = self.meaning(self.check(actions))
        self.strokes[torch.arange(self.count, device=self.device), torch.from_numpy(self.steps).to(self.device)] = strokes
        before = self.easel.screen.clone() if self.reward is not None else None
        error = self.easel.error.clone()
        self.easel.lay(strokes)
        self.steps += 1
        if self.reward is not None:
            rewards = torch.as_tensor(self.reward(before, self.easel.screen.clone()), device=self.device).double()
            if tuple(rewards.shape) != (self.count,):
                raise ValueError(f"reward gave the shape {tuple(rewards.shape)}; one number for each of {self.count} canvases is wanted")
            return rewards
        return (error - self.easel.error).double() / (255**2 * self.height * self.width * self.channels)

    def truncated(self) -> Bool[np.ndarray, " N"]:
        return self.steps >= self.length

    # ---------------------------------------------------------------- what is seen

    def make_spaces(self) -> dict[str, spaces.Space[Any]]:
        picture = spaces.Box(0, 255, (self.height, self.width, self.channels), np.uint8)
        number = spaces.Box(0, self.length, (1,), np.int64)
        seen: dict[str, spaces.Space[Any]] = {"canvas": picture, "step": number, "length": number}
        return seen if self.targets is None else seen | {"target": picture}

    def observe(self) -> dict[str, Tensor]:
        """What is seen of all; new tensors."""
        steps = torch.from_numpy(self.steps.copy())[:, None].to(self.device)
        seen = {"canvas": self.easel.screen.clone(), "step": steps, "length": torch.full_like(steps, self.length)}
        if self.easel.target is not None:
            seen["target"] = self.easel.target.clone()
        return seen

    def picture(self, row: int, scale: int) -> UInt8[np.ndarray, "H W C"]:
        """One painting, drawn again `scale` times as large: strokes have no resolution."""
        if scale == 1:
            return self.rgb(self.easel.screen[row])
        easel = Episodes.make_easel(self, 1, self.height * scale, self.width * scale)
        easel.clear(np.ones(1, bool), [int(self.seeds[row])])
        for stroke in self.strokes[row, : self.steps[row]]:
            easel.lay(stroke[None])
        return self.rgb(easel.screen[0])

    @staticmethod
    def rgb(screen: UInt8[Tensor, "H W C"]) -> UInt8[np.ndarray, "H W 3"]:
        return screen.expand(-1, -1, 3).cpu().numpy().copy()

    # ---------------------------------------------------------------- saved and restored

    def state_dict(self) -> dict[str, Any]:
        state = {
            "easel": self.easel.state_dict(),
            "steps": self.steps.copy(),
            "begun": self.begun.copy(),
            "seeds": self.seeds.copy(),
            "strokes": self.strokes.clone(),
        }
        return state if self.easel.target is None else state | {"target": self.easel.target.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state["strokes"].shape != self.strokes.shape:
            raise ValueError(f"a state of {tuple(state['strokes'].shape)} strokes for environments of {tuple(self.strokes.shape)}")
        self.steps, self.begun, self.seeds = state["steps"].copy(), state["begun"].copy(), state["seeds"].copy()
        self.strokes = state["strokes"].clone()
        self.easel.load_state_dict(state["easel"])
        if "target" in state:
            self.easel.aim(state["target"].clone())


class SpiralEpisodes(Episodes):
    """SPIRAL's actions (Ganin et al. 2018): places on a grid, a flag, and choices of pressure, size and colour."""

    def __init__(
        self,
        count: int,
        *,
        grid: int = 32,
        sizes: Sequence[float] = (1 / 64, 2 / 64, 4 / 64, 8 / 64, 12 / 64, 24 / 64),
        pressures: int = 10,
        levels: int = 20,
        **arguments: Any,
    ) -> None:
        for name, value, least in (("grid", grid, 2), ("pressures", pressures, 1), ("levels", levels, 2)):
            if value < least:
                raise ValueError(f"{name} is {value}; it has to be at least {least}")
        if not sizes or not all(0 < size <= 1 for size in sizes):
            raise ValueError(f"sizes are {sizes!r}; they are radii above 0 and at most 1 (the shorter side)")
        self.grid, self.pressures, self.levels = grid, pressures, levels
        channels = arguments.get("channels", 3)
        self.choices = [grid**2, grid**2, 2, pressures, len(sizes)] + [levels] * channels
        super().__init__(count, **arguments)
        self.sizes = torch.tensor(sizes, dtype=torch.float32, device=self.device)
        self.pen = torch.zeros(count, 2, device=self.device)
        self.pressed = torch.zeros(count, device=self.device)
        self.mask = torch.zeros(count, len(self.choices), dtype=torch.int8, device=self.device)
        self.whole = torch.tensor(self.choices, device=self.device)
        self.moving = torch.tensor([0, 1, 1] + [0] * (len(self.choices) - 3), dtype=torch.int8, device=self.device)

    def make_action_space(self) -> spaces.Space[Any]:
        return spaces.MultiDiscrete(self.choices)

    def make_spaces(self) -> dict[str, spaces.Space[Any]]:
        return super().make_spaces() | {"mask": spaces.MultiBinary(len(self.choices))}

    def within(self, actions: Tensor) -> Tensor:
        if actions.is_floating_point():
            raise InvalidAction(f"actions are whole numbers, not {actions.dtype}")
        actions = actions.detach().long()
        if actions.device.type == "cpu":
            if not bool(((actions >= 0) & (actions < torch.tensor(self.choices))).all()):
                raise InvalidAction(f"an action lies outside of 0 to {[c - 1 for c in self.choices]}")
            return actions.to(self.device)
        return torch.minimum(actions.to(self.device).clamp(min=0), self.whole - 1)

    def place(self, cells: Int64[Tensor, " N"]) -> Float[Tensor, "N 2"]:
        """Cell row * grid + column stands for the upper left corner of its share of the canvas, as in SPIRAL."""
        return torch.stack([cells % self.grid, cells // self.grid], 1) / self.grid

    def meaning(self, actions: Tensor) -> Float[Tensor, "N P"]:
        control, end = self.place(actions[:, 0]), self.place(actions[:, 1])
        paints = actions[:, 2:3] == 1
        pressure = (actions[:, 3] + 1) / self.pressures
        radius = self.sizes[actions[:, 4], None] * paints
        colour = actions[:, 5:] / (self.levels - 1)
        strokes = torch.cat([self.pen, control, end, radius, radius, self.pressed[:, None], pressure[:, None], colour], 1)
        self.pen = end
        self.pressed = pressure * paints[:, 0]  # after a move the pen comes down anew
        self.mask = torch.where(paints, torch.ones_like(self.mask), self.moving)
        return strokes

    def lift(self, rows: Bool[np.ndarray, " N"]) -> None:
        where = torch.from_numpy(rows).to(self.device)
        self.pen = torch.where(where[:, None], 0.0, self.pen)
        self.pressed = torch.where(where, 0.0, self.pressed)
        self.mask = torch.where(where[:, None], self.moving, self.mask)

    def observe(self) -> dict[str, Tensor]:
        return super().observe() | {"mask": self.mask.clone()}

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"pen": self.pen.clone(), "pressed": self.pressed.clone(), "mask": self.mask.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.pen, self.pressed, self.mask = (state[name].to(self.device).clone() for name in ("pen", "pressed", "mask"))

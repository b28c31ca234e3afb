"""Episodes of painting: actions, observations and rewards, for N canvases at once.

Axes: N environments, H rows, W columns, C channels, P numbers of a stroke (`brush.COLUMNS`, then its colour).
"""

import difflib
import os
import reprlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.error import InvalidAction, ResetNeeded
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from drawgen_envs.brush import COLUMNS
from drawgen_envs.easel import LEVELS, BezierEasel, Easel, MypaintEasel
from drawgen_envs.targets import SoftEdges, Targets

Reward: TypeAlias = Callable[[Tensor, Tensor], Any]
"""From the canvases before and after a stroke (N H W C uint8) to N numbers."""

MYPAINT = "mypaint:"
LARGEST_PX = 8192
COMMON = ("size", "channels", "length", "background", "brush")


# ---------------------------------------------------------------- what a person hands in


def whole(name: str, value: Any, least: int, most: int = 2**31 - 1) -> int:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer) or not least <= value <= most:
        raise ValueError(f"{name} is {reprlib.repr(value)}; it is a whole number from {least} to {most}")
    return int(value)


def within(value: Any, least: float, most: float) -> bool:
    """Whether it is a number in that range; NaN is not."""
    numeric = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return numeric and bool(least <= value <= most)


def sides(size: Any) -> tuple[int, int]:
    """Height and width."""
    pair = size if isinstance(size, Sequence) and not isinstance(size, str) else (size, size)
    if len(pair) != 2:
        raise ValueError(f"size is {reprlib.repr(size)}; it is the pixels of a side, or (height, width)")
    return whole("size", pair[0], 1, LARGEST_PX), whole("size", pair[1], 1, LARGEST_PX)


def colour(background: Any, channels: int) -> list[float]:
    parts = [background] * channels if np.isscalar(background) else background
    if not isinstance(parts, Iterable) or len(values := list(parts)) != channels or not all(within(v, 0, 1) for v in values):
        raise ValueError(f"background is {reprlib.repr(background)}; it is one number or {channels}, from 0 (black) to 1")
    return [float(value) for value in values]


def usable(device: Any) -> torch.device:
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, TypeError) as error:  # torch's ways of saying so
        words = str(error).splitlines()[0]
        raise ValueError(f"device {reprlib.repr(device)} cannot be used: {words}") from error


def memory(device: torch.device) -> int:
    """The device's memory in bytes, as far as it is known."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows; a system that does not count its pages
        return 2**40


# ---------------------------------------------------------------- episodes


class Episodes:
    """N paintings in progress: the meaning of actions, the observations and the rewards.

    `Canvas` documents the arguments; an invalid one raises a ValueError of one sentence. The number of steps of each painting is
    known on the host (`steps`) and on the device (`at`), so that no step synchronises with the device.
    """

    takes: ClassVar[tuple[str, ...]] = (*COMMON, "radius", "reward")
    """Names of the arguments, of the environment as of the vector."""
    action_kinds: ClassVar[str] = "fiu"
    """numpy's letters for the numbers that actions may be of."""

    def __init__(
        self,
        count: int,
        *,
        size: Any = 64,
        channels: Any = 3,
        length: Any = 20,
        background: Any = 1.0,
        brush: Any = "bezier",
        radius: Any = (0.008, 0.25),
        reward: Any = None,
        target: Any = None,
        device: Any = "cpu",
    ) -> None:
        self.height, self.width = sides(size)
        if isinstance(channels, bool) or not isinstance(channels, int | np.integer) or channels not in (1, 3):
            raise ValueError(f"channels is {reprlib.repr(channels)}; it is 1 (grey) or 3 (red, green, blue)")
        self.count, self.channels, self.length = count, int(channels), whole("length", length, 1)
        pair = list(radius) if isinstance(radius, Iterable) else []
        if len(pair) != 2 or not all(within(value, 1e-6, 1) for value in pair) or pair[0] > pair[1]:
            words = "it is the least and the greatest, above 0 and at most 1 (the shorter side)"
            raise ValueError(f"radius is {reprlib.repr(radius)}; {words}")
        if reward is not None and not callable(reward):
            raise ValueError(f"reward is {reprlib.repr(reward)}; it is a function of the canvases before and after a stroke")
        self.radius, self.brush, self.background = pair, brush, colour(background, self.channels)
        self.reward: Reward | None = reward
        self.device = usable(device)
        self.check_memory()
        self.easel = self.make_easel(count, self.height, self.width)
        self.targets = None if target is None else Targets(target, self.height, self.width, self.channels)
        self.rows = torch.arange(count, device=self.device)
        self.at = torch.zeros(count, dtype=torch.int64, device=self.device)
        self.limit = self.length  # less where a client cuts episodes short
        self.steps = np.zeros(count, np.int64)
        self.begun = np.zeros(count, bool)
        self.seeds = np.zeros(count, np.int64)
        self.strokes = torch.zeros(count, self.length, len(COLUMNS) + self.channels, device=self.device)
        self.action_space = self.make_action_space()
        self.observation_space = spaces.Dict(self.make_spaces())

    def check_memory(self) -> None:
        picture = self.height * self.width * (8 * self.channels + (8 if self.brush != "bezier" else 0))
        wanted = self.count * (picture + 4 * self.length * (len(COLUMNS) + self.channels))
        if wanted > memory(self.device):
            words = f"{self.count} canvases of {self.width}x{self.height} and {self.length} strokes"
            raise ValueError(f"{words} need {wanted / 2**30:.1f} GiB of memory, more than there is; take fewer or smaller ones")

    def make_easel(self, count: int, height: int, width: int) -> Easel:
        if self.brush == "bezier":
            return BezierEasel(count, height, width, background=self.background, device=self.device)
        if isinstance(self.brush, str) and self.brush.startswith(MYPAINT):
            name = self.brush.removeprefix(MYPAINT)
            return MypaintEasel(count, height, width, brush_name=name, background=self.background, device=self.device)
        raise ValueError(f"brush is {reprlib.repr(self.brush)}; it is bezier, or {MYPAINT} and the name of one of its brushes")

    def send(self, array: np.ndarray) -> Tensor:
        """Copies to the device without synchronising."""
        tensor = torch.from_numpy(array)
        return tensor if self.device.type == "cpu" else tensor.pin_memory().to(self.device, non_blocking=True)

    # ---------------------------------------------------------------- what an action means

    def make_action_space(self) -> spaces.Space[Any]:
        return spaces.Box(-1, 1, (len(COLUMNS) + self.channels,), np.float32)

    def check(self, actions: Any, resting: Tensor | None = None) -> Tensor:
        """The actions as numbers of the action space, on the device. Actions from the CPU are checked. Actions on another device,
        where a check would synchronise, are clipped to the range, and NaN becomes 0. Actions of `resting` rows (N bool) count as 0.
        Raises InvalidAction."""
        if not isinstance(actions, Tensor):
            try:
                array = np.asarray(actions)
            except (TypeError, ValueError) as error:
                raise InvalidAction(f"actions are no array of numbers: {error}") from error
            if array.dtype.kind not in self.action_kinds:
                raise InvalidAction(f"actions of {array.dtype}; the action space is of {self.action_space.dtype}")
            actions = torch.from_numpy(array.astype(self.action_space.dtype))
        kind = "f" if actions.is_floating_point() else "b" if actions.dtype == torch.bool else "c" if actions.is_complex() else "i"
        if kind not in self.action_kinds:
            raise InvalidAction(f"actions of {actions.dtype}; the action space is of {self.action_space.dtype}")
        wanted = (self.count, *self.action_space.shape)  # type: ignore[misc]
        if tuple(actions.shape) != wanted:
            raise InvalidAction(f"actions of the shape {tuple(actions.shape)} where {wanted} is expected")
        if self.device.type == "cpu":
            actions = actions.cpu()
        actions = actions.detach()
        if resting is not None:
            actions = torch.where(resting.to(actions.device, non_blocking=True)[:, None], torch.zeros_like(actions), actions)
        return self.in_range(actions)

    def in_range(self, actions: Tensor) -> Tensor:
        actions = actions.float()
        if actions.device.type != "cpu":
            return actions.nan_to_num(0.0).clamp(-1, 1)
        if not bool(torch.all(actions.abs() <= 1)):
            raise InvalidAction("an action is outside of [-1, 1] or is not finite; clip it")
        return actions.to(self.device, non_blocking=True)

    def meaning(self, actions: Tensor) -> Float[Tensor, "N P"]:
        """The strokes of actions."""
        strokes = (actions + 1) / 2
        least, greatest = self.radius
        # in double precision: a power in single precision differs by its last bit between torch's ways through memory
        strokes[:, 6:8] = least * (greatest / least) ** strokes[:, 6:8].double()
        return strokes

    # ---------------------------------------------------------------- episodes

    def begin(self, rows: Int64[np.ndarray, " M"], rngs: Sequence[np.random.Generator]) -> None:
        """Starts new episodes in some rows; `rngs` are the generators of all rows."""
        self.seeds[rows] = [rngs[row].integers(2**30) for row in rows]
        where = self.send(rows)
        target = None if self.targets is None else self.send(np.stack([self.targets(rngs[row]) for row in rows]))
        self.easel.clear(where, self.seeds[rows].tolist(), target)
        self.steps[rows] = 0
        self.begun[rows] = True
        self.at[where] = 0
        self.lift(where)

    def lift(self, rows: Int64[Tensor, " M"]) -> None:
        """Further work at the start of an episode."""

    def step(self, actions: Any, *, resting: Bool[np.ndarray, " N"] | None = None) -> Tensor:
        """Paints one stroke on each canvas, and returns the rewards (N, float64). `resting` rows, whose episodes have ended, get
        neither a stroke nor a reward; their next episodes have to begin next. Raises ResetNeeded or InvalidAction before anything
        changes."""
        over, rests = self.truncated(), None
        if resting is not None and resting.any():
            over, rests = over & ~resting, self.send(resting)
        if not self.begun.all() or over.any():
            raise ResetNeeded("step was called before reset, or after an episode's end without one")
        strokes = self.meaning(self.check(actions, rests))
        if rests is not None:
            strokes[:, 6:8] = torch.where(rests[:, None], 0.0, strokes[:, 6:8])  # no radius, no stroke
        self.strokes[self.rows, self.at.clamp(max=self.length - 1)] = strokes
        before = self.easel.screen.clone() if self.reward is not None else None
        error = self.easel.error.clone()
        self.easel.lay(strokes)
        self.steps += 1
        self.at += 1
        if self.reward is None:
            return (error - self.easel.error).double() / (LEVELS**2 * self.height * self.width * self.channels)
        rewards = torch.as_tensor(self.reward(before, self.easel.screen.clone()), device=self.device).double()  # type: ignore[arg-type]
        if tuple(rewards.shape) != (self.count,):
            raise ValueError(f"reward gave the shape {tuple(rewards.shape)}; it is one number for each of {self.count} canvases")
        return (rewards if rests is None else torch.where(rests, 0.0, rewards)).detach()

    def truncated(self) -> Bool[np.ndarray, " N"]:
        return self.steps >= self.limit

    # ---------------------------------------------------------------- what is seen

    def make_spaces(self) -> dict[str, spaces.Space[Any]]:
        picture = spaces.Box(0, LEVELS, (self.height, self.width, self.channels), np.uint8)
        number = spaces.Box(0, self.length, (1,), np.int64)
        seen: dict[str, spaces.Space[Any]] = {"canvas": picture, "step": number, "length": number}
        return seen if self.targets is None else seen | {"target": picture}

    def observe(self) -> dict[str, Tensor]:
        """The observations of all rows; new tensors."""
        steps = self.at[:, None].clone()
        seen = {"canvas": self.easel.screen.clone(), "step": steps, "length": torch.full_like(steps, self.limit)}
        if self.easel.target is not None:
            seen["target"] = self.easel.target.clone()
        return seen

    def picture(self, row: int, scale: int) -> UInt8[np.ndarray, "H W 3"]:
        """One painting, rendered `scale` times as large: strokes have no resolution."""
        screen = self.easel.screen[row]
        if scale > 1:
            easel = self.make_easel(1, self.height * scale, self.width * scale)
            easel.clear(torch.zeros(1, dtype=torch.int64, device=self.device), [int(self.seeds[row])])
            for stroke in self.strokes[row, : self.steps[row], None]:
                easel.lay(stroke)
            screen = easel.screen[0]
        return screen.expand(-1, -1, 3).cpu().numpy().copy()

    # ---------------------------------------------------------------- saved and restored

    def state_dict(self) -> dict[str, Any]:
        """The state, in tensors, numbers and strings only, so that `torch.load(weights_only=True)` reads it."""
        state = {name: torch.tensor(getattr(self, name)) for name in ("steps", "begun", "seeds")}
        target = self.easel.target
        rest = {"strokes": self.strokes.clone(), "easel": self.easel.state_dict()}
        return state | rest | ({} if target is None else {"target": target.clone()})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores `state`, of environments with the same arguments. Raises ValueError for others."""
        own = self.state_dict()
        missing = set(own) - set(state) - {"target"}  # there is none before the first reset
        if missing or tuple(state["strokes"].shape) != tuple(self.strokes.shape) or set(state["easel"]) != set(own["easel"]):
            raise ValueError("this state was taken from an environment of other arguments")
        if ("target" in state) != (self.targets is not None and bool(state["begun"].any())):
            raise ValueError("this state was taken from an environment with another kind of target")
        canvas = state["easel"].get("canvas")
        if canvas is not None and canvas.shape[1:] != (self.channels, self.height, self.width):
            raise ValueError(f"this state's canvases are {canvas.shape[3]}x{canvas.shape[2]}, these {self.width}x{self.height}")
        self.steps, self.begun, self.seeds = (state[name].numpy().copy() for name in ("steps", "begun", "seeds"))
        self.at = self.send(self.steps.copy())
        self.strokes = state["strokes"].to(self.device).clone()
        self.easel.load_state_dict(state["easel"])
        self.easel.aim(state.get("target"))


class ReconstructEpisodes(Episodes):
    """Against a target, always."""

    takes = (*COMMON, "radius", "target")

    def __init__(self, count: int, *, target: Any = None, **arguments: Any) -> None:
        if target is None:
            target = SoftEdges(*sides(arguments.get("size", 64)), 1 if arguments.get("channels", 3) == 1 else 3)
        super().__init__(count, target=target, **arguments)


class UnknownArgument(TypeError, ValueError):
    """An unknown argument of an environment. It is a TypeError too, as in Python, because clients that probe an environment's
    arguments (TorchRL's `frame_skip`) test for that error and its message."""


def check_names(arguments: dict[str, Any], takes: Sequence[str], environment: str) -> None:
    """Raises UnknownArgument for an unknown argument of an environment."""
    for name in arguments:
        if name not in takes:
            near = difflib.get_close_matches(name, takes, 1)
            hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(takes)}"
            raise UnknownArgument(f"{environment} got an unexpected keyword argument {name!r}; {hint}")


def check_options(options: Any, takes: Sequence[str]) -> dict[str, Any]:
    """Checks the options of `reset`. Raises ValueError for unknown ones."""
    if not isinstance(options, dict | None):
        raise ValueError(f"options is {reprlib.repr(options)}; it is a dictionary or None")
    for name in options or {}:
        if name not in takes:
            raise ValueError(f"reset takes no option {name!r}; it takes {' and '.join(takes) or 'none but a seed'}")
    return options or {}

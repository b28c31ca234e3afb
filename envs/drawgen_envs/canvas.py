"""The gymnasium environments `Canvas`, `Reconstruct` and `Spiral`, each single and vectorised.

Both are thin layers over `episodes.Episodes`, which handles N canvases at once; a single environment has N = 1.
"""

import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, ClassVar

import gymnasium
import numpy as np
import torch
from gymnasium.logger import warn
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers import TimeLimit
from torch import Tensor

from drawgen_envs.episodes import LARGEST_PX, Episodes, ReconstructEpisodes, check_names, check_options, whole
from drawgen_envs.spiral import SpiralEpisodes
from drawgen_envs.window import Window

RENDER_FPS = 10
OF_VECTORS = ("num_envs", "device", "tensors", "autoreset_mode", "max_episode_steps", "render_mode", "render_scale")


class Painting(gymnasium.Env[Any, Any]):
    """One painting: `Episodes` as a gymnasium environment."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["human", "rgb_array"], "render_fps": RENDER_FPS}
    episodes: ClassVar[type[Episodes]] = Episodes

    def __init__(self, *, render_mode: Any = None, render_scale: Any = 1, **arguments: Any) -> None:
        check_names(arguments, (*self.episodes.takes, "render_mode", "render_scale"), type(self).__name__)
        self.painting = self.episodes(1, **arguments)
        self.render_mode, self.render_scale = check_render(render_mode, render_scale, self.metadata, self.painting)
        self.action_space, self.observation_space = self.painting.action_space, self.painting.observation_space
        self.window: Window | None = None

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        check_options(options, ())
        super().reset(seed=seed)
        self.painting.limit = min(self.painting.length, time_limit(self) or self.painting.length)
        self.painting.begin(np.zeros(1, np.int64), [self.np_random])
        self.show()
        return self.observe(), {}

    def step(self, action: Any) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        reward = self.painting.step(action[None] if isinstance(action, np.ndarray | Tensor) else [action])
        self.show()
        return self.observe(), float(reward[0]), False, bool(self.painting.truncated()[0]), {}

    def observe(self) -> dict[str, np.ndarray]:
        return {name: value[0].numpy() for name, value in self.painting.observe().items()}

    @property
    def strokes(self) -> np.ndarray:
        """The episode's strokes so far (steps, P), in the columns of `brush.COLUMNS` and then the colour."""
        return self.painting.strokes[0, : self.painting.steps[0]].numpy().copy()

    def render(self) -> np.ndarray | None:  # type: ignore[override]
        if self.render_mode is None:
            warn("render was called of an environment that was made without render_mode; make it with render_mode='rgb_array'")
        return self.painting.picture(0, self.render_scale) if self.render_mode == "rgb_array" else None

    def show(self) -> None:
        """Updates the window, if there is one."""
        if self.render_mode == "human":
            self.window = self.window or Window(RENDER_FPS)
            self.window.show(self.painting.picture(0, self.render_scale))

    def close(self) -> None:
        if self.window is not None:
            self.window.close()
            self.window = None

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copy: without the window."""
        return self.__dict__ | {"window": None}

    def state_dict(self) -> dict[str, Any]:
        """The whole state, including the generator's; `torch.save` writes it, `torch.load(weights_only=True)` reads it."""
        return self.painting.state_dict() | {"rngs": [self.np_random.bit_generator.state]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a state exactly. Raises ValueError for the state of an environment with other arguments."""
        self.painting.load_state_dict(state)
        restore([self.np_random], state)


class PaintingVector(VectorEnv[Any, Any, Any]):
    """Many paintings at once on one device: `Episodes` as a gymnasium vector environment.

    Takes the environment's arguments and `num_envs`, `device`, and `tensors`. With `tensors=True` observations, rewards (float32)
    and ends are torch tensors on the device, otherwise numpy arrays; actions may be either. Row i, reset with seed s, is the single
    environment with seed s + i. No step synchronises with the device.

    `autoreset_mode` is gymnasium's, a member of `AutoresetMode` or its value:

    - SAME_STEP: when an episode ends, the next one begins in the same step. `infos["final_obs"]` then has the final observations:
      an array of dictionaries, as in gymnasium, or with `tensors` one dictionary of all rows. `infos["_final_obs"]` marks the rows
      that count.
    - NEXT_STEP: the observation is the final one of its episode; the following step begins the next episode in that row, ignores
      the action and has a reward of 0.
    - DISABLED: rows that ended have to be reset by `options={"reset_mask": ...}`.

    `max_episode_steps`, which gymnasium's `make_vec` passes on, is another name of `length`; the smaller of the two applies.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": ["rgb_array"],
        "render_fps": RENDER_FPS,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }
    episodes: ClassVar[type[Episodes]] = Episodes

    def __init__(
        self,
        num_envs: Any = 1,
        *,
        device: Any = "cpu",
        tensors: bool = False,
        autoreset_mode: Any = AutoresetMode.SAME_STEP,
        max_episode_steps: Any = None,
        render_mode: Any = None,
        render_scale: Any = 1,
        **arguments: Any,
    ) -> None:
        check_names(arguments, (*self.episodes.takes, *OF_VECTORS), type(self).__name__)
        if max_episode_steps not in (None, -1):  # -1 is gymnasium's word for no limit
            most = whole("max_episode_steps", max_episode_steps, 1)
            arguments["length"] = min(whole("length", arguments.get("length", most), 1), most)
        try:
            self.autoreset_mode = AutoresetMode(autoreset_mode)
        except ValueError as error:
            modes = ", ".join(f"{mode.name} ({mode.value!r})" for mode in AutoresetMode)
            raise ValueError(f"autoreset_mode is {autoreset_mode!r}; gymnasium's AutoresetMode has {modes}") from error
        self.metadata = type(self).metadata | {"autoreset_mode": self.autoreset_mode}
        self.num_envs, self.tensors = whole("num_envs", num_envs, 1), bool(tensors)
        self.paintings = self.episodes(self.num_envs, device=device, **arguments)
        self.render_mode, self.render_scale = check_render(render_mode, render_scale, self.metadata, self.paintings)
        self.single_action_space, self.single_observation_space = self.paintings.action_space, self.paintings.observation_space
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.rngs = [seeding.np_random(None)[0] for _ in range(self.num_envs)]

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Resets all rows, or those where the bools `options["reset_mask"]` are true. A seed s gives row i the seed s + i."""
        mask = np.asarray(check_options(options, ("reset_mask",)).get("reset_mask", np.ones(self.num_envs, bool)))
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise ValueError(f"options['reset_mask'] is an array of {self.num_envs} bools, at least one of them True")
        rows = np.flatnonzero(mask)
        if isinstance(seed, int | np.integer):
            super().reset(seed=int(seed))
        seeds = [int(seed) + i for i in range(self.num_envs)] if isinstance(seed, int | np.integer) else seed
        if seeds is not None and len(seeds) != self.num_envs:
            raise ValueError(f"{len(seeds)} seeds for {self.num_envs} environments")
        for row in rows if seeds is not None else ():
            if seeds[row] is not None:
                self.rngs[row] = seeding.np_random(int(seeds[row]))[0]
        self.paintings.begin(rows, self.rngs)
        return self.give(self.paintings.observe()), {}

    def step(self, actions: Any) -> tuple[dict[str, Any], Any, Any, Any, dict[str, Any]]:
        resting = self.paintings.truncated() & (self.autoreset_mode == AutoresetMode.NEXT_STEP)
        rewards = self.paintings.step(actions, resting=resting)
        if resting.any():
            self.paintings.begin(np.flatnonzero(resting), self.rngs)
        seen = self.give(self.paintings.observe())
        ended = self.paintings.truncated()
        truncated = self.paintings.at >= self.paintings.limit
        infos: dict[str, Any] = {}
        if ended.any() and self.autoreset_mode == AutoresetMode.SAME_STEP:
            infos = {"final_obs": self.finals(seen, ended), "_final_obs": ended, "final_info": {}, "_final_info": ended.copy()}
            self.paintings.begin(np.flatnonzero(ended), self.rngs)
            seen = self.give(self.paintings.observe())
        if self.tensors:
            return seen, rewards.float(), torch.zeros_like(truncated), truncated, infos
        return seen, rewards.cpu().numpy(), np.zeros_like(ended), ended.copy(), infos

    def give(self, seen: dict[str, Tensor]) -> dict[str, Any]:
        return {**seen} if self.tensors else {name: value.cpu().numpy() for name, value in seen.items()}

    def finals(self, seen: dict[str, Any], ended: np.ndarray) -> Any:
        if self.tensors:
            return seen
        finals = np.full(self.num_envs, None, dtype=object)
        for row in np.flatnonzero(ended):
            finals[row] = {name: value[row] for name, value in seen.items()}
        return finals

    def render(self) -> tuple[np.ndarray, ...] | None:  # type: ignore[override]
        if self.render_mode is None:
            warn("render was called of environments that were made without render_mode; make them with render_mode='rgb_array'")
            return None
        return tuple(self.paintings.picture(row, self.render_scale) for row in range(self.num_envs))

    def state_dict(self) -> dict[str, Any]:
        """The whole state, including the generators'; `torch.save` writes it, `torch.load(weights_only=True)` reads it."""
        return self.paintings.state_dict() | {"rngs": [rng.bit_generator.state for rng in self.rngs]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a state exactly. Raises ValueError for the state of environments with other arguments."""
        self.paintings.load_state_dict(state)
        restore(self.rngs, state)


def time_limit(env: gymnasium.Env[Any, Any]) -> int | None:
    """The number of steps after which gymnasium's TimeLimit truncates this environment's episodes; None without one.
    `make(max_episode_steps=)` wraps the environment without passing the number on, so it is found among the callers of `reset`."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, TimeLimit) and caller.unwrapped is env:
            return caller._max_episode_steps
        frame = frame.f_back
    return None


def restore(rngs: Sequence[np.random.Generator], state: dict[str, Any]) -> None:
    for rng, saved in zip(rngs, state["rngs"], strict=True):
        rng.bit_generator.state = saved


def check_render(mode: Any, scale: Any, metadata: dict[str, Any], painting: Episodes) -> tuple[str | None, int]:
    """Checks the arguments of `render`. Raises ValueError."""
    modes = metadata["render_modes"]
    if mode is not None and mode not in modes:
        raise ValueError(f"render_mode is {mode!r}; it is {' or '.join(modes)}, or None")
    return mode, whole("render_scale", scale, 1, LARGEST_PX // max(painting.height, painting.width))


# ---------------------------------------------------------------- the environments


class Canvas(Painting):
    """A blank canvas and one stroke per step, with a reward of your own.

    ## Action Space

    `Box(-1, 1, (10 + channels,), float32)`: a quadratic Bezier curve, swept by a disc of changing radius and opacity.

    | Num | What | -1 | 1 |
    | --- | --- | --- | --- |
    | 0, 1 | start: x, y | left, top | right, bottom |
    | 2, 3 | control point: x, y | left, top | right, bottom |
    | 4, 5 | end: x, y | left, top | right, bottom |
    | 6, 7 | radius at start and end, as a fraction of the shorter side, on a logarithmic scale | `radius[0]` | `radius[1]` |
    | 8, 9 | opacity at start and end | none | full |
    | 10 ... | red, green, blue, or grey | dark | bright |

    ## Observation Space

    A dictionary: `canvas`, uint8 (height, width, channels); `step` and `length`, the strokes so far and per episode, int64 (1,).

    ## Rewards

    0, or the value of the function `reward`.

    ## Starting State

    A canvas in the colour `background`.

    ## Episode End

    Truncated after `length` strokes; never terminated.

    ## Arguments

    - `size`: pixels per side, or (height, width). Strokes have no resolution: an action is the same drawing at any size. (64)
    - `channels`: 3 for colour, 1 for grey. (3)
    - `length`: strokes per episode. (20)
    - `background`: one number, or one per channel, in [0, 1]. (1.0, white)
    - `radius`: smallest and largest radius, as fractions of the shorter side. ((0.008, 0.25))
    - `brush`: `bezier`, or `mypaint:NAME` for a brush of libmypaint, if it is installed, such as `mypaint:classic/dry_brush`.
      Opacity is then the pen's pressure, and a stroke has the mean of its two radii.
    - `reward`: a function of the canvases before and after the stroke, uint8 tensors (N, height, width, channels), that returns N
      numbers. A single environment calls it with N = 1.
    - `render_mode`: `rgb_array`, or `human` for a window. `render_scale`: factor by which it is rendered larger, without blur. (1)

    The vector environment takes `num_envs`, `device` ("cpu", "cuda"), `tensors` (False: numpy arrays) and `autoreset_mode`
    ("SameStep", "NextStep", "Disabled") as well. gymnasium's own `max_episode_steps` shortens `length`.

    ```python
    import gymnasium
    env = gymnasium.make("drawgen_envs:drawgen/Canvas-v0", render_mode="rgb_array", render_scale=8)
    envs = gymnasium.make_vec("drawgen_envs:drawgen/Canvas-v0", num_envs=64, device="cpu", tensors=True)
    ```

    ## Version History

    - v0: the first
    """


class CanvasVector(PaintingVector):
    __doc__ = Canvas.__doc__


class Reconstruct(Painting):
    """A canvas and a target picture to paint.

    ## Action Space

    `Box(-1, 1, (10 + channels,), float32)`: a stroke, as in `drawgen/Canvas-v0`: start, control point and end (x, y from left and
    top, -1, to right and bottom, 1), two radii, two opacities, colour.

    ## Observation Space

    A dictionary: `canvas` and `target`, uint8 (height, width, channels); `step` and `length`, int64 (1,).

    ## Rewards

    The decrease of the mean squared error between canvas and target, both in [0, 1], by the stroke. The rewards of an episode sum
    exactly to the error of the blank canvas minus that of the painting: they are integers in squared levels.

    ## Starting State

    A canvas in the colour `background`, and a target drawn by the environment's own generator.

    ## Episode End

    Truncated after `length` strokes; never terminated.

    ## Arguments

    - `target`: a picture file, a folder of pictures (a random one per episode), a PIL image, an array (height, width, channels) of
      uint8 or of floats in [0, 1], or a function of a numpy generator that returns such an array. Pictures are fitted to the
      canvas; arrays must have its size. By default, two random colours with a soft edge between them.
    - all of `drawgen/Canvas-v0`'s arguments except `reward`.

    ```python
    import gymnasium
    env = gymnasium.make("drawgen_envs:drawgen/Reconstruct-v0", target="photos/", length=50)
    ```

    ## Version History

    - v0: the first
    """

    episodes = ReconstructEpisodes


class ReconstructVector(PaintingVector):
    __doc__ = Reconstruct.__doc__
    episodes = ReconstructEpisodes


class Spiral(Painting):
    """SPIRAL's environment (Ganin et al. 2018, "Synthesizing Programs for Images using Reinforced Adversarial Learning").

    ## Action Space

    `MultiDiscrete`: control point, end point, flag, pressure, size, red, green, blue (for grey canvases one level).

    | Num | What | Values |
    | --- | --- | --- |
    | 0 | control point: row * grid + column | grid^2; a cell stands for its upper left corner |
    | 1 | end point, in the same way | grid^2 |
    | 2 | flag: 0 moves the pen, 1 paints | 2 |
    | 3 | pressure at the end, 1 / pressures to 1 | `pressures` |
    | 4 | size: which of `sizes` | len(sizes) |
    | 5, 6, 7 | red, green, blue, 0 to 1 | `levels` each |

    A stroke starts where the last action ended. After another stroke it continues from that stroke's pressure, without a lift.
    After a move, and at the start of an episode, it has its own pressure from its beginning, because SPIRAL presses the pen down
    first. Pressure is opacity; in libmypaint the brush file decides its effect.

    ## Observation Space

    A dictionary: `canvas`, uint8 (height, width, channels); `step` and `length`, int64 (1,); `mask`, int8, which components of the
    last action counted (a move uses end and flag alone); with a target, `target` as well.

    ## Rewards

    0; the value of the function `reward`; or with a `target` the decrease of the mean squared error, as in
    `drawgen/Reconstruct-v0`.

    ## Starting State

    A canvas in the colour `background`; the pen, lifted, in the upper left corner; the mask of a move.

    ## Episode End

    Truncated after `length` actions; never terminated.

    ## Arguments

    - `grid`: cells per side. (32)
    - `sizes`: radii, as fractions of the shorter side. (1, 2, 4, 8, 12, 24 pixels of 64)
    - `pressures`, `levels`: their numbers. (10, 20)
    - `target`: as in `drawgen/Reconstruct-v0`; `reward`, `size`, `channels`, `length`, `background`, `brush`: as in
      `drawgen/Canvas-v0`. With `brush="mypaint:classic/dry_brush"`, if libmypaint is installed, it paints as in the paper.

    ```python
    import gymnasium
    env = gymnasium.make("drawgen_envs:drawgen/Spiral-v0", target="digit.png", channels=1)
    ```

    ## Version History

    - v0: the first. After a move the original records a wrong start for the next stroke; this one does not.
    """

    episodes = SpiralEpisodes


class SpiralVector(PaintingVector):
    __doc__ = Spiral.__doc__
    episodes = SpiralEpisodes

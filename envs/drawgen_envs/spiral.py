"""SPIRAL's actions (Ganin et al. 2018): their strokes, and the actions nearest to given strokes.

Axes: N environments, P numbers of a stroke (`brush.COLUMNS`, then its colour), A components of an action, T strokes, U actions.
"""

import reprlib
from collections.abc import Iterable
from typing import Any

import torch
from gymnasium import spaces
from gymnasium.error import InvalidAction
from jaxtyping import Float, Int64
from torch import Tensor

from drawgen_envs.brush import COLUMNS
from drawgen_envs.episodes import COMMON, Episodes, whole, within


class SpiralEpisodes(Episodes):
    """SPIRAL's actions (Ganin et al. 2018): positions on a grid, a flag, and choices of pressure, size and colour."""

    takes = (*COMMON, "grid", "sizes", "pressures", "levels", "target", "reward")
    action_kinds = "iu"

    def __init__(
        self,
        count: int,
        *,
        grid: Any = 32,
        sizes: Any = (1 / 64, 2 / 64, 4 / 64, 8 / 64, 12 / 64, 24 / 64),
        pressures: Any = 10,
        levels: Any = 20,
        **arguments: Any,
    ) -> None:
        self.grid, self.pressures = whole("grid", grid, 2, 1024), whole("pressures", pressures, 1, 10_000)
        self.levels = whole("levels", levels, 2, 10_000)
        radii = list(sizes) if isinstance(sizes, Iterable) else []
        if not radii or not all(within(size, 1e-6, 1) for size in radii):
            raise ValueError(f"sizes is {reprlib.repr(sizes)}; they are radii above 0 and at most 1 (the shorter side)")
        self.choices = [grid**2, grid**2, 2, pressures, len(radii)] + [levels] * (1 if arguments.get("channels", 3) == 1 else 3)
        super().__init__(count, **arguments)
        self.highest = torch.tensor(self.choices) - 1
        cells = torch.arange(grid**2, device=self.device)
        self.places = torch.stack([cells % grid, cells // grid], 1) / grid  # x, y of a cell's upper left corner, as in SPIRAL
        self.sizes = torch.tensor(radii, dtype=torch.float32, device=self.device)
        self.moving = torch.tensor([0, 1, 1] + [0] * (len(self.choices) - 3), dtype=torch.int8, device=self.device)
        self.pen = torch.zeros(count, 2, device=self.device)  # x, y
        self.pressed = torch.zeros(count, device=self.device)  # 0: lifted
        self.mask = self.moving.repeat(count, 1)
        self.most = self.highest.to(self.device)

    def make_action_space(self) -> spaces.Space[Any]:
        return spaces.MultiDiscrete(self.choices)

    def make_spaces(self) -> dict[str, spaces.Space[Any]]:
        return super().make_spaces() | {"mask": spaces.MultiBinary(len(self.choices))}

    def in_range(self, actions: Tensor) -> Tensor:
        actions = actions.long()
        if actions.device.type != "cpu":
            return torch.minimum(actions.clamp(min=0), self.most)
        if not bool(torch.all((actions >= 0) & (actions <= self.highest))):
            raise InvalidAction(f"an action is outside of 0 to {self.highest.tolist()}")
        return actions.to(self.device, non_blocking=True)

    def meaning(self, actions: Tensor) -> Float[Tensor, "N P"]:
        control, end = self.places[actions[:, :2]].unbind(1)
        paints = actions[:, 2] == 1
        pressure = (actions[:, 3] + 1) / self.pressures
        first = torch.where(self.pressed > 0, self.pressed, pressure)  # after a move the pen comes down with the stroke's own
        radius = self.sizes[actions[:, 4]] * paints
        numbers = torch.stack([radius, radius, first, pressure], 1)
        strokes = torch.cat([self.pen, control, end, numbers, actions[:, 5:] / (self.levels - 1)], 1)
        self.pen, self.pressed = end, pressure * paints
        self.mask = torch.where(paints[:, None], 1, self.moving)
        return strokes

    def actions_for(self, strokes: Float[Tensor, "T N P"]) -> Int64[Tensor, "U N A"]:
        """The inverse of `meaning`: the U = 2 T actions whose strokes are nearest to these. Each stroke becomes a move to its start
        and an action that paints; for a stroke of radius 0, the second is a move too.

        Strokes of these episodes give their own actions back, except for what strokes do not determine: the size in a move, and the
        pressure of an action that follows a stroke instead of a move (a stroke's two pressures are averaged).
        """
        begin, control, end = (self.nearest_cell(strokes[..., first : first + 2]) for first in (0, 2, 4))
        radius, pressure = strokes[..., 6:8].mean(2), strokes[..., 8:10].mean(2)
        size = (radius[..., None] - self.sizes).abs().argmin(2)
        pressed = (pressure * self.pressures).round().long().clamp(1, self.pressures) - 1
        colour = (strokes[..., len(COLUMNS) :] * (self.levels - 1)).round().long().clamp(0, self.levels - 1)
        none, paints = torch.zeros_like(end), (radius > 0).long()
        move = torch.stack([none, begin, none, none, none], 2)
        paint = torch.stack([control, end, paints, pressed, size], 2)
        both = torch.stack([torch.cat([move, torch.zeros_like(colour)], 2), torch.cat([paint, colour], 2)], 1)
        return both.flatten(0, 1)

    def nearest_cell(self, points: Float[Tensor, "T N 2"]) -> Int64[Tensor, "T N"]:
        x, y = (points * self.grid).round().long().clamp(0, self.grid - 1).unbind(2)
        return y * self.grid + x

    def lift(self, rows: Int64[Tensor, " M"]) -> None:
        self.pen[rows], self.pressed[rows], self.mask[rows] = 0, 0, self.moving

    def observe(self) -> dict[str, Tensor]:
        return super().observe() | {"mask": self.mask.clone()}

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {name: getattr(self, name).clone() for name in ("pen", "pressed", "mask")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.pen, self.pressed, self.mask = (state[name].to(self.device).clone() for name in ("pen", "pressed", "mask"))

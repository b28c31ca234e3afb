"""Canvases, the brush that paints on them, and their screens: the part that all environments share.

Axes: N canvases, H rows, W columns, C channels, P numbers of a stroke (`brush.COLUMNS`, then its colour).
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from drawgen_envs import brush

LEVELS = 255


def to_screen(canvas: Float[Tensor, "N C H W"]) -> UInt8[Tensor, "N H W C"]:
    """A picture in bytes, as the agent observes it."""
    return (canvas.clamp(0, 1) * LEVELS + 0.5).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def squared_error(screen: UInt8[Tensor, "N H W C"], target: UInt8[Tensor, "N H W C"]) -> Int64[Tensor, " N"]:
    """The squared error summed over each picture, in squared levels: integers, so that differences add up exactly."""
    return (screen.int() - target.int()).square().flatten(1).sum(1)


class Easel:
    """N canvases of one size, their screens, and their errors against targets.

    `screen` (N H W C uint8) shows the canvases. With a `target` (as `screen`), `error` (N) is the squared error against it.
    `background` is a colour (C floats in [0, 1]). The two subclasses below paint.
    """

    def __init__(self, count: int, height: int, width: int, *, background: Sequence[float], device: torch.device) -> None:
        self.device = device
        self.background = torch.tensor(background, dtype=torch.float32, device=device).view(-1, 1, 1)
        self.blank = to_screen(self.background[None]).repeat(1, height, width, 1)
        self.screen = self.blank.repeat(count, 1, 1, 1)
        self.target: Tensor | None = None
        self.error = torch.zeros(count, dtype=torch.int64, device=device)

    def clear(self, rows: Int64[Tensor, " M"], seeds: Sequence[int], target: UInt8[Tensor, "M H W C"] | None = None) -> None:
        """Clears the canvases in some rows, with new targets; `seeds` are for brushes with randomness."""
        self.screen[rows] = self.blank
        if target is not None:
            if self.target is None:
                self.target = torch.zeros_like(self.screen)
            self.target[rows] = target
        self.measure(rows)

    def measure(self, rows: Int64[Tensor, " M"]) -> None:
        """The error in some rows, from their pictures."""
        if self.target is None:
            return
        if self.device.type == "cpu":
            from drawgen_envs import easel_cpu

            easel_cpu.squared_error(self.screen.numpy(), self.target.numpy(), rows.numpy(), self.error.numpy())
        else:
            self.error[rows] = squared_error(self.screen[rows], self.target[rows])

    def lay(self, strokes: Float[Tensor, "N P"]) -> None:
        """Paints one stroke on each canvas; a stroke of radius 0 changes nothing."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """The state of the canvases, without the target."""
        raise NotImplementedError

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores canvases and a target."""
        raise NotImplementedError

    def aim(self, target: UInt8[Tensor, "N H W C"] | None) -> None:
        self.target = None if target is None else target.to(self.device).clone()
        self.measure(torch.arange(len(self.screen), device=self.device))


class BezierEasel(Easel):
    """Painted by `brush`. On a CPU the screen and the error are updated for the changed pixels only."""

    def __init__(self, count: int, height: int, width: int, *, background: Sequence[float], device: torch.device) -> None:
        super().__init__(count, height, width, background=background, device=device)
        self.canvas = self.background.repeat(count, 1, height, width)  # N C H W, never the background's own memory

    def clear(self, rows: Int64[Tensor, " M"], seeds: Sequence[int], target: UInt8[Tensor, "M H W C"] | None = None) -> None:
        self.canvas[rows] = self.background
        super().clear(rows, seeds, target)

    def lay(self, strokes: Float[Tensor, "N P"]) -> None:
        if self.device.type == "cpu":
            from drawgen_envs import easel_cpu

            brush.paint_(self.canvas, strokes[:, None])
            target = (self.screen[:0] if self.target is None else self.target).numpy()
            easel_cpu.show(self.canvas.numpy(), strokes.numpy(), self.screen.numpy(), target, self.error.numpy())
        else:
            self.canvas = brush.paint(self.canvas, strokes[:, None])
            self.screen = to_screen(self.canvas)
            if self.target is not None:
                self.error = squared_error(self.screen, self.target)

    def state_dict(self) -> dict[str, Any]:
        return {"canvas": self.canvas.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.canvas = state["canvas"].to(self.device).clone()
        self.screen = to_screen(self.canvas)


class MypaintEasel(Easel):
    """Painted by libmypaint, on the CPU: opacity is the pen's pressure, a stroke has the mean of its two radii, and each episode
    has a seed for the brush's randomness."""

    def __init__(
        self, count: int, height: int, width: int, *, brush_name: str, background: Sequence[float], device: torch.device
    ) -> None:
        from drawgen_envs import mypaint

        if device.type != "cpu":
            raise ValueError(f"libmypaint paints on the CPU, not on {device}; leave device out")
        super().__init__(count, height, width, background=background, device=device)
        rgb = [float(value) for value in background] * (3 // len(background))
        self.arguments: dict[str, Any] = {"height": height, "width": width, "brush": brush_name, "background": rgb}
        self.surfaces = [mypaint.Surface(**self.arguments) for _ in range(count)]
        self.widest = min(1.0, mypaint.MAX_RADIUS_PX / min(height, width))

    def clear(self, rows: Int64[Tensor, " M"], seeds: Sequence[int], target: UInt8[Tensor, "M H W C"] | None = None) -> None:
        for row, seed in zip(rows.tolist(), seeds, strict=True):
            self.surfaces[row].reset(seed=seed)
        super().clear(rows, seeds, target)

    def lay(self, strokes: Float[Tensor, "N P"]) -> None:
        touched = []
        for row, stroke in enumerate(strokes.tolist()):
            x0, y0, x1, y1, x2, y2, r0, r1, a0, a1, *colour = stroke
            radius = min((r0 + r1) / 2, self.widest)
            if radius > 0 and max(a0, a1) > 0:
                rgb = colour * (3 // len(colour))
                self.surfaces[row].stroke((x0, y0), (x1, y1), (x2, y2), pressure=(a0, a1), radius=radius, colour=rgb)
                self.look(row)
                touched.append(row)
        self.measure(torch.tensor(touched, dtype=torch.int64))

    def look(self, row: int) -> None:
        self.screen[row] = torch.from_numpy(self.surfaces[row].pixels())[..., : self.screen.shape[3]]

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copy: drawings are stored as their strokes."""
        return self.__dict__ | {"surfaces": [surface.state_dict() for surface in self.surfaces]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        from drawgen_envs import mypaint

        self.__dict__.update(state)
        self.surfaces = [mypaint.Surface(**self.arguments) for _ in state["surfaces"]]
        for surface, saved in zip(self.surfaces, state["surfaces"], strict=True):
            surface.load_state_dict(saved)

    def state_dict(self) -> dict[str, Any]:
        """The seeds and strokes so far, because libmypaint's internal state cannot be saved."""
        states = [surface.state_dict() for surface in self.surfaces]
        return {"surfaces": [{"seed": state["seed"], "strokes": torch.from_numpy(state["strokes"])} for state in states]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Paints all strokes again."""
        for row, (surface, saved) in enumerate(zip(self.surfaces, state["surfaces"], strict=True)):
            surface.load_state_dict({"seed": saved["seed"], "strokes": saved["strokes"].numpy()})
            self.look(row)

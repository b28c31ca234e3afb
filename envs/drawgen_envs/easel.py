"""Canvases in a row, what paints on them, and what is seen of them: the part that all environments share.

Axes: N canvases, H rows, W columns, C channels, P numbers of a stroke (`brush.COLUMNS`, then its colour).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from drawgen_envs import brush

LARGEST_PX = 8192
LEVELS = 255


def to_screen(canvas: Float[Tensor, "N C H W"]) -> UInt8[Tensor, "N H W C"]:
    """A picture in bytes, as an agent sees it."""
    return (canvas.clamp(0, 1) * LEVELS + 0.5).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def squared_error(screen: UInt8[Tensor, "N H W C"], target: UInt8[Tensor, "N H W C"]) -> Int64[Tensor, " N"]:
    """Summed over each picture, in squared levels: whole numbers, so that differences add up exactly."""
    return (screen.int() - target.int()).square().flatten(1).sum(1)


class Easel:
    """N canvases of one size.

    `screen` (N H W C uint8) is what they look like. With a target, `error` (N) is the squared error against it. On a CPU both are
    brought up to date for the touched pixels only. Raises ValueError for sizes and colours that make no sense.
    """

    def __init__(
        self, count: int, height: int, width: int, channels: int, *, background: float | Sequence[float], device: str | torch.device
    ) -> None:
        if not (0 < height <= LARGEST_PX and 0 < width <= LARGEST_PX):
            raise ValueError(f"a canvas of {width}x{height} pixels; both sides have to lie between 1 and {LARGEST_PX}")
        if channels not in (1, 3):
            raise ValueError(f"{channels} channels; it is 1 (grey) or 3 (red, green, blue)")
        colour = [background] * channels if isinstance(background, int | float) else list(background)
        if len(colour) != channels or not all(0 <= value <= 1 for value in colour):
            raise ValueError(f"background {background!r}; it is one number or {channels}, from 0 (black) to 1")
        self.device = torch.device(device)
        self.background = torch.tensor(colour, dtype=torch.float32, device=self.device).view(channels, 1, 1)
        self.canvas = self.background.expand(count, channels, height, width).contiguous()
        self.screen = to_screen(self.canvas)
        self.target: Tensor | None = None
        self.error = torch.zeros(count, dtype=torch.int64, device=self.device)

    def aim(self, target: UInt8[Tensor, "N H W C"]) -> None:
        """Sets the target that `error` is measured against."""
        self.target = target.to(self.device)
        self.error = squared_error(self.screen, self.target)

    def clear(self, rows: Bool[np.ndarray, " N"], seeds: Sequence[int]) -> None:
        """Blank canvases in some rows; `seeds` are for brushes that have chance in them, and this one has none."""
        where = torch.from_numpy(np.flatnonzero(rows)).to(self.device)
        self.canvas[where] = self.background
        self.screen[where] = to_screen(self.background[None])
        if self.target is not None:
            self.error = squared_error(self.screen, self.target)

    def lay(self, strokes: Float[Tensor, "N P"]) -> None:
        """One stroke on each canvas; one of no radius leaves its canvas as it is."""
        if self.device.type == "cpu":
            from drawgen_envs import brush_cpu, easel_cpu

            canvas, height, width = self.canvas.numpy(), *self.canvas.shape[2:]
            rows, columns = brush_cpu.forward(canvas, strokes[:, None].contiguous().numpy(), brush.pieces(height, width), False)[:2]
            target = (self.screen[:0] if self.target is None else self.target).numpy()
            easel_cpu.show(canvas, rows, columns, self.screen.numpy(), target, self.error.numpy())
        else:
            self.canvas = brush.paint(self.canvas, strokes[:, None])
            self.screen = to_screen(self.canvas)
            if self.target is not None:
                self.error = squared_error(self.screen, self.target)

    def state_dict(self) -> dict[str, Any]:
        return {"canvas": self.canvas.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over canvases; a target is set anew by `aim`."""
        self.canvas = state["canvas"].to(self.device).clone()
        self.screen = to_screen(self.canvas)


class MypaintEasel(Easel):
    """The same over libmypaint (on the CPU): a stroke's opacity is the pen's pressure, and chance comes from a seed an episode."""

    def __init__(
        self,
        count: int,
        height: int,
        width: int,
        channels: int,
        *,
        brush_name: str,
        background: float | Sequence[float],
        device: str | torch.device,
    ) -> None:
        from drawgen_envs import mypaint

        super().__init__(count, height, width, channels, background=background, device=device)
        if self.device.type != "cpu":
            raise ValueError(f"libmypaint paints on the CPU, not on {self.device}; leave device out")
        ground = tuple(float(v) for v in self.background.flatten().expand(3))
        self.surfaces = [mypaint.Surface(height, width, brush=brush_name, background=ground) for _ in range(count)]

    def clear(self, rows: Bool[np.ndarray, " N"], seeds: Sequence[int]) -> None:
        for row, seed in zip(np.flatnonzero(rows), seeds, strict=True):
            self.surfaces[row].reset(seed=int(seed))
        super().clear(rows, seeds)

    def lay(self, strokes: Float[Tensor, "N P"]) -> None:
        pictures = []
        for surface, stroke in zip(self.surfaces, strokes.tolist(), strict=True):
            x0, y0, x1, y1, x2, y2, r0, r1, a0, a1, *colour = stroke
            if max(r0, r1) > 0 and max(a0, a1) > 0:
                rgb = tuple(colour) if len(colour) == 3 else tuple(colour * 3)
                surface.stroke((x0, y0), (x1, y1), (x2, y2), pressure=(a0, a1), radius=(r0 + r1) / 2, colour=rgb)
            pictures.append(surface.pixels())
        screen = torch.from_numpy(np.stack(pictures))
        self.screen = screen if self.canvas.shape[1] == 3 else screen[..., :1].contiguous()
        self.canvas = self.screen.permute(0, 3, 1, 2).float() / LEVELS
        if self.target is not None:
            self.error = squared_error(self.screen, self.target)

    def state_dict(self) -> dict[str, Any]:
        """The seeds and strokes so far: libmypaint's insides cannot be saved."""
        return {"surfaces": [surface.state_dict() for surface in self.surfaces]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Paints it all again."""
        for surface, saved in zip(self.surfaces, state["surfaces"], strict=True):
            surface.load_state_dict(saved)
        self.lay(self.canvas.new_zeros(len(self.surfaces), len(brush.COLUMNS) + self.canvas.shape[1]))

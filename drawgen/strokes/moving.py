"""Paints a film: the strokes of a frame are those of the frame before, moved.

Axes: S strokes, C channels, H rows, W columns.

A stroke that does not lie on pixels that changed stays exactly as it is, so that what stands still does not flicker. The others
are first moved by the optical flow from frame to frame, then optimised for a few steps: towards the frame where it changed, and
elsewhere towards the painting as it was. Where that is worse than the painting was when its strokes were laid, some of little use
are replaced. If the whole painting is much worse (a cut), all strokes are laid again.
"""

import math
from collections.abc import Callable

import torch
from drawgen_envs.brush import COLUMNS, paint
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional as F

from drawgen.images import grey
from drawgen.strokes.painting import Painting
from drawgen.strokes.placing import MASKS, ROUNDS, LooseStrokes, Objective, Style, laid, psnr, radius_of, relay, seen_by

STILL = 3 / 255
"""Differences up to this, in any channel, are noise: of an encoder, of resizing."""
REACH_PX = 2
"""What is near to a changed pixel counts as changed."""
LOOSE, TOUCHED, RIDES_PX = 0.85, 0.2, 0.5
"""The fraction of a stroke on changed pixels from which on it may move; and if the flow moves all of it by so many pixels."""
HOLD = 10.0
"""Weight of the painting's changes where the film did not change, beside the errors of the picture."""
STEPS, RATE = 30, 0.5
"""Steps of Adam per frame, and the factor on the learning rates of the first of them; it falls to a tenth of this."""
WORSE_DB, MORE, REPLACED = 1.0, 2, 0.1
"""While the changed part's PSNR is that much below the painting's when it was laid, up to so many times strokes are replaced: that
fraction of those that may move, or of the part's share of all strokes."""
CUT_DB = 4.0
"""If the whole frame's PSNR is that much below in the end, all strokes are laid again."""


class MovingPainting:
    """The painting of a film, frame by frame. The same generator and frames give the same paintings.

    >>> moving = MovingPainting(Style(strokes=3, detail_px=16), rng=torch.Generator().manual_seed(0))
    >>> frame = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> first, second = moving.next(frame), moving.next(frame)
    >>> torch.equal(first.strokes, second.strokes)  # nothing changed
    True
    """

    def __init__(self, style: Style, *, stop: Callable[[], object] = lambda: False, rng: torch.Generator) -> None:
        self.style, self.stop, self.rng = style, stop, rng
        self.laid = 0
        """How often strokes were laid, the first time included."""
        self.level = 0.0
        """PSNR of the strokes when they were laid, at the size at which they were."""
        self.seen = self.ground = torch.zeros(0)
        """What is painted: each pixel as of the frame in which it last changed; and the colour of the canvas."""
        self.strokes = LooseStrokes((1, 1), style)
        self.painting: Painting | None = None
        self.before = torch.zeros(0, dtype=torch.long)
        """Of each stroke of the last painting, which stroke of the one before it was; -1 for a new one."""

    def next(self, photo: Float[Tensor, "C H W"], alpha: Float[Tensor, "1 H W"] | None = None) -> Painting:
        """The painting of the next frame. If nothing has changed since the last, it is that of the last. When `stop` returns true
        it is the painting so far. Raises ImageError for frames that are too elongated."""
        seen, ground = seen_by(photo, self.style, alpha)
        if self.painting is None or seen.shape != self.seen.shape:
            self.lay(seen, ground)
        else:
            changed = (seen - self.seen).abs().amax(0) > STILL
            self.before = torch.arange(len(self.strokes))
            if not changed.any():
                return self.painting
            self.carry(seen, F.max_pool2d(changed[None].float(), 2 * REACH_PX + 1, 1, REACH_PX)[0] > 0)
            if self.level - psnr(self.strokes.drawn(self.blank), seen) > CUT_DB and not self.stop():
                self.lay(seen, ground)
        self.painting = self.strokes.painting(self.ground, (photo.shape[1], photo.shape[2]))
        return self.painting

    @property
    def blank(self) -> Float[Tensor, "1 C H W"]:
        return self.ground[:, None, None].expand(1, -1, *self.seen.shape[1:]).contiguous()

    def lay(self, seen: Float[Tensor, "C H W"], ground: Float[Tensor, " C"]) -> None:
        """Lays all strokes."""
        self.strokes = laid(seen, ground, self.style, stop=self.stop, rng=self.rng)
        self.seen, self.ground = seen, ground
        self.level = psnr(self.strokes.drawn(self.blank), seen)
        self.laid += 1
        self.before = torch.full((len(self.strokes),), -1)

    def carry(self, seen: Float[Tensor, "C H W"], near: Bool[Tensor, "H W"]) -> None:
        """Moves the strokes on, where the frame changed."""
        strokes, blank = self.strokes, self.blank
        target = torch.where(near, seen, strokes.drawn(blank))
        picture = Objective(target)

        def loss(canvas: Float[Tensor, "C H W"]) -> Float[Tensor, ""]:
            return picture(canvas) + HOLD * ((canvas - target) * ~near).square().mean()

        way, share = optical_flow(self.seen, seen)[:, *pixels(strokes)], inside(strokes, near)  # 2 S 3, S
        rides = way.norm(dim=0).amin(1) > RIDES_PX  # such as the plain middle of a thing that moves
        loose = (share > LOOSE) | (share > TOUCHED) & rides
        self.seen = torch.where(near, seen, self.seen)
        move(strokes, way.permute(1, 2, 0).flatten(1) * loose[:, None], blank, loss)
        for more in range(1 + MORE):
            if more:
                count = max(1, round(REPLACED * max(float(loose.sum()), len(strokes) * float(near.float().mean()))))
                weight = torch.where(loose, 1.0, HOLD)  # others only if they are of no use
                radius_px = radius_of(strokes.size, ROUNDS[-1], max(1, round(ROUNDS[-1].share * len(strokes))))
                kept = relay(strokes, target, self.ground, count, radius_px, weight=weight, rng=self.rng)
                loose = torch.cat([loose[kept], torch.ones(count, dtype=torch.bool)])
                self.before = torch.cat([self.before[kept], torch.full((count,), -1)])
            strokes.rest()
            for step in range(STEPS):
                if self.stop():
                    return
                _, gradient = strokes.gradient(blank, loss)
                strokes.step(gradient * loose[:, None], RATE * (0.1 + 0.45 * (1 + math.cos(math.pi * step / STEPS))))
            if self.level - psnr(strokes.drawn(blank)[:, near], seen[:, near]) <= WORSE_DB:
                return


def inside(strokes: LooseStrokes, near: Bool[Tensor, "H W"]) -> Float[Tensor, " S"]:
    """The fraction of each stroke that lies on these pixels; 1 for a stroke outside of the picture."""
    shapes = strokes.numbers(strokes.free)[:, : len(COLUMNS)]
    white = torch.cat([shapes[:, :8], torch.ones(len(shapes), 3)], 1)
    found = []
    for some in white.split(max(1, MASKS // near.numel())):
        masks = paint(torch.zeros(len(some), 1, *near.shape), some[:, None])[:, 0]
        total = masks.sum((1, 2))
        found.append(torch.where(total > 0, (masks * near).sum((1, 2)) / total, 1.0))
    return torch.cat(found)


def optical_flow(before: Float[Tensor, "C H W"], after: Float[Tensor, "C H W"]) -> Float[Tensor, "2 H W"]:
    """By how many pixels (x, y) each pixel of a frame moves to the next: TV-L1 (Zach, Pock & Bischof 2007)."""
    from skimage.registration import optical_flow_tvl1  # takes seconds to import

    down, across = optical_flow_tvl1(*(grey(frame)[0].numpy() for frame in (before, after)))
    return torch.stack([torch.from_numpy(across), torch.from_numpy(down)])


def pixels(strokes: LooseStrokes) -> tuple[Int64[Tensor, "S 3"], Int64[Tensor, "S 3"]]:
    """Row and column of the pixels that are nearest to the points of each stroke."""
    height, width = strokes.size
    return strokes.free[:, 1:6:2].long().clamp(0, height - 1), strokes.free[:, 0:6:2].long().clamp(0, width - 1)


def move(
    strokes: LooseStrokes, way: Float[Tensor, "S 6"], blank: Float[Tensor, "1 C H W"], loss: Callable[[Tensor], Tensor]
) -> None:
    """Moves the points of the strokes, if that makes the loss smaller."""
    still = strokes.free
    before = loss(strokes.drawn(blank))
    strokes.free = torch.cat([still[:, :6] + way, still[:, 6:]], 1)
    strokes.bound()
    if loss(strokes.drawn(blank)) >= before:
        strokes.free = still

"""How surprising each pixel of a picture is for a model: its bits, as a heat map.

Axes: C channels, H rows, W columns.
"""

from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from drawgen import images, models
from drawgen.contract import KnowsSurprise, Model
from drawgen.devices import device_of
from drawgen.jobs import measuring
from drawgen.jobs.memory import refuse_more_than_there_is
from drawgen.jobs.reports import SILENT, Reports
from drawgen.ranges import ArgumentError
from drawgen.threads import threads

SCALE = (
    (0, 0, 4), (22, 11, 57), (66, 10, 104), (106, 23, 110), (147, 38, 103), (188, 55, 84), (221, 81, 58), (243, 120, 25),
    (252, 165, 10), (246, 215, 70), (252, 255, 164),
)  # fmt: skip
"""Colours from the least to the most bits, black over purple and orange to pale yellow (matplotlib's `inferno`, by van der Walt &
Smith): each step looks equally large, and lighter."""
UNKNOWN = (128, 128, 128)
"""The colour of pixels that are transparent."""
ENDS = (0.005, 0.995)
"""The quantiles of the bits that get the first and the last colour."""


class HeatMap(NamedTuple):
    """The bits of each pixel of a picture under a model."""

    bits: Float[Tensor, "H W"]
    """-log2 of the probability of a pixel, all its channels together, given those before it."""
    opaque: Bool[Tensor, "H W"]
    """Other pixels do not count."""

    @property
    def ends(self) -> tuple[float, float]:
        """The bits that get the first colour, or fewer; and the last, or more."""
        known = self.bits[self.opaque].sort().values
        low, high = (float(known[round(share * (len(known) - 1))]) for share in ENDS)
        return low, max(high, low + 1e-6)

    @property
    def mean(self) -> float:
        return float(self.bits[self.opaque].mean())

    def picture(self) -> Float[Tensor, "3 H W"]:
        """In colours, at the size of the picture."""
        low, high = self.ends
        shown = coloured((self.bits - low) / (high - low))
        return torch.where(self.opaque, shown, torch.tensor(UNKNOWN)[:, None, None] / 255)


def coloured(shares: Float[Tensor, "H W"]) -> Float[Tensor, "3 H W"]:
    """Numbers from 0 to 1 on the colour scale."""
    scale = torch.tensor(SCALE) / 255
    place = shares.clamp(0, 1) * (len(scale) - 1)
    low = place.long().clamp(max=len(scale) - 2)
    part = (place - low)[..., None]
    return torch.lerp(scale[low], scale[low + 1], part).permute(2, 0, 1)


@threads(1)
def heat_map(model: Model, source: str, *, data: str | None = None) -> HeatMap:
    """The bits of each pixel of `data`, a picture that is read as the model's own was; or of the whole of its own. Raises
    ValueError for a model without them, and for several pictures."""
    if not isinstance(model, KnowsSurprise):
        raise ArgumentError(
            "heat", f"is asked of {source}, which has no bits of single pixels; models of the kind `ride` have them"
        )
    config = measuring.data_for(model, models.resolve(source), source, data)
    if config.spec().exemplar is None:
        raise ArgumentError("heat", f"shows one picture, and {config.path} has several; give one")
    picture, opaque = config.exemplar()
    height, width = picture.shape[1:]
    refuse_more_than_there_is(height * width * model.bytes_per_pixel, f"the bits of {width}x{height} pixels", "a smaller picture")
    bits = model.bits_by_pixel(picture[None].to(device_of(model)))[0].cpu()
    return HeatMap(bits, torch.ones(height, width, dtype=torch.bool) if opaque is None else opaque)


def heat(
    source: str, out: Path, *, data: str | None = None, device: str = "cpu", force: bool = False, reports: Reports = SILENT
) -> dict[str, float]:
    """Writes a picture's heat map, and says what its colours stand for. Returns the number of pixels, the mean of their bits, and
    the bits at the ends of the colour scale."""
    images.check_output(out, force=force, kinds=images.STILL, sources=[data] if data is not None else [])
    model = models.load(source, device=device)
    if data is None and isinstance(model, KnowsSurprise):
        config = measuring.data_for(model, models.resolve(source), source, None)
        images.check_output(out, force=force, kinds=images.STILL, sources=[getattr(config, "path", "")])
    found = heat_map(model, source, data=data)
    low, high = found.ends
    images.save_image(out, found.picture(), replace=force)
    reports.say(
        f"{out}: black is {low:.1f} bits per pixel or fewer, pale yellow {high:.1f} or more; the lighter, the more surprising"
    )
    return {
        "pixels": int(found.opaque.sum()),
        "bits_per_pixel": found.mean,
        "bits_per_dim": found.mean / model.spec.picture[0],
        "black_bits_per_pixel": low,
        "yellow_bits_per_pixel": high,
    }

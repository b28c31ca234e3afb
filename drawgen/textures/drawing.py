"""Draws textures by a net of their pixels: pictures of any size, alone or over a layout, and holes in them.

Axes: B pictures, C channels, H rows, W columns; h w those of the layout; G channels of a guide; E and D what a layout adds at each
pixel.

A picture is sampled by the wavefront (`nn/pixel_sampling.py`) with a margin, which is cut off because its first pixels have no
context. A layout is quilted from that of the photograph (`textures/quilting.py`) and displaced a little (`textures/warping.py`).
Tiles are in `textures/tiles.py`.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from drawgen.contract import Request, TextureMap
from drawgen.images import fit_to
from drawgen.nn.guide import Guide, reduced
from drawgen.nn.pixel_sampling import TOP, PixelNet, by_wavefront
from drawgen.textures.quilting import STRENGTH, Quilted, guided_patch_px
from drawgen.textures.set_quilting import quilt_set
from drawgen.textures.warping import warped


@runtime_checkable
class TextureNet(PixelNet, Protocol):
    """A net of a texture's pixels, which may see a layout. Its `config` also has `layout`, `margin`, `temperature` and `warp`."""

    if TYPE_CHECKING:  # as of `PixelNet`
        maps: tuple[TextureMap, ...]
        guide: Guide | None
        """None: it sees no layout, and `guided` and `small_exemplar` are not called."""

    @property
    def least_tile_px(self) -> int: ...
    def standard(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]: ...
    def guided(
        self, layout: Float[Tensor, "B C h w"], height: int, width: int
    ) -> tuple[Float[Tensor, "B H W E"], Float[Tensor, "B H W D"]]: ...
    def small_exemplar(self) -> tuple[Float[Tensor, "C h w"], Bool[Tensor, "h w"]]: ...


def plain(net: TextureNet, height: int, width: int, request: Request, index: int) -> Float[Tensor, "C H W"]:
    """Picture number `index` of a request, without the margins."""
    rng = request.rng(index)
    margin = net.config.margin
    tall, wide = height + margin, width + margin + margin // 4
    layout = None
    if net.guide is not None:
        guide = guide_of(request, height, width)
        if guide is not None:
            guide = F.pad(guide[None], (margin, wide - width - margin, margin, 0), mode="replicate")[0]
        layout = moved(net, lay_out(net, tall, wide, guide=guide, strength=request.guide_strength, rng=rng).image, rng=rng)
    drawn = draw_over(net, layout, tall, wide, request, index, rng=rng)
    return drawn[:, margin:, margin : margin + width]


def lay_out(
    net: TextureNet,
    height: int,
    width: int,
    *,
    closes: tuple[bool, bool] = (False, False),
    border: Quilted | None = None,
    guide: Float[Tensor, "G H W"] | None = None,
    strength: float = STRENGTH,
    rng: torch.Generator,
) -> Quilted:
    """A new layout for a picture of that size, quilted from the exemplar (`textures/quilting.py`), with a guide of that size."""
    exemplar, opaque = net.small_exemplar()
    factor = net.config.layout
    cells = (-(-height // factor), -(-width // factor))
    small, patch = None, None
    if guide is not None:
        small = reduced(guide[None].cpu(), factor)[0]
        patch = max(guided_patch_px(exemplar, strength) // factor, 4)
    return quilt_set(
        exemplar, net.maps, cells, patch_px=patch, tile=closes, opaque=opaque, border=border, guide=small, strength=strength,
        rng=rng,
    )  # fmt: skip


def moved(
    net: TextureNet, layout: Float[Tensor, "C h w"], *, closes: tuple[bool, bool] = (False, False), rng: torch.Generator
) -> Float[Tensor, "C h w"]:
    """A layout with its shapes changed a little, so that they are not the photograph's (`textures/warping.py`)."""
    return warped(layout, net.config.warp, closes=closes, rng=rng) if net.config.warp else layout


def draw_over(
    net: TextureNet,
    layout: Float[Tensor, "C h w"] | None,
    height: int,
    width: int,
    request: Request,
    index: int,
    *,
    rng: torch.Generator,
) -> Float[Tensor, "C H W"]:
    """Picture number `index` of a request over a layout, by the wavefront (`nn/pixel_sampling.py`)."""
    uniforms = torch.rand(height, width, net.channels + 1, generator=rng).to(net.mean.device)
    before = beside = None
    if layout is not None:
        before, beside = (part[0] for part in net.guided(net.standard(layout[None].to(net.mean.device)), height, width))
    temperature = net.config.temperature * request.temperature
    drawn = by_wavefront(net, uniforms, before=before, beside=beside, temperature=temperature, progress=reporting(request, index))
    return drawn.permute(2, 0, 1) / TOP


def repaired(
    net: TextureNet, image: Float[Tensor, "C H W"], hole: Bool[Tensor, "H W"], *, rng: torch.Generator
) -> Float[Tensor, "C H W"]:
    """The picture with the pixels of the hole sampled, given the ones around it, over the picture's own layout."""
    if not hole.any():
        return image
    factor, margin = net.config.layout, net.config.margin
    part = []
    for axis in range(2):
        at = hole.any(1 - axis).nonzero()
        part.append(slice(max(int(at[0]) - margin, 0) // factor * factor, int(at[-1]) + 1 + margin))
    around, within = image[:, *part].to(net.mean.device), hole[*part].to(net.mean.device)
    height, width = within.shape
    before, beside = (each[0] for each in net.guided(net.standard(reduced(around[None], factor)), height, width))
    given = (around * TOP).masked_fill(within, torch.nan).permute(1, 2, 0)
    uniforms = torch.rand(height, width, net.channels + 1, generator=rng).to(net.mean.device)
    drawn = by_wavefront(net, uniforms, before=before, beside=beside, given=given, temperature=net.config.temperature)
    out = image.clone()
    out[:, *part][:, within.to(out.device)] = (drawn.permute(2, 0, 1) / TOP)[:, within].to(out)
    return out


def stages(net: TextureNet, images: Float[Tensor, "B C H W"], count: int) -> Iterator[Float[Tensor, "B C H W"]]:
    """`count` stages of the wavefront that sampled `images`; the last is `images`."""
    height, width = images.shape[2:]
    slope = net.config.neighbourhood // 2 + 1
    ready = torch.arange(width)[None, :] + slope * torch.arange(height)[:, None]
    blank = net.mean[: images.shape[1], None, None].expand_as(images[0]).to(images.device)
    for stage in range(1, count + 1):
        seen = ready.to(images.device) < (ready.max() + 1) * stage / count
        yield torch.where(seen, images, blank)


def guide_of(request: Request, height: int, width: int) -> Float[Tensor, "G H W"] | None:
    """The request's guide at that size."""
    return None if request.guide is None else fit_to(request.guide, (len(request.guide), height, width))


def reporting(request: Request, index: int) -> Callable[[float], None]:
    """Tells the request's listener how much of all its pictures is done, from the fraction of picture number `index`."""

    def report(share: float) -> None:
        if request.progress is not None:
            request.progress((index + share) / request.n)

    return report

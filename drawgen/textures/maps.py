"""A texture's maps: normals, heights, roughness and the like, which lie over its colours pixel for pixel and are made together with
them, as further channels of one picture (`contract.TextureMap`).

Axes: B pictures, C channels of a set: its colours (1 or 3), then those of its maps in order; M those of one map; H rows, W columns.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from drawgen import images
from drawgen.contract import MAP_NAME, Sample, TextureMap
from drawgen.images import ImageError
from drawgen.ranges import ArgumentError
from drawgen.textures.colours import COLOURS, ranked, without_specks

MOST_CHANNELS = 8
"""Of all maps of a set together."""
ALPHA = "alpha"
"""In place of a file: how opaque the photograph is."""
NORMALS = re.compile(r"normal|nrm|(^|[\W_])nor([\W_]|$)", re.IGNORECASE)
"""Names of normal maps."""
LEAST_RANGE = 1e-6
PASSES = 8


class MapSet(NamedTuple):
    """The maps of a photograph, as models see them."""

    stack: Float[Tensor, "C H W"]
    """What lies between the least and the largest value of each map, as 0 to 1."""
    maps: tuple[TextureMap, ...]


# ---------------------------------------------------------------- in


def named(entry: str) -> tuple[str, str]:
    """(name, file) of a map: NAME=FILE, or FILE, of which the name is that without its ending; `alpha` alone is the photograph's
    own.

    >>> named("stone/height.png"), named("normal=stone_n.tif"), named("alpha")
    (('height', 'stone/height.png'), ('normal', 'stone_n.tif'), ('alpha', ''))
    """
    if entry == ALPHA:
        return ALPHA, ""
    given, equals, file = entry.partition("=")
    if equals and MAP_NAME.fullmatch(given):
        return given, file
    stem = re.split(r"[\\/]", entry)[-1].rsplit(".", 1)[0]
    return (re.sub(r"[^\w .+()-]", "_", stem).lstrip(" .+()-").rstrip(" .")[:64] or "map"), entry


def check_names(entries: Sequence[str]) -> list[str]:
    """The names of maps. Raises ArgumentError for one without a file, and for one that is there twice."""
    for entry in entries:
        if entry != ALPHA and not named(entry)[1].strip():
            raise ArgumentError("maps", f"has {entry!r}, which names no file; give files as FILE or NAME=FILE")
    names = [named(entry)[0] for entry in entries]
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:  # two names that differ in capitals are one file on some systems
            raise ArgumentError("maps", f"has {name!r} twice; give each another name, as NAME=FILE")
        seen.add(name.lower())
    return names


def check_sizes(photo: str, entries: Sequence[str]) -> None:
    """Raises ImageError for a map that cannot be read, or has another size than its photograph."""
    size = images.picture_size(photo)
    for _, file in map(named, entries):
        if file and (found := images.picture_size(file)) != size:
            raise ImageError(
                f"{file} is {found[1]}x{found[0]} pixels and {photo} is {size[1]}x{size[0]}; maps have to align with the "
                "photograph pixel for pixel: give one of the same size"
            )


def load_maps(
    photo: str, entries: Sequence[str], *, longest_px: int | None = None, alpha: Float[Tensor, "1 H W"] | None = None
) -> MapSet:
    """Reads the maps of a photograph, whose `alpha` is one of them if it is asked for. They are reduced to `longest_px` as the
    photograph is; normals are then made unit vectors again. Raises ImageError for a file that cannot be read and a ValueError for
    maps that do not belong to the photograph."""
    check_names(entries)
    check_sizes(photo, entries)
    planes, maps = [], []
    for name, file in map(named, entries):
        if not file:
            if alpha is None:
                raise ImageError(f"{photo} has no alpha; leave {ALPHA!r} out of `maps`")
            numbers, bits = alpha, 8
        else:
            numbers, bits = images.load_numbers(file, longest_px=longest_px)
        kind = "normal" if NORMALS.search(name) and file else "values"
        if kind == "normal":
            if len(numbers) == 1:
                raise ImageError(
                    f"{file} is grey, and by its name a normal map, which has three channels; if it is none, name it: height={file}"
                )
            if longest_px is not None and longest_px < max(images.picture_size(file)):
                numbers = renormalised(numbers)
        low, high = (0.0, 1.0) if kind == "normal" else (float(numbers.min()), float(numbers.max()))
        maps.append(TextureMap(name, kind, len(numbers), bits, low, high))
        planes.append((numbers - low) / max(high - low, LEAST_RANGE))
    channels = sum(map(len, planes))
    if channels > MOST_CHANNELS:
        told = ", ".join(f"{one.name} {one.channels}" for one in maps)
        raise ArgumentError("maps", f"has {channels} channels ({told}), and at most {MOST_CHANNELS} are learned; leave some out")
    return MapSet(torch.cat(planes), tuple(maps))


def straight(image: Float[Tensor, "C H W"], alpha: Float[Tensor, "1 H W"]) -> Float[Tensor, "C H W"]:
    """The colours of a picture that was composited over white (`images.load_with_alpha`), without the white. Where nothing of them
    shows they are the mean of the others, by which a margin shows least."""
    colours = ((image + alpha - 1) / alpha.clamp(min=1 / 255)).clamp(0, 1)
    mean = (colours * alpha).sum((1, 2)) / alpha.sum().clamp(min=1 / 255)
    return torch.where(alpha > 0, colours, mean[:, None, None])


# ---------------------------------------------------------------- out


def split(stack: Float[Tensor, "B C H W"], maps: Sequence[TextureMap]) -> tuple[Tensor, dict[str, Tensor]]:
    """The colours of sets as models see them, and the maps by name, in the range of their files."""
    first = stack.shape[1] - sum(one.channels for one in maps)
    parts = stack.split([first, *(one.channels for one in maps)], 1)
    pairs = zip(maps, parts[1:], strict=True)
    return parts[0], {one.name: part * max(one.high - one.low, LEAST_RANGE) + one.low for one, part in pairs}


def as_sample(stack: Float[Tensor, "B C H W"], maps: Sequence[TextureMap], **more: Any) -> Sample:
    """Sets as models see them, as a sample with maps."""
    colours, found = split(stack, maps)
    return Sample(colours, maps=found, map_kinds={one.name: one for one in maps}, **more)


def joined(sample: Sample) -> Float[Tensor, "B C H W"]:
    """The colours and all maps of a sample, as they are."""
    return torch.cat([sample.images, *sample.maps.values()], 1)


def parted(sample: Sample, stack: Float[Tensor, "B C H W"]) -> Sample:
    """The sample with the colours and maps of a stack (`joined`)."""
    parts = stack.split([sample.images.shape[1], *(each.shape[1] for each in sample.maps.values())], 1)
    return replace(sample, images=parts[0], maps=dict(zip(sample.maps, parts[1:], strict=True)))


def renormalised(normals: Float[Tensor, "*B 3 H W"]) -> Float[Tensor, "*B 3 H W"]:
    """Encoded normals (0 to 1 for -1 to 1) as unit vectors; one without a direction points out of the surface."""
    vectors = normals * 2 - 1
    length = vectors.square().sum(-3, keepdim=True).sqrt()
    out = torch.tensor([0.0, 0.0, 1.0]).to(normals)[:, None, None]
    return torch.where(length > 1e-6, vectors / length.clamp(min=1e-6), out) / 2 + 0.5


def stored_values(numbers: Float[Tensor, "M N"]) -> Float[Tensor, "M _"]:
    """Quantiles of each channel of a map, from the least to the largest, by which `matched` distributes others."""
    at = torch.linspace(0, numbers.shape[1] - 1, COLOURS, device=numbers.device).round().long()
    return numbers.sort(1).values[:, at]


def matched(
    found: Float[Tensor, "B M H W"], about: TextureMap, values: Float[Tensor, "M N"], limit: float, *, match: bool = True
) -> Float[Tensor, "B M H W"]:
    """A sampled map as it is written. Models sample 256 levels: each value is smoothed within its level, in `PASSES` passes, so
    that a slope has no steps. Normals become unit vectors. With `match`, specks are taken out, as of colours, and the values of
    other maps are distributed as those `stored_values`, by rank."""
    level = max(about.high - about.low, LEAST_RANGE) / 255
    least, most = found - level / 2, found + level / 2
    for _ in range(PASSES):
        around = F.avg_pool2d(F.pad(found, (1, 1, 1, 1), mode="replicate"), 3, 1)
        found = around.maximum(least).minimum(most)
    found = torch.cat([without_specks(picture[None], max(limit, level)) for picture in found]) if match else found
    if about.kind == "normal":
        return renormalised(found.clamp(0, 1))
    if not match:
        return found.clamp(0, 1)
    finer = F.interpolate(values[None], 16 * values.shape[1], mode="linear", align_corners=True)[0] if about.bits == 16 else values
    return torch.stack([torch.cat([ranked(plane[None], own) for plane, own in zip(one, finer, strict=True)]) for one in found])


# ---------------------------------------------------------------- turned


def flipped(
    stack: Float[Tensor, "*B C H W"],
    maps: Sequence[TextureMap],
    *,
    across: bool = False,
    down: bool = False,
    transpose: bool = False,
    y_up: bool = True,
) -> Float[Tensor, "*B C H2 W2"]:
    """Sets flipped: first columns reversed (`across`), then rows (`down`), then rows and columns exchanged (`transpose`). Normals
    are turned along: a flip across negates their x, one down their y, and a transposition exchanges the two. `y_up` says whether
    the y of a normal map points up in the picture (OpenGL's convention) or down (DirectX's): in the former, a transposition also
    negates both.

    >>> normals = TextureMap("normal", "normal", 3)
    >>> leaning = torch.tensor([0.5, 0.9, 0.4, 0.9])[:, None, None].expand(4, 1, 2)  # grey, and normals that lean to the right
    >>> flipped(leaning, [normals], across=True)[:, 0, 0]
    tensor([0.5000, 0.1000, 0.4000, 0.9000])
    """
    axes = [axis for axis, wanted in ((-1, across), (-2, down)) if wanted]
    out = stack.flip(axes) if axes else stack.clone()
    out = out.transpose(-1, -2).contiguous() if transpose else out
    first = stack.shape[-3] - sum(one.channels for one in maps)
    for one in maps:
        if one.kind == "normal":
            x, y = out.narrow(-3, first, 1), out.narrow(-3, first + 1, 1)
            x.copy_(1 - x if across else x)
            y.copy_(1 - y if down else y)
            if transpose:
                before, after = x.clone(), y.clone()
                x.copy_(1 - after if y_up else after)
                y.copy_(1 - before if y_up else before)
        first += one.channels
    return out

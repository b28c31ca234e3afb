"""How much of its exemplar a texture copies.

Axes: C channels, H rows, W columns, N or M patches of 121 pixels, K directions.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from drawgen.ranges import ArgumentError

PATCH_PX = 11
STEP_PX = 4
"""Every fourth row and column of the sample has a patch that is looked for."""
NEAR = 0.2
"""A patch is copied if it is as near to one of the exemplar: RMS distance over the exemplar's standard deviation."""
ALIKE = 0.95
"""Or, by the other measure, if their normalised correlation is above this."""
SOME = 20_000
"""Patches of which the principal components are taken."""
DIRECTIONS = 32
"""Principal components on which patches are compared first."""
BLOCK = 4096
"""Patches of the exemplar per block; each block's nearest becomes a candidate."""
CANDIDATES = 6
"""Compared in full."""
TOGETHER = 256
"""Patches of the sample that are looked for at once: their distances to a block stay in the cache."""


class Copied(NamedTuple):
    """What a sample copies."""

    near: float
    """Share of its 11x11 patches within a fifth of the exemplar's standard deviation of a patch of the exemplar. Where a photograph
    is flat, another part of it has some, too."""
    alike: float
    """Share whose normalised correlation with a patch of the exemplar is above 0.95."""
    largest_px: int
    """The area in pixels of the largest connected region of copied patches (by either measure) that lie in the exemplar as they
    lie in the sample."""


class Copying:
    """An exemplar's patches, in which many samples are looked for. Both are compared at full size; for half size, halve both.

    The search is by principal components, and the best of each block is compared in full, so that a share may be slightly low.
    Raises ArgumentError for an exemplar or a sample without a patch.
    """

    def __init__(self, exemplar: Float[Tensor, "C H W"]) -> None:
        self.exemplar = exemplar
        check_side(exemplar, "exemplar")
        self.plain, self.normal = Search(exemplar, lambda patches: patches), Search(exemplar, normalised)

    def of(self, sample: Float[Tensor, "C H W"]) -> Copied:
        """Looks for the sample's patches, at every fourth row and column."""
        check_side(sample, "sample")
        asked = patches(sample.expand(len(self.exemplar), -1, -1), STEP_PX)
        rows, columns = ((side - PATCH_PX) // STEP_PX + 1 for side in sample.shape[1:])
        distance, where = self.plain.nearest(asked)
        near = (distance / asked[0].numel()).sqrt() < NEAR * self.exemplar.std()
        apart, where2 = self.normal.nearest(asked)
        varied = normalised(asked).flatten(1).any(1)
        alike = varied & (1 - apart / 2 > ALIKE)  # of two vectors of length 1
        regions = [self.largest(hit, at, rows, columns) for hit, at in ((near, where), (alike, where2))]
        return Copied(float(near.float().mean()), float(alike.float().mean()), max(regions))

    def largest(self, hit: Tensor, where: Int[Tensor, " N"], rows: int, columns: int) -> int:
        width = self.exemplar.shape[2] - PATCH_PX + 1
        top = where // width - STEP_PX * torch.arange(rows).repeat_interleave(columns)
        left = where % width - STEP_PX * torch.arange(columns).repeat(rows)
        shift = (top * 2**20 + left).view(rows, columns).numpy()
        return largest_region(shift, hit.view(rows, columns).numpy())


class Search:
    """Finds the nearest of an exemplar's patches, all brought into a form first. They are numbered row by row."""

    def __init__(self, exemplar: Float[Tensor, "C H W"], form: Callable[[Tensor], Tensor]) -> None:
        self.form = form
        self.windows = exemplar.unfold(1, PATCH_PX, 1).unfold(2, PATCH_PX, 1)  # C R S 11 11
        self.columns = self.windows.shape[2]
        count = self.windows.shape[1] * self.columns
        some = form(self.taken(torch.arange(0, count, max(1, count // SOME)))).flatten(1)
        self.mean = some.mean(0)
        self.basis = torch.linalg.eigh((some - self.mean).t() @ (some - self.mean)).eigenvectors[:, -DIRECTIONS:]
        # One product gives half the squared distance, except for what all of the exemplar's patches have in common.
        self.blocks = []  # K+1 n
        for places in torch.arange(count).split(BLOCK):
            short = self.short(form(self.taken(places)))
            self.blocks.append(torch.cat([-short, short.square().sum(1, keepdim=True) / 2], 1).t())

    def taken(self, places: Int[Tensor, " N"]) -> Float[Tensor, "N C 121"]:
        return self.windows[:, places // self.columns, places % self.columns].transpose(0, 1).flatten(2)

    def short(self, formed: Float[Tensor, "N C 121"]) -> Float[Tensor, "N K"]:
        return (formed.flatten(1) - self.mean) @ self.basis

    def nearest(self, asked: Float[Tensor, "M C 121"]) -> tuple[Float[Tensor, " M"], Int[Tensor, " M"]]:
        """Squared distance and index of the nearest of each patch."""
        found = []
        for few in self.form(asked).split(TOGETHER):
            short = F.pad(self.short(few), (0, 1), value=1.0)
            scores, places = [], []
            for start, block in enumerate(self.blocks):
                score = short @ block
                best = torch.from_numpy(score.numpy().argmin(1))  # four times as fast as torch's
                scores.append(score.gather(1, best[:, None])[:, 0])
                places.append(best + start * BLOCK)
            order = torch.stack(scores, 1).topk(min(CANDIDATES, len(scores)), largest=False).indices
            candidates = torch.stack(places, 1).gather(1, order)
            known = self.form(self.taken(candidates.flatten())).unflatten(0, candidates.shape)
            distance, best = (known - few[:, None]).square().sum((2, 3)).min(1)
            found.append((distance, candidates.gather(1, best[:, None])[:, 0]))
        distances, where = zip(*found, strict=True)
        return torch.cat(distances), torch.cat(where)


def check_side(picture: Float[Tensor, "C H W"], name: str) -> None:
    if min(picture.shape[1:]) < PATCH_PX:
        raise ArgumentError(name, f"has {min(picture.shape[1:])} pixels on a side; a patch has {PATCH_PX}")


def patches(picture: Float[Tensor, "C H W"], step: int) -> Float[Tensor, "N C 121"]:
    return F.unfold(picture[None], PATCH_PX, stride=step)[0].t().unflatten(1, (len(picture), -1))


def normalised(found: Float[Tensor, "N C 121"]) -> Float[Tensor, "N C 121"]:
    """Each patch without the mean of its channels, at length 1; a patch of one colour becomes zero, which is like nothing."""
    form = found - found.mean(2, keepdim=True)
    length = form.norm(dim=(1, 2), keepdim=True)
    return torch.where(length > 1e-3, form / length.clamp(min=1e-3), 0.0)


def largest_region(shift: Int[np.ndarray, "R S"], hit: np.ndarray) -> int:
    """Pixels of the largest connected region of patches that are hits and have the same shift."""
    from skimage.measure import label

    values = np.unique(shift, return_inverse=True)[1].reshape(shift.shape) + 1
    regions = np.bincount(label(np.where(hit, values, 0), background=0, connectivity=1).ravel())
    return int(regions[1:].max(initial=0)) * STEP_PX**2


def of_itself(exemplar: Float[Tensor, "C H W"]) -> Copied:
    """What the lower half of an exemplar has in common with its upper half: as much is no copying."""
    half = exemplar.shape[1] // 2
    return Copying(exemplar[:, :half]).of(exemplar[:, half:])

"""Makes a sampled picture repeat: joins its end to its beginning, and removes the shear of a helix.

Axes: C channels, H rows, W columns; for the cut, S starts and V rows of overlap.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F


def close_rows(strip: Float[Tensor, "C S W"], height: int, overlap: int) -> tuple[Float[Tensor, "C H W"], Int[Tensor, " W"]]:
    """Cuts `height` rows out of a strip so that the last joins the first. It takes the start whose `overlap` rows agree best with
    those `height` rows below, and joins them along the path of least error (Efros & Freeman 2001, section 2.1), which closes around
    the picture."""
    width = strip.shape[2]
    starts = strip.shape[1] - height - overlap + 1
    error = torch.stack(
        [(strip[:, s : s + overlap] - strip[:, s + height : s + height + overlap]).square().sum(0) for s in range(starts)]
    )  # S V W
    error = error + torch.cat([error[:, :1], error[:, :-1]], 1)  # the rows above and below the path are blended
    error = error + torch.roll(error, 1, 2)  # a vertical step of the path crosses two columns

    def paths(cost: Float[Tensor, "S V W"], first: Float[Tensor, "S V"]) -> tuple[Tensor, list[Tensor]]:
        total, came = first, []
        for column in range(1, width):
            padded = F.pad(total, (1, 1), value=torch.inf)
            best, move = torch.stack([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]]).min(0)
            came.append(move - 1)
            total = best + cost[:, :, column]
        return total, came

    total, came = paths(error, error[:, :, 0])
    start = int(total.min(1).values.argmin())
    row = int(total[start].argmin())
    for move in reversed(came):
        row += int(move[start, row])
    fixed = torch.full_like(error[start, :, 0], torch.inf)  # once more, from the row where it began back to that row
    fixed[row] = error[start, row, 0]
    total, came = paths(error[start : start + 1], fixed[None])
    path = [row]
    for move in reversed(came):
        path.append(path[-1] + int(move[0, path[-1]]))
    cut = torch.tensor(path[::-1])
    out = strip[:, start : start + height].clone()
    # Above the path the picture continues from its own end, below it is unchanged; two rows are blended.
    share = (0.5 - (torch.arange(overlap)[:, None] + 0.5 - cut[None, :]) / 3).clamp(0, 1)
    out[:, :overlap] = torch.lerp(out[:, :overlap], strip[:, start + height : start + height + overlap], share)
    return out, cut


def unshear(image: Float[Tensor, "C H W"]) -> Float[Tensor, "C H W"]:
    """Shifts column j down by j / W pixels, cyclically: on a helix the end of a row meets the beginning of the next. The shift is a
    rotation of the phase in the Fourier domain, which does not blur."""
    height, width = image.shape[1:]
    frequency = torch.fft.rfftfreq(height, device=image.device)[:, None]
    shift = torch.arange(width, device=image.device)[None, :] / width
    turned = torch.fft.rfft(image, dim=1) * torch.exp(-2j * torch.pi * frequency * shift)
    return torch.fft.irfft(turned, n=height, dim=1)

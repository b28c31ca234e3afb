"""Where a model looked for each word: the picture once a word, lit where it looked, with the word below.

Axes: C channels, H rows, W columns, T words, h, w rows and columns of a map.

A convolution that halves its picture is centred on every second pixel, the first one being the corner: place (i, j) of a map lies
round the pixel (i H / h, j W / w), and not in the middle of the tile from there on.
"""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional as F

from drawgen.images import grey, grid, resize

PANEL_PX = 128
LABEL_PX = 24
COLUMNS = 6
DARK = 0.22
"""Brightness of what was not looked at."""


def lit(picture: Float[Tensor, "C H W"], where: Float[Tensor, "h w"]) -> Float[Tensor, "3 H W"]:
    """The picture in its colours where the map is highest, grey and dark where it is low."""
    height, width = picture.shape[1:]
    rows, columns = where.shape
    wider = F.pad(where[None, None], (0, 1, 0, 1), mode="replicate")
    larger = (round(height * (rows + 1) / rows), round(width * (columns + 1) / columns))
    top, left = (larger[0] - height) // 2, (larger[1] - width) // 2  # half a tile
    light = F.interpolate(wider, larger, mode="bicubic", align_corners=False)[0].clamp(min=0)
    light = light[:, top : top + height, left : left + width]
    light = light / light.max().clamp(min=1e-12)
    return torch.lerp(DARK * grey(picture).expand(3, -1, -1), picture.expand(3, -1, -1), light)


def labelled(picture: Float[Tensor, "3 H W"], word: str) -> Float[Tensor, "3 H2 W"]:
    """The picture with a word below it; a long one is written smaller."""
    width = picture.shape[2]
    size = 16
    font = ImageFont.load_default(size)
    while size > 7 and font.getlength(word) > width - 4:
        size -= 1
        font = ImageFont.load_default(size)
    label = Image.new("RGB", (width, LABEL_PX), "white")
    pen = ImageDraw.Draw(label)
    pen.text(((width - font.getlength(word)) / 2, 2), word, fill="black", font=font)
    below = torch.frombuffer(bytearray(label.tobytes()), dtype=torch.uint8).view(LABEL_PX, width, 3).permute(2, 0, 1) / 255
    return torch.cat([picture, below], 1)


def enlarged(picture: Float[Tensor, "C H W"]) -> Float[Tensor, "C H2 W2"]:
    """So that its shorter side is `PANEL_PX`; small pictures keep their pixels."""
    height, width = picture.shape[1:]
    factor = PANEL_PX / min(height, width)
    if factor >= 2:
        whole = round(factor)
        return picture.repeat_interleave(whole, 1).repeat_interleave(whole, 2)
    return resize(picture, round(height * factor), round(width * factor))


def panels(
    picture: Float[Tensor, "C H W"], words: Sequence[str], maps: Float[Tensor, "T h w"]
) -> Iterator[Float[Tensor, "3 H2 W2"]]:
    """The picture, and then one panel a word."""
    large = enlarged(picture)
    yield labelled(large.expand(3, -1, -1), "")
    for word, where in zip(words, maps, strict=True):
        yield labelled(lit(large, where), word)


def sheet(shown: Sequence[Sequence[Float[Tensor, "3 _ _"]]], gap_px: int = 10) -> Float[Tensor, "3 H2 W2"]:
    """The panels of several pictures, one picture below the other."""
    sheets = [grid(torch.stack(list(one)), columns=COLUMNS, gap_px=4) for one in shown]
    width = max(sheet.shape[2] for sheet in sheets)
    return torch.cat([F.pad(sheet, (0, width - sheet.shape[2], 0, gap_px), value=1.0) for sheet in sheets], 1)[:, :-gap_px]


def stages(shown: Sequence[Sequence[Float[Tensor, "3 _ _"]]]) -> Iterator[Float[Tensor, "3 H2 W2"]]:
    """An animation: panel number t of all pictures side by side; a picture whose words have ended keeps its last."""
    for t in range(max(len(one) for one in shown)):
        yield grid(torch.stack([one[min(t, len(one) - 1)] for one in shown]), gap_px=4)

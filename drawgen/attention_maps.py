"""Draws attention maps: the picture once per word, bright where the attention is, with the word below.

Axes: C channels, H rows, W columns, T words, h, w rows and columns of a map.

A convolution of stride 2 is centred on every second pixel, starting at the corner. So place (i, j) of a map is centred on the pixel
(i H / h, j W / w), not on the middle of the tile that starts there.
"""

import functools
import os
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import torch
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional as F

from drawgen.files import files_in
from drawgen.images import grey, grid, resize

PANEL_PX = 128
LABEL_PX = 24
COLUMNS = 6
MOST_FONTS = 512
"""Fonts that are tried, at most."""
MOST_LETTERS = 12
"""Letters without a font that a message names, at most."""
DARK = 0.22
"""Brightness where the attention is low."""


def light(where: Float[Tensor, "h w"], size: tuple[int, int]) -> Float[Tensor, "1 H W"]:
    """A map as light over a picture of `size` (height, width), 1 where it is highest."""
    height, width = size
    rows, columns = where.shape
    wider = F.pad(where[None, None], (0, 1, 0, 1), mode="replicate")
    larger = (round(height * (rows + 1) / rows), round(width * (columns + 1) / columns))
    top, left = (larger[0] - height) // 2, (larger[1] - width) // 2  # half a tile
    found = F.interpolate(wider, larger, mode="bicubic", align_corners=False)[0].clamp(min=0)
    found = found[:, top : top + height, left : left + width]
    return found / found.max().clamp(min=1e-12)


def lit(picture: Float[Tensor, "C H W"], where: Float[Tensor, "h w"]) -> Float[Tensor, "3 H W"]:
    """The picture, in its colours where the map is high, grey and dark where it is low."""
    height, width = picture.shape[1:]
    grey_and_dark = DARK * grey(picture).expand(3, -1, -1)
    return torch.lerp(grey_and_dark, picture.expand(3, -1, -1), light(where, (height, width)))


def labelled(picture: Float[Tensor, "3 H W"], word: str) -> Float[Tensor, "3 H2 W"]:
    """The picture with a word below it, in a font that has its letters, if there is one; a long word is smaller."""
    width = picture.shape[2]
    size, path = 16, font_for(word)
    font = opened(path, size)
    while size > 7 and font.getlength(word) > width - 4:
        size -= 1
        font = opened(path, size)
    label = Image.new("RGB", (width, LABEL_PX), "white")
    pen = ImageDraw.Draw(label)
    pen.text(((width - font.getlength(word)) / 2, 2), word, fill="black", font=font)
    below = torch.frombuffer(bytearray(label.tobytes()), dtype=torch.uint8).view(LABEL_PX, width, 3).permute(2, 0, 1) / 255
    return torch.cat([picture, below], 1)


def missing(words: Sequence[str]) -> list[str]:
    """The letters that are shown as boxes, because no font of this system has all letters of their word."""
    return list(dict.fromkeys(letter for word in words for letter in letters_of(word) if not has(font_for(word), letter)))


def told_missing(out: Path, letters: Sequence[str]) -> str:
    """A message about the letters that a picture shows as boxes."""
    return (
        f"{out} has boxes in place of {' '.join(letters[:MOST_LETTERS])}: no font of this system has them; install one, as Noto "
        "Sans (Debian: fonts-noto-core, fonts-noto-cjk)"
    )


@functools.lru_cache(10_000)
def font_for(word: str) -> str:
    """The first font that has most of a word's letters: Pillow's own ("", for English), then those of the system."""
    letters, best, most = letters_of(word), "", -1
    for path in ("", *(system_fonts() if not all(has("", letter) for letter in letters) else ())):
        count = sum(has(path, letter) for letter in letters)
        if count > most:
            best, most = path, count
        if most == len(letters):
            break
    return best


def letters_of(word: str) -> list[str]:
    """The visible letters of a text, in their written forms, without joiners."""
    return [letter for letter in dict.fromkeys(word) if unicodedata.category(letter) not in ("Cf", "Zs", "Cc")]


@functools.lru_cache(100_000)
def has(path: str, letter: str) -> bool:
    """Whether a font has a letter: a missing letter looks like U+10FFFE, which no font has, or is blank."""
    font = opened(path, 16, basic=True)
    try:
        drawn, none = font.getmask(letter), font.getmask("\U0010fffe")
    except OSError:
        return False
    return drawn.getbbox() is not None and (drawn.size != none.size or bytes(drawn) != bytes(none))


@functools.lru_cache(MOST_FONTS)
def opened(path: str, size: int, *, basic: bool = False) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font by its path, Pillow's own for "" and for one that cannot be read; `basic`: letter by letter, nothing joined."""
    if path:
        try:
            return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC if basic else None)
        except OSError:
            pass
    return ImageFont.load_default(size)


@functools.cache
def system_fonts() -> tuple[str, ...]:
    """Paths of the fonts of this system, plain sans-serif fonts first."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  # where nobody has a home, no error
    folders = [home / ".local/share/fonts", home / ".fonts", home / "Library/Fonts"]
    folders += [
        Path(place, "fonts") for place in os.environ.get("XDG_DATA_DIRS", "/usr/local/share:/usr/share").split(os.pathsep) if place
    ]
    folders += [Path("/System/Library/Fonts"), Path("/Library/Fonts"), Path(os.environ.get("WINDIR", "C:/Windows"), "Fonts")]
    found: dict[str, None] = {}
    for folder in folders:
        with suppress(OSError):
            found |= {str(path): None for path in files_in(folder, (".ttf", ".otf", ".ttc"), deep=True)}

    def rank(path: str) -> tuple[bool, bool, str]:
        name = Path(path).stem.lower()
        styled = any(word in name for word in ("bold", "italic", "oblique", "light", "thin", "black", "condensed", "mono"))
        return styled, "sans" not in name, path

    return tuple(sorted(found, key=rank)[:MOST_FONTS])


def enlarged(picture: Float[Tensor, "C H W"]) -> Float[Tensor, "C H2 W2"]:
    """Resizes a picture so that its shorter side is `PANEL_PX`; a small picture is enlarged without smoothing."""
    height, width = picture.shape[1:]
    factor = PANEL_PX / min(height, width)
    if factor >= 2:
        whole = round(factor)
        return picture.repeat_interleave(whole, 1).repeat_interleave(whole, 2)
    return resize(picture, round(height * factor), round(width * factor))


def panels(
    picture: Float[Tensor, "C H W"], words: Sequence[str], maps: Float[Tensor, "T h w"]
) -> Iterator[Float[Tensor, "3 H2 W2"]]:
    """The picture, and then one panel per word."""
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
    """An animation: panel number t of all pictures side by side; a picture whose caption has ended keeps its last panel."""
    for t in range(max(len(one) for one in shown)):
        yield grid(torch.stack([one[min(t, len(one) - 1)] for one in shown]), gap_px=4)

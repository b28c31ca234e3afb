"""A photographed character is cut out wherever the light falls, on any paper."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from drawgen.contract import generator
from drawgen.images import ImageError, load_image
from drawgen.ink import characters, ink, thickened


def photographed_seven(height=90, width=70, *, dark=True):
    """A seven in the corner of a grey page, as a photograph would have it."""
    page = torch.full((1, height, width), 0.8 if dark else 0.2)
    page[:, 20:25, 10:35] = 0.1 if dark else 0.9
    for k in range(30):
        page[:, 25 + k, 33 - k // 2 : 37 - k // 2] = 0.1 if dark else 0.9
    return page


@pytest.mark.parametrize("dark", [True, False])
def test_ink_is_light_on_black_and_in_the_middle(dark):
    """Whatever the paper's colour, the ink is white, fills the box it should, and its mass lies in the middle."""
    page = ink(photographed_seven(dark=dark), 28, 28)
    assert page.shape == (1, 28, 28)
    assert set(page.unique().tolist()) == {0.0, 1.0}
    rows, columns = torch.nonzero(page[0]).float().unbind(1)
    assert abs(float(rows.mean()) - 13.5) < 1.5
    assert abs(float(columns.mean()) - 13.5) < 1.5
    assert 18 <= float(rows.max() - rows.min()) + 1 <= 21
    assert page[0].sum() < 200


def test_ink_of_a_blank_page_is_refused():
    with pytest.raises(ImageError, match="nothing but paper"):
        ink(torch.full((3, 40, 30), 0.5), 28, 28)


def letter(ink=0.1, paper=0.9, height=150, width=200):
    page = Image.new("F", (width, height), paper)
    pen = ImageDraw.Draw(page)
    pen.line([(60, 125), (100, 30), (140, 125)], fill=ink, width=9, joint="curve")
    pen.line([(75, 90), (125, 90)], fill=ink, width=9)
    return torch.from_numpy(np.array(page))[None]


def across(start, end, height=150, width=200):
    return torch.linspace(start, end, width).expand(1, height, width)


def with_desk(page, shade):
    page = page.clone()
    page[:, :, :22] = shade
    page[:, -12:] = shade
    return page


def half_shaded(page):
    page = page.clone()
    page[:, :, 110:] *= 0.5
    return page


PAGES = {
    "shadow": lambda: letter() * across(1, 0.4),
    "an edge of shadow": lambda: half_shaded(letter()),
    "desk": lambda: with_desk(letter(), 0.3),
    "desk in shadow": lambda: with_desk(letter() * across(0.5, 1), 0.15),
    "grain": lambda: (letter() * across(1, 0.5) + 0.03 * torch.randn(1, 150, 200, generator=generator(0))).clamp(0, 1),
    "blackboard": lambda: letter(0.9, 0.15),
    "blackboard in shadow": lambda: letter(0.95, 0.25) * across(0.5, 1),
    "pencil": lambda: letter(0.7, 0.85),
    "colour": lambda: letter().expand(3, -1, -1) * torch.tensor([1.0, 0.9, 0.7])[:, None, None],
}


@pytest.mark.parametrize("page", PAGES)
def test_ink_is_the_same_in_any_light(page):
    plain, found = ink(letter(), 48, 48), ink(PAGES[page](), 48, 48)
    moved = [torch.roll(found, (down, right), (1, 2)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    assert min((plain != page).float().mean() for page in moved) < 0.02
    assert 0.05 < plain.mean() < 0.3


@pytest.mark.parametrize(("colour", "ground"), [(0.0, 1.0), (1.0, 1.0), (0.6, 1.0)])
def test_ink_on_transparent_paper(colour, ground):
    """Laid on white, white ink cannot be seen; its alpha tells."""
    alpha = letter(1.0, 0.0)
    plain = ink(letter(), 48, 48)
    assert (ink(colour * alpha + ground * (1 - alpha), 48, 48, alpha=alpha) != plain).float().mean() < 0.02


def test_a_cut_out_sheet_is_paper():
    alpha = torch.zeros(1, 150, 200)
    alpha[:, 5:-5, 20:-20] = 1
    sheet = letter() * alpha + 1 - alpha
    assert (ink(sheet, 48, 48, alpha=alpha) != ink(letter(), 48, 48)).float().mean() < 0.02


def test_a_character_that_touches_the_edge_is_kept():
    assert (ink(letter()[:, 30:], 48, 48) != ink(letter(), 48, 48)).float().mean() < 0.06


def test_the_shades_of_edges_are_kept():
    page = ink(letter(), 48, 48, shades=True)
    assert ((page > 0.1) & (page < 0.9)).float().mean() > 0.01


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("light", [(1.0, 1.0), (1.0, 0.4)])
def test_blank_paper_with_grain_and_shadow_is_refused(seed, light):
    page = across(*light, 220, 240) * (0.8 + 0.02 * torch.randn(1, 220, 240, generator=generator(seed)))
    with pytest.raises(ImageError, match="nothing but paper"):
        ink(page.clamp(0, 1), 28, 28)


def test_nothing_to_be_seen_is_refused():
    with pytest.raises(ImageError, match="wholly transparent"):
        ink(torch.ones(1, 40, 40), 28, 28, alpha=torch.zeros(1, 40, 40))


def test_the_letter_in_shadow(data: Path):
    """A corner of it is 55 % darker."""
    file = data.parent / "cases" / "pictures" / "letter_in_shadow.jpg"
    if not file.is_file():
        pytest.skip(f"{file} is absent")
    page = ink(load_image(file), 64, 64)[0]
    rows, columns = torch.nonzero(page).unbind(1)
    assert page[:6].sum() + page[:, :6].sum() == 0
    assert 0.06 < float(page.mean()) < 0.14
    assert 40 <= int(rows.max() - rows.min()) + 1 <= 48
    assert int(columns.max() - columns.min()) + 1 <= 44


def strokes_at(*boxes, height=60, width=90):
    strong = torch.zeros(height, width, dtype=torch.bool)
    for top, left, bottom, right in boxes:
        strong[top:bottom, left:right] = True
    return strong


def test_characters_are_found_from_left_to_right():
    found = characters(strokes_at((10, 50, 40, 60), (12, 5, 41, 20)))
    assert [tuple(box) for box in found] == [(12, 5, 41, 20), (10, 50, 40, 60)]


def test_a_bar_over_a_character_is_a_part_of_it():
    """As of a five; digits one above the other are not one."""
    assert len(characters(strokes_at((15, 10, 40, 25), (9, 12, 12, 30)))) == 1
    assert len(characters(strokes_at((2, 10, 27, 25), (32, 10, 57, 25)))) == 2


def test_letters_have_the_height_that_is_asked_for():
    """Two characters far apart, at 10 pixels each, with strokes of at least a ninth of it; or as large as fits."""
    image = torch.full((1, 100, 200), 0.9)
    image[0, 30:70, 20:22] = image[0, 35:75, 120:122] = 0.1
    page = ink(image, 60, 60, shades=True, letter_px=10.0)[0]
    rows, columns = torch.nonzero(page > 0.3).unbind(1)
    assert 10 <= int(rows.max() - rows.min()) + 1 <= 14
    assert 24 <= int(columns.max() - columns.min()) + 1 <= 30
    small = ink(image, 30, 30, shades=True, letter_px=40.0)[0]
    columns = torch.nonzero(small > 0.3)[:, 1]
    assert int(columns.max() - columns.min()) + 1 <= 23
    assert float(page.max()) > 0.8


def test_thin_strokes_become_thicker_and_thick_ones_stay():
    line = strokes_at((10, 40, 50, 42))
    assert thickened(line, 6.0).any(0).sum() in (5, 6, 7)
    assert torch.equal(thickened(line, 2.0), line)

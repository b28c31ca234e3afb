"""Pictures of the attention between two texts, as SVG and as pixels."""

import re

import pytest
import torch

from drawgen.alignment_pictures import EDGE_PX, SHEET_PX, STOPS, Alignment, Sheet, colour, fonts_of, shortened


def even(source, target):
    return Alignment(source, target, torch.full((len(target), len(source)), 1 / len(source)))


def cells(one):
    return [box for box in one.parts[0][1:]]


def test_a_cell_for_each_pair_light_where_the_attention_is_high():
    one = Alignment(["a", "b"], ["c", "d", "e"], torch.tensor([[1.0, 0.0], [0.25, 0.75], [0.0, 1.0]]))
    assert [box.colour for box in cells(one)][:2] == [STOPS[-1], STOPS[0]]
    brightness = [sum(int(colour(share / 20)[k : k + 2], 16) for k in (1, 3, 5)) for share in range(21)]
    assert brightness == sorted(brightness)
    assert {(box.left, box.top) for box in cells(one)} == {
        (column, row) for column in {box.left for box in cells(one)} for row in {box.top for box in cells(one)}
    }
    assert [word.text for word in one.parts[1]] == ["a", "b", "c", "1.00", "d", "0.25", "0.75", "e", "1.00"]


def test_long_words_are_turned():
    short, long = even(["a", "bc"], ["d"]), even(["a", "incomprehensibilities"], ["d"])
    assert not any(word.turned for word in short.parts[1])
    assert [word.text for word in long.parts[1] if word.turned] == ["a", "incomprehensibilities"]


@pytest.mark.parametrize("count", [1, 3, 13, 30, 90])
def test_everything_is_in_the_picture(count):
    one = even([f"word{n}" for n in range(count)], [f"mot{n}" for n in range(count)])
    height, width = Sheet([one]).size
    pixels = Sheet([one]).pixels()
    assert pixels.shape == (3, height, width)
    for edge in (pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]):
        assert bool((edge == 1).all())
    for box in cells(one):
        x, y = box.left + 1, box.top + 1  # away from the values
        assert "#" + "".join(f"{round(255 * float(part)):02x}" for part in pixels[:, y, x]) == box.colour
    labels = Sheet([one]).pixels()
    top = min(box.top for box in cells(one))
    assert float(labels[:, : top - 2].min()) < 0.4  # the words are there


def test_the_two_kinds_have_the_same_cells_and_words():
    one = even(["a & b", "<c>"], ["d"])
    svg = Sheet([one]).svg()
    height, width = Sheet([one]).size
    assert svg.startswith(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"')
    assert svg.count("<rect") == 1 + 1 + 2
    assert re.findall(r">([^<>]+)</text>", svg) == ["a &amp; b", "&lt;c&gt;", "d", "0.50", "0.50"]


def test_svg_is_drawn_as_the_pixels_are():
    cairosvg = pytest.importorskip("cairosvg")
    import io

    import numpy as np
    from PIL import Image

    sheet = Sheet([even(["one", "two", "three"], ["un", "deux"]), even(["four"], ["quatre"])])
    with Image.open(io.BytesIO(cairosvg.svg2png(sheet.svg().encode()))) as picture:
        other = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1) / 255
    assert other.shape == sheet.pixels().shape
    assert float((other - sheet.pixels()).abs().mean()) < 0.05  # the fonts differ


def test_a_sheet_stands_side_by_side_as_far_as_there_is_room():
    one = even([f"w{n}" for n in range(10)], ["x"])
    height, width = Sheet([one]).size
    fits = (SHEET_PX + EDGE_PX) // (width + EDGE_PX)
    assert Sheet([one] * fits).size == (height, fits * (width + EDGE_PX) - EDGE_PX)
    assert Sheet([one] * (fits + 1)).size[0] == 2 * height + EDGE_PX
    assert len(set(Sheet([one] * (fits + 1)).places[0])) == fits + 1


def test_words_of_any_kind():
    assert shortened(" ") in "␣_"
    assert shortened("x" * 100) == "x" * 25 + "…"
    fonts = fonts_of(["été", "chat"])
    assert fonts["été"] == fonts["chat"]
    assert Sheet([even(["ذهب", "犬", " ", "नमस्ते"], ["été"])]).pixels().shape[0] == 3


def test_weights_have_to_fit():
    with pytest.raises(ValueError, match="1 by 2 words have attention of shape"):
        Alignment(["a", "b"], ["c"], torch.ones(2, 1))
    with pytest.raises(ValueError, match="0 by 1 words"):
        Alignment(["a"], [], torch.ones(0, 1))

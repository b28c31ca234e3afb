"""drawgen plot, and what drawgen paint writes for a plotter."""

import json
import re
from pathlib import Path

import pytest
import torch
from command_line import refused, run

import drawgen

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="100mm" height="50mm" viewBox="0 0 100 50">{}</svg>'
LINES = '<path d="M10 10H90M10 40H90" stroke="#f00" fill="none"/><path d="M20 20h5" stroke="blue"/>'
PAINT = "paint photo.png -o new.svg --strokes 5 --detail-px 32"


@pytest.fixture
def quick(monkeypatch):
    """Paintings of few steps."""
    from drawgen.strokes import placing

    monkeypatch.setattr(placing, "ROUNDS", tuple(part._replace(steps=2) for part in placing.ROUNDS))


@pytest.fixture
def drawn(here):
    Path("a.svg").write_text(SVG.format(LINES), encoding="utf-8")
    Path("fills.svg").write_text(SVG.format('<rect width="5" height="5"/>'), encoding="utf-8")
    Path("broken.svg").write_text("<svg>", encoding="utf-8")
    return here


def test_plot(capsys, drawn):
    """What is printed: strokes, layers, the ways of the lowered and of the raised pen."""
    status, out, _ = run(capsys, *["plot", "a.svg", "-o", "b.svg"])
    assert status == 0
    name, whole, *layers = out.splitlines()
    assert name == "b.svg"
    assert re.fullmatch(r"3 strokes in 2 layers on 297 x 210 mm; pen down \d+ mm, up \d+ mm \(\d+ mm before\)", whole)
    assert [line.split(",")[0] for line in layers] == ["1 #ff0000: 2 strokes", "2 #0000ff: 1 stroke"]
    words = "plot a.svg -o c.svg --page 148x210mm --margin 5 --pen-mm 0.3 --order nearest --json"
    assert run(capsys, *words.split())[0] == 0
    text = Path("c.svg").read_text(encoding="utf-8")
    assert 'width="148mm" height="210mm" viewBox="0 0 148 210"' in text
    assert text.count('stroke-width="0.3"') == 2


def test_what_is_told(capsys, drawn):
    """In the words of the command line: a drawing that does not fit, colours that become pens, lines wider than pens."""
    many = "".join(f'<path d="M0 {k}h9" stroke="#0000{k:02x}" stroke-width="3"/>' for k in range(1, 14))
    Path("many.svg").write_text(SVG.format(many), encoding="utf-8")
    status, _, err = run(capsys, *["plot", "many.svg", "-o", "b.svg"])
    assert status == 0
    assert "many.svg has 13 colours, which are drawn with 8 pens; --palette chooses others" in err
    assert "many.svg has strokes of up to 63 mm on this page, wider than pens; --pen-mm draws all with one pen" in err
    status, _, err = run(capsys, *["plot", "a.svg", "-o", "c.svg", "--scale", "4"])
    assert status == 0
    assert "a.svg has 320 x 120 mm at this --scale; what lies beyond the margin is cut" in err
    assert run(capsys, *["plot", "a.svg", "-o", "d.svg", "--pen-mm", "0.5"])[2] == ""


def test_json(capsys, drawn):
    status, out, _ = run(capsys, *["plot", "a.svg", "-o", "b.svg", "--scale", "1", "--json"])
    assert status == 0
    found = json.loads(out)
    assert found["out"] == "b.svg"
    assert (found["strokes"], found["pen_down_mm"], found["page_mm"]) == (3, 165.0, [297.0, 210.0])
    assert [(layer["colour"], layer["strokes"]) for layer in found["layers"]] == [("#ff0000", 2), ("#0000ff", 1)]
    assert found["pen_up_mm"] == pytest.approx(sum(layer["pen_up_mm"] for layer in found["layers"]), abs=0.11)


@pytest.mark.usefixtures("quick")
def test_a_painting_is_plotted_at_once_or_later(capsys, here):
    """The same file by `paint --lines` and by `plot` of its strokes, from Python too."""
    line = "--strokes 6 --detail-px 32 --palette auto:2"
    assert run(capsys, *f"paint photo:coffee -o a.svg --lines --page A5 {line}".split())[:2] == (0, "a.svg\n")
    assert run(capsys, *f"paint photo:coffee -o a.json {line}".split())[0] == 0
    assert run(capsys, *["plot", "a.json", "-o", "b.svg", "--page", "A5"])[0] == 0
    assert run(capsys, *["paint", "a.json", "-o", "c.svg", "--lines", "--page", "A5"])[0] == 0
    painting = drawgen.paint("photo:coffee", strokes=6, detail_px=32, palette="auto:2")
    drawgen.plot(painting, page="A5").save("d.svg")
    first, *others = (Path(f"{name}.svg").read_bytes() for name in "abcd")
    assert others == [first] * 3
    assert run(capsys, *["paint", "a.json", "-o", "e.svg", "--lines", "--pen-mm", "1"])[0] == 0  # hatched
    assert Path("e.svg").read_text(encoding="utf-8").count('stroke-width="1"') in (1, 2)


@pytest.mark.usefixtures("quick")
def test_a_painting_for_a_pen(capsys, here):
    """Each stroke has the pen's width on the page, and one of the inks; dark strokes lie on light ones."""
    line = "paint photo:coffee -o a.json --strokes 8 --detail-px 32 --pen-mm 0.8 --page A5 --palette white,red,black"
    assert run(capsys, *line.split())[0] == 0
    found = json.loads(Path("a.json").read_text(encoding="utf-8"))
    assert found["background"] == [1, 1, 1]
    assert len(found["strokes"]) == 8
    inks = [tuple(row[10:]) for row in found["strokes"]]
    order = [(1, 1, 1), (1, 0, 0), (0, 0, 0)]
    assert inks == sorted(inks, key=order.index)
    assert {row[8] for row in found["strokes"]} == {1}
    assert run(capsys, *["plot", "a.json", "-o", "a.svg", "--page", "A5"])[0] == 0
    widths = {float(width) for width in re.findall(r'stroke-width="([^"]*)"', Path("a.svg").read_text(encoding="utf-8"))}
    assert all(abs(width - 0.8) < 0.002 for width in widths)
    assert run(capsys, *["paint", "photo:coffee", "-o", "b.png", "--pen-mm", "5", "--detail-px", "32", "--size", "60x40"])[0] == 0


def test_the_number_of_strokes_for_a_pen():
    """It follows from the page's area and the pen's width."""
    from drawgen.jobs.plots import pen_settings

    assert pen_settings((277, 190), 0.5, "A4", None)["strokes"] == 2000
    assert pen_settings((277, 190), 1.0, "A4", None)["strokes"] == 500
    assert pen_settings((277, 190), 0.1, "A4", None)["strokes"] == 4000
    assert pen_settings((277, 190), 0.5, "A4", 7)["strokes"] == 7


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("plot none.svg -o new.svg", "none.svg does not exist"),
        ("plot none.json -o new.svg", "none.json does not exist"),
        ("plot broken.svg -o new.svg", "broken.svg is not XML"),
        ("plot a-file -o new.svg", "a-file is empty"),
        ("plot folder -o new.svg", "folder cannot be read"),
        ("plot fills.svg -o new.svg", "no strokes, only filled shapes without a stroke (1); --outlines draws"),
        ("plot photo.png -o new.svg", "photo.png is a photograph; draw it with strokes first"),
        ("plot photo:coffee -o new.svg", "photo:coffee is a photograph"),
        ("plot a.svg -o new.png", "new.png cannot hold this; use .svg"),
        ("plot a.svg -o a.svg --force", "a.svg is the file that is read"),
        ("plot a.svg -o fills.svg", "fills.svg exists already"),
        ("plot a.svg -o none/new.svg", "the folder none does not exist"),
        ("plot a.svg -o new.svg --page B7", "--page is 'B7'; give width and height, as 210x297mm"),
        ("plot a.svg -o new.svg --margin 200", "--margin is 200 mm"),
        ("plot a.svg -o new.svg --margin -1", "--margin is -1.0"),
        ("plot a.svg -o new.svg --scale 0", "--scale is 0.0"),
        ("plot a.svg -o new.svg --pen-mm nan", "--pen-mm is nan"),
        ("plot a.svg -o new.svg --palette reddish", "--palette has 'reddish'"),
        ("plot a.svg -o new.svg --hidden drop", "--hidden is 'drop', which is for paintings"),
        (PAINT + " --page A4", "--page is for a pen plotter; give --lines or --pen-mm"),
        (PAINT + " --lines --page A9", "--page is 'A9'"),
        (PAINT + " --lines --size 30x30", "--size is in pixels and does not hold for --lines; give --page"),
        (PAINT.replace("new.svg", "new.png") + " --lines", "--lines is for an SVG, and the file is new.png"),
        (
            PAINT.replace("new.svg", "new.png") + " --lines --animate",
            "--animate is for pictures, and --lines are written as an SVG",
        ),
        ("plot a.svg -o new.svg --page 210x297mm --landscape", "--landscape is for a page with a name"),
        (PAINT + " --pen-mm 0", "--pen-mm is 0.0"),
        (
            PAINT + " --pen-mm 40",
            "--pen-mm is 40, and the painting has 190 mm on its shorter side; take a finer pen",
        ),
        (PAINT + " --pen-mm 1 --opacity 0.5", "--opacity does not hold for a pen"),
        (PAINT + " --pen-mm 1 --least-radius 1", "--least-radius does not hold for a pen"),
        (PAINT + " --pen-mm 1 --background none", "--background is none, and a pen draws on paper"),
    ],
)
def test_refuses(capsys, drawn, line, words):
    refused(capsys, drawn, line, words)


def test_a_painting_is_not_painted_again_for_a_pen(capsys, drawn):
    Path("a.json").write_text(drawgen.Painting.sheet(torch.zeros(1, 1, 11), (9, 9), 1).json(), encoding="utf-8")
    refused(capsys, drawn, "paint a.json -o new.png --pen-mm 1", "is painted already; leave --pen-mm out")
    refused(capsys, drawn, "plot a.json -o new.svg", "a.json has no strokes")
    Path("b.json").write_text('{"format": "drawgen triangles 1"}', encoding="utf-8")
    refused(
        capsys, drawn, "plot b.json -o new.svg", 'b.json is not a file of strokes ("format": "drawgen strokes 1"), its format is "d'
    )
    refused(capsys, drawn, "plot a.json -o new.svg --outlines", "--outlines is for the filled shapes of an SVG")

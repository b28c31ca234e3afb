"""The tabs Draw, Look and Learn in a browser: each through its use, by mouse and by keyboard, narrow and wide, dark and light."""

import base64
import re
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
expect = pytest.importorskip("playwright.sync_api").expect

from studio.browsing import PATIENCE_MS, chromium, page, serving  # noqa: E402

from drawgen import cli  # noqa: E402

LEARN = ("Points", "Windows", "Translation", "Trees", "Glimpses", "Gradients")

pytestmark = pytest.mark.slow
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(browser, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("studio")) as found:
        yield found


def part(opened, tab, name):
    opened.locator(f"#{tab} .parts button", has_text=name).click()
    return opened.locator(f'#{tab} [data-part="{name}"]')


def saved(opened, button):
    with opened.expect_download() as download:
        button.click()
    return download.value


# ---------------------------------------------------------------- Draw


def test_a_model_draws(browser, address, tmp_path):
    """It begins with drawings; the slider moves through them, and the file is the command line's."""
    with page(browser, f"{address}#draw", reduced_motion="reduce") as opened:
        own = opened.locator('#draw [data-part="By itself"]')
        own.locator(".sheet canvas").first.wait_for()
        assert own.locator(".tile").count() == 12
        slider = own.get_by_role("slider")
        assert slider.input_value() == "32"  # finished, where motion is unwanted
        assert own.locator(".window").first.is_hidden()
        slider.focus()
        slider.press("Home")
        slider.press("ArrowRight")
        assert slider.get_attribute("aria-valuetext") == "1 of 32"
        assert own.locator(".window").first.is_visible()
        own.get_by_role("button", name="Play").click()
        own.get_by_role("button", name="Pause").click()

        own.get_by_label("What to draw").select_option("sketch_rnn:omniglot")
        own.locator(".pen").first.wait_for()
        own.get_by_label("how many").fill("3")
        own.get_by_role("button", name="Draw", exact=True).click()
        expect(own.locator(".pen")).to_have_count(3)
        file = saved(opened, own.get_by_role("button", name="Download SVG"))
        assert file.suggested_filename == "omniglot-1.svg"
        out = tmp_path / "out.svg"
        words = ["sample", "sketch_rnn:omniglot", "-n", "3", "--temperature", "0.4", "--seed", "1", "-o", str(out)]
        assert cli.main(words) == 0
        assert Path(file.path()).read_bytes() == out.read_bytes()


def test_motion(browser, address):
    """Drawings begin finished and play once."""
    with page(browser, f"{address}#draw") as opened:
        own = opened.locator('#draw [data-part="By itself"]')
        own.get_by_role("button", name="Pause").wait_for()
        expect(own.get_by_role("slider")).to_have_value("32")
        own.get_by_role("button", name="Play").wait_for()


def test_the_pad(browser, address):
    """Drawn on by a mouse, undone, cleared, drawn on by keyboard; an empty one is refused in a sentence."""
    with page(browser, f"{address}#draw", reduced_motion="reduce") as opened:
        own = part(opened, "draw", "After yours")
        go_on = own.get_by_role("button", name="Go on in four ways")
        lines = own.locator(".pad .ink path")
        box = own.locator(".pad").bounding_box()
        for across in (0.3, 0.5):
            opened.mouse.move(box["x"] + across * box["width"], box["y"] + 0.2 * box["height"])
            opened.mouse.down()
            for down in (0.4, 0.6, 0.8):
                opened.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
            opened.mouse.up()
        assert lines.count() == 2
        own.get_by_role("button", name="Undo").click()
        assert lines.count() == 1
        go_on.click()
        own.locator(".pen .given").first.wait_for(state="attached")
        assert own.locator(".pen").count() == 4
        assert own.locator(".pen .new path").count() >= 4

        own.get_by_role("button", name="Clear").click()
        pad = own.locator(".pad")
        pad.focus()
        for key in ("ArrowUp", " ", "ArrowDown", "ArrowDown", "ArrowRight", " "):
            pad.press(key)
        assert lines.count() == 1
        assert lines.first.get_attribute("d").count("L") == 3

        own.get_by_role("button", name="A digit", exact=True).click()
        own.get_by_role("button", name="Read it as a digit").click()
        own.locator(".bars").wait_for()
        assert own.locator(".big").inner_text() == "7"
        for button, caption in (
            ("Draw it again with a pen", "drawn again with a pen"),
            ("Paint it in eight strokes", "painted in eight strokes"),
        ):
            own.get_by_role("button", name=button).click()
            own.get_by_text(caption).wait_for()
        assert own.locator(".beside .sheet svg path").count() == 8

    faults = []
    with page(browser, f"{address}#draw", faults=faults) as opened:
        own = part(opened, "draw", "After yours")
        own.get_by_role("button", name="Go on in four ways").click()
        opened.get_by_text("The drawing has no lines; draw something first.").wait_for()
    assert all("422" in fault for fault in faults), faults


def test_a_sentence(browser, address):
    faults = []
    with page(browser, f"{address}#draw", faults=faults, reduced_motion="reduce") as opened:
        own = part(opened, "draw", "From a sentence")
        field = own.get_by_label("Sentence, in English")
        field.fill("a red elephant")
        own.get_by_role("button", name="Draw it").click()
        opened.get_by_text('does not know the word "elephant"').wait_for()
        own.get_by_role("button", name="two purple crosses").click()
        own.locator(".read-as").wait_for()
        assert "things 2 purple cross" in own.locator(".read-as").inner_text()
        assert own.locator(".sheet svg").count() == 4
    assert all("422" in fault for fault in faults), faults


# ---------------------------------------------------------------- Learn


def test_points(browser, address):
    """Scattered, clicked, put by keyboard; step by step with the probabilities."""
    faults = []
    with page(browser, f"{address}#learn", faults=faults, reduced_motion="reduce") as opened:
        own = opened.locator('#learn [data-part="Points"]')
        own.locator(".found").first.wait_for()
        own.get_by_role("button", name="Clear").click()
        own.get_by_role("button", name="Find it").click()
        opened.get_by_text("Points: 0 points; a convex hull needs at least 3.").wait_for()
        board = own.locator(".board")
        box = board.bounding_box()
        for x, y in ((0.2, 0.2), (0.8, 0.25), (0.7, 0.8), (0.25, 0.7), (0.5, 0.45)):
            board.click(position={"x": x * box["width"], "y": y * box["height"]})
        assert own.locator(".spots circle").count() == 5
        board.click(position={"x": 0.5 * box["width"], "y": 0.45 * box["height"]})
        assert own.locator(".spots circle").count() == 4
        board.press(" ")  # in the middle
        assert own.locator(".spots circle").count() == 5
        own.get_by_role("button", name="Find it").click()
        own.get_by_text("model: the same polygon").wait_for()
        slider = own.get_by_role("slider")
        assert slider.get_attribute("max") == "6"  # four corners, the end, and the whole
        slider.press("Home")
        slider.press("ArrowRight")
        assert re.fullmatch(r"1 of 5: point \d", slider.get_attribute("aria-valuetext"))
        assert own.locator(".halos .chosen").count() == 1
        assert own.locator(".bars li").count() >= 1
        own.get_by_label("convex hull: 4 corners").check()
        assert own.locator(".exact").is_visible()
        own.get_by_label("Delaunay triangles").check()
        own.get_by_text("of 4 triangles").first.wait_for()
        own.get_by_label("a short tour").check()
        own.get_by_text(re.compile("^model: length")).wait_for()
        file = saved(opened, own.get_by_role("button", name="Download SVG"))
        assert file.suggested_filename == "tour.svg"
    assert all("422" in fault for fault in faults), faults


def test_windows_and_glimpses(browser, address, tmp_path):
    """Step by step by a slider; a picture of one's own, and one that is none."""
    faults = []
    with page(browser, f"{address}#learn", faults=faults, reduced_motion="reduce") as opened:
        own = part(opened, "learn", "Windows")
        own.locator(".window.read").wait_for(state="attached")
        slider = own.get_by_role("slider")
        slider.press("Home")
        assert own.locator(".window.read").is_visible()
        first = own.locator(".window.write").get_attribute("width")
        slider.press("ArrowRight")
        assert own.locator(".window.write").get_attribute("width") != first
        own.get_by_label("one of its own, from nothing").check()
        expect(own.locator(".window.read")).to_have_count(0)

        own = part(opened, "learn", "Glimpses")
        own.locator(".answer-read .big").wait_for()
        assert own.locator(".answer-read .big").inner_text() == "5784"
        source = own.locator(".page-read img").get_attribute("src")
        number = tmp_path / "number.png"
        number.write_bytes(base64.b64decode(source.partition(",")[2]))
        wrong = tmp_path / "wrong.png"
        wrong.write_text("no picture", encoding="utf-8")
        own.locator("input[type=file]").set_input_files(wrong)
        opened.get_by_text("wrong.png").first.wait_for()
        assert "That was no picture" in own.locator(".photo-name").inner_text()
        own.locator("input[type=file]").set_input_files(number)
        own.get_by_text("number.png").wait_for()
        expect(own.locator(".page-read")).to_have_count(0)
        assert own.locator(".answer-read .big").inner_text() == "5784"
    assert all("422" in fault for fault in faults), faults


def test_sentences(browser, address):
    """Their attention on hover and on focus, and their trees."""
    faults = []
    with page(browser, f"{address}#learn", faults=faults) as opened:
        own = part(opened, "learn", "Translation")
        word = own.locator("button.word", has_text="maison")
        word.hover()
        own.get_by_text(re.compile("^“maison” came from “house”")).wait_for()
        assert (
            float(own.locator(".sentence-read .word", has_text="house").evaluate("word => word.style.getPropertyValue('--share')"))
            > 0.5
        )
        own.locator("button.word").first.focus()
        own.get_by_text(re.compile("^“Où” came from")).wait_for()
        assert own.locator(".matrix tbody tr").count() == own.locator("button.word").count()
        own.get_by_label("Sentence, in English").fill("")
        own.get_by_role("button", name="Translate into French").click()
        opened.get_by_text("There is nothing to translate").wait_for()
        own.get_by_label("Sentence, in English").fill("xyzzy")
        own.get_by_role("button", name="Translate into French").click()
        own.get_by_text("This is doubtful: none of its words is known").wait_for()

        own = part(opened, "learn", "Trees")
        own.locator(".tree").wait_for()
        assert own.locator(".leaf-word").all_inner_texts()[:3] == ["The", "old", "man"]
        assert own.locator(".tree > .node > .label").inner_text() == "S"
    assert all("422" in fault for fault in faults), faults


def test_a_gradient_goes_through_the_queue(browser, address):
    """It is found again by a page that is opened later."""
    with page(browser, f"{address}#learn") as opened:
        own = part(opened, "learn", "Gradients")
        own.locator("select").select_option("captioner:scenes")
        own.get_by_role("button", name="Follow it back").click()
        own.locator(".waiting").wait_for()
    with page(browser, address) as opened:
        opened.get_by_role("button", name="Learn: the gradient of captioner:scenes").click()
        own = opened.locator('#learn [data-part="Gradients"]')
        own.locator(".lags").wait_for()
        slider = own.get_by_role("slider")
        slider.press("Home")
        assert own.locator(".series b").first.inner_text() == "100 %"
        own.get_by_role("button", name="Delete this answer").click()
        own.get_by_text("This answer is deleted.").wait_for()


# ---------------------------------------------------------------- Look


def test_captions(browser, address, tmp_path):
    """By a sample and by files, of which one is none; the map of a word on hover and on focus."""
    faults = []
    with page(browser, f"{address}#look", faults=faults) as opened:
        own = opened.locator("#look")
        own.get_by_role("button", name="chelsea").click()
        own.locator(".caption").wait_for()
        cat = own.get_by_role("button", name="cat", exact=True)
        cat.focus()
        assert own.locator(".shade.on").count() == 1
        own.get_by_text("probable, given the words before it").wait_for()
        first = own.locator(".shade").get_attribute("src")
        cat.press("Tab")
        assert own.locator(".shade").get_attribute("src") != first
        wrong = tmp_path / "wrong.jpg"
        wrong.write_text("no picture", encoding="utf-8")
        own.locator("input[type=file]").set_input_files([wrong])
        opened.get_by_text("wrong.jpg").wait_for()
        assert own.locator(".look").count() == 1
        file = saved(opened, own.get_by_role("button", name="Download PNG"))
        assert file.suggested_filename == "captions.png"
        own.get_by_role("button", name="Take it away").click()
        assert own.locator(".look").count() == 0
    assert all("422" in fault for fault in faults), faults


# ---------------------------------------------------------------- everyone, everywhere


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_and_has_names(browser, address, scheme, width):
    """Nothing is wider than the window, and axe-core has no serious finding."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with page(
        browser, f"{address}#draw", color_scheme=scheme, viewport={"width": width, "height": 844}, reduced_motion="reduce"
    ) as opened:

        def check(where):
            wide = opened.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, (where, wide)
            found = axe.run(opened).response["violations"]
            serious = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
            assert not serious, (where, serious)

        opened.locator("#draw .sheet").wait_for()
        check("draw")
        own = part(opened, "draw", "After yours")
        own.get_by_role("button", name="A character").click()
        own.get_by_role("button", name="Paint it in eight strokes").click()
        own.locator(".beside").wait_for()
        check("pad")
        own = part(opened, "draw", "From a sentence")
        own.get_by_role("button", name="Draw it").click()
        own.locator(".read-as").wait_for()
        check("sentence")
        opened.get_by_role("tab", name="Learn").click()
        for name, there in zip(LEARN[:5], (".found", ".sheet", ".matrix", ".tree", ".answer-read"), strict=True):
            part(opened, "learn", name).locator(there).first.wait_for()
            check(name)
        part(opened, "learn", "Gradients")
        check("Gradients")
        opened.get_by_role("tab", name="Look").click()
        opened.locator("#look").get_by_role("button", name="coffee").click()
        opened.locator("#look .caption").wait_for()
        check("look")


def test_by_keyboard_alone(browser, address):
    """From the tabs to an answer."""
    with page(browser, address, reduced_motion="reduce") as opened:
        opened.locator("#texture .drop").wait_for()
        opened.get_by_role("tab", name="Texture").focus()
        for _ in range(10):
            if opened.evaluate("document.activeElement.textContent") == "Learn":
                break
            opened.keyboard.press("ArrowRight")
        for name in LEARN:
            opened.keyboard.press("Tab")
            assert opened.evaluate("document.activeElement.textContent") == name
            if name == "Trees":
                opened.keyboard.press("Enter")
        assert opened.locator('#learn [data-part="Trees"]').is_visible()
        opened.keyboard.press("Tab")
        opened.keyboard.press("Control+A")
        opened.keyboard.type("Time flies.")
        while opened.evaluate("document.activeElement.textContent") != "Parse":
            opened.keyboard.press("Tab")
        opened.keyboard.press("Enter")
        expect(opened.locator(".leaf-word")).to_have_text(["Time", "flies", "."])

"""The page in a real browser: its tabs by mouse and by keyboard, for screen readers, narrow and dark; and a foreign page."""

import base64
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from studio.browsing import CHROMIUM, chromium

from drawgen import cli, files, images
from drawgen.strokes.painting import Painting
from drawgen.studio import tabs
from drawgen.studio.app import Studio, create_app
from drawgen.studio.job_queue import DONE, FAILED, STOPPED, write_status
from drawgen.studio.settings import Work
from drawgen.studio.tabs import paint as paint_tab

sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
expect = sync_api.expect
expect.set_options(timeout=60_000)  # a busy machine takes long to start a process
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
WAIT_MS = 120_000


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@contextmanager
def served(folder):
    """The studio without its processes: pages, jobs that are there, and questions that the server answers itself."""
    import uvicorn

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        studio = Studio(folder)
        app = create_app(studio, frozenset({f"127.0.0.1:{port}"}))
        config = uvicorn.Config(app, lifespan="off", log_level="error", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}/", studio
        finally:
            studio.queue.tell({})
            server.should_exit = True
            thread.join()


def job_in(studio, kind, settings, **status):
    """A job that has ended, and its folder."""
    asked = tabs.jobs()[kind].settings(**settings)
    job = studio.queue.put(kind, kind, settings["photo"]["sample"], asked.model_dump(), None, "photo")
    work = Work(job.folder, resume=False, photo="", tell=lambda **_: None)
    if status["state"] != FAILED:
        tabs.jobs()[kind].function(asked, work)
    write_status(job.folder, **{"sentence": "", "seconds": 2.0, **status})
    job.read_status()
    return job


GRAVEL, COFFEE = {"sample": "gravel"}, {"sample": "coffee"}


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """A studio with a texture, a painting and a failure in it: its address, and itself."""
    with served(tmp_path_factory.mktemp("studio")) as (address, made):
        job_in(made, "texture", {"photo": GRAVEL, "width": 64, "height": 64, "tile": True, "invent": "nothing"}, state=DONE)
        job_in(made, "paint", {"photo": COFFEE, "strokes": 20}, state=STOPPED, sentence="Stopped early.")
        job_in(made, "texture", {"photo": GRAVEL}, state=FAILED, sentence="The process has ended.")
        yield address, made


@pytest.fixture
def page(browser, studio):
    """A page of it, on which nothing may go wrong unnoticed."""
    with opened(browser, studio[0]) as page:
        yield page


@contextmanager
def opened(browser, address, **look):
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **look})
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
    page.goto(address)
    page.wait_for_selector("[role=tab][aria-selected=true]")
    yield page
    context.close()
    assert not faults


def choose(page, tab):
    page.get_by_role("tab", name=tab).click()
    expect(page.get_by_role("tabpanel", name=tab)).to_be_visible()


# ---------------------------------------------------------------- for everyone


def findings(page):
    """What axe-core finds serious or critical, by rule and element."""
    found = axe.Axe().run(page).response["violations"]
    return [
        (rule["id"], node["html"][:120]) for rule in found if rule["impact"] in ("serious", "critical") for node in rule["nodes"]
    ]


@pytest.mark.parametrize("look", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 844}}])
def test_for_screen_readers(browser, studio, look):
    """Each tab, and each kind of job: names, roles, contrast. A narrow window is not scrolled sideways."""
    with opened(browser, studio[0], **look) as page:
        for title in tabs.TABS.values():
            choose(page, title)
            page.wait_for_timeout(300)
            assert findings(page) == [], title
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), title
        for number in range(3):
            page.locator("#jobs button").nth(number).click()
            page.wait_for_timeout(300)
            assert findings(page) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        choose(page, "Texture")
        if page.get_by_role("button", name="New from a photograph").count():
            page.locator("#texture").get_by_role("button", name="New from a photograph").click()
        page.locator("#texture").get_by_role("button", name="brick").click()
        page.locator("#texture").get_by_text("More settings").click()
        assert findings(page) == []


def test_tabs_by_keyboard(page):
    """Arrow keys, Home and End; one of them is in the order of the Tab key."""
    titles = list(tabs.TABS.values())
    page.get_by_role("tab", name=titles[0]).focus()
    for key, title in (
        ("ArrowRight", titles[1]),
        ("End", titles[-1]),
        ("ArrowRight", titles[0]),
        ("ArrowLeft", titles[-1]),
        ("Home", titles[0]),
    ):
        page.keyboard.press(key)
        expect(page.get_by_role("tab", name=title)).to_be_focused()
        expect(page.get_by_role("tabpanel", name=title)).to_be_visible()
    assert page.locator("[role=tab][tabindex='0']").count() == 1


def test_the_page_remembers_its_tab(page):
    choose(page, "Paint")
    page.reload()
    expect(page.get_by_role("tabpanel", name="Paint")).to_be_visible()


# ---------------------------------------------------------------- texture


def test_cropping(page):
    """By dragging, by moving the part, and by the number fields."""
    panel = page.locator("#texture")
    panel.get_by_role("button", name="gravel").click()
    frame = panel.locator(".crop")
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.25 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.5 * box["height"], steps=4)
    page.mouse.up()
    panel.get_by_text("Part of it, in pixels").click()
    fields = [panel.get_by_label(name, exact=True).first for name in ("left", "top", "width", "height")]
    for field, value in zip(fields, (128, 128, 256, 128), strict=True):
        assert abs(int(field.input_value()) - value) <= 3
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.4 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 1.5 * box["width"], box["y"] + 0.4 * box["height"], steps=4)
    page.mouse.up()
    assert int(fields[0].input_value()) + int(fields[2].input_value()) == 512
    fields[2].fill("100")
    fields[2].press("Tab")
    expect(panel.locator(".photo-name")).to_contain_text("100 by")
    panel.get_by_role("button", name="All of it").click()
    expect(panel.locator(".photo-name")).to_contain_text("512 by 512")


def test_a_job_is_started_by_keyboard(page, studio):
    """From the photograph to the queue, and out of it again, without a mouse."""
    made = studio[1]
    panel = page.locator("#texture")
    panel.get_by_role("button", name="grass").focus()
    page.keyboard.press("Enter")
    panel.get_by_text("Part of it, in pixels").focus()
    page.keyboard.press("Enter")
    panel.get_by_label("left", exact=True).focus()
    page.keyboard.type("12")
    page.keyboard.press("Tab")
    panel.get_by_role("spinbutton", name="Minutes of learning").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("1.5")
    page.keyboard.press("Enter")
    expect(panel.locator(".job .state")).to_contain_text("waiting")
    job = next(made.queue.waiting())
    assert (job.title, job.settings["minutes"], job.settings["tile"]) == ("grass", 1.5, True)
    panel.get_by_role("button", name="Take it out of the queue").focus()
    page.keyboard.press("Enter")
    expect(panel.locator(".job .state")).to_contain_text("stopped")
    panel.get_by_role("button", name="Delete").press("Enter")
    expect(panel.get_by_role("button", name="Another photograph")).to_be_visible()
    assert job.id not in made.queue.jobs


def test_a_job_without_a_photograph(page):
    page.get_by_role("button", name="Make the texture").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose a photograph first.")


def test_a_finished_texture(page):
    """The wall is moved by dragging and by keys; a repair wants a mask, which the keyboard can paint; the picture is saved."""
    panel = page.locator("#texture")
    page.locator("#jobs button", has_text="Texture: gravel").filter(has_text="done").click()
    panel.get_by_role("button", name="Wall").click()
    wall = panel.locator(".wall")
    before = wall.evaluate("wall => wall.style.backgroundPosition")
    wall.hover()
    page.mouse.down()
    page.mouse.move(500, 400, steps=3)
    page.mouse.up()
    dragged = wall.evaluate("wall => wall.style.backgroundPosition")
    assert dragged != before
    wall.press("ArrowLeft")
    assert wall.evaluate("wall => wall.style.backgroundPosition") != dragged
    panel.get_by_role("button", name="Repair").click()
    panel.get_by_role("button", name="Make it again").click()
    expect(page.get_by_role("alert")).to_contain_text("Paint over")
    mask = panel.locator("canvas.mask")
    mask.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    assert mask.evaluate(
        "mask => mask.getContext('2d').getImageData(0, 0, mask.width, mask.height).data.some((value) => value > 0)"
    )
    panel.get_by_role("button", name="Picture", exact=True).click()
    with page.expect_download() as saved:
        panel.get_by_role("button", name="Download PNG").click()
    assert saved.value.suggested_filename == "gravel-texture.png"
    assert images.picture_size(saved.value.path()) == (64, 64)


def test_a_failed_job_says_why(page):
    page.locator("#jobs button", has_text="failed").click()
    expect(page.locator("#texture .sentence")).to_have_text("The process has ended.")
    expect(page.locator("#texture").get_by_role("button", name="Go on")).to_be_visible()


# ---------------------------------------------------------------- paint


def test_the_slider_over_the_strokes(page):
    """It draws the strokes again, by mouse or keyboard."""
    page.locator("#jobs button", has_text="Paint: coffee").click()
    panel = page.locator("#paint")
    expect(panel.locator(".stroke-count")).to_have_text("20 of 20 strokes")
    ink = "canvas => { const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data; let sum = 0;"
    ink += " for (let k = 0; k < data.length; k += 997) sum = (sum * 31 + data[k]) % 1000003; return sum; }"
    canvas = panel.locator("canvas.picture")
    whole = canvas.evaluate(ink)
    slider = panel.get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    expect(panel.locator(".stroke-count")).to_have_text("0 of 20 strokes")
    assert canvas.evaluate(ink) != whole
    page.keyboard.press("ArrowRight")
    expect(panel.locator(".stroke-count")).to_have_text("1 of 20 strokes")
    assert slider.get_attribute("aria-valuetext") == "1 of 20 strokes"
    page.keyboard.press("End")
    assert canvas.evaluate(ink) == whole


def test_strokes_are_drawn_as_the_brush_draws_them(page, studio, tmp_path):
    """On the page's canvas, up to antialiasing."""
    page.locator("#jobs button", has_text="Paint: coffee").click()
    panel = page.locator("#paint")
    expect(panel.locator(".stroke-count")).to_have_text("20 of 20 strokes")
    job = next(job for job in studio[1].queue.jobs.values() if job.kind == "paint")
    data = panel.locator("canvas.picture").evaluate("canvas => canvas.toDataURL('image/png').split(',')[1]")
    (tmp_path / "drawn.png").write_bytes(base64.b64decode(data))
    drawn = images.load_image(tmp_path / "drawn.png")
    painted = Painting.read(job.folder / "painting.json").draw(*drawn.shape[1:])
    assert (drawn - painted).abs().mean() < 0.01


def test_settings_of_a_painting(page, studio):
    """Colours and the background are asked for as they are chosen."""
    choose(page, "Paint")
    panel = page.locator("#paint")
    panel.get_by_role("button", name="chelsea").click()
    panel.get_by_label("Strokes", exact=True).fill("77")
    panel.get_by_label("bristles").check()
    panel.locator("[name=palette_kind]").select_option("own")
    panel.get_by_role("button", name="Remove this colour").first.click()
    panel.get_by_role("button", name="Add a colour").click()
    panel.locator("[name=background_kind]").select_option("none")
    panel.get_by_role("button", name="Paint it").click()
    expect(panel.locator(".job .state")).to_contain_text("waiting")
    job = next(studio[1].queue.waiting())
    assert job.settings["strokes"] == 77
    assert job.settings["brush"] == "bristles"
    assert job.settings["background"] == "none"
    assert re.fullmatch("(#[0-9a-f]{6},){5}#888888", job.settings["palette"])
    studio[1].queue.jobs.pop(job.id)


# ---------------------------------------------------------------- models


def test_models(page):
    """They are found by a word, chosen by keyboard, and show their card."""
    choose(page, "Models")
    panel = page.locator("#models")
    panel.get_by_label("Find").fill("stony")
    model = panel.get_by_role("button", name="dirt")
    model.press("Enter")
    expect(panel.get_by_role("heading", name="ride:dirt: stony ground")).to_be_visible()
    expect(panel.get_by_role("button", name="Show what it makes")).to_be_visible()
    expect(panel.locator(".facts")).to_contain_text("bits_per_dim")
    panel.get_by_label("Find").fill("nothing is called this")
    expect(panel.get_by_text("None is called that.")).to_be_visible()


# ---------------------------------------------------------------- others


class Foreign(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>foreign</title>")

    def log_message(self, *_words):
        pass


def test_a_foreign_page_can_neither_start_nor_read(browser, studio):
    """Requests, forms, pictures, scripts, frames and streams of another site."""
    address, made = studio
    job = next(iter(made.queue.jobs.values()))
    count = len(made.queue.jobs)
    with HTTPServer(("127.0.0.1", 0), Foreign) as foreign:
        thread = threading.Thread(target=foreign.serve_forever)
        thread.start()
        context = browser.new_context()
        try:
            page = context.new_page()
            page.goto(f"http://127.0.0.1:{foreign.server_port}/")
            tried = page.evaluate(
                """async ([studio, job]) => {
                    const outcome = (promise) => promise.then(() => 'done', () => 'refused');
                    const loaded = (name, properties) => outcome(new Promise((resolve, reject) => {
                        const made = Object.assign(document.createElement(name), properties, {onload: resolve, onerror: reject});
                        document.body.append(made);
                    }));
                    const posted = {method: 'POST', mode: 'no-cors', body: '{"photo": {"sample": "gravel"}}'};
                    const silent = await fetch(studio + 'jobs/texture', posted).then((answer) => answer.type, () => 'refused');
                    return {
                        silent,
                        read: await outcome(fetch(studio + 'jobs')),
                        token: await outcome(fetch(studio)),
                        post: await outcome(fetch(studio + 'jobs/texture', {method: 'POST', headers: {'X-Drawgen-Token': 'x'}})),
                        picture: await loaded('img', {src: `${studio}jobs/${job}/files/texture.png`}),
                        sample: await loaded('img', {src: studio + 'samples/gravel'}),
                        script: await loaded('script', {src: studio + 'page/studio.js'}),
                        events: await outcome(new Promise((resolve, reject) => {
                            const source = new EventSource(studio + 'events');
                            source.onmessage = resolve;
                            source.onerror = () => { source.close(); reject(); };
                        })),
                    };
                }""",
                [address, job.id],
            )
            assert tried.pop("silent") in ("opaque", "refused")  # a request that is sent, and refused
            assert set(tried.values()) == {"refused"}
            assert len(made.queue.jobs) == count
            page.evaluate(
                "(studio) => document.body.append(Object.assign(document.createElement('iframe'), {src: studio}))",
                address,
            )
            page.wait_for_timeout(500)
            assert all(frame.url != address or not frame.query_selector("[role=tab]") for frame in page.frames[1:])
        finally:
            context.close()
            foreign.shutdown()
            thread.join()


def test_two_pages(browser, studio):
    """What one of them starts, the other shows."""
    address, made = studio
    with opened(browser, address) as one, opened(browser, address) as other:
        one.locator("#texture").get_by_role("button", name="brick").click()
        one.get_by_role("button", name="Make the texture").click()
        expect(other.locator("#jobs")).to_contain_text("Texture: brick")
        other.locator("#jobs button", has_text="brick").click()
        other.locator("#texture").get_by_role("button", name="Take it out of the queue").click()
        expect(one.locator("#texture .job .state")).to_contain_text("stopped")
    for job in [job for job in made.queue.jobs.values() if job.title == "brick"]:
        made.queue.jobs.pop(job.id)


# ---------------------------------------------------------------- from `drawgen studio` alone


@contextmanager
def command(folder):
    """`drawgen studio`, until the end of the block or its death: its address and its process."""
    words = [sys.executable, "-m", "drawgen.cli", "studio", "--folder", str(folder), "--no-open", "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def wait_for(page, tab, state):
    expect(page.locator(f"#{tab} .job[data-state={state}]")).to_be_visible(timeout=4 * WAIT_MS)


def saved(page, tab, button):
    with page.expect_download(timeout=WAIT_MS) as download:
        page.locator(f"#{tab}").get_by_role("button", name=button, exact=True).click()
    return download.value.path()


@pytest.mark.slow
def test_the_whole(browser, tmp_path):
    """A photograph is uploaded and becomes a texture while the page is closed; it is painted, the server dies and is started again;
    both are saved, and are the files of the command line."""
    photo = tmp_path / "holiday.jpg"
    images.save_image(photo, images.load_image("photo:coffee"))
    with command(tmp_path / "studio") as (address, server):
        with opened(browser, address) as page:
            panel = page.locator("#texture")
            panel.get_by_label("Photograph", exact=True).set_input_files(photo)
            expect(panel.locator(".photo-name")).to_contain_text("holiday.jpg, 600 by 400")
            panel.get_by_label("width", exact=True).last.fill("96")
            panel.get_by_label("height", exact=True).last.fill("64")
            panel.get_by_text("More settings").click()
            panel.get_by_label("What is new").select_option("all")
            panel.get_by_label("Steps, in place of minutes").fill("12")
            panel.get_by_role("button", name="Make the texture").click()
            expect(panel.locator(".job")).to_be_visible()
        with opened(browser, address) as page:
            page.locator("#jobs button", has_text="holiday.jpg").click()
            wait_for(page, "texture", "done")
            texture = files.read_bytes(saved(page, "texture", "Download PNG"))
            choose(page, "Paint")
            panel = page.locator("#paint")
            panel.get_by_label("Photograph", exact=True).set_input_files(photo)
            expect(panel.locator(".photo-name")).to_contain_text("holiday.jpg, 600 by 400")
            panel.get_by_label("Strokes", exact=True).fill("400")
            panel.get_by_role("button", name="Paint it").click()
            for _ in range(1200):
                if list((tmp_path / "studio" / "jobs").glob(f"*/{paint_tab.STATE}")):
                    break
                time.sleep(0.1)
            server.kill()
            server.wait()
            page.wait_for_timeout(500)
            page.context.close()
    with command(tmp_path / "studio") as (address, _), opened(browser, address) as page:
        page.locator("#jobs button", has_text="Paint: holiday.jpg").click()
        wait_for(page, "paint", "done")
        painting = files.read_bytes(saved(page, "paint", "PNG"))
        strokes = files.read_bytes(saved(page, "paint", "Strokes as JSON"))
    one, other, third = tmp_path / "one.png", tmp_path / "two.png", tmp_path / "two.json"
    words = ["--size", "96x64", "--tile", "--invent", "all", "--steps", "12"]
    assert cli.main(["texture", str(photo), "-o", str(one), *words]) == 0
    assert cli.main(["paint", str(photo), "-o", str(other), "--strokes", "400"]) == 0
    assert cli.main(["paint", str(photo), "-o", str(third), "--strokes", "400"]) == 0
    assert texture == one.read_bytes()
    assert painting == other.read_bytes()
    assert strokes == third.read_bytes()


@pytest.mark.slow
def test_a_texture_goes_on_after_the_server_died(browser, tmp_path):
    """To the same texture."""
    with command(tmp_path / "studio") as (address, server), opened(browser, address) as page:
        panel = page.locator("#texture")
        panel.get_by_role("button", name="gravel").click()
        panel.get_by_label("width", exact=True).last.fill("64")
        panel.get_by_label("height", exact=True).last.fill("64")
        panel.get_by_text("More settings").click()
        panel.get_by_label("What is new").select_option("all")
        panel.get_by_label("Steps, in place of minutes").fill("60")
        panel.get_by_role("button", name="Make the texture").click()
        expect(panel.locator(".job .state")).to_contain_text(re.compile(r"learning, [4-9]\d %"), timeout=4 * WAIT_MS)
        server.kill()
        server.wait()
        page.context.close()
    with command(tmp_path / "studio") as (address, _), opened(browser, address) as page:
        page.locator("#jobs button", has_text="gravel").click()
        wait_for(page, "texture", "done")
        texture = files.read_bytes(saved(page, "texture", "Download PNG"))
    out = tmp_path / "whole.png"
    words = ["--size", "64x64", "--tile", "--invent", "all", "--steps", "60"]
    assert cli.main(["texture", "photo:gravel", "-o", str(out), *words]) == 0
    assert texture == out.read_bytes()


def test_a_picture_of_a_phone(browser, tmp_path):
    """The processes of the real studio: a HEIC picture is refused by a sentence, a broken file too; a painting is stopped early."""
    heic, photo = tmp_path / "phone.heic", tmp_path / "phone.png"
    heic.write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")
    images.save_image(photo, images.load_image("photo:chelsea"))
    with command(tmp_path / "studio") as (address, _), opened(browser, address) as page:
        choose(page, "Paint")
        panel = page.locator("#paint")
        chooser = panel.get_by_label("Photograph", exact=True)
        chooser.set_input_files(heic)
        expect(page.get_by_role("alert")).to_contain_text("phone.heic is a HEIC picture", timeout=WAIT_MS)
        chooser.set_input_files(photo)
        expect(panel.locator(".photo-name")).to_contain_text("phone.png, 451 by 300", timeout=WAIT_MS)
        panel.get_by_label("Strokes", exact=True).fill("2000")
        panel.get_by_role("button", name="Paint it").click()
        expect(panel.locator(".stroke-count")).to_contain_text("strokes", timeout=WAIT_MS)
        panel.get_by_role("button", name="Stop, and keep it as it is").click()
        wait_for(page, "paint", "stopped")
        expect(panel.locator(".sentence")).to_contain_text("Stopped early")
        assert images.picture_size(saved(page, "paint", "PNG")) == (681, 1024)

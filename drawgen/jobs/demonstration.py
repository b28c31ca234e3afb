"""The demo: an example of everything, with a page of pictures."""

import html
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

import drawgen
from drawgen import contract, files, images, models
from drawgen.data.scenes import Scenes
from drawgen.data.scenes import draw as draw_scenes
from drawgen.devices import device_of
from drawgen.jobs.captions import caption, strangeness
from drawgen.jobs.drawing import reconstruct, sample
from drawgen.jobs.paintings import paint
from drawgen.jobs.parsing import parse
from drawgen.jobs.pointing import points
from drawgen.jobs.previews import HANDWRITTEN, SENTENCES
from drawgen.jobs.reading import read
from drawgen.jobs.reports import SILENT, Reports
from drawgen.jobs.translating import translate
from drawgen.jobs.verbs import verbs_of

PHOTO = "photo:coffee"
"""The photograph that is painted and read, one of scikit-image."""
TRANSLATED = ("Where is the dog?", "I am very happy to see you.")
"""What is translated."""
PHOTOS = ("photo:chelsea", "photo:coffee", "photo:motorcycle_left")
"""Photographs that are described."""


@dataclass
class Page:
    """The demo in the making."""

    folder: Path
    force: bool
    reports: Reports
    figures: list[tuple[str, str]] = field(default_factory=list)
    """(file, command that makes it), in the order of the page."""

    def sample(self, name: str, file: str, words: str, **options: Any) -> None:
        self.reports.say(f"drawing {file}")
        sample(name, self.folder / file, force=self.force, **options)
        self.figures.append((file, f"drawgen sample {name} -o OUT{Path(file).suffix} {words}"))

    def put(self, file: str, picture: torch.Tensor, command: str) -> None:
        images.save_image(self.folder / file, picture, replace=self.force)
        self.figures.append((file, command))


# ---------------------------------------------------------------- one function per verb


def writes(page: Page, name: str, _model: Any, seed: int) -> None:
    page.sample(name, f"{plain(name)}.txt", f"--length 600 --seed {seed}", length=600, seed=seed)


def draws(page: Page, name: str, model: Any, seed: int) -> None:
    if isinstance(model, contract.DrawsTextures):
        page.sample(name, f"{plain(name)}.png", f"--size 256x256 --seed {seed}", size=(256, 256), seed=seed)
        return
    page.sample(name, f"{plain(name)}.png", f"-n 64 --seed {seed}", n=64, seed=seed)
    one = model.sample(contract.Request())
    if one.frames is not None:
        boxes = bool(one.boxes)
        page.sample(name, f"{plain(name)}.gif", "-n 4" + " --boxes" * boxes, n=4, boxes=boxes)


def handwrites(page: Page, name: str, _model: Any, seed: int) -> None:
    for ending in ("png", "gif"):
        page.sample(
            name, f"{plain(name)}.{ending}", f'--text "{HANDWRITTEN}" --temperature 0.4 --seed {seed}',
            text=HANDWRITTEN, temperature=0.4, seed=seed,
        )  # fmt: skip


def tiles(page: Page, name: str) -> None:
    """For a texture model: a tile repeated six times, and an animation of its sampling."""
    page.sample(name, "tile.png", "--size 160x160 --tile", size=(160, 160), tile=True)
    _, command = page.figures.pop()
    page.put("tiled.png", images.load_image(page.folder / "tile.png").repeat(1, 2, 3), f"{command} (six copies side by side)")
    page.sample(name, "texture.gif", "--size 128x128", size=(128, 128))


def describes(page: Page, name: str, model: Any, _seed: int) -> None:
    """For drawn scenes; if those are strange to the model, for photographs."""
    data = Scenes()
    scenes = draw_scenes([data.scene("test", number) for number in range(3)], data.side_px)
    fitted = torch.stack([images.fit_to(scene, model.spec.picture) for scene in scenes]).to(device_of(model))
    if min(strangeness(model, fitted)) > 1:
        page.reports.say("captions of photographs")
        names, told = list(PHOTOS), " ".join(PHOTOS)
    else:
        page.reports.say("captions of drawn scenes")
        names, told = [str(page.folder / f"scene-{number}.png") for number in range(len(scenes))], "scene-*.png"
        for file, picture in zip(names, scenes, strict=True):
            images.save_image(Path(file), picture, replace=page.force)
    maps = page.folder / f"{plain(name)}.png" if model.attends else None
    found = list(caption(name, names, attention=maps, force=page.force))
    command = f"drawgen caption {told} --model {name}"
    if maps is not None:
        page.figures.append((maps.name, f"{command} --attention OUT.png"))
    else:
        lines = "".join(f"{Path(one.picture).name}\t{one.text}\n" for one in found)
        files.write_output(page.folder / f"{plain(name)}.txt", lines.encode(), replace=page.force)
        page.figures.append((f"{plain(name)}.txt", command))


def reads(page: Page, name: str, model: Any, _seed: int) -> None:
    """A photograph; for a model of ink, a generated letter."""
    inked = isinstance(model, contract.TakesInk) and model.ink
    picture = letter(page) if inked else PHOTO
    file = f"{plain(name)}.png"
    read([picture], page.folder / file, model=name, force=page.force)
    page.figures.append((file, f"drawgen read {Path(picture).name if inked else PHOTO} --model {name} -o OUT.png"))


def redraws(page: Page, name: str, _model: Any, _seed: int) -> None:
    """For a generated letter."""
    file = f"{plain(name)}-redrawn.png"
    reconstruct(name, [letter(page)], page.folder / file, force=page.force)
    page.figures.append((file, f"drawgen reconstruct {name} letter.png -o OUT.png"))


def letter(page: Page) -> str:
    """The file of a generated letter, ink on paper."""
    paper = torch.ones(1, 96, 96)
    paper[:, 20:76, 44:52] = paper[:, 20:28, 24:72] = 0.1
    images.save_image(page.folder / "letter.png", paper, replace=True)
    return str(page.folder / "letter.png")


def points_out(page: Page, name: str, _model: Any, seed: int) -> None:
    file = f"{plain(name)}.png"
    points(name, "random:20", page.folder / file, seed=seed, force=page.force)
    page.figures.append((file, f"drawgen points {name} random:20 -o OUT.png --seed {seed}"))


def parses(page: Page, name: str, _model: Any, _seed: int) -> None:
    file = f"{plain(name)}.png"
    parse(SENTENCES[0], page.folder / file, model=name, force=page.force)
    page.figures.append((file, f'drawgen parse "{SENTENCES[0]}" --model {name} -o OUT.png'))


def translates(page: Page, name: str, model: Any, _seed: int) -> None:
    """Two sentences, and the picture of the attention, if the model has one."""
    found = translate(TRANSLATED, model=name)
    words = " ".join(f"'{sentence}'" for sentence in TRANSLATED)
    lines = "".join(f"{one.source}\n  {one.text}\n" for one in found)
    files.write_output(page.folder / f"{plain(name)}.txt", lines.encode(), replace=page.force)
    page.figures.append((f"{plain(name)}.txt", f"drawgen translate {words} --model {name}"))
    if model.attends:
        file = f"{plain(name)}.png"
        found.save(page.folder / file, force=page.force)
        page.figures.append((file, f"drawgen translate {words} --model {name} --attention OUT.png"))


DEMONSTRATIONS: dict[type, Callable[[Page, str, Any, int], None]] = {
    contract.Writes: writes,
    contract.Draws: draws,
    contract.Handwrites: handwrites,
    contract.Describes: describes,
    contract.Reads: reads,
    contract.Redraws: redraws,
    contract.Translates: translates,
    contract.Points: points_out,
    contract.Parses: parses,
}
"""Of a model that has several of these verbs the first in the table of verbs is shown."""


def plain(name: str) -> str:
    return name.replace(":", "-")


# ---------------------------------------------------------------- the whole


def demo(folder: Path, *, force: bool = False, reports: Reports = SILENT) -> Path:
    """Makes an example of everything that needs no training, and a page of pictures, whose path it returns. A folder that is not
    empty is refused; with `force`, the demo's files are replaced."""
    shipped = models.shipped()
    if not shipped:
        raise ValueError("no trained model is shipped with this drawgen, and the demo draws from those; train one instead")
    make_empty(folder, force=force)
    page = Page(folder, force, reports)
    texture = ""
    for number, name in enumerate(shipped, 1):
        model = models.load(name)
        shown = next((DEMONSTRATIONS[verb.protocol] for verb in verbs_of(model) if verb.protocol in DEMONSTRATIONS), None)
        if shown is not None:
            shown(page, name, model, number)
        texture = texture or (name if isinstance(model, contract.DrawsTextures) else "")
    if texture:
        tiles(page, texture)
    reports.say("painting a photograph")
    paint(PHOTO, folder / "painting.json", strokes=100, force=force)
    for file in ("painting.png", "painting.gif", "painting.svg"):
        paint(str(folder / "painting.json"), folder / file, force=force)
        page.figures.append((file, f"drawgen paint {PHOTO} -o OUT{Path(file).suffix} --strokes 100"))
    files.write_output(folder / "index.html", written_out(page).encode(), replace=force)
    return folder / "index.html"


def make_empty(folder: Path, *, force: bool) -> None:
    """Raises ValueError for a folder that is not empty, unless `force`, and for one that cannot be created."""
    try:
        taken = folder.is_dir() and next((path for path in sorted(folder.iterdir()) if not files.hidden(path.name)), None)
    except OSError as error:
        raise ValueError(f"the folder {folder} cannot be read ({files.reason(error)}); choose another") from error
    if taken and not force:
        raise ValueError(f"{folder} is not empty ({taken.name}); choose another, or give `force` to replace the demo's files")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"the folder {folder} cannot be made ({files.reason(error)}); choose another") from error


def written_out(page: Page) -> str:
    """The page as HTML."""

    def shown(file: str) -> str:
        if file.endswith(".txt"):
            return f"<pre>{html.escape((page.folder / file).read_text(encoding='utf-8'))}</pre>"
        return f'<img src="{file}" alt="">'

    items = "".join(
        f"<figure>{shown(file)}<figcaption><code>{html.escape(command)}</code></figcaption></figure>\n"
        for file, command in page.figures
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>drawgen</title>\n'
        "<style>body{font:16px sans-serif;margin:2em}figure{display:inline-block;margin:1em;vertical-align:top}"
        "figcaption{max-width:28em;margin-top:.5em}img{max-width:36em}</style>\n"
        f"<h1>drawgen {drawgen.__version__}</h1>\n{items}</html>\n"
    )

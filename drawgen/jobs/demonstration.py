"""The demo: an example of everything that needs no training, as a gallery (`gallery.py`)."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from drawgen import contract, diagnosis, files, images, models
from drawgen.contract import generator
from drawgen.data.clutter import Cluttered, segments
from drawgen.data.digit_scenes import KINDS, DigitScenes
from drawgen.data.idx import Digits
from drawgen.data.scenes import Scenes
from drawgen.data.scenes import draw as draw_scenes
from drawgen.jobs import gallery
from drawgen.jobs.asking import Trained, load
from drawgen.jobs.captions import strangeness
from drawgen.jobs.gallery import Figure
from drawgen.jobs.illustrating import illustrate
from drawgen.jobs.own_batches import own_batch
from drawgen.jobs.paintings import paint
from drawgen.jobs.pointing import points
from drawgen.jobs.previews import HANDWRITTEN, SENTENCES
from drawgen.jobs.reports import SILENT, Reports
from drawgen.jobs.textures import texture
from drawgen.jobs.verbs import verbs_of
from drawgen.nn.recording import recording

PHOTO = "photo:coffee"
"""The photograph that is painted and read, one of scikit-image."""
PHOTOS = ("photo:chelsea", "photo:coffee", "photo:motorcycle_left")
"""Photographs that are described."""
SENTENCE = "The old man sat on the bench and fed the birds."
"""What is parsed, by a model that knows its words."""
TRANSLATED = ("Where is the black dog?", "I am very happy to see you.")
"""What is translated."""
DIGITS, CHARACTERS, SCENES = "draw:mnist", "sketch_rnn:omniglot", "seq2tree:scenes"
"""The shipped models whose drawings others read and draw again, and the one whose trees are drawn."""
TILED = "ride:cobbles"
"""The shipped texture of which a tile is shown."""
DRAWN = {
    "a Latin h": (((16, 8), (16, 70)), ((16, 44), (20, 36), (28, 32), (36, 36), (40, 46), (40, 70))),
    "a katakana te": (((16, 16), (44, 16)), ((8, 34), (52, 34)), ((32, 34), (28, 56), (16, 70))),
    "a Korean m": (((12, 20), (48, 20)), ((12, 20), (12, 60)), ((48, 20), (48, 60)), ((12, 60), (48, 60))),
    "a Greek pi": (((8, 30), (52, 30)), ((20, 30), (18, 70)), ((40, 30), (41, 64), (46, 70), (50, 66))),
}
"""Characters that are classified, as lines of a pen."""
SIDE_PX = 720
"""Of a painter's drawings."""


@dataclass
class Page:
    """The demo in the making."""

    folder: Path
    force: bool
    reports: Reports
    figures: list[Figure] = field(default_factory=list)
    """In the order in which they are made."""

    def put(self, name: str, file: str, command: str, picture: Float[Tensor, "C H W"], look: str = "", says: str = "") -> None:
        """A picture."""
        images.save_image(self.folder / file, picture, replace=self.force)
        self.figures.append(Figure(name, file, command, look, says))

    def write(self, name: str, file: str, command: str, text: str, look: str = "", says: str = "") -> None:
        """A text, or a drawing as SVG."""
        files.write_output(self.folder / file, text.encode(), replace=self.force)
        self.figures.append(Figure(name, file, command, look, says))

    def move(
        self,
        name: str,
        file: str,
        command: str,
        frames: Iterable[Float[Tensor, "C H W"]],
        look: str = "",
        says: str = "",
        seconds: float = 4.0,
    ) -> None:
        """An animation. It begins with the finished picture, which is what a still shows, and ends with it: so it goes round."""
        shown = list(frames)
        still = f"{Path(file).stem}-still.png"
        images.save_image(self.folder / still, shown[-1], replace=self.force)
        images.save_animation(self.folder / file, [shown[-1], *shown], seconds=seconds, hold=2.0, replace=self.force)
        self.figures.append(Figure(name, file, command, look, says, still))

    @cached_property
    def digits(self) -> Float[Tensor, "B 1 28 28"]:
        """Digits that the shipped model of them has drawn; where none is shipped, those of a pocket calculator."""
        if DIGITS in models.shipped():
            return load(DIGITS).sample(n=64, seed=5).images
        return torch.from_numpy(segments(7).pictures[:64, None]).float() / 255


# ---------------------------------------------------------------- one function per verb


def writes(page: Page, trained: Trained, name: str, seed: int) -> None:
    """A text; of a model that writes SVG, drawings."""
    try:
        drawings = [trained.write(until="</svg>", length=3000, seed=seed + number)[0].text for number in range(9)]
    except ValueError:  # it knows no such letters
        drawings = []
    whole = [(number, text) for number, text in enumerate(drawings) if is_svg(text)][:6]
    for number, text in whole:
        command = f"drawgen sample {name} --until '</svg>' -o OUT.svg --seed {seed + number}"
        page.write(name, f"{plain(name)}-{number}.svg", command, text.strip() + "\n", "small bare", f"drawing {number + 1}")
    if whole:
        text = whole[0][1].strip()
        command = f"drawgen sample {name} --until '</svg>' --seed {seed + whole[0][0]}"
        page.write(
            name,
            f"{plain(name)}.txt",
            command,
            f"{text[:420]} ...",
            "small code",
            "the beginning of the first of them, as it is written",
        )
        return
    text = trained.write(length=500, seed=seed, temperature=0.7)[0].text
    command = f"drawgen sample {name} -o OUT.txt --length 500 --seed {seed} --temperature 0.7"
    page.write(name, f"{plain(name)}.txt", command, text.rpartition("\n")[0] + "\n")


def is_svg(text: str) -> bool:
    try:
        return ET.fromstring(text.strip()).tag.endswith("svg")
    except ET.ParseError:
        return False


def draws(page: Page, trained: Trained, name: str, seed: int) -> None:
    """Many drawings, and how a few of them come about."""
    model, file = trained.model, plain(name)
    command = f"drawgen sample {name} -o OUT"
    if isinstance(model, contract.DrawsTextures):
        if not any(figure.file == "tiled.png" for figure in page.figures):
            tiles(page, TILED if TILED in models.shipped() else name)
        picture = trained.sample(size=(224, 224), seed=seed).still()
        page.put(name, f"{file}.png", f"{command}.png --size 224x224 --seed {seed}", picture, "small bare")
    elif isinstance(model, contract.Completes):  # a pen
        words = f"--temperature 0.4 --seed {seed}"
        many, few = (replace(trained.sample(n=n, seed=seed, temperature=0.4), columns=columns) for n, columns in ((24, 8), (6, 6)))
        page.put(name, f"{file}.png", f"{command}.png -n 24 {words}", many.still(), "wide ink")
        page.move(name, f"{file}.gif", f"{command}.gif -n 6 {words}", few.stages(), "wide ink", "line by line")
    elif (few := trained.sample(n=9, seed=seed)).strokes is not None:
        sheet = trained.sample(n=64, seed=seed).painting()
        page.put(name, f"{file}.png", f"{command}.png -n 64 --seed {seed}", sheet.draw(SIDE_PX, SIDE_PX))
        frames = few.painting().stages(40, SIDE_PX, SIDE_PX)
        page.move(name, f"{file}.gif", f"{command}.gif -n 9 --seed {seed}", frames, says="stroke by stroke")
    else:
        page.put(name, f"{file}.png", f"{command}.png -n 64 --seed {seed}", trained.sample(n=64, seed=seed).still(), "pixels")
        if few.frames is not None:
            boxes = bool(few.boxes)
            says = "step by step" + ", with the window that writes" * boxes
            frames = few.stages(boxes=boxes)
            page.move(name, f"{file}.gif", f"{command}.gif -n 9{' --boxes' * boxes} --seed {seed}", frames, "pixels", says)


def handwrites(page: Page, trained: Trained, name: str, seed: int) -> None:
    """A text, and the pen in motion."""
    words = f'--text "{HANDWRITTEN}" --temperature 0.4 --seed {seed}'
    written = trained.handwrite(HANDWRITTEN, temperature=0.4, seed=seed)
    page.put(name, f"{plain(name)}.png", f"drawgen sample {name} -o OUT.png {words}", written.still(), "wide ink")
    page.move(
        name, f"{plain(name)}.gif", f"drawgen sample {name} -o OUT.gif {words}", written.stages(), "wide ink", "as it is written"
    )


def tiles(page: Page, name: str) -> None:
    """A tile repeated, and how a texture is sampled."""
    trained = load(name)
    command = f"drawgen sample {name} -o OUT"
    tile = trained.sample(size=(192, 192), tile=True, seed=1)
    page.put(
        name,
        "tiled.png",
        f"{command}.png --size 192x192 --tile",
        tile.images[0].repeat(1, 2, 4),
        "wide bare",
        "one tile, eight times",
    )
    frames = trained.sample(size=(144, 432), seed=2).stages()
    page.move(name, "texture.gif", f"{command}.gif --size 432x144 --seed 2", frames, "wide bare", "row by row")


def describes(page: Page, trained: Trained, name: str, _seed: int) -> None:
    """Of drawn scenes; if those are strange to the model, of photographs."""
    model: Any = trained.model
    data = Scenes()
    scenes = draw_scenes([data.scene("test", number) for number in (4, 1)], data.side_px)
    fitted = torch.stack([images.fit_to(scene, model.spec.picture) for scene in scenes])
    photographs = min(strangeness(model, fitted)) > 1
    page.reports.say(f"captions of {'photographs' if photographs else 'drawn scenes'}")
    given: Any = list(PHOTOS) if photographs else list(scenes)
    found = trained.caption(given)
    if photographs:
        for number, (photo, one) in enumerate(zip(PHOTOS, found, strict=True)):
            says = f"{one.text}. A doubt: {one.doubt}" if one.doubt else one.text
            page.put(name, f"{plain(name)}-{number}.png", f"drawgen caption {photo} --model {name}", one.image, "third bare", says)
        return
    command = f"drawgen caption SCENE.png ... --model {name}"
    if not model.attends:
        page.write(name, f"{plain(name)}.txt", command, "".join(f"{one.text}\n" for one in found))
        return
    found.save(page.folder / f"{plain(name)}.png", force=page.force)
    says = "; ".join(one.text for one in found)
    page.figures.append(Figure(name, f"{plain(name)}.png", f"{command} --attention OUT.png", "wide bare", says))


def reads(page: Page, trained: Trained, name: str, seed: int) -> None:
    """Digits that another model has drawn, as the pictures that it knows; else a letter or a photograph."""
    model, file = trained.model, f"{plain(name)}.png"
    command = f"drawgen read PICTURE --model {name} -o OUT"
    pictures: Any = known_pictures(page, model.spec, seed)
    if pictures is None:
        pictures = [letter()] if isinstance(model, contract.TakesInk) and model.ink else [PHOTO]
    found = trained.read(pictures)
    said = ", ".join(label.labels[0][0] for label in found)
    looked = found.looked_at
    assert looked is not None  # by one model
    if looked.boxes or looked.frames is not None:
        frames = looked.stages(boxes=bool(looked.boxes))
        page.move(name, f"{plain(name)}.gif", f"{command}.gif", frames, "third pixels bare", f"read as {said}", seconds=6.0)
        if sum(other.partition(":")[0] == name.partition(":")[0] for other in models.shipped()) == 1:
            looks = looked.still(boxes=bool(looked.boxes))
            page.put(name, file, f"{command}.png", looks, "two-thirds pixels bare", "glimpse by glimpse, from left to right")
    else:
        page.put(
            name, file, f"{command}.png", images.grid(looked.images, columns=len(looked.images)), "wide pixels", f"read as {said}"
        )


def known_pictures(page: Page, spec: contract.Spec, seed: int) -> Float[Tensor, "B 1 H W"] | None:
    """Four scenes of drawn digits as the generated data with this spec have them; None for others."""
    drawn = page.digits
    digits = Digits((drawn[:, 0] * 255).round().byte().numpy(), np.zeros(len(drawn), np.uint8))
    if spec.image == drawn.shape[1:]:
        return drawn[seed : seed + 8]
    for kind in KINDS:
        data = DigitScenes(kind=kind, side_px=54 if kind == "sequence" else 100)
        if data.spec() == spec:
            return data.scenes(digits, np.arange(seed, seed + 4), 0, (seed, 0)).images
    cluttered = Cluttered()
    return cluttered.scenes(digits, torch.arange(seed, seed + 4), 0, (seed, 0)).images if cluttered.spec() == spec else None


def letter() -> Float[Tensor, "1 96 96"]:
    """A generated letter, ink on paper."""
    paper = torch.ones(1, 96, 96)
    paper[:, 20:76, 44:52] = paper[:, 20:28, 24:72] = 0.1
    return paper


def redraws(page: Page, trained: Trained, name: str, seed: int) -> None:
    """What other models have drawn: above as it was given, below as this one draws it."""
    if "characters" in name and CHARACTERS in models.shipped():
        given = list(load(CHARACTERS).sample(n=8, seed=seed, temperature=0.4).images)
    else:
        given = [images.fit_to(picture, trained.spec.picture) for picture in page.digits[seed : seed + 8]]
    drawn = trained.reconstruct(given, seed=seed)
    assert drawn.seen is not None
    pair = images.grid(torch.cat([drawn.seen, drawn.images]), columns=len(given))
    page.put(name, f"{plain(name)}-redrawn.png", f"drawgen reconstruct {name} PICTURE -o OUT.png", pair, "wide pixels")


def points_out(page: Page, trained: Trained, name: str, seed: int) -> None:
    model: Any = trained.model
    count, look = {"delaunay": (10, "ink"), "tour": (20, "wide ink")}.get(model.kind, (20, "ink"))
    file = f"{plain(name)}.svg"
    points(name, f"random:{count}", page.folder / file, seed=seed, force=page.force)
    page.figures.append(Figure(name, file, f"drawgen points {name} random:{count} -o OUT.svg --seed {seed}", look))


def parses(page: Page, trained: Trained, name: str, _seed: int) -> None:
    """A tree, and of a scene its drawing."""
    sentence = SENTENCES[0] if name == SCENES else SENTENCE
    try:
        found = trained.parse(sentence)
    except ValueError:  # words that it does not know
        sentence = SENTENCES[0]
        found = trained.parse(sentence)
    file, scene = f"{plain(name)}.svg", name == SCENES
    found.save(page.folder / file, force=page.force)
    look = "two-thirds ink" if scene else "wide ink"
    page.figures.append(Figure(name, file, f'drawgen parse "{sentence}" --model {name} -o OUT.svg', look, sentence))
    if scene:
        drawing = f"{plain(name)}-drawn.png"
        illustrate(sentence, page.folder / drawing, size=360, force=page.force)
        command = f'drawgen illustrate "{sentence}" -o OUT.png'
        page.figures.append(Figure(name, drawing, command, "third bare", "the same sentence, drawn"))


def translates(page: Page, trained: Trained, name: str, _seed: int) -> None:
    """Two sentences, and the picture of the attention, if the model has one."""
    found = trained.translate(TRANSLATED)
    words = " ".join(f'"{sentence}"' for sentence in TRANSLATED)
    command = f"drawgen translate {words} --model {name}"
    lines = "".join(f"{one.source}\n{one.text}\n\n" for one in found)
    model: Any = trained.model
    if model.attends:
        file = f"{plain(name)}.svg"
        found.save(page.folder / file, force=page.force)
        said = "; ".join(one.text for one in found)
        page.figures.append(Figure(name, file, f"{command} --attention OUT.svg", "wide white", said))
        return
    page.write(name, f"{plain(name)}.txt", command, lines)


def classifies(page: Page, trained: Trained, name: str, _seed: int) -> None:
    """Drawn characters, or texts, with their most probable labels."""
    model: Any = trained.model
    if model.takes != "drawings":
        found = trained.classify(list(TRANSLATED))
        told = "".join(f"{text}\n{one.labels[0][0]}\n\n" for text, one in zip(TRANSLATED, found, strict=True))
        page.write(name, f"{plain(name)}.txt", f'drawgen classify "{TRANSLATED[0]}" --model {name}', told)
        return
    for number, (what, lines) in enumerate(DRAWN.items(), 1):
        path = "".join("M" + "L".join(f"{x} {y}" for x, y in line) for line in lines)
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 0 80 80" width="320" height="320">'
            f'<path d="{path}" fill="none" stroke="#222222" stroke-width="2.5" stroke-linecap="round"/></svg>\n'
        )
        file = f"{plain(name)}-{number}.svg"
        page.write(name, file, f"drawgen classify DRAWING.svg --model {name} -n 2", svg, "small ink")
        (best,) = trained.classify(str(page.folder / file), n=2)
        said = ", ".join(f"{label.replace('_', ' ')} {probability:.0%}" for label, probability in best.labels)
        page.figures.append(page.figures.pop()._replace(says=f"{what}: {said}"))


DEMONSTRATIONS: dict[type, Callable[[Page, Trained, str, int], None]] = {
    contract.Writes: writes,
    contract.Draws: draws,
    contract.Handwrites: handwrites,
    contract.Describes: describes,
    contract.Reads: reads,
    contract.Redraws: redraws,
    contract.Translates: translates,
    contract.Points: points_out,
    contract.Parses: parses,
    contract.Classifies: classifies,
}
"""Of a model that has several of these verbs the first in the table of verbs is shown."""


def plain(name: str) -> str:
    return name.replace(":", "-")


# ---------------------------------------------------------------- what no model does alone


def gradients(page: Page, trained: Trained, name: str) -> None:
    """How much of the last letter's loss reaches the states before it: in a plain network as it begins, and in a trained one."""
    model = trained.model
    batch, _ = own_batch(model, name, 1)
    begun = models.module(name.partition(":")[0]).Config(cell="rnn", units=model.config.units, layers=1)
    plain_net = models.build(begun, model.spec, rng=generator(0))
    lines = {"a plain network": by_lag(plain_net, batch), "the LSTM that writes plays": by_lag(model, batch)}
    svg = gallery.curves(lines, across="letters back", up="norm of the gradient")
    says = "Of the gradient at the last letter so much is left, so many letters before"
    page.figures.append(Figure("memory", "", f"drawgen diagnose {name} -o REPORT", "wide", says, svg=svg))


def by_lag(model: Any, batch: Any) -> list[float]:
    """The median norm of the gradient by lag, of the last layer, as a share of that at lag 0."""
    with torch.enable_grad(), recording() as record:
        loss = model.last_loss(batch, rng=generator(0))
    *_, track = record.tracks(model).values()
    sizes = diagnosis.norms(diagnosis.gradients(loss, [step.after for step in track.steps]))
    found = diagnosis.middle(diagnosis.from_the_end(sizes, diagnosis.ends(sizes)))
    return [max(size, 1e-30) for size in (found / found[0]).tolist()]


def photographs(page: Page) -> None:
    """A photograph in strokes, in triangles and in patches."""
    page.reports.say("painting a photograph")
    folder, name = page.folder, "painting"
    painted = paint(PHOTO, folder / "painting.json", strokes=200, force=page.force)
    height, width = 480, 720
    frames = painted.stages(60, height, width)
    page.move(
        name,
        "painting.gif",
        f"drawgen paint {PHOTO} -o OUT.gif --strokes 200",
        frames,
        "wide bare",
        "200 strokes, one after the other",
        6.0,
    )
    paint(str(folder / "painting.json"), folder / "painting.svg", force=page.force)
    page.figures.append(
        Figure(name, "painting.svg", f"drawgen paint {PHOTO} -o OUT.svg --strokes 200", "bare", "the same, as paths")
    )
    paint(PHOTO, folder / "triangles.svg", triangles=300, force=page.force)
    page.figures.append(Figure(name, "triangles.svg", f"drawgen paint {PHOTO} -o OUT.svg --triangles 300", "bare", "300 triangles"))
    page.reports.say("quilting a photograph")
    texture("photo:gravel", folder / "quilted.png", invent="nothing", size=(240, 720), force=page.force)
    says = "a bed of gravel, of a photograph's own patches"
    page.figures.append(
        Figure(name, "quilted.png", "drawgen texture photo:gravel -o OUT.png --invent nothing --size 720x240", "wide bare", says)
    )


# ---------------------------------------------------------------- the whole


def demo(folder: Path, *, force: bool = False, reports: Reports = SILENT) -> Path:
    """Makes an example of everything that needs no training, and a page of pictures, whose path it returns. A folder that is not
    empty is refused; with `force`, the demo's files are replaced."""
    shipped = models.shipped()
    if not shipped:
        raise ValueError("no trained model is shipped with this drawgen, and the demo draws from those; train one instead")
    make_empty(folder, force=force)
    page = Page(folder, force, reports)
    for number, name in enumerate(shipped, 1):
        trained = load(name)
        verbs = verbs_of(trained.model)
        shown = next((DEMONSTRATIONS[verb.protocol] for verb in verbs if verb.protocol in DEMONSTRATIONS), None)
        if shown is None:
            continue
        reports.say(f"{name}: {models.describe(shipped[name]).what}")
        shown(page, trained, name, number)
        if shown is writes and isinstance(trained.model, contract.Recurs) and not any(figure.svg for figure in page.figures):
            gradients(page, trained, name)
    photographs(page)
    files.write_output(folder / "index.html", gallery.page(page.figures, folder).encode(), replace=force)
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

"""One of everything, with a page of pictures."""

import html
from pathlib import Path
from typing import Any

import drawgen
from drawgen import checkpoint, files, images, models
from drawgen.data.scenes import Scenes
from drawgen.data.scenes import draw as draw_scenes
from drawgen.jobs.captions import caption
from drawgen.jobs.drawing import sample
from drawgen.jobs.loading import NO_PICTURE
from drawgen.jobs.paintings import paint
from drawgen.jobs.reports import SILENT, Reports


def demo(folder: Path, *, force: bool = False, reports: Reports = SILENT) -> Path:
    """One of everything that the project can make without training, with a page of pictures. Returns the page. A folder that holds
    anything is refused, unless `force`: then files of the demo's names are replaced."""
    page = folder / "index.html"
    try:
        taken = folder.is_dir() and next((path for path in sorted(folder.iterdir()) if not files.hidden(path.name)), None)
    except OSError as error:
        raise ValueError(f"the folder {folder} cannot be read ({files.reason(error)}); choose another") from error
    if taken and not force:
        raise ValueError(f"{folder} is not empty ({taken.name}); choose another, or give --force to replace the demo's files")
    shipped = models.shipped()
    if not shipped:
        raise ValueError("no trained model is shipped with this drawgen, and the demo draws from those; train one instead")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"the folder {folder} cannot be made ({files.reason(error)}); choose another") from error
    figures: list[tuple[str, str]] = []

    def figure(file: str, words: str, **options: Any) -> None:
        reports.say(f"drawing {file}")
        sample(words.split()[0], folder / file, force=force, **options)
        figures.append((file, f"drawgen sample {words}"))

    for number, name in enumerate(shipped, 1):
        file = name.replace(":", "-")
        if checkpoint.read_model(models.resolve(name)).spec.image == NO_PICTURE:
            figure(f"{file}.txt", f"{name} -o OUT.txt --length 600 --seed {number}", length=600, seed=number)
        elif name.startswith("ride:"):
            figure(f"{file}.png", f"{name} -o OUT.png --size 256x256 --seed {number}", size=(256, 256), seed=number)
        elif hasattr(models.load(name), "sample"):
            boxes = name.startswith("draw:")
            figure(f"{file}.png", f"{name} -o OUT.png -n 64 --seed {number}", n=64, seed=number)
            figure(f"{file}.gif", f"{name} -o OUT.gif -n 4{' --boxes' if boxes else ''}", n=4, boxes=boxes)
    textures = [name for name in shipped if name.startswith("ride:")]
    if textures:
        figure("tile.png", f"{textures[0]} -o OUT.png --size 160x160 --tile", size=(160, 160), tile=True)
        images.save_image(folder / "tiled.png", images.load_image(folder / "tile.png").repeat(1, 2, 3), replace=force)
        figures[-1] = ("tiled.png", figures[-1][1] + " (six copies side by side)")
        figure("texture.gif", f"{textures[0]} -o OUT.gif --size 128x128", size=(128, 128))
    for name in shipped:
        if name.startswith("captioner:"):
            reports.say("captions of drawn scenes")
            data = Scenes(side_px=checkpoint.read_model(models.resolve(name)).spec.image[1])
            scenes = [data.scene("test", number) for number in range(3)]
            names = [f"scene-{number}.png" for number in range(len(scenes))]
            for file, picture in zip(names, draw_scenes(scenes, data.side_px), strict=True):
                images.save_image(folder / file, picture, replace=force)
            list(caption(name, [str(folder / file) for file in names], attention=folder / "captions.png", force=force))
            figures.append(("captions.png", "drawgen caption scene-*.png --attention captions.png"))
    reports.say("painting a photograph")
    paint("photo:coffee", folder / "painting.json", strokes=100, force=force)
    for file in ("painting.png", "painting.gif", "painting.svg"):
        paint(str(folder / "painting.json"), folder / file, force=force)
        figures.append((file, f"drawgen paint photo:coffee -o OUT{Path(file).suffix} --strokes 100"))

    def shown(file: str) -> str:
        if file.endswith(".txt"):
            return f"<pre>{html.escape((folder / file).read_text(encoding='utf-8'))}</pre>"
        return f'<img src="{file}" alt="">'

    items = "".join(f"<figure>{shown(file)}<figcaption><code>{words}</code></figcaption></figure>\n" for file, words in figures)
    whole = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>drawgen</title>\n'
        "<style>body{font:16px sans-serif;margin:2em}figure{display:inline-block;margin:1em;vertical-align:top}"
        "figcaption{max-width:28em;margin-top:.5em}img{max-width:36em}</style>\n"
        f"<h1>drawgen {drawgen.__version__}</h1>\n{items}</html>\n"
    )
    files.write_output(page, whole.encode(), replace=force)
    return page

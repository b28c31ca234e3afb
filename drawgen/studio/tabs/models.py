"""The models that are shipped and those in the studio's folder: cards, figures, curves, and what they draw or write."""

import base64
import itertools
import json
import math
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from drawgen import models
from drawgen.studio.settings import Seed, Settings

DEEP = 3
"""Folders below the studio's own in which models are looked for."""
CURVES = 6
"""Curves of a run that are shown, at most."""
POINTS = 200
"""Points of a curve, at most."""
UNSHOWN = ("step", "seconds", "norm", "norm_after", "clipped")
"""Numbers of a run without a curve, and those that begin with `moved/` or `valid/`."""
LARGEST = 1 << 26
SHOWN_PX, FEW = 256, 16
WRITTEN = 500


class Which(Settings):
    name: Annotated[str, Field(max_length=200)]


class Listed(Settings):
    pass


def own(folder: Path) -> dict[str, Path]:
    """The model folders below the studio's folder, by their path in it; the newest first."""
    found = itertools.chain.from_iterable(folder.glob("*/" * depth + "config.json") for depth in range(1, DEEP + 1))
    homes = [
        path.parent
        for path in found
        if (path.parent / "model.safetensors").is_file()
        and not any(part.is_symlink() or part.name.startswith(".") for part in (path, *itertools.islice(path.parents, DEEP)))
    ]
    return {home.relative_to(folder).as_posix(): home for home in sorted(homes, key=lambda home: -home.stat().st_mtime)}


def home_of(name: str, folder: Path) -> Path:
    """The folder of a model, by its name in the list. Raises ValueError."""
    home = models.shipped().get(name) or own(folder).get(name)
    if home is None:
        raise ValueError("this model is no longer there")
    return home


def listed(_asked: Listed, folder: Path) -> list[dict[str, Any]]:
    """All of them: a name, a kind, what it is, its weights and its first figure."""
    rows = []
    for place, known in (("own", own(folder)), ("shipped", models.shipped())):
        for name, home in known.items():
            try:
                kind = str(json.loads((home / "config.json").read_text(encoding="utf-8"))["model"])
                told = models.describe(home)._asdict() if (home / "README.md").is_file() else {"what": "", "size": "", "figure": ""}
            except (OSError, ValueError, KeyError, TypeError, IndexError):
                continue  # another program's, or damaged
            rows.append({"name": name, "place": place, "kind": kind, **told})
    return rows


def card(asked: Which, folder: Path) -> dict[str, Any]:
    """A model's card, in Markdown, and the curves of its training where it has them."""
    home = home_of(asked.name, folder)
    try:
        text = (home / "README.md").read_text(encoding="utf-8")
    except (OSError, ValueError):
        text = f"# {asked.name}\n\nIt has no card yet."
    return {"card": text, "curves": curves(home / "metrics.jsonl")}


def curves(file: Path) -> dict[str, list[list[float]]]:
    """Name -> [step, value] pairs of a run's numbers."""
    try:
        lines = file.read_bytes().splitlines() if file.stat().st_size < LARGEST else []
    except OSError:
        return {}
    found: dict[str, list[list[float]]] = {}
    for line in lines:
        try:
            row = json.loads(line)
            step = float(row["step"])
        except (ValueError, KeyError, TypeError):
            continue
        for name, value in row.items():
            plain = name not in UNSHOWN and not name.startswith(("moved/", "valid/"))
            if plain and isinstance(value, (int, float)) and math.isfinite(value):
                found.setdefault(name, []).append([step, value])
    told = {name: points for name, points in found.items() if len(points) > 1}
    return {name: points[:: -(-len(points) // POINTS)] for name, points in itertools.islice(told.items(), CURVES)}


class Sampled(Which):
    seed: Seed = 0


def sample(asked: Sampled, folder: Path) -> dict[str, Any]:
    """What a model draws or writes: a picture, or a text."""
    import drawgen
    from drawgen import images
    from drawgen.contract import Draws, DrawsTextures, Writes

    trained = drawgen.load(home_of(asked.name, folder))
    if isinstance(trained.model, Writes):
        return {"text": trained.write(length=WRITTEN, seed=asked.seed)[0]}
    if not isinstance(trained.model, Draws):
        raise ValueError("this model answers questions; its card says how it is asked")
    texture = isinstance(trained.model, DrawsTextures)
    drawn = trained.sample(n=1 if texture else FEW, size=(SHOWN_PX, SHOWN_PX) if texture else None, seed=asked.seed)
    data = images.png(images.grid(drawn.images))
    return {"picture": f"data:image/png;base64,{base64.b64encode(data).decode()}"}


LOOKUPS = {"models.list": listed, "models.card": card}
QUESTIONS = {"models.sample": sample}

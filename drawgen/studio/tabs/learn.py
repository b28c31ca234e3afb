"""How the models work, step by step: pointers, windows, attention, trees, glimpses, and gradients by lag."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from drawgen.studio import shown
from drawgen.studio.settings import Photo, Seed, Settings, Work
from drawgen.studio.tabs.draw import Saved, answered

ANSWER, PREVIEW = "answer.json", "preview.png"
AT_ONCE = {"hull": 1000, "delaunay": 60, "tour": 60}
"""Points up to which an answer is short work, by kind."""
WEIGHED, LEAST = 12, 0.005
"""Probabilities of a step that are told: so many at most, and none below."""
GAP_PX = 2
"""Of a number that is written, on each side of a digit."""
Beams = Annotated[int, Field(ge=0, le=20)]


def put(work: Work, found: dict[str, Any], picture: bytes = b"") -> None:
    """Keeps an answer in the folder of a job."""
    from drawgen import files

    if picture:
        files.write_atomically(work.folder / PREVIEW, picture)
    files.write_atomically(work.folder / ANSWER, json.dumps(found).encode())


# ---------------------------------------------------------------- points


class Pointed(Saved):
    kind: Literal["hull", "delaunay", "tour"] = "hull"
    points: tuple[tuple[float, float], ...] = ()
    """x to the right, y up."""
    random: int | None = None
    """In place of points: so many by chance."""
    beams: Beams = 5
    seed: Seed = 0

    @property
    def title(self) -> str:
        return f"{self.kind} of {len(self.points) if self.random is None else self.random} points"


def points(asked: Pointed, _folder: Path) -> dict[str, Any]:
    """`drawgen points`; of more points than are short work it only says so."""
    count = len(asked.points) if asked.random is None else asked.random
    if AT_ONCE[asked.kind] < count <= 1000 and asked.ending is None:
        return {"queue": True}
    return pointed(asked)


def points_job(asked: Pointed, work: Work) -> None:
    """The same, of many points."""
    work.tell(phase="pointing")
    put(work, pointed(asked, work.say))


def pointed(asked: Pointed, say: Any = None) -> dict[str, Any]:
    import numpy as np

    from drawgen import jobs
    from drawgen.jobs.point_answers import steps_of

    notes: list[str] = []
    trained = shown.loaded(f"pointer_net:{asked.kind}")
    given = np.array(asked.points).reshape(-1, 2) if asked.random is None else f"random:{asked.random}"
    reports = jobs.Reports(message=say or notes.append)
    found = jobs.points(trained, given, beams=asked.beams, seed=asked.seed, progress=reports)
    if asked.ending is not None:
        return shown.file(f"{asked.kind}.{asked.ending}", found.save)
    order, told = steps_of(trained.model, found)
    weighed = []
    for row in told:
        shares, indices = row.sort(descending=True)
        pairs = zip(indices[:WEIGHED].tolist(), shares[:WEIGHED].tolist(), strict=True)
        weighed.append([[index, round(share, 4)] for index, share in pairs if share >= LEAST])
    return {
        "kind": asked.kind,
        "points": found.points.points.tolist(),
        "order": list(order),
        "weighed": weighed,
        "exact": list(found.exact),
        "texts": list(found.texts),
        "notes": notes,
    }


# ---------------------------------------------------------------- windows


class Windows(Saved):
    model: Literal["draw:mnist", "draw:omniglot"] = "draw:mnist"
    after: bool = True
    """Whether it draws after a picture, which it reads; otherwise by itself."""
    photo: Photo | None = None
    """The picture; without one, a drawing of its own."""
    seed: Seed = 0


def windows(asked: Windows, folder: Path) -> dict[str, Any]:
    """`drawgen sample` or `drawgen reconstruct`, with the windows."""
    trained = shown.loaded(asked.model)
    if not asked.after:
        drawn = trained.sample(seed=asked.seed)
    elif asked.photo is None:
        drawn = trained.reconstruct((trained.sample(seed=asked.seed).images[0] > 0.5).float(), seed=asked.seed)
    else:
        drawn = by_its_name(lambda name: trained.reconstruct(name, seed=asked.seed), asked.photo, folder)
    return answered(drawn, asked, "windows", boxes=True)


def by_its_name(work: Any, photo: Photo, folder: Path) -> Any:
    """What a function makes of a photograph's file. Errors name it as its owner does."""
    file, name = shown.photo_name(photo, folder)
    try:
        return work(file)
    except ValueError as error:
        raise ValueError(str(error).replace(file, name)) from error


# ---------------------------------------------------------------- sentences


class Sentence(Settings):
    sentence: str
    beams: Beams = 5
    ending: Literal["png", "svg", "json"] | None = None


def translate(asked: Sentence, _folder: Path) -> dict[str, Any]:
    """`drawgen translate`, with the attention."""
    from drawgen.jobs import translating

    if not asked.sentence.strip():
        translating.given_lines([asked.sentence], None)  # which refuses it
    found = translating.translate([asked.sentence], model=shown.loaded(translating.MODEL), beams=asked.beams, n=min(3, asked.beams))
    if asked.ending is not None:
        return shown.file(f"attention.{asked.ending}", found.save)
    (one,) = found
    attention = one.attention
    return {
        "text": one.text,
        "others": [other.text for other in one.translations[1:]],
        "doubt": one.doubt,
        "unknown": list(one.unknown),
        "source": list(attention.source) if attention else [],
        "target": list(attention.target) if attention else [],
        "weights": [[round(weight, 4) for weight in row] for row in attention.weights.tolist()] if attention else [],
    }


def parse(asked: Sentence, _folder: Path) -> dict[str, Any]:
    """`drawgen parse`."""
    from drawgen import jobs

    notes: list[str] = []
    reports = jobs.Reports(message=notes.append)
    found = jobs.parse(asked.sentence, model=shown.loaded("seq2tree"), beams=asked.beams, progress=reports)
    if asked.ending is not None:
        return shown.file(f"tree.{asked.ending}", found.save)
    (one,) = found.sentences
    return {"tree": nested(one.tree), "brackets": one.brackets, "score": one.score, "notes": notes}


def nested(tree: Any) -> Any:
    """A tree as [label, parts ...], words as text."""
    return tree if isinstance(tree, str) else [tree.label, *map(nested, tree.children)]


# ---------------------------------------------------------------- glimpses


class Looked(Saved):
    photo: Photo | None = None
    digits: Annotated[int, Field(ge=1, le=5)] = 3
    """Without a photograph: of a number that is written by the model of digits."""
    reader: Literal["auto", "glimpse_reader:sequence", "glimpse_reader:pairs", "glimpse_reader:addition"] = "auto"
    seed: Seed = 0


def look(asked: Looked, folder: Path) -> dict[str, Any]:
    """`drawgen read`, with the glimpses."""
    from drawgen import jobs

    model = None if asked.reader == "auto" else asked.reader
    if asked.photo is None:
        page = written(asked.digits, asked.seed)
        labels = jobs.read(page, model=model, n=3)
    else:
        page = None
        labels = by_its_name(lambda name: jobs.read(name, model=model, n=3), asked.photo, folder)
    assert labels.looked_at is not None
    given = {} if page is None else {"page": shown.picture(page)}
    more = {"labels": labels[0].labels, "model": labels[0].model} | given
    return answered(labels.looked_at, asked, "glimpses", boxes=bool(labels.looked_at.boxes), **more)


def written(count: int, seed: int) -> Any:
    """A page (1 H W) with a number that the model of digits writes, dark on white."""
    import torch
    from torch.nn import functional as F

    digits = []
    for digit in shown.loaded("draw:mnist").sample(n=count, seed=seed).images:
        inked = (digit > min(0.5, float(digit.max()) / 2)).any(1)[0].nonzero()
        digits.append(F.pad(digit[:, :, int(inked.min()) : int(inked.max()) + 1], (GAP_PX, GAP_PX)))
    row = F.pad(torch.cat(digits, 2), (8, 8, 8, 8))
    return 1 - F.interpolate(row[None], scale_factor=6, mode="bicubic")[0].clamp(0, 1)


# ---------------------------------------------------------------- gradients


class Diagnosed(Settings):
    model: Literal[
        "char_rnn:shakespeare", "draw:mnist", "draw:omniglot", "sketch_rnn:omniglot", "seq2seq:translate", "seq2tree:treebank",
        "captioner:scenes", "captioner:photos", "ride:gravel",
    ]  # fmt: skip
    seed: Seed = 0

    @property
    def title(self) -> str:
        return f"the gradient of {self.model}"


def gradient(asked: Diagnosed, work: Work) -> None:
    """`drawgen diagnose`: how the gradient falls with the lag."""
    from drawgen import jobs

    work.tell(phase="following the gradient back")
    report = jobs.diagnose(asked.model, seed=asked.seed, progress=jobs.Reports(message=work.say))
    first = report.sections[0]
    table = None if first.table is None else {"header": list(first.table.header), "rows": [list(row) for row in first.table.rows]}
    layers = {
        name: {key: layer[key] for key in ("kind", "lags", "bound", "rate", "verdict")}
        for name, layer in report.numbers["layers"].items()
    }
    put(work, {"model": asked.model, "lead": report.lead, "says": first.says, "layers": layers, "table": table}, first.chart)


JOBS = {"points": points_job, "gradient": gradient}
QUESTIONS = {
    "learn.points": points,
    "learn.windows": windows,
    "learn.translate": translate,
    "learn.parse": parse,
    "learn.look": look,
}

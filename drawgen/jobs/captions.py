"""Captions for a user's pictures, and the scores of a captioner."""

import glob
import itertools
import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from drawgen import attention_maps, images, models
from drawgen.contract import Describes, Doubts, Hypothesis, Model
from drawgen.data import caption_scores
from drawgen.data.captions import Example
from drawgen.devices import device_of
from drawgen.files import HIDDEN, files_in, write_atomically
from drawgen.images import ImageError, fit_to
from drawgen.interrupts import plainly
from drawgen.jobs.answers import MOST_SHOWN, Captions, Described
from drawgen.jobs.loading import Picture, name_of, opened
from drawgen.jobs.reports import problem_lines
from drawgen.jobs.verbs import that_can
from drawgen.ranges import ArgumentError, check_range
from drawgen.threads import threads

log = logging.getLogger(__name__)

MODEL = "captioner"
"""The model that captions when none is named."""
DOUBT = "this is unlike the {} that {} was trained on"
"""With the kind of a model's training pictures, and its name."""
AT_ONCE = 16
"""Pictures captioned in one batch."""
DEAD = 0.01
"""If the attention maps change less than this from word to word, they carry no information."""
DIFFERENT = 0.1
"""With fewer different captions than this, the attention cannot be judged yet."""


def captioners(source: str | Path | None, *, device: str = "cpu") -> dict[str, Model]:
    """Name -> model: the one of `source` (a folder or MODEL:NAME); for None the shipped captioners that know what they were trained
    on, or else the default one. Raises ValueError."""
    if source is not None:
        return {str(source): models.load(source, device=device)}
    found = {name: models.load(name, device=device) for name in models.shipped() if name.startswith(f"{MODEL}:")}
    knowing = {name: model for name, model in found.items() if kind_of(model)}
    return knowing or {MODEL: models.load(MODEL, device=device)}


def kind_of(model: Model) -> str:
    """What the model was trained on; empty if it does not know."""
    return model.kind if isinstance(model, Doubts) else ""


def described(
    choices: Mapping[str, Model],
    pictures: Sequence[Picture],
    *,
    beams: int = 5,
    n: int = 1,
    strict: bool = False,
    skipped: MutableMapping[str, str],
) -> Iterator[Described]:
    """Yields the `n` best captions of each picture by a model of `choices` (name -> model): of several, by the one that the picture
    is least strange to (`contract.Doubts`). Pictures that cannot be read are left out and recorded in `skipped` (picture ->
    reason); with `strict` they raise an error. Raises ImageError, ValueError."""
    check_range("beams", beams, at_least=1, at_most=100)
    check_range("n", n, at_least=1)
    if n > beams:
        raise ArgumentError("n", f"is {n} and `beams` {beams}; a search finds at most as many captions as it has beams")
    describers = {source: that_can(model, Describes, source) for source, model in choices.items()}
    before = len(skipped)
    for first in range(0, len(pictures), AT_ONCE):
        names: list[str] = []
        seen: dict[str, list[Tensor]] = {source: [] for source in choices}
        for number, picture in enumerate(pictures[first : first + AT_ONCE], first + 1):
            name = name_of(picture, number)
            try:
                shapes = {source: model.spec.picture for source, model in choices.items()}
                fitted = {source: fit_to(opened(picture, name, covering=s[1:])[0], s) for source, s in shapes.items()}
            except ImageError as error:
                if strict:
                    raise
                skipped[name] = str(error)
                continue
            names.append(name)
            for source, image in fitted.items():
                seen[source].append(image)
        if not names:
            continue
        found: dict[int, Described] = {}
        with threads(1), plainly():  # given back before anything is handed out
            batches = {source: torch.stack(seen[source]).to(device_of(model)) for source, model in choices.items()}
            strange = {source: strangeness(model, batches[source]) for source, model in choices.items()}
            nearest = [min(choices, key=lambda source: strange[source][row]) for row in range(len(names))]
            for source, describer in describers.items():
                rows = [row for row, each in enumerate(nearest) if each == source]
                if not rows:
                    continue
                batch = batches[source] if len(rows) == len(names) else batches[source][rows]
                told = describer.caption(batch, beams=beams, n=n)
                reasons = unsure(choices[source], batch, [captions[0] for captions in told])
                for row, captions, reason in zip(rows, told, reasons, strict=True):
                    doubt = DOUBT.format(kind_of(choices[source]), source) if strange[source][row] > 1 else reason
                    found[row] = Described(names[row], captions, seen[source][row], source, doubt)
        yield from (found[row] for row in range(len(names)))
    if len(skipped) - before == len(pictures):
        raise ImageError(f"no picture could be read: {list(skipped.values())[before]}")


def strangeness(model: Model, batch: Float[Tensor, "B C H W"]) -> list[float]:
    """How unlike a model's training pictures these are; 0 for a model that does not know."""
    return model.strangeness(batch).tolist() if isinstance(model, Doubts) else [0.0] * len(batch)


def unsure(model: Model, batch: Float[Tensor, "B C H W"], captions: Sequence[Hypothesis]) -> list[str]:
    """Why captions may be wrong; empty for a model that does not know."""
    return model.unsure(batch, captions) if isinstance(model, Doubts) else [""] * len(captions)


def doubt_lines(doubts: Mapping[str, str], count: int) -> list[str]:
    """What to warn of after captions of `count` pictures, by picture -> doubt."""
    return [f"{len(doubts)} of {count} captions are doubtful:", *problem_lines(doubts)] if doubts else []


def caption(
    source: str | None,
    pictures: Sequence[Picture],
    *,
    beams: int = 5,
    n: int = 1,
    attention: Path | None = None,
    strict: bool = False,
    device: str = "cpu",
    force: bool = False,
    skipped: dict[str, str] | None = None,
    say: Callable[[str], None] | None = None,
) -> Iterator[Described]:
    """`described` with `captioners(source)`. `attention` is a file for the attention maps of each word. `say` is called with the
    letters for which there is no font. Raises ImageError, ValueError."""
    if attention is not None:
        images.check_output(attention, force=force, sources=[name_of(picture) for picture in pictures])
        if len(pictures) > MOST_SHOWN:
            raise ValueError(f"`attention` draws at most {MOST_SHOWN} pictures into one file, and {len(pictures)} are given")
    choices = captioners(source, device=device)
    blind = next((name for name, model in choices.items() if not that_can(model, Describes, name).attends), None)
    if attention is not None and blind is not None:
        raise ValueError(f"{blind} was built without attention, and `attention` has nothing to show; leave it out")
    shown = Captions()
    skipped = {} if skipped is None else skipped
    for one in described(choices, pictures, beams=beams, n=n, strict=strict, skipped=skipped):
        if attention is not None:
            shown.append(one)
        yield one
    if attention is None:
        return
    missing = dict.fromkeys(letter for one in shown for letter in attention_maps.missing(one.captions[0].words))
    if missing and say is not None:
        say(attention_maps.told_missing(attention, list(missing)))
    shown.write_maps(attention, replace=force)


def pictures_in(pictures: Sequence[Picture]) -> list[Picture]:
    """The files, the pictures in folders and their subfolders, and the matches of patterns, without duplicates; and pictures that
    are not files. Raises ValueError."""
    found: list[Picture] = []
    known: set[str] = set()
    for picture in pictures:
        if not isinstance(picture, (str, os.PathLike)):
            found.append(picture)
            continue
        path = os.fspath(picture)
        if path.startswith("photo:") or os.path.isfile(path):  # noqa: PTH113  # a name of 300 letters is no error of the system
            inside = [path]
        elif os.path.isdir(path):  # noqa: PTH112
            try:
                inside = [str(file) for file in files_in(Path(path), images.PICTURES, deep=True)]
            except OSError as error:
                raise ValueError(f"the folder {path} cannot be read ({error.strerror}: {error.filename})") from error
            if not inside:
                raise ValueError(f"the folder {path} holds no pictures; give another, or the pictures themselves")
        else:
            found_there = (Path(p) for p in glob.glob(path, recursive=True))  # noqa: PTH207
            inside = sorted(str(p) for p in found_there if p.is_file() and HIDDEN.isdisjoint(p.parts))
            if not inside:
                raise ValueError(f"{path} is no picture, no folder and no pattern of pictures; check the path")
        found += [file for file in inside if file not in known]
        known.update(inside)
    if not found:
        raise ValueError("no pictures are given; name files or folders")
    return found


# ---------------------------------------------------------------- scores


def score(
    model: Any,
    examples: Iterator[Example],
    *,
    beams: int = 5,
    meteor: bool = False,
    note: Callable[[Example, str], None] | None = None,
) -> dict[str, float]:
    """Scores the generated captions against the references (the extra `eval`), and on scenes against the scenes themselves.

    `true` is the fraction of true captions, `facts` the mean number of facts per caption, `facts_of_data` that of the references,
    and `KIND_right` the fraction of facts of a kind that are true. `different` is 0 if all pictures get the same caption and 1 if
    each gets its own. With attention, `map_change` is the fraction of a word's map that moves from the word before (0: the model
    always attends to the same places). On scenes, `on_object` is the fraction of the map of a colour or shape word that is on the
    objects it describes, and `on_object_by_chance` the fraction of the picture that they cover.

    `note` is called with each picture and its caption."""
    written: list[str] = []
    references: list[Sequence[str]] = []
    changes: list[float] = []
    looks: list[tuple[float, float]] = []
    counts, asserted, right = Counter[str](), Counter[str](), Counter[str]()
    while batch := list(itertools.islice(examples, AT_ONCE)):
        found = model.caption(torch.stack([example.picture for example in batch]).to(device_of(model)), beams=beams)
        for example, (best, *_) in zip(batch, found, strict=True):
            if note is not None:
                note(example, best.text)
            written.append(best.text)
            references.append(example.captions)
            if best.maps is not None and len(best.maps) > 1:
                changes.append(float(best.maps.diff(dim=0).abs().sum((1, 2)).mean()) / 2)
            if example.scene is None:
                continue
            verdict = example.scene.judge(best.text)
            asserted += verdict.asserted
            right += verdict.right
            told = [example.scene.judge(text).asserted.total() for text in example.captions]
            counts += Counter(scenes=1, true=int(verdict.true), captions=len(told), told=sum(told))
            if best.maps is not None:
                looks += example.scene.looked(best.text, best.maps)
    scores: dict[str, float] = {}
    if counts["scenes"]:
        scores["true"] = counts["true"] / counts["scenes"]
        scores["facts"] = asserted.total() / counts["scenes"]
        scores["facts_of_data"] = counts["told"] / counts["captions"]
        scores |= {f"{kind}_right": right[kind] / asserted[kind] for kind in sorted(asserted)}
    if len(written) > 1:
        scores["different"] = (len(set(written)) - 1) / (len(written) - 1)
    if changes:
        scores["map_change"] = sum(changes) / len(changes)
    if looks:
        scores["on_object"] = sum(on for on, _ in looks) / len(looks)
        scores["on_object_by_chance"] = sum(chance for _, chance in looks) / len(looks)
    if written and caption_scores.available():
        scores |= caption_scores.score(written, references, meteor=meteor)
    return scores


def is_dead(scores: Mapping[str, float]) -> bool:
    """Whether the attention carries no information: the maps do not move, although different pictures get different captions. A
    model after a few steps, with one caption for all pictures, may still learn to attend."""
    return scores.get("map_change", 1.0) < DEAD and scores.get("different", 0.0) > DIFFERENT


# ---------------------------------------------------------------- for the scorers of COCO


def check_results(path: Path, *, force: bool = False) -> None:
    """Raises ImageError for a results file that cannot be written."""
    images.check_output(path, force=force, kinds=(".json",))


def save_results(path: Path, captions: Sequence[tuple[int, str]]) -> None:
    """Writes `[{"image_id": ..., "caption": ...}]`, the format of COCO's scorers. Raises StorageError."""
    told = [{"image_id": number, "caption": text} for number, text in captions]
    write_atomically(path, json.dumps(told, ensure_ascii=False).encode())

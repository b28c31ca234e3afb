"""Captions for a person's pictures, and scores of a model that writes them."""

import glob
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from drawgen import attention_maps, images, models
from drawgen.data import caption_scores
from drawgen.data.captions import Example
from drawgen.files import files_in
from drawgen.images import ImageError

AT_ONCE = 16
"""Pictures described in one batch."""
MOST_SHOWN = 32
"""Pictures whose attention is drawn into one file, at most."""
DEAD = 0.01
"""Maps that change less than this from word to word say nothing."""


class Described(NamedTuple):
    """One picture and its captions, the best first."""

    picture: str
    captions: list[Any]


def caption(
    source: str,
    pictures: Sequence[str],
    *,
    beams: int = 5,
    n: int = 1,
    attention: Path | None = None,
    strict: bool = False,
    device: str = "cpu",
    force: bool = False,
    skipped: dict[str, str],
) -> Iterator[Described]:
    """The `n` best captions of each picture, as they come. What cannot be read goes into `skipped`, picture -> why, or with
    `strict` stops. `attention` is a file that shows where the model looked for each word. Raises ImageError, ValueError."""
    if not 1 <= beams <= 100:
        raise ValueError(f"--beam is {beams}; it has to lie between 1 (greedy) and 100")
    if not 1 <= n <= beams:
        raise ValueError(f"-n is {n} and --beam {beams}; a search finds at most as many captions as it has beams")
    if attention is not None:
        images.check_output(attention, force=force)
        if len(pictures) > MOST_SHOWN:
            raise ValueError(f"--attention draws at most {MOST_SHOWN} pictures into one file, and {len(pictures)} are given")
    torch.set_num_threads(1)
    model = models.load(source, device=device)
    if not hasattr(model, "caption"):
        raise ValueError(f"{source} writes no captions of pictures; take a model of the kind captioner")
    if attention is not None and not model.config.attention:
        raise ValueError(f"{source} was built without attention, and --attention has nothing to show; leave it out")
    shown: list[list[Tensor]] = []
    for first in range(0, len(pictures), AT_ONCE):
        seen: dict[str, Tensor] = {}
        for name in pictures[first : first + AT_ONCE]:
            try:
                seen[name] = images.fit_to(images.load_image(name, covering=model.spec.image[1:]), model.spec.image)
            except ImageError as error:
                if strict:
                    raise
                skipped[name] = str(error)
        if not seen:
            continue
        found = model.caption(torch.stack(list(seen.values())).to(model.silent.device), beams=beams, n=n)
        for (name, picture), captions in zip(seen.items(), found, strict=True):
            if attention is not None:
                shown.append(list(attention_maps.panels(picture, captions[0].words, captions[0].maps)))
            yield Described(name, captions)
    if len(skipped) == len(pictures):
        raise ImageError(f"no picture could be read: {next(iter(skipped.values()))}")
    if attention is not None and attention.suffix.lower() in images.STILL:
        images.save_image(attention, attention_maps.sheet(shown))
    elif attention is not None:
        frames = list(attention_maps.stages(shown))
        images.save_animation(attention, frames, seconds=0.6 * len(frames))


def pictures_in(paths: Sequence[str]) -> list[str]:
    """Files, the pictures of folders and of the folders in them, and what patterns stand for; each once. Raises ValueError."""
    found: dict[str, None] = {}
    for path in paths:
        if path.startswith("photo:") or Path(path).is_file():
            inside = [path]
        elif Path(path).is_dir():
            inside = [str(p) for p in files_in(Path(path), images.PICTURES, deep=True)]
            if not inside:
                raise ValueError(f"the folder {path} holds no pictures; give another, or the pictures themselves")
        else:
            inside = sorted(p for p in glob.glob(path, recursive=True) if Path(p).is_file())  # noqa: PTH207
            if not inside:
                raise ValueError(f"{path} is no picture, no folder and no pattern of pictures; check the path")
        found |= dict.fromkeys(inside)
    if not found:
        raise ValueError("no pictures are given; name files or folders")
    return list(found)


# ---------------------------------------------------------------- scores


def score(model: Any, examples: Iterator[Example], *, beams: int = 5, meteor: bool = False) -> dict[str, float]:
    """What the model writes by itself against what people said (the extra `eval`), and on scenes whether it is true.

    `true` is the share of true captions, `facts` what a caption asserts, `facts_of_data` what those of the data do, `KIND_right`
    the share of the facts of a kind that hold. With attention, `map_change` is how much of the map of a word lies elsewhere than
    that of the word before (0: the model looks always at the same places); and on scenes `on_object` the share of the map of a
    colour's or a shape's word that lies on the objects it is said of, and `on_object_by_chance` their share of the picture."""
    written: list[str] = []
    references: list[Sequence[str]] = []
    changes: list[float] = []
    looks: list[tuple[float, float]] = []
    counts, asserted, right = Counter[str](), Counter[str](), Counter[str]()
    while batch := list(itertools.islice(examples, AT_ONCE)):
        found = model.caption(torch.stack([example.picture for example in batch]).to(model.silent.device), beams=beams)
        for example, (best, *_) in zip(batch, found, strict=True):
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
    if changes:
        scores["map_change"] = sum(changes) / len(changes)
    if looks:
        scores["on_object"] = sum(on for on, _ in looks) / len(looks)
        scores["on_object_by_chance"] = sum(chance for _, chance in looks) / len(looks)
    if written and caption_scores.available():
        scores |= caption_scores.score(written, references, meteor=meteor)
    return scores

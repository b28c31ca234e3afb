"""Results of models: values that are displayed in a notebook and can be saved as files.

Axes: B pictures, C channels, H rows, W columns, T words.
"""

import base64
import html
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from drawgen import attention_maps, files, images, reading_pictures
from drawgen.contract import Hypothesis, Request, Sample
from drawgen.jobs import caption_tables
from drawgen.jobs.previews import BETWEEN
from drawgen.ranges import ArgumentError
from drawgen.strokes import pen_lines
from drawgen.strokes.painting import Painting
from drawgen.threads import threads

D = TypeVar("D", bound="Drawn")

STAGES = 48
"""Frames of an animation of the drawing, at most."""
SHOWN_PX = 256
"""Size in pixels to which a notebook enlarges small pictures, about."""
MOST_SHOWN = 32
"""Pictures in one file of attention maps, at most."""


# ---------------------------------------------------------------- pictures


@dataclass(frozen=True, eq=False, repr=False)
class Drawn(Sample):
    """Finished pictures: a `Sample` that a notebook displays as a grid, and that has `save`.

    `images` is B C H W in [0, 1], on the CPU. `frames`, `boxes` (of a model with attention), `strokes` (of a painter) and `maps`
    (of a texture: normals, heights ...) and `lines` (of a pen) are those of `Sample`.

    >>> import drawgen
    >>> drawn = drawgen.load("draw").sample(n=4, seed=1)
    >>> drawn
    4 pictures of 28x28 pixels, drawn in steps, with boxes of write
    >>> drawn.images.shape
    torch.Size([4, 1, 28, 28])
    >>> drawn.save("digits.png")
    >>> drawn.save("digits.gif", boxes=True)  # how they are drawn, with the windows
    """

    columns: int | None = None
    """Columns of the grid; None: as square as possible."""
    seen: Float[Tensor, "B C H W"] | None = None
    """The model's input of a reconstruction, shown in the upper row."""

    @classmethod
    def of(cls: type[D], sample: Sample, **more: Any) -> D:
        """Converts a sample. Its tensors become ordinary ones, not inference tensors."""
        parts = {field.name: plain(getattr(sample, field.name)) for field in fields(Sample)}
        named = {kind: {name: plain(each) for name, each in getattr(sample, kind).items()} for kind in ("boxes", "maps")}
        return cls(**parts | named | more)

    def __repr__(self) -> str:
        count, _, height, width = self.images.shape
        words = f"{count} picture{'s' * (count > 1)} of {width}x{height} pixels"
        words += ", drawn in steps" if self.frames is not None else ""
        words += f", with {self.strokes.shape[1]} strokes" if self.strokes is not None else ""
        words += ", as lines of a pen" if self.lines is not None else ""
        words += f", with maps: {', '.join(self.maps)}" if self.maps else ""
        return words + (f", with boxes of {' and '.join(self.boxes)}" if self.boxes else "")

    def still(self, *, boxes: bool = False) -> Float[Tensor, "C2 H2 W2"]:
        """All pictures as one. `boxes` enlarges them and draws the model's windows, one row per picture and one column per step.
        Raises ValueError for `boxes` if the model has no windows."""
        if boxes:
            steps = list(images.boxed(self))
            return images.grid(torch.stack(steps, 1).flatten(0, 1), columns=len(steps), gap_px=8)
        if self.seen is not None:
            return images.grid(torch.cat([self.seen, self.images]), columns=self.columns)
        return images.grid(self.images, columns=self.columns)

    def stages(self, *, boxes: bool = False) -> Iterator[Float[Tensor, "C2 H2 W2"]]:
        """An animation of the drawing, one frame per stage; with `boxes` one per step, enlarged, with the windows. Raises
        ValueError if the model has no stages, or for `boxes` if it has no windows."""
        if self.frames is None and not boxes:
            raise ValueError(f"there is no animation of this model; choose one of {' '.join(images.STILL)}, without `animate`")
        frames = images.boxed(self) if boxes or self.frames is None else self.frames(STAGES)
        return (images.grid(frame, columns=self.columns) for frame in frames)

    def pil(self, *, boxes: bool = False) -> Image.Image:
        """`still` as a picture of Pillow."""
        return Image.fromarray(images.to_bytes(self.still(boxes=boxes)))

    def animation(self, *, boxes: bool = False) -> images.Animation:
        """`stages` as an animation that a notebook plays. Raises ValueError as `stages` does."""
        return images.animated(enlarged(stage) for stage in self.stages(boxes=boxes))

    def painting(self) -> Painting:
        """The strokes of all drawings side by side on black. Raises ValueError if there are none."""
        if self.strokes is None:
            raise ValueError("this model draws no strokes")
        size = (self.images.shape[2], self.images.shape[3])
        return Painting.sheet(self.strokes.cpu(), size, images.grid_columns(len(self.images), *size, self.columns))

    def save(self, path: str | os.PathLike[str], *, boxes: bool = False, animate: bool = False, force: bool = False) -> None:
        """Writes a file. The ending of `path` decides the format: a grid (PNG, JPEG, WebP, TIFF, BMP), an animation of the drawing
        (GIF, APNG, MP4; with `animate` PNG and WebP), or the strokes of a painter or a pen (SVG, JSON). `boxes` draws the windows
        of a model with attention: read green, write red. An existing file is replaced only with `force`. Raises ImageError (a
        ValueError) if the result cannot be written in that format, and StorageError. `{i}` in the name gives a file per picture.
        Maps of textures are written beside their colours, as OUT-NAME.png."""
        out = Path(path)
        count = len(self.images)
        paths = numbered(out, count)
        for each in paths:
            images.check_output(each, force=force, kinds=images.kinds_for(animate))
        check_maps(paths, self.maps, animate=animate, force=force)
        check_grid(out, count // len(paths), tuple(self.images.shape[2:]), boxes=boxes, columns=self.columns)
        self.write(out, boxes=boxes, animate=animate, replace=force)

    def one(self, index: int) -> "Drawn":
        """Picture number `index` alone."""
        own, frames, strokes, seen = slice(index, index + 1), self.frames, self.strokes, self.seen
        return Drawn(
            images=self.images[own],
            frames=None if frames is None else lambda count: (frame[own] for frame in frames(count)),
            strokes=None if strokes is None else strokes[own],
            boxes={name: boxes[:, own] for name, boxes in self.boxes.items()},
            seen=None if seen is None else seen[own],
            maps={name: each[own] for name, each in self.maps.items()},
            map_kinds=self.map_kinds,
            lines=None if self.lines is None else self.lines[own],
            readings=None if self.readings is None else self.readings[own],
        )

    def save_attention(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Of handwriting: draws which character the model looked at, at each point of the pen. Raises ValueError for others."""
        out = Path(path)
        images.check_output(out, force=force)
        self.write_attention(out, replace=force)

    @threads(1)
    def write_attention(self, out: Path, *, replace: bool = True) -> None:
        """`save_attention` after the checks."""
        if self.readings is None:
            raise ValueError("this model attends to no text, and there is no picture of that")
        images.save_image(out, reading_pictures.sheet([reading for one in self.readings for reading in one]), replace=replace)

    @threads(1)
    def write(self, out: Path, *, boxes: bool = False, animate: bool = False, apart: bool = False, replace: bool = True) -> None:
        """`save` after the checks. Without `replace` an existing file is kept. `apart` is that of `numbered`."""
        paths = numbered(out, len(self.images), apart=apart)
        if paths != [out]:
            for index, path in enumerate(paths):
                self.one(index).write(path, boxes=boxes, animate=animate, replace=replace)
            return
        if out.suffix.lower() in images.VECTOR:
            if self.strokes is None and self.lines is None:
                raise ValueError(f"this model draws no strokes, which {out} would hold; choose one of {' '.join(images.STILL)}")
            if boxes:
                raise ValueError(f"`boxes` and {out} don't go together; choose one of {' '.join(images.STILL)}")
            if self.lines is not None:
                svg = out.suffix.lower() == ".svg"
                told = pen_lines.svg(self.lines, self.columns) if svg else pen_lines.to_json(self.lines)
                files.write_output(out, told.encode(), replace=replace)
                return
            self.painting().write(out, None, animate=False, replace=replace)
        elif not images.moves(out, animate):
            contents = {out: images.encoded(out, self.still(boxes=boxes))}
            for name, each in self.maps.items():
                sheet = images.grid(each, columns=self.columns)
                contents[map_file(out, name)] = images.png(sheet, bits=self.map_kinds[name].bits)
            files.write_outputs(contents, replace=replace)
        else:
            images.save_animation(out, self.stages(boxes=boxes), replace=replace)

    @threads(1)
    def _repr_png_(self) -> bytes:
        return images.png(enlarged(self.still()))


def plain(value: Any) -> Any:
    """Converts an inference tensor into an ordinary one."""
    return value.clone() if isinstance(value, Tensor) and value.is_inference() else value


def enlarged(image: Float[Tensor, "C H W"]) -> Float[Tensor, "C H2 W2"]:
    """Enlarges small pictures for the screen, without smoothing."""
    factor = max(1, round(SHOWN_PX / max(image.shape[1:])))
    return image.repeat_interleave(factor, 1).repeat_interleave(factor, 2)


def numbered(out: Path, n: int, *, apart: bool = False) -> list[Path]:
    """The files of `n` pictures: one for all of them; one each, numbered from 1, if `{i}` is in the name, or with `apart`."""
    if "{i}" in out.name:
        return [out.with_name(out.name.replace("{i}", str(i))) for i in range(1, n + 1)]
    return [out.with_name(f"{out.stem}-{i}{out.suffix}") for i in range(1, n + 1)] if apart and n > 1 else [out]


def map_file(out: Path, name: str) -> Path:
    """The file of a map beside that of its colours. It is a PNG, in which numbers stay exact."""
    return out.with_name(f"{out.stem}-{name}.png")


def with_maps(paths: Iterable[Path], maps: Collection[str]) -> list[Path]:
    """The files of textures, each followed by those of its maps."""
    return [each for path in paths for each in (path, *(map_file(path, name) for name in maps))]


def check_maps(
    paths: Sequence[Path], maps: Collection[str], *, animate: bool = False, force: bool = False, sources: Sequence[str] = ()
) -> None:
    """Raises an error, before drawing, if the maps of textures cannot be written beside these files."""
    if not maps:
        return
    if moving := next((path for path in paths if images.moves(path, animate) or path.suffix.lower() in images.VECTOR), None):
        raise ArgumentError("maps", f"are still pictures, and {moving} would be none; choose one of {' '.join(images.STILL)}")
    every = with_maps(paths, maps)
    if twice := next((path for path in every if every.count(path) > 1), None):
        raise ArgumentError("maps", f"would write {twice} twice; give the map another name, as NAME=FILE")
    for path in set(every) - set(paths):
        images.check_output(path, force=force, sources=sources)


def check_files(out: Path, request: Request, *, force: bool, sources: Sequence[str] = (), maps: Collection[str] = ()) -> None:
    """Raises an error, before drawing, if the textures of a request cannot be written."""
    assert request.size is not None
    paths = numbered(out, request.n, apart=bool(request.tile))
    for path in paths:
        images.check_output(path, force=force, sources=sources)
    check_maps(paths, maps, force=force, sources=sources)
    check_grid(out, request.n // len(paths), request.size)


def check_grid(out: Path, n: int, size: tuple[int, ...], *, boxes: bool = False, columns: int | None = None) -> None:
    """Raises an error, before drawing, if a grid of `n` pictures is too large for the file's format."""
    if out.suffix.lower() in images.VECTOR:
        return
    scale = images.BOX_SCALE if boxes else 1
    images.check_extent(out, *images.grid_size(n, scale * size[0], scale * size[1], columns=columns))


def figures(shown: Iterable[tuple[Float[Tensor, "C H W"], Sequence[str]]]) -> str:
    """Pictures with lines of text below them, as HTML."""
    parts = []
    for image, lines in shown:
        data = base64.b64encode(images.png(enlarged(image))).decode()
        words = "<br>".join(html.escape(line) for line in lines)
        parts.append(
            '<figure style="display:inline-block;margin:.5em;vertical-align:top">'
            f'<img src="data:image/png;base64,{data}" alt=""><figcaption style="max-width:20em">{words}</figcaption></figure>'
        )
    return "".join(parts)


# ---------------------------------------------------------------- texts


class Passage(NamedTuple):
    """A text generated by a model."""

    text: str
    """The prime and its continuation."""
    score: float
    """Log-probability of the continuation, in nats."""


class Passages(list[Passage]):
    """Texts generated by a model.

    >>> import drawgen
    >>> passages = drawgen.load("char_rnn").write(prime="ROMEO:", length=20, n=2, seed=1)
    >>> len(passages), passages[0].text[:6], passages[0].score < 0
    (2, 'ROMEO:', True)
    >>> passages.save("plays.txt")
    """

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Writes a text file (UTF-8), with a line of dashes between texts. Raises ImageError (a ValueError) for an existing file,
        unless `force`."""
        out = Path(path)
        images.check_output(out, force=force, kinds=[out.suffix.lower()])
        self.write(out, replace=force)

    def write(self, out: Path, *, replace: bool) -> None:
        """`save` after the checks."""
        files.write_output(out, BETWEEN.join(passage.text for passage in self).encode(errors="replace"), replace=replace)

    def _repr_html_(self) -> str:
        return "<hr>".join(f"<pre>{html.escape(passage.text)}</pre>" for passage in self)


# ---------------------------------------------------------------- captions


class Described(NamedTuple):
    """One picture and its captions, the best first."""

    picture: str
    """The file, or "picture 1" and so on for a picture without a file."""
    captions: list[Hypothesis]
    image: Float[Tensor, "C H W"]
    """The picture as the model saw it."""
    model: str = ""
    """The model that captioned it."""
    doubt: str = ""
    """Why the caption is doubtful, as a sentence; empty if it is not."""

    @property
    def text(self) -> str:
        """The best caption."""
        return self.captions[0].text

    @property
    def score(self) -> float:
        """The best caption's score: mean log-probability of its words, in nats."""
        return self.captions[0].score

    def __repr__(self) -> str:
        return f"{self.picture}: " + "; ".join(caption.text for caption in self.captions)

    def as_json(self) -> dict[str, Any]:
        """The picture's name, its captions with their scores and the log-probabilities of their words, the model, and the doubt
        (None if there is none)."""
        captions = [
            {"caption": c.text, "score": c.score, "finished": c.finished, "words": list(zip(c.words, c.log_probs, strict=True))}
            for c in self.captions
        ]
        return {"picture": self.picture, "captions": captions, "model": self.model, "doubt": self.doubt or None}


class Captions(list[Described]):
    """Pictures and their captions. `skipped`: picture that could not be read -> reason.

    >>> import drawgen
    >>> captions = drawgen.caption("photo:coffee", beams=2)
    >>> captions[0].picture, len(captions[0].captions)
    ('photo:coffee', 1)
    >>> best = captions[0].captions[0]
    >>> best.maps.shape[0] == len(best.words)  # where the model looked for each word: T h w, shares of 1
    True
    >>> captions.save("where.png")
    """

    def __init__(self, found: Iterable[Described] = (), skipped: Mapping[str, str] | None = None) -> None:
        super().__init__(found)
        self.skipped = dict(skipped or {})

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Writes a file. The ending of `path` decides the format: JSON with all captions, their scores and the log-probabilities of
        their words; JSONL with the same, one picture per line; CSV with the columns picture, caption, score, model and doubt, one
        caption per row; or a picture of the attention maps of the best captions, which a GIF, APNG or MP4 shows word by word. CSV
        and JSONL name pictures relative to their folder. Raises ImageError (a ValueError) and StorageError."""
        out = Path(path)
        images.check_output(out, force=force, kinds=(*images.STILL, *images.MOVING, ".json", *caption_tables.TABLES))
        if out.suffix.lower() in caption_tables.TABLES:
            lines = [caption_tables.begin(out), *(caption_tables.lines_of(described, out) for described in self)]
            files.write_output(out, caption_tables.encoded("".join(lines)), replace=force)
            return
        if out.suffix.lower() == ".json":
            told = [described.as_json() for described in self]
            files.write_output(out, json.dumps(told, ensure_ascii=False).encode(), replace=force)
            return
        self.write_maps(out, replace=force)

    def write_maps(self, out: Path, *, replace: bool) -> None:
        """Writes the attention maps, after the checks. Raises ValueError for captions without maps."""
        if len(self) > MOST_SHOWN:
            raise ValueError(f"at most {MOST_SHOWN} pictures are drawn into one file, and there are {len(self)}")
        best = [(one.image, one.captions[0]) for one in self]
        shown = [list(attention_maps.panels(image, c.words, c.maps)) for image, c in best if c.maps is not None]
        if not shown:
            raise ValueError(f"the captions have no maps, which {out} would show: the model was built without attention")
        if out.suffix.lower() in images.STILL:
            images.save_image(out, attention_maps.sheet(shown), replace=replace)
        else:
            frames = list(attention_maps.stages(shown))
            images.save_animation(out, frames, seconds=0.6 * len(frames), replace=replace)

    def __repr__(self) -> str:
        return "\n".join(repr(described) for described in self)

    def _repr_html_(self) -> str:
        return figures((one.image, [caption.text for caption in one.captions]) for one in self)


# ---------------------------------------------------------------- labels


class Label(NamedTuple):
    """The most probable labels of one picture."""

    picture: str
    labels: list[tuple[str, float]]
    """Labels with their probabilities, the most probable first."""
    model: str = ""
    """The model that read it."""


class Labels(list[Label]):
    """The predicted labels of pictures. `looked_at` has the model's glimpses, with its windows; for a model without glimpses, the
    pictures; it is None if several models read them.

    >>> import drawgen, torch
    >>> reader = drawgen.train("draw_classifier", "tiny")
    >>> labels = reader.read(torch.rand(2, 1, 24, 24))
    >>> [len(label.labels) for label in labels]
    [1, 1]
    >>> labels.save("looks.png")
    """

    def __init__(self, found: Iterable[Label], looked_at: Drawn | None) -> None:
        super().__init__(found)
        self.looked_at = looked_at

    def save(self, path: str | os.PathLike[str], *, boxes: bool = True, animate: bool = False, force: bool = False) -> None:
        """Writes the model's glimpses, with its windows: see `Drawn.save`. Raises ValueError if several models read them."""
        if self.looked_at is None:
            raise ValueError("several models read these pictures; save them one by one, or give `model`")
        self.looked_at.save(path, boxes=boxes and bool(self.looked_at.boxes), animate=animate, force=force)

    def _repr_html_(self) -> str:
        lines = [[f"{name} {probability:.0%}" for name, probability in label.labels] for label in self]
        if self.looked_at is None:
            told = (f"{label.picture}: {line[0]}" for label, line in zip(self, lines, strict=True))
            return f"<pre>{html.escape(chr(10).join(told))}</pre>"
        return figures(zip(self.looked_at.images, lines, strict=True))

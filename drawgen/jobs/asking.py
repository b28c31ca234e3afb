"""Trained models from Python: `load` and `Trained`. The jobs that write files use them too."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from drawgen import checkpoint, models
from drawgen.contract import (
    Completes,
    Draws,
    DrawsTextures,
    Handwrites,
    Interpolates,
    InterpolatesLines,
    Labelling,
    Model,
    PenDrawing,
    Piece,
    Polishes,
    Reads,
    Redraws,
    RedrawsLines,
    Request,
    Sample,
    Spec,
    Writes,
    generator,
)  # fmt: skip
from drawgen.devices import device_of
from drawgen.interrupts import plainly
from drawgen.jobs import captions, measuring
from drawgen.jobs.answers import Captions, Drawn, Label, Labels, Passages
from drawgen.jobs.labels import Classified, Confusion
from drawgen.jobs.loading import LineDrawing, Picture, Pictures, line_drawing, line_drawings, name_of, opened, pictures_for, several
from drawgen.jobs.memory import bytes_at_work, refuse_what_does_not_fit
from drawgen.jobs.parse_answers import Parsed, Sentences
from drawgen.jobs.point_answers import Given, Pointed
from drawgen.jobs.progress import Listener, hearing
from drawgen.jobs.reports import problem_lines
from drawgen.jobs.translation_answers import Translations
from drawgen.jobs.verbs import that_can, verbs_of
from drawgen.jobs.writing import stream, write_into
from drawgen.ranges import ArgumentError, check_range
from drawgen.strokes import pen_lines
from drawgen.textures.colours import match_colours, without_specks
from drawgen.textures.maps import joined, matched, parted, renormalised
from drawgen.textures.quilting import STRENGTH
from drawgen.threads import threads
from drawgen.tiling import even_out, fit_border

BAND = 8
"""A tile goes over from the border of the first to its own middle within its side over this."""
LINE_PX = 96
"""Of a page of handwriting, the height of a line and the width of a character in pixels, at most."""
POLISH = 50
"""Default number of steps for polishing a painter's strokes."""


@contextmanager
def asked() -> Iterator[None]:
    """One thread while a model runs, restored afterwards; Ctrl-C is a KeyboardInterrupt. Also a decorator."""
    with threads(1), plainly():
        yield


def load(source: str | Path, *, device: str = "cpu") -> "Trained":
    """Loads a trained model.

    `source` is a model folder (from `drawgen.train`), MODEL:NAME of a shipped model, MODEL for its default, or hf:USER/NAME, a
    repository of Hugging Face (the extra `hub`). `device` is auto, cpu, cuda, cuda:N or mps. Raises CheckpointError for a damaged
    folder and ValueError for a missing one.

    >>> import drawgen
    >>> drawgen.load("ride:dirt")
    ride:dirt, a model that draws pictures (sample) and fills holes of pictures (inpaint)
    """
    return Trained(models.load(source, device=device), str(source))


class Trained:
    """A trained model, from `drawgen.load`.

    A method whose verb the model lacks raises ValueError and names the verbs that it has. Defaults are those of the command line.
    `pictures` is a file, photo:NAME for a photograph of scikit-image, a picture of Pillow, an array (H W or H W C, bytes or floats
    in [0, 1]), a tensor (C H W), or a list of them. `seed` determines all random numbers: the same seed gives the same result on
    one machine. `progress` is True for a bar, False for none, or a function that is called with the fraction done, 0 to 1; by
    default there is a bar in notebooks and interactive sessions. An invalid argument raises a ValueError that names it.

    >>> import drawgen
    >>> digits = drawgen.load("draw")
    >>> digits.verbs
    ('sample', 'reconstruct', 'interpolate')
    >>> digits.spec.image  # channels, height, width
    (1, 28, 28)
    """

    model: Model
    """The `nn.Module`, in evaluation mode."""
    source: str
    """The source that it was loaded from."""

    def __init__(self, model: Model, source: str) -> None:
        self.model, self.source = model, source

    def __repr__(self) -> str:
        does = " and ".join(f"{verb.does} ({verb.method})" for verb in verbs_of(self.model) if verb.method)
        return f"{self.source}, a model that {does or 'can be measured (evaluate)'}"

    @property
    def spec(self) -> Spec:
        """The description of its data: the shape of its pictures, its vocabulary, its labels."""
        return self.model.spec

    @property
    def card(self) -> str:
        """The model card, in Markdown: data, licence, cost and scores."""
        file = models.resolve(self.source) / checkpoint.CARD
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    @property
    def verbs(self) -> tuple[str, ...]:
        """The methods that this model supports. Every model supports `evaluate`."""
        return tuple(verb.method for verb in verbs_of(self.model) if verb.method)

    # ---------------------------------------------------------------- pictures of its own

    def sample(
        self,
        *,
        n: int = 1,
        size: tuple[int, int] | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        tile: bool | str = False,
        even_out: float = 0.0,
        match: bool = True,
        guide: Picture | None = None,
        guide_strength: float = STRENGTH,
        progress: Listener = None,
    ) -> Drawn:
        """Samples `n` pictures of `size` (height, width) in pixels; by default the training size.

        A `temperature` below 1 gives likelier pictures, above 1 more varied ones. The rest is for textures: `tile` makes each
        repeat without a seam (True: in both directions, "x" or "y": in one), and several tiles fit each other; `even_out` (0 to
        1) removes what differs over a long distance; `match` matches the colours to the photograph's; `guide` is
        a picture that a texture with a layout shows from afar, more finely with a higher `guide_strength`.

        >>> import drawgen
        >>> drawgen.load("ride:dirt").sample(size=(24, 32), tile=True, seed=1).images.shape
        torch.Size([1, 3, 24, 32])
        """
        with hearing(progress) as reports:
            shown = None if guide is None else opened(guide, name_of(guide), covering=size)[0]
            asked_for = Request(
                n=n, size=size, seed=seed, temperature=temperature, tile=tile, even_out=even_out, guide=shown,
                guide_strength=guide_strength, progress=reports.drawing,
            )  # fmt: skip
            return self.draw(asked_for, match=match)

    @asked()
    def draw(self, request: Request, *, match: bool = True) -> Drawn:
        """`sample` with a `Request`."""
        drawer = that_can(self.model, Draws, self.source)
        channels, *extent = self.spec.picture
        height, width = request.size or extent
        check_textures(self.model, self.source, request)
        config = self.model.config if isinstance(self.model, DrawsTextures) else None
        working = bytes_at_work(channels, config, even_out=request.even_out)
        refuse_what_does_not_fit((height, width), channels, request.n, working=working)
        drawn = Drawn.of(drawn_by(drawer, request, match=match))
        if request.progress is not None:
            request.progress(1.0)
        return drawn

    # ---------------------------------------------------------------- after a person's pictures

    def complete(
        self,
        drawing: LineDrawing,
        *,
        n: int = 1,
        size: tuple[int, int] | None = None,
        seed: int = 0,
        temperature: float = 1.0,
    ) -> Drawn:
        """Completes a begun drawing of a pen in `n` ways, each of which begins with the lines that were given; the last line may go
        on. `drawing` is a file (SVG, or strokes as JSON), a `PenDrawing`, or lines, each an array of points x, y. How large the
        finished drawing is to be, its page says: its longer side over that of the page is 0.8. `lines` of the result has the
        completed drawings in the units of what was given.

        >>> import drawgen, numpy
        >>> pen = drawgen.train("sketch_rnn", "tiny")
        >>> begun = [numpy.array([[0.0, 0.0], [1.0, 0.5]])]
        >>> drawn = pen.complete(begun, n=2)
        >>> bool((drawn.lines[0].lines[0][:2] == begun[0]).all())
        True
        """
        return self.completed(line_drawing(drawing), Request(n=n, size=size, seed=seed, temperature=temperature))

    @asked()
    def completed(self, begun: PenDrawing, request: Request) -> Drawn:
        """`complete` with a `Request`."""
        completer = that_can(self.model, Completes, self.source)
        check_textures(self.model, self.source, request)
        channels, *own = self.spec.picture
        height, width = request.size or own
        refuse_what_does_not_fit((height, width), channels, request.n)
        return Drawn.of(completer.complete(begun, request).cpu())

    def handwrite(
        self,
        text: str,
        *,
        n: int = 1,
        size: tuple[int, int] | None = None,
        seed: int = 0,
        temperature: float = 1.0,
    ) -> Drawn:
        """Writes a text by hand in `n` ways: in several lines, if it is long or has ends of line. A `temperature` below 1 is
        tidier. `size` (height, width) in pixels is by default that of the page. `lines` of the result has what the pen wrote,
        `readings` which character each point is, and `save_attention` draws that.

        >>> import drawgen
        >>> drawn = drawgen.train("handwriting", "tiny").handwrite("by hand", n=2)
        >>> len(drawn.lines), drawn.readings[0][0].text
        (2, 'by hand')
        """
        return self.handwritten(text, Request(n=n, size=size, seed=seed, temperature=temperature))

    @asked()
    def handwritten(self, text: str, request: Request) -> Drawn:
        """`handwrite` with a `Request`."""
        writer = that_can(self.model, Handwrites, self.source)
        check_textures(self.model, self.source, request)
        refuse_what_does_not_fit(request.size or largest_page(writer.broken(text)), 1, request.n)
        return Drawn.of(writer.handwrite(text, request).cpu(), columns=None if request.size else 1)

    @asked()
    def reconstruct(
        self,
        pictures: Pictures | LineDrawing | Sequence[LineDrawing],
        *,
        polish: int | None = None,
        seed: int = 0,
        progress: Listener = None,
    ) -> Drawn:
        """Reconstructs pictures; the ink of a photographed digit is segmented first. `seen` of the result has the model's inputs,
        which are displayed above its reconstructions. For a model of a pen they are drawings, each a file (SVG, or strokes as JSON)
        or a `PenDrawing`.

        `polish` is the number of steps of gradient descent on a painter's strokes; by default 50 for painters with a differentiable
        brush.

        >>> import drawgen, numpy
        >>> page = numpy.ones((90, 60))
        >>> page[20:70, 28:34] = 0.1  # a stroke of ink
        >>> drawgen.load("draw").reconstruct(page).images.shape
        torch.Size([1, 1, 28, 28])
        """
        check_range("seed", seed, at_least=0)
        check_redraws(self.model, self.source, polish)
        if isinstance(self.model, RedrawsLines):
            given = line_drawings(pictures)
            again = self.model.redraw(given, rng=generator(seed, device=device_of(self.model))).cpu()
            height, width = again.images.shape[2:]
            return Drawn.of(again, columns=len(given), seen=pen_lines.ink_of(given, (height, width)).picture())
        seen = pictures_for(self.model, several(cast(Pictures, pictures))).to(device_of(self.model))
        with hearing(progress) as reports:
            drawn = redrawn_by(self.model, seen, polish=polish, seed=seed, progress=reports.drawing)
        return Drawn.of(drawn.cpu(), columns=len(seen), seen=seen.cpu())

    @asked()
    def interpolate(self, first: Picture | LineDrawing, last: Picture | LineDrawing, *, n: int = 9) -> Drawn:
        """Interpolates between two pictures, or two drawings of a pen, in the model's latent space, in `n` pictures.

        >>> import drawgen
        >>> digits = drawgen.load("draw")
        >>> one, other = digits.sample(n=2, seed=3).images
        >>> digits.interpolate(one, other, n=5).images.shape
        torch.Size([5, 1, 28, 28])
        """
        drawer = check_interpolates(self.model, self.source, n)
        channels, height, width = self.spec.picture
        refuse_what_does_not_fit((height, width), channels, n)
        if isinstance(drawer, InterpolatesLines):
            one, other = line_drawings([first, last])
            return Drawn.of(drawer.between(one, other, n).cpu(), columns=n)
        ends = pictures_for(self.model, [cast(Picture, first), cast(Picture, last)]).to(device_of(self.model))
        return Drawn.of(drawer.interpolate(ends[0], ends[1], n).cpu(), columns=n)

    @asked()
    def inpaint(
        self,
        picture: Picture,
        *,
        mask: Picture | None = None,
        source: Picture | None = None,
        seed: int = 0,
        progress: Listener = None,
    ) -> Drawn:
        """Fills the hole of a picture with new pixels: see `drawgen.inpaint`, of which `mask` and `source` are.

        >>> import drawgen, torch
        >>> mask = torch.zeros(1, 512, 512)
        >>> mask[:, 200:230, 100:140] = 1
        >>> drawgen.load("ride:gravel").inpaint("photo:gravel", mask=mask).images.shape
        torch.Size([1, 1, 512, 512])
        """
        from drawgen.jobs.inpainting import inpaint

        return inpaint(
            picture, mask=mask, source=source, model=self, seed=seed, device=str(device_of(self.model)), progress=progress
        )

    def read(self, pictures: Pictures, *, n: int = 1, seed: int = 0) -> Labels:
        """Classifies pictures: the `n` most probable labels of each, with their probabilities. See `Labels`."""
        check_range("n", n, at_least=1)
        check_range("seed", seed, at_least=0)
        reader = that_can(self.model, Reads, self.source)
        given = several(pictures)
        seen = pictures_for(self.model, given)
        found = reader.read(seen.to(device_of(self.model)), rng=generator(seed, device=device_of(self.model)))
        labels = [Label(name_of(picture, row + 1), found.best(row, n), self.source) for row, picture in enumerate(given)]
        return Labels(labels, Drawn.of(looked_at(found, seen)))

    def caption(
        self, pictures: Pictures, *, beams: int = 5, n: int = 1, strict: bool = False, progress: Listener = None
    ) -> Captions:
        """Captions pictures: the `n` best captions of each, the best first, by beam search of width `beams` (1 is greedy). See
        `Captions`.

        A name may stand for several pictures: a folder, or a pattern such as 'holiday/*.jpg'. Pictures that cannot be read are left
        out, logged, and recorded in `skipped` of the result; with `strict` they raise ImageError. Captions of pictures that are
        unlike the model's training pictures have a `doubt`, and are logged."""
        return captioned({self.source: self.model}, pictures, beams=beams, n=n, strict=strict, progress=progress)

    # ---------------------------------------------------------------- points

    def point(
        self,
        points: Given,
        *,
        beams: int = 5,
        constrained: bool = True,
        number: int = 1,
        tour: str | Path | None = None,
        seed: int = 0,
        progress: Listener = None,
    ) -> Pointed:
        """The convex hull, Delaunay triangulation or tour of points, beside the exact answer: see `drawgen.points`."""
        from drawgen.jobs.pointing import points as pointing

        return pointing(self, points, beams=beams, constrained=constrained, number=number, tour=tour, seed=seed, progress=progress)

    # ---------------------------------------------------------------- texts

    def parse(self, texts: Sentences, *, beams: int = 5, constrained: bool = True, progress: Listener = None) -> Parsed:
        """The trees of sentences: see `drawgen.parse`."""
        from drawgen.jobs.parsing import parse as parsing

        return parsing(texts, model=self, beams=beams, constrained=constrained, progress=progress)

    def translate(self, texts: str | Sequence[str], *, beams: int = 5, n: int = 1, progress: Listener = None) -> Translations:
        """Translates texts: the `n` best translations of each, the best first, by beam search of width `beams` (1 is greedy). See
        `Translations`."""
        from drawgen.jobs.translating import translate

        return translate(texts, model=self, beams=beams, n=n, progress=progress)

    def write(
        self,
        *,
        prime: str = "",
        length: int = 1000,
        n: int = 1,
        seed: int = 0,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        until: str = "",
        progress: Listener = None,
    ) -> Passages:
        """Samples `n` texts of `length` symbols, each a continuation of the `prime`; a text that comes to `until` ends with it.
        Sampling is from the `top_k` most probable symbols (0: all), and of those only from the fewest whose probabilities add up to
        `top_p`. See `Passages`.

        Ctrl-C raises `Interrupted`, with the texts so far.
        """
        writer = that_can(self.model, Writes, self.source)
        passages = Passages()
        with hearing(progress) as reports:
            request = Request(
                n=n, seed=seed, temperature=temperature, prime=prime, length=length, top_k=top_k, top_p=top_p, until=until
            )
            write_into(passages, writer, request, reports)
        return passages

    def stream(
        self,
        *,
        prime: str = "",
        length: int = 1000,
        seed: int = 0,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        until: str = "",
    ) -> Iterator[Piece]:
        """Yields the text of `write` piece by piece, starting with the prime. Each piece has a `text` and its `log_prob` in nats.

        >>> import drawgen
        >>> shakespeare = drawgen.load("char_rnn")
        >>> for piece in shakespeare.stream(prime="ROMEO:", length=20, seed=1):
        ...     print(piece.text, end="")  # doctest: +ELLIPSIS
        ROMEO:...
        """
        writer = that_can(self.model, Writes, self.source)
        request = Request(seed=seed, temperature=temperature, prime=prime, length=length, top_k=top_k, top_p=top_p, until=until)
        return stream(writer, request)

    def classify(self, items: Any, *, n: int = 1, progress: Listener = None) -> Classified:
        """The `n` most probable labels of texts or drawings, with their probabilities: see `drawgen.classify`."""
        from drawgen.jobs.classifying import classify

        return classify(self, items, n=n, progress=progress)

    # ---------------------------------------------------------------- scores

    def evaluate(
        self,
        *,
        data: str | Path | None = None,
        split: str | None = None,
        importance: int | None = None,
        orientations: int | None = None,
        beams: int | None = None,
        meteor: bool = False,
        floors: bool = True,
        progress: Listener = None,
    ) -> dict[str, float]:
        """Evaluates the model: its scores, and the number of items by name ("pictures", "symbols").

        The data is the run's own, or `data`, a file that is read the same way. `split` is "valid" by default, and "all" for a text
        given as `data`. `importance` adds the importance-weighted bound with this many samples (DRAW), `orientations` the mixture
        over 1, 2, 4 or 8 orientations of each picture (RIDE); `beams`, `meteor` and `floors` (of captions, and people's scores) are
        for captions. Names of scores end in their unit: `bound_nats`, `bits_per_dim`.

        >>> import drawgen
        >>> scores = drawgen.train("draw", "tiny").evaluate()
        >>> scores["pictures"], scores["bound_nats"] > 0
        (32, True)
        """
        with hearing(progress) as reports:
            return measuring.measured(
                self.model, self.source, data=None if data is None else str(data), split=split, importance=importance,
                orientations=orientations, beams=beams, meteor=meteor, floors=floors, reports=reports,
            )  # fmt: skip

    def confusion(self, *, data: str | Path | None = None, split: str | None = None) -> Confusion:
        """How often a model's texts or drawings of each class were given each label, on the data that `evaluate` takes."""
        return measuring.compared(self.model, self.source, data=None if data is None else str(data), split=split)

    def push_to_hub(self, repository: str, *, private: bool = False) -> None:
        """Uploads the model folder to Hugging Face as USER/NAME (the extra `hub`): config, weights and card. Everyone with access
        can load it as hf:USER/NAME."""
        folder, hub = models.resolve(self.source), models.hub_client().HfApi()
        hub.create_repo(repository, private=private, exist_ok=True)
        hub.upload_folder(repo_id=repository, folder_path=folder, allow_patterns=list(models.PUBLISHED))


# ---------------------------------------------------------------- what models draw


def drawn_by(model: Draws, request: Request, *, match: bool) -> Sample:
    """The model's sample, on the CPU; `match` matches a texture's colours to its training picture's."""
    sampled = model.sample(request).cpu()
    if not isinstance(model, DrawsTextures):
        return sampled
    own = match and request.guide is None  # a guide decides how much there is of each colour
    if match:
        matched = match_colours(sampled.images, model.colours.cpu()) if own else sampled.images
        limit = float(model.speck_limit)
        cleaned = [without_specks(image[None], limit)[0] for image in matched]  # one by one: it takes much memory
        sampled = replace(sampled, images=torch.stack(cleaned))
    if sampled.maps:
        sampled = replace(sampled, maps=dict(matched_maps(model, sampled, match=own)))
    done = finished(sampled, request)
    return replace(done, frames=lambda count: model.reveal(done.images, count))


def matched_maps(model: Any, sampled: Sample, *, match: bool) -> Iterator[tuple[str, Tensor]]:
    """The maps of a model's sample as they are written (`textures.maps.matched`)."""
    values = model.map_values.cpu().split([found.shape[1] for found in sampled.maps.values()])
    for (name, found), own, limit in zip(sampled.maps.items(), values, model.map_speck_limits.tolist(), strict=True):
        yield name, matched(found, sampled.map_kinds[name], own, limit, match=match)


def finished(sampled: Sample, request: Request) -> Sample:
    """Textures, evened out; and the tiles of a request with the border of the first, so that they fit each other. Maps with their
    colours."""
    textures = list(joined(sampled))
    if request.even_out:
        textures = [even_out(texture, request.even_out, request.closes) for texture in textures]
    if all(request.closes):
        band = max(1, min(textures[0].shape[1:]) // BAND)
        textures[1:] = [fit_border(texture, textures[0], band) for texture in textures[1:]]
    done = parted(sampled, torch.stack(textures))
    if not request.even_out:
        return done
    turned = {name: renormalised(done.maps[name]) for name, kind in done.map_kinds.items() if kind.kind == "normal"}
    return replace(done, maps={**done.maps, **turned})


def check_textures(model: Model, source: str, request: Request) -> None:
    """Raises ArgumentError for a request that only a model of textures can fulfil, if the model is none."""
    if request.guide is not None and not isinstance(model, DrawsTextures):
        raise ArgumentError("guide", f"is given, and {source} draws no textures; leave it out")
    for name, value in (("tile", request.tile), ("even_out", request.even_out)):
        if value and not isinstance(model, DrawsTextures):
            raise ArgumentError(name, f"is {str(value).lower()}, and {source} draws no textures; leave it out")


def largest_page(lines: Sequence[str]) -> tuple[int, int]:
    """Height and width in pixels of a page with these lines of handwriting, more rather than less."""
    return (len(lines) + 1) * LINE_PX, (max(map(len, lines)) + 1) * LINE_PX


def check_redraws(model: Model, source: str, polish: int | None) -> None:
    """Raises ValueError for a model that cannot reconstruct, or if polishing is requested and impossible."""
    check_range("polish", polish or 0, at_least=0)
    if not isinstance(model, RedrawsLines):
        that_can(model, Redraws, source)
    if polish and not isinstance(model, Polishes):
        raise ArgumentError("polish", f"is {polish}, and {source} paints no strokes that have a gradient; leave it out")


def check_interpolates(model: Model, source: str, n: int) -> Interpolates | InterpolatesLines:
    """The model. Raises ValueError if it cannot interpolate, and for too few pictures."""
    check_range("n", n, at_least=2)
    if isinstance(model, InterpolatesLines):
        return model
    return that_can(model, Interpolates, source)


def redrawn_by(
    model: Any, seen: Tensor, *, polish: int | None, seed: int, progress: Callable[[float], None] | None = None
) -> Sample:
    """The model's reconstruction of pictures prepared by `pictures_for`."""
    device = device_of(model)
    drawn: Sample = model.reconstruct(seen, rng=generator(seed, device=device))
    steps = POLISH if polish is None else polish
    if steps and isinstance(model, Polishes) and drawn.strokes is not None:
        drawn = model.polish(drawn.strokes, seen, steps, progress=progress)
    return drawn


def looked_at(found: Labelling, pictures: Tensor) -> Sample:
    """The model's glimpses; for a model without glimpses, the pictures."""
    return Sample(pictures) if found.seen is None else found.seen.cpu()


def captioned(
    choices: Mapping[str, Model], pictures: Pictures, *, beams: int, n: int, strict: bool, progress: Listener
) -> Captions:
    """The captions of `captions.described`. Logs which pictures were left out, and which captions are doubtful."""
    given = captions.pictures_in(several(pictures))
    found = Captions()
    with hearing(progress) as reports:
        for described in captions.described(choices, given, beams=beams, n=n, strict=strict, skipped=found.skipped):
            found.append(described)
            if reports.drawing is not None:
                reports.drawing((len(found) + len(found.skipped)) / len(given))
    if found.skipped:
        lines = [f"{len(found.skipped)} of {len(given)} pictures were left out:", *problem_lines(found.skipped)]
        captions.log.warning("\n".join(lines))
    doubts = {one.picture: one.doubt for one in found if one.doubt}
    if doubts:
        captions.log.warning("\n".join(captions.doubt_lines(doubts, len(found))))
    return found


def caption(
    pictures: Pictures,
    *,
    model: str | Path | None = None,
    beams: int = 5,
    n: int = 1,
    strict: bool = False,
    device: str = "cpu",
    progress: Listener = None,
) -> Captions:
    """Captions pictures with a trained model: `drawgen.load(model).caption(pictures, ...)`; see `Trained.caption` for the
    arguments. Without a `model`, each picture has the shipped captioner whose training pictures it is most like.

    >>> import drawgen
    >>> from drawgen.data.scenes import Scenes
    >>> scene = next(Scenes().examples("test")).picture  # a tensor C H W
    >>> drawgen.caption(scene, beams=2)[0].text
    'two small squares in orange and a large pink cross'
    """
    choices = captions.captioners(model, device=device)
    return captioned(choices, pictures, beams=beams, n=n, strict=strict, progress=progress)

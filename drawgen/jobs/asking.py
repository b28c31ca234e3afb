"""A trained model to ask from Python: `load`, and what it gives. The jobs that write files ask it too."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from drawgen import checkpoint, images, models
from drawgen.contract import (
    Draws,
    DrawsTextures,
    Interpolates,
    Labelling,
    Model,
    Piece,
    Polishes,
    Reads,
    Redraws,
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
from drawgen.jobs.loading import Picture, Pictures, name_of, pictures_for, several
from drawgen.jobs.memory import refuse_what_does_not_fit
from drawgen.jobs.progress import Listener, hearing
from drawgen.jobs.reports import problem_lines
from drawgen.jobs.verbs import that_can, verbs_of
from drawgen.jobs.writing import stream, write_into
from drawgen.ranges import ArgumentError, check_range
from drawgen.threads import threads

POLISH = 50
"""Steps by which a painter's strokes are improved where nothing else is asked for."""


@contextmanager
def asked() -> Iterator[None]:
    """One thread while a model is asked, given back afterwards; and Ctrl-C is Ctrl-C. Also a decorator."""
    with threads(1), plainly():
        yield


def load(source: str | Path, *, device: str = "cpu") -> "Trained":
    """A trained model.

    `source` is a model folder, as `drawgen.train` makes it; MODEL:NAME of one that is shipped, or MODEL for its default; or
    hf:USER/NAME, a repository of Hugging Face (the extra `hub`). `device` is auto, cpu, cuda, cuda:N or mps. Raises CheckpointError
    for a folder that is damaged and ValueError for one that there is not.

    >>> import drawgen
    >>> drawgen.load("ride:dirt")
    ride:dirt, a model that draws pictures (sample)
    """
    return Trained(models.load(source, device=device), str(source))


class Trained:
    """A trained model, to be asked: what `drawgen.load` gives.

    A method whose verb the model lacks raises ValueError, with what it does instead. Defaults are the command line's. `pictures`
    are a file, photo:NAME for a photograph that scikit-image carries, a picture of Pillow's, an array (H W or H W C, bytes or
    floats in [0, 1]) or a tensor (C H W), or several of them. `seed` starts all random numbers: the same seed gives the same answer
    on one machine. `progress` is True for a bar, False for none, or a function that hears of the share done, 0 to 1; when left out
    there is a bar in notebooks and interactive sessions. What a method finds wrong with an argument is a ValueError that names it.

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
    """What it was loaded from."""

    def __init__(self, model: Model, source: str) -> None:
        self.model, self.source = model, source

    def __repr__(self) -> str:
        does = " and ".join(f"{verb.does} ({verb.method})" for verb in verbs_of(self.model) if verb.method)
        return f"{self.source}, a model that {does or 'can be measured (evaluate)'}"

    @property
    def spec(self) -> Spec:
        """What data the model is for: the shape of its pictures, its vocabulary, its labels."""
        return self.model.spec

    @property
    def card(self) -> str:
        """What the model folder says of its data, licence, cost and scores; Markdown."""
        file = models.resolve(self.source) / checkpoint.CARD
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    @property
    def verbs(self) -> tuple[str, ...]:
        """The methods that this model has an answer to; `evaluate` is one for every model."""
        return tuple(verb.method for verb in verbs_of(self.model) if verb.method)

    # ---------------------------------------------------------------- pictures of its own

    def sample(
        self,
        *,
        n: int = 1,
        size: tuple[int, int] | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        tile: bool = False,
        match: bool = True,
        progress: Listener = None,
    ) -> Drawn:
        """Draws `n` pictures of `size` (height, width) in pixels, the training size when left out.

        Below 1 the `temperature` gives likelier, above 1 wilder pictures. `tile` makes each repeat without a seam, and `match`
        gives it the histogram of the photograph; both are for textures.

        >>> import drawgen
        >>> drawgen.load("ride:dirt").sample(size=(24, 32), tile=True, seed=1).images.shape
        torch.Size([1, 3, 24, 32])
        """
        with hearing(progress) as reports:
            asked_for = Request(n=n, size=size, seed=seed, temperature=temperature, tile=tile, progress=reports.drawing)
            return self.draw(asked_for, match=match)

    @asked()
    def draw(self, request: Request, *, match: bool = True) -> Drawn:
        """`sample`, of a `Request`."""
        drawer = that_can(self.model, Draws, self.source)
        channels, *extent = self.spec.picture
        height, width = request.size or extent
        refuse_what_does_not_fit((height, width), channels, request.n)
        drawn = Drawn.of(drawn_by(drawer, request, match=match))
        if request.progress is not None:
            request.progress(1.0)
        return drawn

    # ---------------------------------------------------------------- after a person's pictures

    @asked()
    def reconstruct(self, pictures: Pictures, *, polish: int | None = None, seed: int = 0, progress: Listener = None) -> Drawn:
        """Draws pictures after themselves; from a photographed digit the ink is cut out first. `seen` of the answer is what the
        model sees of them, and is shown above its drawings.

        `polish` improves a painter's strokes by so many steps of gradient descent before they are handed out; when left out 50,
        where the strokes have a gradient.

        >>> import drawgen, numpy
        >>> page = numpy.ones((90, 60))
        >>> page[20:70, 28:34] = 0.1  # a stroke of ink
        >>> drawgen.load("draw").reconstruct(page).images.shape
        torch.Size([1, 1, 28, 28])
        """
        check_range("seed", seed, at_least=0)
        check_redraws(self.model, self.source, polish)
        seen = pictures_for(self.model, several(pictures)).to(device_of(self.model))
        with hearing(progress) as reports:
            drawn = redrawn_by(self.model, seen, polish=polish, seed=seed, progress=reports.drawing)
        return Drawn.of(drawn.cpu(), columns=len(seen), seen=seen.cpu())

    @asked()
    def interpolate(self, first: Picture, last: Picture, *, n: int = 9) -> Drawn:
        """Draws `n` pictures on the way from one picture to another, through the model's latents.

        >>> import drawgen
        >>> digits = drawgen.load("draw")
        >>> one, other = digits.sample(n=2, seed=3).images
        >>> digits.interpolate(one, other, n=5).images.shape
        torch.Size([5, 1, 28, 28])
        """
        drawer = check_interpolates(self.model, self.source, n)
        channels, height, width = self.spec.picture
        refuse_what_does_not_fit((height, width), channels, n)
        ends = pictures_for(self.model, [first, last]).to(device_of(self.model))
        return Drawn.of(drawer.interpolate(ends[0], ends[1], n).cpu(), columns=n)

    @asked()
    def read(self, pictures: Pictures, *, n: int = 1, seed: int = 0) -> Labels:
        """Says what pictures show: the `n` likeliest labels of each, with their probabilities. See `Labels`."""
        check_range("n", n, at_least=1)
        check_range("seed", seed, at_least=0)
        reader = that_can(self.model, Reads, self.source)
        given = several(pictures)
        seen = pictures_for(self.model, given)
        found = reader.read(seen.to(device_of(self.model)), rng=generator(seed, device=device_of(self.model)))
        labels = [Label(name_of(picture, row + 1), found.best(row, n)) for row, picture in enumerate(given)]
        return Labels(labels, Drawn.of(looked_at(found, seen)))

    def caption(
        self, pictures: Pictures, *, beams: int = 5, n: int = 1, strict: bool = False, progress: Listener = None
    ) -> Captions:
        """Describes pictures: the `n` best captions of each, the best first, by a beam search of that many `beams` (1 is greedy).
        See `Captions`.

        A picture's name may stand for several: a folder, or a pattern such as 'holiday/*.jpg'. What cannot be read is left out,
        said in the log, and kept in `skipped` of the answer; with `strict` it is an ImageError."""
        given = captions.pictures_in(several(pictures))
        skipped: dict[str, str] = {}
        found = Captions()
        with hearing(progress) as reports:
            for described in captions.described(self.model, self.source, given, beams=beams, n=n, strict=strict, skipped=skipped):
                found.append(described)
                if reports.drawing is not None:
                    reports.drawing((len(found) + len(skipped)) / len(given))
        found.skipped = skipped
        if skipped:
            captions.log.warning("\n".join([f"{len(skipped)} of {len(given)} pictures were left out:", *problem_lines(skipped)]))
        return found

    # ---------------------------------------------------------------- texts

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
        progress: Listener = None,
    ) -> Passages:
        """Writes `n` texts of `length` symbols, each after the `prime`. Of the symbols that may come next only the `top_k`
        likeliest are chosen from (0: all), and of those only as many as have `top_p` of the probability together. See `Passages`.

        Ctrl-C raises `Interrupted`, with what is written by then.
        """
        writer = that_can(self.model, Writes, self.source)
        passages = Passages()
        with hearing(progress) as reports:
            request = Request(n=n, seed=seed, temperature=temperature, prime=prime, length=length, top_k=top_k, top_p=top_p)
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
    ) -> Iterator[Piece]:
        """The text of `write`, in pieces as they come, the prime first: each has a `text` and its `log_prob` in nats.

        >>> import drawgen
        >>> shakespeare = drawgen.load("char_rnn")
        >>> for piece in shakespeare.stream(prime="ROMEO:", length=20, seed=1):
        ...     print(piece.text, end="")  # doctest: +ELLIPSIS
        ROMEO:...
        """
        writer = that_can(self.model, Writes, self.source)
        request = Request(seed=seed, temperature=temperature, prime=prime, length=length, top_k=top_k, top_p=top_p)
        return stream(writer, request)

    # ---------------------------------------------------------------- scores

    def evaluate(
        self,
        *,
        data: str | Path | None = None,
        split: str | None = None,
        importance: int | None = None,
        beams: int | None = None,
        meteor: bool = False,
        progress: Listener = None,
    ) -> dict[str, float]:
        """The model's scores, and how many items were measured, by name ("pictures", "symbols").

        It is measured on its run's own data, or on `data`, a file that is read the same way; on the part `split`, which is "valid"
        when left out, and of a text that is handed in "all". `importance` adds the importance-weighted estimate with so many
        samples (DRAW); `beams` and `meteor` are of captions. Names of scores end in their unit: `bound_nats`, `bits_per_dim`.

        >>> import drawgen
        >>> scores = drawgen.train("draw", "tiny").evaluate()
        >>> scores["pictures"], scores["bound_nats"] > 0
        (32, True)
        """
        with hearing(progress) as reports:
            return measuring.measured(
                self.model, self.source, data=None if data is None else str(data), split=split, importance=importance,
                beams=beams, meteor=meteor, reports=reports,
            )  # fmt: skip

    def push_to_hub(self, repository: str, *, private: bool = False) -> None:
        """Uploads the model folder to Hugging Face as USER/NAME (the extra `hub`): config, weights and card. Whoever may see it
        loads it by hf:USER/NAME."""
        folder, hub = models.resolve(self.source), models.hub_client().HfApi()
        hub.create_repo(repository, private=private, exist_ok=True)
        hub.upload_folder(repo_id=repository, folder_path=folder, allow_patterns=list(models.PUBLISHED))


# ---------------------------------------------------------------- what models draw


def drawn_by(model: Draws, request: Request, *, match: bool) -> Sample:
    """What the model draws, on the CPU; `match` gives it the histogram of what a model of textures was trained on."""
    sampled = model.sample(request).cpu()
    if not (match and isinstance(model, DrawsTextures)):
        return sampled
    matched = images.match_histogram(sampled.images, model.histogram.cpu())
    return replace(sampled, images=matched, frames=lambda count: model.reveal(matched, count))


def check_redraws(model: Model, source: str, polish: int | None) -> None:
    """Raises ValueError for a model that does not redraw, or whose strokes cannot be polished where that is asked for."""
    check_range("polish", polish or 0, at_least=0)
    that_can(model, Redraws, source)
    if polish and not isinstance(model, Polishes):
        raise ArgumentError("polish", f"is {polish}, and {source} paints no strokes that have a gradient; leave it out")


def check_interpolates(model: Model, source: str, n: int) -> Interpolates:
    """The model. Raises ValueError for one that does not interpolate, and for a way of too few pictures."""
    check_range("n", n, at_least=2)
    return that_can(model, Interpolates, source)


def redrawn_by(
    model: Any, seen: Tensor, *, polish: int | None, seed: int, progress: Callable[[float], None] | None = None
) -> Sample:
    """The model's drawing of pictures that are ready for it (`pictures_for`)."""
    device = device_of(model)
    drawn: Sample = model.reconstruct(seen, rng=generator(seed, device=device))
    steps = POLISH if polish is None else polish
    if steps and isinstance(model, Polishes) and drawn.strokes is not None:
        drawn = model.polish(drawn.strokes, seen, steps, progress=progress)
    return drawn


def looked_at(found: Labelling, pictures: Tensor) -> Sample:
    """What the model looked at; of one that takes a picture in at once, the pictures."""
    return Sample(pictures) if found.seen is None else found.seen.cpu()


def caption(
    pictures: Pictures,
    *,
    model: str | Path = "captioner",
    beams: int = 5,
    n: int = 1,
    strict: bool = False,
    device: str = "cpu",
    progress: Listener = None,
) -> Captions:
    """Captions of pictures, by a trained model: `drawgen.load(model).caption(pictures, ...)`, which says what the arguments are.

    The captioner that is shipped describes drawn scenes; give a `model` of your own for photographs.

    >>> import drawgen
    >>> from drawgen.data.scenes import Scenes
    >>> scene = next(Scenes().examples("test")).picture  # a tensor C H W
    >>> drawgen.caption(scene, beams=2)[0].text
    'two small orange squares and a large pink cross'
    """
    return load(model, device=device).caption(pictures, beams=beams, n=n, strict=strict, progress=progress)

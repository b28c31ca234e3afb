"""The command line: parses, calls `jobs`, prints. Nobody imports this module.

Results go to standard output, progress and messages to standard error. Exit status: 0 done, 1 it went wrong, 2 the caller's
mistake, 130 and 143 interrupted.
"""

import dataclasses
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import tyro
from tyro.conf import OmitArgPrefixes, Positional, arg

import drawgen
from drawgen import models

Size = Annotated[str, arg(metavar="WxH")]


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    logging.basicConfig(format="drawgen: %(message)s", level=logging.WARNING)
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        return 0 if words else 2
    if words[0] == "--version":
        print(f"drawgen {drawgen.__version__}")
        return 0
    if words[0] not in COMMANDS:
        return fail(2, f"there is no command {words[0]!r}; there are {', '.join(COMMANDS)} (drawgen --help)")
    try:
        return guarded(lambda: COMMANDS[words[0]](words[1:]))
    except SystemExit as end:  # tyro's own, after it has said what is wrong
        return end.code if isinstance(end.code, int) else 2


def overview() -> str:
    lines = [
        f"drawgen {drawgen.__version__}: a generative drawing and texture toolkit",
        "",
        "usage: drawgen COMMAND ... [--help]",
        "",
    ]
    lines += [f"  {name:<12} {(command.__doc__ or '').splitlines()[0]}" for name, command in COMMANDS.items()]
    return "\n".join(lines)


def fail(status: int, message: str) -> int:
    print(f"drawgen: {message}", file=sys.stderr)
    return status


def guarded(command: Callable[[], None]) -> int:
    """The exit status of a command: what is the caller's mistake and what went wrong becomes one sentence."""
    try:
        command()
        sys.stdout.flush()
        return 0
    except KeyboardInterrupt:
        return fail(130, "interrupted")
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except ValueError as error:
        return fail(2, str(error))
    except MemoryError:
        return fail(1, "out of memory; ask for less (--size, -n), or close other programs")
    except Exception as error:
        status = status_of(error)
        if status is None:
            raise
        return fail(status, str(error))


def status_of(error: Exception) -> int | None:
    """The status for the errors that have a sentence of their own; None for a fault in drawgen, which keeps its traceback."""
    from drawgen.checkpoint import StorageError
    from drawgen.interrupts import Interrupted
    from drawgen.train import TrainingError

    if isinstance(error, Interrupted):
        return 128 + error.number
    if isinstance(error, (StorageError, TrainingError)):
        return 1
    if isinstance(error, RuntimeError) and ("out of memory" in str(error) or "can't allocate memory" in str(error)):
        error.args = ("out of memory; ask for less (--size, -n, a smaller batch), or close other programs",)
        return 1
    return None


# ---------------------------------------------------------------- progress


class Bars:
    """Progress on standard error: a bar for training, one for drawing."""

    def __init__(self) -> None:
        self.bar: Any = None

    def __enter__(self) -> Any:
        from drawgen.jobs import Reports

        return Reports(training=self.training, drawing=self.drawing, strokes=self.painting, message=self.message)

    def __exit__(self, *problem: object) -> None:
        self.close()

    def open(self, total: int, unit: str, **options: Any) -> None:
        from tqdm import tqdm

        seldom = 0.2 if sys.stderr.isatty() else 10.0
        self.bar = tqdm(total=total, unit=unit, file=sys.stderr, dynamic_ncols=True, mininterval=seldom, leave=True, **options)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def training(self, progress: Any) -> None:
        if self.bar is None:
            self.open(progress.steps, "step", initial=progress.step)
        shown = {k: f"{v:.4g}" for k, v in progress.numbers.items() if k in ("loss", "bits_per_dim", "bits_per_char")}
        self.bar.set_postfix(shown, refresh=False)
        self.bar.update(progress.step - self.bar.n)
        if progress.step >= progress.steps:
            self.close()

    def drawing(self, share: float) -> None:
        if self.bar is None:
            self.open(100, "%", delay=1.0, bar_format="{l_bar}{bar}| [{elapsed}<{remaining}]")
        self.bar.update(int(100 * share) - self.bar.n)

    def painting(self, progress: Any) -> None:
        if self.bar is None:
            self.open(100, "%", bar_format="{l_bar}{bar}| [{elapsed}<{remaining}{postfix}]")
        self.bar.set_postfix_str(f"{progress.strokes} strokes, {progress.psnr:.1f} dB", refresh=False)
        self.bar.update(int(100 * progress.share) - self.bar.n)
        if progress.share >= 1:
            self.close()

    def message(self, text: str) -> None:
        self.close()
        print(text, file=sys.stderr)


# ---------------------------------------------------------------- commands


def parse(function: Callable[..., Any], words: list[str], name: str) -> Any:
    return tyro.cli(function, args=words, prog=f"drawgen {name}", config=(OmitArgPrefixes,))


def texture(words: list[str]) -> None:
    """A larger texture like one photograph."""

    def command(
        photo: Positional[str],
        out: Annotated[Path, arg(aliases=["-o"])],
        size: Size = "512x512",
        tile: bool = False,
        minutes: float = 2.0,
        steps: int | None = None,
        seed: int = 0,
        save: Path | None = None,
        exemplar_px: int = 512,
        match: bool = True,
        device: str = "auto",
        resume: bool = False,
        force: bool = False,
    ) -> None:
        """Fits a spatial LSTM to one photograph and paints a larger texture like it.

        Args:
            photo: A picture, or photo:NAME for a photograph that scikit-image carries (brick, grass, gravel ...).
            out: The picture to write: PNG, JPEG, WebP, TIFF, BMP; GIF, APNG or MP4 show how it is painted.
            size: Width and height in pixels.
            tile: Make it repeat without a seam.
            minutes: Time to train for.
            steps: Train for exactly so many batches instead: the same seed then gives the same file.
            seed: Start of all random numbers.
            save: Model folder that keeps the fit; OUT.model when left out.
            exemplar_px: A larger photograph is reduced to this on its longer side first.
            match: Give the result the photograph's histogram.
            device: auto, cpu, cuda, cuda:N or mps.
            resume: Go on with an interrupted fit.
            force: Replace what exists.
        """
        from drawgen import images, jobs

        with Bars() as reports:
            folder = jobs.texture(
                photo, out, size=images.parse_size(size), tile=tile, minutes=minutes, steps=steps, seed=seed, save=save,
                exemplar_px=exemplar_px, match=match, device=device, resume=resume, force=force, reports=reports,
            )  # fmt: skip
        print(out)
        print(f"more of it: drawgen sample {folder} -o OUT.png --size 1024x1024 --seed 7", file=sys.stderr)

    parse(command, words, "texture")


def paint(words: list[str]) -> None:
    """A photograph as brush strokes."""

    def command(
        photo: Positional[str],
        out: Annotated[Path, arg(aliases=["-o"])],
        strokes: int | None = None,
        seconds: float | None = None,
        size: Size | None = None,
        seed: int = 0,
        detail_px: int | None = None,
        least_radius: float | None = None,
        opacity: float | None = None,
        palette: Annotated[str | None, arg(metavar="#RRGGBB,..|auto:N")] = None,
        background: Annotated[str | None, arg(metavar="#RRGGBB")] = None,
        animate: bool = False,
        force: bool = False,
    ) -> None:
        """Paints a photograph in strokes, large ones first.

        Args:
            photo: A picture, photo:NAME for a photograph that scikit-image carries (astronaut, coffee, chelsea ...), or a file
                of strokes, which are drawn again.
            out: The file to write: PNG, JPEG, WebP, TIFF, BMP; GIF, APNG or MP4 show how it is painted; SVG has one path a
                stroke; JSON has the strokes' numbers.
            strokes: How many, 250 when left out.
            seconds: Paint for so long instead of a fixed number of steps; the same seed then gives the same file no more.
            size: Width and height in pixels; of another aspect than the photograph's, its middle is painted. When left out, 1024
                pixels on the longer side, 512 for an animation.
            seed: Start of all random numbers.
            detail_px: Longer side of what the painter looks at; 128 when left out, and more for more than 500 strokes.
            least_radius: Least radius of a stroke in percent of the shorter side, 0.25 when left out: the thinnest brush.
            opacity: Of all strokes, above 0 to 1; when left out each has its own.
            palette: The only colours of strokes: a list, or auto:N for N of the photograph's.
            background: Colour of the canvas; the photograph's mean when left out.
            animate: Make a PNG or WebP move, too, and show how it is painted.
            force: Replace what exists.
        """
        from drawgen import images, jobs

        with Bars() as reports:
            jobs.paint(
                photo, out, strokes=strokes, seconds=seconds, size=images.parse_size(size) if size else None, seed=seed,
                detail_px=detail_px, least_radius=least_radius, opacity=opacity, palette=palette, background=background,
                animate=animate, force=force, reports=reports,
            )  # fmt: skip
        print(out)

    parse(command, words, "paint")


def sample(words: list[str]) -> None:
    """Pictures, or text, from a trained model."""

    def command(
        model: Positional[str],
        out: Annotated[Path | None, arg(aliases=["-o"])] = None,
        n: Annotated[int, arg(aliases=["-n"])] = 1,
        size: Size | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        tile: bool = False,
        match: bool = True,
        boxes: bool = False,
        animate: bool = False,
        prime: str | None = None,
        length: int | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        device: str = "cpu",
        force: bool = False,
    ) -> None:
        """Draws pictures from a trained model; one of text writes, and prints as it goes.

        Args:
            model: A model folder, MODEL:NAME of a shipped one (see drawgen list), or MODEL for its default.
            out: The file to write: a picture, or a GIF, APNG or MP4 of how it is drawn; text is printed when it is left out.
            n: How many, side by side.
            size: Width and height in pixels of each; the training size when left out.
            seed: Start of all random numbers; the same seed gives the same file.
            temperature: Below 1 likelier, above 1 wilder pictures and texts.
            tile: Make each repeat without a seam.
            match: Give textures their photograph's histogram.
            boxes: Draw the windows of a model with attention.
            animate: Make a PNG or WebP move, too, and show how it is drawn.
            prime: What a text goes on from.
            length: Symbols of text to write after the prime; 1000 when left out.
            top_k: Write only the so many likeliest symbols.
            top_p: Write only the likeliest symbols that have so much probability together.
            device: auto, cpu, cuda, cuda:N or mps.
            force: Replace what exists.
        """
        from drawgen import images, jobs

        last = ""

        def show(piece: str) -> None:
            nonlocal last
            print(piece, end="", flush=True)
            last = piece or last

        try:
            with Bars() as reports:
                jobs.sample(
                    model, out, n=n, size=images.parse_size(size) if size else None, seed=seed, temperature=temperature,
                    tile=tile, match=match, boxes=boxes, animate=animate, prime=prime, length=length, top_k=top_k, top_p=top_p,
                    device=device, force=force, reports=dataclasses.replace(reports, writing=show),
                )  # fmt: skip
        finally:
            if last and not last.endswith("\n"):
                print()
        if out is not None:
            print(out)

    parse(command, words, "sample")


def reconstruct(words: list[str]) -> None:
    """Your pictures, drawn after themselves."""

    def command(
        model: Positional[str],
        pictures: Positional[tuple[str, ...]],
        out: Annotated[Path, arg(aliases=["-o"])],
        polish: int = 0,
        boxes: bool = False,
        animate: bool = False,
        seed: int = 0,
        device: str = "cpu",
        force: bool = False,
    ) -> None:
        """Draws pictures after themselves: above what the model sees of them, below its drawing.

        Args:
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default.
            pictures: Pictures of yours; from a photographed digit the ink is cut out.
            out: The file to write: a picture, or a GIF, APNG or MP4 of how they are drawn.
            polish: Improve a painter's strokes by so many steps of gradient descent before they are written.
            boxes: Draw the windows: reading green, writing red.
            animate: Make a PNG or WebP move, too, and show how they are drawn.
            seed: Start of all random numbers.
            device: auto, cpu, cuda, cuda:N or mps.
            force: Replace what exists.
        """
        from drawgen import jobs

        if not pictures:
            raise ValueError("no pictures are given; name one or more")
        with Bars() as reports:
            jobs.reconstruct(
                model, list(pictures), out, polish=polish, boxes=boxes, animate=animate, seed=seed, device=device, force=force,
                reports=reports,
            )  # fmt: skip
        print(out)

    parse(command, words, "reconstruct")


def interpolate(words: list[str]) -> None:
    """A strip from one picture to another."""

    def command(
        model: Positional[str],
        first: Positional[str],
        last: Positional[str],
        out: Annotated[Path, arg(aliases=["-o"])],
        n: Annotated[int, arg(aliases=["-n"])] = 9,
        device: str = "cpu",
        force: bool = False,
    ) -> None:
        """Draws the way from one picture to another through the model's latents.

        Args:
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default.
            first: A picture.
            last: Another.
            out: The picture to write.
            n: How many steps.
            device: auto, cpu, cuda, cuda:N or mps.
            force: Replace what exists.
        """
        from drawgen import jobs

        jobs.interpolate(model, first, last, out, n=n, device=device, force=force)
        print(out)

    parse(command, words, "interpolate")


def train(words: list[str]) -> None:
    """Trains a model by a preset, with any setting changed."""
    named = [word for word in words[:2] if not word.startswith("-")]
    if not named:
        print(train_help())
        if not set(words) & {"-h", "--help"}:
            raise ValueError("drawgen train needs the name of a model")
        return
    model, preset, rest = named[0], named[1] if len(named) > 1 and words[1] == named[1] else None, words[1:]
    rest = rest[1:] if preset else rest
    recipe = models.recipe(model, preset)
    preset = preset or next(iter(models.module(model).PRESETS))
    from drawgen import jobs

    if "--resume" in rest:
        split = [part for word in rest for part in (word.split("=", 1) if word.startswith(("--out=", "-o=")) else [word])]
        place = next((split[i + 1] for i, word in enumerate(split[:-1]) if word in ("--out", "-o")), None)
        if place is not None:
            kept_model, kept_preset, recipe = jobs.stored_recipe(Path(place))
            if (kept_model, kept_preset) != (model, preset if len(named) > 1 else kept_preset):
                raise ValueError(f"{place} was begun as {kept_model} {kept_preset}, not {model} {preset}; resume it the same way")
            preset = kept_preset
    options = dataclasses.make_dataclass(
        "Options",
        [
            ("out", Annotated[Path, arg(aliases=["-o"], help="The run folder; it becomes a model folder.")]),
            ("model", type(recipe.model), recipe.model),
            ("data", type(recipe.data), recipe.data),
            ("fit", type(recipe.fit), recipe.fit),
            ("resume", Annotated[bool, arg(help="Go on with the run in the folder.")], False),
            ("force", Annotated[bool, arg(help="Replace the run in the folder.")], False),
        ],
        namespace={"__doc__": f"{model}, preset {preset}. {recipe.about}"},
        frozen=True,
        kw_only=True,
    )
    chosen: Any = tyro.cli(options, args=rest, prog=f"drawgen train {model} {preset}")
    fit = chosen.fit
    if fit.minutes != recipe.fit.minutes and fit.steps == recipe.fit.steps and "--resume" not in rest:
        fit = dataclasses.replace(fit, steps=None)  # minutes asked for in place of the preset's steps
    recipe = dataclasses.replace(recipe, model=chosen.model, data=chosen.data, fit=fit)
    with Bars() as reports:
        outcome = jobs.train(model, recipe, chosen.out, preset=preset, resume=chosen.resume, force=chosen.force, reports=reports)
    if int(os.environ.get("RANK", "0")) == 0:  # one result, of however many processes
        print(json.dumps({"out": str(chosen.out), "steps": outcome.steps, "seconds": round(outcome.seconds, 1), **outcome.scores}))


def train_help() -> str:
    lines = ["usage: drawgen train MODEL [PRESET] --out RUN [--resume] [--model.x ..] [--data.x ..] [--fit.x ..]", ""]
    lines += ["All settings of a preset: drawgen train MODEL PRESET --help", ""]
    for name in models.names():
        lines += [f"  {name} {preset:<9} {about}" for preset, about in models.presets(name).items()]
    return "\n".join(lines)


def evaluate(words: list[str]) -> None:
    """A trained model's scores."""

    def command(
        model: Positional[str],
        data: str | None = None,
        importance: int = 0,
        beam: int = 5,
        split: str = "valid",
        meteor: bool = False,
        device: str = "cpu",
        json_: Annotated[bool, arg(name="json")] = False,
    ) -> None:
        """Measures a trained model on its validation data.

        Args:
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default.
            data: Measure on this instead of the run's own data.
            importance: Add the importance-weighted estimate with so many samples a picture (`draw`).
            beam: Hypotheses kept while a caption is written (`captioner`).
            split: The part whose pictures are described: valid, or test (`captioner`).
            meteor: Add METEOR, which takes Java and some ten seconds (`captioner`).
            device: auto, cpu, cuda, cuda:N or mps.
            json_: Print one JSON object.
        """
        from drawgen import jobs

        if importance < 0:
            raise ValueError(f"--importance is {importance}; it has to be at least 0")
        with Bars() as reports:
            scores = jobs.measure(
                model, data=data, importance=importance, beams=beam, split=split, meteor=meteor, device=device, reports=reports
            )
        print(json.dumps(scores) if json_ else "\n".join(score_lines(scores)))

    parse(command, words, "eval")


def score_lines(scores: dict[str, float]) -> list[str]:
    """One score a line; a series (NAME_01, NAME_02 ...) as a bar chart."""
    series = {name: value for name, value in scores.items() if name.rsplit("_", 1)[-1].isdigit()}
    longest = max([abs(value) for value in series.values()], default=0.0) or 1.0
    bars = {name: " " + "#" * round(40 * max(0.0, value) / longest) for name, value in series.items()}
    return [f"{name} {value:.4f}{bars.get(name, '')}" for name, value in scores.items()]


def caption(words: list[str]) -> None:
    """Captions for your pictures."""

    def command(
        paths: Positional[tuple[str, ...]],
        model: str = "captioner",
        beam: int = 5,
        n: Annotated[int, arg(aliases=["-n"])] = 1,
        attention: Path | None = None,
        strict: bool = False,
        device: str = "cpu",
        json_: Annotated[bool, arg(name="json")] = False,
        force: bool = False,
    ) -> None:
        """Writes a caption for each picture, one a line, as they come.

        Args:
            paths: Pictures, folders of pictures, or patterns such as 'holiday/*.jpg'.
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default.
            beam: Hypotheses kept while a caption is written; 1 is greedy.
            n: How many captions for each picture, the best first, with their scores (mean log-probability of a word, in nats).
            attention: A file that shows where the model looked for each word; a GIF or APNG shows it word by word.
            strict: Stop at the first picture that cannot be read, instead of leaving it out.
            device: auto, cpu, cuda, cuda:N or mps.
            json_: Print one JSON object for each picture.
            force: Replace what exists.
        """
        from drawgen import captioning

        pictures = captioning.pictures_in(paths)
        skipped: dict[str, str] = {}
        found = captioning.caption(
            model, pictures, beams=beam, n=n, attention=attention, strict=strict, device=device, force=force, skipped=skipped
        )
        with Bars() as reports:
            for number, described in enumerate(found, 1):
                print(caption_line(described, n, json_), flush=True)
                if not sys.stdout.isatty():
                    reports.drawing((number + len(skipped)) / len(pictures))
        if skipped:
            lines = [f"  {name}: {why}" for name, why in skipped.items()]
            print("\n".join([f"drawgen: {len(skipped)} of {len(pictures)} pictures were left out:", *lines]), file=sys.stderr)
        if attention is not None:
            print(f"attention: {attention}", file=sys.stderr)

    parse(command, words, "caption")


def caption_line(described: Any, n: int, as_json: bool) -> str:
    if as_json:
        captions = [
            {"caption": c.text, "score": c.score, "finished": c.finished, "words": list(zip(c.words, c.log_probs, strict=True))}
            for c in described.captions
        ]
        return json.dumps({"picture": described.picture, "captions": captions})
    if n == 1:
        return f"{described.picture}\t{described.captions[0].text}"
    return "\n".join(f"{described.picture}\t{c.score:.3f}\t{c.text}" for c in described.captions)


def listing(words: list[str]) -> None:
    """Models, their presets, and what is shipped."""

    def command(json_: Annotated[bool, arg(name="json")] = False) -> None:
        """Lists the models, their presets, and the trained models that are shipped.

        Args:
            json_: Print one JSON object.
        """
        found = models.listing()
        if json_:
            print(json.dumps(found))
            return
        for name, presets in found["models"].items():
            print(name)
            for preset, about in presets.items():
                print(f"  {preset:<9} {about}")
        print("shipped")
        for name, words in found["shipped"].items():
            print(f"  {name:<16} {words}")

    parse(command, words, "list")


def demo(words: list[str]) -> None:
    """One of everything, into a folder with a page of pictures."""

    def command(out: Annotated[Path, arg(aliases=["-o"])] = Path("demo"), force: bool = False) -> None:
        """Makes one of everything that needs no training, with a page of pictures.

        Args:
            out: The folder to fill.
            force: Replace what exists.
        """
        from drawgen import jobs

        with Bars() as reports:
            page = jobs.demo(out, force=force, reports=reports)
        print(page)

    parse(command, words, "demo")


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "texture": texture,
    "paint": paint,
    "train": train,
    "sample": sample,
    "reconstruct": reconstruct,
    "interpolate": interpolate,
    "caption": caption,
    "eval": evaluate,
    "list": listing,
    "demo": demo,
}

if __name__ == "__main__":
    sys.exit(main())

"""drawgen sample, reconstruct, read and interpolate."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from drawgen.cli.parsing import Axis, Size, parse
from drawgen.cli.printing import say, warn
from drawgen.cli.progress import bars
from drawgen.printable import printable


def sample(words: list[str]) -> None:
    """Sample pictures or text from a trained model."""

    def command(
        model: Positional[str],
        out: Annotated[Path | None, arg(aliases=["-o"])] = None,
        n: Annotated[int, arg(aliases=["-n"])] = 1,
        size: Size | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        tile: bool = False,
        tile_axis: Axis | None = None,
        even_out: float = 0.0,
        match: bool = True,
        guide: str | None = None,
        guide_strength: float = 0.8,
        boxes: bool = False,
        animate: bool = False,
        prime: str | None = None,
        length: int | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        until: str | None = None,
        begin: str | None = None,
        text: str | None = None,
        attention: Path | None = None,
        device: str = "cpu",
        force: bool = False,
    ) -> None:
        """Samples pictures or text from a trained model. Text is printed while it is sampled.

        Args:
            model: A model folder, MODEL:NAME of a shipped one (see drawgen list), or MODEL for its default.
            out: The file to write: a picture, or a GIF, APNG or MP4 of the drawing process. Without it, text is printed, with
                control characters escaped.
            n: Number of samples; pictures stand side by side, or in a file each with {i} in its name.
            size: Width and height of each picture in pixels; the training size by default.
            seed: Seed of all random numbers; the same seed gives the same file.
            temperature: Sampling temperature: below 1 gives likelier samples, above 1 more varied ones.
            tile: Make each texture repeat without a seam; several also fit each other, and get a file each.
            tile_axis: Make each texture repeat without a seam in this direction only, with or without --tile.
            even_out: Fraction of a texture's differences over a long distance to remove, 0 to 1.
            match: Match a texture's colours to its photograph's.
            guide: A picture that a texture shows from afar, by the brightness or the colours of its parts.
            guide_strength: How finely the guide is shown, against how much is left of the texture's structures, 0 to 1.
            boxes: Draw the windows of a model with attention.
            animate: Animate a PNG or WebP too, to show the drawing process.
            prime: Text that the sample continues.
            length: Symbols of text to sample after the prime; 1000 by default.
            top_k: Sample only from this many most probable symbols.
            top_p: Sample only from the most probable symbols whose probabilities add up to this (nucleus sampling).
            until: End a text with the first of these, as "</svg>", if that comes before its length.
            begin: A begun drawing of lines, an SVG or strokes as JSON, which the sample completes; its last line may go on.
            text: What a model of handwriting writes; it may have several lines.
            attention: A picture of which character of the text handwriting is at each point of the pen.
            device: auto, cpu, cuda, cuda:N or mps.
            force: Replace existing files.
        """
        from drawgen import images, jobs

        last = ""

        def show(piece: str) -> None:
            nonlocal last
            say(piece, keep="\n\t", end="")
            last = piece or last

        try:
            with bars() as reports:
                made = jobs.sample(
                    model, out, n=n, size=images.parse_size(size) if size else None, seed=seed, temperature=temperature,
                    tile=tile_axis or tile, even_out=even_out, match=match, guide=guide, guide_strength=guide_strength,
                    boxes=boxes, animate=animate, prime=prime, length=length, top_k=top_k, top_p=top_p, until=until,
                    begin=begin, text=text, attention=attention, device=device, force=force,
                    reports=dataclasses.replace(reports, writing=show),
                )  # fmt: skip
        finally:
            if last and not last.endswith("\n"):
                say("")
        for path in made:
            say(path)

    parse(command, words, "sample")


def reconstruct(words: list[str]) -> None:
    """Reconstruct pictures with a trained model."""

    def command(
        model: Positional[str],
        pictures: Positional[tuple[str, ...]],
        out: Annotated[Path, arg(aliases=["-o"])],
        polish: int | None = None,
        boxes: bool = False,
        animate: bool = False,
        seed: int = 0,
        device: str = "cpu",
        force: bool = False,
    ) -> None:
        """Reconstructs pictures with a trained model. The upper row shows the model's input, the lower row its reconstruction.

        Args:
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default.
            pictures: The pictures to reconstruct; the ink of a photographed digit is segmented first. Of a model of a pen,
                drawings: SVG, or strokes as JSON.
            out: The file to write: a picture, or a GIF, APNG or MP4 of the drawing process.
            polish: Steps of gradient descent on a painter's strokes before they are written; 0 keeps the painter's own strokes.
                The default is 50 for painters with a differentiable brush.
            boxes: Draw the windows: read green, write red.
            animate: Animate a PNG or WebP too, to show the drawing process.
            seed: Seed of all random numbers.
            device: auto, cpu, cuda, cuda:N or mps.
            force: Replace existing files.
        """
        from drawgen import jobs

        if not pictures:
            raise ValueError("no pictures are given; name one or more")
        with bars() as reports:
            jobs.reconstruct(
                model, list(pictures), out, polish=polish, boxes=boxes, animate=animate, seed=seed, device=device, force=force,
                reports=reports,
            )  # fmt: skip
        say(out)

    parse(command, words, "reconstruct")


def read(words: list[str]) -> None:
    """Read digits, or classify pictures."""

    def command(
        pictures: Positional[tuple[str, ...]],
        model: str | None = None,
        out: Annotated[Path | None, arg(aliases=["-o"])] = None,
        n: Annotated[int, arg(aliases=["-n"])] = 1,
        boxes: bool = True,
        animate: bool = False,
        seed: int = 0,
        device: str = "cpu",
        json_: Annotated[bool, arg(name="json")] = False,
        force: bool = False,
    ) -> None:
        """Reads the digits of pictures: photographs of handwriting, or pictures of data sets. Other models classify other pictures.
        Prints one line per label: the picture, the label, its probability.

        Args:
            pictures: The pictures to read.
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default. Without it, the shipped reader that the
                picture fits: by how many characters it has, and whether they stand in a row.
            out: A file that shows where the model looked: a picture, or a GIF, APNG or MP4.
            n: Labels per picture, the most probable first.
            boxes: Draw the windows of a model with glimpses.
            animate: Animate a PNG or WebP too.
            seed: Seed of all random numbers.
            device: auto, cpu, cuda, cuda:N or mps.
            json_: Print one JSON object per picture.
            force: Replace existing files.
        """
        from drawgen import jobs

        if not pictures:
            raise ValueError("no pictures are given; name one or more")
        found = jobs.read(
            list(pictures), out, model=model, n=n, boxes=boxes, animate=animate, seed=seed, device=device, force=force
        )
        for one in found:
            if json_:
                told = [{"label": label, "probability": probability} for label, probability in one.labels]
                say(json.dumps({"picture": one.picture, "model": one.model, "labels": told}))
            else:
                for label, probability in one.labels:
                    say(f"{printable(one.picture)}\t{printable(label)}\t{probability:.4f}", keep="\t")
        if model is None:
            warn(f"read by {', '.join(dict.fromkeys(one.model for one in found))}")
        if out is not None:
            warn(out)

    parse(command, words, "read")


def interpolate(words: list[str]) -> None:
    """Interpolate between two pictures."""

    def command(
        model: Positional[str],
        first: Positional[str],
        last: Positional[str],
        out: Annotated[Path, arg(aliases=["-o"])],
        n: Annotated[int, arg(aliases=["-n"])] = 9,
        device: str = "cpu",
        force: bool = False,
    ) -> None:
        """Interpolates between two pictures in the model's latent space, and draws the steps as a strip.

        Args:
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default.
            first: The first picture; of a model of a pen, the first drawing (SVG, or strokes as JSON).
            last: The last one.
            out: The picture to write.
            n: Number of steps.
            device: auto, cpu, cuda, cuda:N or mps.
            force: Replace existing files.
        """
        from drawgen import jobs

        jobs.interpolate(model, first, last, out, n=n, device=device, force=force)
        say(out)

    parse(command, words, "interpolate")

"""drawgen sample, reconstruct, read and interpolate."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from drawgen.cli.parsing import Size, parse
from drawgen.cli.printing import say, warn
from drawgen.cli.progress import bars
from drawgen.printable import printable


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
            out: The file to write: a picture, or a GIF, APNG or MP4 of how it is drawn; text is printed when it is left out, with
                control characters written out.
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
            say(piece, keep="\n\t", end="")
            last = piece or last

        try:
            with bars() as reports:
                jobs.sample(
                    model, out, n=n, size=images.parse_size(size) if size else None, seed=seed, temperature=temperature,
                    tile=tile, match=match, boxes=boxes, animate=animate, prime=prime, length=length, top_k=top_k, top_p=top_p,
                    device=device, force=force, reports=dataclasses.replace(reports, writing=show),
                )  # fmt: skip
        finally:
            if last and not last.endswith("\n"):
                say("")
        if out is not None:
            say(out)

    parse(command, words, "sample")


def reconstruct(words: list[str]) -> None:
    """Your pictures, drawn after themselves."""

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
        """Draws pictures after themselves: above what the model sees of them, below its drawing.

        Args:
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default.
            pictures: Pictures of yours; from a photographed digit the ink is cut out.
            out: The file to write: a picture, or a GIF, APNG or MP4 of how they are drawn.
            polish: Improve a painter's strokes by so many steps of gradient descent before they are written; 0 leaves them as they
                were painted. Painters whose strokes have a gradient take 50 if nothing is said.
            boxes: Draw the windows: reading green, writing red.
            animate: Make a PNG or WebP move, too, and show how they are drawn.
            seed: Start of all random numbers.
            device: auto, cpu, cuda, cuda:N or mps.
            force: Replace what exists.
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
    """What your pictures show."""

    def command(
        model: Positional[str],
        pictures: Positional[tuple[str, ...]],
        out: Annotated[Path | None, arg(aliases=["-o"])] = None,
        n: Annotated[int, arg(aliases=["-n"])] = 1,
        boxes: bool = True,
        animate: bool = False,
        seed: int = 0,
        device: str = "cpu",
        json_: Annotated[bool, arg(name="json")] = False,
        force: bool = False,
    ) -> None:
        """Prints what each picture shows, one per line: the picture, the label, its probability.

        Args:
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default.
            pictures: Pictures of yours.
            out: A file that shows what the model looked at: a picture, or a GIF, APNG or MP4 of its glimpses.
            n: How many labels per picture, the likeliest first.
            boxes: Draw the windows of a model with attention.
            animate: Make a PNG or WebP move, too.
            seed: Start of all random numbers.
            device: auto, cpu, cuda, cuda:N or mps.
            json_: Print one JSON object per picture.
            force: Replace what exists.
        """
        from drawgen import jobs

        if not pictures:
            raise ValueError("no pictures are given; name one or more")
        found = jobs.read(model, list(pictures), out, n=n, boxes=boxes, animate=animate, seed=seed, device=device, force=force)
        for picture, labels in found:
            if json_:
                told = [{"label": label, "probability": probability} for label, probability in labels]
                say(json.dumps({"picture": picture, "labels": told}))
            else:
                for label, probability in labels:
                    say(f"{printable(picture)}\t{printable(label)}\t{probability:.4f}", keep="\t")
        if out is not None:
            warn(out)

    parse(command, words, "read")


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
        say(out)

    parse(command, words, "interpolate")

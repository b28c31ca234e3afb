"""drawgen texture."""

import shlex
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from drawgen.cli.parsing import Size, parse
from drawgen.cli.printing import say, warn
from drawgen.cli.progress import bars


def texture(words: list[str]) -> None:
    """A larger texture like one photograph."""

    def command(
        photo: Positional[str],
        out: Annotated[Path, arg(aliases=["-o"])],
        size: Size = "512x512",
        tile: bool = False,
        minutes: float | None = None,
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
            minutes: Time to train for; 2 when left out.
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

        with bars() as reports:
            made = jobs.texture(
                photo, out, size=images.parse_size(size), tile=tile, minutes=minutes, steps=steps, seed=seed, save=save,
                exemplar_px=exemplar_px, match=match, device=device, resume=resume, force=force, progress=reports,
            )  # fmt: skip
        say(out)
        warn(f"more of it: drawgen sample {shlex.quote(made.trained.source)} -o OUT.png --size 1024x1024 --seed 7")

    parse(command, words, "texture")

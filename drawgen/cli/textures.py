"""drawgen texture."""

import shlex
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from drawgen.cli.parsing import Size, parse
from drawgen.cli.printing import say, warn
from drawgen.cli.progress import bars


def texture(words: list[str]) -> None:
    """Synthesise a larger texture from one photograph."""

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
        """Trains a spatial LSTM on one photograph and samples a larger texture from it.

        Args:
            photo: A picture, or photo:NAME for a photograph of scikit-image (brick, grass, gravel ...).
            out: The picture to write: PNG, JPEG, WebP, TIFF, BMP; a GIF, APNG or MP4 shows the sampling.
            size: Width and height in pixels.
            tile: Make it repeat without a seam.
            minutes: Training time; 2 by default.
            steps: Train on exactly this many batches instead; the same seed then gives the same file.
            seed: Seed of all random numbers.
            save: Model folder for the trained model; OUT.model by default.
            exemplar_px: Longer side in pixels that a larger photograph is scaled down to first.
            match: Match the texture's histogram to the photograph's.
            device: auto, cpu, cuda, cuda:N or mps.
            resume: Continue an interrupted run.
            force: Replace existing files.
        """
        from drawgen import images, jobs

        with bars() as reports:
            made = jobs.texture(
                photo, out, size=images.parse_size(size), tile=tile, minutes=minutes, steps=steps, seed=seed, save=save,
                exemplar_px=exemplar_px, match=match, device=device, resume=resume, force=force, progress=reports,
            )  # fmt: skip
        say(out)
        warn(f"more of this texture: drawgen sample {shlex.quote(made.trained.source)} -o OUT.png --size 1024x1024 --seed 7")

    parse(command, words, "texture")

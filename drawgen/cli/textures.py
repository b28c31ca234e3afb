"""drawgen texture."""

import shlex
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from drawgen.cli.parsing import Axis, Size, parse
from drawgen.cli.printing import say, warn
from drawgen.cli.progress import bars

Invent = Literal["auto", "all", "detail", "nothing"]


def texture(words: list[str]) -> None:
    """Make textures from one photograph."""

    def command(
        photo: Positional[str],
        out: Annotated[Path, arg(aliases=["-o"])],
        size: Size = "512x512",
        n: Annotated[int, arg(aliases=["-n"])] = 1,
        tile: bool = False,
        tile_axis: Axis | None = None,
        even_out: float = 0.0,
        invent: Invent = "auto",
        maps: str | None = None,
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
        """Makes textures of any size from one photograph. A spatial LSTM learns the texture and invents its pixels.

        Args:
            photo: A picture, or photo:NAME for a photograph of scikit-image (brick, grass, gravel ...).
            out: The picture to write: PNG, JPEG, WebP, TIFF, BMP; a GIF, APNG or MP4 shows the sampling.
            size: Width and height in pixels.
            n: Number of textures; they stand side by side, or in a file each with {i} in its name.
            tile: Make it repeat without a seam; several tiles also fit each other, and get a file each.
            tile_axis: Make it repeat without a seam in this direction only, with or without --tile.
            even_out: Fraction of the differences over a long distance to remove, 0 to 1; they betray the repetition.
            invent: all: every pixel, which dissolves large structures. detail: every pixel, over a layout of the photograph's
                patches at half its size. nothing: lays out patches of the photograph itself (image quilting), in a second,
                without training. auto: detail or all, by short trials.
            maps: Files of the photograph's maps, with commas between them, of the same size as it: normals, heights, roughness and
                the like, up to eight channels. They are made together with the colours and written beside them, as OUT-NAME.png
                with their own 8 or 16 bits. FILE is named as the file, NAME=FILE otherwise. A name with "normal", "nrm" or "nor"
                in it stands for unit vectors, any other for plain numbers of one channel or three. "alpha" is the photograph's.
            minutes: Training time; 3 by default.
            steps: Train on exactly this many batches instead; the same seed then gives the same file.
            seed: Seed of all random numbers.
            save: Model folder for the trained model; OUT.model by default.
            exemplar_px: Longer side in pixels that a larger photograph is scaled down to first.
            match: Match the texture's colours to the photograph's.
            device: auto, cpu, cuda, cuda:N or mps.
            resume: Continue an interrupted run.
            force: Replace existing files.
        """
        from drawgen import images, jobs
        from drawgen.jobs.answers import numbered, with_maps

        with bars() as reports:
            made = jobs.texture(
                photo, out, size=images.parse_size(size), n=n, tile=tile_axis or tile, even_out=even_out, invent=invent,
                maps=maps.split(",") if maps is not None else (), minutes=minutes, steps=steps, seed=seed, save=save,
                exemplar_px=exemplar_px, match=match, device=device, resume=resume, force=force, progress=reports,
            )  # fmt: skip
        for path in with_maps(numbered(out, n, apart=bool(tile_axis or tile)), made.maps):
            say(path)
        if made.trained is not None:
            warn(f"more of this texture: drawgen sample {shlex.quote(made.trained.source)} -o OUT.png --size 1024x1024 --seed 7")

    parse(command, words, "texture")

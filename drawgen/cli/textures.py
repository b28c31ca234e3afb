"""drawgen texture."""

import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from drawgen.cli.parsing import Axis, Size, parse
from drawgen.cli.printing import say, warn
from drawgen.cli.progress import bars
from drawgen.ranges import ArgumentError

Invent = Literal["auto", "all", "detail", "nothing"]


def texture(words: list[str]) -> None:
    """Make textures from a photograph, or from several."""

    def command(
        photos: Positional[tuple[str, ...]],
        out: Annotated[Path, arg(aliases=["-o"])],
        size: Size | None = None,
        n: Annotated[int, arg(aliases=["-n"])] = 1,
        tile: bool = False,
        tile_axis: Axis | None = None,
        even_out: float = 0.0,
        invent: Invent = "auto",
        maps: str | None = None,
        guide: str | None = None,
        guide_strength: float = 0.8,
        labels: Path | None = None,
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
            photos: A picture, or photo:NAME for a photograph of scikit-image (brick, grass, gravel ...). Several with --labels. A
                folder of pictures, of which each gets a texture in the folder --out.
            out: The picture to write: PNG, JPEG, WebP, TIFF, BMP; a GIF, APNG or MP4 shows the sampling.
            size: Width and height in pixels; 512x512 by default, or shaped as the guide or the labels.
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
            guide: A picture that the texture shows from afar, by the brightness or the colours of its parts.
            guide_strength: How finely the guide is shown, against how much is left of the photograph's structures, 0 to 1.
            labels: A picture whose grey levels or palette indices 0, 1, ... say where each photograph's texture goes, in their
                order. They meet along cuts that hide the borders.
            minutes: Training time for each photograph; 3 by default.
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

        more = ""
        extent = None if size is None else images.parse_size(size)
        options: dict[str, Any] = {
            "size": extent, "n": n, "tile": tile_axis or tile, "even_out": even_out, "invent": invent,
            "maps": maps.split(",") if maps is not None else (), "guide": guide, "guide_strength": guide_strength,
            "minutes": minutes, "steps": steps, "seed": seed, "save": save, "exemplar_px": exemplar_px, "match": match,
            "device": device, "resume": resume, "force": force,
        }  # fmt: skip
        if len(photos) > 1 and labels is None:
            raise ArgumentError(
                "labels", "are not given, and say where each of several photographs goes; give them, or one photograph"
            )
        with bars() as reports:
            if labels is not None:
                jobs.labelled_texture(photos, labels, out, progress=reports, **options)
                told = numbered(out, n)
            elif Path(photos[0]).is_dir():
                told, left_out = jobs.texture_folder(photos[0], out, progress=reports, **options)
                if not told:
                    raise ValueError(f"none of the {len(left_out)} pictures of {photos[0]} could be used")
            else:
                made = jobs.texture(photos[0], out, progress=reports, **options)
                told = with_maps(numbered(out, n, apart=bool(tile_axis or tile)), made.maps)
                if made.trained is not None:
                    more = f"drawgen sample {shlex.quote(made.trained.source)} -o OUT.png --size 1024x1024 --seed 7"
        for path in told:
            say(path)
        if more:
            warn(f"more of this texture: {more}")

    parse(command, words, "texture")

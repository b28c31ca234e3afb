"""drawgen points."""

import json
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from drawgen.cli.parsing import Size, parse
from drawgen.cli.printing import say, warn
from drawgen.cli.progress import bars
from drawgen.ranges import ArgumentError


def points(words: list[str]) -> None:
    """Find the hull, triangles or a tour of points."""

    def command(
        model: Positional[str],
        points: Annotated[Positional[str], arg(metavar="FILE|random:N")],
        out: Annotated[Path | None, arg(aliases=["-o"])] = None,
        beam: int = 5,
        free: bool = False,
        number: int = 1,
        tour: Path | None = None,
        seed: int = 0,
        size: Size | None = None,
        device: str = "cpu",
        json_: Annotated[bool, arg(name="json")] = False,
        force: bool = False,
    ) -> None:
        """Finds the convex hull, the Delaunay triangulation or a tour of points by a trained model, and draws it beside the exact
        answer. Prints both with their figures, one line each.

        Args:
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default.
            points: x and y per line (CSV, TSV), Vinyals' text format, TSPLIB (.tsp), random:N for N random points, or - for
                standard input. 3 to 1000 points.
            out: The file to write: a picture, SVG, or JSON with the points, both answers and the figures.
            beam: Beam width: answers kept while one is decoded; 1 is greedy.
            free: Let the model give answers that are not valid, such as a polygon that crosses itself.
            number: Of a file with several sets of points: which one, from 1 on.
            tour: A TSPLIB file of a tour (.opt.tour) to compare with.
            seed: Seed of random points.
            size: Width and height of the picture in pixels; by default 1024 wide.
            device: auto, cpu, cuda, cuda:N or mps.
            json_: Print the contents of the JSON file instead of two lines.
            force: Replace existing files.
        """
        from drawgen import images, jobs

        if size and out is None:
            raise ArgumentError("size", "is that of a picture, and no file is written; give --out, or leave it out")
        with bars() as reports:
            found = jobs.points(
                model, points, out, beams=beam, constrained=not free, number=number, tour=tour, seed=seed,
                size=images.parse_size(size) if size else None, device=device, force=force, progress=reports,
            )  # fmt: skip
        if json_:
            say(json.dumps(found.as_json()))
        else:
            say("\n".join(found.texts), keep="\n")
        if out is not None:
            warn(out)

    parse(command, words, "points")

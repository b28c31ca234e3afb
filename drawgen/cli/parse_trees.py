"""drawgen parse."""

import json
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from drawgen.cli import parsing
from drawgen.cli.printing import say, warn
from drawgen.cli.progress import bars
from drawgen.ranges import ArgumentError


def parse(words: list[str]) -> None:
    """Parse sentences into trees."""

    def command(
        sentences: Annotated[Positional[tuple[str, ...]], arg(metavar="SENTENCE|-")] = (),
        file: Path | None = None,
        model: str = "",
        out: Annotated[Path | None, arg(aliases=["-o"])] = None,
        beam: int = 5,
        free: bool = False,
        size: parsing.Size | None = None,
        device: str = "cpu",
        json_: Annotated[bool, arg(name="json")] = False,
        force: bool = False,
    ) -> None:
        """Prints the tree of each sentence in brackets, one per line, as (S (NP (NNS dogs)) (VP (VBP bark))), and draws it.

        Args:
            sentences: Sentences, each in quotes; or - for the lines of standard input. A line without words stays empty.
            file: A text file (UTF-8) with a sentence per line, instead of sentences.
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default. When left out, the shipped one.
            out: The file to draw up to 32 trees in: a picture or SVG; or JSON with the trees and their scores.
            beam: Beam width: trees kept while one is decoded; 1 is greedy.
            free: Let the model give any symbols; what is not a tree over all words is mended.
            size: Width and height of the picture in pixels; by default as large as the trees need.
            device: auto, cpu, cuda, cuda:N or mps.
            json_: Print one JSON object per sentence.
            force: Replace existing files.
        """
        from drawgen import images, jobs

        if size and out is None:
            raise ArgumentError("size", "is that of a picture, and no file is written; give --out, or leave it out")
        if bool(sentences) == (file is not None):
            raise ValueError("give sentences in quotes, - for standard input, or --file FILE, and one of them only")
        given: list[str | Path] = [Path(one) if one == "-" else one for one in sentences] if file is None else [file]
        with bars() as reports:
            found = jobs.parse(
                given, out, model=model or None, beams=beam, constrained=not free, size=images.parse_size(size) if size else None,
                device=device, force=force, progress=reports,
            )  # fmt: skip
        for one in found.sentences:
            say(json.dumps(one.as_json()) if json_ else one.brackets)
        if out is not None:
            warn(out)

    parsing.parse(command, words, "parse")

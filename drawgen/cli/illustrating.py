"""drawgen illustrate."""

import json
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from drawgen.cli.parsing import parse
from drawgen.cli.printing import say, warn
from drawgen.cli.progress import bars


def illustrate(words: list[str]) -> None:
    """Draw what a sentence says."""

    def command(
        sentences: Annotated[Positional[tuple[str, ...]], arg(metavar="SENTENCE")],
        out: Annotated[Path | None, arg(aliases=["-o"])] = None,
        model: str = "seq2tree:scenes",
        n: Annotated[int, arg(aliases=["-n"])] = 1,
        seed: int = 0,
        size: int = 512,
        check: bool = False,
        beam: int = 1,
        animate: bool = False,
        device: str = "cpu",
        json_: Annotated[bool, arg(name="json")] = False,
        force: bool = False,
    ) -> None:
        """Draws what a sentence says, such as "two small orange squares left of a large pink cross". A trained model parses it
        into a tree, which is printed; the objects of the tree are laid out and drawn in strokes. What is not said is drawn by
        chance.

        Args:
            sentences: English sentences about one to four circles, rings, squares, triangles, crosses or stars: their size, colour,
                and at most one relation, such as left of. Put each in quotes. - reads lines from standard input.
            out: The file to write: a picture with one row per sentence, an animation stroke by stroke (GIF, APNG, MP4), SVG, or
                JSON of the strokes. {i} in its name gives a file per drawing.
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default.
            n: Drawings of each sentence.
            seed: Seed of what is not said, of places and strokes.
            size: Side of a drawing in pixels.
            check: Read the drawing back from its strokes and say whether it is as asked; and let the shipped captioner describe it,
                and say whether that is true.
            beam: Beam width: trees kept while one is decoded; 1 is greedy.
            animate: Write PNG and WebP as animations.
            device: auto, cpu, cuda, cuda:N or mps.
            json_: Print one JSON object per drawing.
            force: Replace existing files.
        """
        from drawgen import jobs

        if len(sentences) > 1 and not any(" " in sentence for sentence in sentences):
            sentences = (" ".join(sentences),)  # words without quotes
        with bars() as reports:
            found = jobs.illustrate(
                "-" if sentences == ("-",) else sentences, out, model=model, n=n, seed=seed, size=size, check=check, beams=beam,
                animate=animate, device=device, force=force, progress=reports,
            )  # fmt: skip
        before = None
        for number, one in enumerate(found, 1):
            if json_:
                say(json.dumps(one.as_json()))
                continue
            if one.sentence != before:
                say(one.tree)
                before = one.sentence
            if one.caption is not None:
                told = "true" if one.caption_true else "not true"
                say(f"drawing {number}: {'as asked' if one.as_asked else 'not as asked'}; {told}: {one.caption}")
        if out is not None:
            warn(out)

    parse(command, words, "illustrate")

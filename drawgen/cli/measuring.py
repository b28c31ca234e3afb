"""drawgen eval."""

import json
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from drawgen.cli.parsing import parse
from drawgen.cli.printing import say
from drawgen.cli.progress import bars


def evaluate(words: list[str]) -> None:
    """Evaluate a trained model."""

    def command(
        model: Positional[str],
        data: str | None = None,
        split: str | None = None,
        importance: int | None = None,
        orientations: int | None = None,
        beam: int | None = None,
        meteor: bool = False,
        floors: bool = True,
        confusion: Path | None = None,
        heat: Path | None = None,
        force: bool = False,
        device: str = "cpu",
        json_: Annotated[bool, arg(name="json")] = False,
    ) -> None:
        """Evaluates a trained model on its validation split, on another split, or on other data.

        The first line of the output is the number of examples.

        Args:
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default.
            data: Evaluate on this data instead of the run's own: on a whole text, or on the held-out part of other data.
            split: The split: valid; test, if the data has one; seen, the training part of pictures; or all, for a text. The default
                is valid, or all for a text given with --data.
            importance: Add the importance-weighted bound with this many samples per picture (`draw`).
            orientations: Add the mixture over this many orientations of each picture: 1, 2 (mirrored), 4 (upside down) or 8
                (transposed) (`ride`).
            beam: Beam width: hypotheses kept while a caption or a translation is generated (`captioner`, `seq2seq`); 5 by default.
            meteor: Add METEOR, which needs Java and about ten seconds (`captioner`).
            floors: Add the scores of a fixed sentence, of the nearest training picture's caption and of a person, and the share of
                captions that are copies of training captions (`captioner`). Up to 2,000 training pictures are read for them.
            confusion: Also write how often each class was given each label to this file: a picture, SVG, CSV or JSON
                (`text_classifier`).
            heat: Instead, write the bits of each pixel of the picture of --data, or of the run's own, to this file, as a heat map
                (`ride`). What is unlike the texture stands out.
            force: Replace an existing picture.
            device: auto, cpu, cuda, cuda:N or mps.
            json_: Print one JSON object.
        """
        from drawgen import jobs

        if heat is not None:
            others = {"split": split, "importance": importance, "orientations": orientations, "beam": beam,
                      "meteor": meteor or None, "floors": None if floors else False, "confusion": confusion}  # fmt: skip
            if given := next((name for name, value in others.items() if value is not None), None):
                raise ValueError(f"`heat` shows every pixel of a picture, and has no `{given}`; leave one of the two out")
        elif force and confusion is None:
            raise ValueError("`force` replaces a picture, and none is asked for; leave it out")
        with bars() as reports:
            if heat is not None:
                scores = jobs.heat(model, heat, data=data, device=device, force=force, reports=reports)
            else:
                scores = jobs.measure(
                    model, data=data, split=split, importance=importance, orientations=orientations, beams=beam, meteor=meteor,
                    floors=floors, confusion=confusion, force=force, device=device, reports=reports,
                )  # fmt: skip
        say(json.dumps(scores) if json_ else "\n".join(score_lines(scores)), keep="\n")

    parse(command, words, "eval")


def score_lines(scores: dict[str, float]) -> list[str]:
    """One score per line; a series (NAME_01, NAME_02 ... or NAME_1-5, NAME_6-10 ...) as a bar chart."""
    series = {name: value for name, value in scores.items() if isinstance(value, float) and name.rsplit("_", 1)[-1][0].isdigit()}
    longest = max([abs(value) for value in series.values()], default=0.0) or 1.0
    bars = {name: " " + "#" * round(40 * max(0.0, value) / longest) for name, value in series.items()}
    shown = {name: str(value) if isinstance(value, int) else f"{value:.4f}" for name, value in scores.items()}
    return [f"{name} {value}{bars.get(name, '')}" for name, value in shown.items()]

"""drawgen eval."""

import json
from typing import Annotated

from tyro.conf import Positional, arg

from drawgen.cli.parsing import parse
from drawgen.cli.progress import Bars


def evaluate(words: list[str]) -> None:
    """A trained model's scores."""

    def command(
        model: Positional[str],
        data: str | None = None,
        importance: int = 0,
        beam: int = 5,
        split: str = "valid",
        meteor: bool = False,
        device: str = "cpu",
        json_: Annotated[bool, arg(name="json")] = False,
    ) -> None:
        """Measures a trained model on its validation data.

        Args:
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default.
            data: Measure on this instead of the run's own data.
            importance: Add the importance-weighted estimate with so many samples a picture (`draw`).
            beam: Hypotheses kept while a caption is written (`captioner`).
            split: The part whose pictures are described: valid, or test (`captioner`).
            meteor: Add METEOR, which takes Java and some ten seconds (`captioner`).
            device: auto, cpu, cuda, cuda:N or mps.
            json_: Print one JSON object.
        """
        from drawgen import jobs

        if importance < 0:
            raise ValueError(f"--importance is {importance}; it has to be at least 0")
        with Bars() as reports:
            scores = jobs.measure(
                model, data=data, importance=importance, beams=beam, split=split, meteor=meteor, device=device, reports=reports
            )
        print(json.dumps(scores) if json_ else "\n".join(score_lines(scores)))

    parse(command, words, "eval")


def score_lines(scores: dict[str, float]) -> list[str]:
    """One score a line; a series (NAME_01, NAME_02 ...) as a bar chart."""
    series = {name: value for name, value in scores.items() if name.rsplit("_", 1)[-1].isdigit()}
    longest = max([abs(value) for value in series.values()], default=0.0) or 1.0
    bars = {name: " " + "#" * round(40 * max(0.0, value) / longest) for name, value in series.items()}
    return [f"{name} {value:.4f}{bars.get(name, '')}" for name, value in scores.items()]

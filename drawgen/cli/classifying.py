"""drawgen classify."""

import json
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from drawgen.cli.parsing import parse
from drawgen.cli.printing import say
from drawgen.cli.progress import bars
from drawgen.printable import printable


def classify(words: list[str]) -> None:
    """Say which kind texts or drawings are of."""

    def command(
        items: Annotated[Positional[tuple[str, ...]], arg(metavar="TEXT|FILE ...")],
        model: str = "text_classifier",
        n: Annotated[int, arg(aliases=["-n"])] = 1,
        device: str = "cpu",
        json_: Annotated[bool, arg(name="json")] = False,
    ) -> None:
        """Prints the most probable label of each text or drawing and its probability, separated by a tab, one line each.

        Args:
            items: Texts, each in quotation marks; a file with one text per line, or a table (.csv, .tsv) of texts and labels, whose
                labels are not looked at; - for standard input. Of a model of drawings: Quick, Draw! (.ndjson), stroke-3 (.npz),
                Omniglot's strokes (.zip, .txt), or an SVG of strokes.
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default.
            n: Labels per text, the most probable first, all on its line.
            device: auto, cpu, cuda, cuda:N or mps.
            json_: Print one JSON object per text.
        """
        from drawgen import jobs

        with bars() as reports:
            found = jobs.classify(model, [path_or_text(item) for item in items], n=n, device=device, progress=reports)
        for one in found:
            cells = [f"{printable(label)}\t{p:.4f}" for label, p in one.labels]
            say(json.dumps(one.as_json()) if json_ else "\t".join(cells), keep="\t\n")

    parse(command, words, "classify")


def path_or_text(item: str) -> str | Path:
    """A file that exists, or one that the name of a file seems to be meant for, as a path; anything else is a text."""
    from drawgen import files

    meant = item.lower().endswith((".txt", ".csv", ".tsv", ".gz")) and not set(item) & set(" \t\n")
    return Path(item) if item == "-" or meant or files.is_file(item) or files.is_folder(item) else item

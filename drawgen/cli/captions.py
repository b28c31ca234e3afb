"""drawgen caption."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from drawgen.cli.parsing import parse
from drawgen.cli.printing import say, warn
from drawgen.cli.progress import Bars
from drawgen.printable import printable


def caption(words: list[str]) -> None:
    """Captions for your pictures."""

    def command(
        paths: Positional[tuple[str, ...]],
        model: str = "captioner",
        beam: int = 5,
        n: Annotated[int, arg(aliases=["-n"])] = 1,
        attention: Path | None = None,
        strict: bool = False,
        device: str = "cpu",
        json_: Annotated[bool, arg(name="json")] = False,
        force: bool = False,
    ) -> None:
        """Writes a caption for each picture, one a line, as they come.

        Args:
            paths: Pictures, folders of pictures, or patterns such as 'holiday/*.jpg'.
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default.
            beam: Hypotheses kept while a caption is written; 1 is greedy.
            n: How many captions for each picture, the best first, with their scores (mean log-probability of a word, in nats).
            attention: A file that shows where the model looked for each word; a GIF or APNG shows it word by word.
            strict: Stop at the first picture that cannot be read, instead of leaving it out.
            device: auto, cpu, cuda, cuda:N or mps.
            json_: Print one JSON object for each picture.
            force: Replace what exists.
        """
        from drawgen import captioning

        pictures = captioning.pictures_in(paths)
        skipped: dict[str, str] = {}
        found = captioning.caption(
            model, pictures, beams=beam, n=n, attention=attention, strict=strict, device=device, force=force, skipped=skipped
        )
        with Bars() as reports:
            for number, described in enumerate(found, 1):
                say(caption_line(described, n, json_), keep="\t\n")
                if not sys.stdout.isatty():
                    reports.drawing((number + len(skipped)) / len(pictures))
        if skipped:
            lines = [f"  {printable(name)}: {printable(why)}" for name, why in skipped.items()]
            warn("\n".join([f"drawgen: {len(skipped)} of {len(pictures)} pictures were left out:", *lines]), keep="\n")
        if attention is not None:
            warn(f"attention: {attention}")

    parse(command, words, "caption")


def caption_line(described: Any, n: int, as_json: bool) -> str:
    if as_json:
        captions = [
            {"caption": c.text, "score": c.score, "finished": c.finished, "words": list(zip(c.words, c.log_probs, strict=True))}
            for c in described.captions
        ]
        return json.dumps({"picture": described.picture, "captions": captions})
    picture, texts = printable(described.picture), [printable(c.text) for c in described.captions]
    if n == 1:
        return f"{picture}\t{texts[0]}"
    return "\n".join(f"{picture}\t{c.score:.3f}\t{text}" for c, text in zip(described.captions, texts, strict=True))

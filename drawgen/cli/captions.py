"""drawgen caption."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from drawgen.cli.parsing import parse
from drawgen.cli.printing import say, warn
from drawgen.cli.progress import bars
from drawgen.printable import printable


def caption(words: list[str]) -> None:
    """Describe pictures in words."""

    def command(
        paths: Positional[tuple[str, ...]] = (),
        model: str = "",
        beam: int = 5,
        n: Annotated[int, arg(aliases=["-n"])] = 1,
        attention: Path | None = None,
        coco: Path | None = None,
        pictures: str = "",
        output: Annotated[Path | None, arg(aliases=["-o"])] = None,
        strict: bool = False,
        device: str = "cpu",
        json_: Annotated[bool, arg(name="json")] = False,
        force: bool = False,
    ) -> None:
        """Prints one caption per picture, one per line, as soon as each is found.

        Args:
            paths: Pictures, folders of pictures, or patterns such as 'holiday/*.jpg'.
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default. When left out, each picture has the
                shipped captioner whose training pictures it is most like.
            beam: Beam width: hypotheses kept while a caption is generated; 1 is greedy.
            n: Captions per picture, the best first, each with its score (mean log-probability per word, in nats).
            attention: A file for the attention maps of each word; a GIF or APNG shows them word by word.
            coco: A COCO captions file; all its images are captioned into the results file -o, in the format of COCO's scorers.
            pictures: With --coco, the folder of its images or that folder's parent, if they are not beside the file.
            output: With --coco, the results file: a JSON list of objects with image_id and caption.
            strict: Stop at the first picture that cannot be read, instead of leaving it out.
            device: auto, cpu, cuda, cuda:N or mps.
            json_: Print one JSON object per picture.
            force: Replace existing files.
        """
        from drawgen.data.caption_files import Report, coco_pictures
        from drawgen.jobs import captions
        from drawgen.jobs.reports import problem_lines

        check_words(paths, coco, pictures, output, n, json_)
        report = Report(strict=strict)
        ids: list[tuple[int, str]] = []
        if coco is not None and output is not None:
            captions.check_results(output, force=force)
            ids = coco_pictures(coco, pictures, report)
        names = list(dict.fromkeys(path for _, path in ids)) if ids else captions.pictures_in(paths)
        skipped = report.left_out
        wanted = len(names) + len(skipped)
        with bars() as reports:
            found = captions.caption(
                model or None,
                names,
                beams=beam,
                n=n,
                attention=attention,
                strict=strict,
                device=device,
                force=force,
                skipped=skipped,
                say=reports.message,
            )
            told: dict[str, str] = {}
            doubts: dict[str, str] = {}
            for number, described in enumerate(found, 1):
                if output is None:
                    say(caption_line(described, n, json_), keep="\t\n")
                told[described.picture] = described.captions[0].text
                if described.doubt:
                    doubts[described.picture] = described.doubt
                if output is not None or not sys.stdout.isatty():
                    reports.drawing((number + len(skipped)) / wanted)
        if output is not None:
            captions.save_results(output, [(number, told[path]) for number, path in ids if path in told])
            warn(f"{output}: {len(told)} captions")
        if doubts:
            warn("drawgen: " + "\n".join(captions.doubt_lines(doubts, len(told))), keep="\n")
        if skipped:
            lines = [f"drawgen: {len(skipped)} of {wanted} pictures were left out:", *problem_lines(skipped)]
            warn("\n".join(lines), keep="\n")
        if attention is not None:
            warn(f"attention: {attention}")

    parse(command, words, "caption")


def check_words(paths: tuple[str, ...], coco: Path | None, pictures: str, output: Path | None, n: int, as_json: bool) -> None:
    """Raises ValueError for arguments that do not go together."""
    if coco is None:
        if output is not None:
            raise ValueError(
                "-o is the results file of --coco FILE; captions of other pictures are printed: leave it out, or use >"
            )
        if pictures:
            raise ValueError("--pictures is the folder of the images of --coco FILE; give other folders without it")
        return
    if output is None:
        raise ValueError("--coco needs -o RESULTS.json for the captions")
    if paths:
        raise ValueError(f"--coco describes the images of its file, and {paths[0]} is given too; leave one of the two out")
    if n != 1 or as_json:
        raise ValueError("--coco writes one caption per image, as its scorers need; leave -n and --json out")


def caption_line(described: Any, n: int, as_json: bool) -> str:
    if as_json:
        return json.dumps(described.as_json())
    picture, texts = printable(described.picture), [printable(c.text) for c in described.captions]
    if n == 1:
        return f"{picture}\t{texts[0]}"
    return "\n".join(f"{picture}\t{c.score:.3f}\t{text}" for c, text in zip(described.captions, texts, strict=True))

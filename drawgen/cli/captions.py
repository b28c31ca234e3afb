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
        sidecar: bool = False,
        strict: bool = False,
        device: str = "cpu",
        json_: Annotated[bool, arg(name="json")] = False,
        resume: bool = False,
        force: bool = False,
    ) -> None:
        """Prints one caption per picture, one per line, as soon as each is found; or writes them to files, with -o or --sidecar.

        Args:
            paths: Pictures, folders of pictures, or patterns such as 'holiday/*.jpg'.
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default. When left out, each picture has the
                shipped captioner whose training pictures it is most like.
            beam: Beam width: hypotheses kept while a caption is generated; 1 is greedy.
            n: Captions per picture, the best first, each with its score (mean log-probability per word, in nats).
            attention: A file for the attention maps of each word; a GIF or APNG shows them word by word.
            coco: A COCO captions file; all its images are captioned into the results file -o, in the format of COCO's scorers.
            pictures: With --coco, the folder of its images or that folder's parent, if they are not beside the file.
            output: A file for the captions: .csv with the columns picture, caption, score, model and doubt, or .jsonl with the
                objects of --json. With --coco, the results file: a JSON list of objects with image_id and caption.
            sidecar: Write the captions of each picture to a text file beside it: those of a.jpg to a.txt.
            strict: Stop at the first picture that cannot be read, instead of leaving it out.
            device: auto, cpu, cuda, cuda:N or mps.
            json_: Print one JSON object per picture.
            resume: With -o or --sidecar, continue an interrupted run: caption only pictures that have no captions there.
            force: Replace existing files.
        """
        from drawgen import jobs
        from drawgen.data.caption_files import Report, coco_pictures
        from drawgen.jobs import captions

        check_words(paths, coco, pictures, output, sidecar, resume, attention, n, json_)
        if coco is None and (output is not None or sidecar):
            with bars() as reports:
                done = jobs.caption_files(
                    paths, output, sidecar=sidecar, model=model, beams=beam, n=n, strict=strict, device=device, resume=resume,
                    force=force, progress=reports,
                )  # fmt: skip
            place = "text files beside them" if output is None else str(output)
            count = done.found + done.kept
            there = f" ({done.kept} of them were there)" if done.kept else ""
            warn(f"{place}: captions of {count} picture{'s' * (count != 1)}{there}")
            if done.doubted:
                why = "" if output is None else "; `doubt` in the file says why"
                warn(f"{done.doubted} of the new captions {'is' if done.doubted == 1 else 'are'} doubtful{why}")
            tell_left_out(done.left_out, count + len(done.left_out))
            return
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
        tell_left_out(skipped, wanted)
        if attention is not None:
            warn(f"attention: {attention}")

    parse(command, words, "caption")


def check_words(
    paths: tuple[str, ...],
    coco: Path | None,
    pictures: str,
    output: Path | None,
    sidecar: bool,
    resume: bool,
    attention: Path | None,
    n: int,
    as_json: bool,
) -> None:
    """Raises ValueError for arguments that do not go together."""
    written = sidecar or (output is not None and coco is None)
    if resume and not written:
        raise ValueError("--resume adds captions to files, and there are none; give -o FILE.csv or --sidecar")
    if written and attention is not None:
        raise ValueError("--attention draws captions that are printed; leave it out, or -o and --sidecar")
    if written and as_json:
        raise ValueError("--json is for captions that are printed; -o FILE.jsonl writes the same objects")
    if sidecar and coco is not None:
        raise ValueError("--coco writes one results file, and --sidecar a file per picture; leave one of the two out")
    if coco is None:
        if output is not None and output.suffix.lower() == ".json":
            raise ValueError(f"-o {output} is the results file of --coco FILE; captions of other pictures go to .csv or .jsonl")
        if pictures:
            raise ValueError("--pictures is the folder of the images of --coco FILE; give other folders without it")
        return
    if output is None:
        raise ValueError("--coco needs -o RESULTS.json for the captions")
    if paths:
        raise ValueError(f"--coco describes the images of its file, and {paths[0]} is given too; leave one of the two out")
    if n != 1 or as_json:
        raise ValueError("--coco writes one caption per image, as its scorers need; leave -n and --json out")


def tell_left_out(left_out: dict[str, str], count: int) -> None:
    from drawgen.jobs.reports import problem_lines

    if left_out:
        lines = [f"drawgen: {len(left_out)} of {count} pictures were left out:", *problem_lines(left_out)]
        warn("\n".join(lines), keep="\n")


def caption_line(described: Any, n: int, as_json: bool) -> str:
    if as_json:
        return json.dumps(described.as_json())
    picture, texts = printable(described.picture), [printable(c.text) for c in described.captions]
    if n == 1:
        return f"{picture}\t{texts[0]}"
    return "\n".join(f"{picture}\t{c.score:.3f}\t{text}" for c, text in zip(described.captions, texts, strict=True))

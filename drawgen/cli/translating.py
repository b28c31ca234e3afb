"""drawgen translate."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from drawgen.cli.parsing import parse
from drawgen.cli.printing import say, warn
from drawgen.cli.progress import bars
from drawgen.printable import printable


def translate(words: list[str]) -> None:
    """Translate sentences, files or standard input."""

    def command(
        sentences: Annotated[Positional[tuple[str, ...]], arg(metavar="SENTENCE|-")] = (),
        file: Path | None = None,
        model: str = "",
        beam: int = 5,
        n: Annotated[int, arg(aliases=["-n"])] = 1,
        attention: Path | None = None,
        out: Annotated[Path | None, arg(aliases=["-o"])] = None,
        device: str = "cpu",
        json_: Annotated[bool, arg(name="json")] = False,
        resume: bool = False,
        force: bool = False,
    ) -> None:
        """Prints one line for each sentence, or for each line of a file or of standard input: its best translation. An empty line
        stays empty.

        Args:
            sentences: Sentences, each in quotes; or - for the lines of standard input, each translated at once.
            file: A text file (UTF-8) with a sentence per line, instead of sentences.
            model: A model folder, MODEL:NAME of a shipped one, or MODEL for its default. When left out, the shipped one, from
                English to French.
            beam: Beam width: hypotheses kept while a translation is generated; 1 is greedy.
            n: Translations per sentence, the best first, each on a line of its own, after the number of its sentence and its score
                (mean log-probability per symbol, in nats).
            attention: A file for a picture of the attention, PNG or SVG: the words that were read by those that were written. {i}
                in the name gives a picture per sentence.
            out: A file for the translations: .txt, one per line; .tsv with sentence, translation and score; or .jsonl with the
                objects of --json.
            device: auto, cpu, cuda, cuda:N or mps.
            json_: Print one JSON object per sentence.
            resume: With -o, continue an interrupted run: translate only the lines that have no translations there.
            force: Replace existing files.
        """
        from drawgen import jobs
        from drawgen.jobs import translating

        if resume and out is None:
            raise ValueError("`resume` adds translations to a file, and there is none; give -o FILE")
        if out is not None and (json_ or attention is not None):
            other = "`attention` draws" if attention is not None else "--json is for"
            raise ValueError(f"{other} translations that are printed, and -o writes {out}; leave one of the two out")
        with bars() as reports:
            if out is not None:
                done = jobs.translate_file(
                    sentences, out, file=file, model=model or None, beams=beam, n=n, device=device, resume=resume, force=force,
                    progress=reports,
                )  # fmt: skip
                count = done.found + done.kept
                there = f" ({done.kept} of them were there)" if done.kept else ""
                reports.message(f"{out}: translations of {count} line{'s' * (count != 1)}{there}")
                doubts = done.doubts
            else:
                found = translating.translations(
                    sentences, file, model=model or None, beams=beam, n=n, attention=attention, device=device, force=force,
                    say=reports.message,
                )  # fmt: skip
                doubts, count = {}, 0
                for count, (one, share) in enumerate(found, 1):
                    say(translation_line(one, count, n, json_), keep="\t\n")
                    doubts |= translating.doubts_of([one], count)
                    if share and not sys.stdout.isatty():
                        reports.drawing(share)
        if doubts:
            warn("drawgen: " + "\n".join(translating.doubt_lines(doubts, count)), keep="\n")
        if attention is not None:
            warn(f"attention: {attention}")

    parse(command, words, "translate")


def translation_line(one: Any, number: int, n: int, as_json: bool) -> str:
    from drawgen.jobs.translation_answers import one_line

    if as_json:
        return json.dumps(one.as_json())
    if n == 1:
        return printable(one.text)
    lines = [f"{number}\t{t.score:.3f}\t{printable(one_line(t.text))}" for t in one.translations]
    return "\n".join(lines or [f"{number}\t\t"])

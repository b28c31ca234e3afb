"""Reports how truly sentences are drawn: those of the test split, which name pairs of colour and shape that training never showed,
and a hundred paraphrases written by hand (`scene_paraphrases.tsv`).

    uv run python scripts/illustrate_report.py [MODEL] --out scripts/results/illustrate

A drawing is true if what its strokes show (`drawgen/data/scene_reading.py`) is as the sentence means it. Writes OUT.md, and OUT.jpg
with drawings of the first test sentences. Of an OUT.md that is there, the part from the line "## What was tried" on stays.
"""

import argparse
import textwrap
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image, ImageDraw, ImageFont

import drawgen
from drawgen import images, jobs
from drawgen.data.scene_language import judge, parse
from drawgen.data.scene_sentences import WAYS, SceneSentence, sentence, words_of_sentence
from drawgen.data.scene_trees import Asked, SceneError
from drawgen.data.scenes import MOST_OBJECTS
from drawgen.jobs import captions
from drawgen.jobs.asking import Trained
from drawgen.jobs.illustrating import CAPTIONER, MODEL, drawn
from drawgen.jobs.illustrations import Illustration

PARAPHRASES = Path(__file__).parent / "scene_paraphrases.tsv"
UNSAYABLE = "-"
"""In the file: what no tree can say, and is rightly refused."""
TOLD = ("true", "tree", "refused")
SHOWN, COLUMNS, SIDE_PX, TEXT_PX, LETTERS = 15, 5, 300, 18, 34
TRIED = "## What was tried"


class Paraphrase(NamedTuple):
    text: str
    meant: Asked | None
    """None if the sentences of scenes cannot say it."""


def paraphrases() -> list[Paraphrase]:
    rows = [line.split("\t") for line in PARAPHRASES.read_text(encoding="utf-8").splitlines()]
    return [Paraphrase(text, meaning(told)) for text, told in rows]


def meaning(told: str) -> Asked | None:
    """What is meant: a caption of `scene_language`, a tree, or `UNSAYABLE`."""
    if told == UNSAYABLE:
        return None
    if told.startswith("("):
        return Asked.of_tree(told)
    caption = parse(told)
    assert caption is not None, told
    return Asked.of_caption(caption)


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else ""


def test_rows(sentences: list[SceneSentence], trained: Trained, beams: int) -> tuple[list[str], list[Illustration]]:
    """The table of test sentences by the way they are said, and their drawings."""
    started = time.process_time()
    parses = trained.model.parse([one.text for one in sentences], beams=beams)
    seconds = time.process_time() - started
    counts: Counter[tuple[str, str]] = Counter()
    drawings = []
    for one, found in zip(sentences, parses, strict=True):
        counts[one.way, "all"] += 1
        counts[one.way, "tree"] += str(one.tree) == found.tree
        try:
            (drawing,) = drawn(one.text, found, 1, len(drawings))
        except SceneError:
            counts[one.way, "refused"] += 1
            continue
        counts[one.way, "true"] += Asked.of_tree(one.tree).true_of(drawing.seen)
        drawings.append(drawing)
    for what in ("all", *TOLD):
        counts["all", what] = sum(counts[way, what] for way in WAYS)
    rows = [
        f"| {way} | {counts[way, 'all']} | {' | '.join(percent(counts[way, what], counts[way, 'all']) for what in TOLD)} |"
        for way in ("all", *WAYS)
    ]
    rows.append("")
    rows.append(f"Parsing takes {1000 * seconds / len(sentences):.2f} ms per sentence, batched, on one thread.")
    return rows, drawings


def caption_row(drawings: list[Illustration]) -> str:
    """How many captions of the shipped captioner are true, of drawings with as many objects as it was trained on, at most."""
    few = [one for one in drawings if len(one.things) <= MOST_OBJECTS][:300]
    choices = captions.captioners(CAPTIONER)
    told = captions.described(choices, [one.painting.draw(128, 128) for one in few], skipped={})
    true = sum(judge(said.text, one.seen).true for said, one in zip(told, few, strict=True))
    share = percent(true, len(few))
    return f"Of {len(few)} of these drawings with at most {MOST_OBJECTS} objects, {CAPTIONER} describes {share} % truly."


def paraphrase_rows(trained: Trained, beams: int) -> list[str]:
    known = set(trained.spec.source_vocabulary or ())
    counts: Counter[str] = Counter()
    rows = []
    for one in paraphrases():
        unknown = [word for word in words_of_sentence(one.text) if word not in known]
        told = ", ".join(dict.fromkeys(unknown))
        if unknown:
            outcome = "refused: words"
        else:
            found = trained.model.parse([one.text], beams=beams)[0]
            told = found.tree
            try:
                (drawing,) = drawn(one.text, found, 1, 0)
            except SceneError:
                outcome = "refused: scene"
            else:
                outcome = "true" if one.meant is not None and one.meant.true_of(drawing.seen) else "wrong"
        counts[outcome] += 1
        counts["unsayable"] += one.meant is None
        counts["rightly"] += one.meant is None and outcome != "wrong"
        if outcome != "true":
            rows.append(f"| {one.text} | {outcome} | {told} |")
    head = [
        f"{counts['true']} are drawn truly, {counts['refused: words']} are refused for words that the model does not know and "
        f"{counts['refused: scene']} since they are no scene; {counts['wrong']} are drawn wrongly. "
        f"{counts['unsayable']} of them ask for what the trees cannot say; of these {counts['rightly']} are refused.",
        "",
        "| not drawn truly | | unknown words, or the tree |",
        "| --- | --- | --- |",
    ]
    return head + rows


def sheet(drawings: list[Illustration]) -> Image.Image:
    """Drawings with their sentences below."""
    font = ImageFont.load_default(TEXT_PX)
    lines = [textwrap.wrap(one.sentence, LETTERS) for one in drawings]
    height = SIDE_PX + (max(map(len, lines)) + 1) * (TEXT_PX + 4)
    rows = -(-len(drawings) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * (SIDE_PX + 12), rows * height), "white")
    pen = ImageDraw.Draw(page)
    for number, (one, told) in enumerate(zip(drawings, lines, strict=True)):
        left, top = number % COLUMNS * (SIDE_PX + 12) + 6, number // COLUMNS * height + 6
        page.paste(Image.fromarray(images.to_bytes(one.painting.draw(SIDE_PX, SIDE_PX))), (left, top))
        pen.multiline_text((left, top + SIDE_PX + 4), "\n".join(told), fill="black", font=font)
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default=MODEL)
    parser.add_argument("--sentences", type=int, default=2000)
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    trained = drawgen.load(arguments.model)
    sentences = [sentence(0, "test", number) for number in range(arguments.sentences)]
    rows, drawings = test_rows(sentences, trained, arguments.beam)
    text = [
        "# Sentences drawn",
        "",
        f"{arguments.model}, beam {arguments.beam}, on {jobs.machine()}.",
        "",
        f"{arguments.sentences} sentences of the test split, each of which names a pair of colour and shape that no training",
        "sentence has. *Drawn truly*: what the strokes show, read back from them alone, is as the sentence means it. *Tree*: the",
        "tree is the sentence's own. In percent, by the way it is said (`drawgen/data/scene_sentences.py`).",
        "",
        "| | sentences | drawn truly | tree | refused |",
        "| --- | --- | --- | --- | --- |",
        *rows,
        caption_row(drawings),
        "",
        "## Paraphrases",
        "",
        "A hundred sentences written by hand, in `scripts/scene_paraphrases.tsv`, that the training sentences do not have:",
        *paraphrase_rows(trained, arguments.beam),
        "",
        "Made by `scripts/illustrate_report.py`.",
    ]
    report = arguments.out.with_suffix(".md")
    before = report.read_text(encoding="utf-8") if report.exists() else ""
    if TRIED in before:
        text += ["", before[before.index(TRIED) :].rstrip()]
    report.write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))
    sheet(drawings[:SHOWN]).save(arguments.out.with_suffix(".jpg"), quality=88)


if __name__ == "__main__":
    main()

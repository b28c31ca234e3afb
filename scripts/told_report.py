"""Measures the captioner of photographs that learned from captions alone, on captioned photographs that it never saw: its scores
beside those of one fixed sentence, whether the first thing that a caption names is right, and what its doubt is worth. And a sheet
of scikit-image's photographs with their captions.

    uv run python scripts/told_report.py COCO=PATH FLICKR8K=PATH --texts captions_val2017.json --out scripts/results/captioner_told

Writes OUT.md and OUT.png. A thing is right if the references mention it; people count as people, whatever they are called.
"""

import argparse
import textwrap
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from drawgen import images, models
from drawgen.contract import Hypothesis
from drawgen.data import caption_scores
from drawgen.data.captions import Captioned
from drawgen.data.told import Told, plain
from drawgen.data.words import words_of
from drawgen.jobs import captions
from drawgen.nn.label_evidence import PEOPLE
from drawgen.nn.label_words import label_words
from drawgen.threads import threads

AT_ONCE = 16
SHOWN = ("chelsea", "coffee", "astronaut", "rocket", "camera", "motorcycle_left", "clock_motion", "gravel")
SIDE_PX, TEXT_PX = 224, 84


class Result(NamedTuple):
    text: str
    doubt: str
    first: bool
    """Whether the first thing is right; a caption without one is not."""
    things: list[bool]


def told_by(references: list[str]) -> set[str]:
    """The words of the references, in the singular and plural."""
    words = {word for reference in references for word in plain(words_of(reference))}
    words |= {"person", "people"} if words & PEOPLE else set()
    return words | {word.rstrip("s") for word in words} | {f"{word}s" for word in words}


def results(model: object, pictures: list[Tensor], references: list[list[str]]) -> list[Result]:
    found: list[Result] = []
    for first in range(0, len(pictures), AT_ONCE):
        batch = torch.stack(pictures[first : first + AT_ONCE])
        best: list[Hypothesis] = [captions[0] for captions in model.caption(batch)]  # type: ignore[attr-defined]
        strange = captions.strangeness(model, batch)  # type: ignore[arg-type]
        reasons = captions.unsure(model, batch, best)  # type: ignore[arg-type]
        for caption, far, reason, told in zip(best, strange, reasons, references[first : first + AT_ONCE], strict=True):
            known = told_by(told)
            things = [word in known for word in dict.fromkeys(caption.words) if word in label_words() or word in PEOPLE]
            found.append(Result(caption.text, "unlike" if far > 1 else reason, bool(things) and things[0], things))
    return found


def scored(written: list[str], references: list[list[str]]) -> tuple[float, float, str]:
    """BLEU-4, CIDEr and the tokeniser."""
    scores = caption_scores.score(written, references)
    bleu, cider = (next((name, value) for name, value in scores.items() if name.startswith(kind)) for kind in ("BLEU-4", "CIDEr"))
    return bleu[1], cider[1], bleu[0].split()[-1]


def fixed(texts: str, references: list[list[str]]) -> str:
    """Of a hundred captions of the texts, the one that scores best in CIDEr on these very pictures."""
    told = Told(path=texts)
    some = [" ".join(group[0]) for group in told.groups[:: max(1, len(told.groups) // 100)]]
    return max(some, key=lambda text: scored([text] * len(references), references)[1])


def table(model: object, sets: dict[str, str], texts: str) -> list[str]:
    columns = ["", "pictures", "BLEU-4", "CIDEr", "one sentence: BLEU-4", "CIDEr", "first thing right", "things right",
               "things per caption", "not doubted", "first thing of these right"]  # fmt: skip
    lines, sentences, tokeniser = [row(columns), row(["---"] * len(columns))], [], ""
    for name, path in sets.items():
        examples = list(Captioned(path=path, min_count=1).examples("valid"))
        references = [list(example.captions) for example in examples]
        found = results(model, [example.picture for example in examples], references)
        bleu, cider, tokeniser = scored([one.text for one in found], references)
        sentences.append(fixed(texts, references))
        both = scored([sentences[-1]] * len(references), references)[:2]
        things = [right for one in found for right in one.things]
        sure = [one.first for one in found if not one.doubt]
        count = len(found)
        shares = [sum(one.first for one in found) / count, sum(things) / len(things)]
        cells = [name, str(count), *(f"{score:.3f}" for score in (bleu, cider, *both)), *(f"{share:.1%}" for share in shares)]
        lines.append(
            row([*cells, f"{len(things) / count:.1f}", f"{len(sure) / count:.1%}", f"{sum(sure) / max(1, len(sure)):.1%}"])
        )
    told = "; ".join(f'"{sentence}" ({name})' for sentence, name in zip(sentences, sets, strict=True))
    return [
        f"Beam 5, tokeniser `{tokeniser}`; the model's card has its seed, time and machine.",
        "",
        *lines,
        "",
        f"The one sentence: {told}.",
    ]


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def sheet(model: object, out: Path) -> None:
    """The photographs with their captions; what is doubted in grey, with the reason."""
    font = ImageFont.load_default(13)
    columns = 4
    canvas = Image.new("RGB", (columns * SIDE_PX, -(-len(SHOWN) // columns) * (SIDE_PX + TEXT_PX)), "white")
    pen = ImageDraw.Draw(canvas)
    for n, name in enumerate(SHOWN):
        picture = images.fit_to(images.load_image(f"photo:{name}"), (3, SIDE_PX, SIDE_PX))
        (one,) = results(model, [picture], [[]])
        left, top = n % columns * SIDE_PX, n // columns * (SIDE_PX + TEXT_PX)
        canvas.paste(Image.fromarray((picture.permute(1, 2, 0) * 255).round().byte().numpy()), (left, top))
        doubt = "(no such photograph is known)" if one.doubt == "unlike" else f"({one.doubt})" if one.doubt else ""
        said = textwrap.wrap(one.text, 32)
        told = textwrap.wrap(doubt, 34)[: 5 - len(said)]
        for row, text in enumerate([*said, *told]):
            pen.text(
                (left + 4, top + SIDE_PX + 2 + 16 * row), text, fill="black" if row < len(said) and not doubt else "#777", font=font
            )
    canvas.save(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", help="NAME=PATH of captioned photographs, marked for validation")
    parser.add_argument("--texts", required=True, help="the captions that it learned from")
    parser.add_argument("--model", default="captioner:photos")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    with threads(1):
        model = models.load(arguments.model)
        lines = table(model, dict(each.split("=", 1) for each in arguments.sets), arguments.texts)
        sheet(model, arguments.out.with_suffix(".png"))
    told = [f"# {arguments.model}", "", *lines, "", "Made by `scripts/told_report.py`, whose docstring explains the columns."]
    arguments.out.with_suffix(".md").write_text("\n".join(told) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

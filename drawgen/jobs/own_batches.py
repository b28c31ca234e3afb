"""Batches that a trained model makes itself, where there is none of its data: what it writes, draws, describes or translates."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from drawgen.contract import (
    Batch,
    Completes,
    Describes,
    Draws,
    DrawsTextures,
    Handwrites,
    Parses,
    Redraws,
    Request,
    TakesInk,
    Translates,
    Writes,
    generator,
)
from drawgen.data import captions
from drawgen.data.captions import CaptionBatch
from drawgen.data.clutter import segments
from drawgen.data.hand_letters import WORDS
from drawgen.data.handwriting import batch_of as batch_of_lines
from drawgen.data.handwriting import line_of
from drawgen.data.pairs import batched
from drawgen.data.penn_text import known
from drawgen.data.pictures import Pictures
from drawgen.data.sentences import symbols_of
from drawgen.data.sketches import batch_of, from_start
from drawgen.data.text import Characters, encode
from drawgen.data.treebanks import Numbers, padded, sentences_of
from drawgen.devices import device_of
from drawgen.images import fit_to
from drawgen.jobs.loading import pictures_for
from drawgen.strokes.pen_lines import side_of
from drawgen.textures.maps import joined

ROWS = 16
LENGTH = 100
"""Symbols of a text."""
TEXTURES, SIDE_PX = 4, 32
"""Of textures fewer are drawn, and small ones: they take longer."""
PHOTOS = ("photo:chelsea", "photo:coffee", "photo:rocket", "photo:astronaut")
SENTENCES = (
    "Where is the dog?",
    "I am very happy to see you.",
    "The children are playing in the garden.",
    "Can you help me with my homework?",
    "She lost her keys on the way home.",
    "It was raining all day yesterday.",
    "We have known each other for ten years.",
    "I don't want to go to school today.",
)


def written(model: Any, seed: int) -> Batch:
    request = Request(n=ROWS, seed=seed, length=LENGTH)
    texts = ["".join(piece.text for piece in model.write(request, row)) for row in range(ROWS)]
    rows = [encode(text, model.spec.symbols) for text in texts]
    shortest = min(map(len, rows))  # bytes of a text that is not UTF-8 are written as other bytes
    return Characters(torch.tensor([row[:shortest] for row in rows]), torch.ones(ROWS, dtype=torch.bool))


def drawn(model: Any, seed: int) -> Batch:
    textures = isinstance(model, DrawsTextures)
    sides = model.spec.picture[1:]
    size = (min(sides[0], SIDE_PX), min(sides[1], SIDE_PX)) if textures else None
    sample = model.sample(Request(n=TEXTURES if textures else ROWS, seed=seed, size=size)).cpu()
    pictures = joined(sample) if textures else sample.images
    return Pictures((pictures > 0.5).float() if isinstance(model, TakesInk) and model.binary else pictures)


def sketched(model: Any, seed: int) -> Batch:
    drawings = [drawing.lines for drawing in model.sample(Request(n=ROWS, seed=seed)).lines]
    steps = [(side_of(lines) or 1.0) * model.spec.step for lines in drawings]
    return batch_of([from_start([line / step for line in lines]) for lines, step in zip(drawings, steps, strict=True)])


def handwritten(model: Any, seed: int) -> Batch:
    spec = model.spec
    known = set(spec.symbols)
    words = [word for word in WORDS if set(word) <= known] or sorted(known - {" "})
    between = " " if " " in known else ""
    texts = [between.join(words[row % len(words) :: ROWS])[: spec.counts[1]].strip() for row in range(ROWS)]
    written = [model.handwrite(text, Request(seed=seed + row)).lines[0].lines for row, text in enumerate(texts)]
    return batch_of_lines([line_of(lines, text, spec.step) for lines, text in zip(written, texts, strict=True)], spec.symbols)


def redrawn(model: Any, seed: int) -> Batch:
    device = device_of(model)
    digits = torch.from_numpy(segments(2).pictures)[:ROWS, None].float() / 255
    pictures = torch.stack([fit_to(digit, model.spec.picture) for digit in digits]).to(device)
    return Pictures(model.reconstruct(pictures, rng=generator(seed, device=device)).images)


def described(model: Any, _seed: int) -> Batch:
    pictures = pictures_for(model, PHOTOS).to(device_of(model))
    words = [found[0].words for found in model.caption(pictures)]
    return CaptionBatch(pictures, *captions.encode(words, model.spec.symbols))


def translated(model: Any, _seed: int) -> Batch:
    unit = model.spec.unit
    pairs = [
        (symbols_of(text, unit), symbols_of(found[0].text, unit))
        for text, found in zip(SENTENCES, model.translate(SENTENCES), strict=True)
    ]
    return batched(pairs, model.spec)


def parsed(model: Any, _seed: int) -> Batch:
    spec = model.spec
    words, symbols, tags = ({name: n for n, name in enumerate(names or ())} for names in (
        spec.source_vocabulary, spec.vocabulary, spec.classes,
    ))  # fmt: skip
    items = []
    for parse in model.parse([text.rstrip("?.") for text in SENTENCES]):
        for one in sentences_of(parse.tree, Path("its tree"), {}):
            own = torch.tensor([known(word, place == 0, words) for place, word in enumerate(one.words)])
            tree = torch.tensor([*(symbols[symbol] for symbol in one.symbols), 0])
            items.append(Numbers(own, own, torch.zeros(len(own)), tree, torch.tensor([tags.get(tag, 0) for tag in one.tags])))
    return padded(items)


OWN: tuple[tuple[type, Callable[[Any, int], Batch], str], ...] = (
    (Writes, written, f"texts of {LENGTH} symbols that it wrote itself"),
    (Completes, sketched, "drawings that it drew itself"),
    (Handwrites, handwritten, "lines that it wrote itself"),
    (Draws, drawn, "pictures that it drew itself"),
    (Describes, described, "photographs of scikit-image with captions that it wrote itself"),
    (Redraws, redrawn, "pictures that it drew itself, after the digits of a pocket calculator"),
    (Translates, translated, "English sentences with its own translations"),
    (Parses, parsed, "English sentences with its own trees"),
)
"""(verb, its batch, what the rows are): the first that the model has."""


def own_batch(model: Any, source: str, seed: int) -> tuple[Batch, str]:
    """(a batch that the model made, what its rows are). Raises ValueError for a model that can make none."""
    for protocol, make, told in OWN:
        if isinstance(model, protocol):
            return make(model, seed), told
    raise ValueError(f"{source} does not say what it was trained on, and makes no data itself; give `data`, a file")

"""Draws what a sentence says: a model parses it into the tree of a scene, and the scene is laid out and drawn in strokes."""

import difflib
import os
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from drawgen import files, images
from drawgen.contract import Parse, Parses
from drawgen.data.pictures import DataError
from drawgen.data.scene_language import judge
from drawgen.data.scene_layouts import drawing
from drawgen.data.scene_sentences import words_of_sentence
from drawgen.data.scene_trees import SYMBOLS, Asked, SceneError
from drawgen.jobs import captions
from drawgen.jobs.answers import check_grid, numbered
from drawgen.jobs.asking import Trained, asked, load
from drawgen.jobs.illustrations import SIDE_PX, Illustrated, Illustration, painted
from drawgen.jobs.memory import refuse_more_than_there_is
from drawgen.jobs.progress import Listener, hearing
from drawgen.jobs.verbs import that_can
from drawgen.ranges import ArgumentError, check_range, check_whole

MODEL, CAPTIONER = "seq2tree:scenes", "captioner:scenes"
MOST, MOST_WORDS, MOST_UNKNOWN = 64, 60, 8
"""Drawings at once, words of a sentence, and words that a message names."""
LARGEST = 1 << 20
"""Bytes read from standard input, at most."""
LEAST_PX, MOST_PX = 16, 4096
DRAWING_BYTES = 120
"""Bytes of memory per pixel of a drawing, about."""
NEAR = {
    "rectangle": "square", "rect": "square", "oblong": "square", "quadrilateral": "square", "diamond": "square", "cube": "square",
    "oval": "circle", "ellipse": "circle", "round": "circle", "sun": "circle", "moon": "circle", "wheel": "ring", "hoops": "rings",
    "asterisk": "star", "x": "cross", "crucifix": "cross", "gold": "yellow", "golden": "yellow", "grey": "black", "gray": "black",
    "dark": "black", "brown": "orange", "turquoise": "blue", "cyan": "blue", "navy": "blue", "lilac": "purple", "magenta": "pink",
    "rose": "pink", "lime": "green", "medium": "large", "massive": "huge", "miniature": "tiny", "minuscule": "tiny", "five": "four",
    "six": "four", "5": "four", "6": "four", "some": "two", "few": "three", "several": "three", "many": "four", "between": "beside",
    "inside": "beside", "around": "beside", "behind": "above",
}  # fmt: skip
"""Words that people may use, and the nearest that the sentences of scenes have; for messages only."""


def illustrate(
    sentences: str | Sequence[str],
    out: str | os.PathLike[str] | None = None,
    *,
    model: str | os.PathLike[str] | Trained = MODEL,
    n: int = 1,
    seed: int = 0,
    size: int = SIDE_PX,
    check: bool = False,
    beams: int = 1,
    animate: bool = False,
    device: str = "cpu",
    force: bool = False,
    progress: Listener = None,
) -> Illustrated:
    """Draws what sentences say, each `n` times: a trained model parses them into trees of scenes, whose objects are laid out and
    drawn in strokes. See `Illustrated`.

    Sentences are English and about circles, rings, squares, triangles, crosses and stars: their number (one to four), size (small
    or large), colour, and at most one relation (left of, right of, above, below, beside). "-" stands for the lines of standard
    input. `model` is a model folder, MODEL:NAME of a shipped one, or one that is loaded. What is not said is drawn by chance:
    `seed` determines it, and the first drawings of many are the same as of few. `size` is the side of a drawing in pixels, `beams`
    the width of the beam search. With `check` the shipped captioner of scenes describes each drawing, and its caption is judged by
    what the strokes show.

    `out` is a picture of all drawings, one row per sentence, an animation (GIF, APNG, MP4; with `animate` PNG and WebP), SVG, or
    JSON of the strokes; `{i}` in its name gives a file per drawing. Raises ValueError for a sentence with words that the model does
    not know, which it names, or one that is no scene that can be drawn; and one that names an invalid argument.

    >>> import drawgen
    >>> drawn = drawgen.illustrate("a red ring above two stars", seed=3)
    >>> drawn[0].things[0].shape
    'ring'
    >>> drawn.save("ring.svg")
    """
    for name, number in (("n", n), ("seed", seed), ("size", size), ("beams", beams)):
        check_whole(name, number)
    check_range("n", n, at_least=1)
    check_range("seed", seed, at_least=0)
    check_range("size", size, at_least=LEAST_PX, at_most=MOST_PX)
    check_range("beams", beams, at_least=1, at_most=100)
    texts = given(sentences)
    if n * len(texts) > MOST:
        raise ArgumentError("n", f"is {n} for {len(texts)} sentence{'s' * (len(texts) > 1)}; at most {MOST} are drawn at once")
    columns = n if len(texts) > 1 else None
    file = None if out is None else Path(out)
    if file is not None:
        paths = numbered(file, n * len(texts))
        for path in paths:
            images.check_output(path, force=force, kinds=images.kinds_for(animate))
        check_grid(file, n * len(texts) // len(paths), (size, size), columns=columns)
    refuse_more_than_there_is(n * len(texts) * size * size * DRAWING_BYTES, f"{n * len(texts)} drawings of {size}x{size} pixels")
    trained = model if isinstance(model, Trained) else load(os.fspath(model), device=device)
    with hearing(progress) as reports:
        with asked():
            drawings: list[Illustration] = []
            for text, parse in zip(texts, parsed(trained, texts, beams), strict=True):
                drawings += drawn(text, parse, n, seed)
                if reports.drawing is not None:
                    reports.drawing(len(drawings) / (n * len(texts)))
            found = Illustrated.of_drawings(drawings, size, columns)
        if check:
            found = checked(found, device)
    if file is not None:
        found.write(file, animate=animate, replace=force)
    return found


def given(sentences: str | Sequence[str]) -> list[str]:
    """The sentences. Raises ValueError if there are none, or one has no words or too many."""
    if sentences == "-":
        texts = [line for line in standard_input().splitlines() if line.strip()]
        where = "standard input has no sentence"
    else:
        texts = [sentences] if isinstance(sentences, str) else list(sentences)
        where = "no sentence is given"
    if not texts:
        raise ValueError(f'{where}; say what to draw, as "a red circle left of two small stars"')
    for text in texts:
        words = words_of_sentence(text)
        if not words:
            raise ValueError(f'the sentence {text!r:.60} has no words; say what to draw, as "a red circle left of two small stars"')
        if len(words) > MOST_WORDS:
            raise ValueError(f"the sentence {text!r:.60} has {len(words)} words, and at most {MOST_WORDS} are read; say it shorter")
    return texts


def standard_input() -> str:
    try:
        return files.read_standard_input(LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"standard input is not UTF-8 ({error.reason} at byte {error.start}); give text in UTF-8") from error
    except OSError as error:
        raise DataError(f"standard input cannot be read ({files.reason(error)}); give one sentence per line") from error


# ---------------------------------------------------------------- from sentences to drawings


def parsed(trained: Trained, texts: Sequence[str], beams: int) -> list[Parse]:
    """The model's trees. Raises ValueError for a model of another kind, and for words that it does not know."""
    parser = that_can(trained.model, Parses, trained.source)
    known = trained.spec.source_vocabulary or ()
    if not set(SYMBOLS) <= set(trained.spec.vocabulary or ()):
        raise ValueError(f"{trained.source} parses sentences, but not into scenes; use {MODEL}, or a model trained by its preset")
    for text in texts:
        refuse_unknown(text, known, trained.source)
    return parser.parse(texts, beams=beams)


def refuse_unknown(text: str, known: Sequence[str], source: str) -> None:
    """Raises ValueError for words that the model does not know, with the nearest that it does."""
    words = words_of_sentence(text)
    unknown = list(dict.fromkeys(word for word in words if word not in known))
    if not unknown:
        return
    if len(unknown) == len(set(words)):
        raise ValueError(
            f'{source} knows no word of {text!r:.60}; it reads English sentences, as "a red circle left of two small stars"'
        )
    told = []
    for word in unknown[:MOST_UNKNOWN]:
        near = [NEAR[word]] if word in NEAR else difflib.get_close_matches(word, known, n=2, cutoff=0.7)
        told.append(f'"{word}"' + (f" (near: {', '.join(near)})" if near else ""))
    more = f" and {len(unknown) - MOST_UNKNOWN} more" if len(unknown) > MOST_UNKNOWN else ""
    raise ValueError(f"{source} does not know the word{'s' * (len(unknown) > 1)} {', '.join(told)}{more}; say it in other words")


def drawn(text: str, parse: Parse, n: int, seed: int) -> list[Illustration]:
    """`n` drawings of a tree. Raises SceneError."""
    try:
        if not parse.whole:
            raise SceneError("its brackets do not close")
        wanted = Asked.of_tree(parse.tree)
    except SceneError as error:
        raise SceneError(f"the model's tree of {text!r:.80} is not a scene ({error}); say it in other words") from error
    found = []
    for index in range(n):
        try:
            made = drawing(wanted, random.Random(index << 64 | seed))
        except SceneError as error:
            raise SceneError(f"{text!r:.80}: {error}") from error
        found.append(Illustration(text, parse.tree, parse.score, tuple(made.things), painted(made)))
    return found


def checked(found: Illustrated, device: str) -> Illustrated:
    """With a caption of each drawing, and whether it is true."""
    choices = captions.captioners(CAPTIONER, device=device)
    told = captions.described(choices, list(found.images), skipped={}, strict=True)
    drawings = [
        one._replace(caption=said.text, caption_true=judge(said.text, one.seen).true)
        for one, said in zip(found.drawings, told, strict=True)
    ]
    return replace(found, drawings=tuple(drawings))

"""Drawings of sentences: a value that a notebook displays and that can be saved.

Axes: B drawings, T strokes, P numbers of a stroke, H rows, W columns.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from drawgen import images
from drawgen.data.scene_language import Thing
from drawgen.data.scene_layouts import SceneDrawing
from drawgen.data.scene_reading import things_in
from drawgen.data.scene_trees import Asked
from drawgen.jobs.answers import Drawn
from drawgen.strokes.painting import Painting

SIDE_PX = 512
"""Default side of a drawing."""
PAPER = (0.975, 0.96, 0.925)
RULE, RULE_RADIUS = (0.8, 0.78, 0.74), 0.002
"""Colour and radius of the lines between the drawings of an SVG; the radius is a fraction of a drawing's side."""


class Illustration(NamedTuple):
    """A drawing of one sentence."""

    sentence: str
    tree: str
    """The model's tree, in brackets (`data/scene_trees.py`)."""
    score: float
    """Log-probability of the tree under the model, in nats."""
    things: tuple[Thing, ...]
    """What was drawn, in the order in which the tree has it."""
    painting: Painting
    caption: str | None = None
    """What a captioner says of the drawing; None if it was not asked."""
    caption_true: bool | None = None
    """Whether the caption is true, by the strokes."""

    @property
    def as_asked(self) -> bool:
        """Whether the strokes show what the tree asks for: it is read back from them alone (`data/scene_reading.py`)."""
        return Asked.of_tree(self.tree).true_of(self.seen)

    @property
    def seen(self) -> list[Thing]:
        """What the strokes show."""
        return things_in(self.painting.strokes.double().numpy())

    def as_json(self) -> dict[str, Any]:
        """Plain values; the strokes are in the JSON file of `Illustrated.save`."""
        told = {"sentence": self.sentence, "tree": self.tree, "score": self.score, "as_asked": self.as_asked}
        checked = {} if self.caption is None else {"caption": self.caption, "caption_true": self.caption_true}
        return {**told, **checked, "things": [asdict(thing) for thing in self.things]}


@dataclass(frozen=True, eq=False, repr=False)
class Illustrated(Drawn):
    """Drawings of sentences, from `drawgen.illustrate`: several of each sentence, one row per sentence. A notebook displays them,
    and `save` writes them as a picture, an animation stroke by stroke, SVG, or JSON of the strokes.

    >>> import drawgen
    >>> drawn = drawgen.illustrate("two small orange squares left of a large pink cross", n=2)
    >>> drawn[0].tree
    '(scene (left (things 2 small orange square) (things 1 large pink cross)))'
    >>> [one.as_asked for one in drawn]
    [True, True]
    """

    drawings: tuple[Illustration, ...] = ()

    @classmethod
    def of_drawings(cls, drawings: Sequence[Illustration], side_px: int = SIDE_PX, columns: int | None = None) -> "Illustrated":
        most = max(len(one.painting.strokes) for one in drawings)
        paintings = [padded(one.painting, most) for one in drawings]

        def frames(count: int) -> Iterator[Float[Tensor, "B C H W"]]:
            return map(torch.stack, zip(*(each.stages(count, side_px, side_px) for each in paintings), strict=True))

        return cls(
            images=torch.stack([one.painting.draw(side_px, side_px) for one in drawings]),
            frames=frames,
            strokes=torch.stack([painting.strokes for painting in paintings]),
            columns=columns,
            drawings=tuple(drawings),
        )

    def __iter__(self) -> Iterator[Illustration]:
        return iter(self.drawings)

    def __len__(self) -> int:
        return len(self.drawings)

    def __getitem__(self, index: int) -> Illustration:
        return self.drawings[index]

    def __repr__(self) -> str:
        sentences = dict.fromkeys(one.sentence for one in self.drawings)
        count = len(self.drawings)
        return f"{count} drawing{'s' * (count > 1)} of {'; '.join(map(repr, sentences))}"

    @property
    def side_px(self) -> int:
        return self.images.shape[2]

    def one(self, index: int) -> "Illustrated":
        """Drawing number `index` alone."""
        return self.of_drawings(self.drawings[index : index + 1], self.side_px)

    def painting(self) -> Painting:
        """The strokes of all drawings side by side on one paper, with a line between them."""
        side = self.side_px
        if len(self.drawings) == 1:
            return replace(self.drawings[0].painting, drawn_at=(side, side))
        columns = images.grid_columns(len(self.drawings), side, side, self.columns)
        rows = -(-len(self.drawings) // columns)
        most = max(len(one.painting.strokes) for one in self.drawings)
        strokes = torch.stack([padded(one.painting, most).strokes for one in self.drawings])
        sheet = Painting.sheet(strokes, (side, side), columns)
        drawn = sheet.strokes[(sheet.strokes[:, 6:8] > 0).any(1)]
        radius = RULE_RADIUS / min(rows, columns)
        lines = [[k / columns, 0.0, k / columns, 0.5, k / columns, 1.0] for k in range(1, columns)]
        lines += [[0.0, k / rows, 0.5, k / rows, 1.0, k / rows] for k in range(1, rows)]
        rules = torch.tensor([[*line, radius, radius, 1.0, 1.0, *RULE] for line in lines])
        return replace(sheet, strokes=torch.cat([rules, drawn]), background=torch.tensor(PAPER), drawn_at=sheet.size).rounded()

    def as_json(self) -> list[dict[str, Any]]:
        """Every drawing as plain values."""
        return [one.as_json() for one in self.drawings]


def painted(drawing: SceneDrawing) -> Painting:
    """The strokes on paper."""
    strokes = np.array(list(itertools.chain.from_iterable(drawing.strokes)), np.float32)
    return Painting(torch.from_numpy(strokes), torch.tensor(PAPER), (SIDE_PX, SIDE_PX)).rounded()


def padded(painting: Painting, count: int) -> Painting:
    """With strokes of no width at the end, which leave nothing."""
    rest = torch.zeros(count - len(painting.strokes), painting.strokes.shape[1])
    return replace(painting, strokes=torch.cat([painting.strokes, rest]))

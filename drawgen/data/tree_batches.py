"""Batches of sentences and their trees.

Axes: B sentences, W words, T symbols of a tree.
"""

from typing import NamedTuple

from jaxtyping import Int
from torch import Tensor

from drawgen.trees import linear

XX = linear.XX
"""The symbol of a word in a tree (Vinyals et al. 2015, "Grammar as a Foreign Language", section 2.2)."""
FINISH = "<end>"
"""The symbol after the tree; number 0 of the trees' symbols."""
UNKNOWN = "<unknown>"
"""Number 0 of the words: any word that is not among them."""


class TreeBatch(NamedTuple):
    """Sentences as numbers of `spec.source_vocabulary`, and their trees as numbers of `spec.vocabulary`."""

    words: Int[Tensor, "B W"]
    """Padded with 0."""
    word_lengths: Int[Tensor, " B"]
    symbols: Int[Tensor, "B T"]
    """Padded with 0, `FINISH`, of which each row has at least one."""
    symbol_lengths: Int[Tensor, " B"]
    """Including the first `FINISH`."""
    tags: Int[Tensor, "B W"]
    """Each word's part of speech, a number of `spec.classes`; all 0 if there are none."""

    def items(self) -> tuple[str, int]:
        return "sentences", len(self.words)

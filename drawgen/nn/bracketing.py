"""What may come next in a tree that is written as symbols (`models/seq2tree.py`): the rules that keep it a tree.

Axes: R rows of a search, V symbols, D depth.

Symbol 0 is the end. A label has an opening and a closing symbol. All other symbols are leaves: `XX`, a word of the sentence, of
which there are as many as the sentence has words; or the tree's own.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from drawgen.contract import State

END = 0
DEEPEST = 40
"""Constituents within each other, at most."""
CHAIN = 6
"""Constituents that begin at one word, at most."""


class Brackets(nn.Module):
    """The rules of one vocabulary; a module, so that its tables are where the model is. Raises ValueError for a label without both
    brackets."""

    opens: Tensor
    closes: Tensor
    leaves: Tensor

    def __init__(self, vocabulary: Sequence[str], word: str) -> None:
        super().__init__()
        labels = [symbol[1:] for symbol in vocabulary if symbol.startswith("(")]
        numbers = {label: number for number, label in enumerate(labels)}
        if sorted(labels) != sorted(symbol[1:] for symbol in vocabulary if symbol.startswith(")")):
            raise ValueError("the symbols of trees have an opening bracket without its closing one, or the other way round")
        opens, closes = (torch.tensor([numbers[symbol[1:]] if symbol[0] == mark else -1 for symbol in vocabulary]) for mark in "()")
        leaves = (opens < 0) & (closes < 0)
        leaves[END] = False
        for name, table in (("opens", opens), ("closes", closes), ("leaves", leaves)):
            self.register_buffer(name, table, persistent=False)
        self.word = vocabulary.index(word) if word in vocabulary else None

    def start(self, lengths: Int[Tensor, " R"], longest: Int[Tensor, " R"]) -> State:
        """The state before the first symbol, which is the end of what was before, for sentences of these numbers of words. A tree
        has at most `longest` symbols, counting its own end."""
        zeros = torch.zeros_like(lengths)
        return {
            "stack": lengths.new_full((len(lengths), DEEPEST), -1),
            "firsts": lengths.new_zeros((len(lengths), DEEPEST)),
            "depth": zeros,
            "left": lengths if self.word is not None else zeros,
            "used": zeros,
            "room": longest + 1,  # with the end that stands before the tree
            "opened": zeros,
            "begun": zeros,
        }

    def after(self, state: State, tokens: Int[Tensor, " R"]) -> State:
        """The state after one more symbol, which may be any. `stack` has the labels of the open constituents, `firsts` how many
        words came before each, `used` how many came before now; `opened` counts the brackets that were opened since the last
        leaf."""
        opens, closes, leaves = (table[tokens] for table in (self.opens, self.closes, self.leaves))
        depth = state["depth"]
        grows, shrinks = opens >= 0, closes >= 0
        place = depth.clamp(max=DEEPEST - 1)[:, None]
        stack, firsts = (
            torch.where(grows[:, None], state[name].scatter(1, place, new[:, None]), state[name])
            for name, new in (("stack", opens), ("firsts", state["used"]))
        )
        after = (depth + grows.long() - shrinks.long()).clamp(0, DEEPEST)
        used = (tokens == self.word).long() if self.word is not None else torch.zeros_like(tokens)
        return {
            "stack": stack,
            "firsts": firsts,
            "depth": after,
            "left": (state["left"] - used).clamp(min=0),
            "used": state["used"] + used,
            "room": state["room"] - 1,
            "opened": torch.where(grows, state["opened"] + 1, torch.where(leaves, 0, state["opened"] * ~shrinks)),
            "begun": state["begun"] | grows.long(),
        }

    @staticmethod
    def first(state: State) -> Int[Tensor, " R"]:
        """How many words came before the innermost open constituent."""
        return state["firsts"].gather(1, (state["depth"] - 1).clamp(min=0)[:, None])[:, 0]

    def allowed(self, state: State) -> Bool[Tensor, "R V"]:
        """The symbols that may come next: so a tree over all words ends in time."""
        depth, left = state["depth"], state["left"]
        inside, empty = depth > 0, state["opened"] > 0
        words = self.word is not None
        top = state["stack"].gather(1, (depth - 1).clamp(min=0)[:, None])  # R 1
        # What is needed to end now: the words, a leaf in an empty constituent, the brackets, the end.
        needed = left + depth + 1 + (0 if words else empty.long())
        spare = state["room"] - needed
        may_open = (depth < DEEPEST) & (state["opened"] < CHAIN) & (spare >= (2 if words else 3)) & (inside | (state["begun"] == 0))
        may_close = inside & ~empty
        if words:
            may_open &= left > 0
            may_close &= (depth > 1) | (left == 0)
            may_leaf = inside & (left > 0)
        else:
            may_leaf = inside & ((spare >= 1) | empty)
        may = ((self.opens >= 0) & may_open[:, None]) | ((self.closes >= 0) & (self.closes == top) & may_close[:, None])
        may |= self.leaves & may_leaf[:, None]
        may[:, END] = ~inside & (state["begun"] > 0)
        return may

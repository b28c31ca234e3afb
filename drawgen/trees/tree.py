"""A constituency tree."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Tree:
    """A constituent: its label, and what is in it, from left to right. A part of speech is a constituent of one word.

    >>> str(Tree("S", (Tree("NP", ("dogs",)), Tree("VP", ("bark",)))))
    '(S (NP dogs) (VP bark))'
    """

    label: str
    children: "tuple[Tree | str, ...]"

    def __str__(self) -> str:
        return f"({' '.join([self.label, *map(str, self.children)])})"

    def leaves(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, Tree):
                yield from child.leaves()
            else:
                yield child

"""A probabilistic context-free grammar read off trees: the baseline of parsing.

Rules with more than two parts are split from the left, and remember the last `horizontal` parts before them (horizontal
markovisation, Klein & Manning 2003); with `vertical` 2, a label remembers the one above it. Probabilities are relative frequencies.
Chains of rules with one part are closed: of all chains between two labels the most probable one is kept. The most probable tree is
found by the CKY algorithm (`pcfg_cpu`).

Axes: W words, T parts of speech.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32

from drawgen.trees import pcfg_cpu
from drawgen.trees.linear import XX
from drawgen.trees.tree import Tree

Symbol: TypeAlias = tuple[str, ...]
"""(part of speech,), (label, label above), or (label, label above, parts before ..., "+") for the rest of a rule."""
REST = "+"


def tag_of(child: Tree | str) -> str:
    """The part of speech of a word; "" for a constituent."""
    if isinstance(child, str):
        return XX
    return child.label if len(child.children) == 1 and isinstance(child.children[0], str) else ""


def rules(tree: Tree, *, horizontal: int, vertical: int) -> Iterator[tuple[Symbol, tuple[Symbol, ...]]]:
    """(symbol, its one or two parts), for each rule that a tree uses. The tree has more than one word, or brackets around it."""

    def symbol(child: Tree | str, above: str) -> Symbol:
        tag = tag_of(child)
        if tag:
            return (tag,)
        assert isinstance(child, Tree)
        return child.label, above if vertical > 1 else ""

    def walk(part: Tree, own: Symbol) -> Iterator[tuple[Symbol, tuple[Symbol, ...]]]:
        parts = [symbol(child, part.label) for child in part.children]
        head = own
        for place in range(len(parts) - 2):
            before = [one[0] for one in parts[max(0, place + 1 - horizontal) : place + 1]]
            rest = (*own, *before, REST)
            yield head, (parts[place], rest)
            head = rest
        yield head, tuple(parts[-2:])
        for child, under in zip(part.children, parts, strict=True):
            if isinstance(child, Tree) and len(under) > 1:
                yield from walk(child, under)

    yield from walk(tree, symbol(tree, ""))


@dataclass(frozen=True)
class Grammar:
    """Rules as arrays (`pcfg_cpu.chart`), parts of speech first."""

    symbols: tuple[Symbol, ...]
    tags: int
    binary: tuple[np.ndarray, ...]
    unary: tuple[np.ndarray, ...]
    next_down: np.ndarray
    """[above, below]: the symbol under `above` on the best chain to `below`; -1 if there is none."""
    root: np.ndarray
    """Log-probability of each symbol to be a whole tree."""

    def parse(self, emission: Float32[np.ndarray, "W T"], words: Sequence[str]) -> Tree | None:
        """The most probable tree, given the log-likelihoods of words for the parts of speech; None if the grammar has none."""
        score, border, left, right = pcfg_cpu.chart(
            np.ascontiguousarray(emission, np.float32), len(self.symbols), *self.binary, *self.unary
        )
        whole = score[pcfg_cpu.span(0, len(words))] + self.root
        if not whole.max() > -np.inf:
            return None

        def parts(k: int, start: int, end: int) -> list[Tree]:
            """The constituents that a symbol stands for: several for the rest of a rule."""
            here = pcfg_cpu.span(start, end)
            middle = int(border[here, k])
            if middle == pcfg_cpu.WORD:
                return [Tree(self.symbols[k][0], (words[start],))]
            if middle == pcfg_cpu.UNARY:
                low = int(left[here, k])
                below, chain = parts(low, start, end), [k]
                while (down := int(self.next_down[chain[-1], low])) != low:
                    chain.append(down)
                for above in reversed(chain):
                    below = [Tree(self.symbols[above][0], tuple(below))]
                return below
            found = parts(int(left[here, k]), start, middle) + parts(int(right[here, k]), middle, end)
            return found if self.symbols[k][-1] == REST else [Tree(self.symbols[k][0], tuple(found))]

        return parts(int(whole.argmax()), 0, len(words))[0]


def read_off(trees: Iterable[Tree], tags: Sequence[str], *, horizontal: int = 2, vertical: int = 1) -> Grammar:
    """The grammar of cleaned trees whose parts of speech are among `tags`."""
    counts: Counter[tuple[Symbol, tuple[Symbol, ...]]] = Counter()
    roots: Counter[Symbol] = Counter()
    for tree in trees:
        found = list(rules(tree, horizontal=horizontal, vertical=vertical))
        counts.update(found)
        roots[found[0][0]] += 1
    totals: Counter[Symbol] = Counter()
    for (parent, _), count in counts.items():
        totals[parent] += count
    terminals = [(tag,) for tag in tags]
    others = sorted({one for parent, parts in counts for one in (parent, *parts) if len(one) > 1})
    number = {symbol: k for k, symbol in enumerate((*terminals, *others))}
    pairs = [(rule, count) for rule, count in counts.items() if len(rule[1]) == 2]
    binary = np.array([[number[parts[0]], number[parts[1]], number[parent]] for (parent, parts), _ in pairs]).reshape(-1, 3)
    weights = np.array([np.log(count / totals[parent]) for (parent, _), count in pairs])
    order = np.lexsort(binary.T[::-1])
    first = np.searchsorted(binary[order, 0], np.arange(len(number) + 1))
    logs = (first, binary[order, 1].copy(), binary[order, 2].copy(), weights[order].astype(np.float32))
    single = {
        (number[parent], number[parts[0]]): count / totals[parent] for (parent, parts), count in counts.items() if len(parts) == 1
    }
    unary, down = closed(single, len(number))
    root = np.full(len(number), -np.inf)
    for symbol, count in roots.items():
        root[number[symbol]] = np.log(count / roots.total())
    return Grammar((*terminals, *others), len(terminals), logs, unary, down, root)


def closed(single: dict[tuple[int, int], float], symbols: int) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """The best chains of rules with one part, by the algorithm of Floyd and Warshall: the arrays of `pcfg_cpu.chart`, and
    `Grammar.next_down`."""
    best = np.full((symbols, symbols), -np.inf, np.float32)
    down = np.full((symbols, symbols), -1, np.int64)
    for (parent, child), share in single.items():
        if parent != child:
            best[parent, child] = np.log(share)
            down[parent, child] = child
    for k in sorted({parent for parent, _ in single} & {child for _, child in single}):
        over = best[:, k, None] + best[None, k]
        better = over > best
        np.fill_diagonal(better, False)
        best = np.where(better, over, best)
        down = np.where(better, down[:, k, None], down)
    below, above = np.nonzero(-np.inf < best.T)
    first = np.searchsorted(below, np.arange(symbols + 1))
    return (first, above, best[above, below]), down

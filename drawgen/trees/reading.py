"""Reads constituency trees in the bracket notation of the Penn Treebank, in any layout.

    (ROOT (S (NP-SBJ (NNS dogs)) (VP (VBP bark)) (. .)))
    ( (S (NP-SBJ-1 (NNS dogs)) (VP (VBP bark) (NP (-NONE- *T*-1))) (. .)) )

A tree takes one line or many; between trees there may be blank lines, or nothing. The outermost label may be missing. A word is
anything without ASCII blanks and round brackets. Outside of trees, lines that begin with *x*, %%, ; or # are comments.
"""

import re
from collections.abc import Iterator

from drawgen.trees.tree import Tree

OUTER = ("", "ROOT", "TOP", "S1")
"""Labels around a whole tree, which are no constituents of it."""
TOP = "TOP"
TRACE = "-NONE-"
"""The part of speech of what is not in the sentence: traces, and zero words."""
DEEPEST = 100
"""Constituents inside each other, at most. Those of the Penn Treebank stay below 40."""
COMMENTS = ("*x*", "%%", ";", "#")
PIECE = re.compile(r"[()]|[^()\s]+")
MARK = "\ufeff"
MEND = "mend the file, or take a fresh copy"


class TreeError(ValueError):
    """Brackets that are not a tree. The message says what is wrong and, in a file, begins with "line N: "."""


def trees(text: str) -> Iterator[Tree]:
    """The trees of a text, in order. Raises TreeError, with the line, for brackets that do not close or have nothing in them, words
    outside of brackets, a constituent without a label inside of a tree, more than `DEEPEST` constituents inside each other, and
    zero bytes.

    >>> [str(tree) for tree in trees("( (S (NP dogs)) ) (NP cats)")]
    ['( (S (NP dogs)))', '(NP cats)']
    """
    opened: list[tuple[int, str | None, list[Tree | str]]] = []  # line, label, children
    for number, line in enumerate(text.removeprefix(MARK).replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        where = f"line {number}"
        if "\0" in line:
            raise TreeError(f"{where}: there is a zero byte, so it is not text; {MEND}")
        if not opened and line.lstrip().startswith(COMMENTS):
            continue
        for piece in PIECE.findall(line):
            if piece == "(":
                if opened and opened[-1][1] is None:
                    if len(opened) > 1:
                        raise TreeError(f"{where}: a constituent inside of a tree has no label; {MEND}")
                    opened[-1] = (opened[-1][0], "", opened[-1][2])
                if len(opened) == DEEPEST:
                    raise TreeError(f"{where}: more than {DEEPEST} constituents are inside each other; {MEND}")
                opened.append((number, None, []))
            elif piece == ")":
                if not opened:
                    raise TreeError(f"{where}: a bracket closes that was not opened; {MEND}")
                _, label, children = opened.pop()
                if not children:
                    raise TreeError(f"{where}: the brackets ({label or ''}) have nothing in them; {MEND}")
                tree = Tree(label or "", tuple(children))
                if opened:
                    opened[-1][2].append(tree)
                else:
                    yield tree
            elif not opened:
                raise TreeError(f"{where}: {piece!r:.60} is outside of brackets; a tree is (S (NP dogs) (VP bark))")
            elif opened[-1][1] is None:
                opened[-1] = (opened[-1][0], piece, opened[-1][2])
            else:
                opened[-1][2].append(piece)
    if opened:
        raise TreeError(f"line {opened[0][0]}: the tree that begins here does not close; {MEND}")


def is_word(child: Tree | str) -> bool:
    """Whether it is a word, alone or with its part of speech."""
    return isinstance(child, str) or (len(child.children) == 1 and isinstance(child.children[0], str))


def plain_label(label: str) -> str:
    """A label without function tags and indices; -LRB-, -RRB- and -NONE- stay.

    >>> plain_label("NP-SBJ-1"), plain_label("NP=2"), plain_label("-LRB-")
    ('NP', 'NP', '-LRB-')
    """
    return label if label[:1] in ("-", "=") else re.split("[-=]", label, maxsplit=1)[0]


def cleaned(tree: Tree) -> Tree | None:
    """The tree without function tags and indices, traces, and constituents that have nothing else in them; None if nothing is left.

    Outer labels (`OUTER`) are cut if one constituent of several words or parts is in them, and are TOP otherwise, so that the tree
    is always one constituent with brackets of its own.

    >>> next(trees("( (S (NP-SBJ-1 (NNS dogs)) (VP (VBP bark) (NP (-NONE- *)))) )")).label
    ''
    >>> print(cleaned(next(trees("( (S (NP-SBJ-1 (NNS dogs)) (VP (VBP bark) (NP (-NONE- *)))) )"))))
    (S (NP (NNS dogs)) (VP (VBP bark)))
    >>> print(cleaned(Tree("ROOT", (Tree("UH", ("no",)),))))
    (TOP (UH no))
    """
    kept = without_traces(tree)
    if kept is None:
        return None
    while kept.label in OUTER and len(kept.children) == 1 and isinstance(kept.children[0], Tree) and not is_word(kept.children[0]):
        kept = kept.children[0]
    if kept.label in OUTER:
        return Tree(TOP, kept.children)
    return Tree(TOP, (kept,)) if is_word(kept) else kept


def without_traces(tree: Tree) -> Tree | None:
    if tree.label.startswith(TRACE):
        return None
    children = tuple(
        kept for child in tree.children if (kept := child if isinstance(child, str) else without_traces(child)) is not None
    )
    return Tree(plain_label(tree.label), children) if children else None

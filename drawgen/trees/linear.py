"""Trees as sequences of symbols (Vinyals et al. 2015, "Grammar as a Foreign Language", section 2.2).

"(L" opens a constituent and ")L" closes it; a word is "XX". Parts of speech are left out:

    (S (NP (NNS dogs)) (VP (VBP bark)) (. .))  ->  (S (NP XX )NP (VP XX )VP XX )S

A tree that stands for itself, not for a sentence, has its own leaves in the place of XX (`own_symbols`).
"""

from collections.abc import Sequence

from drawgen.trees.reading import DEEPEST, TOP, TreeError
from drawgen.trees.tree import Tree

XX = "XX"
"""The symbol of a word, and the part of speech of a word that has none."""


def linearised(tree: Tree) -> tuple[list[str], list[str], list[str]]:
    """(words, parts of speech, symbols). A word that stands directly in a phrase beside others has the part of speech "".

    >>> linearised(Tree("S", (Tree("NP", (Tree("NNS", ("dogs",)),)), Tree("VBP", ("bark",)))))
    (['dogs', 'bark'], ['NNS', 'VBP'], ['(S', '(NP', 'XX', ')NP', 'XX', ')S'])
    """
    words: list[str] = []
    tags: list[str] = []
    symbols: list[str] = []

    def add(part: Tree | str, tag: str = "") -> None:
        if isinstance(part, str):
            words.append(part)
            tags.append(tag)
            symbols.append(XX)
        elif len(part.children) == 1 and isinstance(part.children[0], str):
            add(part.children[0], part.label)
        else:
            symbols.append(f"({part.label}")
            for child in part.children:
                add(child)
            symbols.append(f"){part.label}")

    add(tree)
    return words, tags, symbols


def own_symbols(tree: Tree) -> list[str]:
    """The symbols of a tree whose leaves are symbols. Raises TreeError for a leaf that begins with a bracket.

    >>> " ".join(own_symbols(Tree("left", (Tree("things", ("2", "orange")), Tree("things", ("1", "pink"))))))
    '(left (things 2 orange )things (things 1 pink )things )left'
    """
    symbols: list[str] = []

    def add(part: Tree | str) -> None:
        if isinstance(part, Tree):
            symbols.append(f"({part.label}")
            for child in part.children:
                add(child)
            symbols.append(f"){part.label}")
        elif part.startswith(("(", ")")):
            raise TreeError(f"{part!r:.60} begins with a bracket, and is a leaf; choose other symbols")
        else:
            symbols.append(part)

    add(tree)
    return symbols


def tree_of(symbols: Sequence[str], words: Sequence[str] | None = None, tags: Sequence[str] | None = None) -> Tree:
    """The tree of a sequence of symbols: the inverse of `linearised`, or without `words` that of `own_symbols`. A word without a
    part of speech has `XX` if there are no `tags`. Raises TreeError for symbols that are not a tree over all words.

    >>> print(tree_of(["(S", "(NP", "XX", ")NP", "XX", ")S"], ["dogs", "bark"], ["NNS", "VBP"]))
    (S (NP (NNS dogs)) (VBP bark))
    """
    tree, whole = mended(symbols, words, tags)
    if not whole:
        over = "" if words is None else f" over {len(words)} words"
        raise TreeError(f"{' '.join(symbols)!r:.200} is not a tree{over}: brackets or words are missing, or there are too many")
    return tree


def mended(symbols: Sequence[str], words: Sequence[str] | None = None, tags: Sequence[str] | None = None) -> tuple[Tree, bool]:
    """(tree, whether it was whole): a tree of any sequence of symbols, over exactly the `words`. What is not whole is mended:

    - a closing bracket closes what is open inside of its constituent, too. If no constituent of its label is open, it closes the
      innermost one; if none is open at all, an opening bracket is added before everything, up to a depth;
    - closing brackets that are missing are added at the end;
    - words that are left over are added to the constituent that is open at the end, or else to the outermost one. Symbols of words
      that are not there are left out, and so are constituents with nothing in them;
    - several trees beside each other are put into one of the label TOP.

    >>> tree, whole = mended(["(S", "(NP", "XX", ")NP", "(VP"], ["dogs", "bark"], ["NNS", "VBP"])
    >>> print(tree, whole)
    (S (NP (NNS dogs)) (VP (VBP bark))) False
    """
    given = None if words is None else leaves_of(words, tags)
    used, deepest, whole = 0, 0, True
    opened: list[tuple[str, list[Tree | str]]] = [("", [])]

    def close() -> bool:
        label, children = opened.pop()
        if children:
            opened[-1][1].append(Tree(label, tuple(children)))
        return bool(children)

    for symbol in symbols:
        if symbol.startswith("("):
            if len(opened) <= DEEPEST:
                opened.append((symbol[1:], []))
                deepest = max(deepest, len(opened) - 1)
            else:
                whole = False
        elif symbol.startswith(")"):
            label = symbol[1:]
            if len(opened) > 1:
                labels = [one for one, _ in opened[1:]]
                whole &= labels[-1] == label
                while label in labels and opened[-1][0] != label:
                    close()
                whole &= close()
            else:
                whole = False
                if opened[0][1] and deepest < DEEPEST - 1:  # TOP may come around it
                    deepest += 1
                    opened[0] = ("", [Tree(label, tuple(opened[0][1]))])
        elif given is None:
            opened[-1][1].append(symbol)
        elif used < len(given):
            opened[-1][1].append(given[used])
            used += 1
        else:
            whole = False
    if given is not None and used < len(given):
        whole = False
        place = opened[-1][1]
        last = place[-1] if len(opened) == 1 and len(place) == 1 else None
        if isinstance(last, Tree) and not (len(last.children) == 1 and isinstance(last.children[0], str)):
            place[-1] = Tree(last.label, (*last.children, *given[used:]))
        else:
            place += given[used:]
    whole &= len(opened) == 1
    while len(opened) > 1:
        close()
    found = opened[0][1]
    if len(found) == 1 and isinstance(found[0], Tree):
        return found[0], whole
    return Tree(TOP, tuple(found)), False


def leaves_of(words: Sequence[str], tags: Sequence[str] | None) -> list[Tree | str]:
    """Words with their parts of speech; those with "" stay alone."""
    marked = [XX] * len(words) if tags is None else tags
    return [Tree(tag, (word,)) if tag else word for word, tag in zip(words, marked, strict=True)]

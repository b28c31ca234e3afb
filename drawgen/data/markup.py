"""How well a text keeps the rules of its markup: what opens is closed by what belongs to it (LaTeX, XML).

A text may be cut anywhere: what is still open at its end is no fault.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

LATEX = re.compile(
    r"\\(?P<which>begin|end)\s*\{(?P<name>[^{}\\\n]*)\}|\\(?P<display>[\[\]()])|\\(?:[^\n]|$)|%[^\n]*"
    r"|(?P<mark>\$\$|[{}$])|(?P<paragraph>\n[ \t]*\n)"
)
ATTRIBUTE = r"\s+[\w:.-]+\s*=\s*(?:\"[^\"<]*\"|'[^'<]*')"
TAG = re.compile(rf"<(?:/(?P<closing>[\w:.-]+)\s*|(?P<opening>[\w:.-]+)(?:{ATTRIBUTE})*\s*(?P<empty>/?)|\?[^<>]*\?|![^<>]*)>")
CLOSERS = {"}": "{", "]": "[", ")": "("}


@dataclass
class Balance:
    """What was closed in a text, and what was closed wrongly."""

    symbols: int
    right: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """kind -> for each that was closed rightly, the symbols from where it opened to its end."""
    wrong: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """kind -> the places where something was closed that was not open, or had to be closed and was not."""

    def share(self, kind: str) -> float:
        """The share of what was closed rightly; 1 if there was nothing to close."""
        right, wrong = len(self.right[kind]), len(self.wrong[kind])
        return right / (right + wrong) if right + wrong else 1.0

    def longest(self, kind: str) -> int:
        """The symbols of the longest that was closed rightly."""
        return max(self.right[kind], default=0)

    def without_fault(self) -> float:
        """The mean number of symbols from one fault to the next; the whole text, if it has none."""
        places = sorted({0, self.symbols, *(place for places in self.wrong.values() for place in places)})
        return sum(after - before for before, after in pairwise(places)) / max(1, len(places) - 1)


def latex(text: str) -> Balance:
    """The environments (\\begin, \\end), braces and mathematics ($, $$, \\[, \\() of a LaTeX text, which have to be nested. As in
    TeX, braces and mathematics are over at the end of a paragraph at the latest; comments and escaped symbols do not count.

    >>> found = latex(r"\\begin{proof} Let $x \\in {X$. \\end{proof}")
    >>> found.share("environments"), found.share("mathematics"), found.share("braces")
    (1.0, 0.0, 1.0)
    """
    found, opened = Balance(len(text)), list[tuple[str, str, int]]()  # kind, what, where

    def close(kind: str, what: str, end: int) -> None:
        if opened and opened[-1][:2] == (kind, what):
            found.right[kind].append(end - opened.pop()[2])
            return
        found.wrong[kind].append(end)
        outer = [depth for depth, (kind_, what_, _) in enumerate(opened) if (kind_, what_) == (kind, what)]
        if outer:  # what is within is given up
            del opened[outer[-1] :]

    for match in LATEX.finditer(text):
        start, end = match.span()
        mark = match["mark"] or match["display"]
        if match["which"] == "begin":
            opened.append(("environments", match["name"], start))
        elif match["which"] == "end":
            close("environments", match["name"], end)
        elif match["paragraph"]:
            for kind, _, _ in opened:
                if kind != "environments":
                    found.wrong[kind].append(start)
            opened = [one for one in opened if one[0] == "environments"]
        elif mark == "{":
            opened.append(("braces", "{", start))
        elif mark == "}":
            close("braces", "{", end)
        elif mark in CLOSERS:
            close("mathematics", CLOSERS[mark], end)
        elif mark == "$$" and ("mathematics", "$") in [one[:2] for one in opened]:  # one formula ends, and the next begins
            close("mathematics", "$", start + 1)
            opened.append(("mathematics", "$", start + 1))
        elif mark in ("$", "$$") and ("mathematics", mark) in [one[:2] for one in opened]:
            close("mathematics", mark, end)
        elif mark:
            opened.append(("mathematics", mark, start))
    return found


def xml(text: str) -> Balance:
    """The tags of an XML text, each by itself, and its elements: whether a closing tag is that of the innermost open element.

    >>> found = xml('<g fill="red"><path d="M0 0"/></a></g>')
    >>> found.share("tags"), round(found.share("elements"), 2)
    (1.0, 0.5)
    """
    found, opened = Balance(len(text)), list[tuple[str, int]]()
    for start in (match.start() for match in re.finditer("<", text)):
        match = TAG.match(text, start)
        if match is None:
            if text.find("<", start + 1) >= 0 or ">" in text[start:]:
                found.wrong["tags"].append(start)
            continue
        found.right["tags"].append(match.end() - start)
        if match["opening"] and not match["empty"]:
            opened.append((match["opening"], start))
        elif match["closing"]:
            names = [name for name, _ in opened]
            if names and names[-1] == match["closing"]:
                found.right["elements"].append(match.end() - opened.pop()[1])
                continue
            found.wrong["elements"].append(match.end())
            if match["closing"] in names:
                del opened[len(names) - 1 - names[::-1].index(match["closing"]) :]
    return found

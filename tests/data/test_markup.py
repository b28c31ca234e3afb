"""Whether markup is closed by what belongs to it: texts made to be right, and one fault at a time."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawgen.data.markup import latex, xml

WRAPPED = {
    "environments": ("\\begin{proof}\n", "\\end{proof}\n"),
    "braces": ("\\emph{", "}"),
    "mathematics": ("$", "$"),
}


PLAIN = ["so ", "\\$5 ", "100\\% ", "\\{a\\} ", "x% } $ {\n", "\\[ a^2 \\] ", "\\\\\n"]


def nested(rng, depth=0, within=()):
    """Text in which everything is closed: no mathematics in mathematics, and environments in environments only."""
    text = ""
    for _ in range(rng.randint(1, 3)):
        kinds = [kind for kind in WRAPPED if kind == "braces" or (kind == "mathematics" and kind not in within)]
        kind = rng.choice(kinds if within else list(WRAPPED))
        if depth > 3 or rng.random() < 0.4:
            text += "so " if within else rng.choice(PLAIN)
            continue
        opens, closes = WRAPPED[kind]
        text += opens + nested(rng, depth + 1, () if kind == "environments" else (*within, kind)) + closes
    return text


@given(seed=st.integers(0, 10_000))
def test_what_is_closed_is_right(seed):
    text = nested(random.Random(seed))
    found = latex(text)
    assert not any(found.wrong.values())
    assert found.without_fault() == len(text)
    assert len(found.right["environments"]) == text.count("\\begin")
    assert len(found.right["braces"]) == text.count("\\emph")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (r"\begin{a} \end{b}", {"environments": 1}),
        (r"\begin{a} \begin{b} \end{a} \end{b}", {"environments": 2}),
        (r"\end{a}", {"environments": 1}),
        (r"a } b", {"braces": 1}),
        (r"{ $ } $", {"braces": 1}),
        ("a {b\n\nc}", {"braces": 2}),
        ("$x\n\ny$", {"mathematics": 1}),
        ("$x\n  \ny z", {"mathematics": 1}),
        (r"\( x \]", {"mathematics": 1}),
        (r"$x$$y$ and $$z$$", {}),
        (r"\begin{a} { $ ", {}),
        (r"\\begin \} \$ \\$x$ % } $", {}),
        (r"$$ x $$ and \[ y \] and \( z \)", {}),
        (r"\begin{align*} {a} \end{align*}", {}),
    ],
)
def test_faults(text, wrong):
    assert {kind: len(places) for kind, places in latex(text).wrong.items() if places} == wrong


def test_figures():
    found = latex(r"{ab} } {c}")
    assert found.share("braces") == pytest.approx(2 / 3)
    assert found.longest("braces") == 4
    assert found.right["braces"] == [4, 3]
    assert found.without_fault() == pytest.approx(5)  # to the fault at 6, and 4 more
    assert latex("plain").share("braces") == 1


TREE = '<?xml version="1.0" ?>\n<svg a:b="1" c-d=\'2\'><g><path d="M0,0 l1,1"/><defs /></g><!-- no --></svg>'


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (TREE, {}),
        (TREE + TREE, {}),
        (TREE[:50], {}),
        ("<g><a></g>", {"elements": 1}),
        ("<g></a></g>", {"elements": 1}),
        ("</g>", {"elements": 1}),
        ('<g a="1" "2"></g>', {"tags": 1, "elements": 1}),
        ('<g a="1></g>', {"tags": 1, "elements": 1}),
        ("<g <b></b>", {"tags": 1}),
        ("a < b and c > d", {"tags": 1}),
    ],
)
def test_xml(text, wrong):
    assert {kind: len(places) for kind, places in xml(text).wrong.items() if places} == wrong


def test_xml_spans():
    found = xml(TREE)
    assert sorted(found.right["elements"]) == [len('<g><path d="M0,0 l1,1"/><defs /></g>'), len(TREE) - TREE.index("<svg")]
    assert len(found.right["tags"]) == TREE.count("<")


def test_real_texts_are_balanced(data):
    text = (data / "text" / "stacks_latex.tex").read_text()
    found = latex(text)
    assert found.share("environments") == 1
    assert min(found.share(kind) for kind in found.right) > 0.999
    assert xml((data / "text" / "aaron_sheep_sample.svg").read_text()).without_fault() > 10_000

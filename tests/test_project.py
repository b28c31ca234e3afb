"""The files around the code: one version, a citation, a change log, and text that is read alike on every system."""

import ast
import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

import drawgen
from drawgen import cli, models

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FILES = [path for folder in ("drawgen", "envs", "scripts") for path in sorted((ROOT / folder).rglob("*.py"))]


def test_the_version_is_said_in_one_place():
    """The citation, which no tool fills in, repeats it."""
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["hatch"]["version"] == {"path": "drawgen/__init__.py"}
    assert importlib.metadata.version("drawgen") == drawgen.__version__
    assert citation()["version"] == drawgen.__version__


def citation():
    """The entries of CITATION.cff that are one line."""
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    return {name: value.strip('"') for name, value in re.findall(r"^([a-z-]+): *(.+)$", text, re.MULTILINE)}


def test_citation():
    """What the format wants (cff-version 1.2.0), and the licence of the package."""
    found = citation()
    assert found["cff-version"] == "1.2.0"
    assert {"message", "title"} <= set(found)
    assert re.search(r"^authors:\n  - (name|family-names): ", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert found["license"] == PROJECT["project"]["license"]


def test_the_change_log_begins_with_what_is_not_released():
    """And its sections are those of Keep a Changelog."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions, kinds = re.findall(r"^## (.+)$", text, re.MULTILINE), re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", version) for version in versions[1:])
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_change_log_names_every_model_and_command():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert not [name for name in (*models.names(), *cli.COMMANDS) if f"`{name}`" not in text]


def test_what_is_installed_is_typed_and_licensed():
    assert PROJECT["project"]["license-files"] == ["LICENSE"]
    for package in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert (ROOT / package / "py.typed").is_file()


# ---------------------------------------------------------------- text is UTF-8, on Windows too


def unsaid(call):
    """Whether a call reads or writes text and leaves it to the system in which encoding."""
    given = {keyword.arg for keyword in call.keywords}
    if "encoding" in given:
        return False
    owned = isinstance(call.func, ast.Attribute)
    name = call.func.attr if owned else getattr(call.func, "id", "")
    if owned and name in ("read_text", "write_text"):
        return len(call.args) == (name == "write_text")
    if name == "open":
        modes = [*call.args[not owned : 2 - owned], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
        mode = modes[0] if modes else ast.Constant("" if owned else "r")
        return isinstance(mode, ast.Constant) and isinstance(mode.value, str) and re.fullmatch("[rwaxt+]+", mode.value) is not None
    return any(keyword.arg == "text" and getattr(keyword.value, "value", None) is True for keyword in call.keywords)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("path.read_text()", True),
        ("path.write_text(words)", True),
        ("open(path)", True),
        ("open(path, 'a')", True),
        ("path.open('w')", True),
        ("open(path, mode='r')", True),
        ("run(words, text=True)", True),
        ("path.read_text(encoding='utf-8')", False),
        ("open(path, 'rb')", False),
        ("path.open('xb')", False),
        ("av.open(name, 'w', format='mp4')", False),
        ("os.open(path, os.O_RDONLY)", False),
        ("read_text(folder, 'target')", False),
        ("Preview(text=words)", False),
    ],
)
def test_the_test_of_encodings_bites(code, found):
    assert unsaid(ast.parse(code, mode="eval").body) == found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_encodings_are_said(path):
    calls = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
    assert not [f"line {call.lineno}" for call in calls if unsaid(call)]


# ---------------------------------------------------------------- plain words

COUNTED = "ms|s|seconds?|steps?|strokes?|pictures?|captions?|words?|bytes|bits|nats|lines?|numbers?|pixels|rows?|facts|one|two"
PER = "step|second|minute|epoch|line|word|row|column|file|side|batch|picture|caption|stroke|pixel|channel|drawing|episode"
STUMBLED_OVER = [
    rf"\b({COUNTED}) an? ({PER})\b",
    r"\bsome (ten|twenty|thirty|forty|fifty)\b",
    r"\bforet(ell|old)",
    r"\bas (it|they) comes?\b",
    r"\b(what there is|whoever|anew|hears|gone? on with)\b",
    r"\b(is met to|encoder of rate|idle are|people of its language)\b",
]
"""Phrases that made readers stop. It is "ms per step", "about 40", "predicts"."""
READ = [
    ROOT / "README.md",
    *(path for folder in ("docs", "envs", "scripts", "assets") for path in sorted((ROOT / folder).rglob("*.md"))),
]


def stumbling(text):
    """The phrases in a text, also across line ends."""
    return [match[0] for match in re.finditer("|".join(STUMBLED_OVER), re.sub(r"\s+(# )?", " ", text))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("246 ms a step", ["ms a step"]),
        ("one a\n    # line", ["one a line"]),
        ("a model that foretells", ["foretell"]),
        ("some forty pixels", ["some forty"]),
        ("246 ms per step, one stroke, some of forty", []),
    ],
)
def test_the_test_of_plain_words_bites(text, found):
    assert stumbling(text) == found


@pytest.mark.parametrize("path", [*READ, *FILES], ids=lambda path: str(path.relative_to(ROOT)))
def test_words_are_plain(path):
    """In pages, docstrings, help texts, messages and comments."""
    assert not stumbling(path.read_text(encoding="utf-8"))

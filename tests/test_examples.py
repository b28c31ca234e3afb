"""The examples in docstrings run, and every public name has one."""

import doctest
import importlib
import inspect
from pathlib import Path

import pytest

import drawgen

ROOT = Path(__file__).parent.parent
HAVE_EXAMPLES = [
    ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
    for folder in (ROOT, ROOT / "envs")
    for path in sorted(folder.glob("drawgen*/**/*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", HAVE_EXAMPLES)
def test_examples_run(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    told = []
    for example in finder.find(importlib.import_module(module)):
        runner.run(example, out=told.append)
    assert runner.tries
    assert not runner.failures, "".join(told)


@pytest.mark.parametrize("name", [name for name in drawgen.__all__ if not name.startswith("_")])
def test_public_names_have_an_example(name):
    assert ">>> " in inspect.getdoc(getattr(drawgen, name))

"""docs/figures.md is what the model cards say."""

import runpy
from pathlib import Path

import pytest

from drawgen import models

ROOT = Path(__file__).parent.parent.parent


def test_the_page_is_up_to_date():
    script = runpy.run_path(str(ROOT / "scripts" / "figures_report.py"))
    assert (ROOT / "docs" / "figures.md").read_text(encoding="utf-8") == script["page"](), "run scripts/figures_report.py"


@pytest.mark.parametrize("name", models.shipped())
def test_every_card_has_a_paper_and_what_the_script_of_the_cards_says(name):
    script = runpy.run_path(str(ROOT / "scripts" / "make_assets.py"))
    card = (models.shipped()[name] / "README.md").read_text(encoding="utf-8")
    assert models.paper_of(models.shipped()[name])[0]
    assert script["with_paper"](name, card) == card, "run scripts/make_assets.py --papers"


def test_figures_beside_the_paper_s_are_read_whole(tmp_path):
    told = "- paper: A & B 2015, C: D\n- beside the paper, errors, of 5: 3 % (a: b); paper: 2 % (c; d)\n"
    (tmp_path / "README.md").write_text(told, encoding="utf-8")
    paper, compared = models.paper_of(tmp_path)
    assert paper == "A & B 2015, C: D"
    assert compared == [models.Compared("errors, of 5", "3 % (a: b)", "2 % (c; d)")]

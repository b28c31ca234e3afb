"""Reports: the page stands alone, and nothing else is overwritten."""

import json
import re

import pytest

from drawgen.charts import chart
from drawgen.report_pages import Report, Section, Table, check_folder

pytest.importorskip("matplotlib")


def report() -> Report:
    png = chart(lambda figure: figure.subplots().plot([1, 2, 3]), width=2, height=2)
    table = Table(("layer", "error"), [("<1>", "0.5")])
    return Report("A & B", "What was done.", [Section("one", "One", "It shows.", png, table)], {"error": [0.5]})


def test_the_folder_has_page_charts_and_numbers(tmp_path):
    report().save(tmp_path / "r")
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == ["one.png", "report.html", "report.json"]
    assert json.loads((tmp_path / "r" / "report.json").read_text()) == {"error": [0.5]}
    page = (tmp_path / "r" / "report.html").read_text()
    assert "A &amp; B" in page
    assert "&lt;1&gt;" in page
    assert not re.search(r"(src|href)=.(?!data:)", page)  # no request to anywhere


def test_a_report_is_replaced_only_by_force(tmp_path):
    report().save(tmp_path / "r")
    with pytest.raises(ValueError, match="a report already"):
        report().save(tmp_path / "r")
    report().save(tmp_path / "r", force=True)


def test_other_folders_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="other files"):
        check_folder(tmp_path, force=True)
    with pytest.raises(ValueError, match="is a file"):
        check_folder(tmp_path / "notes.txt", force=True)
    with pytest.raises(ValueError, match="does not exist"):
        check_folder(tmp_path / "a" / "b")


def test_charts_leave_matplotlib_as_it_was():
    import matplotlib

    before = dict(matplotlib.rcParams)
    assert report().sections[0].chart.startswith(b"\x89PNG")
    assert dict(matplotlib.rcParams) == before

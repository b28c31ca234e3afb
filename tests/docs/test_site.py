"""The pages build as a site without a warning, and the site asks nothing of anybody."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
mkdocs_config = pytest.importorskip("mkdocs.config")
pytest.importorskip("material")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site. Strict: a link that leads nowhere, or a page that is not there, is an error."""
    from mkdocs.commands.build import build

    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        patch.chdir(ROOT)
        build(mkdocs_config.load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder)))
    return folder


pytestmark = pytest.mark.filterwarnings("default")  # what mkdocs' parts have to say about themselves


def test_every_page_is_there_with_its_pictures(site):
    for page in [*(ROOT / "docs").glob("*.md"), *(ROOT / "scripts" / "results").glob("*.md")]:
        assert (site / page.relative_to(ROOT).with_suffix("") / "index.html").is_file()
    for page in site.rglob("*.html"):
        for picture in re.findall(r'<img [^>]*src="([^"]+)"', page.read_text(encoding="utf-8")):
            assert (page.parent / picture).resolve().is_file(), (page, picture)
    front = (site / "index.html").read_text(encoding="utf-8")
    assert front.count("<img ") == 3
    assert "scripts/results/textures.jpg" in front


def test_nothing_is_asked_of_anybody(site):
    """No page loads a font, a script, a style or a picture from elsewhere; links that one clicks may lead out."""
    for page in site.rglob("*.html"):
        told = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:link|script|img|iframe|source|video)\b[^>]*\b(?:href|src)="([^"]+)"', told)
        assert not [target for target in loaded if re.match(r"(https?:)?//", target)], page
        assert "preconnect" not in told
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(https?:)?//|@import", style.read_text(encoding="utf-8")), style


def test_every_page_of_the_docs_is_in_the_menu():
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert not [page.name for page in (ROOT / "docs").glob("*.md") if f"- docs/{page.name}\n" not in menu]


def test_the_readme_is_short_and_leads_to_every_page():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count("\n") < 150
    assert not [page.name for page in (ROOT / "docs").glob("*.md") if f"(docs/{page.name}" not in text]

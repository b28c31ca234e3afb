"""Labels of attention maps: a font that has the letters, or the letters that none has."""

import pytest
import torch

from drawgen import attention_maps


def test_english_needs_no_font_of_the_system(monkeypatch):
    monkeypatch.setattr(attention_maps, "system_fonts", lambda: pytest.fail("looked for fonts"))
    attention_maps.font_for.cache_clear()
    assert attention_maps.font_for("dog's-2") == ""
    assert attention_maps.missing(["a", "man's", "dog"]) == []


def test_fonts_of_other_systems(tmp_path, monkeypatch):
    """By Windows' folder, and by folders that are not parted by a colon there."""
    for name in ("one/fonts/a.ttf", "two/fonts/b.otf", "windows/Fonts/c.ttc", "home/Library/Fonts/d.ttf"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    monkeypatch.setattr("os.pathsep", ";")
    monkeypatch.setenv("XDG_DATA_DIRS", f"{tmp_path / 'one'};{tmp_path / 'two'}")
    monkeypatch.setenv("WINDIR", str(tmp_path / "windows"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    found = attention_maps.system_fonts.__wrapped__()
    assert {path[-5:] for path in found if path.startswith(str(tmp_path))} == {"a.ttf", "b.otf", "c.ttc", "d.ttf"}


def test_letters_without_a_font_are_named(monkeypatch):
    """Once each, in their order; they are drawn as boxes all the same."""
    monkeypatch.setattr(attention_maps, "system_fonts", lambda: ("/nowhere.ttf",))
    attention_maps.font_for.cache_clear()
    assert attention_maps.missing(["schön", "犬", "犬", "dog", "می\u200cخ"]) == ["ö", "犬", "م", "ی", "خ"]
    assert attention_maps.labelled(torch.zeros(3, 32, 64), "犬").shape == (3, 32 + attention_maps.LABEL_PX, 64)


@pytest.mark.parametrize("word", ["schöner", "straße", "café", "собака", "λόγος"])
def test_fonts_of_the_system(word):
    """Where the system has a font with the letters, the label differs from one of boxes."""
    attention_maps.font_for.cache_clear()
    if not attention_maps.system_fonts():
        pytest.skip("no fonts in the folders of this system")
    path = attention_maps.font_for(word)
    if not path:
        pytest.skip("no font of this system has these letters")
    assert attention_maps.missing([word]) == []
    picture = torch.zeros(3, 32, 128)
    boxes = attention_maps.labelled(picture, "\U0010fffe" * len(word))
    assert not torch.equal(attention_maps.labelled(picture, word), boxes)

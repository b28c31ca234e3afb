"""Names of pictures as systems and spreadsheets leave them: found where one file can be meant, and never in another's place."""

import unicodedata
from pathlib import Path

import pytest

from drawgen.data.picture_names import PictureNames, compatible


def names_of(folder, *files):
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    return PictureNames([folder])


@pytest.mark.parametrize(
    ("written", "file"),
    [
        ("a.jpg", "a.jpg"),
        ("./a.jpg", "a.jpg"),
        (".\\pics\\a.jpg", "pics/a.jpg"),
        ("pics//a.jpg", "pics/a.jpg"),
        ("C:\\Users\\me\\pics\\a.jpg", "pics/a.jpg"),
        ("/home/me/pics/a.jpg", "a.jpg"),
        ("a.jpg", "a.JPG"),
        ("A.JPEG", "a.jpg"),
        ("a", "a.png"),
        ("a.b", "a.b.png"),
        ("a.jpg", "2024/may/a.jpg"),
        ("7", "007.jpg"),
        ("7.jpg", "sub/0007.jpg"),
        ("7.0", "007.jpg"),
        ("0", "000.png"),
        ("a.heic", "a.heic"),
        (unicodedata.normalize("NFC", "café.png"), unicodedata.normalize("NFD", "café.png")),
        (unicodedata.normalize("NFD", "café.png"), unicodedata.normalize("NFC", "café.png")),
        ("back\\slash.png", "back\\slash.png"),
    ],
)
def test_found(tmp_path, written, file):
    names = names_of(tmp_path, file, "other.png")
    assert names.find(written) == str(tmp_path / file)


@pytest.mark.parametrize(
    ("written", "files", "why"),
    [
        ("A.jpg", ("a.JPG", "a.jpeg"), "can mean 2 files"),
        ("a.jpg", ("x/a.jpg", "y/a.jpg"), "can mean 2 files"),
        ("train/a.jpg", ("val/a.jpg",), "did you mean val/a.jpg?"),
        ("7.jpg", ("007.png",), "it is not there"),
        ("7", ("07.jpg", "007.jpg"), "can mean 2 files"),
        ("img_o1.png", ("img_01.png",), "did you mean img_01.png?"),
        ("imgg_01.png", ("img_01.png", "img_02.png"), "did you mean img_01.png?"),
        ("img_03.png", ("img_02.png",), "it is not there"),
        ("._a.jpg", ("x/._a.jpg",), "it is not there"),
        ("x" * 300 + ".png", ("a.png",), "it is not there"),
        ("a\0b.png", ("a.png",), "did you mean a.png?"),
        ("a.jpg", ("a.jpg/b.txt",), "it is not there"),
    ],
)
def test_not_found(tmp_path, written, files, why):
    names = names_of(tmp_path, *files)
    assert names.find(written) is None
    assert why in names.why_not(written)
    assert ("did you mean" in why) == ("did you mean" in names.why_not(written))


def test_the_first_folder_goes_before(tmp_path):
    names_of(tmp_path, "a.png", "images/a.png", "images/b.png")
    names = PictureNames([tmp_path, tmp_path / "images", tmp_path / "nowhere"])
    assert names.find("a.png") == str(tmp_path / "a.png")
    assert names.find("b.png") == str(tmp_path / "images" / "b.png")


def test_folders_are_listed_once(tmp_path, monkeypatch):
    """However many names are looked up."""
    names = names_of(tmp_path, *(f"{n}.png" for n in range(50)))
    for n in range(50):
        assert names.find(f"{n}.png")
    monkeypatch.setattr("os.scandir", lambda path: pytest.fail("listed again"))
    assert all(names.find(f"{n}.png") for n in range(50))
    assert "known" not in vars(names)  # nor looked at more deeply


def test_others(tmp_path):
    """The pictures beside those that are used; no hidden ones, no other files."""
    names = names_of(tmp_path, "a.png", "b.JPG", "._a.png", "Thumbs.db", "x.txt", "sub/c.png")
    used = {names.find("a.png")}
    assert names.others(used) == [str(tmp_path / "b.JPG")]


def test_relative_folders(tmp_path, monkeypatch):
    names_of(tmp_path, "a.png", "sub/b.png")
    monkeypatch.chdir(tmp_path)
    names = PictureNames([Path()])
    assert [names.find(name) for name in ("a.png", "b.png")] == ["a.png", "sub/b.png"]


def test_compatible():
    assert compatible("1.jpg", "train/1.jpg")
    assert compatible("data/Train/1.jpg", "train/1.jpg")
    assert not compatible("val/1.jpg", "train/1.jpg")

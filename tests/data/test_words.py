"""Words of every script: cut where Unicode cuts them, whole with their signs, and put together again."""

import json
import unicodedata
from pathlib import Path

import pytest

import drawgen
from drawgen.data.words import joined, words_of

FORMER = r"[^\W_]+(?:['’-][^\W_]+)*"  # by which the shipped captioner's words were cut


def test_words():
    assert words_of("A man's dog -- black-and-white, 2 years old!") == ["a", "man's", "dog", "black-and-white", "2", "years", "old"]
    assert words_of("  . , !") == []
    assert words_of("snake_case 3.5 U.S.") == ["snake", "case", "3", "5", "u", "s"]
    assert words_of("Ein schöner Tag, straße — ‘quoted’ don’t") == ["ein", "schöner", "tag", "straße", "quoted", "don’t"]


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("नमस्ते दुनिया, क्षत्रिय।", ["नमस्ते", "दुनिया", "क्षत्रिय"]),
        ("একটি কুকুর দৌড়াচ্ছে", ["একটি", "কুকুর", "দৌড়াচ্ছে"]),
        ("كَلْبٌ يَجْرِي، سريعا", ["كَلْبٌ", "يَجْرِي", "سريعا"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("כֶּלֶב רָץ; צה״ל", ["כֶּלֶב", "רָץ", "צה״ל"]),
        ("Собака бежит по траве ёлки", ["собака", "бежит", "по", "траве", "ёлки"]),
        ("개가 달린다.", ["개가", "달린다"]),
        ("两只狗在草地上。", ["两", "只", "狗", "在", "草", "地", "上"]),
        ("犬がボールを追う", ["犬", "が", "ボ", "ー", "ル", "を", "追", "う"]),
        ("3只狗和T恤", ["3", "只", "狗", "和", "t", "恤"]),
        ("หมา วิ่ง", ["ห", "ม", "า", "วิ่", "ง"]),
        ("İstanbul'da köpek", ["i̇stanbul'da", "köpek"]),
        ("col·lecció soft\u00adhyphen \u200fword", ["col·lecció", "softhyphen", "word"]),
        ("\U0001f415 dog\ufe0f ½", ["dog\ufe0f", "½"]),
    ],
)
def test_scripts(caption, words):
    expected = [unicodedata.normalize("NFC", word) for word in words]
    assert words_of(caption) == expected
    assert words_of(unicodedata.normalize("NFD", caption)) == expected
    assert words_of(joined(expected)) == expected


def test_shipped_vocabulary():
    """Every word of the shipped captioner is one word."""
    config = Path(drawgen.__file__).parent.parent / "assets" / "captioner" / "scenes" / "config.json"
    words = [word for word in json.loads(config.read_text())["spec"]["vocabulary"][3:] if word != ","]
    assert words_of(" ".join(words)) == words
    assert joined(words) == " ".join(words)


def test_real_captions_are_cut_as_before(data):
    """English, German and French of thousands of captions: as by the plain expression for scripts without signs."""
    import gzip
    import re

    lines = (data / "flickr8k_text" / "Flickr8k.token.txt").read_text().splitlines()[:4000]
    for path in sorted((data / "multi30k").glob("val.*.gz")):
        lines += gzip.decompress(path.read_bytes()).decode().splitlines()
    assert len(lines) > 5000
    other = [line for line in lines if words_of(line) != re.findall(FORMER, line.lower())]
    assert all(any(unicodedata.combining(c) or c in "·\u00ad" for c in line) for line in other)


def test_joined():
    assert joined([]) == ""
    assert joined(["a", "man's", "dog"]) == "a man's dog"
    assert joined(["两", "只", "狗", "iphone", "手", "机"]) == "两只狗iphone手机"
    assert joined(["नमस्ते", "दुनिया"]) == "नमस्ते दुनिया"
    assert joined(["개가", "달린다"]) == "개가 달린다"

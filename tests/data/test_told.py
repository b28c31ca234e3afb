"""Captions without pictures: what is simulated is what is mentioned, and batches are a pure function of seed and step."""

import json

import pytest
import torch

from drawgen import images
from drawgen.data.captions import TextBatch
from drawgen.data.pictures import DataError
from drawgen.data.told import Told, plain
from drawgen.nn.label_evidence import EVIDENCE, WORDS

CAPTIONS = {
    "a.jpg": ["A zebra stands in the grass.", "A zebra.", "One zebra eats grass."],
    "b.jpg": ["A man with a pizza.", "A person eats pizza.", "A pizza on a table."],
    "c.jpg": ["A bus.", "A red bus on a street.", "The bus stops."],
}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("told")
    (folder / "captions.json").write_text(json.dumps({name: texts for name, texts in CAPTIONS.items()}))
    rows = []
    for name in ("chelsea", "coffee", "astronaut", "rocket"):
        images.save_image(folder / f"{name}.png", images.fit_to(images.load_image(f"photo:{name}"), (3, 64, 64)))
        rows.append({"picture": f"{name}.png", "caption": f"This is a {name}."})
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return Told(path=str(folder / "captions.json"), pictures=str(folder / "captions.jsonl"), batch=6, min_count=1)


def test_what_is_mentioned_is_seen(told):
    """Over many draws, the words of a caption are more certain than those of other captions."""
    k = {word: WORDS.index(word) for word in ("zebra", "pizza", "bus")}
    pictures = [0, 1, 2] * 40
    seen = told.simulated(pictures, torch.Generator().manual_seed(0))
    assert seen.shape == (120, EVIDENCE)
    assert 0 <= float(seen[:, :-1].min()) <= float(seen[:, :-1].max()) <= 1 + 1e-6
    for picture, word in enumerate(("zebra", "pizza", "bus")):
        own = torch.arange(120) % 3 == picture
        for column in (k[word], len(WORDS) + k[word]):  # the whole picture, the places
            assert float(seen[own, column].mean()) > 0.6
            assert float(seen[~own, column].mean()) < 0.3
    assert float(seen[1::3, -1].mean()) > float(seen[0::3, -1].mean()) + 0.5  # people


def test_streams(told):
    stream = told.stream("train", seed=1)
    batches = [next(stream) for _ in range(4)]
    assert all(isinstance(batch, TextBatch) for batch in batches)
    again = next(told.stream("train", seed=1, start=3))
    assert torch.equal(again.tokens, batches[3].tokens)
    assert torch.equal(again.evidence, batches[3].evidence)
    held = list(told.stream("valid", seed=0))
    assert sum(len(batch.images) for batch in held) == 4
    assert len(list(told.examples("valid"))) == 4
    assert list(told.stream("test", seed=0)) == []
    assert "zebra" in told.spec().symbols
    assert any("captions to learn the language from" in note for note in told.notes)


def test_one_thing_for_words_of_one_label(told):
    """Horse and carriage stand for one label, too; a rare word is overlooked at times."""
    group = torch.zeros(len(WORDS))
    group[[WORDS.index("dog"), WORDS.index("puppy")]] = 1.0
    found = [list(told.things(group, torch.Generator().manual_seed(n))) for n in range(20)]
    assert all(len(things) == 1 for things in found)
    assert len({label for things in found for label, _ in things}) > 5
    group[:] = 0
    group[WORDS.index("zebra")] = 0.2
    counts = [len(list(told.things(group, torch.Generator().manual_seed(n)))) for n in range(200)]
    assert 0.25 < sum(counts) / 200 < 0.65


def test_plain():
    said = ["a", "man", "in", "a", "black", "and", "white", "shirt", "and", "his", "red", "bus"]
    assert plain(said) == ["a", "person", "in", "a", "shirt", "and", "their", "bus"]
    assert plain(["black", "and", "white"]) == []
    assert plain(["cats", "and", "dogs"]) == ["cats", "and", "dogs"]


def test_people_are_persons(told):
    """The classifier does not tell men from women, so the captions do not, either."""
    said = {word for group in told.groups for words in group for word in words}
    assert "person" in said
    assert "man" not in said
    assert told.peopled.tolist() == [0, 1, 0]


def test_too_few(told):
    with pytest.raises(DataError, match="no word that occurs 99 times"):
        _ = Told(path=told.path, pictures=told.pictures, min_count=99).words

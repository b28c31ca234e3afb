"""Files of captions: real ones agree with hand-read entries, bad ones are refused by name, and streams are complete."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from drawgen.contract import generator
from drawgen.data import caption_files
from drawgen.data.caption_files import Report
from drawgen.data.captions import END, START, UNKNOWN, Captioned, encode, random_square
from drawgen.data.pictures import DataError
from drawgen.data.words import words_of


def picture(path, *, mode="RGB", size=(12, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(path.name))
    if mode == "I;16":
        Image.fromarray(rng.integers(0, 65535, (size[1], size[0])).astype(np.uint16)).save(path)
    else:
        Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)).convert(mode).save(path)


@pytest.fixture
def folder(tmp_path):
    """Six pictures with two captions each."""
    lines = ["picture,caption"]
    for n in range(6):
        picture(tmp_path / f"{n}.png")
        lines += [f"{n}.png,A dog number {n}.", f'{n}.png,"Look, the dog runs fast on grass {n}!"']
    (tmp_path / "captions.csv").write_text("\n".join(lines) + "\n\n")
    return tmp_path


def data_of(path, **changes):
    return Captioned(**({"path": str(path), "side_px": 16, "batch": 2, "min_count": 1, "held_out": 0.34} | changes))


def test_encode():
    tokens, lengths = encode([["a", "b"], ["zebra"], []], ("<start>", "<end>", "<unknown>", "a", "b"))
    assert tokens.tolist() == [[START, 3, 4, END], [START, UNKNOWN, END, END], [START, END, END, END]]
    assert lengths.tolist() == [4, 3, 2]


# ---------------------------------------------------------------- real files


def test_coco(data):
    """Entries read by hand from the file."""
    path = data / "coco_mini" / "annotations" / "captions_train2017.json"
    found = data_of(path, valid=str(path).replace("train", "val"))
    train, valid = found.entries["train"], found.entries["valid"]
    assert (len(train), sum(len(entry.captions) for entry in train)) == (64, 320)
    assert (len(valid), sum(len(entry.captions) for entry in valid)) == (79, 395)
    raw = json.loads(path.read_text())
    first = raw["images"][0]
    told = [a["caption"] for a in raw["annotations"] if a["image_id"] == first["id"]]
    assert train[0].picture.endswith("train2017/" + first["file_name"])
    assert train[0].captions == told
    assert not found.problems
    batch = next(found.stream("train", seed=0))
    assert batch.images.shape == (2, 3, 16, 16)


def test_karpathy(data, tmp_path):
    """Splits and sentences; its pictures are not there, which is told by name."""
    path = data / "caption_json" / "karpathy_flickr8k_derived.json"
    with pytest.raises(DataError, match=r"2513260012_03d33305cf\.jpg.*data\.pictures"):
        _ = data_of(path).entries
    picture(tmp_path / "2513260012_03d33305cf.jpg")
    found = data_of(path, pictures=str(tmp_path))
    (entry,) = found.entries["train"]
    assert entry.captions[1] == "Black dog chasing brown dog through snow"
    assert len(found.problems) == 999
    rows, own = caption_files.read_json(path.read_text(), path, Report())
    assert [sum(row.split == s for row in rows) for s in ("train", "valid")] == [800, 200]
    assert not own


def test_flickr(data):
    path = data / "flickr8k_text" / "Flickr8k.token.txt"
    report = Report()
    rows = caption_files.listed_splits(caption_files.read_flickr(path.read_text(), path, report), path, report)
    assert [sum(row.split == s for row in rows) for s in ("train", "valid")] == [30000, 5000]
    told = [row.captions for row in rows if row.picture == "1000268201_693b08cb0e.jpg"]
    assert told[2] == ["A little girl climbing into a wooden playhouse ."]
    assert "Flickr_8k.devImages.txt and Flickr_8k.trainImages.txt" in report.used[0]


# ---------------------------------------------------------------- one's own folder


def test_folder(folder):
    found = data_of(folder)
    assert {split: len(entries) for split, entries in found.entries.items()} == {"train": 4, "valid": 2, "test": 0}
    assert found.words[:5] == ("<start>", "<end>", "<unknown>", "dog", "a")
    assert found.spec().image == (3, 16, 16)
    assert not found.problems


def test_views(folder):
    """The square, its mirror image, then squares of at least three quarters; each caption meets several, and the same on resume."""
    picture(folder / "0.png", size=(40, 24))
    data = data_of(folder, views=4, batch=4)
    entry = data.entries["train"][0]
    plain, mirrored, crop, flipped = (data.picture(entry, view) for view in range(4))
    assert torch.equal(mirrored, plain.flip(-1))
    assert torch.equal(crop, data_of(folder, keep_mb=0, views=4).picture(entry, 2))
    assert len({tensor.numpy().tobytes() for tensor in (plain, mirrored, crop, flipped)}) == 4
    batches = data.stream("train", seed=3)
    first = [next(batches) for _ in range(9)]
    again = next(data.stream("train", seed=3, start=8))
    assert torch.equal(first[8].images, again.images)
    seen = {image.numpy().tobytes() for batch in first for image in batch.images}
    assert len(data.entries["train"]) < len(seen) <= 4 * len(data.entries["train"])
    without = data_of(folder, batch=4).stream("valid", seed=0)
    assert torch.equal(next(data.stream("valid", seed=0)).images, next(without).images)


def test_random_squares():
    ramp = torch.arange(30 * 50.0).view(1, 30, 50)
    sides = set()
    for n in range(200):
        square = random_square(ramp, generator(n))
        sides.add(square.shape[1])
        assert square.shape[1] == square.shape[2]
    assert min(sides) >= 22
    assert max(sides) == 30


@pytest.mark.parametrize("name", ["texts.token", "texts.csv", "texts.txt", "texts.json"])
def test_texts_before_pictures(folder, name):
    """Any format, or one caption per line; those of pictures that are held out are left out, by their names."""
    data = data_of(folder)
    held = [Path(entry.picture).name for entry in data.entries["valid"]]
    rows = [
        (held[0], "A held out cat."),
        ("b/other.jpg", "A new zebra runs."),
        ("b/other.jpg", "The zebra."),
        ("c.png", "A zebra."),
    ]
    content = {
        "texts.token": "".join(f"{picture}#{n}\t{caption}\n" for n, (picture, caption) in enumerate(rows)),
        "texts.csv": "image,caption\n" + "".join(f"{picture},{caption}\n" for picture, caption in rows),
        "texts.txt": "".join(f"{caption}\n\n" for _, caption in rows[1:]),
        "texts.json": json.dumps([{"picture": picture, "caption": caption} for picture, caption in rows]),
    }
    (folder.parent / name).write_text(content[name])
    data = data_of(folder, text=str(folder.parent / name), text_steps=5, batch=2)
    assert [group[0][-1] for group in data.texts if "zebra" in group[0]] == ["runs", "zebra"] or name == "texts.txt"
    said = {word for group in data.texts for words in group for word in words}
    assert "zebra" in said
    assert "cat" not in said
    assert "zebra" in data.words
    stream = data.stream("train", seed=0)
    batches = [next(stream) for _ in range(7)]
    assert [type(batch).__name__ for batch in batches] == ["TextBatch"] * 5 + ["CaptionBatch"] * 2
    for start in (2, 5, 6):
        again = next(data.stream("train", seed=0, start=start))
        assert all(map(torch.equal, again[:2], batches[start][:2]))
    without = next(data_of(folder, vocabulary=data.words).stream("train", seed=0))
    assert torch.equal(without.images, batches[5].images)
    assert data.digest() != data_of(folder).digest()
    assert any("captions to learn the language from" in note for note in data.notes)


def test_texts_of_no_use(folder):
    held = [Path(entry.picture).name for entry in data_of(folder).entries["valid"]]
    (folder.parent / "texts.token").write_text("".join(f"{name}#0\tA cat.\n" for name in held))
    with pytest.raises(DataError, match="no captions to learn from, beyond those that are measured on"):
        _ = data_of(folder, text=str(folder.parent / "texts.token")).words


def test_no_text_of_a_measured_picture(data):
    """Flickr8k: the texts hold nothing of the 113 pictures for development, of the official development list, and of pictures that
    are in no list."""
    told = data / "flickr8k_text" / "Flickr8k.token.txt"
    found = data_of(data / "flickr8k_1000", text=str(told))
    assert (len(found.entries["train"]), len(found.entries["valid"])) == (753, 113)
    assert len(found.texts) == 6000
    listed = {caption_files.stem_of(name) for name in (told.parent / "Flickr_8k.trainImages.txt").read_text().split()}
    development = {caption_files.stem_of(name) for name in (told.parent / "Flickr_8k.devImages.txt").read_text().split()}
    measured = {caption_files.stem_of(entry.picture) for entry in found.entries["valid"]}
    assert measured <= development
    rows, _ = caption_files.rows_of(told, told.read_text(encoding="utf-8"), Report())
    kept = {caption_files.stem_of(row.picture) for row in rows}
    assert kept & listed
    groups = {tuple(map(tuple, group)) for group in found.texts}
    of: dict[str, list[tuple[str, ...]]] = {}
    for line in told.read_text(encoding="utf-8").splitlines():
        name, caption = line.split("\t")
        of.setdefault(caption_files.stem_of(name.split("#")[0]), []).append(tuple(words_of(caption)))
    for name in (development | measured | (set(of) - listed)) & set(of):
        assert tuple(of[name]) not in groups


@pytest.mark.parametrize("kind", ["tsv", "jsonl"])
def test_other_tables(folder, kind):
    """The same captions in another format are the same data."""
    first = data_of(folder).entries
    rows = [(e.picture.split("/")[-1], c) for entries in first.values() for e in entries for c in e.captions]
    rows.sort(key=lambda row: row[0])
    if kind == "tsv":
        text = "file\ttext\n" + "".join(f"{p}\t{c}\n" for p, c in rows)
    else:
        text = "".join(json.dumps({"image": p, "caption": c}) + "\n\n" for p, c in rows)
    (folder / "captions.csv").unlink()
    (folder / f"captions.{kind}").write_text(text)
    again = data_of(folder).entries
    assert {e.picture: sorted(e.captions) for e in again["train"]} == {e.picture: sorted(e.captions) for e in first["train"]}


def test_streams(folder):
    """Each caption once each time through, whatever the start; batches hold captions of like length; validation is complete."""
    found = data_of(folder)
    batches = [batch for batch, _ in zip(found.stream("train", seed=3), range(8), strict=False)]
    again = [batch for batch, _ in zip(found.stream("train", seed=3, start=5), range(3), strict=False)]
    for one, other in zip(batches[5:], again, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    rows = [tuple(row.tolist()) for batch in batches[:4] for row in batch.tokens]
    assert len(set(rows)) == 8
    assert all(len(set(batch.lengths.tolist())) == 1 for batch in batches[:4])
    assert sum(len(batch.images) for batch in found.stream("valid", seed=0)) == 4
    ranks = [len(batch.images) for rank in range(2) for batch in found.stream("valid", seed=0, rank=rank, ranks=2)]
    assert sum(ranks) == 4
    assert len(list(found.examples("valid"))) == 2


def test_pictures_that_are_kept(folder):
    """With and without memory for them, the same batches."""
    with_memory, without = data_of(folder), data_of(folder, keep_mb=0)
    for one, other, _ in zip(with_memory.stream("train", seed=0), without.stream("train", seed=0), range(10), strict=False):
        assert torch.equal(one.images, other.images)
    assert len(with_memory.kept) == 4
    assert not without.kept


def test_rare_and_long(folder):
    found = data_of(folder, min_count=2, longest=3)
    assert "0" not in found.words
    assert max(int(batch.lengths.max()) for batch in found.stream("valid", seed=0)) == 5


def test_odd_pictures_are_used(tmp_path):
    """1x1, CMYK, 16 bits, grey."""
    names = {"one.png": ("RGB", (1, 1)), "cmyk.jpg": ("CMYK", (9, 9)), "deep.png": ("I;16", (8, 12)), "grey.png": ("L", (20, 8))}
    for name, (mode, size) in names.items():
        picture(tmp_path / name, mode=mode, size=size)
    (tmp_path / "captions.csv").write_text("picture,caption\n" + "".join(f"{name},a thing\n" for name in names))
    found = data_of(tmp_path, held_out=0.0, strict=True)
    shapes = {example.picture.shape for example in found.examples("train")}
    assert shapes == {(3, 16, 16)}
    assert len(next(found.stream("train", seed=0)).images) == 2


def test_what_cannot_be_used_is_told(folder):
    """A caption without a picture, a picture without a caption, an empty caption, a damaged picture: left out with a reason; or
    with `strict` the first stops."""
    with open(folder / "captions.csv", "a") as file:
        file.write('gone.png,a ghost\n1.png,"..."\n')
    picture(folder / "extra.png")
    (folder / "0.png").write_bytes(b"not a picture")
    found = data_of(folder, held_out=0.0)
    batches = [batch for batch, _ in zip(found.stream("train", seed=0), range(12), strict=False)]
    assert all(len(batch.images) == 2 for batch in batches)
    told = "\n".join(f"{name}: {why}" for name, why in found.problems.items())
    for words in (
        "gone.png: the captions name it",
        "extra.png: captions.csv has no caption",
        "it has an empty caption; of 1.png",
        "0.png: ",
    ):
        assert words in told
    with pytest.raises(DataError, match=r"empty caption.*strict|gone\.png.*strict"):
        _ = data_of(folder, strict=True).entries


def test_no_picture_can_be_read(folder):
    for n in range(6):
        (folder / f"{n}.png").write_bytes(b"")
    with pytest.raises(DataError, match="none of its pictures can be read"):
        next(data_of(folder).stream("train", seed=0))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("captions.csv", b"", "line 1, has to name the columns"),
        ("captions.csv", b"a,b\nx,y\n", "line 1, has to name the columns"),
        ("captions.csv", b"picture,caption\n", "holds no captions"),
        ("captions.csv", b"picture,caption\n1.png,a, dog\n", "line 2: it has not as many cells.*3 cells and the header 2"),
        ("captions.csv", b"picture,caption\n1.png\n", "line 2: it has not as many cells"),
        ("captions.csv", b'picture,caption\n1.png,"open\n', "line 2, opens quotation marks"),
        ("captions.csv", b"picture,caption\n1.png,caf\xe9\n", "line 2, is not UTF-8"),
        ("captions.jsonl", b'{"picture": "1.png"}\n', "line 1: it has to be"),
        ("captions.jsonl", b'\n{"picture": null, "caption": "x"}\n', "line 2: it has to be"),
        ("captions.jsonl", b"{not json}\n", "line 1: it is not JSON"),
        ("captions.jsonl", b"[" * 100_000 + b"\n", "line 1: it is not JSON"),
        ("captions.json", b"{}", "has no list `images`"),
        ("captions.json", b"{", "is not JSON"),
        ("captions.json", b'{"images": [{"id": 1}], "annotations": []}', r"images\[0\]"),
        ("captions.json", b'{"images": [{"id": 1, "file_name": "1.png"}], "annotations": 3}', "no list `annotations`"),
        (
            "captions.json",
            b'{"images": [{"id": 1, "file_name": "1.png"}], "annotations": [{"image_id": 2, "caption": "x"}]}',
            r"annotations\[0\]",
        ),
        (
            "captions.json",
            b'{"images": [{"id": 1, "file_name": "1.png"}], "annotations": [{"image_id": 1, "caption": 5}]}',
            r"annotations\[0\]",
        ),
        ("captions.json", b'{"images": [{"filename": "1.png", "split": "nowhere", "sentences": []}]}', r"images\[0\]"),
        ("Flickr8k.token.txt", b"1.png a dog\n", "line 1, has to name the columns"),
        ("Flickr8k.token.txt", b"1.png#0\ta dog\n\xff\n", "line 2, is not UTF-8"),
        ("words.xml", b"<x/>", "no file of captions that is known"),
    ],
)
def test_refusals(tmp_path, name, content, words):
    """One sentence that names the file and the entry."""
    picture(tmp_path / "1.png")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words) as refusal:
        _ = data_of(tmp_path / name).entries
    assert name in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_missing(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(DataError, match=str(path)):
            _ = data_of(path).entries
    with pytest.raises(ValueError, match=r"data\.min_count"):
        Captioned(min_count=0)


def test_too_few_words(folder):
    with pytest.raises(DataError, match=r"no word that occurs 500 times; lower data\.min_count"):
        data_of(folder, min_count=500).spec()

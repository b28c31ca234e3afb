"""Files of captions as people have them: every form of docs/captions.md, and what is told of those that fall short."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from drawgen.data import caption_files
from drawgen.data.caption_files import Report, coco_pictures
from drawgen.data.captions import Captioned
from drawgen.data.pictures import DataError

DOCS = Path(__file__).parent.parent.parent / "docs" / "captions.md"
TOLD = {"1.png": ["a red dog", "a small dog"], "2.png": ["a blue cat, asleep"], "3.png": ["two cats"]}
"""What every form says."""
SPLITS = {"1.png": "train", "2.png": "valid", "3.png": "test"}
ROWS = [(name, caption) for name, captions in TOLD.items() for caption in captions]
CSV = "picture,caption\n" + "".join(f'{name},"{caption}"\n' for name, caption in ROWS)
COCO = {
    "images": [{"id": n, "file_name": name} for n, name in enumerate(TOLD)],
    "annotations": [{"id": 9, "image_id": list(TOLD).index(name), "caption": caption} for name, caption in ROWS],
}
SENTENCES = {name: [{"raw": caption} for caption in captions] for name, captions in TOLD.items()}


def tabs(*header):
    return "\t".join(header) + "\n" + "".join(f"{name}\t{caption}\n" for name, caption in ROWS)


def part(split, name):
    return {"images": [{"id": 1, "file_name": name}], "annotations": [{"image_id": 1, "caption": text} for text in TOLD[name]]}


LINES = "picture,caption\r\n" + "".join('{},"{}"\r\n'.format(name, "\n".join(told)) for name, told in TOLD.items())
LISTS = "picture;caption\n" + "".join(
    f'{name};"{(json.dumps(told) if name == "1.png" else str(told)).replace(chr(34), chr(34) * 2)}"\n'
    for name, told in TOLD.items()
)
# form -> (the files, the folder of the pictures, whether the splits are known)
FORMS = {
    "captions.csv": ({"captions.csv": CSV}, "", False),
    "captions.tsv": ({"captions.tsv": tabs("picture", "caption")}, "", False),
    "semicolons": ({"captions.csv": tabs("picture", "caption").replace("\t", ";")}, "", False),
    "sep=": ({"captions.csv": "sep=;\r\n" + tabs("picture", "caption").replace("\t", ";")}, "", False),
    "bars": (
        {"results.csv": "image_name| comment_number| comment\n" + "".join(f"{name}| 0| {told}\n" for name, told in ROWS)},
        "",
        False,
    ),
    "header in any case": ({"captions.csv": CSV.replace("picture,caption", "Image, TEXT ")}, "", False),
    "file name in any case": ({"Captions.CSV": CSV}, "", False),
    "no header": ({"captions.tsv": "".join(f"{name}\t{caption}\n" for name, caption in ROWS)}, "", False),
    "UTF-8 with a mark": ({"captions.csv": b"\xef\xbb\xbf" + CSV.encode()}, "", False),
    "UTF-16": ({"captions.txt": tabs("picture", "caption").replace("\n", "\r\n").encode("utf-16")}, "", False),
    "caption1, caption2": (
        {
            "captions.csv": "picture,caption1,Caption 2\n1.png,a red dog,a small dog\n"
            + '2.png,"a blue cat, asleep"\n3.png,two cats,\n'
        },
        "",
        False,
    ),
    "captions in lines of a cell": ({"captions.csv": LINES}, "", False),
    "captions as a list in a cell": ({"captions.csv": LISTS}, "", False),
    "split column": (
        {
            "captions.csv": "file;text;Split\n"
            + "".join(f"{n};{c};{({'valid': 'dev'} | {}).get(SPLITS[n], SPLITS[n])}\n" for n, c in ROWS)
        },
        "",
        True,
    ),
    "captions.jsonl": (
        {"captions.jsonl": "".join(json.dumps({"picture": name, "captions": told}) + "\n" for name, told in TOLD.items())},
        "",
        False,
    ),
    "captions.json, a list": ({"captions.json": json.dumps([{"image": n, "caption": c} for n, c in ROWS])}, "", False),
    "captions.json, by name": ({"captions.json": json.dumps({**TOLD, "3.png": "two cats"})}, "", False),
    "Hugging Face": (
        {"metadata.jsonl": "".join(json.dumps({"file_name": name, "text": text}) + "\n" for name, text in ROWS)},
        "",
        False,
    ),
    "Hugging Face, a folder a split": (
        {
            f"{folder}/metadata.csv": "file_name,text\n" + "".join(f'{n},"{c}"\n' for n, c in ROWS if SPLITS[n] == split)
            for folder, split in (("train", "train"), ("validation", "valid"), ("test", "test"))
        },
        {"1.png": "train", "2.png": "validation", "3.png": "test"},
        True,
    ),
    "Kaggle's Flickr8k": ({"captions.txt": CSV.replace("picture", "image")}, "Images", False),
    "Flickr8k.token.txt": ({"Flickr8k.token.txt": "".join(f"{name}#0\t{caption}\n" for name, caption in ROWS)}, "", False),
    "lists of names": (
        {
            "Flickr8k.token.txt": "".join(f"{name}#0\t{caption}\n" for name, caption in ROWS),
            "Flickr_8k.trainImages.txt": "1.png\n",
            "Flickr_8k.devImages.txt": "2.png\n",
            "test.txt": "3.png\r\n",
        },
        "",
        True,
    ),
    "COCO, a file": ({"captions_train2017.json": json.dumps(COCO)}, "train2017", False),
    "COCO, its root": (
        {
            "annotations/captions_train2014.json": json.dumps(part("train", "1.png")),
            "annotations/captions_val2014.json": json.dumps(part("val", "2.png")),
            "annotations/captions_test2014.json": json.dumps(part("test", "3.png")),
            "annotations/instances_val2014.json": "{}",
        },
        {"1.png": "train2014", "2.png": "val2014", "3.png": "test2014"},
        True,
    ),
    "Karpathy's JSON": (
        {
            "dataset_flickr8k.json": json.dumps(
                {
                    "images": [
                        {"filename": n, "sentences": SENTENCES[n], "split": s.replace("valid", "val")} for n, s in SPLITS.items()
                    ]
                }
            )
        },
        "images",
        True,
    ),
    "another name": ({"labels.csv": CSV}, "", False),
}


def paint(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), "red").save(path)


def write(folder, files, pictures=""):
    """The files, and the pictures in one folder or each in its own; what of them is to be read."""
    for name in TOLD:
        paint(folder / (pictures if isinstance(pictures, str) else pictures[name]) / name)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    only = [folder / name for name in files]
    return only[0] if only[0].name == "captions_train2017.json" else folder


def data_of(path, **changes):
    return Captioned(**({"path": str(path), "side_px": 16, "batch": 2, "min_count": 1, "held_out": 0.0} | changes))


def told(data):
    return {Path(e.picture).name: e.captions for entries in data.entries.values() for e in entries}


@pytest.mark.parametrize("form", FORMS)
def test_forms(tmp_path, form):
    """The same pictures with the same captions, and the same splits where they are known."""
    files, pictures, split = FORMS[form]
    data = data_of(write(tmp_path, files, pictures), strict=True)
    assert told(data) == TOLD
    if split:
        assert {Path(e.picture).name: name for name, entries in data.entries.items() for e in entries} == SPLITS
    else:
        assert len(data.entries["train"]) == 3
    assert not data.problems


def test_the_documents_name_every_form():
    rows = re.findall(r"^\| ([^|]+?) \|", DOCS.read_text().split("## Pictures")[0], re.M)
    assert rows[2:] == list(FORMS)


def case(cases, name):
    return data_of(cases / name, batch=4)


CASES = (
    "capital-file-name",
    "caption1-caption2-columns",
    "captions-in-one-cell",
    "ending-upper-case",
    "hf-metadata-jsonl",
    "ids-without-ending",
    "mac-hidden-files",
    "pictures-in-train-folder",
    "row-without-picture",
    "sep-line",
    "split-column",
    "utf16-unicode-text",
)


@pytest.mark.parametrize("name", CASES)
def test_cases(data, name):
    """Folders that other people's tools left: all 24 pictures with one caption or three."""
    folder = data.parent / "cases" / name
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    found = data_of(folder)
    assert len(told(found)) == 24
    assert {len(captions) for captions in told(found).values()} in ({1}, {3})
    assert set(found.problems) == ({"captions.csv, line 28"} if name == "row-without-picture" else set())
    if name == "split-column":
        assert [len(found.entries[split]) for split in ("train", "valid", "test")] == [16, 4, 4]


# ---------------------------------------------------------------- splits


def test_unknown_splits_are_not_trained_on(tmp_path):
    rows = "1.png,a dog,train\n2.png,a cat,holdout\n3.png,a bird,\n"
    data = data_of(write(tmp_path, {"captions.csv": "picture,caption,split\n" + rows}))
    assert told(data) == {"1.png": ["a dog"]}
    assert any("holdout (1 lines), nothing (1 lines)" in note for note in data.notes)
    write(tmp_path, {"captions.csv": "picture,caption,split\n1.png,a dog,Prueba\n"})
    with pytest.raises(DataError, match=r"column split says 'prueba'; write train, val or test"):
        _ = data_of(tmp_path).entries


def test_a_picture_in_two_splits_is_not_used(tmp_path):
    data = data_of(write(tmp_path, {"captions.csv": "picture,caption,split\n1.png,a dog,train\n./1.png,a cat,test\n2.png,b,val\n"}))
    assert told(data) == {"2.png": ["b"]}
    assert "two splits: train and test" in next(iter(data.problems.values()))


def test_data_with_its_own_splits_and_another_for_validation(tmp_path):
    """What is marked test or validation is not trained on."""
    write(
        tmp_path,
        {
            "captions.csv": "picture,caption,split\n1.png,a,train\n2.png,b,val\n3.png,c,test\n",
            "other.csv": "picture,caption\n2.png,x\n",
        },
    )
    data = data_of(tmp_path / "captions.csv", valid=str(tmp_path / "other.csv"))
    assert [[e.captions for e in data.entries[split]] for split in ("train", "valid", "test")] == [[["a"]], [["x"]], [["c"]]]
    assert any("1 pictures marked for validation are not used" in note for note in data.notes)
    same = data_of(tmp_path / "captions.csv", valid=str(tmp_path / "captions.csv"))
    assert [len(same.entries[split]) for split in ("train", "valid", "test")] == [1, 1, 1]
    with pytest.raises(ValueError, match="split is 'nonsense'; it is one of"):
        next(data.stream("nonsense", seed=0))


# ---------------------------------------------------------------- COCO


def test_pictures_of_one_name_in_two_folders(tmp_path):
    """A file's pictures lie in the folder of its year and part; never in the other's, though a file of that name is there."""
    for folder in ("train2014", "val2014"):
        for name in ("1.png", "2.png"):
            paint(tmp_path / "pics" / folder / name)
    (tmp_path / "pics" / "val2014" / "2.png").unlink()
    for name in ("train2014", "val2014"):
        images = [{"id": 1, "file_name": "1.png"}, {"id": 2, "file_name": "2.png"}]
        annotations = [{"image_id": n, "caption": f"{name} {n}"} for n in (1, 2)]
        (tmp_path / f"captions_{name}.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    train, valid = (str(tmp_path / f"captions_{name}.json") for name in ("train2014", "val2014"))
    for pictures in ("pics", "pics/train2014"):  # the second as a run's recipe keeps it
        data = data_of(train, valid=valid, pictures=str(tmp_path / pictures))
        assert [Path(e.picture).parts[-2:] for e in data.entries["valid"]] == [("val2014", "1.png")]
        assert [Path(e.picture).parts[-2:] for e in data.entries["train"]] == [("train2014", "1.png"), ("train2014", "2.png")]
        assert list(data.problems) == ["2.png"]
    (tmp_path / "pics" / "val2014").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"data\.pictures is .*train2014; name their folder"):
        _ = data_of(valid, pictures=str(tmp_path / "pics" / "train2014")).entries
    data = data_of(train, valid=valid, pictures=str(tmp_path / "pics"), valid_pictures=str(tmp_path / "elsewhere"))
    assert [Path(e.picture).parts[-2:] for e in data.entries["valid"]] == [("elsewhere", "1.png")]
    measured = dataclasses.replace(data, path=valid)  # as `drawgen eval --data` does
    assert [Path(e.picture).parts[-2:] for e in measured.entries["valid"]] == [("elsewhere", "1.png")]


def test_one_bad_annotation_does_not_stop_all(tmp_path):
    whole = json.loads(json.dumps(COCO))
    whole["images"] += [{"id": 77}, {"id": 78, "file_name": "gone.png"}, {"id": 79, "file_name": "3.png"}]
    whole["annotations"] += [
        {"image_id": 0, "caption": None},
        {"image_id": 999, "caption": "ghost"},
        {"image_id": 78, "caption": "x"},
    ]
    data = data_of(write(tmp_path, {"captions_train2017.json": json.dumps(whole)}, "train2017"))
    assert told(data) == TOLD
    assert set(data.problems) == {
        "captions_train2017.json, images[3]",
        "captions_train2017.json, annotations[4]",
        "captions_train2017.json, annotations[5]",
        "gone.png",
    }
    report = Report()
    assert [number for number, _ in coco_pictures(tmp_path / "captions_train2017.json", "", report)] == [0, 1, 2, 79]
    assert set(report.left_out) == {"captions_train2017.json, images[3]", "gone.png"}


def test_coco_of_two_years_is_ambiguous(tmp_path):
    files = {f"annotations/captions_{name}.json": json.dumps(COCO) for name in ("train2014", "train2017")}
    write(tmp_path, files)
    with pytest.raises(DataError, match=r"more than one year.*data\.path"):
        _ = data_of(tmp_path).entries


# ---------------------------------------------------------------- what falls short


def test_late_pictures_are_found(tmp_path):
    """The first two hundred pictures are missing, the others are there."""
    rows = "".join(f"gone{n}.png,a ghost\n" for n in range(200))
    data = data_of(write(tmp_path, {"captions.csv": CSV.replace("\n", "\n" + rows, 1)}))
    assert told(data) == TOLD
    assert len(data.problems) == 200


def test_rows_that_cannot_be_used_are_named_with_their_line(tmp_path):
    text = 'picture,caption,\n1.png,a dog,,,\n,no picture\n2.png\n\n2.png,"two\nlines"\n3.png,...\n1.png,"a" b\n'
    text += "3.png,a, b, c, d\n2.png,the end\n"
    data = data_of(write(tmp_path, {"captions.csv": text}))
    assert told(data) == {"1.png": ["a dog"], "2.png": ["two", "lines", "the end"]}
    lines = {int(name.rsplit(" ", 1)[1]) for name in data.problems if "line" in name}
    assert lines == {3, 4, 8, 9, 10}


@pytest.mark.parametrize("text", ['picture,caption\n1.png,"a dog\n2.png,a cat\n', 'picture,caption\n1.png,"a dog\n2.png,"a cat"\n'])
def test_quotes_that_do_not_end_take_no_rows_with_them(tmp_path, text):
    with pytest.raises(DataError, match="line 2, opens quotation marks"):
        _ = data_of(write(tmp_path, {"captions.csv": text})).entries


def test_quotes_in_a_file_of_tabs(tmp_path):
    """Whole cells in quotes are unpacked, as spreadsheets write them; others keep their quotes, and say so."""
    write(tmp_path, {"captions.tsv": 'picture\tcaption\n1.png\t"a ""red""\tdog"\n'})
    assert told(data_of(tmp_path)) == {"1.png": ['a "red"\tdog']}
    write(tmp_path, {"captions.tsv": 'picture\tcaption\n1.png\t"a dog" it says\n2.png\t"a cat\n3.png\ta bird"\n'})
    data = data_of(tmp_path)
    assert told(data) == {"1.png": ['"a dog" it says'], "2.png": ['"a cat'], "3.png": ['a bird"']}
    assert any("quotation marks are read as letters" in note for note in data.notes)


def test_columns_are_named(tmp_path):
    """Those that are not used, and those that are there twice."""
    data = data_of(write(tmp_path, {"captions.csv": "author,picture,caption,caption,picture\nme,1.png,a,b,2.png\n"}))
    assert told(data) == {"1.png": ["a", "b"]}
    notes = "\n".join(data.notes)
    assert "column caption more than once: all are read" in notes
    assert "column picture more than once: the first is read" in notes
    assert "unused columns: author" in notes


def test_several_files_are_named(tmp_path):
    data = data_of(write(tmp_path, {"captions.csv": CSV, "captions.tsv": tabs("picture", "caption")}))
    assert data.notes[0] == "captions.csv is read, and captions.tsv beside it is not"
    for name in ("captions.csv", "captions.tsv"):
        (tmp_path / name).rename(tmp_path / f"x{name}")
    with pytest.raises(DataError, match=r"several tables \(xcaptions\.csv, xcaptions\.tsv\)"):
        _ = data_of(tmp_path).entries


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("picture,caption\n1.png,ein schöner Tag\n".encode("cp1252"), r"line 2, is not UTF-8 \(byte 0xf6.*Windows-1252"),
        ("picture,caption\n1.png,a\n".encode("utf-16-le"), "line 1, has zero bytes"),
        (b"\xff\xfep\0i\0c", "is not UTF-16"),
        (b"a,b\n1,2\n", "line 1, has to name the columns"),
        (b"\n\nname;title\n1;2\n", "line 3, has to name the columns"),
    ],
)
def test_refusals(tmp_path, content, words):
    with pytest.raises(DataError, match=words):
        _ = data_of(write(tmp_path, {"captions.csv": content})).entries


def test_old_line_ends(tmp_path):
    assert told(data_of(write(tmp_path, {"captions.csv": CSV.replace("\n", "\r")}))) == TOLD


def test_lists_in_cells_stay_texts_where_they_are_none():
    for cell in ("[a dog", "[a dog] and [a cat]", '["a", 3]', "[]", "[" * 5000 + "]"):
        assert caption_files.several(cell) == [cell]


def test_small_data_has_small_batches(tmp_path):
    """And the sentence says how many were held out."""
    write(tmp_path, {"captions.csv": CSV})
    data = data_of(tmp_path, batch=32, held_out=0.34)
    (batch,) = (batch for batch, _ in zip(data.stream("train", seed=0), range(1), strict=False))
    captions = sum(len(entry.captions) for entry in data.entries["train"])
    assert len(batch.images) == captions < 4
    assert data.notes[-2:] == [
        "pictures: 2 for training, 1 for validation (held out: data.held_out is 0.34)",
        f"batches of {captions}: there are no more captions for training (data.batch is 32)",
    ]
    with pytest.raises(DataError, match="captions for training, and 9 are needed"):
        next(data.stream("train", seed=0, rank=0, ranks=9))

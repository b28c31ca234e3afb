"""SVHN's full numbers, read from a small folder of that form."""

import numpy as np
import pytest
import torch

from drawgen import images
from drawgen.data.clutter import segments
from drawgen.data.house_numbers import HouseNumbers, read_numbers
from drawgen.data.pictures import DataError

h5py = pytest.importorskip("h5py")
DIGITS = torch.from_numpy(segments(1).pictures).float() / 255


def write_structure(file, entries):
    """digitStruct.mat as MATLAB writes it: references to names, and to groups of numbers or of references to numbers."""
    with h5py.File(file, "w") as out:
        names = out.create_dataset("digitStruct/name", (len(entries), 1), h5py.ref_dtype)
        boxes = out.create_dataset("digitStruct/bbox", (len(entries), 1), h5py.ref_dtype)
        for n, (name, digits) in enumerate(entries):
            letters = out.create_dataset(f"#refs#/name{n}", data=np.array([[ord(letter)] for letter in name], np.uint16))
            names[n, 0] = letters.ref
            group = out.create_group(f"#refs#/box{n}")
            boxes[n, 0] = group.ref
            for k, key in enumerate(("left", "top", "width", "height", "label")):
                values = [float(digit[k]) for digit in digits]
                if len(values) == 1:
                    group.create_dataset(key, data=[[values[0]]])
                    continue
                refs = group.create_dataset(key, (len(values), 1), h5py.ref_dtype)
                for m, value in enumerate(values):
                    refs[m, 0] = out.create_dataset(f"#refs#/{key}{n}_{m}", data=[[value]]).ref


@pytest.fixture
def folder(tmp_path):
    """train/ with 24 numbers, test/ with two."""
    for part, count in (("train", 24), ("test", 2)):
        (tmp_path / part).mkdir()
        entries = []
        for n in range(count):
            labels = [(n + k) % 10 or 10 for k in range(1 + n % 3)]
            picture = torch.full((3, 40, 120), 0.2)
            digits = []
            for k, label in enumerate(labels):
                picture[0, 6:34, 10 + 30 * k : 38 + 30 * k] += 0.7 * DIGITS[label % 10]
                digits.append((10 + 30 * k, 6, 28, 28, label))
            images.save_image(tmp_path / part / f"{n + 1}.png", picture)
            entries.append((f"{n + 1}.png", digits))
        write_structure(tmp_path / part / "digitStruct.mat", entries)
    return tmp_path


def test_numbers_and_their_boxes(folder):
    found = read_numbers(folder / "train")
    assert len(found) == 24
    assert found[0].digits == (0,)  # SVHN's label of a zero is 10
    assert found[2].digits == (2, 3, 4)
    assert found[2].box == (10.0, 6.0, 98.0, 34.0)


def test_crops_show_the_number(folder):
    data = HouseNumbers(path=str(folder), batch=8)
    assert data.spec().picture == (3, 54, 54)
    (valid,) = data.stream("valid", seed=0)
    assert valid.targets.tolist() == [[9, 0, -1, -1, -1]]  # the twentieth: 19 and 20
    (test,) = data.stream("test", seed=0)
    assert test.targets.tolist() == [[0, -1, -1, -1, -1], [1, 2, -1, -1, -1]]
    red = test.images[:, 0] > 0.5
    assert all(row.any(1).float().mean() > 0.5 for row in red)  # a digit fills most of the height
    first = next(iter(data.stream("train", seed=0)))
    again = next(iter(data.stream("train", seed=0)))
    assert torch.equal(first.images, again.images)
    assert first.images.shape == (8, 3, 54, 54)
    assert not torch.equal(first.images, next(iter(data.stream("train", seed=0, start=1))).images)


def test_what_cannot_be_read_is_refused(folder, tmp_path):
    with pytest.raises(DataError, match=r"has no digitStruct\.mat; give `data\.path` the folder"):
        read_numbers(tmp_path / "nowhere")
    (folder / "train" / "7.png").unlink()
    with pytest.raises(DataError, match=r"7\.png is missing"):
        read_numbers(folder / "train")
    structure = folder / "test" / "digitStruct.mat"
    structure.write_bytes(structure.read_bytes()[:900])
    with pytest.raises(DataError, match="is not SVHN's digitStruct"):
        read_numbers(folder / "test")
    write_structure(structure, [("../../secret.png", [(1, 1, 2, 2, 1)])])
    with pytest.raises(DataError, match="a picture is named"):
        read_numbers(folder / "test")
    write_structure(structure, [("1.png", [(1, 1, 2, 2, 12)])])
    with pytest.raises(DataError, match="no number"):
        read_numbers(folder / "test")
    write_structure(structure, [("1.png", [(500, 500, 20, 20, 1)])])
    with pytest.raises(DataError, match="outside of the picture"):
        HouseNumbers().scenes(read_numbers(folder / "test"), None)

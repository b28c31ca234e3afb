"""What a trained model is measured on."""

import json
import shutil

import pytest

from drawgen import checkpoint, jobs, models
from drawgen.data.captions import Captioned
from drawgen.data.digits import Binarized
from drawgen.data.pictures import DataError
from drawgen.data.standard import Standard


def test_a_shipped_model_is_measured_on_the_kind_of_data_it_was_trained_on():
    """Not on that of its model's first preset; the way of reading (threshold, size) is the run's, the place is the caller's."""
    digits, characters = (jobs.data_of(models.shipped()[f"draw:{name}"], "it", "here") for name in ("mnist", "omniglot"))
    assert isinstance(digits, Binarized)
    assert characters == Standard(name="omniglot", path="here", side_px=28, threshold=0.35, jitter_px=2)
    assert jobs.data_of(models.shipped()["ride:brick"], "it", "photo:grass").crop_px == 56
    told = jobs.data_of(models.shipped()["captioner:photos"], "it", "here")  # learned from captions alone, measured on pictures
    assert isinstance(told, Captioned)
    assert (told.path, told.valid) == ("here", "here")
    with pytest.raises(ValueError, match=r"it does not say what to measure it on; give `data`, a file"):
        jobs.data_of(models.shipped()["draw:omniglot"], "it", None)


def test_data_of_an_unknown_kind_is_not_guessed(tiny, tmp_path):
    """Without the recipe: a texture is read as all of them are, and a drawing may be of anything."""
    for name in ("ride", "draw"):
        shutil.copytree(tiny[f"{name}:tiny"], tmp_path / name)
        (tmp_path / name / jobs.RECIPE).unlink()
    assert jobs.measure(str(tmp_path / "ride"), data="photo:grass")
    with pytest.raises(ValueError, match=r"put the run's recipe\.json beside its config\.json"):
        jobs.measure(str(tmp_path / "draw"), data="somewhere")


def test_shipped_characters_have_the_bound_on_their_card(data):
    scores = jobs.measure("draw:omniglot", data=str(data / "omniglot"))
    assert scores["bound_nats"] == pytest.approx(95.907, abs=0.05)


def changed(source, folder, **data):
    """A model folder whose recipe says other things of the data."""
    shutil.copytree(source, folder)
    path = folder / jobs.RECIPE
    recipe = json.loads(path.read_text())
    path.write_text(json.dumps(recipe | {"data": recipe["data"] | data}))
    return str(folder)


def test_a_folder_that_is_handed_in_makes_nothing_elsewhere(tiny, tmp_path):
    """Its recipe names places on this machine: nothing is made there, and nothing is downloaded."""
    there = tmp_path / "elsewhere" / "deep"
    source = tmp_path / "draw"
    shutil.copytree(tiny["draw:tiny"], source)
    recipe = json.loads((source / jobs.RECIPE).read_text())
    data = checkpoint.to_plain(Standard(path=str(there), side_px=12))
    (source / jobs.RECIPE).write_text(json.dumps(recipe | {"preset": "omniglot", "data": data}))
    with pytest.raises(DataError, match=r"mnist is not in .*; give `data\.path`"):
        jobs.measure(str(source))
    source = changed(tiny["ride:tiny"], tmp_path / "ride", path=str(there))
    with pytest.raises(ValueError, match="does not exist"):
        jobs.measure(source)
    assert not there.parent.exists()


def test_a_run_whose_data_is_another_is_not_measured_on_it(tiny, tmp_path):
    source = changed(tiny["draw_classifier:tiny"], tmp_path / "x", side_px=40)
    with pytest.raises(DataError, match=r"is another than it was trained on"):
        jobs.measure(source)


@pytest.mark.parametrize("number", [2**63, 10**400])
def test_huge_numbers_in_a_recipe_are_refused(tiny, tmp_path, number):
    source = changed(tiny["draw:tiny"], tmp_path / "x", batch=number)
    with pytest.raises(checkpoint.CheckpointError, match=r"recipe\.json: batch is .*; it has to be at most"):
        jobs.measure(source)

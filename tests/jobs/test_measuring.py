"""What a trained model is measured on."""

import shutil

import pytest

from drawgen import jobs, models
from drawgen.data.digits import Binarized
from drawgen.data.standard import Standard


def test_a_shipped_model_is_measured_on_the_kind_of_data_it_was_trained_on():
    """Not on that of its model's first preset; the way of reading (threshold, size) is the run's, the place is the caller's."""
    digits, characters = (jobs.data_of(models.shipped()[f"draw:{name}"], "it", "here") for name in ("mnist", "omniglot"))
    assert isinstance(digits, Binarized)
    assert characters == Standard(name="omniglot", path="here", side_px=28, threshold=0.35, jitter_px=2)
    assert jobs.data_of(models.shipped()["ride:brick"], "it", "photo:grass").longest_px == 256
    with pytest.raises(ValueError, match=r"it does not say what to measure it on; give --data FILE"):
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

"""What a run folder becomes."""

from dataclasses import replace

import pytest
import torch

from drawgen import checkpoint, jobs, models


def test_resume_of_a_finished_run_changes_nothing(tiny):
    for name, folder in tiny.items():
        model = name.split(":")[0]
        before = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".safetensors", ".json")}
        jobs.train(model, jobs.stored_recipe(folder)[2], folder, preset="tiny", resume=True)
        after = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".safetensors", ".json")}
        assert after == before


def hardly_trained(name, **changes):
    """The tiny recipe, with a step that changes next to nothing."""
    recipe = models.recipe(name, "tiny")
    return replace(recipe, model=replace(recipe.model, **changes), fit=replace(recipe.fit, steps=1, rate=1e-12, seed=5))


@pytest.mark.parametrize("name", models.names())
def test_training_begins_with_a_models_weights(tiny, tmp_path, name):
    folder = tiny[f"{name}:tiny"]
    jobs.train(name, hardly_trained(name), tmp_path, preset="tiny", begin=str(folder))
    mine, theirs = (models.load(place).state_dict() for place in (tmp_path, folder))
    torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=0)
    assert "begun with the weights of: " + folder.name in (tmp_path / checkpoint.CARD).read_text()
    jobs.train(name, jobs.stored_recipe(tmp_path)[2], tmp_path, preset="tiny", resume=True)
    assert "begun with" in (tmp_path / checkpoint.CARD).read_text()


def test_training_begins_with_the_weights_that_fit(tiny, tmp_path):
    """A doodler after a painter: what has another shape stays as it was built, and too little of it is refused."""
    folder = tiny["painter:tiny"]
    recipe = hardly_trained("painter", goal="doodle", noise=4, critic_width=2)
    jobs.train("painter", recipe, tmp_path / "run", preset="tiny", begin=str(folder))
    mine, theirs = (models.load(place).state_dict() for place in (tmp_path / "run", folder))
    fitting = {key for key in mine if key in theirs and mine[key].shape == theirs[key].shape}
    assert any(key.startswith("policy.memory.") for key in fitting)
    assert fitting < set(mine)
    torch.testing.assert_close({key: mine[key] for key in fitting}, {key: theirs[key] for key in fitting}, atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match=r"fits only \d+% of this model's weights"):
        jobs.train("painter", hardly_trained("painter", units=17), tmp_path / "other", preset="tiny", begin=str(folder))
    with pytest.raises(ValueError, match="knows other symbols"):
        jobs.train("painter", recipe, tmp_path / "other", preset="tiny", begin=str(tiny["captioner:tiny"]))
    with pytest.raises(ValueError, match="`begin` is for a new run"):
        jobs.train("painter", recipe, tmp_path / "run", preset="tiny", begin=str(folder), resume=True)
    assert not (tmp_path / "other").exists()

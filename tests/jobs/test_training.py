"""What a run folder becomes."""

import json
import re
from dataclasses import replace

import pytest
import torch

from drawgen import checkpoint, images, jobs, models
from drawgen.contract import Recipe
from drawgen.data.captions import Captioned
from drawgen.jobs.measuring import data_for
from drawgen.models.captioner import Config
from drawgen.training import Fit


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
    mine, theirs = (dict(models.load(place).named_parameters()) for place in (tmp_path, folder))  # statistics move at every step
    torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=0)
    assert "initial weights: " + folder.name in (tmp_path / checkpoint.CARD).read_text()
    jobs.train(name, jobs.stored_recipe(tmp_path)[2], tmp_path, preset="tiny", resume=True)
    assert "initial weights" in (tmp_path / checkpoint.CARD).read_text()


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


# ---------------------------------------------------------------- words that are new

OLD, NEW = ("a", "cat", "dog", "runs"), ("a", "cat", "sleeps", "zebra")


def captioned(folder, words):
    """Four pictures, each with a caption of two of the words."""
    folder.mkdir()
    rows = []
    for n in range(4):
        images.save_image(folder / f"{n}.png", torch.full((3, 16, 16), n / 4))
        rows.append({"picture": f"{n}.png", "caption": f"{words[n]} {words[(n + 1) % 4]}"})
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return Captioned(path=str(folder), side_px=16, batch=2, min_count=1, held_out=0.0)


def captioner_recipe(data, **fit):
    model = Config(features=16, attention=8, units=12, embedding=8, tied=True)
    return Recipe(model=model, data=data, fit=Fit(steps=2, warmup=1, **fit), about="")


def test_new_words_are_added_to_those_of_the_model(tmp_path):
    """The rows of the words that it knows are taken over; the words of the data that are new come after them. A resumed run and the
    model folder have the same vocabulary."""
    old = jobs.train("captioner", captioner_recipe(captioned(tmp_path / "a", OLD)), tmp_path / "old").model
    recipe = captioner_recipe(captioned(tmp_path / "b", NEW), rate=1e-12)
    new = jobs.train("captioner", recipe, tmp_path / "new", preset="own", begin=str(tmp_path / "old")).model
    known = old.spec.symbols
    assert new.spec.symbols == (*known, "sleeps", "zebra")
    for name in ("embedding.weight", "output.bias", "recurrent.layers.0.weight_hh_l0"):
        mine, theirs = (model.decoder.get_parameter(name) for model in (new, old))
        rows = len(theirs)
        torch.testing.assert_close(mine[:rows], theirs, atol=1e-5, rtol=1e-5)
    assert models.load(tmp_path / "new").spec == new.spec
    longer = replace(recipe, fit=replace(recipe.fit, steps=4))
    assert jobs.train("captioner", longer, tmp_path / "new", preset="own", resume=True).model.spec == new.spec
    data = replace(recipe.data, valid=recipe.data.path)  # the same pictures
    jobs.train("captioner", replace(recipe, data=data), tmp_path / "told", preset="own", begin=str(tmp_path / "old"))
    assert jobs.measure(str(tmp_path / "told"), floors=False)["captions"] == 4
    record = json.loads((tmp_path / "new" / "recipe.json").read_text())
    assert record["data"]["vocabulary"] == []
    assert data_for(new, tmp_path / "new", "it", None).spec() == new.spec  # it is measured on its own data


def test_a_captioner_cannot_begin_with_a_model_without_words(tiny, tmp_path):
    recipe = captioner_recipe(captioned(tmp_path / "a", OLD))
    with pytest.raises(ValueError, match="fits only 0% of this model's weights"):
        jobs.train("captioner", recipe, tmp_path / "new", begin=str(tiny["painter:tiny"]))


def test_the_decoder_may_learn_more_slowly(tmp_path):
    """Rate 0 for the recurrent layers of a decoder that can write already."""
    recipe = captioner_recipe(captioned(tmp_path / "a", OLD))
    old = jobs.train("captioner", recipe, tmp_path / "old").model
    slow = replace(recipe, model=replace(recipe.model, decoder_rate=0.0))
    new = jobs.train("captioner", slow, tmp_path / "new", begin=str(tmp_path / "old")).model
    for (name, mine), theirs in zip(new.named_parameters(), old.parameters(), strict=True):
        assert torch.equal(mine, theirs) == name.startswith("decoder.recurrent."), name


@pytest.mark.parametrize("faster", [True, False])
def test_precision_is_told(tmp_path, monkeypatch, faster):
    """bf16 where this processor gains nothing from it is used all the same, with a word; the card says what was taken."""
    for place in ("drawgen.jobs.training", "drawgen.training.run"):
        monkeypatch.setattr(f"{place}.bfloat16_is_faster", lambda: faster)
    recipe, said = models.recipe("draw", "tiny"), []
    reports = jobs.Reports(message=said.append)
    given = replace(recipe, fit=replace(recipe.fit, steps=1, device="cpu", precision="bf16"))
    jobs.train("draw", given, tmp_path / "given", preset="tiny", reports=reports)
    assert ("`fit.precision` is bf16, and this processor is not faster with it than with fp32" in said) is not faster
    jobs.train("draw", replace(recipe, fit=replace(recipe.fit, steps=1, device="cpu")), tmp_path / "auto", preset="tiny")
    for name, taken in (("given", "bf16"), ("auto", "bf16" if faster else "fp32")):
        assert re.search(rf"- training: 1 steps in .*, {taken}$", (tmp_path / name / checkpoint.CARD).read_text(), re.MULTILINE)

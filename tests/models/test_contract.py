"""What every model keeps, by existing: one file, a Config, PRESETS with a "tiny", and the contract's methods."""

import dataclasses
import inspect

import pytest
import torch

from drawgen import checkpoint, images, jobs, models
from drawgen.contract import Draws, DrawsNoise, Loss, Model, Reads, Recipe, Request, Spec, WeighsSamples, Writes, generator
from drawgen.data.captions import SPECIAL
from drawgen.data.tree_batches import FINISH, UNKNOWN
from drawgen.jobs import captions
from drawgen.strokes.painting import Painting
from drawgen.trees.linear import XX

MODELS = models.names()
PRESETS = [(name, preset) for name in MODELS for preset in models.presets(name)]


@pytest.fixture(scope="module", params=MODELS)
def trained(request, tmp_path_factory):
    """(name, run folder) of each model, trained by its preset "tiny"."""
    folder = tmp_path_factory.mktemp(request.param) / "run"
    jobs.train(request.param, models.recipe(request.param, "tiny"), folder, preset="tiny")
    return request.param, folder


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_presets(name, preset):
    """Every preset is a recipe that says something about itself, builds, and is listed without an import."""
    recipe = models.recipe(name, preset)
    assert isinstance(recipe, Recipe)
    assert len(recipe.about) > 20
    told = models.presets(name)[preset]
    assert told == models.Preset(recipe.about, recipe.what, recipe.size, recipe.figure)
    assert 5 < len(recipe.what) <= 50
    assert len(recipe.figure) <= 32
    assert type(recipe.model) is models.module(name).Config


def texts(sources, targets):
    words = [tuple(map(str, range(count))) for count in (sources, targets)]
    return Spec(source_vocabulary=words[0], vocabulary=words[1], unit="words")


LABELS = [f"{mark}{n}" for n in range(27) for mark in "()"]
TREES = Spec(
    source_vocabulary=(UNKNOWN, *(f"w{n}" for n in range(5354))),
    vocabulary=(FINISH, XX, *LABELS),
    classes=tuple(map(str, range(45))),
    unit="words",
)
SPECS = {"char_rnn": Spec(vocabulary=tuple(map(chr, range(65)))),
         "char_rnn:latex": Spec(vocabulary=tuple(map(chr, range(93)))),
         "char_rnn:xml": Spec(vocabulary=tuple(map(chr, range(47)))),
         "captioner": Spec((3, 224, 224), vocabulary=(*SPECIAL, *(str(n) for n in range(9996)))),
         "text_classifier:languages": Spec(vocabulary=tuple(map(chr, range(108))), classes=("English", "French", "German")),
         "text_classifier:alphabets": Spec(point=3, classes=tuple("ABCDEF")),
         "resnet_classifier:digits": Spec((1, 28, 28), classes=tuple("0123456789")),
         "resnet_classifier:cifar10": Spec((3, 32, 32), classes=tuple("0123456789")),
         "sketch_rnn": Spec((1, 128, 128), point=2, step=0.15, counts=(2, 154)),
         "handwriting:iam": Spec(vocabulary=tuple(map(chr, range(80))), point=2, step=0.1, counts=(1, 80)),
         "seq2seq:translate": texts(4185, 6231),
         **{f"seq2seq:translate-{more}": texts(8062, 5982) for more in ("long", "no-attention", "forward")},
         **{f"seq2tree:treebank{more}": TREES for more in ("", "-paper", "-no-attention")}}  # fmt: skip
"""Of data that is not here: tiny Shakespeare's, LaTeX, an SVG of paths, that of COCO's captions, sentences of three languages,
IAM-OnDB's lines, Omniglot's alphabets, MNIST, CIFAR-10, pairs of Tatoeba and Multi30k, trees of GUM."""


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_the_size_of_a_preset_is_that_of_its_model(name, preset):
    recipe = models.recipe(name, preset)
    if preset in ("own", "photos", "told"):
        pytest.skip("as many words as the person's captions have")
    try:
        spec = recipe.data.spec()
    except ValueError:  # its files are not here
        spec = SPECS[f"{name}:{preset}"] if f"{name}:{preset}" in SPECS else SPECS[name]
    config = dataclasses.replace(recipe.model, encoder_weights="") if name == "captioner" else recipe.model
    built = config.build(spec, rng=generator(0))
    assert recipe.size == models.in_short(sum(p.numel() for p in built.parameters()))


@pytest.mark.parametrize("name", MODELS)
def test_listed_presets_are_the_presets(name):
    assert list(models.presets(name)) == list(models.module(name).PRESETS)
    assert "tiny" in models.presets(name)


@pytest.mark.parametrize("name", MODELS)
def test_every_field_says_what_it_is(name):
    """The string under a config field is its --help."""
    recipe = models.recipe(name)
    for config in (recipe.model, recipe.data, recipe.fit):
        kind = type(config)
        assert kind.__dataclass_params__.frozen
        source = inspect.getsource(kind)
        for field in dataclasses.fields(kind):
            assert field.kw_only
            after = source.split(f"\n    {field.name}:", 1)[1].split("\n", 1)[1].lstrip()
            assert after.startswith('"""'), f"{kind.__name__}.{field.name} has no string under it"


def test_losses(trained):
    """The walk yields finite losses for known players over a positive count, and returns a flat dictionary or None."""
    _name, folder = trained
    model, recipe = models.load(folder), jobs.stored_recipe(folder)[2]
    assert isinstance(model, Model)
    players = model.players()
    owned = [p for player in players.values() for group in player.groups for p in group.parameters]
    assert len(owned) == len({id(p) for p in owned}), "a parameter belongs to one group of one player"
    rng = generator(1)
    batch = next(iter(recipe.data.stream("train", seed=0)))
    if isinstance(model, DrawsNoise):
        batch = model.draw_noise(batch, rng=rng)
    walk = model.losses(batch, state={}, rng=rng)
    losses, state = [], None
    while True:
        try:
            losses.append(next(walk))
        except StopIteration as end:
            state = end.value
            break
        losses[-1].value.backward()
    assert losses
    for loss in losses:
        assert isinstance(loss, Loss)
        assert torch.isfinite(loss.value)
        assert loss.player in players
        assert loss.count > 0
    assert state is None or all(isinstance(tensor, torch.Tensor) for tensor in state.values())


def test_measure_adds_up(trained):
    """Two batches measured apart add up to both together: sums and counts, not means. What depends on random numbers comes near."""
    _name, folder = trained
    model, recipe = models.load(folder), jobs.stored_recipe(folder)[2]
    stream = iter(recipe.data.stream("train", seed=0))
    batches = [next(stream), next(stream)]
    joined = type(batches[0])(*(joint(parts) for parts in zip(*batches, strict=True)))
    with torch.no_grad():
        apart = [model.measure(batch, rng=generator(0)) for batch in batches]
        together = model.measure(joined, rng=generator(0))
        again = model.measure(joined, rng=generator(1))
    for key, (total, count) in together.items():
        assert count == apart[0][key][1] + apart[1][key][1]
        exact = float(total) == float(again[key][0])
        assert float(total) == pytest.approx(float(apart[0][key][0] + apart[1][key][0]), rel=1e-4 if exact else 0.5)


def joint(parts):
    """One batch after another; shorter texts and drawings are filled with what they end in."""
    if parts[0].dim() in (2, 3):
        longest = max(part.shape[1] for part in parts)
        more = [part[:, -1:].expand(-1, longest - part.shape[1], *part.shape[2:]) for part in parts]
        parts = [torch.cat(pair, 1) for pair in zip(parts, more, strict=True)]
    return torch.cat(parts)


def test_samples(trained):
    """In [0, 1], of the model's size or of the size asked for (or another size is refused), the same for the same seed,
    different for another; frames end with the picture."""
    _name, folder = trained
    model = models.load(folder)
    if not isinstance(model, Draws):
        with pytest.raises(ValueError, match="is not a model that draws pictures; it "):
            jobs.draw(str(folder), Request())
        return
    try:
        shape = model.sample(Request(size=(24, 20))).images.shape[2:]
    except ValueError as refusal:
        shape = (24, 20) if str(refusal).startswith("size is 20x24") else None
    assert shape == (24, 20)
    request = Request(n=2, seed=3)
    sample = model.sample(request)
    assert sample.images.shape == (2, *model.spec.image)
    assert sample.images.min() >= 0
    assert sample.images.max() <= 1
    assert torch.equal(sample.images, model.sample(request).images)
    torch.testing.assert_close(
        model.sample(dataclasses.replace(request, n=1)).images, sample.images[:1], atol=1 / 250, rtol=0
    )  # a level
    assert not torch.equal(sample.images, model.sample(dataclasses.replace(request, seed=4)).images)
    if sample.frames is not None:
        assert torch.equal(list(sample.frames(4))[-1], sample.images)


def test_texts(trained):
    """Of the length asked for, beginning with the prime; the same for the same seed, another for another seed or number. Sizes are
    refused. The pieces have log-probabilities."""
    _name, folder = trained
    model = models.load(folder)
    if not isinstance(model, Writes):
        pytest.skip("it does not write")
    prime = model.spec.vocabulary[-1] * 2
    request = Request(n=2, seed=3, prime=prime, length=50)
    texts = []
    for index in range(2):
        pieces = list(model.write(request, index))
        assert len(pieces) > 1
        assert pieces[0].text == prime
        assert pieces[0].log_prob == 0
        assert all(piece.log_prob < 0 for piece in pieces[1:])
        texts.append("".join(piece.text for piece in pieces))
    assert [len(text) for text in texts] == [52, 52]
    assert texts[0] != texts[1]
    alone, other = dataclasses.replace(request, n=1), dataclasses.replace(request, seed=4)
    assert "".join(piece.text for piece in model.write(alone, 0)) == texts[0]
    assert "".join(piece.text for piece in model.write(other, 0)) not in texts
    for request in (Request(size=(24, 20)), Request(tile=True)):
        with pytest.raises(ValueError, match="`size` and `tile` are for pictures"):
            list(model.write(request, 0))


def test_folder(trained, tmp_path):
    """A run folder is a model folder: it names the model, holds no path, and loads to the same weights."""
    name, folder = trained
    found = checkpoint.read_model(folder)
    assert found.model == name
    assert "/" not in (folder / checkpoint.CONFIG).read_text()
    assert (folder / checkpoint.CARD).read_text().startswith(f"# {name}")
    first, second = models.load(folder), models.load(folder)
    for key, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[key])


def test_scores(trained):
    """How much was measured comes first, and everything else is a number; other splits than the data's are refused, and so are
    options of other models."""
    name, folder = trained
    scores = jobs.measure(str(folder))
    scores = {key: value for key, value in scores.items() if "_of_words_" not in key}  # of translations
    counts = {key: value for key, value in scores.items() if isinstance(value, int)}
    assert counts
    assert min(counts.values()) > 0
    assert set(counts) <= {
        "pictures",
        "captions",
        "symbols",
        "sets",
        "texts",
        "drawings",
        "lines",
        "pairs",
        "sentences",
        "sequences",
    }
    assert list(scores)[: len(counts)] == list(counts)
    assert all(isinstance(value, float) for key, value in scores.items() if key not in counts)
    for split in ("nonsense", "train"):
        with pytest.raises(ValueError, match=f"split is '{split}'; it is one of valid"):
            jobs.measure(str(folder), split=split)
    if name not in ("captioner", "seq2seq"):
        for options in ({"beams": 3}, {"meteor": True}):
            with pytest.raises(ValueError, match="writes no captions"):
                jobs.measure(str(folder), **options)
    if not isinstance(models.load(folder), WeighsSamples):
        with pytest.raises(ValueError, match=f"importance is 3, and .*{name}.* leave it out"):
            jobs.measure(str(folder), importance=3)
    if name != "ride":
        with pytest.raises(ValueError, match=r"orientations is 2, and .* has no mixture over orientations; leave it out"):
            jobs.measure(str(folder), orientations=2)


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_splits(name, preset):
    """A split that the data does not have is refused by the stream itself, before a file is looked at."""
    data = models.recipe(name, preset).data
    with pytest.raises(ValueError, match="split is 'nonsense'; it is one of train, valid"):
        next(iter(data.stream("nonsense", seed=0)))


@pytest.mark.parametrize("name", list(models.shipped()))
def test_shipped(name, tmp_path):
    """What the project ships loads, draws, and says on its card what it was made from."""
    folder = models.shipped()[name]
    card = (folder / checkpoint.CARD).read_text()
    for word in ("data:", "licence", "steps", ", validation split: "):
        assert word in card
    assert "path" not in checkpoint.read_json(folder / jobs.RECIPE)["data"]
    if name.startswith("captioner:"):
        described = list(captions.caption(name, ["photo:coffee"], skipped={}))
        assert len(described[0].captions[0].words) > 2
    elif name == "pointer_net:strokes":
        strokes = Painting.sheet(torch.rand(1, 5, 11, generator=generator(0)) * 0.5, (60, 60), 1)
        assert jobs.plot(strokes, order="network", hidden="keep").strokes == 5
    elif name.startswith("text_classifier:"):
        cross = [[[0.0, 0.0, 0.0], [9.0, 9.0, 1.0], [0.0, -9.0, 0.0], [-9.0, 9.0, 1.0]]]
        assert jobs.classify(name, [torch.tensor(rows) for rows in cross])[0].label
    elif name.startswith("seq2seq:"):
        assert jobs.translate("Where is the dog?", model=name)[0].text.endswith("?")
    elif name == "seq2tree:scenes":
        assert jobs.illustrate("a red circle above two blue stars", tmp_path / "x.png").images.shape[0] == 1
    elif name.startswith("seq2tree:"):
        assert jobs.parse("The dogs bark.", model=name).brackets[0].count("(") > 4
    elif name.startswith("pointer_net:"):
        found = jobs.points(name, "random:7", tmp_path / "x.png")
        assert len(set(found.indices)) >= 3
        assert (tmp_path / "x.png").stat().st_size > 100
    elif name.startswith("handwriting:"):
        jobs.sample(name, tmp_path / "x.svg", text="Dear reader")
        assert (tmp_path / "x.svg").stat().st_size > 1000
    elif not isinstance(models.load(name), Draws | Writes):
        letter = torch.ones(1, 60, 60)
        letter[:, 15:45, 28:33] = 0.1
        images.save_image(tmp_path / "letter.png", letter)
        if isinstance(models.load(name), Reads):
            assert jobs.read([str(tmp_path / "letter.png")], tmp_path / "x.png", model=name)[0].labels
        else:
            jobs.reconstruct(name, [str(tmp_path / "letter.png")], tmp_path / "x.png")
        assert (tmp_path / "x.png").stat().st_size > 50
    else:
        out = tmp_path / ("x.png" if checkpoint.read_model(folder).spec.image else "x.txt")
        jobs.sample(name, out, size=(32, 32) if name.startswith("ride:") else None)
        assert out.stat().st_size > 100
    assert sum(path.stat().st_size for path in folder.iterdir()) < 10 * 2**20

"""The captioner against slow loops of its equations; what it is built from; what it refuses."""

import dataclasses
import itertools

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from drawgen import checkpoint, images, jobs, models, sampling
from drawgen.contract import Hypothesis, generator
from drawgen.data.captions import END, START, UNKNOWN, CaptionBatch, TextBatch, vocabulary_of
from drawgen.data.scenes import Scenes
from drawgen.jobs import captions
from drawgen.models import captioner
from drawgen.models.captioner import Config
from drawgen.nn import convnet, label_evidence
from drawgen.nn.familiarity import Familiarity
from drawgen.training import Fit, fit

DATA = Scenes(side_px=32, batch=6, count=6)
WITH = Config(features=16, attention=8, units=12, embedding=8, longest=9)
WITHOUT = dataclasses.replace(WITH, attention=0)
TWICE = dataclasses.replace(WITH, word_query=True, glimpses=2)
BOTH = pytest.mark.parametrize("config", [WITH, TWICE, WITHOUT], ids=["attention", "two glimpses", "fed once"])


def built(config, seed=0):
    return config.build(DATA.spec(), rng=generator(seed)).eval()


def batch_of(n=6):
    return CaptionBatch(*(part[:n] for part in next(DATA.stream("train", seed=1))))


@BOTH
@torch.no_grad()
def test_nats_are_those_of_single_steps(config):
    """-log p of each word, one step after another by the decoder's own `step`; 0 beyond the end."""
    model, batch = built(config), batch_of()
    nats, _, counted = model.nats(batch)
    for row in range(len(batch.images)):
        state, memory = model.begin(batch.images[row : row + 1])
        for t in range(batch.tokens.shape[1] - 1):
            logits, state, _ = model.decoder.step(batch.tokens[row : row + 1, t], state, memory)
            inside = t + 1 < batch.lengths[row]
            expected = float(-logits.log_softmax(-1)[0, batch.tokens[row, t + 1]]) if inside else 0.0
            assert float(nats[row, t]) == pytest.approx(expected, abs=1e-5)
            assert bool(counted[row, t]) == bool(inside)


@BOTH
@torch.no_grad()
def test_padding_changes_nothing(config):
    model, batch = built(config), batch_of()
    longer = batch._replace(tokens=F.pad(batch.tokens, (0, 5), value=END))
    alone, padded = model.nats(batch), model.nats(longer)
    assert torch.allclose(alone[0].sum(1), padded[0].sum(1), atol=1e-5)
    assert torch.allclose(alone[1], padded[1], atol=1e-6)


@torch.no_grad()
def test_doubly_stochastic_term():
    """sum_i (1 - sum_t alpha_ti)^2 over the steps of the caption; its weight counts in the loss."""
    model, batch = built(WITH), batch_of()
    _, term, _ = model.nats(batch)
    for row in range(3):
        state, memory = model.begin(batch.images[row : row + 1])
        looked = torch.zeros(16)
        for t in range(int(batch.lengths[row]) - 1):
            _, state, extras = model.decoder.step(batch.tokens[row : row + 1, t], state, memory)
            looked += extras["map"][0]
        assert float(term[row]) == pytest.approx(float((1 - looked).square().sum()), rel=1e-4)
    losses = []
    for weight in (0.0, 2.0):
        weighted = built(dataclasses.replace(WITH, doubly_stochastic=weight))
        losses.append(float(next(weighted.losses(batch, state={}, rng=generator(0))).value))
    assert losses[1] - losses[0] == pytest.approx(2 * float(term.mean()), rel=1e-4)


@BOTH
def test_one_beam_is_greedy(config):
    model, batch = built(config), batch_of()
    found = model.caption(batch.images, beams=1)
    state, memory = model.begin(batch.images)

    def step(tokens, state):
        logits, state, extras = model.decoder.step(tokens, state, memory)
        return logits + model.silent, state, extras

    with torch.inference_mode():
        greedy = sampling.greedy(step, torch.full((6,), START), state, length=10, end=END)
    for row, (best,) in enumerate(found):
        count = int(greedy.lengths[row]) - int(greedy.finished[row])
        assert best.words == tuple(model.spec.vocabulary[token] for token in greedy.tokens[row, :count].tolist())


@BOTH
def test_captions(config):
    """One picture alone gets the captions it gets among others; the best comes first; nothing unsayable is said; maps sum to 1."""
    model, batch = built(config), batch_of()
    together = model.caption(batch.images, beams=4, n=3)
    for row in range(len(batch.images)):
        (alone,) = model.caption(batch.images[row : row + 1], beams=4, n=3)
        assert [one.words for one in alone] == [one.words for one in together[row]]
        assert [one.score for one in alone] == pytest.approx([one.score for one in together[row]], abs=1e-4)
    for several in together:
        for one in several:
            assert not set(one.words) & {"<start>", "<end>", "<unknown>"}
            assert len(one.words) == len(one.log_probs) <= 10
            assert one.text == " ".join(one.words)
            if config.attention:
                assert one.maps.shape == (len(one.words), 4, 4)
                assert torch.allclose(one.maps.sum((1, 2)), torch.ones(len(one.words)), atol=1e-5)
            else:
                assert one.maps is None
        ranked = [one for one in several if one.finished] + [one for one in several if not one.finished]
        assert list(several) == ranked
    with pytest.raises(ValueError, match="at most as many"):
        model.caption(batch.images, beams=2, n=3)


@torch.no_grad()
def test_words_are_hidden_and_exchanged_in_training_only():
    model, batch = built(dataclasses.replace(WITH, word_dropout=0.5, word_noise=0.3)), batch_of()
    plain = model.nats(batch)[0]
    assert torch.equal(plain, model.nats(batch)[0])
    noisy = model.nats(batch, rng=generator(1))[0]
    assert not torch.equal(plain, noisy)
    assert torch.equal(noisy, model.nats(batch, rng=generator(1))[0])


def test_gradient_reaches_everything():
    for config in (WITH, WITHOUT):
        model = built(config).train()
        next(model.losses(batch_of(), state={}, rng=generator(0))).value.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


# ---------------------------------------------------------------- the net that looks


def test_contrast_has_no_colour():
    """A picture in another colour of equal contrast to its paper looks the same; away from edges there is nothing."""
    paper = torch.ones(2, 3, 24, 24) * 0.5
    paper[0, 0, 8:16, 8:16] = 0.9
    paper[1, 2, 8:16, 8:16] = 0.1
    red, blue = convnet.contrast(paper)
    assert torch.allclose(red, blue, atol=1e-5)
    assert float(red[0, 0, 0]) < 0.02


def test_contrast_is_a_mean_of_81():
    image = torch.rand(1, 1, 20, 20, generator=generator(3))
    box = F.avg_pool2d(image, 9, 1, 4, count_include_pad=False)
    differs = (image - box).square().add(1e-6).sqrt()
    expected = differs / (F.avg_pool2d(differs, 9, 1, 4, count_include_pad=False) + 0.1)
    assert torch.allclose(convnet.contrast(image), expected, atol=1e-6)


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    """A ResNet's weights in two kinds of files."""
    import torchvision

    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(1)
    weights = torchvision.models.resnet18(weights=None).state_dict()
    torch.save(weights, folder / "net.pth")
    save_file(weights, folder / "net.safetensors")
    return folder, weights


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
def test_weights_from_a_file(resnet, name):
    """Taken before training; a frozen net keeps them, its batch norms too, and has no optimiser; its map is torchvision's."""
    folder, weights = resnet
    config = dataclasses.replace(WITH, encoder="resnet18", encoder_weights=str(folder / name), encoder_rate=0.0)
    assert config.published().encoder_weights == name
    model = config.build(dataclasses.replace(DATA.spec(), image=(3, 64, 64)), rng=generator(0))
    model.prepare([], rng=generator(0))
    model.train()
    assert not model.encoder.training
    owned = {id(p) for group in model.players()["model"].groups for p in group.parameters}
    assert not owned & {id(p) for p in model.encoder.parameters()}
    images = torch.rand(2, 3, 64, 64, generator=generator(1))
    next(model.losses(CaptionBatch(images, *batch_of(2)[1:]), state={}, rng=generator(0))).value.backward()
    assert all(p.grad is None for p in model.encoder.parameters())
    for key, tensor in model.encoder.net.state_dict().items():
        assert torch.equal(tensor, weights[key])
    seen = []
    model.encoder.net.layer4.register_forward_hook(lambda _m, _i, out: seen.append(out))
    mean, std = (torch.tensor(values)[:, None, None] for values in convnet.IMAGENET)
    features = model.see(images)
    model.encoder.net((images - mean) / std)
    assert torch.allclose(features, seen[1].flatten(2).transpose(1, 2), atol=1e-5)
    assert features.shape == (2, 4, 512)


def test_a_resnet_at_random_is_the_seeds():
    first, same, other = (convnet.build("resnet18", 3, 0, rng=generator(seed)).net.conv1.weight for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_fine_tuned_at_a_rate_of_its_own():
    config = dataclasses.replace(WITH, encoder="resnet18", encoder_rate=0.1)
    model = config.build(dataclasses.replace(DATA.spec(), image=(3, 64, 64)), rng=generator(0)).train()
    groups = model.players()["model"].groups
    assert [group.rate for group in groups] == [1.0, 0.1]
    assert model.encoder.training  # from scratch: its statistics are its own


@BOTH
def test_a_frozen_net_with_a_cache_looks_once(config, tmp_path, monkeypatch):
    """Over three epochs and their validation; the losses are those without the cache to float16's precision, and so are what is
    learnt and written; nothing of the folder gets into the model's."""
    plain = dataclasses.replace(config, encoder_rate=0.0)
    cached = dataclasses.replace(plain, feature_cache=str(tmp_path / "cache"))
    assert cached.published() == plain
    batches = list(dataclasses.replace(DATA, count=12).stream("valid", seed=0))

    class Twice:
        splits = DATA.splits
        spec = staticmethod(DATA.spec)

        @staticmethod
        def stream(split, *, seed, start=0, rank=0, ranks=1):
            return iter(batches) if split == "valid" else itertools.islice(itertools.cycle(batches), start, None)

    counted = []
    forward = convnet.Small.forward
    monkeypatch.setattr(convnet.Small, "forward", lambda self, images: counted.append(len(images)) or forward(self, images))
    learnt, scores = [], []
    for number, one in enumerate((plain, cached)):
        model = one.build(DATA.spec(), rng=generator(0))
        counted.clear()
        scores.append(fit(model, Twice, Fit(steps=6, valid_steps=2, ema=0.9), tmp_path / str(number)).scores)
        learnt.append([model.nats(batch)[0] for batch in batches])
        said = model.caption(batches[0].images, beams=2)
        assert said[0][0].maps is None or said[0][0].maps.shape[1:] == (4, 4)
    assert sum(counted) == 16  # two parts of eight, for two batches of six
    assert scores[1]["nats_per_word"] == pytest.approx(scores[0]["nats_per_word"], rel=2e-3)
    for own, other in zip(*learnt, strict=True):
        assert torch.allclose(own, other, atol=2e-2)
    assert len([path for path in (tmp_path / "cache").rglob("*") if path.is_file()]) == 12


@pytest.mark.parametrize("content", [None, b"", b"no weights", "others", "shape"])
def test_bad_weights(resnet, tmp_path, content):
    _, weights = resnet
    path = tmp_path / "net.pth"
    if content == "others":
        torch.save({"x": torch.zeros(1)}, path)
    elif content == "shape":
        torch.save(weights | {"conv1.weight": torch.zeros(1)}, path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"net\.pth") as refusal:
        convnet.ResNet("resnet18").load(str(path))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"encoder": "vgg"}, "encoder"),
        ({"encoder_weights": "x.pth"}, "encoder_weights"),
        ({"cell": "elman"}, "cell"),
        ({"units": 0}, "units"),
        ({"features": 0}, "features"),
        ({"dropout": 1.0}, "dropout"),
        ({"word_noise": -0.1}, "word_noise"),
        ({"doubly_stochastic": -1.0}, "doubly_stochastic"),
        ({"glimpses": 3}, "glimpses"),
        ({"glimpses": 2, "attention": 0}, "glimpses"),
        ({"encoder_rate": float("nan")}, "encoder_rate"),
        ({"encoder_rate": 0.1, "feature_cache": "cache"}, "feature_cache"),
    ],
)
def test_refused_settings(change, word):
    with pytest.raises(ValueError, match=f"model.{word}"):
        dataclasses.replace(WITH, **change)


def test_other_data_is_refused():
    for spec in (
        dataclasses.replace(DATA.spec(), vocabulary=("a", "b")),
        dataclasses.replace(DATA.spec(), image=None),
    ):
        with pytest.raises(ValueError, match="pictures with captions"):
            WITH.build(spec, rng=generator(0))
    with pytest.raises(ValueError, match="too small"):
        WITH.build(dataclasses.replace(DATA.spec(), image=(3, 4, 4)), rng=generator(0))


def test_a_config_without_glimpses_has_one(tmp_path):
    """Folders from before the setting load as they were."""
    model = built(WITH)
    checkpoint.write_model(tmp_path, "captioner", WITH, model.spec)
    config = checkpoint.read_json(tmp_path / checkpoint.CONFIG)
    del config["config"]["glimpses"]
    checkpoint.write_json(tmp_path / checkpoint.CONFIG, config)
    checkpoint.write_weights(tmp_path, model.state_dict())
    batch = batch_of()
    assert torch.equal(models.load(str(tmp_path)).nats(batch)[0], model.nats(batch)[0])


# ---------------------------------------------------------------- trained


def test_it_learns_by_heart(tmp_path):
    """A few scenes are soon said by heart, by training from the files of one's own folder; scores and dead attention are told."""
    from drawgen.data.captions import Captioned
    from drawgen.images import save_image

    lines = ["picture,caption"]
    for n, example in enumerate(Scenes(side_px=32, most=1).examples("valid")):
        save_image(tmp_path / f"{n}.png", example.picture)
        lines.append(f"{n}.png,{example.captions[0]}")
        if n == 5:
            break
    (tmp_path / "captions.csv").write_text("\n".join(lines))
    recipe = models.recipe("captioner", "own")
    data = Captioned(path=str(tmp_path), valid=str(tmp_path), side_px=32, batch=6, min_count=1)
    model = dataclasses.replace(recipe.model, features=32, units=48, attention=32, embedding=32, dropout=0.0)
    recipe = dataclasses.replace(recipe, model=model, data=data, fit=Fit(steps=150, rate=1e-2, warmup=10, ema=0.9, clip=5.0))
    jobs.train("captioner", recipe, tmp_path / "run", preset="own")
    said = []
    scores = jobs.measure(str(tmp_path / "run"), reports=jobs.Reports(message=said.append))
    assert scores["perplexity"] < 1.3
    assert scores["map_change"] >= 0
    found = captions.caption(str(tmp_path / "run"), [str(tmp_path / f"{n}.png") for n in range(6)], skipped={})
    right = sum(described.captions[0].text == line.split(",", 1)[1] for described, line in zip(found, lines[1:], strict=True))
    assert right >= 5
    assert "/" not in (tmp_path / "run" / checkpoint.CONFIG).read_text()
    other = dataclasses.replace(data, vocabulary=vocabulary_of(["a", "b"]))
    with pytest.raises(ValueError, match=r"data\.vocabulary"):
        jobs.train("captioner", dataclasses.replace(recipe, data=other), tmp_path / "run", preset="own", resume=True)


def test_shipped_attention_is_alive():
    """On scenes of two objects or more, a colour's or a shape's map lies on the named object far more than by chance, and moves."""
    model = models.load("captioner:scenes")
    scenes = [example for example in Scenes(count=60).examples("test") if len(example.scene.things) > 1][:40]
    scores = captions.score(model, iter(scenes), beams=3)
    assert scores["on_object"] > 3 * scores["on_object_by_chance"]
    assert scores["map_change"] > 0.1
    assert scores["true"] > 0.8  # of a thousand test scenes 95 %


def test_unsayable():
    assert built(WITH).silent[[START, UNKNOWN]].tolist() == [-torch.inf] * 2
    assert built(WITH).silent[END] == 0


# ---------------------------------------------------------------- photographs

LABELLED = Config(
    encoder="efficientnet-lite0", encoder_rate=0.0, projection=8, attention=8, labels=6, units=12, embedding=8, tied=True, longest=6
)
PHOTOS = Scenes(side_px=64, batch=4, count=4)


def labelled(**changes):
    return dataclasses.replace(LABELLED, **changes).build(PHOTOS.spec(), rng=generator(0)).eval()


def test_installed_weights_are_no_part_of_the_model():
    """A frozen encoder adds nothing to the model folder; one that learns is stored, and begins with the same weights."""
    frozen = labelled()
    assert not any(name.startswith("encoder.") for name in frozen.state_dict())
    learning = labelled(encoder_rate=0.1, labels=0)
    assert sum(name.startswith("encoder.") for name in learning.state_dict()) > 90
    learning.prepare([], rng=generator(0))
    batch = next(PHOTOS.stream("train", seed=0))
    torch.testing.assert_close(learning.see(batch.images), frozen.see(batch.images), atol=1e-4, rtol=1e-4)


def test_until_pictures_are_learned_from_only_their_labels_count():
    """With `labels` the projection of the features begins at zero."""
    model = labelled()
    batch = next(PHOTOS.stream("train", seed=0))
    features = model.see(batch.images)
    told = TextBatch(batch.tokens, batch.lengths, label_evidence.evidence(features))
    torch.testing.assert_close(model.nats(told)[0], model.nats(batch)[0])
    blank = model.nats(TextBatch(batch.tokens, batch.lengths))[0]
    assert not torch.allclose(blank, model.nats(batch)[0])
    loss = next(model.train().losses(batch, state={}, rng=generator(0)))
    loss.value.backward()
    assert float(model.projection.weight.grad.abs().max()) > 0


@torch.no_grad()
def test_guidance():
    """(1 + w) log p(word | picture) - w log p(word), renormalised, over the plausible words, at every step of a greedy search."""
    weight = 1.5
    model = labelled(guidance=weight)
    image = next(PHOTOS.stream("train", seed=0)).images[:1]
    ((found,),) = model.caption(image, beams=1)
    state, memory = model.begin(image)
    other, without = model.unseen(1)
    token = torch.tensor([START])
    for n in range(len(found.words) + found.finished):
        logits, state, _ = model.decoder.step(token, state, memory)
        guess, other, _ = model.decoder.step(token, other, without)
        p, q = logits[0].log_softmax(0), guess[0].log_softmax(0)
        both = (1 + weight) * p - weight * q
        both[p <= p.max() - sampling.PLAUSIBLE] = -torch.inf
        both[[START, UNKNOWN]] = -torch.inf
        token = both.argmax()[None]
        if n < len(found.words):
            assert model.spec.symbols[int(token)] == found.words[n]
            assert found.log_probs[n] == pytest.approx(float(both.log_softmax(0).max()), abs=1e-4)


def test_blind_training():
    """Some captions are learned without their picture: neither its features nor its evidence."""
    model = labelled(blind=0.5)
    batch = next(PHOTOS.stream("train", seed=0))
    features, evidence = model.given(batch, generator(1))
    blank = features.abs().sum((1, 2)) == 0
    assert 0 < int(blank.sum()) < len(blank)
    assert torch.equal(blank, evidence.abs().sum(1) == 0)
    assert not (model.given(batch, None)[0].abs().sum((1, 2)) == 0).any()


def test_label_smoothing_is_for_training_only():
    model = labelled(label_smoothing=0.2)
    batch = next(PHOTOS.stream("train", seed=0))
    plain, smooth = model.nats(batch)[0], model.nats(batch, rng=generator(0))[0]
    state, memory = model.begin(batch.images)
    logits, _, _ = model.decoder.step(batch.tokens[:, 0], state, memory)
    nats = -logits.log_softmax(1)
    wanted = nats.gather(1, batch.tokens[:, 1:2])[:, 0]
    torch.testing.assert_close(plain[:, 0], wanted)
    torch.testing.assert_close(smooth[:, 0], 0.8 * wanted + 0.2 * nats.mean(1))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoder_rate": 1.0}, r"model\.labels is 6, and needs attention and the frozen encoder efficientnet-lite0"),
        ({"attention": 0}, r"model\.labels is 6, and needs attention"),
        ({"attention": 0, "labels": 0, "guidance": 1.0}, r"model\.guidance is 1, and needs attention"),
    ],
)
def test_labels_need_the_classifier(changes, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(LABELLED, **changes)


@torch.no_grad()
def test_grounding():
    """A word loses `grounding` nats times what its labels lack of certainty; words that name no label lose nothing."""
    model = labelled(grounding=2.0)
    model.spec = dataclasses.replace(model.spec, vocabulary=(*model.spec.symbols[:-2], "cat", "zebra"))
    picture = images.fit_to(images.load_image("photo:chelsea"), (3, 224, 224))[None]
    features = model.see(picture)
    taken = model.ungrounded(label_evidence.evidence(features))[0]
    seen = label_evidence.evidence(features)[0]
    for word in ("cat", "zebra"):
        k = label_evidence.WORDS.index(word)
        certain = max(float(seen[k]), float(seen[len(label_evidence.WORDS) + k]))
        assert float(taken[model.spec.symbols.index(word)]) == pytest.approx(2 * (1 - certain), abs=1e-5)
    assert float(taken[-2]) < 0.2 < 1 < float(taken[-1])
    assert float(taken[:3].abs().max()) == 0


def hypothesis(*words):
    return Hypothesis(words, " ".join(words), -1.0, (-1.0,) * len(words), True, None)


@torch.no_grad()
def test_unsure():
    """A caption is doubted whose first thing the labels are not certain of, and the sentence has the best guesses."""
    model = labelled(sure=0.85)
    picture = images.fit_to(images.load_image("photo:coffee"), (3, 224, 224))[None]
    (sure,) = model.unsure(picture, [hypothesis("a", "cup", "of", "coffee")])
    (unsure,) = model.unsure(picture, [hypothesis("a", "zebra", "with", "coffee")])
    assert sure == ""
    assert unsure.startswith("it is not sure of 'zebra'; its best guesses are an espresso (")
    assert labelled().unsure(picture, [hypothesis("a", "zebra")]) == [""]
    assert model.unsure(picture, [hypothesis("of", "a")])[0].startswith("it names nothing that its labels know; its best guesses")


def test_where_the_places_of_a_map_are():
    """A change of a few pixels changes the features most around it. After `from_middles` place i is centred on pixel 32 i."""
    model = labelled()
    plain = images.fit_to(images.load_image("photo:gravel"), (3, 224, 224))[None]
    off = []
    for row in (80, 112, 144):
        changed = plain.clone()
        changed[..., row - 4 : row + 4, 108:116] = 1 - changed[..., row - 4 : row + 4, 108:116]
        change = (model.see(changed) - model.see(plain)).square().sum(2).square().view(1, 7, 7)
        off.append(row - 32 * float(convnet.from_middles(change)[0].sum(1) @ torch.arange(7.0)))
    assert sum(off) / len(off) == pytest.approx(0, abs=8)


# ---------------------------------------------------------------- doubt


def test_it_knows_its_training_pictures(tmp_path, monkeypatch):
    """The statistics are of the batches that would come next and of the validation split, by the trained encoder. They are stored
    with the model; nothing is known before."""
    monkeypatch.setattr(captioner, "OUTLINED", 200)
    config = dataclasses.replace(WITH, doubt=6, kind="scenes of these")
    data = dataclasses.replace(DATA, count=60)
    model = config.build(data.spec(), rng=generator(0))
    assert model.kind == ""
    scenes = torch.stack([example.picture for example in data.examples("test")])
    assert not model.strangeness(scenes).any()
    fit(model, data, Fit(steps=3, warmup=1), tmp_path)
    checkpoint.write_model(tmp_path, "captioner", config, data.spec())
    loaded = models.load(tmp_path)
    assert loaded.kind == "scenes of these"
    assert float((loaded.strangeness(scenes) > 1).float().mean()) < 0.2
    expected = Familiarity(16, 6)
    expected.fit(loaded.outlines(data.stream("train", seed=0, start=3)), loaded.outlines(data.stream("valid", seed=0)))
    torch.testing.assert_close(loaded.familiarity.state_dict(), expected.state_dict(), rtol=1e-4, atol=1e-5)


def test_each_picture_counts_once(monkeypatch):
    """However many captions it has; batches of text are passed over; an endless stream ends."""
    monkeypatch.setattr(captioner, "OUTLINED", 20)
    model = built(dataclasses.replace(WITH, doubt=2))
    batch = batch_of()
    twice = CaptionBatch(*(torch.cat([part, part]) for part in batch))
    text = TextBatch(batch.tokens, batch.lengths)
    found = model.outlines(itertools.cycle([text, twice, batch]))
    torch.testing.assert_close(found, model.outline(batch.images))
    assert model.outlines([]).shape == (0, 16)


def test_without_doubt_nothing_is_stored():
    """Older folders have no such weights, and no such fields."""
    model = built(WITH)
    assert not any("familiarity" in name for name in model.state_dict())
    assert not model.strangeness(batch_of().images).any()
    assert model.kind == ""


def test_a_caption_that_names_nothing_is_doubted_for_that():
    model = models.load("captioner:photos")
    said = Hypothesis(("a", "group", "of"), "a group of", 0.0, (0.0, 0.0, 0.0), True, None)
    (why,) = model.unsure(torch.full((1, 3, 224, 224), 0.5), [said])
    assert why.startswith("it names nothing that its labels know; its best guesses are ")

"""Nothing that was written is ever lost, and nothing damaged or foreign is ever taken for a model."""

import errno
import hashlib
import io
import json
import logging
import os
import pickle
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from drawgen import checkpoint, models
from drawgen.checkpoint import CheckpointError
from drawgen.contract import Spec, generator
from drawgen.data.captions import SPECIAL

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
SPEC = Spec(
    (1, 16, 16),
    vocabulary=(*SPECIAL, "a", "b"),
    classes=("a", "b"),
    point=2,
    step=0.15,
    counts=(2, 154),
    task="hull",
    source_vocabulary=(*SPECIAL, "a"),
    unit="words",
)
PRESETS = [(model, preset) for model in models.names() for preset in models.presets(model)]


def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# ---------------------------------------------------------------- dataclasses as JSON


@dataclass(frozen=True)
class Inner:
    place: Path = Path("here")
    weights: tuple[float, ...] = ()


@dataclass(frozen=True)
class Outer:
    """A field of every type that a config has."""

    count: int
    name: str = ""
    share: float = 0.5
    bold: bool = False
    limit: int | None = None
    betas: tuple[float, float] = (0.9, 0.99)
    inner: Inner = field(default_factory=Inner)


finite = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(-checkpoint.LARGEST_NUMBER, checkpoint.LARGEST_NUMBER)
outers = st.builds(
    Outer,
    count=whole,
    name=st.text(),
    share=finite,
    bold=st.booleans(),
    limit=st.none() | whole,
    betas=st.tuples(finite, finite),
    inner=st.builds(Inner, place=st.sampled_from([Path("a"), Path("/b/c")]), weights=st.lists(finite).map(tuple)),
)


@given(outers)
@settings(derandomize=True, deadline=None, database=None)
def test_dataclasses_survive_json(value):
    text = json.dumps(checkpoint.to_plain(value))
    assert checkpoint.from_plain(Outer, json.loads(text), where="x") == value


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*(f.name for f in fields(Outer)), "other"]), json_values, max_size=4) | json_values)
@settings(derandomize=True, deadline=None, database=None)
def test_any_json_becomes_the_dataclass_or_one_error(plain):
    """Never a value of another type than its field's, and never another exception."""
    try:
        value, message = checkpoint.from_plain(Outer, plain, where="there"), None
    except CheckpointError as error:
        value, message = None, str(error)
    if value is None:
        assert message.startswith("there")
    else:
        assert type(value.count) is int
        assert type(value.name) is str
        assert type(value.share) is float
        assert type(value.bold) is bool
        assert value.limit is None or type(value.limit) is int
        assert [type(beta) for beta in value.betas] == [float, float]
        assert type(value.inner) is Inner


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        ({"count": 1, "colour": 2}, "unknown field 'colour'"),
        ({"count": "many"}, "count is 'many', which is not a int"),
        ({"count": 1.0}, "count is 1.0"),
        ({"count": True}, "count is True"),
        ({"count": None}, "count is None"),
        ({"count": 1, "share": "0.5"}, "share is '0.5'"),
        ({"count": 1, "share": True}, "share is True"),
        ({"count": 1, "bold": 1}, "bold is 1"),
        ({"count": 1, "betas": [0.9]}, "betas is [0.9]"),
        ({"count": 1, "betas": [0.9, "x"]}, "betas is 'x'"),
        ({"count": 1, "inner": 3}, "inner: expected an object"),
        ({"count": 1, "inner": {"place": 3}}, "inner: place is 3"),
        ({"count": 2**63}, "count is 9223372036854775808; it has to be at most 9223372036854775807"),
        ({"count": -(10**400)}, "count is a number of 401 digits; it has to be at most"),
        ({"count": 1, "share": 10**400}, "share is a number of 401 digits"),
        ({"count": 1, "share": float("inf")}, "share is inf, which is not a float"),
        ({"count": 1, "betas": [0.9, float("nan")]}, "betas is nan"),
        ({"count": 1, "name": "a\ud800"}, "which is not text"),
        ({"count": 1, "inner": {"place": "\udcff"}}, "which is not text"),
        ({}, "count"),
        ([], "expected an object"),
    ],
)
def test_wrong_fields_are_named(plain, words):
    with pytest.raises(CheckpointError) as caught:
        checkpoint.from_plain(Outer, plain, where="a/config.json")
    assert str(caught.value).startswith("a/config.json")
    assert words in str(caught.value)


@pytest.mark.parametrize(("model", "preset"), PRESETS)
def test_all_presets_survive_json(model, preset):
    recipe = models.recipe(model, preset)
    for part in (recipe.model, recipe.data, recipe.fit):
        plain = json.loads(json.dumps(checkpoint.to_plain(part), allow_nan=False))
        assert checkpoint.from_plain(type(part), plain, where="x") == part


@pytest.mark.parametrize(("model", "preset"), PRESETS)
def test_configs_refuse_what_they_do_not_know(model, preset):
    config = models.recipe(model, preset).model
    plain = checkpoint.to_plain(config)
    with pytest.raises(CheckpointError, match="unknown field 'colour'"):
        checkpoint.from_plain(type(config), plain | {"colour": 1}, where="x")
    for name in plain:
        with pytest.raises(CheckpointError, match=f"x: {name} is {{}}|x: {name}"):
            checkpoint.from_plain(type(config), plain | {name: {}}, where="x")


# ---------------------------------------------------------------- model folders


@pytest.fixture(params=models.names())
def saved(request, tmp_path):
    """(folder, model) of each kind, as a run leaves it."""
    config = models.recipe(request.param, "tiny").model
    built = config.build(SPEC, rng=generator(0))
    checkpoint.write_model(tmp_path, request.param, config, built.spec)
    checkpoint.write_weights(tmp_path, built.state_dict())
    checkpoint.write_card(tmp_path, "# a card\n")
    return tmp_path, built


def test_model_folders_round_trip(saved):
    folder, built = saved
    again = models.load(folder)
    assert again.config == built.config
    assert again.spec == built.spec
    assert again.state_dict().keys() == built.state_dict().keys()
    for name, tensor in built.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)
    assert not again.training


def refused(folder, name, *words):
    """The error, which names the damaged file of the model folder."""
    with pytest.raises(CheckpointError) as caught:
        models.load(folder)
    assert str(caught.value).startswith(str(folder / name))
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "format 2, and this drawgen reads 1; update drawgen"),
        ({"format": "1"}, "format '1'"),
        ({"model": "nope"}, "unknown model 'nope'"),
        ({"model": "../../x"}, "unknown model"),
        ({"model": 3}, "model has to be a name"),
        ({"config": []}, "config an object"),
        ({"model": "x" * 300}, "unknown model 'xxx"),
        ({"config": {"colour": 1}}, "unknown field 'colour'"),
        ({"spec": {}}, "needs"),
        ({"spec": {"image": [1, 16]}}, "image"),
        ({"spec": {"image": [1, 16, -16]}}, "at least 1"),
        ({"spec": {"image": [0, 16, 16]}}, "at least 1"),
        ({"more": 1}, "and no other"),
    ],
)
def test_wrong_config_json_is_refused(saved, change, words):
    folder, _ = saved
    path = folder / checkpoint.CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    refused(folder, checkpoint.CONFIG, words)


@pytest.mark.parametrize("content", [b"", b"{", b"not JSON", b"\xff\xfe\x00", b"[" * 100_000, b"[]", b"null", b'{"format": 1}'])
def test_damaged_config_json_is_refused(saved, content):
    (saved[0] / checkpoint.CONFIG).write_bytes(content)
    refused(saved[0], checkpoint.CONFIG)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (60_000, "asks for a larger model than the model.safetensors beside it holds"),
        (10**9, "is 1000000000; it has to be at most 65536"),
        (2**63, "is 9223372036854775808"),
        (10**400, "is a number of 401 digits"),
        (float("nan"), "is nan"),
    ],
)
def test_sizes_that_the_weights_do_not_have_take_no_memory(saved, change, words):
    """They are refused before the memory is touched: here there is not enough for them."""
    folder, built = saved
    path = folder / checkpoint.CONFIG
    plain = json.loads(path.read_text())
    size = next(name for name in ("units", "decoder", "width") if hasattr(built.config, name))
    path.write_text(json.dumps(plain | {"config": plain["config"] | {size: change}}))
    refused(folder, checkpoint.CONFIG, f"{size} {words}" if words.startswith("is ") else words)


@pytest.mark.parametrize("units", [200, 1])
def test_endless_layers_are_refused_as_they_are_built(tmp_path, units):
    """No single layer is too large; all of them are, or they are too many."""
    config = models.recipe("char_rnn", "tiny").model
    built = config.build(Spec(vocabulary=("a", "b")), rng=generator(0))
    checkpoint.write_model(tmp_path, "char_rnn", replace(config, units=units, layers=60_000), built.spec)
    checkpoint.write_weights(tmp_path, built.state_dict())
    refused(tmp_path, checkpoint.CONFIG, "asks for a larger model")


@pytest.mark.parametrize("image", [[1, 4097, 16], [17, 16, 16], [1, 16, 2**63]])
def test_huge_pictures_are_refused(saved, image):
    path = saved[0] / checkpoint.CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | {"spec": {"image": image}}))
    refused(saved[0], checkpoint.CONFIG, "at most")


@pytest.mark.parametrize("name", [checkpoint.CONFIG, checkpoint.WEIGHTS])
def test_absent_file_is_named(saved, name):
    (saved[0] / name).unlink()
    refused(saved[0], name, "does not exist")


@pytest.mark.parametrize("name", [checkpoint.CONFIG, checkpoint.WEIGHTS])
def test_what_is_no_file_is_refused_at_once(saved, name):
    """A pipe that nobody writes to, a folder, a device, a link to nothing."""
    path = saved[0] / name
    path.unlink()
    os.mkfifo(path)
    refused(saved[0], name, "a pipe or a device")
    path.unlink()
    path.mkdir()
    refused(saved[0], name, "cannot be read")
    path.rmdir()
    path.symlink_to("/dev/zero")
    refused(saved[0], name, "a pipe or a device")
    path.unlink()
    path.symlink_to(saved[0] / "nothing")
    refused(saved[0], name, "does not exist")


def test_config_json_is_bounded(saved):
    (saved[0] / checkpoint.CONFIG).write_text(" " * (checkpoint.LARGEST_JSON + 1))
    refused(saved[0], checkpoint.CONFIG, "larger than")


@pytest.mark.parametrize("kind", [torch.bool, torch.uint8, torch.int64, torch.float64])
def test_weights_of_another_type_are_refused(saved, kind):
    folder, built = saved
    name, tensor = next((n, t) for n, t in built.state_dict().items() if t.is_floating_point() and t.ndim >= 2)
    checkpoint.write_weights(folder, built.state_dict() | {name: tensor.to(kind)})
    refused(folder, checkpoint.WEIGHTS, name, "is stored as", "torch.float32")


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_weights_in_half_precision_are_taken(saved, kind):
    folder, built = saved
    halves = {n: t.to(kind) if t.is_floating_point() else t for n, t in built.state_dict().items()}
    checkpoint.write_weights(folder, halves)
    for name, tensor in models.load(folder).state_dict().items():
        assert tensor.dtype == built.state_dict()[name].dtype
        assert torch.equal(tensor, halves[name].to(tensor.dtype))


def test_a_models_name_of_300_letters_is_refused():
    with pytest.raises(ValueError, match="neither a model folder nor a shipped model"):
        models.load("x" * 300)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("captioner", {"encoder_rate": 0.0, "feature_cache": "CACHE"}),
        ("painter", {"learn": "imitation", "teacher": "CACHE/teacher"}),
        ("painter", {"learn": "policy-gradient", "brush": "mypaint:CACHE/own.myb"}),
    ],
)
def test_paths_in_a_folder_that_is_handed_in_are_not_used(tmp_path, name, settings):
    config = models.recipe(name, "tiny").model
    settings = {
        key: value.replace("CACHE", str(tmp_path / "cache")) if isinstance(value, str) else value for key, value in settings.items()
    }
    built = replace(config, **settings).build(SPEC, rng=generator(0))
    folder = tmp_path / "handed in"
    folder.mkdir()
    checkpoint.write_model(folder, name, built.config, built.spec)
    checkpoint.write_weights(folder, built.state_dict())
    loaded = models.load(folder)
    assert str(tmp_path) not in json.dumps(checkpoint.to_plain(loaded.config))
    if name == "captioner":
        loaded.caption(torch.zeros(1, 1, 16, 16))
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_no_numbers_are_refused(saved, value):
    folder, built = saved
    name, tensor = next((n, t) for n, t in built.state_dict().items() if t.is_floating_point() and t.ndim >= 2)
    broken = tensor.clone()
    broken[-1, -1] = value
    checkpoint.write_weights(folder, built.state_dict() | {name: broken})
    refused(folder, checkpoint.WEIGHTS, name, "NaN or infinity")


@pytest.mark.parametrize("length", [0, 4, 8, 100, -1])
def test_truncated_weights_are_refused(saved, length):
    path = saved[0] / checkpoint.WEIGHTS
    path.write_bytes(path.read_bytes()[:length])
    refused(saved[0], checkpoint.WEIGHTS, "is damaged")


def test_weights_that_are_a_pickle_are_refused(saved):
    torch.save({"a": torch.zeros(3)}, saved[0] / checkpoint.WEIGHTS)
    refused(saved[0], checkpoint.WEIGHTS, "is damaged")


def test_weights_of_another_shape_are_refused(saved):
    folder, built = saved
    name, tensor = next((n, t) for n, t in built.state_dict().items() if t.ndim >= 2)
    checkpoint.write_weights(folder, built.state_dict() | {name: tensor[:-1]})
    refused(folder, checkpoint.WEIGHTS, name, str(tuple(tensor.shape)))


def test_missing_and_unknown_weights_are_refused(saved):
    folder, built = saved
    weights = built.state_dict()
    for unknown, shown in (("zzz", "zzz"), ("z\nz", r"z\nz;")):
        checkpoint.write_weights(folder, weights | {unknown: torch.zeros(1)})
        refused(folder, checkpoint.WEIGHTS, f"has the unknown tensor {shown}")
    name = next(iter(weights))
    checkpoint.write_weights(folder, {n: t for n, t in weights.items() if n != name})
    refused(folder, checkpoint.WEIGHTS, f"lacks {name}")


def test_config_of_another_size_is_refused(saved):
    """A config that was edited by hand does not silently take the wrong weights."""
    folder, built = saved
    others = ("layout", "labels", "glimpses", "modules", "drawn")  # they need other data, another encoder, a number of 1 or 2, of 3
    numbers = {f.name: getattr(built.config, f.name) for f in fields(built.config) if f.name not in others}
    changed = replace(built.config, **{name: value + 2 for name, value in numbers.items() if type(value) is int})
    checkpoint.write_model(folder, json.loads((folder / checkpoint.CONFIG).read_text())["model"], changed, built.spec)
    refused(folder, checkpoint.WEIGHTS)


# ---------------------------------------------------------------- training states


def state(step):
    return {"step": step, "model": {"w": torch.full((3, 4), float(step))}, "carried": [{}], "seconds": 0.5}


def test_states_round_trip_and_the_newest_two_are_kept(tmp_path):
    for step in (9, 100, 99_999_999, 100_000_000):
        path = checkpoint.write_state(tmp_path, step, state(step))
        found = checkpoint.read_state(path)
        assert torch.equal(found["model"].pop("w"), torch.full((3, 4), float(step)))
        assert found == {"step": step, "model": {}, "carried": [{}], "seconds": 0.5}
    assert [path.name for path in checkpoint.states(tmp_path)] == ["state-100000000.pt", "state-99999999.pt"]
    assert len(list(tmp_path.iterdir())) == 2
    assert checkpoint.read_newest_state(tmp_path)["step"] == 100_000_000


def test_no_state_is_none(tmp_path):
    (tmp_path / "state-x.pt").touch()
    (tmp_path / ".state-00000001.pt.7.tmp").touch()
    assert checkpoint.read_newest_state(tmp_path) is None


def cut(data):
    return data[: len(data) // 2]


def flip(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def empty(data):
    return b""


DAMAGES = pytest.mark.parametrize("damage", [cut, flip, empty])


@DAMAGES
def test_damaged_newest_state_falls_back_to_the_older(tmp_path, damage, caplog):
    checkpoint.write_state(tmp_path, 1, state(1))
    newest = checkpoint.write_state(tmp_path, 2, state(2))
    newest.write_bytes(damage(newest.read_bytes()))
    with caplog.at_level(logging.WARNING):
        assert checkpoint.read_newest_state(tmp_path)["step"] == 1
    assert [str(newest) in record.getMessage() for record in caplog.records] == [True]


@DAMAGES
def test_all_states_damaged_is_an_error(tmp_path, damage):
    for step in (1, 2):
        path = checkpoint.write_state(tmp_path, step, state(step))
        path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match=r"no whole checkpoint is left in .*start again"):
        checkpoint.read_newest_state(tmp_path)


@given(st.integers(0, 10_000), st.integers(1, 255))
@settings(derandomize=True, deadline=None, database=None, max_examples=50)
def test_any_changed_byte_of_a_state_is_found(tmp_path_factory, place, change):
    folder = tmp_path_factory.mktemp("states")
    path = checkpoint.write_state(folder, 1, state(1))
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= change
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="state-00000001"):
        checkpoint.read_state(path)


class Trap:
    """What runs on being unpickled: it makes a file."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def torch_saved(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("pack", [torch_saved, partial(pickle.dumps, protocol=2)])
def test_code_in_a_state_is_refused_and_does_not_run(tmp_path, pack):
    """Even with a digest that is right."""
    sprung = tmp_path / "sprung"
    body = pack({"step": 1, "model": Trap(sprung)})
    path = tmp_path / "state-00000001.pt"
    path.write_bytes(checkpoint.MAGIC + hashlib.sha256(body).digest() + body)
    with pytest.raises(CheckpointError, match=r"state-00000001\.pt is not a training state"):
        checkpoint.read_state(path)
    assert not sprung.exists()
    pickle.loads(pickle.dumps(Trap(sprung)))
    assert sprung.exists()  # the trap was a real one


@pytest.mark.parametrize("body", [b"", b"hello", torch_saved([1, 2]), torch_saved(torch.zeros(2))])
def test_other_content_with_a_right_digest_is_refused(tmp_path, body):
    path = tmp_path / "state-00000001.pt"
    path.write_bytes(checkpoint.MAGIC + hashlib.sha256(body).digest() + body)
    with pytest.raises(CheckpointError, match="is not a training state"):
        checkpoint.read_state(path)

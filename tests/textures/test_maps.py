"""Maps of a texture: read as numbers, checked against their photograph, turned, and brought back to what they were."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from drawgen import images
from drawgen.contract import Spec, TextureMap, generator
from drawgen.data.pictures import Crops, DataError
from drawgen.images import ImageError
from drawgen.textures.colours import speck_limit
from drawgen.textures.height_fields import floor, misalignment, normals
from drawgen.textures.maps import flipped, load_maps, matched, named, renormalised, split, stored_values, straight
from drawgen.textures.set_quilting import quilt_set

NORMAL, HEIGHT = TextureMap("normal", "normal", 3, 16), TextureMap("height", "values", 1, 16)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A floor and its maps, in files; the heights and normals have 16 bits."""
    monkeypatch.chdir(tmp_path)
    surface = floor(48, 60, seed=3)
    images.save_image(tmp_path / "floor.png", surface.pop("colours"))
    for name, each in surface.items():
        (tmp_path / f"{name}.png").write_bytes(images.png(each, bits=16 if name in ("normal", "height") else 8))
    return tmp_path


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("entry", "name", "file"),
    [
        ("a/b/rock_n.height.png", "rock_n.height", "a/b/rock_n.height.png"),
        ("C:\\maps\\rough.tif", "rough", "C:\\maps\\rough.tif"),
        ("normal=a/n.png", "normal", "a/n.png"),
        ("a/b=c.png", "b_c", "a/b=c.png"),
        ("alpha", "alpha", ""),
        ("alpha=mask.png", "alpha", "mask.png"),
        ("{i}.png", "_i_", "{i}.png"),
        ("...png", "map", "...png"),
        ("Höhe.png", "Höhe", "Höhe.png"),
    ],
)
def test_names(entry, name, file):
    assert named(entry) == (name, file)
    TextureMap(name)


@pytest.mark.parametrize("name", ["", "../up", "a/b", "a\\b", ".hidden", "x" * 65, "new\nline"])
def test_a_model_s_map_cannot_write_elsewhere(name):
    """The names come from a model folder, which may be another person's."""
    with pytest.raises(ValueError, match="a map is named"):
        TextureMap(name)


@pytest.mark.parametrize(
    "wrong", [{"kind": "height"}, {"channels": 2}, {"kind": "normal"}, {"bits": 12}, {"low": 0.5, "high": 0.4}, {"high": 1.5}]
)
def test_what_a_map_cannot_be(wrong):
    with pytest.raises(ValueError, match=r"map|kind|high|low"):
        TextureMap("map", **wrong)


def test_colours_are_what_is_left():
    assert Spec((7, 20, 20), maps=(NORMAL, HEIGHT)).colours == 3
    assert Spec((1, 20, 20)).colours == 1


# ---------------------------------------------------------------- read


def test_sixteen_bits_are_kept(folder):
    """Also where all of them are below 4096, which a photograph's reader would take for 12 bits."""
    exact = torch.randint(0, 4000, (1, 20, 30), generator=generator(0))
    (folder / "low.png").write_bytes(images.png(exact / 65535, bits=16))
    found, bits = images.load_numbers(folder / "low.png")
    assert bits == 16
    assert torch.equal((found.double() * 65535).round().long(), exact)
    assert np.array_equal(np.array(Image.open(folder / "low.png")), exact[0].numpy())  # as others read it


@pytest.mark.parametrize("channels", [1, 3])
def test_a_file_of_sixteen_bits_is_read_as_it_was_written(folder, channels):
    exact = torch.randint(0, 65536, (channels, 7, 9), generator=generator(1))
    (folder / "new.png").write_bytes(images.png(exact / 65535, bits=16))
    found, bits = images.load_numbers(folder / "new.png")
    assert bits == 16
    assert torch.equal((found.double() * 65535).round().long(), exact)


def test_maps_have_no_colour_management(folder):
    """A gamma in the file, and transparency, change nothing."""
    array = np.random.default_rng(0).integers(0, 256, (12, 14, 4), dtype=np.uint8)
    Image.fromarray(array).save(folder / "plain.png")
    data = (folder / "plain.png").read_bytes()
    from drawgen.animation import chunk

    (folder / "gamma.png").write_bytes(data[:33] + chunk(b"gAMA", (100_000).to_bytes(4, "big")) + data[33:])
    for name in ("plain.png", "gamma.png"):
        found, bits = images.load_numbers(folder / name)
        assert bits == 8
        assert torch.equal((found * 255).round().byte(), torch.from_numpy(array[..., :3]).permute(2, 0, 1))


def test_a_set_is_read(folder):
    """Normals as they are; what lies between the least and the largest height as 0 to 1."""
    stack, maps = load_maps("floor.png", ["normal.png", "height.png", "rough=roughness.png"])
    assert stack.shape == (5, 48, 60)
    assert [(one.name, one.kind, one.channels, one.bits) for one in maps] == [
        ("normal", "normal", 3, 16), ("height", "values", 1, 16), ("rough", "values", 1, 8)
    ]  # fmt: skip
    assert stack[3].min() == 0
    assert stack[3].max() == 1
    _, found = split(torch.cat([torch.zeros(3, 48, 60), stack])[None], maps)
    for name in ("normal", "height"):
        exact = images.load_numbers(f"{name}.png")[0]
        assert torch.equal((found[name][0] * 65535).round(), (exact * 65535).round())


def test_a_set_is_reduced_together(folder):
    """Normals are averaged as vectors; the others stay aligned with the colours."""
    data = Crops(path="floor.png", maps=("normal.png", "height.png"), longest_px=30)
    picture, opaque = data.exemplar()
    assert picture.shape == (7, 24, 30)
    assert opaque is None
    vectors = picture[3:6] * 2 - 1
    assert torch.allclose(vectors.square().sum(0).sqrt(), torch.ones(24, 30), atol=1e-5)
    blurred = torch.nn.functional.avg_pool2d(floor(48, 60, seed=3)["height"], 2)
    assert torch.corrcoef(torch.stack([picture[6].flatten(), blurred.flatten()]))[0, 1] > 0.95
    assert data.spec().maps is not None
    assert data.spec().colours == 3


def test_alpha_is_a_map(folder):
    """Its pixels are learned too, and colours have no white in them."""
    array = np.random.default_rng(0).integers(0, 256, (20, 24, 4), dtype=np.uint8)
    array[..., :3] = [200, 80, 40]
    Image.fromarray(array).save(folder / "leaf.png")
    picture, opaque = Crops(path="leaf.png", maps=("alpha",)).exemplar()
    assert picture.shape == (4, 20, 24)
    assert opaque is None
    seen = array[..., 3] > 8
    assert np.abs(picture[:3].numpy()[:, seen] * 255 - np.array([[200], [80], [40]])).max() < 17
    data = Crops(path="leaf.png", maps=("alpha",))
    assert data.spec().maps is not None
    low, high = array[..., 3].min() / 255, array[..., 3].max() / 255
    assert torch.allclose(picture[3] * (high - low) + low, torch.from_numpy(array[..., 3] / np.float32(255)), atol=1e-6)


def test_nothing_is_known_where_nothing_shows():
    image, alpha = torch.ones(3, 4, 4), torch.zeros(1, 4, 4)
    image[:, :2], alpha[:, :2] = torch.tensor([0.2, 0.4, 0.6])[:, None, None], 1
    assert torch.allclose(straight(image, alpha), torch.tensor([0.2, 0.4, 0.6])[:, None, None].expand(3, 4, 4))


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (
            ["small.png"],
            r"small\.png is 30x24 pixels and floor\.png is 60x48; maps have to align with the photograph pixel for pixel",
        ),
        (["none.png"], "none.png does not exist"),
        (["broken.png"], "broken.png is damaged"),
        (["normal=height.png"], "height.png is grey, and by its name a normal map, which has three channels"),
        (["normal.png", "normal=normal.png"], "maps has 'normal' twice; give each another name"),
        (["height.png", "HEIGHT=height.png"], "maps has 'HEIGHT' twice|maps has 'height' twice"),
        (["normal.png", "a=normal.png", "b=normal.png"], r"maps has 9 channels \(normal 3, a 3, b 3\), and at most 8 are learned"),
        (["alpha"], "floor.png has no alpha; leave 'alpha' out of `maps`"),
        (["height.png", ""], "maps has '', which names no file"),
        (["height="], "maps has 'height=', which names no file"),
        (["inks.jpg"], "inks.jpg has CMYK colours, which are no numbers of a map"),
    ],
)
def test_maps_that_do_not_fit(folder, entries, words):
    Image.new("L", (30, 24)).save(folder / "small.png")
    (folder / "broken.png").write_bytes((folder / "height.png").read_bytes()[:200])
    Image.new("CMYK", (60, 48), (9, 80, 7, 0)).save(folder / "inks.jpg")
    with pytest.raises(ValueError, match=words) as caught:
        Crops(path="floor.png", maps=tuple(entries)).spec()
    assert isinstance(caught.value, ImageError) or "maps" in str(caught.value)


def test_maps_belong_to_one_picture(folder):
    with pytest.raises(DataError, match="is a folder, and maps belong to one picture"):
        Crops(path=str(folder), maps=("height.png",)).spec()


def test_the_maps_are_part_of_the_digest(folder):
    first, other = (Crops(path="floor.png", maps=(name,)).digest() for name in ("height.png", "roughness.png"))
    assert len({first, other, Crops(path="floor.png").digest()}) == 3
    assert Crops(maps=("height.png",)).digest() != Crops().digest()


# ---------------------------------------------------------------- the surface that is measured


def test_the_normals_are_those_of_the_heights():
    surface = floor(64, 80, seed=1)
    assert misalignment(surface["normal"], surface["height"]) < 1e-3
    assert misalignment(surface["normal"], floor(64, 80, seed=2)["height"]) > 20
    vectors = surface["normal"] * 2 - 1
    assert torch.allclose(vectors.square().sum(0), torch.ones(64, 80), atol=1e-5)
    assert all(each.min() >= 0 and each.max() <= 1 for each in surface.values())


def test_a_slope_leans_the_other_way():
    """Heights that grow to the right and downwards: the normal leans to the left and up."""
    slope = (torch.arange(9.0)[:, None] + torch.arange(9.0)) / 40
    x, y, z = (normals(slope[None]) * 2 - 1)[:, 4, 4].tolist()
    assert x < 0 < y
    assert z > 0
    assert y == pytest.approx(-x)


# ---------------------------------------------------------------- turned


@pytest.mark.parametrize(("across", "down", "transpose"), list(itertools.product((False, True), repeat=3)))
@pytest.mark.parametrize("y_up", [False, True])
def test_turned_normals_are_those_of_turned_heights(across, down, transpose, y_up):
    surface = floor(40, 56, seed=2)
    normal = surface["normal"].clone()
    if not y_up:
        normal[1] = 1 - normal[1]
    stack = torch.cat([surface["colours"], normal, surface["height"]])
    turned = flipped(stack, (NORMAL, HEIGHT), across=across, down=down, transpose=transpose, y_up=y_up)
    found = turned[3:6]
    if not y_up:
        found = torch.stack([found[0], 1 - found[1], found[2]])
    assert misalignment(found, turned[6:]) < 1e-3
    plain = flipped(stack[:3], (), across=across, down=down, transpose=transpose)
    assert torch.equal(plain, turned[:3])
    assert torch.equal(stack[3:6], normal)  # the input is as it was


# ---------------------------------------------------------------- laid out


def test_a_quilted_set_is_one_layout():
    surface = floor(60, 70, seed=4)
    stack = torch.cat([surface["colours"], surface["normal"], surface["height"]])
    quilted = quilt_set(stack, (NORMAL, HEIGHT), (50, 90), rng=generator(0))
    assert torch.equal(quilted.image, stack[:, quilted.sources[..., 0], quilted.sources[..., 1]])


def test_maps_have_a_say_in_the_layout():
    """Colours that are the same everywhere: seams are hidden where the heights agree."""
    stripes = (torch.arange(64) // 8 % 2).float().expand(1, 64, 64)
    stack = torch.cat([torch.full((3, 64, 64), 0.5), stripes])
    quilted = quilt_set(stack, (HEIGHT,), (64, 96), rng=generator(0)).image
    assert torch.equal(quilted[3, 0].expand(64, 96), quilted[3])  # the stripes run through


# ---------------------------------------------------------------- brought back


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.sampled_from([8, 16]), st.floats(0, 0.9), st.floats(0.01, 0.1))
def test_values_are_distributed_as_the_exemplar_s(seed, bits, low, span):
    """And in the same order as before, as far as levels differ."""
    exact = torch.rand(1, 40 * 40, generator=generator(seed)).square() * span + low
    about = TextureMap("height", bits=bits, low=float(exact.min()), high=float(exact.max()))
    sampled = (torch.rand(2, 1, 30, 30, generator=generator(seed, 1)) * 255).round() / 255 * (about.high - about.low) + about.low
    found = matched(sampled, about, stored_values(exact), 3.0)
    for one in found:
        assert float(one.mean()) == pytest.approx(float(exact.mean()), abs=0.03 * span)
        assert one.min() >= exact.min() - 1e-6
        assert one.max() <= exact.max() + 1e-6
    apart = (sampled[0].flatten()[:, None] - sampled[0].flatten()[None]) > 2.1 * (about.high - about.low) / 255
    flat = found[0].flatten()
    assert bool((flat[:, None] >= flat[None])[apart].all())


def test_a_slope_has_no_steps():
    """A slope of 20 levels over 200 pixels, in 16 bits."""
    slope = torch.linspace(0.4, 0.48, 200).expand(1, 40, 200)
    about = TextureMap("height", bits=16, low=0.0, high=1.0)
    sampled = (slope * 255).round()[None] / 255
    found = matched(sampled, about, stored_values(slope.reshape(1, -1)), 3.0)
    assert len(found[0, 0, 20].unique()) > 100
    assert (found[0] - slope).abs().max() < 1.5 / 255


def test_a_map_of_one_value_stays_it():
    about = TextureMap("metal", low=0.25, high=0.25)
    values = stored_values(torch.full((1, 50), 0.25))
    assert torch.equal(matched(torch.full((1, 1, 6, 6), 0.25), about, values, 0.0), torch.full((1, 1, 6, 6), 0.25))


def test_normals_become_unit_vectors():
    sampled = torch.rand(2, 3, 20, 20, generator=generator(0))
    for match in (True, False):
        found = matched(sampled, NORMAL, torch.zeros(3, 10), speck_limit(sampled[0]), match=match) * 2 - 1
        assert torch.allclose(found.square().sum(1), torch.ones(2, 20, 20), atol=1e-5)
    upright = renormalised(torch.full((3, 2, 2), 0.5))
    assert torch.equal(upright[:, 0, 0], torch.tensor([0.5, 0.5, 1.0]))

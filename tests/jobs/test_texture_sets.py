"""Textures with maps: learned, laid out and written together."""

import builtins

import numpy as np
import pytest
import torch
from PIL import Image

import drawgen
from drawgen import cli, images
from drawgen.jobs.answers import Drawn
from drawgen.jobs.heat_maps import heat_map
from drawgen.textures.height_fields import floor, misalignment

MAPS = "normal.png,height.png,rough=roughness.png"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with a floor and its maps; heights and normals have 16 bits."""
    monkeypatch.chdir(tmp_path)
    surface = floor(72, 80, seed=3)
    images.save_image(tmp_path / "floor.png", surface.pop("colours"))
    for name, each in surface.items():
        (tmp_path / f"{name}.png").write_bytes(images.png(each, bits=16 if name in ("normal", "height") else 8))
    return tmp_path


def numbers(name):
    found, bits = images.load_numbers(name)
    return (found.double() * (2**bits - 1)).round().long()


def made(folder):
    return sorted(path.name for path in folder.glob("new*.*"))


FILES = ["new-height.png", "new-normal.png", "new-rough.png", "new.png"]


def test_nothing_invented_is_exact(here, capsys):
    """Every pixel of every map, in 16 bits, is that of the place from which its colours come."""
    words = ["texture", "floor.png", "-o", "new.png", "--maps", MAPS, "--invent", "nothing", "--size", "50x44"]
    assert cli.main(words) == 0
    assert capsys.readouterr().out.split() == ["new.png", "new-normal.png", "new-height.png", "new-rough.png"]
    assert made(here) == FILES
    assert np.asarray(Image.open("new-height.png")).dtype == np.uint16
    assert np.asarray(Image.open("new-rough.png")).dtype == np.uint8
    stacks = []
    for names in (("floor.png", "normal.png", "height.png", "roughness.png"), ("new.png", *FILES[1::-1], FILES[2])):
        stacks.append(torch.cat([numbers(name) for name in names]))
    known = {tuple(pixel) for pixel in stacks[0].flatten(1).t().tolist()}
    assert stacks[1].shape == (8, 44, 50)
    assert all(tuple(pixel) in known for pixel in stacks[1].flatten(1).t().tolist())
    angle = misalignment(images.load_numbers("new-normal.png")[0], images.load_numbers("new-height.png")[0])
    assert angle < 6  # only where patches meet


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A set with a short training, in a folder."""
    folder = tmp_path_factory.mktemp("set")
    surface = floor(72, 80, seed=3)
    photo = surface.pop("colours")
    images.save_image(folder / "floor.png", photo)
    for name, each in surface.items():
        (folder / f"{name}.png").write_bytes(images.png(each, bits=16 if name in ("normal", "height") else 8))
    maps = [folder / "normal.png", folder / "height.png", f"rough={folder / 'roughness.png'}"]
    texture = drawgen.texture(folder / "floor.png", folder / "set.png", size=(24, 20), steps=4, maps=maps, invent="detail")
    return folder, texture


def test_a_model_samples_sets(trained):
    folder, texture = trained
    assert texture.images.shape == (1, 3, 24, 20)
    assert {name: tuple(each.shape) for name, each in texture.maps.items()} == {
        "normal": (1, 3, 24, 20), "height": (1, 1, 24, 20), "rough": (1, 1, 24, 20)
    }  # fmt: skip
    vectors = texture.maps["normal"] * 2 - 1
    assert torch.allclose(vectors.square().sum(1), torch.ones(1, 24, 20), atol=1e-5)
    assert repr(texture) == "1 picture of 20x24 pixels, drawn in steps, with maps: normal, height, rough"
    for name in ("set-normal.png", "set-height.png"):
        assert images.load_numbers(folder / name)[1] == 16
    exemplar = images.load_numbers(folder / "height.png")[0]
    assert abs(texture.maps["height"].mean() - exemplar.mean()) < 0.02
    for found, name, bits in ((texture.maps["height"], "set-height.png", 16), (texture.maps["rough"], "set-rough.png", 8)):
        top = 2**bits - 1
        assert torch.equal((found[0].double() * top).round().long(), numbers(folder / name))
    card = texture.trained.card
    assert "- data: floor.png with its maps normal, height, rough\n" in card
    assert "sets of files: OUT.png, OUT-normal.png, OUT-height.png, OUT-rough.png" in card
    assert str(folder) not in card + (folder / "set.model" / "config.json").read_text()


def test_more_of_the_set(trained, tmp_path, capsys):
    """The model folder knows the maps; the same seed gives the same set."""
    folder, _ = trained
    words = ["sample", str(folder / "set.model"), "-o", str(tmp_path / "more{i}.png"), "-n", "2", "--size", "24x30"]
    assert cli.main(words) == 0
    names = [f"more{n}{end}.png" for n in (1, 2) for end in ("", "-normal", "-height", "-rough")]
    assert capsys.readouterr().out.split() == [str(tmp_path / name) for name in names]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    loaded = drawgen.load(folder / "set.model")
    again, other = (loaded.sample(n=2, size=(30, 24), seed=seed) for seed in (0, 1))
    assert torch.equal((again.maps["height"][1].double() * 65535).round().long(), numbers(tmp_path / "more2-height.png"))
    assert not torch.equal(again.maps["height"], other.maps["height"])
    with pytest.raises(ValueError, match="was trained on a photograph with maps, which photo:brick has not; leave `data` out"):
        loaded.evaluate(data="photo:brick")


def test_the_bits_of_a_set(trained):
    """Of its own photograph, colours and maps together."""
    folder, texture = trained
    source = str(folder / "set.model")
    found = heat_map(texture.trained.model, source)
    assert found.bits.shape == (72, 80)
    assert found.mean / 8 < 8
    with pytest.raises(ValueError, match="was trained on a photograph with maps"):
        heat_map(texture.trained.model, source, data="photo:brick")


def test_sets_as_tiles(trained, tmp_path):
    """Each map closes as its colours do, and tiles have the same border."""
    folder, _ = trained
    loaded = drawgen.load(folder / "set.model")
    tiles = loaded.sample(n=2, size=(40, 40), tile=True, even_out=0.5)
    assert torch.equal(tiles.maps["height"][0][:, 0], tiles.maps["height"][1][:, 0])
    vectors = tiles.maps["normal"] * 2 - 1
    assert torch.allclose(vectors.square().sum(1), torch.ones(2, 40, 40), atol=1e-5)
    tiles.save(tmp_path / "tile{i}.png")
    assert len(list(tmp_path.iterdir())) == 8


def test_a_guide_of_a_set(trained, here):
    """A picture, dark on the left and bright on the right, is shown by the colours; the maps follow them."""
    bright = np.where(np.arange(60) < 30, 0, 255).astype(np.uint8)[None].repeat(60, 0)
    Image.fromarray(bright).save("guide.png")
    options = {"size": (60, 60), "guide": "guide.png"}
    stacks = [numbers(name) for name in ("floor.png", "normal.png", "height.png")]
    known = {tuple(pixel) for pixel in torch.cat(stacks).flatten(1).t().tolist()}
    made = drawgen.texture("floor.png", "new.png", invent="nothing", maps=["normal.png", "height.png"], **options)
    found = torch.cat([numbers(name) for name in ("new.png", "new-normal.png", "new-height.png")])
    assert all(tuple(pixel) in known for pixel in found.flatten(1).t().tolist())
    sampled = drawgen.load(trained[0] / "set.model").sample(**options)
    assert {name: tuple(each.shape) for name, each in sampled.maps.items()} == {
        "normal": (1, 3, 60, 60), "height": (1, 1, 60, 60), "rough": (1, 1, 60, 60)
    }  # fmt: skip
    for one in (made, sampled):
        assert one.images[..., 35:].mean() > one.images[..., :25].mean() + 0.02
    tiles = drawgen.load(trained[0] / "set.model").sample(n=2, tile=True, **options)
    assert tiles.maps["height"].shape == (2, 1, 60, 60)


def test_what_a_model_of_a_set_does_not_do(trained, here):
    """Neither holes of a photograph alone, nor a density of flips, which do not turn normals."""
    model = str(trained[0] / "set.model")
    mask = np.zeros((72, 80))
    mask[20:30, 20:30] = 1
    words = r"model is .*set\.model, of a photograph with maps, which floor\.png has not; give a model of a photograph alone"
    with pytest.raises(ValueError, match=words):
        drawgen.inpaint("floor.png", mask=mask, model=model)
    with pytest.raises(ValueError, match=words):
        drawgen.extend("floor.png", by=(4, 0, 0, 0), model=model)
    words = r"orientations is 2, and .*set\.model has a normal map, which other orientations do not turn; leave it out"
    with pytest.raises(ValueError, match=words):
        drawgen.load(model).evaluate(orientations=2)


@pytest.mark.parametrize("invent", ["all", "detail"])
def test_all_ways_to_make_a_set(here, invent):
    made = drawgen.texture("floor.png", size=(40, 40), n=2, tile=True, steps=2, invent=invent, maps=["height.png"])
    assert made.maps["height"].shape == (2, 1, 40, 40)
    plain = drawgen.texture("floor.png", size=(40, 40), steps=2, invent=invent, maps=["height.png"]).trained
    assert plain.sample(size=(30, 30), match=False).maps["height"].min() >= 0


def test_alpha_is_made_with_the_colours(here):
    shown = np.asarray(Image.open("floor.png"))
    alpha = np.where(np.arange(80) // 10 % 2, 255, 0).astype(np.uint8) * np.ones((72, 1), np.uint8)
    Image.fromarray(np.dstack([shown, alpha])).save("leaf.png")
    made = drawgen.texture("leaf.png", "new.png", size=(60, 60), invent="nothing", maps=["alpha"])
    assert set(made.maps["alpha"].unique().tolist()) == {0.0, 1.0}
    assert images.picture_size("new-alpha.png") == (60, 60)


@pytest.mark.parametrize("existing", ["new-rough.png", "new.png"])
def test_all_files_or_none(here, existing, capsys):
    (here / existing).write_bytes(b"mine")
    words = ["texture", "floor.png", "-o", "new.png", "--maps", MAPS, "--invent", "nothing", "--size", "50x44"]
    assert cli.main(words) == 2
    assert capsys.readouterr().err == f"drawgen: {existing} exists already; choose another name or give --force to replace it\n"
    assert made(here) == [existing]
    assert (here / existing).read_bytes() == b"mine"
    assert cli.main([*words, "--force"]) == 0
    assert made(here) == FILES


def test_a_full_disk_leaves_none(here, monkeypatch):
    plain = images.png
    monkeypatch.setattr(images, "png", lambda image, **more: plain(image, **more) * 1000)
    texture = drawgen.texture("floor.png", size=(50, 44), invent="nothing", maps=["normal.png", "height.png"])

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def write(self, data):
            if len(data) > 10**6:
                raise OSError(28, "No space left on device")
            return self.file.write(data)

        def __getattr__(self, name):
            return getattr(self.file, name)

    opened = builtins.open

    def full(file, mode="r", **more):
        return Full(opened(file, mode, **more)) if mode == "xb" else opened(file, mode, **more)

    monkeypatch.setattr(builtins, "open", full)
    with pytest.raises(OSError, match=r"new-normal\.png could not be written \(No space left on device"):
        texture.save("new.png")
    assert made(here) == []
    assert not list(here.glob(".*"))


@pytest.mark.parametrize(
    ("maps", "more", "words"),
    [
        ("small.png", [], "small.png is 8x8 pixels and floor.png is 80x72; maps have to align with the photograph pixel for pixel: "
         "give one of the same size"),
        ("absent.png", [], "absent.png does not exist; check the path, or use photo:NAME for a sample photograph"),
        ("normal=height.png", [], "is grey, and by its name a normal map, which has three channels; if it is none, name it"),
        ("height.png,height=normal.png", [], "--maps has 'height' twice; give each another name, as NAME=FILE"),
        ("normal.png,a=normal.png,b=normal.png", [], "--maps has 9 channels"),
        ("alpha", [], "has no alpha; leave 'alpha' out of --maps"),
        (",height.png", [], "--maps has '', which names no file; give files as FILE or NAME=FILE"),
        ("height.png", ["-o", "new.gif"], "choose one of"),
        ("2=height.png", ["-o", "new{i}.png", "-n", "2"], ""),
    ],
)  # fmt: skip
def test_what_is_refused(here, capsys, maps, more, words):
    Image.new("L", (8, 8)).save("small.png")
    start = ["texture", "floor.png", *(more if "-o" in more else ["-o", "new.png", *more])]
    code = cli.main([*start, "--maps", maps, "--invent", "nothing", "--size", "50x44"])
    error = capsys.readouterr().err
    assert code == (2 if words else 0)
    assert words in error
    assert error.count("\n") == 1  # without an error, it is about so few stones
    assert bool(made(here)) == (not words)


def test_animations_show_no_maps(trained, tmp_path):
    folder, texture = trained
    with pytest.raises(ValueError, match="maps are still pictures"):
        texture.save(tmp_path / "new.gif")
    assert cli.main(["sample", str(folder / "set.model"), "-o", str(tmp_path / "new.gif")]) == 2
    assert list(tmp_path.iterdir()) == []


def test_one_of_several_has_its_own_maps():
    drawn = Drawn(images=torch.rand(2, 3, 4, 4), maps={"height": torch.rand(2, 1, 4, 4)})
    assert torch.equal(drawn.one(1).maps["height"], drawn.maps["height"][1:])


def test_resumed_with_the_same_maps(here):
    options = {"size": (30, 30), "steps": 3, "invent": "all", "save": "model"}
    drawgen.texture("floor.png", maps=["height.png"], **options)
    (here / "moved").mkdir()
    (here / "height.png").rename(here / "moved" / "height.png")
    again = drawgen.texture("floor.png", maps=["moved/height.png"], resume=True, **options)
    assert list(again.maps) == ["height"]
    with pytest.raises(ValueError, match=r"is not the data|other symbols or sizes"):
        drawgen.texture("floor.png", resume=True, **options)


@pytest.mark.slow
def test_maps_of_a_trained_model_stay_aligned(tmp_path):
    """Normals recomputed from the sampled heights agree with the sampled normals, about ten times better than with those of another
    place."""
    surface = floor(160, 160, seed=1)
    for name, each in surface.items():
        (tmp_path / f"{name}.png").write_bytes(images.png(each, bits=16))
    maps = [tmp_path / "normal.png", tmp_path / "height.png"]
    made = drawgen.texture(tmp_path / "colours.png", size=(128, 128), steps=150, maps=maps, invent="detail")
    normal, height = made.maps["normal"][0], made.maps["height"][0]
    angle, apart = misalignment(normal, height), misalignment(normal, height.roll(40, 2))
    assert angle < 6
    assert apart > 4 * angle

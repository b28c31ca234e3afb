"""Features kept on disk: those of a net, once for each picture, whatever lies in the folder."""

import errno
import os
from pathlib import Path

import pytest
import torch
from torch import nn

from drawgen.contract import generator
from drawgen.feature_cache import AT_ONCE, HEAD, LEFTOVER_S, FeatureCache
from drawgen.files import StorageError

IMAGE = (3, 8, 8)


class Net(nn.Module):
    """Counts the pictures that it sees."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 5, 4, 4, bias=False)
        with torch.no_grad():
            self.layer.weight.copy_(torch.randn(self.layer.weight.shape, generator=generator(9)))
        self.batches = []

    def forward(self, images):
        self.batches.append(len(images))
        return self.layer(images).flatten(2).transpose(1, 2)


def pictures(n=11, seed=0):
    return torch.rand(n, *IMAGE, generator=generator(seed))


def cache_of(folder, net=None, **changes):
    net = net or Net()
    return FeatureCache(str(folder), net, net, **({"image": IMAGE, "shape": (4, 5), "kept": "map"} | changes))


def files(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.is_file())


def test_each_picture_is_seen_once(tmp_path):
    """The net's features to float16's precision, at the first time as at the second; a picture that comes twice is one file; in
    parts of one size."""
    cache, images = cache_of(tmp_path / "new" / "cache"), pictures()
    images = torch.cat([images, images[:3]])
    first = cache(images)
    assert cache.net.batches == [AT_ONCE, AT_ONCE]
    expected = cache.net(images).detach()
    torch.testing.assert_close(first, expected, rtol=2**-11, atol=1e-6)
    assert torch.equal(cache(images.flip(0)), first.flip(0))
    again = cache_of(tmp_path / "new" / "cache")
    assert torch.equal(again(images), first)
    assert again.net.batches == []
    assert len(files(tmp_path)) == 11
    assert {path.stat().st_size for path in files(tmp_path)} == {HEAD + 2 * 4 * 5}


def test_what_is_seen_of_a_picture_does_not_hang_on_others(tmp_path):
    """To float16's last place: a product may round its rows differently by where they stand."""
    images = pictures(20, seed=3)
    together = cache_of(tmp_path / "together")(images)
    for row in (0, 7, 8, 19):
        torch.testing.assert_close(cache_of(tmp_path / str(row))(images[row : row + 1])[0], together[row], rtol=2**-10, atol=1e-6)


@pytest.mark.parametrize("change", ["weights", "picture", "size", "kept"])
def test_another_question_is_another_file(tmp_path, change):
    cache, images = cache_of(tmp_path), pictures(1)
    cache(images)
    if change == "weights":
        cache.net.load_state_dict({name: tensor + 1 for name, tensor in cache.net.state_dict().items()})
    elif change == "picture":
        images[0, 1, 2, 3] += 2**-20
    elif change == "size":
        images = images.view(1, 3, 4, 16)
        cache = cache_of(tmp_path, image=(3, 4, 16))
    else:
        cache = cache_of(tmp_path, kept="mean")
    cache.net.batches.clear()
    torch.testing.assert_close(cache(images), cache.net(images).detach(), rtol=2**-11, atol=1e-6)
    assert cache.net.batches == [AT_ONCE, 1]
    assert len(files(tmp_path)) == 2


def test_weights_that_come_back_find_their_files(tmp_path):
    """As after validation, which puts the averaged weights in for a while."""
    cache, images = cache_of(tmp_path), pictures(2)
    own = {name: tensor.clone() for name, tensor in cache.net.state_dict().items()}
    first = cache(images)
    cache.net.load_state_dict({name: 2 * tensor for name, tensor in own.items()})
    assert not torch.equal(cache(images), first)
    cache.net.load_state_dict(own)
    cache.net.batches.clear()
    assert torch.equal(cache(images), first)
    assert cache.net.batches == []


def test_damage_is_mended(tmp_path, caplog):
    """A file cut short anywhere, one with any byte altered, one of another picture: each is made anew, with a warning."""
    cache, images = cache_of(tmp_path), pictures(2)
    first = cache(images)
    path, other = files(tmp_path)
    whole = path.read_bytes()
    spoilt = [whole[:length] for length in range(len(whole))]
    spoilt += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(len(whole))]
    for content in [*spoilt, whole + b"\0\0", other.read_bytes(), b"\x80\x04."]:
        path.write_bytes(content)
        caplog.clear()
        assert torch.equal(cache(images), first)
        assert path.read_bytes() == whole
        assert f"{path} of the feature cache is damaged" in caplog.text


@pytest.mark.parametrize("cut", ["mkdir", "write_bytes", "replace"])
def test_killed_anywhere(tmp_path, monkeypatch, cut):
    """What is not written whole is not there; the next process goes on. Leftovers go after an hour, those of others' work stay."""
    images, counted = pictures(5), []

    def killed(self, *arguments, **options):
        counted.append(self)
        if cut == "write_bytes":
            before(self, arguments[0][: len(arguments[0]) // 2])
        if len(counted) > 2:
            raise KeyboardInterrupt
        return before(self, *arguments, **options)

    before = getattr(Path, cut)
    monkeypatch.setattr(Path, cut, killed)
    monkeypatch.setattr(Path, "unlink", lambda self: None)  # killed outright
    with pytest.raises(KeyboardInterrupt):
        cache_of(tmp_path)(images)
    monkeypatch.undo()
    left = [path for path in files(tmp_path) if path.suffix == ".tmp"]
    assert len(left) == (cut != "mkdir")
    cache = cache_of(tmp_path)
    torch.testing.assert_close(cache(images), cache.net(images).detach(), rtol=2**-11, atol=1e-6)
    assert [path for path in files(tmp_path) if path.suffix == ".tmp"] == left
    for path in left:
        os.utime(path, (0, path.stat().st_mtime - LEFTOVER_S - 1))
    cache_of(tmp_path)(images)
    assert not [path for path in files(tmp_path) if path.suffix == ".tmp"]


def test_two_share_a_folder(tmp_path):
    """Another process writes the same files between our looking for them and our writing them."""
    images, net = pictures(), Net()
    other = cache_of(tmp_path)

    def look(batch):
        other(images)
        return net(batch)

    cache = FeatureCache(str(tmp_path), net, look, image=IMAGE, shape=(4, 5), kept="map")
    assert torch.equal(cache(images), other(images))
    assert len(files(tmp_path)) == 11


def test_what_cannot_be_used_is_said_in_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match=r"the feature cache .*file cannot be used .*; choose another"):
        cache_of(tmp_path / "file")(pictures(1))
    cache = cache_of(tmp_path / "cache")
    cache(pictures(1))
    (path,) = files(tmp_path / "cache")
    path.unlink()
    path.mkdir()
    with pytest.raises(ValueError, match=f"{path} of the feature cache cannot be read"):
        cache(pictures(1))
    huge = cache_of(tmp_path / "huge")
    huge.net.load_state_dict({name: 1e6 * tensor for name, tensor in huge.net.state_dict().items()})
    with pytest.raises(ValueError, match="beyond 65504"):
        huge(pictures(1))
    assert not files(tmp_path / "huge")

    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="No space left on device: free some space"):
        cache_of(tmp_path / "full")(pictures(1))


@pytest.mark.gpu
def test_devices_find_each_others_files(tmp_path):
    images = pictures()
    first = cache_of(tmp_path)(images)
    net = Net().cuda()
    cache = cache_of(tmp_path, net)
    with torch.autocast("cuda", torch.bfloat16):
        assert torch.equal(cache(images.cuda()).cpu(), first)
    assert net.batches == []

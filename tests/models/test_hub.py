"""Models of Hugging Face, against a stand-in of its file layout: nothing is sent, nothing is fetched."""

import builtins
import shutil
from pathlib import Path
from unittest import mock

import pytest

import drawgen
from drawgen import models

hub = pytest.importorskip("huggingface_hub")


@pytest.fixture
def repositories(tmp_path, monkeypatch):
    """USER/NAME -> folder of what was uploaded; both ways go through the signatures of the library."""
    found: dict[str, Path] = {}

    def create_repo(repo_id, *, private=None, exist_ok=False, **_):
        assert exist_ok
        found[repo_id] = tmp_path / "uploaded" / repo_id

    def upload_folder(*, repo_id, folder_path, allow_patterns, **_):
        found[repo_id].mkdir(parents=True)
        for name in allow_patterns:
            shutil.copy(Path(folder_path) / name, found[repo_id] / name)

    def snapshot_download(repo_id, *, allow_patterns, **_):
        if repo_id not in found:
            raise hub.errors.RepositoryNotFoundError(f"404 Client Error\n{repo_id}", response=mock.Mock())
        place = tmp_path / "cache" / f"models--{repo_id.replace('/', '--')}" / "snapshots" / "0123abc"
        place.mkdir(parents=True, exist_ok=True)
        for name in allow_patterns:
            (place / name).unlink(missing_ok=True)
            (place / name).symlink_to(found[repo_id] / name)  # as the cache has them
        return str(place)

    api = mock.create_autospec(hub.HfApi, instance=True)
    api.create_repo.side_effect, api.upload_folder.side_effect = create_repo, upload_folder
    monkeypatch.setattr(hub, "HfApi", lambda: api)
    monkeypatch.setattr(hub, "snapshot_download", mock.create_autospec(hub.snapshot_download, side_effect=snapshot_download))
    return found


def test_there_and_back(repositories):
    """Config, weights and card go, and nothing that names this machine."""
    dirt = drawgen.load("ride:dirt")
    dirt.push_to_hub("somebody/dirt", private=True)
    assert {path.name for path in repositories["somebody/dirt"].iterdir()} == set(models.PUBLISHED)
    again = drawgen.load("hf:somebody/dirt")
    assert again.sample(size=(16, 16)).images.equal(dirt.sample(size=(16, 16)).images)
    assert again.card == dirt.card
    assert again.source == "hf:somebody/dirt"


def test_one_that_there_is_not(repositories):
    with pytest.raises(ValueError, match=r"hf:somebody/none could not be had from Hugging Face \(404 Client Error\)"):
        drawgen.load("hf:somebody/none")


def test_the_extra_is_asked_for(monkeypatch):
    plain = builtins.__import__

    def without(name, *rest):
        if name == "huggingface_hub":
            raise ImportError
        return plain(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"need the extra `hub`: pip install 'drawgen\[hub\]'"):
        models.resolve("hf:somebody/dirt")

"""The networks whose lesions are examined, and the pictures for it.

Axes: B pictures, C channels, H rows, W columns.
"""

from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from drawgen import files, images, models
from drawgen.contract import check_split, generator
from drawgen.data.clutter import Labelled
from drawgen.data.pictures import DataError
from drawgen.devices import choose_device
from drawgen.jobs.measuring import data_for
from drawgen.nn import dissected, efficientnet_lite
from drawgen.nn.lesions import Examined, Row, row_of
from drawgen.nn.residual import Dissects

GIVE = "give a resnet_classifier, efficientnet-lite0, or a file with the weights of one of torchvision's ResNets"
EFFICIENTNET = "efficientnet-lite0"
WEIGHTS = (".safetensors", ".pt", ".pth", ".bin")
PHOTOS = ("astronaut", "camera", "chelsea", "chessboard_RGB", "clock_motion", "coffee", "coins", "motorcycle_left", "rocket")
"""Of scikit-image: photographs of things."""
SIDE_PX = 160
"""Side of a photograph's crop; networks for photographs of 224 px work at this size, too, and in half the time."""
LARGEST = 2.0
"""The largest crop, in sides."""
LABELLED, EFFICIENT, HEAVY = 500, 64, 32
"""Pictures by default: labelled ones, for EfficientNet-Lite0, for torchvision's ResNets."""


class Subject(NamedTuple):
    """A network and its pictures."""

    source: str
    built: str
    """What it is made of."""
    seen: str
    """What pictures they are."""
    examined: Examined
    row: Row
    labels: tuple[str, ...] | None
    """The classes; None if the pictures have no labels, and what is counted is how many get another label than before."""
    drawn: int = 0
    """Modules that were drawn for each batch of its training; 0 for all."""


def subject(source: str, *, data: str | None, split: str | None, pictures: int | None, seed: int, device: str) -> Subject:
    """Opens what is examined. Raises ValueError."""
    place = choose_device(device, "device")
    if source == EFFICIENTNET:
        net = dissected.efficientnet(efficientnet_lite.installed(place))
        return unlabelled(source, source, net, data, split, pictures or EFFICIENT, seed, place)
    if source.lower().endswith(WEIGHTS):
        if not files.is_file(source):
            raise ValueError(f"{source} is no file; check the path")
        name, net = dissected.torchvision_resnet(source, device=place)
        return unlabelled(source, name, net, data, split, pictures or HEAVY, seed, place)
    if files.is_file(source):
        raise ValueError(f"{source} is no model folder; {GIVE} ({' '.join(WEIGHTS)})")
    model = models.load(source, device=device)
    if not isinstance(model, Dissects):
        raise ValueError(f"{source} is not a residual network; {GIVE}")
    config = data_for(model, models.resolve(source), source, data)
    split = split or ("test" if "test" in config.splits else "valid")
    check_split(config, split, measured=True)
    batches = list(config.stream(split, seed=seed))
    if not batches:
        raise DataError(f"{config.path} has no pictures in its part {split!r}; give other data, or another split")
    every = Labelled(torch.cat([batch.images for batch in batches]), torch.cat([batch.labels for batch in batches]))
    chosen = torch.randperm(len(every.labels), generator=generator(seed))[: pictures or LABELLED]
    examined = Examined(model.dissected(), every.images[chosen].to(place), every.labels[chosen].to(place))
    seen = f"{len(chosen):,} pictures of its {split} split"
    drawn = getattr(model.config, "drawn", 0)
    return Subject(source, model.built, seen, examined, row_of(examined), model.spec.labels, drawn)


def unlabelled(
    source: str, name: str, net: dissected.Network, data: str | None, split: str | None, count: int, seed: int, device: torch.device
) -> Subject:
    """A network for photographs. What is wanted of it is the label that it gives when it is whole."""
    if split is not None:
        raise ValueError(f"`split` is {split!r}, and pictures for {name} have no splits; leave it out")
    crops = photographs(count, seed) if data is None else folder(Path(data), count, seed)
    with torch.inference_mode():
        found = Examined(net, crops.to(device), torch.zeros(len(crops), dtype=torch.long, device=device))
        wanted = torch.cat([net.logits(some).argmax(1) for some, _ in found.batches()])
    examined = found._replace(wanted=wanted.clone())
    row = row_of(examined)
    built = f"{len(row.indices)} modules with a shortcut, of {len(net.modules)}"
    seen = f"{len(crops)} crops of photographs" if data is None else f"{len(crops)} pictures of {Path(data).name}"
    return Subject(source, f"{name}, {built}" if source != name else built, seen, examined, row, None)


def photographs(count: int, seed: int) -> Float[Tensor, "B 3 H W"]:
    """Square crops of scikit-image's photographs, at random places and of random sizes."""
    rng, crops = generator(seed, 1), []
    for number in range(count):
        photo = images.load_image(f"photo:{PHOTOS[number % len(PHOTOS)]}").expand(3, -1, -1)
        height, width = photo.shape[1:]
        scale, top, left = torch.rand(3, generator=rng).tolist()
        side = min(height, width, round(SIDE_PX * LARGEST**scale))
        top, left = int(top * (height - side + 1)), int(left * (width - side + 1))
        crops.append(images.fit_to(photo[:, top : top + side, left : left + side], (3, SIDE_PX, SIDE_PX)))
    return torch.stack(crops)


def folder(path: Path, count: int, seed: int) -> Float[Tensor, "B 3 H W"]:
    """Pictures of a folder and of those in it, cropped at the centre and resized. Raises DataError and ImageError."""
    if not files.is_folder(path):
        raise DataError(f"{path} is no folder; give a folder of pictures")
    try:
        found = files.files_in(path, images.PICTURES, deep=True)
    except OSError as error:
        raise DataError(f"the folder {path} cannot be read ({error.strerror}); change its permissions") from error
    if not found:
        raise DataError(f"the folder {path} holds no pictures; put PNG or JPEG files in it")
    chosen = sorted(torch.randperm(len(found), generator=generator(seed, 1))[:count].tolist())
    shape = (3, SIDE_PX, SIDE_PX)
    return torch.stack([images.fit_to(images.load_image(found[n], covering=shape[1:]), shape) for n in chosen])

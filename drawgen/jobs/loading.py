"""A person's pictures, ready for a trained model."""

from typing import Any

import torch

from drawgen import images
from drawgen.contract import TakesInk
from drawgen.ink import ink

MOST_DRAWN = 1024
"""Pixels per side that are plenty for a model's picture, or to cut a character's ink out; larger photographs are reduced as they
are read."""


def pictures_for(model: Any, paths: list[str]) -> torch.Tensor:
    """A person's pictures as a model wants them: for a model of ink the ink cut out and centred; for others the middle of each,
    resized. One of the model's own size is taken as it is."""
    channels, height, width = model.spec.picture
    takes_ink = isinstance(model, TakesInk) and model.ink
    binary = isinstance(model, TakesInk) and model.binary
    ready = []
    for path in paths:
        image, alpha = images.load_with_alpha(path, covering=(MOST_DRAWN, MOST_DRAWN))
        own = image.shape[1:] == (height, width)
        if own and binary:
            ready.append((images.grey(image) > 0.5).float())
        elif own or not takes_ink:
            ready.append(images.fit_to(image, (channels, height, width)))
        else:
            try:
                ready.append(ink(image, height, width, alpha=alpha, shades=not binary))
            except images.ImageError as error:
                raise images.ImageError(f"{path}: {error}") from error
    return torch.stack(ready)

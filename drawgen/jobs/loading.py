"""Prepares a user's pictures for a trained model."""

from typing import Any

import torch

from drawgen import images
from drawgen.contract import TakesInk
from drawgen.ink import ink

MOST_DRAWN = 1024
"""Pixels per side that suffice for a model's picture and for segmenting the ink; larger photographs are reduced while reading."""


def pictures_for(model: Any, paths: list[str]) -> torch.Tensor:
    """A user's pictures as inputs of a model. For a model of ink, the ink is segmented and centred; for others, each picture is
    cropped at its centre and resized. A picture of the model's size is used unchanged."""
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

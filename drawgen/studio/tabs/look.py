"""What a captioner says of photographs, and where it looked for each word."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from drawgen.studio import shown
from drawgen.studio.settings import Photo, Settings
from drawgen.studio.tabs.learn import by_its_name

SHOWN_PX = 560
"""Side of the picture that the page shows; the model sees it smaller."""


class Captioned(Settings):
    photo: Photo
    beams: Annotated[int, Field(ge=1, le=20)] = 5
    ending: str | None = Field(default=None, pattern="^(png|gif|json)$")


def caption(asked: Captioned, folder: Path) -> dict[str, Any]:
    """`drawgen caption`, with the maps of the words."""
    return by_its_name(lambda name: captioned(name, asked), asked.photo, folder)


def captioned(name: str, asked: Captioned) -> dict[str, Any]:
    from drawgen import attention_maps, images
    from drawgen.jobs.answers import Captions
    from drawgen.jobs.captions import described
    from drawgen.jobs.loading import opened

    choices = {source: shown.loaded(source).model for source in ("captioner:photos", "captioner:scenes")}
    found = Captions(described(choices, [name], beams=asked.beams, n=min(3, asked.beams), strict=True, skipped={}))
    if asked.ending is not None:
        return shown.file(f"captions.{asked.ending}", found.save)
    (one,) = found
    best = one.captions[0]
    side = (SHOWN_PX, SHOWN_PX)
    seen = images.fit_to(opened(name, name, covering=side)[0], (3, *side))
    dark = [] if best.maps is None else [shade(attention_maps.light(where, side)) for where in best.maps]
    return {
        "text": one.text,
        "words": list(best.words),
        "log_probs": list(best.log_probs),
        "others": [other.text for other in one.captions[1:]],
        "doubt": one.doubt,
        "model": one.model,
        "picture": shown.picture(seen),
        "shades": dark,
    }


def shade(light: Any) -> str:
    """What darkens a picture where the light (1 H W) is low: black, and the rest transparent."""
    import torch

    from drawgen.attention_maps import DARK

    small = light[:, ::4, ::4]  # it is smooth
    return shown.picture(torch.cat([torch.zeros(3, *small.shape[1:]), (1 - DARK) * (1 - small)]))


QUESTIONS = {"look.caption": caption}

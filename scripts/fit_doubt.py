"""Gives a trained captioner its doubt: takes the statistics of its training pictures and writes the model folder again, with all
other weights as they were.

    uv run python scripts/fit_doubt.py assets/captioner/scenes
    uv run python scripts/fit_doubt.py assets/captioner/photos --kind photographs --against ../shared/data

Training does the first at its end (`model.doubt`); the pictures are those of the folder's own recipe (of drawn scenes, without
lessons). With `--against`, the captioner learns what photographs are from the free ones of `coco_mini`, and what other pictures are
from all other kinds of `measure_doubt.py`, in parts of the data that are not measured on.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import torch
from measure_doubt import KINDS, PHOTOGRAPHS, found

from drawgen import checkpoint, jobs, models
from drawgen.contract import generator
from drawgen.data.scenes import Scenes
from drawgen.images import fit_to


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kind", default="", help="what the training pictures are, in the plural; by default that of the preset")
    parser.add_argument("--dimensions", type=int, default=32)
    parser.add_argument("--against", type=Path, help="the folder of all data; for photographs")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    name, preset, recipe = jobs.stored_recipe(arguments.folder)
    kind = arguments.kind or models.recipe(name, preset).model.kind
    config = dataclasses.replace(recipe.model, doubt=arguments.dimensions, kind=kind)
    before: Any = models.load(arguments.folder)
    model: Any = models.build(config, before.spec, rng=generator(0)).eval()
    model.load_state_dict(before.state_dict(), strict=False)
    if arguments.against is None:
        data = dataclasses.replace(recipe.data, lessons=0) if isinstance(recipe.data, Scenes) else recipe.data
        model.conclude(data.stream("train", seed=recipe.fit.seed), data.stream("valid", seed=recipe.fit.seed))
    else:
        outlines = {each: outlined(model, found(arguments.against, each, "train")) for each in KINDS}
        familiar = torch.cat([outlines.pop(each) for each in PHOTOGRAPHS])
        model.familiarity.fit_against(familiar, [each for each in outlines.values() if len(each)])
    if not model.kind:
        raise SystemExit(f"{arguments.folder}: there are too few pictures for statistics")
    with checkpoint.weights_of(arguments.folder) as file:
        weights = {part: file.get_tensor(part) for part in file.keys()}  # noqa: SIM118
    weights |= {part: tensor for part, tensor in model.state_dict().items() if part.startswith("familiarity.")}
    checkpoint.write_weights(arguments.folder, weights)
    checkpoint.write_model(arguments.folder, name, config.published(), before.spec)
    kept = jobs.read_recipe(arguments.folder)
    checkpoint.write_json(arguments.folder / jobs.RECIPE, kept | {"config": checkpoint.to_plain(config)})
    print(f"{models.load(arguments.folder).kind}: kept in {arguments.folder}")  # type: ignore[attr-defined]


def outlined(model: Any, pictures: list[torch.Tensor]) -> torch.Tensor:
    seen = [fit_to(image, model.spec.picture) for image in pictures]
    parts = [model.outline(torch.stack(seen[n : n + 16])) for n in range(0, len(seen), 16)]
    return torch.cat(parts) if parts else torch.zeros(0, model.encoder.features)


if __name__ == "__main__":
    main()

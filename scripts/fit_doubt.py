"""Gives a trained captioner its doubt: takes the statistics of its training pictures and writes the model folder again, with all
other weights as they were.

    uv run python scripts/fit_doubt.py assets/captioner/scenes
    uv run python scripts/fit_doubt.py runs/mine --kind "holiday photographs"

Training does the same at its end (`model.doubt`). The pictures are those of the folder's own recipe; of drawn scenes, without
lessons.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import torch

from drawgen import checkpoint, jobs, models
from drawgen.contract import generator
from drawgen.data.scenes import Scenes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kind", default="", help="what the training pictures are, in the plural; by default that of the preset")
    parser.add_argument("--dimensions", type=int, default=32)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    name, preset, recipe = jobs.stored_recipe(arguments.folder)
    config = dataclasses.replace(recipe.model, doubt=arguments.dimensions)
    kind = arguments.kind or models.recipe(name, preset).model.kind
    write(arguments.folder, dataclasses.replace(config, kind=kind), recipe)


def write(folder: Path, config: Any, recipe: Any) -> None:
    """The folder with statistics of the recipe's data, or with those of `fit`."""
    data = dataclasses.replace(recipe.data, lessons=0) if isinstance(recipe.data, Scenes) else recipe.data
    before: Any = models.load(folder)
    model: Any = models.build(config, before.spec, rng=generator(0))
    model.load_state_dict(before.state_dict(), strict=False)
    model.eval().conclude(data.stream("train", seed=recipe.fit.seed), data.stream("valid", seed=recipe.fit.seed))
    if not model.kind:
        raise SystemExit(f"{folder}: its data has too few pictures for statistics")
    checkpoint.write_model(folder, "captioner", config.published(), before.spec)
    checkpoint.write_weights(folder, model.state_dict())
    kept = jobs.read_recipe(folder)
    checkpoint.write_json(folder / "recipe.json", kept | {"config": checkpoint.to_plain(config)})
    for part, old in before.state_dict().items():
        assert torch.equal(models.load(folder).state_dict()[part], old), part
    print(f"{folder}: border {float(model.familiarity.border):.0f}")


if __name__ == "__main__":
    main()

"""A floor with its four maps, and new ones like it: do the maps still belong together, and what do they cost?

    uv run python scripts/measure_maps.py [--steps 800] [--out scripts/results/texture_maps.md] [--sheet texture_maps.jpg]

The floor is made from a height field (`drawgen/textures/height_fields.py`), so that its normal map is known to be that of its
heights: the mean angle between the two says how well they agree. The heights and normals have 16 bits, the others 8. The sheet
shows the photograph with its maps, and below it the set that `--invent detail` makes; at the end of each row, the surface lit from
another side by its own maps.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

import drawgen
from drawgen import images, models
from drawgen.contract import Request, Spec, TextureMap, generator
from drawgen.data.pictures import Pictures
from drawgen.jobs import machine
from drawgen.textures.height_fields import floor, misalignment

SIDE = 512
MADE = 256
LIGHT = torch.nn.functional.normalize(torch.tensor([0.75, -0.35, 0.55]), dim=0)
"""From the right, below; the photograph is lit from the left, above."""
MAPS = {"normal": 16, "height": 16, "roughness": 8, "occlusion": 8}
"""The maps, with their bits."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--sheet", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    surface = floor(SIDE, SIDE, seed=1)
    lines = ["| made by | training | normals against heights, degrees | against heights 40 px away |", "| --- | --- | --- | --- |"]

    def row(name: str, training: str, maps: dict[str, Tensor]) -> None:
        normal, height = maps["normal"], maps["height"]
        apart = misalignment(normal, height.roll(40, 2))
        lines.append(f"| {name} | {training} | {misalignment(normal, height):.2f} | {apart:.1f} |")
        print(lines[-1], flush=True)

    eight = {name: (each * 255).round() / 255 for name, each in surface.items()}
    row("the floor itself, in 8 bits", "-", eight)
    rows = [shown(surface)]
    with tempfile.TemporaryDirectory() as folder:
        images.save_image(Path(folder) / "floor.png", surface["colours"])
        for name, bits in MAPS.items():
            (Path(folder) / f"{name}.png").write_bytes(images.png(surface[name], bits=bits))
        maps = [Path(folder) / f"{name}.png" for name in MAPS]
        for invent in ("nothing", "detail", "all"):
            begun = time.process_time()
            options = {} if invent == "nothing" else {"steps": given.steps}
            made = drawgen.texture(
                Path(folder) / "floor.png", size=(MADE, MADE), seed=1, maps=maps, invent=invent, progress=False, **options
            )
            found = {"colours": made.images[0], **{name: each[0] for name, each in made.maps.items()}}
            if invent == "nothing":
                files = [Path(folder) / "floor.png", *maps]
                taken = torch.cat([images.load_numbers(file)[0].flatten(1) for file in files])
                known = {tuple(pixel) for pixel in exact(taken)}
                copies = sum(tuple(pixel) in known for pixel in exact(torch.cat([each.flatten(1) for each in found.values()])))
                print(f"{copies} of {MADE * MADE} pixels are exact copies, with all their maps", flush=True)
            else:
                rows += [shown(found)] if invent == "detail" else []
            training = "-" if invent == "nothing" else f"{given.steps} steps, {time.process_time() - begun:.0f} CPU s in all"
            row(f"`--invent {invent}`", training, found)
    if given.sheet is not None:
        images.save_image(given.sheet, torch.cat(rows, 1))
    if given.out is not None:
        told = f"{copies} of {MADE * MADE} pixels that `nothing` lays out are exact copies, 16 bits of all maps included."
        given.out.write_text(page([*lines, "", told, "", *costs()]), encoding="utf-8")


def exact(stack: Float[Tensor, "C N"]) -> list[list[int]]:
    """Whole numbers of 16 bits, by pixel."""
    return (stack.double() * 65535).round().long().t().tolist()


def shown(surface: dict[str, Tensor]) -> Float[Tensor, "3 H W"]:
    """A surface with its maps in a row, and lit from another side."""
    part = {name: each[:, :MADE, :MADE] for name, each in surface.items()}
    shade = ((part["normal"] * 2 - 1) * LIGHT[:, None, None]).sum(0).clamp(min=0)
    half = torch.nn.functional.normalize(LIGHT + torch.tensor([0.0, 0.0, 1.0]), dim=0)
    gloss = ((part["normal"] * 2 - 1) * half[:, None, None]).sum(0).clamp(min=0) ** 24 * (1 - part["roughness"])
    lit = (0.75 * part["occlusion"] * (0.2 + 0.9 * shade) + 0.35 * gloss).clamp(0, 1)
    every = [part[name] for name in ("colours", *MAPS)]
    return torch.cat([each.expand(3, -1, -1) for each in (*every, lit)], 2)


def costs() -> list[str]:
    """CPU time of a training step and of a sample, by the channels of the maps."""
    out = ["| preset | maps | weights | ms per step | ms per sample of 96 x 96 |", "| --- | --- | --- | --- | --- |"]
    for preset in ("texture", "layout"):
        recipe = models.recipe("ride", preset)
        side = recipe.data.crop_px
        for names in ((), ("height",), ("normal", "height", "roughness"), ("normal", "height", "a", "b", "c", "d")):
            maps = tuple(TextureMap(name, *(("normal", 3) if name == "normal" else ("values", 1))) for name in names)
            channels = 3 + sum(one.channels for one in maps)
            spec = Spec((channels, side, side), exemplar=(128, 128), maps=maps or None)
            model = models.build(recipe.model, spec, rng=generator(0))
            optimiser = torch.optim.Adam(model.parameters())
            pictures = Pictures(torch.rand(2, channels, side, side, generator=generator(1)))
            times = []
            for _ in range(12):
                begun = time.process_time()
                for loss in model.losses(model.draw_noise(pictures, rng=generator(1)), state=None, rng=generator(2)):
                    optimiser.zero_grad()
                    loss.value.backward()
                    optimiser.step()
                times.append(time.process_time() - begun)
            model.eval()
            model.sample(Request(size=(16, 16)))
            begun = time.process_time()
            model.sample(Request(size=(96, 96)))
            sampling = time.process_time() - begun
            count = sum(weight.numel() for weight in model.parameters())
            told = ", ".join(names) if len(names) < 5 else "normal and five more"
            step = sorted(times)[len(times) // 2]
            what = f"{told or 'none'} ({channels - 3} channels)"
            out.append(f"| {preset} | {what} | {models.in_short(count)} | {1000 * step:.0f} | {1000 * sampling:.0f} |")
            print(out[-1], flush=True)
    return out


def page(lines: list[str]) -> str:
    head = [
        "# Sets of maps, measured",
        "",
        f"A floor of {SIDE} px with four maps (normals and heights of 16 bits, roughness and occlusion of 8), made from a height",
        f"field. Sets of {MADE} px are made from it, seed 1. The angle is the mean between the normal map and the normals that",
        "follow from the height map by central differences; beside it, what it would be if the maps did not belong together.",
        f"One thread of {machine()}, torch {torch.__version__}. `scripts/measure_maps.py`",
        "",
        "![The floor and its normals, heights, roughness and occlusion, lit from another side; below, the set that was made]"
        "(texture_maps.jpg)",
        "",
    ]
    return "\n".join([*head, *lines, ""])


if __name__ == "__main__":
    main()

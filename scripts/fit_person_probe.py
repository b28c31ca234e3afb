"""Fits the probe of `drawgen/nn/label_evidence.py`, which says whether a photograph shows people.

    uv run python scripts/fit_person_probe.py COCO_MINI --out drawgen/nn/person_probe.safetensors

COCO_MINI has COCO's captions and pictures. Only pictures whose licence is CC BY or CC BY-SA are used, with their mirror images. A
picture shows people if two of five captions say so. The output's mean and spread are those of leaving one picture out.
"""

import argparse
import json
from pathlib import Path

import torch

from drawgen.data.words import words_of
from drawgen.images import fit_to, load_image
from drawgen.nn import efficientnet_lite, label_evidence

FREE = ("Attribution License", "Attribution-ShareAlike License")
ENOUGH = 0.4
RIDGE = 1280.0


def free_pictures(folder: Path) -> list[tuple[Path, list[str]]]:
    """(file, captions) of the pictures with a free licence."""
    found = []
    for part in ("train2017", "val2017"):
        told = json.loads((folder / "annotations" / f"captions_{part}.json").read_text(encoding="utf-8"))
        licences = {licence["id"]: licence["name"] for licence in told["licenses"]}
        captions: dict[int, list[str]] = {}
        for annotation in told["annotations"]:
            captions.setdefault(annotation["image_id"], []).append(annotation["caption"])
        for image in told["images"]:
            file = folder / part / image["file_name"]
            if licences[image["license"]] in FREE and file.is_file():
                found.append((file, captions[image["id"]]))
    return found


def says_people(captions: list[str]) -> float:
    """The fraction of the captions that speak of people."""
    return sum(not label_evidence.PEOPLE.isdisjoint(words_of(caption)) for caption in captions) / len(captions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    from safetensors.torch import save_file

    torch.set_num_threads(1)
    pictures = free_pictures(arguments.folder)
    net = efficientnet_lite.installed()
    views = [view for file, _ in pictures for view in views_of(file)]
    roots = torch.cat([net.features(view[None]).mean((2, 3)) for view in views]).sqrt().double()
    told = torch.tensor([says_people(captions) for _, captions in pictures], dtype=torch.float64).repeat_interleave(2)
    mean, scale = roots.mean(0), roots.std(0) + 1e-3
    z = (roots - mean) / scale
    products = z @ z.t()

    def weights(kept: torch.Tensor) -> torch.Tensor:
        among = products[kept][:, kept]
        shares = torch.linalg.solve(among + RIDGE * torch.eye(len(among)), told[kept] - told.mean())
        return z[kept].t() @ shares

    left_out = torch.stack([z[n] @ weights(torch.arange(len(z)) // 2 != n // 2) for n in range(len(z))])
    size = left_out.std()
    weight = weights(torch.ones(len(z), dtype=torch.bool)) / scale / size
    people = told >= ENOUGH
    groups = [(left_out[which] / size) for which in (people, ~people)]
    seen, unseen = (torch.stack([group.mean(), group.std()]) for group in groups)
    save_file(
        {name: tensor.float().contiguous() for name, tensor in
         {"weight": weight, "bias": -(mean @ weight), "seen": seen, "unseen": unseen}.items()},
        arguments.out,
    )  # fmt: skip
    print(
        f"{len(pictures)} pictures, {int(people.sum()) // 2} of people; left out: {seen.tolist()} with, {unseen.tolist()} without"
    )


def views_of(file: Path) -> list[torch.Tensor]:
    picture = fit_to(load_image(str(file)), (3, 224, 224))
    return [picture, picture.flip(-1)]


if __name__ == "__main__":
    main()

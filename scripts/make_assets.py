"""Makes the shipped model folders under assets/ from finished runs: weights, config, recipe (without the path of the data), and a
model card that names the data.

    uv run python scripts/make_assets.py --runs runs

RUNS holds the run folders: textures/... as `scripts/texture_report.py` writes them, and those of `drawgen train`. If a run is
missing, its shipped model stays unchanged.
"""

import argparse
import re
import shutil
from pathlib import Path

from drawgen import checkpoint, jobs, models

DEFAULTS = {"ride": "dirt", "draw": "mnist", "char_rnn": "shakespeare", "painter": "doodles", "captioner": "scenes"}
TRY = {name: f"reconstruct {name} PICTURE" for name in ("painter:characters", "painter:completion")}
MADE = {  # MODEL:NAME: (run, what it is, where the data comes from, its licence)
    "ride:dirt": ("textures/cc0_acg_dirt", "stony ground", "a photograph of ambientCG", "CC0"),
    "ride:grass": ("textures/cc0_acg_grass", "grass from above", "a photograph of ambientCG", "CC0"),
    "ride:brick": ("textures/cc0_ph_brick", "a brick wall", "a photograph of Poly Haven, reduced to 256 px", "CC0"),
    "ride:rust": ("textures/cc0_ph_rust", "rusty painted metal", "a photograph of Poly Haven", "CC0"),
    "draw:mnist": ("mnist-small", "digits", "MNIST in its fixed binarisation, 50,000 training pictures", "as MNIST, free to use"),
    "draw:omniglot": (
        "omniglot",
        "characters",
        "Omniglot's small background sets, 3,294 drawings of six alphabets, at 28x28 in black and white",
        "MIT",
    ),
    "painter:doodles": ("doodles", "digits from noise, in six strokes", "MNIST, 50,000 training pictures", "as MNIST, free to use"),
    "painter:completion": (
        "completion",
        "the right half of a digit, given the left half, in four strokes",
        "MNIST, 50,000 training pictures",
        "as MNIST, free to use",
    ),
    "painter:characters": (
        "characters",
        "characters reconstructed in eight strokes",
        "Omniglot's small background sets without Katakana, 2,448 drawings of five alphabets, at 32x32",
        "MIT",
    ),
    "char_rnn:shakespeare": ("shakespeare", "plays", "tiny Shakespeare, 1.1 million characters of his plays", "public domain"),
    "captioner:scenes": ("scenes", "captions of drawn scenes", "generated scenes, without end", "none needed"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    arguments = parser.parse_args()
    for name, (run, what, origin, licence) in MADE.items():
        source, target = arguments.runs / run, models.assets() / name.replace(":", "/")
        if not (source / checkpoint.CARD).exists():
            print(f"{source} is not there; {name} stays as it is")
            continue
        told = [line for line in (source / checkpoint.CARD).read_text(encoding="utf-8").splitlines() if line.startswith("- ")]
        if not any("training:" in line for line in told):
            raise SystemExit(f"{source} has not been trained to its end")
        target.mkdir(parents=True, exist_ok=True)
        checkpoint.write_json(target / checkpoint.CONFIG, checkpoint.read_json(source / checkpoint.CONFIG))
        recipe = jobs.read_recipe(source)
        recipe["data"].pop("path", None)
        checkpoint.write_json(target / jobs.RECIPE, recipe)
        shutil.copyfile(source / checkpoint.WEIGHTS, target / checkpoint.WEIGHTS)
        command = f"drawgen {TRY.get(name, 'sample ' + name)} -o OUT.{'txt' if name.startswith('char_rnn:') else 'png'}"
        if name.startswith("captioner:"):
            command = f"drawgen caption PICTURE --model {name}"
        card = [
            f"# {name}: {what}",
            "",
            f"Try it: `{command}`.",
            "",
            f"- data: {origin}",
            f"- licence: {licence} (data); Apache-2.0 (weights, as the project)",
            *[line for line in told if not re.match(r"- (data|licence|\w+_squared|kl_nats_\d+)\b", line)],
        ]
        checkpoint.write_card(target, "\n".join(card) + "\n")
        print(f"{target}: {(target / checkpoint.WEIGHTS).stat().st_size / 2**20:.1f} MiB")
    for model, name in DEFAULTS.items():
        if (models.assets() / model / name).is_dir():
            (models.assets() / model / models.DEFAULT).write_text(name + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

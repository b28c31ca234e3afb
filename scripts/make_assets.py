"""Makes the shipped model folders under assets/ out of finished runs: weights, config, and a card that names the data.

    uv run python scripts/make_assets.py runs/textures

RUNS is what `scripts/texture_report.py` left: one run folder an exemplar.
"""

import argparse
import shutil
from pathlib import Path

from drawgen import checkpoint, models

DEFAULT = "dirt"
TEXTURES = {  # name: (run, what it is, where it comes from)
    "dirt": ("cc0_acg_dirt", "stony ground", "a photograph of ambientCG, CC0"),
    "grass": ("cc0_acg_grass", "grass from above", "a photograph of ambientCG, CC0"),
    "brick": ("cc0_ph_brick", "a brick wall", "a photograph of Poly Haven, CC0, reduced to 256 px"),
    "rust": ("cc0_ph_rust", "rusty painted metal", "a photograph of Poly Haven, CC0"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    arguments = parser.parse_args()
    for name, (run, what, origin) in TEXTURES.items():
        source, target = arguments.runs / run, models.assets() / "ride" / name
        found = checkpoint.read_model(source)
        told = [line for line in (source / checkpoint.CARD).read_text().splitlines() if line.startswith("- ")]
        if not any("training:" in line for line in told):
            raise SystemExit(f"{source} has not been trained to its end")
        target.mkdir(parents=True, exist_ok=True)
        checkpoint.write_json(target / checkpoint.CONFIG, checkpoint.read_json(found.folder / checkpoint.CONFIG))
        shutil.copyfile(source / checkpoint.WEIGHTS, target / checkpoint.WEIGHTS)
        card = [
            f"# ride:{name}: {what}",
            "",
            f"A spatial LSTM fitted to one photograph. Draw from it: `drawgen sample ride:{name} -o OUT.png --size 512x512`.",
            "",
            f"- data: {origin}",
            "- licence: CC0 (photograph); Apache-2.0 (weights, as the project)",
            *[line for line in told if not line.startswith(("- data", "- licence"))],
        ]
        checkpoint.write_card(target, "\n".join(card) + "\n")
        print(f"{target}: {(target / checkpoint.WEIGHTS).stat().st_size / 2**20:.1f} MiB")
    (models.assets() / "ride" / models.DEFAULT).write_text(DEFAULT + "\n")


if __name__ == "__main__":
    main()

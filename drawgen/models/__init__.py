"""The models: one file per paper. A file's name is the model's name on the command line and in model folders; there is no other
registry. torch is imported only when a model is loaded.
"""

import ast
import importlib
import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from drawgen import files

if TYPE_CHECKING:
    import torch

    from drawgen.contract import Model, Recipe, Spec

HERE = Path(__file__).parent
DEFAULT = "default"
"""The file beside a model's shipped folders that names the one a bare MODEL stands for."""
MEASURED = ", validation split: "
"""In a card, between the name of a score and its value."""
PAPER, BESIDE = "paper: ", "beside the paper, "
"""In a card, before the model's paper, and before a figure that the paper has too."""
HUB = "hf:"
"""Before the name of a repository of Hugging Face, as hf:USER/NAME."""
PUBLISHED = ("config.json", "model.safetensors", "README.md")
"""The files of a model folder that are shared: what it is, and nothing of the machine that it was trained on."""


def names() -> list[str]:
    """All models, by name."""
    return sorted(files_of_models())


def files_of_models() -> dict[str, Path]:
    """Model -> its file, in all folders of this package (`__path__`, which others may add to)."""
    found = (path for folder in __path__ for path in Path(folder).glob("*.py"))
    return {path.stem: path for path in found if not path.stem.startswith("_")}


def module(name: str) -> Any:
    """The model's module. Raises ValueError for an unknown name."""
    check_name(name)
    return importlib.import_module(f"drawgen.models.{name}")


def check_name(name: str) -> None:
    """Raises ValueError for an unknown name."""
    if name not in names():
        raise ValueError(f"there is no model {name!r}; there are {', '.join(names())}")


class Preset(NamedTuple):
    """A preset's description (`contract.Recipe`)."""

    about: str = ""
    what: str = ""
    size: str = ""
    figure: str = ""


def presets(name: str) -> dict[str, Preset]:
    """The model's presets, by name, read from the source without importing it."""
    tree = ast.parse(files_of_models()[name].read_text(encoding="utf-8"))
    found: dict[str, Preset] = {}
    for node in tree.body:
        named = isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "PRESETS"
        if not named or not isinstance(node, ast.AnnAssign) or not isinstance(node.value, ast.Dict):
            continue
        for key, value in zip(node.value.keys, node.value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(value, ast.Call):
                told = {word.arg: str(ast.literal_eval(word.value)) for word in value.keywords if word.arg in Preset._fields}
                found[str(key.value)] = Preset(**told)
    return found


def recipe(name: str, preset: str | None = None) -> "Recipe":
    """A preset's recipe; by default that of the first preset. Raises ValueError."""
    known = module(name).PRESETS
    preset = preset or next(iter(known))
    if preset not in known:
        raise ValueError(f"{name} has no preset {preset!r}; it has {', '.join(known)}")
    found: Recipe = known[preset]
    return found


def assets() -> Path:
    """The folder of the shipped models: in the package when installed, else in the repository."""
    inside = HERE.parent / "assets"
    return inside if inside.is_dir() else HERE.parent.parent / "assets"


def shipped() -> dict[str, Path]:
    """MODEL:NAME -> model folder, for all shipped models."""
    folders = sorted(path.parent for path in assets().glob("*/*/config.json"))
    return {f"{folder.parent.name}:{folder.name}": folder for folder in folders}


class Shipped(NamedTuple):
    """The description of a shipped model, from its card and its weights."""

    what: str
    size: str
    figure: str


def listing() -> dict[str, Any]:
    """Models with their presets, and the shipped models."""
    return {
        "models": {name: {preset: told._asdict() for preset, told in presets(name).items()} for name in names()},
        "shipped": {name: describe(folder)._asdict() for name, folder in shipped().items()},
    }


def describe(folder: Path) -> Shipped:
    """A shipped model: its title, its number of weights, and the first figure of its card."""
    lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    figure = next((line.removeprefix("- ").replace(MEASURED, " ") for line in lines if MEASURED in line), "")
    return Shipped(lines[0].rsplit(": ", 1)[-1], in_short(weights(folder / "model.safetensors")), figure)


class Compared(NamedTuple):
    """A figure of a shipped model, and the paper's."""

    what: str
    ours: str
    theirs: str


def paper_of(folder: Path) -> tuple[str, list[Compared]]:
    """The paper of a shipped model, and its figures beside the paper's, from its card. Empty where the card has none.

    >>> paper, compared = paper_of(shipped()["pointer_net:tour"])
    >>> paper
    'Vinyals, Fortunato & Jaitly 2015, Pointer Networks'
    >>> compared[0]
    Compared(what='mean tour of 20 points', ours='3.855', theirs='3.88')
    """
    lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    paper = next((line.removeprefix(f"- {PAPER}") for line in lines if line.startswith(f"- {PAPER}")), "")
    told = re.findall(rf"^- {BESIDE}(.+?): (.+); paper: (.+)$", "\n".join(lines), re.MULTILINE)
    return paper, [Compared(*found) for found in told]


def weights(file: Path) -> int:
    """Number of weights in a file, from its header; no tensor is read."""
    with file.open("rb") as stream:
        head = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    return sum(math.prod(tensor["shape"]) for name, tensor in head.items() if name != "__metadata__")


def in_short(count: int) -> str:
    """240 k, 1.0 M.

    >>> in_short(240_321), in_short(1_004_283), in_short(900), in_short(55_899_471)
    ('240 k', '1.0 M', '1 k', '56 M')
    """
    if count >= 999_500:
        return f"{count / 1e6:.{1 if count < 2e7 else 0}f} M"
    return f"{max(1, round(count / 1000))} k"


def from_hub(source: str) -> Path:
    """The folder of a copy of hf:USER/NAME, which is downloaded where it is not there already (the extra `hub`). Raises
    ValueError."""
    hub = hub_client()
    try:
        return Path(hub.snapshot_download(source.removeprefix(HUB), allow_patterns=list(PUBLISHED)))
    except (OSError, ValueError) as error:
        raise ValueError(f"{source} could not be had from Hugging Face ({str(error).strip().splitlines()[0]})") from error


def hub_client() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise ValueError("models of Hugging Face need the extra `hub`: pip install 'drawgen[hub]'") from error
    return huggingface_hub


def resolve(source: str) -> Path:
    """The folder of MODEL:NAME, of MODEL (its shipped default), of hf:USER/NAME (`from_hub`), or of a path. Raises ValueError."""
    if source.startswith(HUB):
        return from_hub(source)
    known = shipped()
    if source in known:
        return known[source]
    if source in names() and not files.is_folder(source):
        default = assets() / source / DEFAULT
        if not default.is_file():
            raise ValueError(f"no trained {source} is shipped; give a model folder, or train one: drawgen train {source} --out RUN")
        return known[f"{source}:{default.read_text(encoding='utf-8').strip()}"]
    head, _, tail = source.partition(":")
    if tail and head in names():
        mine = [name for name in known if name.startswith(head + ":")]
        raise ValueError(f"no {source} is shipped; there are {', '.join(mine) or 'none'}")
    if not files.is_folder(source):
        raise ValueError(f"{source} is neither a model folder nor a shipped model; there are {', '.join(known) or 'none shipped'}")
    return Path(source)


def build(config: Any, spec: "Spec", *, rng: "torch.Generator") -> "Model":
    """`config.build`, which leaves torch's own random numbers as they were: layers draw from them before their weights are set."""
    import torch

    with torch.random.fork_rng(devices=[]):
        model: Model = config.build(spec, rng=rng)
    return model


def load(source: str | Path, *, device: str = "cpu") -> "Model":
    """The trained model in a folder (or MODEL:NAME), on `device`, in evaluation mode. Raises CheckpointError, ValueError."""
    from drawgen import checkpoint
    from drawgen.contract import Publishes, generator
    from drawgen.devices import choose_device

    found = checkpoint.read_model(resolve(str(source)))
    where = found.where()
    if found.model not in names():
        raise checkpoint.CheckpointError(f"{where}: unknown model {found.model!r:.60}; was it written by a newer drawgen?")
    config = checkpoint.from_plain(module(found.model).Config, found.config, where=f"{where}: config", most=checkpoint.LARGEST_SIZE)
    try:
        config = config.published() if isinstance(config, Publishes) else config  # a path in another's folder is nothing here
        with checkpoint.Bounded(checkpoint.stored_weights(found.folder), where):
            model = build(config, found.spec, rng=generator(0))
    except checkpoint.CheckpointError:
        raise
    except (ValueError, RuntimeError, TypeError, ArithmeticError) as error:  # a size that torch refuses
        raise checkpoint.CheckpointError(f"{where}: {str(error).splitlines()[0]}") from error
    model.load_state_dict(checkpoint.read_weights(found.folder, model.state_dict()))
    ready: Model = model.eval().to(choose_device(device))
    return ready

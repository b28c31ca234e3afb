"""drawgen lesions."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from drawgen.cli.parsing import parse
from drawgen.cli.printing import say
from drawgen.cli.progress import bars


def lesions(words: list[str]) -> None:
    """Delete and shuffle modules of a residual network, and see what it still can."""

    def command(
        model: Positional[str],
        out: Annotated[Path, arg(aliases=["-o"])],
        data: str | None = None,
        split: str | None = None,
        beside: str | None = None,
        pictures: int | None = None,
        draws: int = 10,
        seed: int = 0,
        device: str = "cpu",
        force: bool = False,
    ) -> None:
        """Deletes modules of a trained residual network, shuffles them, and measures which of its paths carry the gradient.

        The report is a folder: report.html, its charts as PNG, and report.json. It needs the extra `charts`.

        Args:
            model: A trained resnet_classifier (a model folder, or MODEL:NAME of a shipped one); efficientnet-lite0; or a file with
                the weights of one of torchvision's ResNets (.safetensors, .pt, .pth).
            out: The folder of the report.
            data: What a resnet_classifier is measured on, read as its training data were; for the others a folder of pictures, by
                default crops of scikit-image's photographs.
            split: The split of the data: test, the default if there is one, or valid.
            beside: Another resnet_classifier on the same pictures, such as a plain one.
            pictures: Pictures to measure on; by default 500 labelled ones, 64 for efficientnet-lite0, 32 for others.
            draws: Sets of modules, orders and paths of each kind.
            seed: Seed of all random numbers.
            device: auto, cpu, cuda, cuda:N or mps.
            force: Replace an existing report.
        """
        from drawgen import jobs

        with bars() as reports:
            found = jobs.lesions(
                model, out, data=data, split=split, beside=beside, pictures=pictures, draws=draws, seed=seed, device=device,
                force=force, progress=reports,
            )  # fmt: skip
        say("\n".join([*found.lines(), f"{out}/report.html"]), keep="\n")

    parse(command, words, "lesions")

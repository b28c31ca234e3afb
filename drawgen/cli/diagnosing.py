"""drawgen diagnose."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from drawgen.cli.parsing import parse
from drawgen.cli.printing import say
from drawgen.cli.progress import bars


def diagnose(words: list[str]) -> None:
    """Show what goes wrong in a recurrent network."""

    def command(
        model: Positional[str],
        out: Annotated[Path, arg(aliases=["-o"], metavar="REPORT")],
        data: str | None = None,
        seed: int = 0,
        force: bool = False,
        device: str = "cpu",
    ) -> None:
        """Writes a report of what goes wrong in a recurrent network: how its gradient vanishes or explodes, its matrices and gates.

        Of a run folder it also shows clipping, and how far steps moved the weights.

        Args:
            model: A run folder, a model folder, MODEL:NAME of a shipped one, or MODEL for its default.
            out: The folder of the report: report.html, its charts (PNG) and report.json.
            data: A file that is read as the training data was. Without it: a run folder's own data, or what a shipped model writes
                or draws itself.
            seed: Seed of the rows and of all chance.
            force: Replace a report.
            device: auto, cpu, cuda, cuda:N or mps.
        """
        from drawgen import jobs

        with bars() as reports:
            report = jobs.diagnose(model, out, data=data, seed=seed, force=force, device=device, progress=reports)
        for section in report.sections:
            say(f"{section.title}: {section.says}")
        say(f"{out / 'report.html'}")

    parse(command, words, "diagnose")

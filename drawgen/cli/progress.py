"""Progress on standard error."""

import sys
from typing import Any

from drawgen.cli.printing import warn


class Bars:
    """Progress on standard error: a bar for training, one for drawing."""

    def __init__(self) -> None:
        self.bar: Any = None

    def __enter__(self) -> Any:
        from drawgen.jobs import Reports

        return Reports(training=self.training, drawing=self.drawing, strokes=self.painting, message=self.message)

    def __exit__(self, *problem: object) -> None:
        self.close()

    def open(self, total: int, unit: str, **options: Any) -> None:
        from tqdm import tqdm

        seldom = 0.2 if sys.stderr.isatty() else 10.0
        self.bar = tqdm(total=total, unit=unit, file=sys.stderr, dynamic_ncols=True, mininterval=seldom, leave=True, **options)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def training(self, progress: Any) -> None:
        if self.bar is None:
            self.open(progress.steps, "step", initial=progress.step)
        self.bar.total = progress.steps  # with a budget in minutes, the current estimate
        numbers = {name: f"{number:.4g}" for name, number in progress.numbers.items()}
        shown = {k: v for k, v in numbers.items() if k.split("/")[0] in ("loss", "bits_per_dim", "bits_per_char")}  # of each player
        self.bar.set_postfix(shown, refresh=False)
        self.bar.update(progress.step - self.bar.n)
        if progress.step >= progress.steps:
            self.close()

    def drawing(self, share: float) -> None:
        if self.bar is None:
            self.open(100, "%", delay=1.0, bar_format="{l_bar}{bar}| [{elapsed}<{remaining}]")
        self.bar.update(int(100 * share) - self.bar.n)

    def painting(self, progress: Any) -> None:
        if self.bar is None:
            self.open(100, "%", bar_format="{l_bar}{bar}| [{elapsed}<{remaining}{postfix}]")
        self.bar.set_postfix_str(f"{progress.strokes} strokes, {progress.psnr:.1f} dB", refresh=False)
        self.bar.update(int(100 * progress.share) - self.bar.n)
        if progress.share >= 1:
            self.close()

    def message(self, text: str) -> None:
        self.close()
        warn(text, keep="\n")

"""The command line: parses, calls `jobs`, prints. Nobody imports this package.

Results go to standard output, progress and messages to standard error. Exit status: 0 done, 1 it went wrong, 2 the caller's
mistake, 130 and 143 interrupted.
"""

import logging
import sys
from collections.abc import Callable

import drawgen
from drawgen.cli.captions import caption
from drawgen.cli.drawing import interpolate, reconstruct, sample
from drawgen.cli.measuring import evaluate
from drawgen.cli.paintings import paint
from drawgen.cli.showing import demo, listing
from drawgen.cli.textures import texture
from drawgen.cli.training import train

COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "texture": texture,
    "paint": paint,
    "train": train,
    "sample": sample,
    "reconstruct": reconstruct,
    "interpolate": interpolate,
    "caption": caption,
    "eval": evaluate,
    "list": listing,
    "demo": demo,
}


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    logging.basicConfig(format="drawgen: %(message)s", level=logging.WARNING)
    if not words or words[0] in ("-h", "--help"):
        return guarded(lambda: print(overview())) or (0 if words else 2)
    if words[0] == "--version":
        print(f"drawgen {drawgen.__version__}")
        return 0
    if words[0] not in COMMANDS:
        return fail(2, f"there is no command {words[0]!r}; there are {', '.join(COMMANDS)} (drawgen --help)")
    try:
        return guarded(lambda: COMMANDS[words[0]](words[1:]))
    except SystemExit as end:  # tyro's own, after it has said what is wrong
        return end.code if isinstance(end.code, int) else 2


def overview() -> str:
    lines = [
        f"drawgen {drawgen.__version__}: a generative drawing and texture toolkit",
        "",
        "usage: drawgen COMMAND ... [--help]",
        "",
    ]
    lines += [f"  {name:<12} {(command.__doc__ or '').splitlines()[0]}" for name, command in COMMANDS.items()]
    return "\n".join(lines)


def fail(status: int, message: str) -> int:
    print(f"drawgen: {message}", file=sys.stderr)
    return status


def guarded(command: Callable[[], None]) -> int:
    """The exit status of a command: what is the caller's mistake and what went wrong becomes one sentence."""
    try:
        command()
        sys.stdout.flush()
        return 0
    except KeyboardInterrupt:
        return fail(130, "interrupted")
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except ValueError as error:
        return fail(2, str(error))
    except MemoryError:
        return fail(1, "out of memory; ask for less (--size, -n), or close other programs")
    except Exception as error:
        status = status_of(error)
        if status is None:
            raise
        return fail(status, str(error))


def status_of(error: Exception) -> int | None:
    """The status for the errors that have a sentence of their own; None for a fault in drawgen, which keeps its traceback."""
    from drawgen.files import StorageError
    from drawgen.interrupts import Interrupted
    from drawgen.train import TrainingError

    if isinstance(error, Interrupted):
        return 128 + error.number
    if isinstance(error, (StorageError, TrainingError)):
        return 1
    if isinstance(error, RuntimeError) and ("out of memory" in str(error) or "can't allocate memory" in str(error)):
        error.args = ("out of memory; ask for less (--size, -n, a smaller batch), or close other programs",)
        return 1
    return None

"""The command line: parses, calls `jobs`, prints. Nobody imports this package.

Results go to standard output, progress and messages to standard error. Exit status: 0 done, 1 a failure, 2 the caller's mistake,
130 and 143 interrupted.
"""

import errno
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import drawgen
from drawgen.cli.captions import caption
from drawgen.cli.classifying import classify
from drawgen.cli.diagnosing import diagnose
from drawgen.cli.drawing import interpolate, read, reconstruct, sample
from drawgen.cli.illustrating import illustrate
from drawgen.cli.inpainting import extend, inpaint
from drawgen.cli.lesioning import lesions
from drawgen.cli.measuring import evaluate
from drawgen.cli.paintings import paint
from drawgen.cli.parse_trees import parse
from drawgen.cli.plots import plot
from drawgen.cli.pointing import points
from drawgen.cli.printing import replace_unprintable, say, warn
from drawgen.cli.showing import demo, listing
from drawgen.cli.studio import studio
from drawgen.cli.textures import texture
from drawgen.cli.training import train
from drawgen.cli.translating import translate
from drawgen.interrupts import Interrupted
from drawgen.printable import printable

COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "texture": texture,
    "inpaint": inpaint,
    "extend": extend,
    "paint": paint,
    "plot": plot,
    "train": train,
    "sample": sample,
    "reconstruct": reconstruct,
    "interpolate": interpolate,
    "read": read,
    "caption": caption,
    "classify": classify,
    "points": points,
    "illustrate": illustrate,
    "parse": parse,
    "translate": translate,
    "eval": evaluate,
    "lesions": lesions,
    "diagnose": diagnose,
    "list": listing,
    "demo": demo,
    "studio": studio,
}


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    replace_unprintable()
    handler = logging.StreamHandler()
    handler.setFormatter(PrintableFormatter("drawgen: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    if len(words) > 1 and words[0] in ("-h", "--help") and words[1] in COMMANDS:
        words = [words[1], words[0], *words[2:]]
    if not words or words[0] in ("-h", "--help"):
        return guarded(lambda: say(overview(), keep="\n")) or (0 if words else 2)
    if words[0] == "--version":
        say(f"drawgen {drawgen.__version__}")
        return 0
    if words[0] not in COMMANDS:
        return fail(2, f"there is no command {words[0]!r}; there are {', '.join(COMMANDS)} (drawgen --help)")
    try:
        return guarded(lambda: COMMANDS[words[0]](words[1:]))
    except SystemExit as end:  # tyro's own, after it has said what is wrong
        return end.code if isinstance(end.code, int) else 2


class PrintableFormatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return printable(super().formatMessage(record))


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
    warn(f"drawgen: {message}")
    return status


def guarded(command: Callable[[], None]) -> int:
    """The exit status of a command. A mistake of the caller or a known failure is reported in one sentence."""
    try:
        command()
        sys.stdout.flush()
        return 0
    except Interrupted as error:
        return fail(128 + error.number, str(error))
    except KeyboardInterrupt:
        return fail(130, "interrupted")
    except SystemError as error:  # numba's error when Ctrl-C interrupts compiled code
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        return fail(130, "interrupted")
    except ValueError as error:
        return fail(2, str(error))
    except MemoryError:
        return fail(1, "out of memory; ask for less (--size, -n), or close other programs")
    except Exception as error:
        if isinstance(error, OSError) and reader_gone(error):
            sys.stderr.close()
            return 1
        told = told_of(error)
        if told is None:
            raise
        return fail(*told)


def reader_gone(error: OSError) -> bool:
    """Whether the reader of the output has gone, as after `| head`; Windows reports an invalid argument."""
    return isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL and error.filename is None)


def told_of(error: Exception) -> tuple[int, str] | None:
    """The status and the sentence of a known error; None for a fault in drawgen, which keeps its traceback."""
    from drawgen.files import StorageError
    from drawgen.training import TrainingError

    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        name = max(Path(str(error.filename)).parts, key=len)
        return 2, f"{name[:40]}... is too long a name for a file ({len(os.fsencode(name))} bytes); choose a shorter one"
    if isinstance(error, (StorageError, TrainingError)):
        return 1, str(error)
    if isinstance(error, RuntimeError) and ("out of memory" in str(error) or "can't allocate memory" in str(error)):
        return 1, "out of memory; ask for less (--size, -n, a smaller batch), or close other programs"
    return None

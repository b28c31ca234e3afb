"""Short work in a warm process: `python -m drawgen.studio.answering FOLDER` reads questions, one per line, and writes answers."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from drawgen.studio import settings, tabs
from drawgen.studio.worker import warm


def answer(name: str, given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The answer to one question: `{"answer": ...}`, or `{"refused": a sentence}`."""
    task = {**tabs.questions(), **tabs.lookups()}[name]
    try:
        return {"answer": task.function(task.settings(**given), folder)}
    except Exception as error:
        return {"refused": settings.sentence(settings.told(error).replace(f"{folder}{os.sep}", ""))}


def main() -> None:
    """Answers until standard input ends."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    folder = Path(sys.argv[1])
    warm()
    pipe.write(settings.line({"ready": True}))
    pipe.flush()
    for question in sys.stdin.buffer:
        asked = json.loads(question)
        pipe.write(settings.line(answer(asked["ask"], asked["settings"], folder)))
        pipe.flush()


if __name__ == "__main__":
    main()

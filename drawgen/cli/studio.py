"""drawgen studio."""

from pathlib import Path

from drawgen.cli.parsing import parse
from drawgen.cli.printing import say


def studio(words: list[str]) -> None:
    """Open a page on which one drops photographs: textures, paintings, models."""

    def command(port: int | None = None, folder: Path = Path("studio"), open: bool = True) -> None:
        """Serves a page on this machine alone: textures and paintings of photographs, and the models. Ctrl-C ends it; what is being
        made then goes on when it is started again.

        Args:
            port: Port of the page's address; the first free one from 8321 on by default.
            folder: Folder for everything that is made; it is created if it does not exist.
            open: Open the page in a browser.
        """
        from drawgen.studio.server import serve

        serve(folder, port=port, show=open, say=say)

    parse(command, words, "studio")

"""Runs the studio until Ctrl-C."""

import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drawgen import files
from drawgen.interrupts import Interrupted
from drawgen.ranges import ArgumentError, check_range

HOST = "127.0.0.1"
PORT, TRIED = 8321, 20
"""The first port that is tried, and how many."""


def serve(folder: Path, *, port: int | None = None, show: bool = True, say: Callable[[str], object] = lambda _: None) -> None:
    """Serves the studio of a folder on the loopback address until Ctrl-C; `say` gets the page's address. Raises ValueError for a
    folder or a port that cannot be used, or without the extra `studio`; and Interrupted in the end."""
    try:
        import uvicorn

        from drawgen.studio.app import Studio, create_app
    except ImportError as error:
        raise ValueError("the studio needs the extra `studio`: pip install 'drawgen[studio]'") from error
    if port is not None:
        check_range("port", port, at_least=0, at_most=65_535)
    with files.locked(folder), bound(port) as listening:
        own = listening.getsockname()[1]
        hosts = frozenset(f"{name}:{own}" for name in (HOST, "localhost"))
        studio = Studio(folder.resolve())

        class Server(uvicorn.Server):
            def handle_exit(self, sig: int, frame: Any) -> None:
                studio.hang_up()
                super().handle_exit(sig, frame)

        quiet: dict[str, Any] = {"log_level": "warning", "access_log": False, "server_header": False}
        server = Server(uvicorn.Config(create_app(studio, hosts), **quiet, timeout_graceful_shutdown=3))
        address = f"http://{HOST}:{own}/"
        say(address)
        if show:
            threading.Timer(0.5, webbrowser.open, [address]).start()
        try:
            server.run(sockets=[listening])
        except KeyboardInterrupt as stop:
            raise Interrupted(2, "the studio has ended; start it again with the same folder, and its work goes on") from stop


def bound(port: int | None) -> socket.socket:
    """A listening socket on the loopback address, on the port, or on the first free one. Raises ArgumentError."""
    for number in range(PORT, PORT + TRIED) if port is None else [port]:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, number))
        except OSError:
            listening.close()
            continue
        listening.listen(100)  # who opens the page before the server is ready waits
        return listening
    raise ArgumentError(
        "port", f"{'is' if port is not None else 'and those after'} {port or PORT}, and it is taken; give another one"
    )

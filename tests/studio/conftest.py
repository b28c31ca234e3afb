"""A studio without its processes, which most tests need no more of."""

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx2")

from fastapi.testclient import TestClient

from drawgen.studio.app import create_app

HOST = "127.0.0.1:8321"


class Page(TestClient):
    """A page of the studio: a client that knows the token."""

    def __init__(self, folder):
        guard = create_app(folder, frozenset({HOST, "localhost:8321"}))
        self.studio = guard.app.state.studio
        super().__init__(guard, base_url=f"http://{HOST}", headers={"X-Drawgen-Token": guard.token})


@pytest.fixture
def page(tmp_path):
    """Its queue does nothing: a job that is put into it waits."""
    return Page(tmp_path)

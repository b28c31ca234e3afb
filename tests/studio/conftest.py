"""A studio without its processes, which most tests need no more of."""

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx2")

from fastapi.testclient import TestClient

from drawgen.studio.app import Studio, create_app

HOST = "127.0.0.1:8321"


class Page(TestClient):
    """A page of the studio: a client that knows the token."""

    def __init__(self, folder):
        self.studio = Studio(folder)
        app = create_app(self.studio, frozenset({HOST, "localhost:8321"}))
        super().__init__(app, base_url=f"http://{HOST}", headers={"X-Drawgen-Token": self.studio.token})


@pytest.fixture
def page(tmp_path):
    """Its queue does nothing: a job that is put into it waits."""
    return Page(tmp_path)

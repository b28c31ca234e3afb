"""What a foreign page, a false name and a malicious request can do: nothing."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from drawgen.studio import tabs, uploads
from drawgen.studio.app import PAGE
from drawgen.studio.safety import LARGEST_BODY

HOST = "127.0.0.1:8321"
GRAVEL = {"photo": {"sample": "gravel"}, "width": 64, "height": 64}
READS = ["/", "/jobs", "/page/studio.js", "/samples/gravel", "/uploads/ab"]
CHANGES = [
    ("POST", "/jobs/texture"), ("POST", "/ask/texture.more"), ("PUT", "/uploads"), ("POST", "/jobs/ab/stop"),
    ("POST", "/jobs/ab/go-on"), ("DELETE", "/jobs/ab"),
]  # fmt: skip


def jobs_there(page):
    return list((page.studio.folder / "jobs").glob("*"))


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8321", "127.0.0.1", "127.0.0.1:80", "127.0.0.1.evil.example:8321", ""]
)
def test_another_name_of_this_machine_is_refused(page, path, host):
    """DNS rebinding: the browser thinks that it talks to evil.example."""
    assert page.get(path, headers={"Host": host}).status_code == 403


def test_its_own_names_are_served(page):
    for host in (HOST, "localhost:8321", "LOCALHOST:8321"):
        assert page.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("origin", ["http://evil.example", "null", f"https://{HOST}", "http://127.0.0.1:9"])
def test_another_origin_is_refused(page, path, origin):
    assert page.get(path, headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_foreign_page_may_embed_nothing(page, site):
    """Pictures, scripts and frames of another site carry no origin; a link to the page is followed."""
    for path in READS[1:]:
        assert page.get(path, headers={"Sec-Fetch-Site": site}).status_code == 403
    assert page.get("/", headers={"Sec-Fetch-Site": site}).status_code == 200


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("token", ["", "x", None])
def test_whatever_changes_something_needs_the_token(page, method, path, token):
    if token is None:
        del page.headers["X-Drawgen-Token"]
    headers = {} if token is None else {"X-Drawgen-Token": token}
    answer = page.request(method, path, content=json.dumps(GRAVEL), headers=headers)
    assert answer.status_code == 403
    assert not jobs_there(page)


def test_headers_given_twice_are_refused(page):
    assert page.get("/jobs", headers=[("Origin", f"http://{HOST}"), ("Origin", "http://evil.example")]).status_code == 400


@pytest.mark.parametrize("path", [*READS, "/nothing", "/jobs/ab/files/x.png", "/docs", "/openapi.json"])
def test_every_answer_has_its_headers(page, path):
    found = page.get(path).headers
    policy = found["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert found["x-content-type-options"] == "nosniff"
    assert found["cross-origin-resource-policy"] == "same-origin"
    assert found["x-frame-options"] == "DENY"
    assert "server" not in found


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(page):
    """Scripts, styles and addresses of the page, as the policy wants them."""
    text = page.get("/").text
    assert not re.search(r"<style|<script(?![^>]*src=)|\son[a-z]+=|\sstyle=|javascript:", text)
    for file in PAGE.iterdir():
        found = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|\beval\(|innerHTML|insertAdjacentHTML|document\.write", found), file


def test_every_colour_is_defined(page):
    """By one of the style sheets that the page links to, or by a script."""
    sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page.get("/").text)
    texts = [page.get(sheet).text for sheet in sheets]
    assert len(texts) == len(set(texts)) > 2
    whole = "".join(texts)
    scripts = "".join(file.read_text(encoding="utf-8") for file in PAGE.glob("*.js"))
    assert set(re.findall(r"var\((--[\w-]+)", whole)) <= set(re.findall(r"(--[\w-]+)[:']", whole + scripts))


@pytest.mark.parametrize(
    "path",
    [
        "/page/..%2fapp.py", "/page/%2e%2e/app.py", "/page/index.html", "/page/....//app.py", "/samples/..%2f..%2fsetup.py",
        "/uploads/%2e%2e", "/uploads/..%2f..", "/uploads/%2e%2e%2fjobs",
        "/jobs/..%2fx/files/a.png", "/jobs/JOB/files/..%2f..%2fsecret.png",
        "/jobs/JOB/files/request.json", "/jobs/JOB/files/status.json", "/jobs/JOB/files/events.jsonl", "/jobs/JOB/files/link.png",
        "/jobs/JOB/files/lock", "/jobs/JOB/files/texture.model", "/jobs/JOB/files/.hidden.png", "/jobs/JOB/files/a%00.png",
    ],
)  # fmt: skip
def test_names_are_no_paths(page, path):
    """Neither a file outside of a job's folder nor one of its own records is given out."""
    secret = page.studio.folder / "secret.png"
    secret.write_bytes(b"secret")
    job = page.post("/jobs/texture", json=GRAVEL).json()["id"]
    folder = page.studio.folder / "jobs" / job
    (folder / "link.png").symlink_to(secret)
    (folder / ".hidden.png").write_bytes(b"secret")
    (folder / "texture.model").mkdir()
    answer = page.get(path.replace("JOB", job))
    assert answer.status_code in (403, 404)
    assert "secret" not in answer.text.replace("secret.png", "")


def test_a_file_of_a_job_has_its_type(page):
    job = page.post("/jobs/texture", json=GRAVEL).json()["id"]
    for name, kind in (("texture.png", "image/png"), ("painting.svg", "image/svg+xml"), ("painting.json", "application/json")):
        (page.studio.folder / "jobs" / job / name).write_bytes(b"content")
        answer = page.get(f"/jobs/{job}/files/{name}")
        assert answer.headers["content-type"] == kind
        assert "content-disposition" not in answer.headers
        saved = page.get(f"/jobs/{job}/files/{name}?save=mine{Path(name).suffix}")
        assert saved.headers["content-disposition"] == f'attachment; filename="mine{Path(name).suffix}"'
        assert page.get(f"/jobs/{job}/files/{name}?save=../x.png").status_code == 404


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "photo"),
        ({"photo": {}}, "choose a photograph"),
        ({"photo": {"sample": "gravel", "upload": "ab"}}, "choose a photograph"),
        ({"photo": {"sample": "../gravel"}}, "sample"),
        ({"photo": {"upload": "../../etc"}}, "upload"),
        ({"photo": {"upload": "ab"}}, "no longer there"),
        ({"photo": {"sample": "unknown"}}, "no longer there"),
        ({**GRAVEL, "width": 0}, "width"),
        ({**GRAVEL, "width": 10**9}, "width"),
        ({**GRAVEL, "width": float("nan")}, "width"),
        ({**GRAVEL, "minutes": "1; rm"}, "minutes"),
        ({**GRAVEL, "out": "/etc/passwd"}, "out"),
        ({**GRAVEL, "invent": "everything"}, "invent"),
        ({"photo": {"sample": "gravel", "crop": [0, 0, -1, 5]}}, "crop"),
    ],
)
def test_settings_are_checked(page, settings, says):
    """And refused by one sentence."""
    answer = page.post("/jobs/texture", content=json.dumps(settings))
    assert answer.status_code in (404, 422)
    sentence = answer.json()["sentence"]
    assert says in sentence.lower()
    assert "\n" not in sentence
    assert not jobs_there(page)


@pytest.mark.parametrize("body", [b"", b"[]", b"no", b"[" * 100_000, b'"a"', b"\xff\xfe", b'{"a":1}x'])
def test_broken_settings(page, body):
    for path in ("/jobs/texture", "/ask/texture.more"):
        assert page.post(path, content=body).status_code == 400


def test_unknown_work_and_questions(page):
    assert page.post("/jobs/shell", json={}).status_code == 404
    assert page.post("/ask/shell", json={}).status_code == 404
    assert page.post("/ask/photo.look", json={"upload": "ab", "file": "x", "name": "x"}).status_code == 404  # the server's own


def test_large_bodies_are_refused(page):
    """By their head, and where that says nothing, while they are read."""
    assert page.post("/jobs/texture", content=b" " * (LARGEST_BODY + 1)).status_code == 413

    def chunks():
        for _ in range(LARGEST_BODY // 2**20 + 2):
            yield b" " * 2**20

    assert page.post("/jobs/texture", content=chunks()).status_code == 413
    assert not jobs_there(page)


def test_large_uploads_are_refused_while_they_stream(page, monkeypatch):
    """And nothing of them is left."""
    monkeypatch.setattr(uploads, "LARGEST", 1000)
    answer = page.put("/uploads?name=a.png", content=(b"x" * 100 for _ in range(30)))
    assert answer.status_code == 413
    assert "MB" in answer.json()["sentence"]
    assert not list((page.studio.folder / "uploads").glob("*"))


def test_a_full_disk(page, monkeypatch):
    """One sentence, and nothing is left."""

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    for answer in (page.put("/uploads?name=a.png", content=b"x"), page.post("/jobs/texture", json=GRAVEL)):
        assert answer.status_code == 507
        assert "free some space" in answer.json()["sentence"]
    assert not jobs_there(page)


def test_the_server_is_light():
    """It imports nothing that takes seconds."""
    code = "import sys; import drawgen.studio.server, drawgen.studio.app; from drawgen.studio import tabs; tabs.jobs(); "
    code += "tabs.questions(); sys.exit(', '.join({'torch', 'numpy', 'numba', 'PIL', 'skimage', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, encoding="utf-8")
    assert done.stderr.strip() == ""


def test_every_tab_is_whole():
    for name in tabs.TABS:
        assert (PAGE / f"{name}.html").is_file()
        assert (PAGE / f"{name}.js").is_file()
    assert all(task.tab in tabs.TABS for task in tabs.jobs().values())

"""The queue: order, stopping, killing, crashes, and a server that is started again. A small program stands in for the worker."""

import asyncio
import json
import os
import signal
import sys
import time

import pytest

from drawgen import files
from drawgen.studio import job_queue
from drawgen.studio.job_queue import DONE, FAILED, QUEUED, RUNNING, STOPPED, STOPPING, Job, JobQueue
from drawgen.studio.processes import Child

WORKER = """
import json, os, signal, sys, time
from pathlib import Path
print(json.dumps({"ready": True}), flush=True)
given = json.loads(sys.stdin.readline())
folder = Path(given["folder"])
settings = json.loads((folder / "request.json").read_text())["settings"]
def end(state, sentence=""):
    (folder / "status.json").write_text(json.dumps({"state": state, "sentence": sentence, "seconds": 1.0}))
    sys.exit()
def stop(*_):
    if "hangs" in settings:
        return
    end("stopped", "Stopped early.")
signal.signal(signal.SIGTERM, stop)
for event in ({"share": 0.5}, {"message": "hello"}, {"point": [0.5, 3.0]}, {"resume": given["resume"]}):
    print(json.dumps(event), flush=True)
if "dies" in settings:
    os.kill(os.getpid(), signal.SIGKILL)
if "lasts" in settings or "hangs" in settings:
    (folder / "begun").touch()
    while True:
        time.sleep(0.05)
end("done")
"""


@pytest.fixture
def queue(tmp_path, monkeypatch):
    async def start(module, *words, log):
        made = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WORKER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        return Child(made)

    monkeypatch.setattr(Child, "start", start)
    return lambda: JobQueue(tmp_path / "jobs")


def put(queue, title="a", **settings):
    return queue.put("texture", "texture", title, settings, None, "photo")


def during(queue, work):
    """Runs the queue while some work is done."""

    async def both():
        task = asyncio.create_task(queue.run())
        try:
            await asyncio.wait_for(work(), 30)
        finally:
            await queue.end()
            await asyncio.wait_for(task, 30)

    asyncio.run(both())


async def until(condition):
    while not condition():
        await asyncio.sleep(0.01)


def on_disk(job):
    return json.loads((job.folder / "status.json").read_text(encoding="utf-8"))


def test_one_after_another(queue):
    """In the order in which they were put there; a listener is told of each step."""
    queue = queue()
    jobs = [put(queue, title) for title in "abc"]
    heard = asyncio.Queue()
    queue.listeners.add(heard)
    during(queue, lambda: until(lambda: all(job.state == DONE for job in jobs)))
    told = [heard.get_nowait() for _ in range(heard.qsize())]
    states = [(event["job"]["title"], event["job"]["state"]) for event in told if "job" in event]
    assert states == [(title, state) for title in "abc" for state in (RUNNING, DONE)]
    assert jobs[0].messages == ["hello"]
    assert jobs[0].curve == [[0.5, 3.0]]
    assert jobs[0].live["share"] == 0.5
    assert [on_disk(job)["state"] for job in jobs] == [DONE] * 3


def test_stopping(queue):
    """The one that is done keeps the result so far, one that waits leaves the queue, and the next begins."""
    queue = queue()
    first, second, third = put(queue, lasts=1), put(queue), put(queue)

    async def work():
        await until(lambda: (first.folder / "begun").exists())
        assert second.state == QUEUED
        queue.stop(second)
        queue.stop(first)
        assert (first.state, second.state) == (STOPPING, STOPPED)
        with pytest.raises(ValueError, match="stop it first"):
            queue.delete(first)
        await until(lambda: third.state == DONE)

    during(queue, work)
    assert (first.state, first.sentence) == (STOPPED, "Stopped early.")
    assert second.state == STOPPED


def test_a_job_that_does_not_stop_is_killed(queue):
    """By asking a second time."""
    queue = queue()
    job = put(queue, hangs=1)

    async def work():
        await until(lambda: (job.folder / "begun").exists())
        queue.stop(job)
        await asyncio.sleep(0.2)
        assert job.state == STOPPING
        queue.stop(job)
        await until(lambda: job.state == STOPPED)

    during(queue, work)
    assert job.sentence == "Stopped at once."


def test_a_process_that_dies(queue):
    """Is told in one sentence; the queue goes on, and the job can go on."""
    queue = queue()
    job, other = put(queue, dies=1), put(queue)

    async def work():
        await until(lambda: other.state == DONE)
        assert job.state == FAILED
        assert "signal 9" in job.sentence
        assert job.sentence.count(".") == 1
        queue.go_on(job)
        assert (job.state, job.resume) == (QUEUED, True)
        await until(lambda: job.state == FAILED)

    during(queue, work)
    assert job.live["resume"] is True


def test_a_server_that_is_started_again(queue):
    """The job that was being done goes on, those that waited wait, those that are done are there."""
    first = queue()
    done, job, waiting = put(first), put(first, lasts=1), put(first)

    async def work():
        await until(lambda: (job.folder / "begun").exists())
        assert done.state == DONE
        first.now[1].signal(signal.SIGKILL)  # as if the server's end had taken it along
        first.ending = True

    during(first, work)
    assert on_disk(job)["state"] == RUNNING
    again = queue()
    again.recover()

    async def later():
        mine = again.find(job.id)
        assert (mine.state, mine.resume) == (QUEUED, True)
        assert again.find(done.id).state == DONE
        assert again.find(done.id).messages == []  # the stand-in keeps none
        await until(lambda: mine.live.get("resume") is True)
        assert again.find(waiting.id).state == QUEUED
        again.stop(mine)
        await until(lambda: again.find(waiting.id).state == DONE)

    during(again, later)


@pytest.mark.parametrize("content", ["", "{}", "[]", "no", '{"kind": "texture"}', "\x00"])
def test_damaged_folders_are_left_alone(tmp_path, content):
    folder = tmp_path / "jobs" / "damaged"
    folder.mkdir(parents=True)
    (folder / "request.json").write_text(content, encoding="utf-8")
    (tmp_path / "jobs" / "a-file").touch()
    elsewhere = put(JobQueue(tmp_path / "elsewhere"))
    (tmp_path / "jobs" / "link").symlink_to(elsewhere.folder)
    queue = JobQueue(tmp_path / "jobs")
    queue.recover()
    assert not queue.jobs


def test_what_was_told_is_there_again(tmp_path):
    """Also after a kill in the middle of a line; the curve of a job that goes on begins again where it goes on."""
    job = put(JobQueue(tmp_path / "jobs"))
    lines = [{"message": "one"}, {"point": [0.1, 5.0]}, {"point": [0.2, 4.0]}, {"point": [0.15, 4.5]}]
    (job.folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"mess', encoding="utf-8")
    again = Job.read(job.folder)
    assert again.messages == ["one"]
    assert again.curve == [[0.1, 5.0], [0.15, 4.5]]


def test_deleting(tmp_path):
    queue = JobQueue(tmp_path / "jobs")
    job = put(queue)
    queue.stop(job)
    queue.delete(job)
    assert not job.folder.exists()
    with pytest.raises(KeyError):
        queue.find(job.id)


def test_a_job_has_a_photograph_of_its_own(tmp_path, monkeypatch):
    """Which stays when the upload is removed; also on a disk that has no links."""
    photo = tmp_path / "original.png"
    photo.write_bytes(b"picture")
    queue = JobQueue(tmp_path / "jobs")
    first = queue.put("texture", "texture", "a", {}, photo, "holiday.png")
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(95, "no links")))
    second = queue.put("texture", "texture", "a", {}, photo, "holiday.png")
    photo.unlink()
    assert (first.folder / "photo.png").read_bytes() == (second.folder / "photo.png").read_bytes() == b"picture"


def test_a_full_disk_leaves_no_half_job(tmp_path, monkeypatch):
    def full(*_args):
        raise files.StorageError("the disk is full")

    monkeypatch.setattr(job_queue.files, "write_atomically", full)
    queue = JobQueue(tmp_path / "jobs")
    with pytest.raises(files.StorageError):
        put(queue)
    assert not queue.jobs
    assert not list((tmp_path / "jobs").iterdir())


def test_jobs_are_in_order_of_time(tmp_path):
    """By which they are done, whatever their names are."""
    queue = JobQueue(tmp_path / "jobs")
    jobs = [put(queue) for _ in range(3)]
    jobs[0].created = time.time() + 9
    assert list(queue.waiting()) == [jobs[1], jobs[2], jobs[0]]

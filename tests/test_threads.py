"""Threads are given back, and work is spread over them."""

import os
import threading

import pytest
import torch

from drawgen.threads import cores, spread, threads, workers


def test_cores_where_those_of_the_process_are_not_told(monkeypatch):
    assert cores() >= 1
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    for counted, told in ((7, 7), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda counted=counted: counted)
        assert cores() == told


@pytest.fixture
def two():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two")
def test_threads_are_given_back_after_errors_too():
    with threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2

    @threads(1)
    def work():
        assert torch.get_num_threads() == 1
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            work()
        assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two")
def test_the_library_leaves_the_number_as_it_was(tmp_path):
    """Also between the captions of a generator that is not read to its end."""
    from PIL import Image

    from drawgen import jobs, models
    from drawgen.contract import Request
    from drawgen.jobs import captions

    jobs.train("draw", models.recipe("draw", "tiny"), tmp_path / "draw", preset="tiny")
    jobs.draw(str(tmp_path / "draw"), Request())
    jobs.measure(str(tmp_path / "draw"))
    picture = Image.new("RGB", (40, 30), "white")
    picture.paste("red", (18, 5, 22, 25))
    picture.save(tmp_path / "a.png")
    jobs.reconstruct(str(tmp_path / "draw"), [str(tmp_path / "a.png")],
                     tmp_path / "b.png")  # fmt: skip
    assert torch.get_num_threads() == 2
    jobs.paint(str(tmp_path / "a.png"), tmp_path / "c.png", strokes=3)
    assert torch.get_num_threads() == 2
    jobs.train("captioner", models.recipe("captioner", "tiny"), tmp_path / "captioner", preset="tiny")
    found = captions.caption(str(tmp_path / "captioner"), [str(tmp_path / "a.png")] * 2, skipped={})
    next(found)
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("count", "jobs"), [(1, 3), (2, 1), (3, 7), (4, 0)])
def test_each_job_is_done_once(count, jobs):
    done = []
    with workers(count):
        spread(done.append, jobs)
    assert sorted(done) == list(range(jobs))


def test_jobs_run_at_once():
    """Two jobs that wait for each other."""
    meeting = threading.Barrier(2, timeout=60)
    with workers(2):
        spread(lambda _: meeting.wait(), 2)


@pytest.mark.usefixtures("two")
def test_as_many_workers_as_threads_unless_told():
    def names(count):
        seen = set()
        meeting = threading.Barrier(count, timeout=60)

        def job(_):
            seen.add(threading.current_thread().name)
            meeting.wait()

        spread(job, count)
        return len(seen)

    assert names(2) == 2
    with threads(1):
        assert names(1) == 1
        with workers(3):
            assert names(3) == 3


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_of_a_job_is_raised(count):
    def job(n):
        if n == 1:
            raise ValueError("no")

    with workers(count), pytest.raises(ValueError, match="no"):
        spread(job, 2)

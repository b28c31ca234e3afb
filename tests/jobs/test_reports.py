"""What is told of data: every entry of a few, a count and the first three of many of one kind."""

from types import SimpleNamespace

from drawgen import jobs
from drawgen.jobs.reports import problem_lines, tell_data, tell_problems


def test_a_few_are_all_named():
    told = {f"{n}.png": f"{n}.png is damaged (byte {n}); open it" for n in range(10)} | {"x": "it names no picture"}
    lines = problem_lines(told)
    assert len(lines) == 11
    assert lines[3] == "  3.png: is damaged (byte 3); open it"


def test_many_of_one_kind_are_counted():
    told = {f"{n}.png": f"it is not there; did you mean {n}?" for n in range(11)} | {"x": "it names no picture"}
    assert problem_lines(told) == [
        "  11 of one kind (it is not there); the first 3:",
        "    0.png: it is not there; did you mean 0?",
        "    1.png: it is not there; did you mean 1?",
        "    2.png: it is not there; did you mean 2?",
        "  x: it names no picture",
    ]


def test_what_was_told_at_the_start_is_not_told_again():
    said = []
    reports = jobs.Reports(message=said.append)
    data = SimpleNamespace(notes=["captions.csv: 3 captions"], problems={"a": "gone"})
    told = tell_data(data, reports)
    assert said == ["the data:\n  captions.csv: 3 captions", "1 entry of the data left out:\n  a: gone"]
    data.problems["b"] = "damaged"
    tell_problems(data, reports, after=told)
    assert said[2:] == ["1 entry of the data left out:\n  b: damaged"]
    tell_problems(data, reports, after=2)
    tell_data(object(), reports)
    assert len(said) == 3


def test_a_kind_may_name_a_shipped_model():
    """The colon of MODEL:NAME does not end it."""
    why = "this is unlike the photographs that captioner:photos was trained on"
    assert problem_lines({f"{n}.png": why for n in range(11)})[0] == f"  11 of one kind ({why}); the first 3:"

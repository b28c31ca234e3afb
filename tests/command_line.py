"""Commands run as a person runs them."""

from drawgen import cli

TEXTURE = "texture photo.png -o new.png --steps 2"
SAMPLE = "sample run -o new.png"
TRAIN = "train ride tiny --out new"


def run(capsys, *words):
    """(exit status, standard output, standard error)."""
    capsys.readouterr()
    status = cli.main([str(word) for word in words])
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return status, said.out, said.err


def contents(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def refused(capsys, here, line, *expected):
    """Exit status 2, one sentence with the value in it, and nothing written."""
    before = contents(here)
    status, out, err = run(capsys, *line.split())
    assert (status, out) == (2, "")
    assert err.startswith("drawgen: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    for words in expected:
        assert words in err
    assert contents(here) == before

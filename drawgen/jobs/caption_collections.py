"""Captions of many pictures, written to files while they are found."""

import os
from collections.abc import Collection, Iterator, MutableMapping, Sequence
from contextlib import contextmanager, nullcontext
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from drawgen import files, images
from drawgen.file_kinds import OTHER_ENDINGS, kind_of
from drawgen.images import ImageError
from drawgen.interrupts import Interrupted, plainly, signals
from drawgen.jobs import captions
from drawgen.jobs.answers import Described
from drawgen.jobs.caption_tables import TABLES, Kept, begin, encoded, lines_of, name_in, read_back
from drawgen.jobs.loading import Pictures, opened, several
from drawgen.jobs.progress import Listener, hearing
from drawgen.ranges import ArgumentError


class Captioned(NamedTuple):
    """What became of the pictures."""

    found: int
    """Number of pictures that were captioned now."""
    kept: int
    """Number of pictures that had their captions already."""
    doubted: int
    """Number of pictures captioned now whose captions are doubtful."""
    left_out: dict[str, str]
    """Picture that could not be read -> reason."""


@plainly()
def caption_files(
    pictures: Pictures,
    out: str | os.PathLike[str] | None = None,
    *,
    sidecar: bool = False,
    model: str = "",
    beams: int = 5,
    n: int = 1,
    strict: bool = False,
    device: str = "cpu",
    resume: bool = False,
    force: bool = False,
    progress: Listener = None,
) -> Captioned:
    """Captions picture files, folders and patterns into the table `out` (.csv or .jsonl; `caption_tables`). With `sidecar` the
    captions of each picture go into a text file beside it (for a.jpg into a.txt), one per line.

    Each is written when it is found, so that Ctrl-C and a kill leave those so far. With `resume`, captions that are there are kept,
    and only the other pictures are captioned. The files are then the same as without the interruption: batches are of the same
    pictures, and rows are in the order of the pictures. (Rows of pictures that are not among those given are kept, and come first.)
    A table that was made with another `model` or `n` is refused. What cannot be noticed: another `beams`, other weights under the
    same name, and with what text files were made.

    Raises ImageError for outputs that exist (without `resume` or `force`) and if no picture can be read, ValueError as
    `captions.caption` does, StorageError, and Interrupted.
    """
    if sidecar == (out is not None):
        raise ArgumentError("sidecar", "and `output` are two places for captions; give one of the two")
    if resume and force:
        raise ArgumentError("resume", "keeps the captions that are there, and `force` replaces them; leave one of the two out")
    given = named(pictures)
    place = Sidecars(given, replace=force) if out is None else Table(given, Path(out), replace=force)
    place.check(resume=resume)
    with nullcontext() if out is None else files.reserved(Path(out)):  # text files are written whole, each on its own
        kept = place.kept(model, n) if resume else frozenset[str]()
        left_out: dict[str, str] = {}
        wanted = batches(given, kept, left_out, strict=strict)
        found = doubted = interrupt = 0
        with hearing(progress) as reports, signals() as noted, place.writing():
            if reports.pictures is not None:
                reports.pictures(len(kept), len(given))
            coming = captions.caption(model or None, wanted, beams=beams, n=n, strict=strict, device=device, skipped=left_out)
            try:
                for one in coming if wanted else ():
                    if one.picture in kept:
                        continue
                    place.write(one)
                    found, doubted = found + 1, doubted + bool(one.doubt)
                    if reports.pictures is not None:
                        reports.pictures(len(kept) + found + len(left_out), len(given))
                    if interrupt := noted():
                        break
            except ImageError:  # of the pictures that were missing none can be read
                if strict or not kept:
                    raise
        if interrupt:
            so_far = f"{len(kept) + found} of {len(given)} pictures"
            raise Interrupted(interrupt, f"interrupted; {place.told(so_far)}, and the same command with `resume` adds the others")
        place.end(resume=resume)
        return Captioned(found, len(kept), doubted, left_out)


def named(pictures: Pictures) -> list[str]:
    """The names of picture files, each file once. Raises ValueError for pictures that have no names."""
    found: dict[str, str] = {}
    for picture in captions.pictures_in(several(pictures)):
        if not isinstance(picture, (str, os.PathLike)):
            raise ValueError(f"captions are written to files by the names of pictures, and a {type(picture).__name__} has none")
        name = os.fspath(picture)
        folder, file = os.path.split(name)
        found.setdefault(os.path.join(os.path.realpath(folder), file), name)  # noqa: PTH118
    return list(found.values())


def batches(given: Sequence[str], kept: Collection[str], left_out: MutableMapping[str, str], *, strict: bool) -> list[str]:
    """The pictures of the batches in which captions are missing: whole batches, so that a picture's caption does not depend on
    where a run was interrupted (batched products may round differently). A picture that is missing in a batch with captions is
    usually one that could not be read, and does not count then. Raises ImageError if `strict`."""

    def readable(picture: str) -> bool:
        try:
            opened(picture, picture, covering=(64, 64))
        except ImageError as error:
            if strict:
                raise
            left_out[picture] = str(error)
        return picture not in left_out

    wanted: list[str] = []
    for first in range(0, len(given), captions.AT_ONCE):
        batch = given[first : first + captions.AT_ONCE]
        missing = [picture for picture in batch if picture not in kept]
        if len(missing) in (0, len(batch)) or any([readable(picture) for picture in missing]):
            wanted += batch if missing else ()
    return wanted


# ---------------------------------------------------------------- one file


class Table:
    """A CSV or JSONL file."""

    def __init__(self, given: Sequence[str], out: Path, *, replace: bool) -> None:
        self.given, self.out, self.replace = given, out, replace
        self.file: FileIO | None = None
        self.written = 0

    def check(self, *, resume: bool) -> None:
        """Raises ImageError if the file cannot be written, or is there."""
        if self.out.is_file() and not (self.replace or resume):
            raise ImageError(f"{self.out} exists already; replace it with `force`, or add what is missing with `resume`")
        images.check_output(self.out, force=self.replace or resume, kinds=TABLES, sources=self.given)

    def kept(self, model: str, n: int) -> frozenset[str]:
        """The pictures with captions in the file, of which a damaged end is removed. Raises ValueError for captions by another
        model, or for another number of them."""
        if not self.out.exists():
            return frozenset()
        found = read_back(self.out)
        if found and found[last := next(reversed(found))].n < n:
            found.pop(last)  # a kill between its rows
        for name, one in found.items():
            if one.n != n:
                raise ArgumentError("n", f"is {n}, and {self.out} has {one.n} captions of {name}; give the same, or another file")
            if one.model != model if model else one.model.partition(":")[0] != captions.MODEL:
                told = f"is {model}" if model else "is not given"
                raise ArgumentError("model", f"{told}, and {self.out} has captions by {one.model}; give the same, or another file")
        self.rewrite(found)
        return frozenset(picture for picture in self.given if name_in(picture, self.out) in found)

    def rewrite(self, found: dict[str, Kept]) -> None:
        content = encoded(begin(self.out) + "".join(one.text for one in found.values()))
        if content != files.read_bytes(self.out):
            files.write_output(self.out, content, replace=True)

    @contextmanager
    def writing(self) -> Iterator[None]:
        try:
            yield
        finally:
            if self.file is not None:
                with self.file:
                    os.fsync(self.file.fileno())

    def write(self, described: Described) -> None:
        """Appends the picture's lines. The file is replaced, or made, with the first."""
        if self.file is None and (self.replace or not self.out.exists()):
            files.write_output(self.out, encoded(begin(self.out)), replace=self.replace)
        content = memoryview(encoded(lines_of(described, self.out)))
        with files.told(self.out):
            self.file = self.file or open(self.out, "ab", buffering=0)  # noqa: SIM115  # closed by `writing`
            while content:
                content = content[self.file.write(content) :]
            self.written += 1
            if self.written % captions.AT_ONCE == 0:
                os.fsync(self.file.fileno())

    def end(self, *, resume: bool) -> None:
        """Puts the rows into the order of the pictures."""
        if resume and self.out.exists():
            found = read_back(self.out)
            places = {name_in(picture, self.out): place for place, picture in enumerate(self.given)}
            self.rewrite(dict(sorted(found.items(), key=lambda item: places.get(item[0], -1))))

    def told(self, pictures: str) -> str:
        return f"{self.out} has the captions of {pictures}"


# ---------------------------------------------------------------- a file beside each picture


class Sidecars:
    """Text files beside the pictures."""

    def __init__(self, given: Sequence[str], *, replace: bool) -> None:
        self.targets = {picture: Path(picture).with_suffix(".txt") for picture in given}
        self.replace = replace

    def check(self, *, resume: bool) -> None:
        """Raises ImageError if the files cannot be written, or are there, or if two pictures have the same."""
        of: dict[str, str] = {}
        for picture, target in list(self.targets.items()):
            if not files.is_file(picture):
                raise ImageError(f"{picture} is no file, beside which its caption would be; give a file for all captions")
            other = of.setdefault(os.path.normcase(target), picture)
            if other == picture:
                continue
            unread = next((one for one in (picture, other) if unreadable(one)), None)  # a camera's raw file beside its JPEG
            if unread is None:
                raise ImageError(
                    f"{other} and {picture} would both have their caption in {target}; rename one, or give a file for all"
                )
            del self.targets[unread]
            of[os.path.normcase(target)] = picture if unread == other else other
        for target in self.targets.values():
            if target.is_file() and not (self.replace or resume):
                raise ImageError(f"{target} exists already; replace it with `force`, or add those that are missing with `resume`")
            images.check_output(target, force=self.replace or resume, kinds=(".txt",))

    def kept(self, model: str, n: int) -> frozenset[str]:
        return frozenset(picture for picture, target in self.targets.items() if target.exists())

    @contextmanager
    def writing(self) -> Iterator[None]:
        yield

    def write(self, described: Described) -> None:
        content = "".join(f"{caption.text}\n" for caption in described.captions)
        files.write_output(self.targets[described.picture], content.encode(), replace=self.replace)

    def end(self, *, resume: bool) -> None:
        pass

    def told(self, pictures: str) -> str:
        return f"{pictures} have their captions beside them"


def unreadable(picture: str) -> bool:
    """Whether a file is of a kind that is not read, such as a camera's raw file."""
    return Path(picture).suffix.lower() in OTHER_ENDINGS and kind_of(files.first_bytes(Path(picture), 1024)) is None

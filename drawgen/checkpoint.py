"""Model folders and training states on disk.

A **model folder** is `config.json` (model name, config, spec), `model.safetensors` (weights) and `README.md` (card).
A **training state** is `state-00001200.pt` in a run folder; the newest two are kept. It starts with a digest of what
follows and is read with `weights_only=True`: it holds tensors and plain numbers, never code.
"""

import dataclasses
import hashlib
import io
import json
import logging
import math
import pickle
import re
import types
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn
from torch.nn.modules.module import register_module_buffer_registration_hook, register_module_parameter_registration_hook
from torch.overrides import TorchFunctionMode

from drawgen.contract import Spec
from drawgen.files import open_file, read_bytes, reason, write_atomically
from drawgen.printable import printable

log = logging.getLogger(__name__)

FORMAT = 1
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"
MAGIC = b"drawgen state 1\n"
LARGEST_JSON = 1 << 22
"""Largest size of a JSON file, in bytes: twenty times that of a vocabulary of ten thousand words."""
LARGEST_NUMBER = 2**63 - 1
"""Largest integer; seeds may be that large."""
LARGEST_SIZE = 2**16
"""Largest count in a model's config: units, layers, steps."""
LARGEST_IMAGE = (16, 4096, 4096)
"""Largest channels, rows and columns of a training picture."""
LARGEST_EXEMPLAR = 2**16
"""Largest rows or columns of the picture that training pictures are crops of."""
SPARE = 1 << 26
"""Bytes that a model may use besides its weights: tables that are not stored, and temporary memory of its construction."""
TYPES = {
    **{"BOOL": torch.bool, "U8": torch.uint8, "I8": torch.int8, "I16": torch.int16, "I32": torch.int32, "I64": torch.int64},
    **{"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64},
}
"""The types of a safetensors file that models have; any other is refused."""
T = TypeVar("T")


class CheckpointError(ValueError):
    """A model folder or training state that cannot be used; the message names the file and the mend."""


# ---------------------------------------------------------------- dataclasses as JSON


def to_plain(value: Any) -> Any:
    """A config dataclass as JSON-ready dictionaries and lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value


def from_plain(kind: type[T], plain: Any, *, where: str, most: int = LARGEST_NUMBER) -> T:
    """The dataclass `kind` from the output of `to_plain`. Missing fields take their defaults. An unknown field, a value of the
    wrong type, an integer beyond `most`, or a number that is not finite raises CheckpointError with `where` in it."""
    if not isinstance(plain, Mapping):
        raise CheckpointError(f"{where}: expected an object with the fields of {kind.__name__}, got {plain!r:.60}")
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(plain) - set(fields))
    if unknown:
        raise CheckpointError(f"{where}: unknown field {unknown[0]!r}; was it written by a newer drawgen?")
    hints = typing.get_type_hints(kind)
    values = {name: coerce(hints[name], value, where=f"{where}: {name}", most=most) for name, value in plain.items()}
    try:
        return kind(**values)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise CheckpointError(f"{where}: {error}") from error


def coerce(hint: Any, value: Any, *, where: str, most: int) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return coerce(next(a for a in arguments if a is not type(None)), value, where=where, most=most)
    if origin is tuple and isinstance(value, list):
        kinds = arguments if Ellipsis not in arguments else (arguments[0],) * len(value)
        if len(kinds) == len(value):
            return tuple(coerce(k, v, where=where, most=most) for k, v in zip(kinds, value, strict=True))
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return from_plain(hint, value, where=where, most=most)
    if type(value) is int and hint in (int, float):
        most = most if hint is int else LARGEST_NUMBER
        if abs(value) > most:
            raise CheckpointError(f"{where} is {in_short(value)}; it has to be at most {most}")
        return hint(value)
    if hint is float and isinstance(value, float) and math.isfinite(value):
        return value
    if hint in (str, Path) and isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:  # half of a pair, which JSON can write
            raise CheckpointError(f"{where} is {value!r:.60}, which is not text") from None
        return hint(value)
    if hint is bool and type(value) is bool:
        return value
    raise CheckpointError(f"{where} is {in_short(value)}, which is not a {getattr(hint, '__name__', hint)}")


def in_short(value: Any) -> str:
    """A value for a message; an integer of hundreds of digits is shortened."""
    if type(value) is int and abs(value) >= 10**40:
        return f"a number of {int(math.log10(abs(value))) + 1} digits"
    return f"{value!r:.60}"


def read_json(path: Path) -> Any:
    """Reads JSON. Raises CheckpointError if the file is missing, larger than `LARGEST_JSON`, not a file, or not JSON."""
    try:
        return json.loads(read_bytes(path, LARGEST_JSON))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} does not exist; give a model folder, or the name of a model from `drawgen list`") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({reason(error)})") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged (not JSON: {error}); write it again or use a copy") from error


def write_json(path: Path, value: Any) -> None:
    write_atomically(path, (json.dumps(to_plain(value), indent=2, ensure_ascii=False) + "\n").encode())


# ---------------------------------------------------------------- model folders


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """The description in a model folder, before a model is built from it."""

    folder: Path
    model: str
    config: Mapping[str, Any]
    spec: Spec

    def where(self) -> str:
        return str(self.folder / CONFIG)


def write_model(folder: Path, model: str, config: Any, spec: Spec) -> None:
    """The `config.json` of a model folder; `write_weights` and `write_card` add the rest."""
    plain = {
        "format": FORMAT,
        "model": model,
        "config": to_plain(config),
        "spec": {name: value for name, value in to_plain(spec).items() if value is not None},
    }
    write_json(folder / CONFIG, plain)


def write_weights(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomically(folder / WEIGHTS, save_safetensors(on_cpu))


def write_card(folder: Path, text: str) -> None:
    write_atomically(folder / CARD, text.encode())


def read_model(folder: Path) -> ModelFile:
    """Reads a model folder. Raises CheckpointError if `config.json` is missing, damaged, or of another format."""
    path = folder / CONFIG
    plain = read_json(path)
    if not isinstance(plain, dict) or set(plain) != {"format", "model", "config", "spec"}:
        raise CheckpointError(f"{path} is not a drawgen model's: it needs the fields format, model, config and spec, and no other")
    if plain["format"] != FORMAT:
        raise CheckpointError(f"{path} has format {plain['format']!r}, and this drawgen reads {FORMAT}; update drawgen")
    if not isinstance(plain["model"], str) or not isinstance(plain["config"], dict):
        raise CheckpointError(f"{path}: model has to be a name and config an object")
    told = plain["spec"]
    if isinstance(told, dict):  # older folders have zeros and empty lists for missing fields
        told = {name: value for name, value in told.items() if value not in ([], [0, 0, 0])}
    spec = from_plain(Spec, told, where=f"{path}: spec")
    if spec.image is not None and not all(1 <= size <= most for size, most in zip(spec.image, LARGEST_IMAGE, strict=True)):
        raise CheckpointError(f"{path}: spec.image is {spec.image}; the three have to be at least 1 and at most {LARGEST_IMAGE}")
    if spec.exemplar is not None and not all(1 <= side <= LARGEST_EXEMPLAR for side in spec.exemplar):
        raise CheckpointError(
            f"{path}: spec.exemplar is {spec.exemplar}; the two have to be at least 1 and at most {LARGEST_EXEMPLAR}"
        )
    return ModelFile(folder, plain["model"], plain["config"], spec)


class Stored(NamedTuple):
    """The description of a tensor in a file of weights."""

    kind: str
    """Its type, by safetensors' name."""
    shape: tuple[int, ...]


@contextmanager
def weights_of(folder: Path) -> Iterator[Any]:
    """Opens a file of weights; its tensors are read lazily. Raises CheckpointError."""
    path = folder / WEIGHTS
    try:
        with open_file(path):  # no pipe, no device
            pass
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} does not exist; the run had no time to write it, or the folder is not a model's") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({reason(error)})") from error
    except SafetensorError as error:
        raise CheckpointError(f"{path} is damaged ({printable(str(error)):.200}); take a copy of it or train again") from error


def stored_weights(folder: Path) -> dict[str, Stored]:
    """The types and shapes of a model folder's weights, from the header of the file. Raises CheckpointError."""
    with weights_of(folder) as file:
        parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        return {name: Stored(part.get_dtype(), tuple(part.get_shape())) for name, part in parts.items()}


def read_weights(folder: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights, checked against `expected` (a state_dict): names, shapes, types, finiteness. Half precision is converted to the
    expected type. Raises CheckpointError."""
    path, stored = folder / WEIGHTS, stored_weights(folder)
    for name in sorted(set(stored) ^ set(expected)):
        what = "lacks" if name in expected else "has the unknown tensor"
        raise CheckpointError(f"{path} {what} {printable(name):.200}; it does not belong to the {CONFIG} beside it")
    for name, (kind, shape) in stored.items():
        wanted = expected[name]
        if shape != tuple(wanted.shape):
            raise CheckpointError(f"{path}: {name} has shape {shape!s:.100} and {CONFIG} asks for {tuple(wanted.shape)}")
        halves = ("F16", "BF16") if wanted.is_floating_point() else ()
        if TYPES.get(kind) != wanted.dtype and kind not in halves:
            raise CheckpointError(f"{path}: {name} is stored as {kind}, not as {wanted.dtype}; take a copy of it or train again")
    tensors = {}
    with weights_of(folder) as file:
        for name, wanted in expected.items():
            tensor: Tensor = file.get_tensor(name)
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                raise CheckpointError(f"{path}: {name} holds NaN or infinity; train again from an earlier checkpoint")
            tensors[name] = tensor.to(wanted.dtype)
    return tensors


class Bounded(TorchFunctionMode):
    """Inside this context, tensors and weights may not exceed the size of the `stored` weights plus `SPARE`, nor their number by
    much. So a config that asks for more is refused before memory is allocated and before thousands of layers are built. Raises
    CheckpointError, naming `where`."""

    def __init__(self, stored: Mapping[str, Stored], where: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.most = 8 * sum(math.prod(shape) for _, shape in stored.values()) + SPARE
        self.most_tensors = 2 * len(stored) + 100  # what is not stored are a few buffers
        self.where, self.gathered, self.tensors = where, 0, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        try:
            made = func(*args, **(kwargs or {}))
        except RuntimeError as error:
            if "allocate memory" not in str(error):
                raise
            self.refuse()
        if isinstance(made, Tensor) and made.numel() * made.element_size() > self.most:
            self.refuse()
        return made

    def __enter__(self) -> "Bounded":
        self.hooks = [
            register_module_parameter_registration_hook(self.gather),
            register_module_buffer_registration_hook(self.gather),
        ]
        return super().__enter__()  # type: ignore[no-untyped-call]

    def __exit__(self, *error: Any) -> None:
        for hook in self.hooks:
            hook.remove()
        super().__exit__(*error)  # type: ignore[no-untyped-call]

    def gather(self, _module: nn.Module, _name: str, tensor: Tensor | None) -> None:
        if tensor is not None:
            self.gathered += tensor.numel() * tensor.element_size()
            self.tensors += 1
            if self.gathered > self.most or self.tensors > self.most_tensors:
                self.refuse()

    def refuse(self) -> NoReturn:
        raise CheckpointError(f"{self.where} asks for a larger model than the {WEIGHTS} beside it holds; it does not belong to it")


# ---------------------------------------------------------------- training states


def states(folder: Path) -> list[Path]:
    """The training states in a run folder, newest first."""
    found = [path for path in folder.glob("state-*.pt") if re.fullmatch(r"state-\d+\.pt", path.name)]
    return sorted(found, key=lambda path: int(path.stem[6:]), reverse=True)


def write_state(folder: Path, step: int, state: Mapping[str, Any]) -> Path:
    """Writes the state after `step` batches, then removes all states but this one and the one before. A state of a later step is a
    damaged one, from before the run fell back to an earlier state."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    body = buffer.getvalue()
    path = folder / f"state-{step:08d}.pt"
    write_atomically(path, MAGIC + hashlib.sha256(body).digest() + body)
    found = states(folder)
    for other in {*found[: found.index(path)], *found[found.index(path) + 2 :]}:
        other.unlink(missing_ok=True)
    return path


def read_state(path: Path) -> dict[str, Any]:
    """Reads a state. Raises CheckpointError if the file is cut short, altered, or not a state; code in it is never run."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({reason(error)})") from error
    head = len(MAGIC) + 32
    if not data.startswith(MAGIC) or hashlib.sha256(data[head:]).digest() != data[len(MAGIC) : head]:
        raise CheckpointError(f"{path} is damaged (its digest does not match)")
    try:
        state = torch.load(io.BytesIO(data[head:]), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, KeyError, EOFError) as error:
        raise CheckpointError(f"{path} is not a training state (it holds more than tensors and plain numbers)") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} is not a training state (it holds a {type(state).__name__})")
    return state


def read_newest_state(folder: Path) -> dict[str, Any] | None:
    """The newest intact state; None if there are no states. A damaged one is skipped with a warning; if all are damaged, raises
    CheckpointError."""
    damaged: CheckpointError | None = None
    for path in states(folder):
        try:
            return read_state(path)
        except CheckpointError as error:
            log.warning("%s; the checkpoint before it is used", error)
            damaged = error
    if damaged is not None:
        raise CheckpointError(f"no whole checkpoint is left in {folder} ({damaged}); start again in another folder")
    return None

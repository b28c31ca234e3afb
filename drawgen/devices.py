"""Devices: choosing one, and moving a batch to it."""

import os
import time
from functools import cache

import torch
from torch import Tensor, nn

from drawgen.contract import Batch, Model
from drawgen.ranges import ArgumentError
from drawgen.threads import threads

DEVICES = ("auto", "cpu", "cuda", "cuda:N", "mps")


def choose_device(name: str, argument: str = "device") -> torch.device:
    """`auto` is CUDA, else MPS, else the CPU. Raises ArgumentError, with the argument's name, for a device that is not
    available."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ArgumentError(argument, f"is {name!r}; it is one of {', '.join(DEVICES)}") from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise ArgumentError(argument, f"is {name!r}; it is one of {', '.join(DEVICES)}")
    if device.type == "cuda":
        device = torch.device("cuda", local_rank() if device.index is None else device.index)
        if device.index >= torch.cuda.device_count():
            raise ArgumentError(argument, f"is {name!r}, and there are {torch.cuda.device_count()} CUDA devices; take cpu or auto")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ArgumentError(argument, "is 'mps', which is not there; take cpu or auto")
    return device


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The NamedTuple with its tensors on `device`."""
    return type(batch)(*(x.to(device, non_blocking=True) if isinstance(x, Tensor) else x for x in batch))


@cache
def bfloat16_is_faster() -> bool:
    """Whether the CPU multiplies matrices of bfloat16 clearly faster than of float32, as it does if it has instructions for them
    (AMX, AVX512-BF16 and others): measured, in a few milliseconds."""
    best = dict.fromkeys((torch.float32, torch.bfloat16), float("inf"))
    with threads(1):
        for _ in range(8):
            for kind in best:
                a, b = torch.ones(128, 512, dtype=kind), torch.ones(512, 1024, dtype=kind)
                out = torch.empty(128, 1024, dtype=kind)
                start = time.thread_time()
                torch.mm(a, b, out=out)
                best[kind] = min(best[kind], time.thread_time() - start)
    return best[torch.bfloat16] < 0.8 * best[torch.float32]


def local_rank() -> int:
    """The local rank of this process, which decides its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def device_of(model: Model | nn.Module) -> torch.device:
    """The device of a model's parameters."""
    return next(model.parameters()).device

"""Devices: choosing one, and moving a batch to it."""

import os

import torch
from torch import Tensor, nn

from drawgen.contract import Batch, Model
from drawgen.ranges import ArgumentError

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


def local_rank() -> int:
    """The local rank of this process, which decides its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def device_of(model: Model | nn.Module) -> torch.device:
    """The device of a model's parameters."""
    return next(model.parameters()).device

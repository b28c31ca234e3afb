"""A disk cache of the features of a frozen encoder: each picture is encoded once, and not once per epoch.

Axes: B pictures, C channels, H rows, W columns, N places, D features of a place.

    FOLDER/NET/XX/XXXX...      one file per picture: 20 bytes, then N D numbers of float16

NET is a digest of the net's weights and of the kind of features; XXXX... is a digest of the picture's pixels. Another net, size or
picture has another file, so the cache never has to be cleared. A file is renamed into place when it is complete, and checked when
it is read. So files are complete even after a kill, several processes may share a folder, and a damaged file is computed again.
Files are not flushed to the disk, since they can be computed again.
"""

import errno
import hashlib
import logging
import os
import secrets
import tempfile
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from drawgen.contract import generator
from drawgen.files import StorageError, read_bytes, reason

log = logging.getLogger(__name__)

MAGIC = b"drawgen maps 1\n\0"
HEAD = len(MAGIC) + 4
AT_ONCE = 8
"""Pictures encoded at once: always this many, so that the features of one do not depend on the others."""
AUTO = "auto"
"""In place of a folder: the user's (`user_folder`)."""
LEFTOVER_S = 3600.0
"""Age above which a temporary file belongs to a killed process."""


class FeatureCache:
    """Caches `look`, a function of the weights of `net` and of pictures of shape `image` (C, H, W).

    It gives features of `shape` (N, D); `kept` names their kind in a word. Cached features are rounded to float16: relative errors
    up to 2^-11. Each batch of digests (16 bytes per picture) is copied from the device, which synchronises with it: the cache
    cannot be used in captured steps.
    """

    def __init__(
        self,
        folder: str,
        net: nn.Module,
        look: Callable[[Tensor], Tensor],
        *,
        image: tuple[int, int, int],
        shape: tuple[int, int],
        kept: str,
    ) -> None:
        self.folder = user_folder() if folder == AUTO else Path(folder)
        self.net, self.look, self.image, self.shape, self.kept = net, look, image, shape, kept
        self.factors = torch.empty(0)
        self.seen: tuple[int, Path] | None = None

    @torch.no_grad()
    def __call__(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B N D"]:
        """Raises ValueError if the folder cannot be used or features exceed float16's range, StorageError if the disk is full."""
        place = self.place()
        names = self.digests(images)
        found = {name: self.read(place, name) for name in dict.fromkeys(names)}
        missing = [name for name, features in found.items() if features is None]
        for first in range(0, len(missing), AT_ONCE):
            some = missing[first : first + AT_ONCE]
            rows = [names.index(name) for name in some + some[-1:] * (AT_ONCE - len(some))]
            with torch.autocast(images.device.type, enabled=False):  # what is kept does not hang on the run's precision
                made = self.look(images[rows].float()).half().cpu()
            if not bool(made.isfinite().all()):
                raise ValueError(f"the net sees features beyond 65504, which {self.folder} cannot hold; leave the cache out")
            for name, features in zip(some, made, strict=False):
                self.write(place, name, features)
                found[name] = features
        return torch.stack([found[name] for name in names]).to(images.device).float()

    def place(self) -> Path:
        """The folder of the net as it is now."""
        tensors = [*self.net.parameters(), *self.net.buffers()]
        version = sum(tensor._version for tensor in tensors)  # counts writes: loading weights is one
        if self.seen is None or self.seen[0] != version:
            place = self.folder / digest(self.net, f"{self.kept} {self.image}")
            try:
                place.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ValueError(f"the feature cache {self.folder} cannot be used ({reason(error)}); choose another") from error
            for leftover in place.glob("*.tmp"):
                with suppress(OSError):
                    if time.time() - leftover.stat().st_mtime > LEFTOVER_S:
                        leftover.unlink()
            self.seen = version, place
        return self.seen[1]

    def digests(self, images: Float[Tensor, "B C H W"]) -> list[str]:
        """128 bits per picture: two sums of its pixels' bits times odd random numbers, modulo 2^64. All devices give the same
        digest, and only digests leave them. Two pictures have the same digest with a probability of about 2^-64."""
        if self.factors.device != images.device or not len(self.factors):
            drawn = torch.randint(-(2**63), 2**63 - 1, (2, images[0].numel()), generator=generator(0))
            self.factors = (drawn | 1).to(images.device)
        bits = images.float().contiguous().flatten(1).view(torch.int32)
        sums = torch.stack([(self.factors * picture).sum(1) for picture in bits])
        return [row.tobytes().hex() for row in sums.cpu().numpy()]

    def read(self, place: Path, name: str) -> Float[Tensor, "N D"] | None:
        """The cached features; None if the file is missing or damaged."""
        path = place / name[:2] / name
        try:
            content = read_bytes(path, HEAD + 2 * self.shape[0] * self.shape[1])
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.EFBIG:
                log.warning("%s of the feature cache is damaged; it is computed again", path)
                return None
            raise ValueError(f"{path} of the feature cache cannot be read ({reason(error)}); remove it") from error
        body = content[HEAD:]
        if content[:HEAD] != MAGIC + checksum(name, body) or len(body) != 2 * self.shape[0] * self.shape[1]:
            log.warning("%s of the feature cache is damaged; it is computed again", path)
            return None
        return torch.from_numpy(np.frombuffer(body, "<f2").astype(np.float16)).view(self.shape)

    def write(self, place: Path, name: str, features: Float[Tensor, "N D"]) -> None:
        path = place / name[:2] / name
        temporary = place / f"{name}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
        body = features.numpy().astype("<f2").tobytes()
        try:
            path.parent.mkdir(exist_ok=True)
            temporary.write_bytes(MAGIC + checksum(name, body) + body)
            temporary.replace(path)
        except OSError as error:
            raise StorageError(f"the feature cache could not write {path} ({reason(error)}); what it holds is whole") from error
        finally:
            with suppress(OSError):
                temporary.unlink()


def user_folder() -> Path:
    """drawgen/features in the user's cache folder, or, where nothing can be written there, a temporary folder."""
    user = os.getuid() if hasattr(os, "getuid") else ""
    places = [Path(tempfile.gettempdir()) / f"drawgen-features-{user}"]
    with suppress(RuntimeError):  # there is no home
        places.insert(0, Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "drawgen" / "features")
    for place in places:
        with suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            if os.access(place, os.W_OK):
                return place
    return places[-1]


def checksum(name: str, body: bytes) -> bytes:
    return zlib.crc32(body, zlib.crc32(name.encode())).to_bytes(4, "little")


def digest(net: nn.Module, words: str) -> str:
    """128 bits of a net's weights and buffers."""
    found = hashlib.sha256(words.encode())
    for name, tensor in net.state_dict().items():
        found.update(f"{name} {tuple(tensor.shape)} {tensor.dtype} ".encode())
        found.update(tensor.cpu().reshape(-1).view(torch.uint8).numpy())
    return found.hexdigest()[:32]

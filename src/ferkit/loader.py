"""Batches of a store's rows: resident on the device, or streamed from the memory map.

Both loaders follow one contract (`Loader`), and a batch is a function of (seed, epoch, step)
alone, so a resumed run sees what an unbroken one would.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from ferkit.devices import free_memory, upload

Order = Callable[[int], np.ndarray]
DEVICE_FRACTION = 0.5  # of the free memory of the device


@dataclass(frozen=True)
class Batch:
    """Faces and their labels on the device.

    Attributes:
        images: uint8 [B, C, H, W].
        targets: int64 [B], or float [B, K] where the labels are soft.
        positions: int64 [B] on the CPU: positions within the view.
    """

    images: Tensor
    targets: Tensor
    positions: np.ndarray


class Loader(Protocol):
    """What trainer and prediction need of a loader."""

    @property
    def steps(self) -> int:
        """Batches an epoch."""

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch, in its order."""


def shuffled(count: int, seed: int) -> Order:
    """A permutation of 0..count-1 that depends on (seed, epoch) alone."""
    return lambda epoch: np.random.default_rng([seed, epoch]).permutation(count)


def in_order(count: int) -> Order:
    """0..count-1, every epoch: what prediction uses."""
    return lambda _: np.arange(count)


def batches(
    order: np.ndarray, size: int, device: torch.device
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """The positions of each batch, and the same on the device.

    An order is uploaded once an epoch: a copy in every step would wait for the GPU.
    """
    uploaded = upload(torch.from_numpy(order), device)
    for start in range(0, len(order), size):
        yield order[start : start + size], uploaded[start : start + size]


def fits(array_bytes: int, device: torch.device) -> bool:
    """Whether so many bytes take less than half of the device's free memory."""
    return array_bytes < DEVICE_FRACTION * free_memory(device)


def make_loader(
    faces: np.ndarray,
    rows: np.ndarray,
    targets: np.ndarray,
    *,
    batch_size: int,
    device: torch.device,
    order: Order | None = None,
    cache_on_device: bool | Literal["auto"] = "auto",
) -> Loader:
    """A loader of some rows of a store.

    Args:
        faces: uint8 [N, H, W] or [N, H, W, 3], e.g. a memory map.
        rows: Rows of the view.
        targets: int64 [len(rows)] class ids or float32 [len(rows), K] soft labels.
        order: Positions within the view for an epoch; by default the view's own order.
    """
    size = len(rows) * int(np.prod(faces.shape[1:]))
    keep = fits(size, device) if cache_on_device == "auto" else cache_on_device
    kind = DeviceLoader if keep else StreamingLoader
    return kind(faces, rows, targets, batch_size, device, order or in_order(len(rows)))


def planes(faces: np.ndarray) -> Tensor:
    """Faces [N, H, W] or [N, H, W, 3] as [N, C, H, W]."""
    tensor = torch.from_numpy(np.ascontiguousarray(faces))
    return tensor.unsqueeze(1) if tensor.ndim == 3 else tensor.permute(0, 3, 1, 2)


class DeviceLoader:
    """All faces of a view as uint8 on the device; a batch is an index into them."""

    def __init__(
        self,
        faces: np.ndarray,
        rows: np.ndarray,
        targets: np.ndarray,
        batch_size: int,
        device: torch.device,
        order: Order,
    ) -> None:
        self.images = planes(faces[rows]).to(device)  # [N, C, H, W]
        self.targets = torch.from_numpy(targets).to(device)
        self.batch_size, self.device, self.order = batch_size, device, order
        self.steps = -(-len(order(0)) // batch_size)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch, in its order."""
        for positions, chosen in batches(self.order(number), self.batch_size, self.device):
            yield Batch(self.images[chosen], self.targets[chosen], positions)


class StreamingLoader:
    """Faces read from the memory map by a thread that stays two batches ahead."""

    def __init__(
        self,
        faces: np.ndarray,
        rows: np.ndarray,
        targets: np.ndarray,
        batch_size: int,
        device: torch.device,
        order: Order,
    ) -> None:
        self.faces, self.rows, self.targets = faces, rows, targets
        self.batch_size, self.device, self.order = batch_size, device, order
        self.steps = -(-len(order(0)) // batch_size)

    def _read(self, positions: np.ndarray) -> tuple[Tensor, Tensor]:
        rows = self.rows[positions]
        sorted_rows, back = np.unique(rows, return_inverse=True)  # the map is read forwards
        images = planes(self.faces[sorted_rows][back])
        targets = torch.from_numpy(self.targets[positions])
        if self.device.type == "cuda":
            return images.pin_memory(), targets.pin_memory()
        return images, targets

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch, in its order."""
        order = self.order(number)
        pieces = np.split(order, range(self.batch_size, len(order), self.batch_size))
        with ThreadPoolExecutor(1) as reader:
            waiting = [(piece, reader.submit(self._read, piece)) for piece in pieces[:2]]
            for i in range(len(pieces)):
                positions, read = waiting.pop(0)
                if i + 2 < len(pieces):
                    waiting.append((pieces[i + 2], reader.submit(self._read, pieces[i + 2])))
                images, targets = (t.to(self.device, non_blocking=True) for t in read.result())
                yield Batch(images, targets, positions)

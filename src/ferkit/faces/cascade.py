"""The three stages of MTCNN on a batch of equal-sized pictures, every step on all of them at once.

A candidate is a row: its image's number, its box and what a network says of it. `interpolate(mode=
"area")`, which facenet-pytorch resizes with, averages over whole pixels; such a mean is four
look-ups in a summed-area table, whatever the size of the box.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torchvision.ops import nms

from ferkit.faces.detection import Detection

_WINDOW, _STRIDE = 12, 2  # what one output of the first network looks at, and its step
_CANDIDATES = 512  # that go through the second and third network at once


@dataclass(frozen=True)
class Cascade:
    """Pictures [B, H, W, 3] uint8 in, the faces of each out, largest first.

    Attributes:
        networks: First (proposal), second (refinement) and third (output) network.
        device: Where they lie.
        min_face: Smallest side of a face, in pixels.
        thresholds: Lowest score that passes each stage.
        factor: Step of the image pyramid.
    """

    networks: Sequence[nn.Module]
    device: torch.device
    min_face: int
    thresholds: tuple[float, ...]
    factor: float

    @torch.inference_mode()
    def __call__(self, images: np.ndarray) -> list[list[Detection]]:
        """Find the faces of each picture."""
        table = _summed(images).to(self.device)  # [B, H+1, W+1, 3]
        # One by one on the CPU: a larger batch of whole pictures only falls out of its caches.
        parts = torch.split(table, 1 if self.device.type == "cpu" else len(table))
        proposals = [self._propose(part) for part in parts]
        batch = torch.cat([rows + i for i, (rows, _) in enumerate(proposals)])
        boxes = torch.cat([boxes for _, boxes in proposals])
        batch, boxes = self._refine(table, batch, boxes)
        batch, boxes, scores, points = self._finish(table, batch, boxes)
        return _by_image(len(images), batch, boxes, scores, points)

    def _propose(self, table: Tensor) -> tuple[Tensor, Tensor]:
        height, width = table.shape[1] - 1, table.shape[2] - 1
        levels = [self._level(table, scale) for scale in self._scales(height, width)]
        if not levels:
            return _no_boxes(self.device)
        batch, boxes, scores, shifts = (torch.cat(part) for part in zip(*levels, strict=True))
        kept = _nms(batch, boxes, scores, 0.7)
        batch, boxes, shifts = batch[kept], boxes[kept], shifts[kept]
        sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)  # [N, 4]
        return batch, _square(boxes + shifts * sides)

    def _scales(self, height: int, width: int) -> list[float]:
        scale, scales = _WINDOW / self.min_face, []
        while min(height, width) * scale >= _WINDOW:
            scales.append(scale)
            scale *= self.factor
        return scales

    def _level(self, table: Tensor, scale: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        height, width = table.shape[1] - 1, table.shape[2] - 1
        shrunk = _shrink(table, int(height * scale + 1), int(width * scale + 1))
        shifts, faces = self.networks[0](_standardize(shrunk))  # [B, 4, h, w], [B, 2, h, w]
        scores = faces[:, 1]
        batch, row, column = (scores >= self.thresholds[0]).nonzero(as_tuple=True)
        corner = torch.stack([column, row], 1).float() * _STRIDE + 1  # [N, 2]
        ends = torch.cat([corner, corner + _WINDOW - 1], 1)
        boxes = (ends / scale).floor()  # [N, 4]
        scores, shifts = scores[batch, row, column], shifts[batch, :, row, column]
        kept = _nms(batch, boxes, scores, 0.5)
        return batch[kept], boxes[kept], scores[kept], shifts[kept]

    def _refine(self, table: Tensor, batch: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        batch, boxes, crops = _crops(table, batch, boxes, 24)
        if not len(boxes):
            return batch, boxes
        shifts, faces = _in_parts(self.networks[1], crops)
        passed = faces[:, 1] > self.thresholds[1]
        batch, boxes, shifts, scores = (v[passed] for v in (batch, boxes, shifts, faces[:, 1]))
        kept = _nms(batch, boxes, scores, 0.7)
        return batch[kept], _square(_shifted(boxes[kept], shifts[kept]))

    def _finish(
        self, table: Tensor, batch: Tensor, boxes: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        batch, boxes, crops = _crops(table, batch, boxes, 48)
        if not len(boxes):
            return batch, boxes, boxes[:, 0], boxes.new_zeros(0, 5, 2)
        shifts, places, faces = _in_parts(self.networks[2], crops)
        passed = faces[:, 1] > self.thresholds[2]
        batch, boxes, shifts, scores = (v[passed] for v in (batch, boxes, shifts, faces[:, 1]))
        shares = places[passed].view(-1, 2, 5).transpose(1, 2)  # [N, 5, 2]
        sides = (boxes[:, 2:] - boxes[:, :2] + 1)[:, None]  # [N, 1, 2]
        points = shares * sides + boxes[:, None, :2] - 1
        boxes = _shifted(boxes, shifts)
        kept = _suppress_nested(batch, boxes, scores, 0.7)
        return batch[kept], boxes[kept], scores[kept], points[kept]


def _no_boxes(device: torch.device) -> tuple[Tensor, Tensor]:
    empty = torch.zeros(0, dtype=torch.long, device=device)
    return empty, torch.zeros(0, 4, device=device)


# int32 may overflow on a picture of over 8 megapixels and does no harm: what is read are
# differences, exact as long as no single bin holds that many.
def _summed(images: np.ndarray) -> Tensor:
    return torch.from_numpy(np.stack([cv2.integral(image) for image in images]))


# Bin i of `n` over `length` pixels covers floor(i * length / n) .. ceil((i + 1) * length / n).
def _bins(length: Tensor, count: int) -> tuple[Tensor, Tensor]:
    i = torch.arange(count, device=length.device)
    length = length[..., None]
    return i * length // count, -(-(i + 1) * length // count)


def _shrink(table: Tensor, height: int, width: int) -> Tensor:
    sizes = torch.tensor([table.shape[1] - 1, table.shape[2] - 1], device=table.device)
    top, bottom = _bins(sizes[0], height)
    left, right = _bins(sizes[1], width)
    rows = table[:, bottom] - table[:, top]  # [B, h, W+1, 3]
    sums = rows[:, :, right] - rows[:, :, left]  # [B, h, w, 3]
    area = (bottom - top)[:, None] * (right - left)  # [h, w]
    return (sums.float() / area[..., None]).permute(0, 3, 1, 2)  # channels last in memory


# Drops boxes that lie wholly outside their picture; crops are standardized, [N, 3, side, side].
def _crops(table: Tensor, batch: Tensor, boxes: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
    height, width = table.shape[1] - 1, table.shape[2] - 1
    whole = boxes.trunc().long()
    x1, y1 = (whole[:, i].clamp(min=1) - 1 for i in (0, 1))
    x2, y2 = whole[:, 2].clamp(max=width), whole[:, 3].clamp(max=height)
    inside = (x2 > x1) & (y2 > y1)
    batch, boxes = batch[inside], boxes[inside]
    x1, y1, x2, y2 = (v[inside] for v in (x1, y1, x2, y2))
    left, right = (x1[:, None] + bins for bins in _bins(x2 - x1, side))  # [N, side]
    top, bottom = (y1[:, None] + bins for bins in _bins(y2 - y1, side))
    image = batch[:, None, None]

    def sums(y: Tensor, x: Tensor) -> Tensor:
        return table[image, y[:, :, None], x[:, None, :]]  # [N, side, side, 3]

    total = sums(bottom, right) - sums(top, right) - sums(bottom, left) + sums(top, left)
    area = (bottom - top)[:, :, None] * (right - left)[:, None, :]
    means = (total.float() / area[..., None]).permute(0, 3, 1, 2)
    return batch, boxes, _standardize(means)


def _standardize(pixels: Tensor) -> Tensor:
    return (pixels - 127.5) * 0.0078125


def _in_parts(network: nn.Module, crops: Tensor) -> list[Tensor]:
    answers = [network(part) for part in torch.split(crops, _CANDIDATES)]
    return [torch.cat(part) for part in zip(*answers, strict=True)]


# Boxes of one picture alone can suppress each other: each picture gets a place of its own, wide
# enough for boxes that reach over its borders on both sides.
def _apart(batch: Tensor, boxes: Tensor) -> Tensor:
    places = boxes.double()
    if not len(boxes):
        return places
    low, high = places.min(), places.max()
    return places - low + batch[:, None] * (high - low + 2)  # [N, 4]


def _nms(batch: Tensor, boxes: Tensor, scores: Tensor, limit: float) -> Tensor:
    return nms(_apart(batch, boxes), scores.double(), limit)


# By the share of the SMALLER box, so that a face found inside another goes; greedy from the top.
def _suppress_nested(batch: Tensor, boxes: Tensor, scores: Tensor, limit: float) -> Tensor:
    order = scores.argsort(descending=True, stable=True)
    placed = _apart(batch, boxes)[order].cpu()
    closed = placed + torch.tensor([0, 0, 1, 1])  # both ends belong to a box
    areas = (closed[:, 2:] - closed[:, :2]).prod(1)
    low = torch.maximum(closed[:, None, :2], closed[None, :, :2])
    high = torch.minimum(closed[:, None, 2:], closed[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(2)  # [N, N]
    nested = (shared / torch.minimum(areas[:, None], areas[None]) > limit).numpy()
    alive = np.ones(len(order), dtype=bool)
    for i in range(len(order)):
        if alive[i]:
            alive[i + 1 :] &= ~nested[i, i + 1 :]
    return order[torch.from_numpy(alive).to(order.device)]


def _square(boxes: Tensor) -> Tensor:
    sides = boxes[:, 2:] - boxes[:, :2]
    longest = sides.amax(1, keepdim=True)
    corner = boxes[:, :2] + sides * 0.5 - longest * 0.5
    return torch.cat([corner, corner + longest], 1)


def _shifted(boxes: Tensor, shifts: Tensor) -> Tensor:
    return boxes + shifts * (boxes[:, 2:] - boxes[:, :2] + 1).repeat(1, 2)


def _by_image(
    count: int, batch: Tensor, boxes: Tensor, scores: Tensor, points: Tensor
) -> list[list[Detection]]:
    faces: list[list[Detection]] = [[] for _ in range(count)]
    rows = zip(
        batch.tolist(),
        boxes.cpu().double().numpy(),
        scores.tolist(),
        points.cpu().double().numpy(),
        strict=True,
    )
    for image, box, score, point in rows:
        faces[image].append(Detection(box, float(score), point))
    for found in faces:
        found.sort(key=lambda face: -float(np.prod(face.box[2:] - face.box[:2])))
    return faces

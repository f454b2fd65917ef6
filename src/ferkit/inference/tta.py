"""Test-time augmentation: which views of an image are predicted, and how they are pooled."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ferkit.config import build
from ferkit.errors import ConfigError

Classify = Callable[[Tensor], Tensor]
Vary = Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True)
class Tta:
    """The node `tta`.

    Attributes:
        kind: "none" shows the image; "flip" its mirror image too; "five_crop" its four corners
            and its centre, "ten_crop" their mirror images too; "random_k" `k` random views.
        k: Views of "random_k".
        crop: Share of the side that a crop keeps, above 0 and up to 1; crops are resized back.
        seed: Of "random_k". A view depends on it and on the image's place in its view alone.
        augment: The `augment` node that makes the views of "random_k".

    Raises:
        ConfigError: a value outside its range, or "random_k" without a good `augment`.
    """

    kind: Literal["none", "flip", "five_crop", "ten_crop", "random_k"] = "none"
    k: int = 10
    crop: float = 40 / 48
    seed: int = 0
    augment: Mapping[str, Any] | None = None
    vary: Vary | None = field(init=False, default=None, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.crop <= 1:
            raise ConfigError(f"tta.crop is {self.crop}; give a share of the side, up to 1.")
        if self.k < 1:
            raise ConfigError(f"tta.k is {self.k}; give 1 view or more.")
        if self.seed < 0:
            raise ConfigError(f"tta.seed is {self.seed}; give 0 or more.")
        if self.kind == "random_k":
            if self.augment is None:
                raise ConfigError("tta.kind=random_k has no tta.augment; take tta=random_k.")
            object.__setattr__(self, "vary", build(self.augment, where="tta.augment"))

    def scores(self, classify: Classify, images: Tensor, start: int = 0) -> Tensor:
        """Scores [B, K] of images [B, C, H, W]: the log of the mean probability over views.

        A single view's scores come back as they are. The network never sees more images at once
        than a batch has, or than one image has views.

        Args:
            classify: Scores [b, K] of images [b, C, H, W].
            images: 0..255.
            start: How many images of the same view came before this batch.
        """
        if self.kind == "none" or not len(images):
            return classify(images)
        pooled = []
        for first in range(0, len(images), step := max(1, len(images) // self.count)):
            shown = self.shown(images[first : first + step], start + first)  # [b, V, C, H, W]
            probabilities = classify(shown.flatten(0, 1)).float().softmax(1)
            pooled.append(probabilities.view(*shown.shape[:2], -1).mean(1))
        return torch.cat(pooled).clamp_min(1e-12).log()

    @property
    def count(self) -> int:
        """Views of an image, V."""
        return {"none": 1, "flip": 2, "five_crop": 5, "ten_crop": 10}.get(self.kind, self.k)

    def shown(self, images: Tensor, start: int = 0) -> Tensor:
        """The views [B, V, C, H, W] of a batch [B, C, H, W]; `start` as for `scores`."""
        if self.vary is not None:
            return random_views(images, self.vary, self.k, self.seed, start)
        if self.kind in ("five_crop", "ten_crop"):
            return crops(images, self.crop, mirrored=self.kind == "ten_crop")
        return torch.stack([images, images.flip(3)][: self.count], dim=1)


def crops(images: Tensor, share: float, *, mirrored: bool) -> Tensor:
    """Corners (top left, top right, bottom left, bottom right) and centre, resized back.

    Args:
        images: [B, C, H, W].
        share: Of either side that is kept, above 0 and up to 1.
        mirrored: Whether the mirror images of the five follow, in the same order.

    Returns:
        Float [B, 5 or 10, C, H, W].
    """
    # by slices: torchvision's five_crop does no more, and importing it takes seconds
    height, width = images.shape[-2:]
    h, w = (max(1, round(share * side)) for side in (height, width))
    down, across = height - h, width - w
    corners = [(0, 0), (0, across), (down, 0), (down, across), (down // 2, across // 2)]
    cut = [images[..., y : y + h, x : x + w].float() for y, x in corners]
    five = torch.stack(cut, dim=1)  # [B, 5, C, h, w]
    resized = F.interpolate(five.flatten(0, 1), (height, width), mode="bilinear")
    whole = resized.view(*five.shape[:3], height, width)
    return torch.cat([whole, whole.flip(4)], dim=1) if mirrored else whole


def random_views(images: Tensor, vary: Vary, count: int, seed: int, start: int) -> Tensor:
    """Random views, each image's from a generator of its own, so batches of any size agree.

    Args:
        images: [B, C, H, W].
        vary: Makes random variants of a batch, as `ferkit.training.augment.Augment` does.
        count: Views of an image, V.
        seed: With an image's place it decides what is drawn.
        start: Place of the first image.

    Returns:
        Float [B, V, C, H, W].
    """
    views = []
    for place, image in enumerate(images, start):
        state = np.random.SeedSequence([seed, place]).generate_state(1, np.uint64)[0]
        generator = torch.Generator().manual_seed(int(state >> np.uint64(1)))
        views.append(vary(image.expand(count, *image.shape), generator))
    return torch.stack(views)

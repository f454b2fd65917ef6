"""Test-time augmentation: what views of an image are shown, and how their answers are pooled."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Classify = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Tta:
    """The node `tta`.

    Attributes:
        kind: "none" shows the image, "flip" its mirror image too.
    """

    kind: Literal["none", "flip"] = "none"

    def scores(self, classify: Classify, images: Tensor) -> Tensor:
        """Scores [B, K] of images [B, C, H, W]: the log of the mean probability over views.

        A single view's scores come back as they are.
        """
        shown = self.shown(images)
        if len(shown) == 1:
            return classify(shown[0])
        probabilities = [classify(view).float().softmax(1) for view in shown]
        return torch.stack(probabilities).mean(0).clamp_min(1e-12).log()

    def shown(self, images: Tensor) -> list[Tensor]:
        """The views of a batch, each [B, C, H, W]."""
        return [images] if self.kind == "none" else [images, images.flip(3)]

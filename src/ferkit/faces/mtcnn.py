"""MTCNN, the detector of the FaceNet stack, on batches: facenet-pytorch's networks and weights.

Zhang, Zhang, Li, Qiao, "Joint face detection and alignment using multitask cascaded convolutional
networks", IEEE Signal Processing Letters 2016; networks and weights of facenet-pytorch 2.5. Used
by ghafourian2021.

The three networks are facenet-pytorch's own; the cascade around them is written anew, since its
`detect_face` stops with a traceback on images under `min_face` and on boxes wholly outside, and
resizes every candidate in a loop. Here all crops of all scales are read from one summed-area table.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ferkit.errors import ConfigError, missing
from ferkit.faces.decode import to_rgb
from ferkit.faces.detection import Detection, Detector

if TYPE_CHECKING:
    from ferkit.faces.cascade import Cascade

BATCH_PIXELS = 16_000_000  # of the pictures that go through together


def make_mtcnn(
    *,
    device: str = "auto",
    min_face: int = 20,
    thresholds: Sequence[float] = (0.6, 0.7, 0.7),
    factor: float = 0.709,
) -> Detector:
    """Make the detector; pictures of equal size go through it together.

    Args:
        device: `cpu`, `cuda`, `cuda:1`, or `auto` (a GPU if there is one).
        min_face: Smallest side of a face to look for, in pixels.
        thresholds: Lowest score, 0..1, that passes the first, second and third network.
        factor: Step from one size of the image pyramid to the next, 0..1.

    Returns:
        A detector whose answers do not depend on which pictures share a batch.

    Raises:
        ConfigError: facenet-pytorch is not installed, or there is no such device.
    """
    cascade = _load(device, min_face, tuple(thresholds), factor)

    def detect(images: Sequence[np.ndarray]) -> list[list[Detection]]:
        found: list[list[Detection]] = [[] for _ in images]
        for numbers in _equal_sizes(images):
            batch = np.stack([to_rgb(images[number]) for number in numbers])  # [B, H, W, 3]
            for number, faces in zip(numbers, cascade(batch), strict=True):
                found[number] = faces
        return found

    return detect


def _load(device: str, min_face: int, thresholds: tuple[float, ...], factor: float) -> "Cascade":
    try:
        import torch
        from facenet_pytorch.models.mtcnn import ONet, PNet, RNet

        from ferkit.devices import choose_device
        from ferkit.faces.cascade import Cascade
    except ImportError as error:
        raise ConfigError(
            f"{missing('faces.detector=mtcnn', 'facenet-pytorch')} Or take faces.detector=haar."
        ) from error
    place = choose_device(device)
    networks = [
        net().eval().requires_grad_(False).to(place, memory_format=torch.channels_last)
        for net in (PNet, RNet, ONet)
    ]
    return Cascade(networks, place, min_face, thresholds, factor)


# A batch is bounded by its pixels: on a GPU its whole pyramid lies in memory at once.
def _equal_sizes(images: Sequence[np.ndarray]) -> list[list[int]]:
    by_size: dict[tuple[int, ...], list[int]] = {}
    for number, image in enumerate(images):
        by_size.setdefault(image.shape[:2], []).append(number)
    batches = []
    for (height, width), numbers in by_size.items():
        most = max(1, BATCH_PIXELS // (height * width))
        batches += [numbers[i : i + most] for i in range(0, len(numbers), most)]
    return batches

"""How wide FER-2013's crops are around the faces that detectors find in them.

The margin to predict with follows from it.

python scripts/measure_crops.py data/raw/fer2013/train
python scripts/measure_crops.py data/raw/fer2013/train --images 2000 --detectors mtcnn haar

Each crop is laid into a larger picture, its border mirrored, and enlarged three times, so that a
detector may find a box that reaches beyond the crop. `faces.margin` m cuts a square of (1 + 2 m)
times the longer side of the box; the m that makes the median square as wide as the crop is printed.
"""

import argparse
import random
from pathlib import Path

import cv2
import numpy as np

from ferkit.faces.detect import make_detector
from ferkit.faces.detection import Detector

_SCALE = 3


def boxes(detect: Detector, image: np.ndarray) -> list[np.ndarray]:
    """The box of the surest face as shares of the picture's side, [4]; or none."""
    side = image.shape[0]
    border = side // 2
    wide = cv2.copyMakeBorder(image, *[border] * 4, cv2.BORDER_REFLECT)
    found = detect([cv2.resize(wide, None, fx=_SCALE, fy=_SCALE)])[0]
    surest = sorted(found, key=lambda face: -face.score)[:1]
    return [(face.box / _SCALE - border) / side for face in surest]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--detectors", nargs="+", default=["mtcnn", "haar", "haar_alt2"])
    asked = parser.parse_args()
    paths = sorted(asked.folder.rglob("*.jpg"))
    random.Random(0).shuffle(paths)
    images = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths[: asked.images]]
    print("| detector | found | longer side of the box / crop, quartiles | centre x, y | margin |")
    print("|---|---|---|---|---|")
    for name in asked.detectors:
        detect = make_detector(name, device="cpu", eyes=False)
        assert detect is not None
        found = np.array([box for image in images for box in boxes(detect, image)])  # [N, 4]
        longer = (found[:, 2:] - found[:, :2]).max(1)
        low, middle, high = np.percentile(longer, [25, 50, 75])
        x, y = np.median((found[:, :2] + found[:, 2:]) / 2, axis=0)
        print(
            f"| {name} | {len(found) / len(images):.2f} | {low:.2f}, {middle:.2f}, {high:.2f} | "
            f"{x:.2f}, {y:.2f} | {(1 / middle - 1) / 2:+.2f} |"
        )


if __name__ == "__main__":
    main()

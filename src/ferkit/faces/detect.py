"""Where face detectors are made.

A detector takes pictures (uint8, [H, W] grey or [H, W, 3] RGB, of any sizes) and answers, for
each, the faces it found.
"""

from ferkit.errors import ConfigError, unknown
from ferkit.faces.detection import Detector

DETECTORS = ("none", "given", "haar", "haar_alt2", "mtcnn")


def make_detector(
    name: str,
    *,
    device: str = "auto",
    min_face: int = 20,
    scale_factor: float = 1.1,
    min_neighbors: int = 5,
    eyes: bool = True,
) -> Detector | None:
    """Make a detector by name.

    Args:
        name: One of `DETECTORS`.
        device: Where `mtcnn` computes: `cpu`, `cuda`, `cuda:1`, or `auto` (a GPU if there is one).
        min_face: Smallest side of a face to look for, in pixels.
        scale_factor: Step from one size to the next of `haar`, above 1.
        min_neighbors: How many overlapping hits make a face of `haar`.
        eyes: Let `haar` look for the eyes too; alignment needs them.

    Returns:
        A detector, or None for `none` and `given`, which look for nothing.

    Raises:
        ConfigError: an unknown name, or the packages of `mtcnn` are not installed.
    """
    match name:
        case "none" | "given":
            return None
        case "haar" | "haar_alt2":
            from ferkit.faces.haar import make_haar

            return make_haar(
                name,
                min_face=min_face,
                scale_factor=scale_factor,
                min_neighbors=min_neighbors,
                eyes=eyes,
            )
        case "mtcnn":
            from ferkit.faces.mtcnn import make_mtcnn

            return make_mtcnn(device=device, min_face=min_face)
    raise ConfigError(unknown("face detector", name, DETECTORS))

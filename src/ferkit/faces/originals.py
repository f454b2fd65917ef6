"""Single images of an index, as they lie in the dataset."""

import numpy as np
import pandas as pd

from ferkit.datasets.index import FaceIndex
from ferkit.datasets.video_files import is_video
from ferkit.errors import DataError
from ferkit.faces.decode import decode_image
from ferkit.faces.orient import orient
from ferkit.faces.videos import read_frames


def read_row(index: FaceIndex, row: int) -> np.ndarray | None:
    """The pixels of a row, cut to its box where it has one; None where they cannot be read.

    Returns:
        uint8, [H, W] or [H, W, 3] RGB.
    """
    image, box = read_image(index, row), index.frame["box"].iloc[row]
    if image is None or box is None:
        return image
    x1, y1, x2, y2 = (max(round(float(edge)), 0) for edge in box)
    cut = image[y1:y2, x1:x2]
    return cut if cut.size else image


def read_image(index: FaceIndex, row: int) -> np.ndarray | None:
    """The whole image of a row, [H, W] or [H, W, 3] RGB uint8; None where it cannot be read."""
    facts = index.frame.iloc[row]
    image = _read(index, row, facts)
    how = facts.get("orient")
    return image if image is None or not isinstance(how, str) else orient(image, how)


def _read(index: FaceIndex, row: int, facts: pd.Series) -> np.ndarray | None:
    if index.images is not None:
        return index.images[row]
    try:
        if is_video(facts["path"]):
            return read_frames(index.root / facts["path"], [facts["frame"]])[facts["frame"]]
        return decode_image(index.root / facts["path"])
    except (DataError, OSError, KeyError):
        return None

"""predictions/examples.npz: the faces of the worst confusions, and what the network looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd

from ferkit.errors import ConfigError
from ferkit.faces.store import FaceStore
from ferkit.files import write_bytes
from ferkit.inference.saliency import saliency_maps
from ferkit.inference.videos import takes_videos
from ferkit.loader import planes
from ferkit.log import log
from ferkit.model import FaceClassifier
from ferkit.runs.folder import RunFolder


@dataclass(frozen=True)
class Thumbnails:
    """Faces that a report shows.

    Attributes:
        rows: Their rows of `choose_examples`, E of them.
        faces: uint8 [E, H, W] or [E, H, W, 3].
        heat: uint8 [E, H, W], what supported the prediction; None where nothing was asked, the
            network cannot tell, or it judges videos.
    """

    rows: pd.DataFrame
    faces: np.ndarray
    heat: np.ndarray | None


def make_thumbnails(
    model: FaceClassifier | None, store: FaceStore, rows: pd.DataFrame, saliency: str
) -> Thumbnails:
    """The faces of some mistakes, each with its map.

    Args:
        model: None draws no maps.
        rows: Of `choose_examples`; their keys are in the store.
        saliency: A method of `ferkit.inference.saliency`, or "none".
    """
    positions = pd.Series(np.arange(len(store)), index=store.index["key"]).loc[rows["key"]]
    faces = store.faces[positions.to_numpy()]
    if model is None or saliency == "none" or not len(rows) or takes_videos(model.backbone):
        return Thumbnails(rows, faces, None)
    class_ids = rows["predicted"].map({e: k for k, e in enumerate(model.emotions)}).to_numpy()
    try:
        heat = saliency_maps(model, planes(faces), class_ids, saliency)
    except ConfigError as error:
        log.warning(f"the report shows no saliency: {error}")
        return Thumbnails(rows, faces, None)
    return Thumbnails(rows, faces, np.rint(255 * heat.numpy()).astype(np.uint8))


def write_thumbnails(run: RunFolder, views: Sequence[Thumbnails]) -> None:
    """Write those of all views beside the predictions."""
    rows = pd.concat([view.rows for view in views])
    heat = [view.heat for view in views if view.heat is not None]
    complete = sum(map(len, heat)) == len(rows)
    arrays: dict[str, Any] = {
        "key": rows["key"].to_numpy(dtype=str),
        "view": rows["view"].to_numpy(dtype=str),
        "image": np.concatenate([view.faces for view in views]),
    }
    if heat and complete:
        arrays["saliency"] = np.concatenate(heat)
    stream = BytesIO()
    np.savez_compressed(stream, **arrays)
    write_bytes(run.folder / "predictions" / "examples.npz", stream.getvalue())

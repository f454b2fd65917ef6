"""What a network would see of a dataset: some faces, prepared and augmented as they would train."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from omegaconf import DictConfig

from ferkit.config import build
from ferkit.datasets.index import FaceIndex
from ferkit.emotions import choose
from ferkit.errors import DataError
from ferkit.faces.prepare import prepare
from ferkit.training.augment import make_augment
from ferkit.training.augmented import choose_faces, draw_augmented
from ferkit.views import encode

_TRIED = 8  # images a class, since some may show no face


def draw_seen(config: DictConfig, index: FaceIndex) -> tuple[bytes, str]:
    """A png of faces under the `faces` and `augment` nodes, and a sentence on how they were found.

    Only a few images a class are prepared, and nothing is kept of them.

    Raises:
        ConfigError: a node is wrong, or a class unknown.
        DataError: none of the images tried gives a face.
    """
    settings, augment = build(config.faces, where="faces"), make_augment(config.augment)
    emotions = choose(config.emotions, index.emotions)
    tried = _few(index, emotions)
    with TemporaryDirectory(prefix="ferkit-") as folder:
        store = prepare(tried, settings, Path(folder), processes=1)
        class_ids = encode(store.index["label"], emotions)
        chosen = choose_faces(class_ids)
        faces = np.array(store.faces[chosen])
    found = int((store.index["source"] == "").sum())
    size = "{1} x {0}".format(*faces.shape[1:3])
    words = f"{found} of {len(tried)} images tried gave a face of {size} pixels"
    if dropped := store.card["dropped"]:
        words += " (" + ", ".join(f"{why}: {count}" for why, count in dropped.items()) + ")"
    drawn = draw_augmented(faces, class_ids[chosen], emotions, augment, int(config.seed))
    return drawn, f"{words}."


def _few(index: FaceIndex, emotions: tuple[str, ...]) -> FaceIndex:
    """Some rows of every class, of train where the dataset has splits."""
    frame = index.frame
    split = frame["split"].to_numpy(str)
    usable = np.isin(split, ("train", "")) | ("train" not in split)
    rows: list[int] = []
    for emotion in emotions:
        found = np.flatnonzero(usable & (frame["label"] == emotion))
        if len(found):
            places = np.linspace(0, len(found) - 1, _TRIED).astype(int)
            rows += found[np.unique(places)].tolist()
    if not rows:
        raise DataError(f"{index.name}: no image carries a label of {', '.join(emotions)}.")
    images = None if index.images is None else index.images[rows]
    return replace(
        index,
        frame=frame.iloc[rows].reset_index(drop=True),
        load_images=None if images is None else lambda: images,
    )

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
from ferkit.faces.originals import read_image
from ferkit.faces.prepare import prepare
from ferkit.faces.store import FaceStore
from ferkit.training.augment import make_augment
from ferkit.training.augmented import choose_faces, draw_augmented
from ferkit.views import encode

_TRIED = 8  # images a class, since some may show no face


def draw_seen(config: DictConfig, index: FaceIndex) -> tuple[bytes, str]:
    """A png of faces under the `faces` and `augment` nodes, and a sentence on how they were found.

    Only a few images a class are prepared, and nothing is kept of them. Where none of them gives
    a face the png is empty and the sentence says so: the rest of the page is needed most then.

    Raises:
        ConfigError: a node is wrong, or a class unknown.
    """
    settings, augment = build(config.faces, where="faces"), make_augment(config.augment)
    emotions = choose(config.emotions, index.emotions)
    tried = _few(index, emotions)
    if not len(tried):
        return b"", "No image that can be read carries a label."
    with TemporaryDirectory(prefix="ferkit-") as folder:
        try:
            store = prepare(tried, settings, Path(folder), processes=1)
        except DataError as error:
            return b"", str(error)
        class_ids = encode(store.index["label"], emotions)
        chosen = choose_faces(class_ids)
        faces = np.array(store.faces[chosen])
    drawn = draw_augmented(faces, class_ids[chosen], emotions, augment, int(config.seed))
    return drawn, _counted(store, len(tried))


def _counted(store: FaceStore, tried: int) -> str:
    found = int((store.index["source"] == "").sum())  # without copies
    height, width = store.faces.shape[1:3]
    lost = ", ".join(f"{why}: {count}" for why, count in store.card["dropped"].items())
    of = f"{found} of {tried} images tried gave a face of {width} x {height} pixels"
    return f"{of} ({lost})." if lost else f"{of}."


def _few(index: FaceIndex, emotions: tuple[str, ...]) -> FaceIndex:
    """Some rows of every class that can be read, of train where the dataset has splits."""
    frame = index.frame
    split = frame["split"].to_numpy(str)
    usable = np.isin(split, ("train", "")) | ("train" not in split)
    rows: list[int] = []
    for emotion in emotions:
        found = np.flatnonzero(usable & (frame["label"] == emotion))
        if len(found):
            places = np.linspace(0, len(found) - 1, _TRIED).astype(int)
            rows += found[np.unique(places)].tolist()
    rows = [row for row in rows if read_image(index, row) is not None]  # `check` counts the others
    images = None if index.images is None else index.images[rows]
    return replace(
        index,
        frame=frame.iloc[rows].reset_index(drop=True),
        load_images=None if images is None else lambda: images,
    )

"""What the first of several processes has resampled, for all of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import numpy as np

from ferkit import processes
from ferkit.training.assemble import TrainRows


def one_resampling(make: Callable[[], TrainRows], folder: Path) -> TrainRows:
    """The rows of training, which only the first process makes where they are resampled.

    Args:
        folder: On a disk that all processes share; the faces pass through a file in it.
    """
    if processes.count() == 1:
        return make()
    made = make() if processes.is_first() else None
    resampled = made.resampled if made else None
    if not processes.agreed(resampled is not None):
        return made or make()
    path = folder / processes.agreed(f".resampled-{uuid4().hex}.npy")
    try:
        if made:
            np.save(path, made.faces)
        rows = processes.agreed(_without_faces(made) if made else None)
        assert rows is not None
        faces = np.load(path, mmap_mode="r")  # which stays readable without its name
        processes.wait()
    finally:
        if processes.is_first():
            path.unlink(missing_ok=True)
    return made or _with_faces(rows, faces)


def _without_faces(rows: TrainRows) -> TrainRows:
    return _with_faces(rows, np.empty(0, np.uint8))


def _with_faces(rows: TrainRows, faces: np.ndarray) -> TrainRows:
    assert rows.resampled is not None
    return replace(rows, faces=faces, resampled=replace(rows.resampled, faces=faces))

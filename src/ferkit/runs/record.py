"""Read a run's folder, and nothing else: every table and picture is made from this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferkit.errors import DataError
from ferkit.runs.augmented import read_augmented
from ferkit.runs.read import (
    ACCESS_SHAPE,
    DATA_SHAPE,
    TEST_ACCESSES,
    read_config,
    read_json_of,
    read_lines_of,
    read_predictions,
    read_rows,
)
from ferkit.runs.synthetic import Examples, read_examples
from ferkit.untrusted import read_arrays

_FIRST_VIEWS = ("val", "test")  # the order of views on the page; others follow by name


@dataclass(frozen=True)
class RunRecord:
    """What a run left behind.

    Attributes:
        settings: The text of config.yaml, "" where there is none.
        config: The same, parsed.
        env: Versions, device, threads, seeds, git state.
        data: The card of the data: counts, leaks, what was dropped, the split.
        epochs: One row an epoch, numbered by `epoch`.
        test_accesses: The noted accesses to test views.
        predictions: View to its predictions frame; val first, then test, then by name.
        faces: (view, key) to an image, [H, W] or [H, W, 3] RGB uint8.
        saliency: (view, key) to what supported the prediction, [H, W] uint8.
        augmented: A png of training faces as the network sees them, empty where there is none.
        synthetic: Some faces that resampling made, None where it made none.
    """

    settings: str
    config: Mapping[str, Any]
    env: Mapping[str, Any]
    data: Mapping[str, Any]
    epochs: pd.DataFrame
    test_accesses: Sequence[Mapping[str, Any]]
    predictions: dict[str, pd.DataFrame]
    faces: dict[tuple[str, str], NDArray[np.uint8]]
    saliency: dict[tuple[str, str], NDArray[np.uint8]]
    synthetic: Examples | None
    augmented: bytes = b""


def read_run(run: Path) -> RunRecord:
    """Read what a report is made from; all but the predictions may be missing.

    Raises:
        DataError: the folder has no predictions, a file is broken, or one was written by a newer
            ferkit.
    """
    config, text = read_config(run) if (run / "config.yaml").is_file() else ({}, "")
    faces, saliency = _read_faces(run / "predictions" / "examples.npz")
    return RunRecord(
        settings=text,
        config=config,
        env=read_json_of(run, "env.json"),
        data=read_json_of(run, "data.json", DATA_SHAPE),
        epochs=pd.DataFrame(read_rows(run)),
        test_accesses=[
            access
            for name in ("looks.jsonl", TEST_ACCESSES)  # the name of then, and that of now
            for access in read_lines_of(run, name, ACCESS_SHAPE)
        ],
        predictions=_read_predictions(run),
        faces=faces,
        saliency=saliency,
        synthetic=read_examples(run / "predictions" / "synthetic.npz"),
        augmented=read_augmented(run),
    )


def tta_kind(config: Any) -> str:
    """The kind of test-time augmentation that a config asks for."""
    return str((config.get("tta") or {}).get("kind", "none"))


def _read_predictions(run: Path) -> dict[str, pd.DataFrame]:
    found = {path.stem for path in (run / "predictions").glob("*.parquet")}
    if not found:
        raise DataError(
            f"{run} holds no predictions/<view>.parquet to report on; give the folder of a run "
            "that has ended, or predict with `ferkit eval run=... view=val`."
        )
    views = [view for view in _FIRST_VIEWS if view in found]
    views += sorted(found - {*_FIRST_VIEWS})
    return {view: read_predictions(run, view) for view in views}


Faces = dict[tuple[str, str], NDArray[np.uint8]]


def _read_faces(path: Path) -> tuple[Faces, Faces]:
    """The example faces of a run and their maps; none where there is no file."""
    if not path.is_file():
        return {}, {}
    arrays = read_arrays(path, "example faces")
    keys, views, images = (arrays.get(part) for part in ("key", "view", "image"))
    if keys is None or views is None or images is None or not _fit(keys, views, images, (3, 4)):
        raise DataError(f"{path} holds no example faces; delete it, the report is made without.")
    heat = arrays.get("saliency", np.empty((len(images), 0, 0), np.uint8))
    if not _fit(keys, views, heat, (3,)) or (heat.size and heat.shape[1:] != images.shape[1:3]):
        raise DataError(f"{path} holds no saliency maps; delete it, the report is made without.")
    names = [(str(view), str(key)) for view, key in zip(views, keys, strict=True)]
    shown = zip(names, heat, strict=True) if heat.size else ()
    return dict(zip(names, images, strict=True)), dict(shown)


def _fit(keys: NDArray[Any], views: NDArray[Any], images: NDArray[Any], ndim: Any) -> bool:
    return (
        keys.dtype.kind == views.dtype.kind == "U"
        and keys.ndim == views.ndim == 1
        and len(keys) == len(views) == len(images)
        and images.dtype == np.uint8
        and images.ndim in ndim
        and (images.ndim == 3 or images.shape[3] == 3)
    )

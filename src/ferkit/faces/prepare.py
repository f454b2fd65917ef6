"""From an index to a store, once: decode, crop, normalise, resize, over all cores.

Work is cut into chunks, each written beside and renamed, so that a killed preparation goes on
where it was and ends in the very same bytes as an unbroken one. A lock keeps two preparers of
one store apart; the second finds the work done.
"""

import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock
from tqdm import tqdm

from ferkit.datasets.index import FaceIndex
from ferkit.errors import DataError
from ferkit.faces.chunk import Chunk, process_chunk
from ferkit.faces.copies import add_copies
from ferkit.faces.settings import FaceSettings
from ferkit.faces.sheet import SHEET, write_sheet
from ferkit.faces.store import FILES, FaceStore, is_complete, make_card, open_store, store_name

CHUNK = 512
BROKEN_LIMIT = 0.05


@dataclass(frozen=True)
class Prepared:
    """All chunks of a preparation, joined.

    Attributes:
        rows: Row numbers of the index that gave a face.
        faces: uint8 [N, S, S] or [N, S, S, 3].
        extra: Frame of what was found out a row (content, score, box of the face).
        dropped: Reason to row numbers.
    """

    rows: np.ndarray
    faces: np.ndarray
    extra: pd.DataFrame
    dropped: dict[str, np.ndarray]


def prepare(
    index: FaceIndex, settings: FaceSettings, root: Path, *, processes: int | None = None
) -> FaceStore:
    """The store of an index under these settings; made only if it is not there yet.

    Args:
        root: The folder of stores (`prepared_root`).
        processes: Worker processes; by default all cores when there is work for them.

    Raises:
        DataError: more than 5% of the images cannot be read, or no face is left.
    """
    folder = root / store_name(index, settings)
    if is_complete(folder):
        return open_store(folder)
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / f".{folder.name}.lock"):
        if not is_complete(folder):
            parts = root / f".{folder.name}.partial"
            _make_parts(index, settings, parts, processes)
            _write_store(index, settings, _join(parts, index), folder)
            shutil.rmtree(parts)
    return open_store(folder)


def _make_parts(
    index: FaceIndex, settings: FaceSettings, parts: Path, processes: int | None
) -> None:
    parts.mkdir(exist_ok=True)
    starts = range(0, len(index), CHUNK)
    todo = [start for start in starts if not _part(parts, start).is_file()]
    chunks = (_cut(index, start) for start in todo)
    work = partial(process_chunk, settings=settings, dark_below=index.dark_below)
    done = min(len(index), (len(starts) - len(todo)) * CHUNK)
    bar = tqdm(total=len(index), initial=done, desc=f"preparing {index.name}", unit="face",
               disable=None, delay=1)  # fmt: skip
    results = _map(work, chunks, len(todo), settings, processes)
    with bar:
        for start, result in zip(todo, results, strict=True):
            _save_part(_part(parts, start), result)
            bar.update(min(CHUNK, len(index) - start))


def _map(
    work: Any, chunks: Iterator[Chunk], count: int, settings: FaceSettings, processes: int | None
) -> Iterator[dict[str, np.ndarray]]:
    workers = processes or (os.cpu_count() or 1)
    # A fresh process costs its imports; MTCNN batches in one process, on the GPU if there is one.
    if settings.detector == "mtcnn" or (processes is None and count < 4) or workers == 1:
        yield from map(work, chunks)
        return
    with ProcessPoolExecutor(
        min(workers, count or 1), mp_context=get_context("spawn"), initializer=_one_thread
    ) as pool:
        yield from pool.map(work, chunks)


def _one_thread() -> None:
    import cv2

    cv2.setNumThreads(1)


def _cut(index: FaceIndex, start: int) -> Chunk:
    rows = index.frame.iloc[start : start + CHUNK]
    return Chunk(
        start=start,
        root=index.root,
        paths=rows["path"].tolist(),
        frames=rows["frame"].tolist(),
        boxes=rows["box"].tolist(),
        images=None if index.images is None else index.images[start : start + CHUNK],
    )


def _part(parts: Path, start: int) -> Path:
    return parts / f"{start:09d}.npz"


def _save_part(path: Path, arrays: dict[str, np.ndarray]) -> None:
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    with beside.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    beside.replace(path)


def _join(parts: Path, index: FaceIndex) -> Prepared:
    loaded = []
    for path in sorted(parts.glob("*.npz")):
        with np.load(path, allow_pickle=False) as file:
            loaded.append({name: file[name] for name in file.files})
    whole = {name: np.concatenate([part[name] for part in loaded]) for name in loaded[0]}
    reasons = np.unique(whole["dropped_why"])
    dropped = {str(r): whole["dropped_rows"][whole["dropped_why"] == r] for r in reasons}
    _refuse_broken(index, dropped.get("unreadable", np.empty(0, int)))
    if not len(whole["rows"]):
        raise DataError(
            f"{index.name}: no face is left of {len(index)} images ("
            + ", ".join(f"{why}: {len(rows)}" for why, rows in dropped.items())
            + "); look at them with `ferkit data check`."
        )
    extra = pd.DataFrame({
        "content": whole["content"], "face_score": whole["score"],
        "faces_found": whole["found"], "fallback": whole["fallback"],
    })  # fmt: skip
    extra["face_box"] = [None if np.isnan(b).any() else b.tolist() for b in whole["box"]]
    return Prepared(whole["rows"], whole["faces"], extra, dropped)


def _refuse_broken(index: FaceIndex, broken: np.ndarray) -> None:
    if len(broken) > BROKEN_LIMIT * len(index):
        first = index.frame["path"].iloc[broken[0]]
        raise DataError(
            f"{index.name}: {len(broken)} of {len(index)} images cannot be read, the first "
            f"{index.root / first}; above {BROKEN_LIMIT:.0%} nothing is prepared: "
            "unpack or download the dataset again."
        )


def _write_store(
    index: FaceIndex, settings: FaceSettings, prepared: Prepared, folder: Path
) -> None:
    kept = index.frame.iloc[prepared.rows].reset_index(drop=True)
    kept = pd.concat([kept, prepared.extra], axis=1)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    write_sheet(beside / SHEET, index, prepared.rows, prepared.faces, kept)
    faces = prepared.faces
    if settings.copies:
        kept, faces = add_copies(kept, faces, settings.copies, settings.copied)
    np.save(beside / FILES[0], faces, allow_pickle=False)
    kept.to_parquet(beside / FILES[1])
    card = make_card(index, settings, kept, prepared.dropped)
    (beside / FILES[2]).write_text(json.dumps(card, indent=1))
    shutil.rmtree(folder, ignore_errors=True)  # a half-made one of the same name
    beside.rename(folder)

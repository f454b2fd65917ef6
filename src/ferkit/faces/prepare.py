"""From an index to a store, once: decode, crop, normalise, resize, over all cores.

Work is cut into chunks, each written atomically, so that a killed preparation goes on
where it was and ends in the very same bytes as an unbroken one. A lock keeps two preparers of
one store apart; the second finds the work done.
"""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ferkit.datasets.chunks import rows_a_chunk
from ferkit.datasets.index import FaceIndex
from ferkit.errors import ConfigError, DataError
from ferkit.faces.chunk import Chunk, forget_detectors, process_chunk
from ferkit.faces.copies import add_copies
from ferkit.faces.settings import FaceSettings
from ferkit.faces.sheet import SHEET, write_sheet
from ferkit.faces.store import FILES, FaceStore, is_complete, make_card, open_store, store_name
from ferkit.files import atomic_write
from ferkit.locks import held
from ferkit.progress import progress
from ferkit.workers import spread

CHUNK = 512
BROKEN_LIMIT = 0.05
PHOTOGRAPH = 200  # pixels of the longer side from which an oblong image is hardly a crop of a face
LARGE = 400  # and from which no image is
UNSEEN = ("none", "given")  # detectors that look at no image


@dataclass(frozen=True)
class Prepared:
    """All chunks of a preparation, joined.

    Attributes:
        rows: Row numbers of the index that gave a face.
        faces: uint8 [N, S, S] or [N, S, S, 3].
        extra: Frame of what was found out a row (content, score, box of the face).
        dropped: Reason to row numbers.
        shape: Median height and width of the images.
    """

    rows: np.ndarray
    faces: np.ndarray
    extra: pd.DataFrame
    dropped: dict[str, np.ndarray]
    shape: tuple[int, int]


def prepare(
    index: FaceIndex,
    settings: FaceSettings,
    root: Path,
    *,
    processes: int | None = None,
    device: str = "auto",
) -> FaceStore:
    """The store of an index under these settings; made only if it is not there yet.

    Args:
        root: The folder of stores (`prepared_root`).
        processes: Worker processes; by default as many as the work is worth.
        device: Where MTCNN computes; the store does not depend on it.

    Raises:
        ConfigError: `root` is a file.
        DataError: more than 5% of the images cannot be read, no face is left, or `root` cannot be
            written to; what was done by then is gone on with.
    """
    folder = root / store_name(index, settings)
    with _writing(root):
        if not is_complete(folder):
            root.mkdir(parents=True, exist_ok=True)
            with held(root / f".{folder.name}.lock", f"the prepared faces {folder}"):
                if not is_complete(folder):
                    _prepare(index, settings, folder, processes, device)
    return open_store(folder)


@contextmanager
def _writing(root: Path) -> Iterator[None]:
    """Say in a sentence why nothing can be written; files that cannot be read are counted."""
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        raise ConfigError(
            f"prepared_root={root} is no folder ({error.filename} is a file); give one that can "
            "be made, or that is there."
        ) from error
    except OSError as error:
        raise DataError(
            f"Prepared faces cannot be written to {root} ({error.strerror or error}); make room "
            "or give another prepared_root; the same command goes on where it was."
        ) from error


def _prepare(
    index: FaceIndex, settings: FaceSettings, folder: Path, processes: int | None, device: str
) -> None:
    for half in folder.parent.glob(f".{folder.name}.*.tmp"):  # of a preparer that was killed
        shutil.rmtree(half)
    parts = folder.with_name(f".{folder.name}.partial")
    _make_parts(index, settings, parts, processes, device)
    _write_store(index, settings, _join([*_parts(index, parts).values()], index), folder)
    shutil.rmtree(parts)


def _make_parts(
    index: FaceIndex, settings: FaceSettings, parts: Path, processes: int | None, device: str
) -> None:
    parts.mkdir(exist_ok=True)
    for half in parts.glob("*.tmp"):
        half.unlink()
    todo = {start: part for start, part in _parts(index, parts).items() if not part.is_file()}
    step = rows_a_chunk(index, CHUNK)
    chunks = (_cut(index, start, step) for start in todo)
    work = partial(process_chunk, settings=settings, dark_below=index.dark_below, device=device)
    done = len(index) - sum(min(step, len(index) - start) for start in todo)
    what = f"preparing {index.name}" + (
        "" if settings.detector in UNSEEN else ", looking for faces"
    )
    bar = progress(len(index), what, "image", initial=done)
    # MTCNN batches in one process, on the GPU if there is one.
    workers = 1 if settings.detector == "mtcnn" else processes
    with bar as shown, closing(spread(work, chunks, len(todo), workers)) as results:
        for (start, part), result in zip(todo.items(), results, strict=True):
            _save_part(part, result)
            shown.update(min(step, len(index) - start))
    forget_detectors()


def _parts(index: FaceIndex, folder: Path) -> dict[int, Path]:
    """First row of each chunk to its file, in order; the name holds the chunk's length."""
    step = rows_a_chunk(index, CHUNK)
    return {start: folder / f"{start:09d}-{step}.npz" for start in range(0, len(index), step)}


def _cut(index: FaceIndex, start: int, step: int) -> Chunk:
    rows = index.frame.iloc[start : start + step]
    return Chunk(
        start=start,
        root=index.root,
        paths=rows["path"].tolist(),
        frames=rows["frame"].tolist(),
        boxes=rows["box"].tolist(),
        images=None if index.images is None else index.images[start : start + step],
        orients=rows["orient"].tolist() if "orient" in rows else None,
    )


def _save_part(path: Path, arrays: dict[str, np.ndarray]) -> None:
    def write(beside: Path) -> None:
        with beside.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # allow_pickle: numpy 2.1

    atomic_write(path, write)


def _join(parts: Sequence[Path], index: FaceIndex) -> Prepared:
    loaded = []
    for path in parts:
        with np.load(path, allow_pickle=False) as file:
            loaded.append({name: file[name] for name in file.files})
    names = set.intersection(*map(set, loaded))  # a part of an older ferkit may lack one
    whole = {name: np.concatenate([part[name] for part in loaded]) for name in names}
    reasons = np.unique(whole["dropped_why"])
    dropped = {str(r): whole["dropped_rows"][whole["dropped_why"] == r] for r in reasons}
    _refuse_broken(index, dropped.get("unreadable", np.empty(0, int)))
    if not len(whole["rows"]):
        raise DataError(
            f"{index.name}: no face is left of {len(index)} images ("
            + ", ".join(f"{why}: {len(rows)}" for why, rows in dropped.items())
            + "); look at them with `ferkit data check`."
        )
    extra = pd.DataFrame(
        {
            "content": whole["content"],
            "face_score": whole["score"],
            "faces_found": whole["found"],
            "fallback": whole["fallback"],
        }
    )
    extra["face_box"] = [None if np.isnan(b).any() else b.tolist() for b in whole["box"]]
    shapes = whole.get("shape", np.zeros((1, 2)))
    height, width = np.median(shapes, axis=0).astype(int).tolist()
    return Prepared(whole["rows"], whole["faces"], extra, dropped, (height, width))


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
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    beside.mkdir()
    try:
        _fill_store(index, settings, prepared, beside)
        shutil.rmtree(folder, ignore_errors=True)  # a half-made one of the same name
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _fill_store(index: FaceIndex, settings: FaceSettings, prepared: Prepared, folder: Path) -> None:
    kept = index.frame.iloc[prepared.rows].reset_index(drop=True)
    kept = pd.concat([kept, prepared.extra], axis=1)
    write_sheet(folder / SHEET, index, prepared.rows, prepared.faces, kept)
    faces = prepared.faces
    if settings.copies:
        kept, faces = add_copies(kept, faces, settings.copies, settings.copied)
    with (folder / FILES[0]).open("wb") as file:
        np.save(file, faces, allow_pickle=False)
    kept.to_parquet(folder / FILES[1])
    card = make_card(index, settings, kept, prepared.dropped)
    card["dataset"]["warnings"] += _whole_photographs(settings, *prepared.shape)
    (folder / FILES[2]).write_text(json.dumps(card, indent=1))


def _whole_photographs(settings: FaceSettings, height: int, width: int) -> list[str]:
    """A warning where whole photographs would be shrunk to the size of a face."""
    longer, shorter = max(height, width), min(height, width)
    oblong = longer >= PHOTOGRAPH and longer > 1.15 * shorter
    if settings.detector != "none" or not (oblong or longer >= LARGE):
        return []
    return [
        f"images of {width} x {height} pixels are shrunk whole to {settings.size} x "
        f"{settings.size}; if they are photographs and no crops of faces, faces=haar_48 finds the "
        "face in each"
    ]

"""From an index to a store, once: decode, crop, normalise, resize, over all cores.

Work is cut into chunks, each written atomically, so that a killed preparation goes on
where it was and ends in the very same bytes as an unbroken one. A lock keeps two preparers of
one store apart; the second finds the work done. Several may prepare a store together, a shard
each (see `faces.shards`); who finds all chunks there joins them.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ferkit.datasets.chunks import rows_a_chunk
from ferkit.datasets.index import FaceIndex
from ferkit.errors import ConfigError, DataError
from ferkit.faces.chunk import Chunk, forget_detectors, process_chunk
from ferkit.faces.copies import add_copies
from ferkit.faces.join import Prepared, join
from ferkit.faces.settings import FaceSettings
from ferkit.faces.shards import WHOLE, PartDone, Shard, at_work, by_shard, wait_for_shards
from ferkit.faces.sheet import SHEET, write_sheet
from ferkit.faces.store import FILES, FaceStore, is_complete, make_card, open_store, store_name
from ferkit.files import atomic_write
from ferkit.locks import held
from ferkit.progress import progress
from ferkit.workers import spread

CHUNK = 512
PHOTOGRAPH = 200  # pixels of the longer side from which an oblong image is hardly a crop of a face
LARGE = 400  # and from which no image is
UNSEEN = ("none", "given")  # detectors that look at no image


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
            with _locked(folder):
                if not is_complete(folder):
                    _prepare(index, settings, folder, processes, device)
    return open_store(folder)


def prepare_shard(
    index: FaceIndex,
    settings: FaceSettings,
    root: Path,
    shard: Shard,
    *,
    processes: int | None = None,
    device: str = "auto",
) -> PartDone:
    """Prepare the chunks of one shard; the last to finish joins all into the store.

    The store is byte for byte that of `prepare`, which joins them too, and first prepares what no
    shard has.

    Raises:
        ConfigError: as `prepare`, or another process prepares this shard.
        DataError: as `prepare`; of images that cannot be read only when all are joined.
    """
    folder = root / store_name(index, settings)
    parts = _parts_folder(folder)
    chunks = _parts(index, parts)
    done = PartDone(folder, None, 0, len(index), {})
    with _writing(root), ExitStack() as working:
        with _locked(folder):
            if is_complete(folder):
                return replace(done, store=open_store(folder))
            parts.mkdir(exist_ok=True)
            working.enter_context(at_work(parts, shard))
        made = _make_parts(index, settings, parts, processes, device, shard)
        working.close()
        missing = by_shard(chunks, _images(index, _not_there(chunks, parts)), shard.of)
    if missing and not is_complete(folder):  # asked in this order: who joins takes the parts away
        return replace(done, made=made, missing=missing)
    store = prepare(index, settings, root, processes=processes, device=device)
    return replace(done, made=made, store=store)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a store's lock: one process at a time joins, or prepares the whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with held(folder.with_name(f".{folder.name}.lock"), f"the prepared faces {folder}"):
        yield


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
    parts = _parts_folder(folder)
    wait_for_shards(parts)
    for half in folder.parent.glob(f".{folder.name}.*.tmp"):  # of a preparer that was killed
        shutil.rmtree(half)
    for half in parts.glob("*.tmp"):
        half.unlink()
    _make_parts(index, settings, parts, processes, device)
    _write_store(index, settings, join([*_parts(index, parts).values()], index), folder)
    shutil.rmtree(parts)


def _make_parts(
    index: FaceIndex,
    settings: FaceSettings,
    parts: Path,
    processes: int | None,
    device: str,
    shard: Shard = WHOLE,
) -> int:
    """Prepare the chunks of a shard that are not there yet; return how many images they have."""
    parts.mkdir(exist_ok=True)
    own = shard.own(_parts(index, parts))
    todo = _not_there(own, parts)
    images = _images(index, own)
    left = sum(images[start] for start in todo)
    chunks = (_cut(index, start, images[start]) for start in todo)
    work = partial(process_chunk, settings=settings, dark_below=index.dark_below, device=device)
    what = f"preparing {index.name}" + ("" if shard == WHOLE else f" ({shard})")
    what += "" if settings.detector in UNSEEN else ", looking for faces"
    total = sum(images.values())
    bar = progress(total, what, "image", initial=total - left)
    # MTCNN batches in one process, on the GPU if there is one.
    workers = 1 if settings.detector == "mtcnn" else processes
    with bar as shown, closing(spread(work, chunks, len(todo), workers)) as results:
        for (start, part), result in zip(todo.items(), results, strict=True):
            _save_part(part, result)
            shown.update(images[start])
    forget_detectors()
    return left


def _parts_folder(folder: Path) -> Path:
    """Where the chunks of an unfinished store lie."""
    return folder.with_name(f".{folder.name}.partial")


def _parts(index: FaceIndex, folder: Path) -> dict[int, Path]:
    """First row of each chunk to its file, in order; the name holds the chunk's length."""
    step = rows_a_chunk(index, CHUNK)
    return {start: folder / f"{start:09d}-{step}.npz" for start in range(0, len(index), step)}


def _not_there(chunks: dict[int, Path], parts: Path) -> dict[int, Path]:
    """The chunks that are not prepared yet.

    The folder is listed: a network disk asks its server then, and not for every file's name.
    """
    there: set[str] = set()
    with suppress(FileNotFoundError):  # nothing was prepared, or all was joined just now
        there.update(path.name for path in parts.iterdir())
    return {start: path for start, path in chunks.items() if path.name not in there}


def _images(index: FaceIndex, chunks: Iterable[int]) -> dict[int, int]:
    """First row of each chunk to how many images it has."""
    step = rows_a_chunk(index, CHUNK)
    return {start: min(step, len(index) - start) for start in chunks}


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

"""Drawn faces in parquet files, as the Hugging Face hub keeps datasets."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ferkit.drawn.face import draw_face
from ferkit.errors import ConfigError, unknown

# Alphabetical, as the hub's library makes them of folders: not the canonical order.
NAMES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
VARIANTS = ("named", "text", "numbers")


def make(
    out: Path, *, people: int = 10, real_size: bool = False, seed: int = 0, variant: str = "named"
) -> None:
    """Write train in two files, validation and test, each of seven faces a person.

    In each file one cell holds no bytes and names a file beside; one test label is -1 (none).

    Args:
        out: The dataset's folder, made if needed.
        people: People of train; validation and test have a third as many others each.
        real_size: 224 pixels a side instead of 48.
        seed: Of all that is drawn.
        variant: `named` (numbers with class names in the metadata), `text` (labels are words), or
            `numbers` (without names anywhere).

    Raises:
        ConfigError: no such variant.
    """
    if variant not in VARIANTS:
        raise ConfigError(unknown("variant of parquet", variant, VARIANTS))
    (out / "data").mkdir(parents=True, exist_ok=True)
    (out / "README.md").write_text("---\ndataset_info: {}\n---\n", encoding="utf-8")
    rng, size = np.random.default_rng(seed), 224 if real_size else 48
    for shard, persons in shards(people):
        rows = list(_rows(persons, rng, size, out / "data", shard))
        if shard.startswith("test"):
            rows[-1]["label"] = -1
        _write(out / "data" / f"{shard}.parquet", rows, variant)


def shards(people: int) -> Iterator[tuple[str, range]]:
    """Name and people of each file."""
    half, held_out = people // 2, max(people // 3, 2)
    yield "train-00000-of-00002", range(half)
    yield "train-00001-of-00002", range(half, people)
    yield "validation-00000-of-00001", range(people, people + held_out)
    yield "test-00000-of-00001-0a1b2c3d4e5f6789", range(people + held_out, people + 2 * held_out)


def _rows(
    persons: range, rng: np.random.Generator, size: int, folder: Path, shard: str
) -> Iterator[dict[str, Any]]:
    for person in persons:
        for label, emotion in enumerate(NAMES):
            face = draw_face(emotion, person=person, rng=rng, size=size)
            content: bytes | None = cv2.imencode(".png", face)[1].tobytes()
            path = f"{person:03d}_{emotion}.png"
            if person == persons[0] and not label:
                path = f"{shard}_beside.png"
                (folder / path).write_bytes(content or b"")
                content = None
            image = {"bytes": content, "path": path}
            yield {"image": image, "label": label, "person": f"p{person:03d}"}


def _write(path: Path, rows: list[dict[str, Any]], variant: str) -> None:
    import pyarrow as pa
    from pyarrow.parquet import write_table

    if variant == "text":
        for row in rows:
            row["label"] = NAMES[row["label"]] if row["label"] >= 0 else None
    kind = pa.string() if variant == "text" else pa.int64()
    image = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    schema = pa.schema({"image": image, "label": kind, "person": pa.string()})
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    if variant == "named":
        features["label"] = {"names": list(NAMES), "_type": "ClassLabel"}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pa.Table.from_pylist(rows, schema=schema.with_metadata(metadata))
    write_table(table, path, row_group_size=20)

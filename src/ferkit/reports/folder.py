"""Read a run's folder, and nothing else: every table and picture is made from this."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferkit.errors import DataError, check_format
from ferkit.imbalance.examples import Examples, read_examples
from ferkit.saved import as_of_now

FORMAT = 1  # the highest that this version reads
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
        looks: The noted looks at a view.
        predictions: View to its predictions frame; val first, then test, then by name.
        faces: (view, key) to an image, [H, W] or [H, W, 3] RGB uint8.
        saliency: (view, key) to what spoke for the prediction, [H, W] uint8.
        synthetic: Some faces that resampling made, None where it made none.
    """

    settings: str
    config: Mapping[str, Any]
    env: Mapping[str, Any]
    data: Mapping[str, Any]
    epochs: pd.DataFrame
    looks: list[Mapping[str, Any]]
    predictions: dict[str, pd.DataFrame]
    faces: dict[tuple[str, str], NDArray[np.uint8]]
    saliency: dict[tuple[str, str], NDArray[np.uint8]]
    synthetic: Examples | None


def read_run(run: Path) -> RunRecord:
    """Read what a report is made from; all but the predictions may be missing.

    Raises:
        DataError: the folder has no predictions, a file is broken, or one was written by a newer
            ferkit.
    """
    settings = run / "config.yaml"
    text = settings.read_text(encoding="utf-8") if settings.is_file() else ""
    config = _parse_yaml(text, settings)
    check_format(config.get("format") or 0, FORMAT, settings)
    examples = run / "predictions" / "examples.npz"
    return RunRecord(
        settings=text,
        config=config,
        env=_read_json(run / "env.json"),
        data=_read_json(run / "data.json"),
        epochs=pd.DataFrame(_read_lines(run / "metrics.jsonl")),
        looks=_read_lines(run / "looks.jsonl"),
        predictions=_read_predictions(run),
        faces=_read_faces(examples, "image"),
        saliency=_read_faces(examples, "saliency"),
        synthetic=read_examples(run / "predictions" / "synthetic.npz"),
    )


def tta_kind(config: Any) -> str:
    """The kind of test-time augmentation that a config asks for."""
    return str((config.get("tta") or {}).get("kind", "none"))


def _parse_yaml(text: str, path: Path) -> dict[str, Any]:
    import yaml  # type: ignore[import-untyped, unused-ignore]

    try:
        parsed = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DataError(f"{path} is no valid yaml ({' '.join(str(error).split())}).") from None
    return as_of_now(parsed, path) if isinstance(parsed, dict) else {}


def _parse_json(text: str, where: str, path: Path) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{where} is no valid JSON ({error}); restore it or train again.") from None
    if not isinstance(parsed, dict):
        raise DataError(f"{where} holds no JSON object; restore it or train again.")
    check_format(parsed.get("format") or 0, FORMAT, path)
    return parsed


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    return _parse_json(path.read_text(encoding="utf-8"), str(path), path)


def _read_lines(path: Path) -> list[Mapping[str, Any]]:
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        _parse_json(line, f"Line {number} of {path}", path)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]


def _read_predictions(run: Path) -> dict[str, pd.DataFrame]:
    found = {path.stem: path for path in sorted((run / "predictions").glob("*.parquet"))}
    if not found:
        raise DataError(
            f"{run} holds no predictions/<view>.parquet to report on; give the folder of a run "
            "that has ended, or predict with `ferkit eval run=... view=val`."
        )
    views = [view for view in _FIRST_VIEWS if view in found]
    views += [view for view in found if view not in _FIRST_VIEWS]
    return {view: _read_parquet(found[view]) for view in views}


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path} cannot be read ({' '.join(str(error).split())}); predict the view again with "
            "`ferkit eval run=... view=...`."
        ) from None
    number = (table.schema.metadata or {}).get(b"format", b"0")
    check_format(int(number) if number.isdigit() else 0, FORMAT, path)
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _read_faces(path: Path, name: str) -> dict[tuple[str, str], NDArray[np.uint8]]:
    if not path.is_file():
        return {}
    try:
        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            if name != "image" and name not in arrays:
                return {}
            keys, views, images = (arrays[part] for part in ("key", "view", name))
    except (ValueError, KeyError, OSError, EOFError) as error:
        raise DataError(
            f"{path} holds no example faces ({error}); delete it, the report is made without them."
        ) from None
    return {
        (str(view), str(key)): image for view, key, image in zip(views, keys, images, strict=True)
    }

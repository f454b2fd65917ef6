"""The files of a run, read: each is checked, and what is not as it should be is a sentence.

Model, split and predictions that are not as they were written are refused; settings and notes
that were changed since are read with a warning, since a person may have had reasons.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ferkit.config import GROUPS
from ferkit.errors import DataError, check_format
from ferkit.files import FORMAT, is_as_written, require_as_written
from ferkit.log import log
from ferkit.saved import as_of_now
from ferkit.untrusted import parse_json, parse_parquet, parse_yaml, read_text, require_shape

_WORD = str | None
_COUNTS = {str: int}  # class to faces
CONFIG_SHAPE: dict[Any, Any] = {
    **dict.fromkeys(("run_dir", "resume", "data_root", "prepared_root"), str),
    **{group: {} for group in (*GROUPS, "study")},
    "emotions": [str],
    "evaluate": [str],
    "ensemble": [str],
    "seed": int,
    "report": {"faces": bool, "saliency": str},
    "tests": {str: dict | None},
}
DATA_SHAPE: dict[Any, Any] = {
    "dataset": {
        "name": str,
        "variant": _WORD,
        "notes": [str],
        "warnings": [str],
        "n": int,
        "dropped": _COUNTS,
        "emotions": [str],
    },
    "faces": {},
    "emotions": [str],
    "dropped_share": {str: int | float},
    "counts": {str: _COUNTS},
    "counts_after": {str: _COUNTS},
    "visits": {str: _COUNTS},
    "leaks": {str: _COUNTS},
    "split": {"name": str, "protocol": str, "notes": [str], "hash": str},
    "root": _WORD,
    "trained_on": {
        "run": str,
        "dataset": str,
        "variant": _WORD,
        "n": int | None,
        "protocol": str,
        "hash": str,
        "overlap_checked": bool,
    },
}
ROW_SHAPE: dict[Any, Any] = {
    "epoch": int,
    "best": bool,
    **dict.fromkeys(
        (
            "train_loss",
            "train_accuracy",
            "val_loss",
            "val_accuracy",
            "val_macro_f1",
            "val_balanced_accuracy",
            "lr",
            "seconds",
            "images_per_second",
            "peak_memory",
        ),
        int | float,
    ),
}
TEST_ACCESSES = "test_accesses.jsonl"
ACCESS_SHAPE: dict[Any, Any] = {
    "view": str,
    "dataset": str,
    "data": str,
    "date": str,
    "command": str,
}
_WORDS = (
    "key",
    "dataset",
    "view",
    "subject",
    "sequence",
    "label",
    "predicted",
    "content",
    "in_train",
)
_NEEDED = ("key", "label", "predicted")


def read_text_of(folder: Path, name: str) -> str:
    """A text file of a run; changed since it was written, it is read with a warning."""
    if not is_as_written(folder, name):
        log.warning(f"{folder / name} was changed after the run wrote it")
    return read_text(folder / name)


def read_config(folder: Path) -> tuple[dict[str, Any], str]:
    """config.yaml without its format, and its text.

    Raises:
        DataError: it is not there, is no config, or a newer ferkit wrote it.
    """
    path = folder / "config.yaml"
    if not path.is_file():
        raise DataError(
            f"{folder} is no run: it has no config.yaml; give the folder that `ferkit train` "
            "printed."
        )
    text = read_text_of(folder, path.name)
    config = parse_yaml(text, path)
    if not isinstance(config, dict) or not config:
        found = f"a {type(config).__name__}" if config else "empty"
        raise DataError(f"{path} is {found}, not the config of a run; restore it.")
    check_format(config.pop("format", 0), FORMAT, path)
    config = as_of_now(config, path)
    require_shape(config, CONFIG_SHAPE, path)
    _refuse_odd(config, path)
    return config, text


def _refuse_odd(value: Any, where: object) -> None:
    """Refuse keys and values that no config holds."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if not isinstance(key, str | int):
                raise DataError(f"{where} has the key {str(key)[:40]!r}; restore it.")
            _refuse_odd(each, f"{where}, key {key}")
    elif isinstance(value, list):
        for each in value:
            _refuse_odd(each, where)
    elif not isinstance(value, str | int | float | None):
        raise DataError(f"{where} is a {type(value).__name__}, which no config holds; restore it.")


def read_json_of(folder: Path, name: str, shape: Any = None) -> dict[str, Any]:
    """A JSON file of a run, empty where there is none.

    Args:
        shape: As `require_shape` takes it.

    Raises:
        DataError: it is broken, has another structure, or a newer ferkit wrote it.
    """
    path = folder / name
    if not path.is_file():
        return {}
    found = parse_json(read_text_of(folder, name), path)
    return _checked(found, shape, path)


def read_lines_of(folder: Path, name: str, shape: Any = None) -> list[dict[str, Any]]:
    """The lines of a .jsonl file of a run; none where there is no file.

    Raises:
        DataError: as `read_json_of`.
    """
    path = folder / name
    if not path.is_file():
        return []
    lines = read_text_of(folder, name).split("\n")
    places = [(f"Line {number} of {path}", line) for number, line in enumerate(lines, start=1)]
    return [
        _checked(parse_json(line, where), shape, where) for where, line in places if line.strip()
    ]


def _checked(found: Any, shape: Any, where: object) -> dict[str, Any]:
    require_shape(found, {}, where)
    check_format(found.get("format"), FORMAT, where)
    require_shape(found, shape or {}, where)
    return dict(found)


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """The epochs of metrics.jsonl.

    Raises:
        DataError: a line is broken or is no epoch.
    """
    rows = read_lines_of(folder, "metrics.jsonl", ROW_SHAPE)
    if any(row.get("epoch") is None for row in rows):
        raise DataError(
            f"{folder / 'metrics.jsonl'} has a line without an epoch; `ferkit train "
            f"resume={folder}` writes it again from the checkpoint."
        )
    return rows


def read_predictions(folder: Path, view: str) -> pd.DataFrame:
    """predictions/<view>.parquet.

    Raises:
        DataError: it is damaged, holds no predictions, or those of another view.
    """
    name = f"predictions/{view}.parquet"
    require_as_written(folder, name)
    frame = parse_parquet((folder / name).read_bytes(), folder / name)
    check_format(frame.attrs.get("format"), FORMAT, folder / name)
    again = f"predict it again with `ferkit eval run={folder} view={view}`"
    missing = [column for column in _NEEDED if column not in frame]
    if missing:
        raise DataError(f"{folder / name} lacks the column {missing[0]!r}; {again}.")
    for column in frame.columns:
        if column in _WORDS and not _is_words(frame[column]):
            raise DataError(f"Column {column!r} of {folder / name} holds no words; {again}.")
        if str(column).startswith("p_") and frame[column].dtype.kind not in "fiu":
            raise DataError(f"Column {column!r} of {folder / name} holds no numbers; {again}.")
    if "view" in frame and set(frame["view"]) - {view}:
        other = sorted(set(map(str, frame["view"])) - {view})[0]
        log.warning(f"{folder / name} holds predictions of the view {other!r}")
    return frame


def _is_words(column: pd.Series) -> bool:
    return bool(column.isna().all()) or pd.api.types.infer_dtype(column, skipna=True) == "string"

"""The rows of one parquet file: where the image of each lies, and its label by name."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ferkit.datasets.shards import shard_split
from ferkit.datasets.walk import is_regular, shown
from ferkit.errors import DataError, DatasetLayoutError, unknown

MISSING = "missing file"
_BATCH = 256


@dataclass
class Shard:
    """A parquet file with images: the columns that are read, and its class names."""

    path: str
    image: str
    label: str
    names: list[str] | None
    beside: list[str] = field(default_factory=list)


def rows_of(base: Path, shard: Shard, subject: str | None, dropped: Counter[str]) -> pd.DataFrame:
    """The rows of one file, `label` as it stands there, by its class name where it has one."""
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    path = base / shard.path
    try:
        file = ParquetFile(path, memory_map=True)
        if subject is not None and subject not in file.schema_arrow.names:
            raise DatasetLayoutError(
                f"{path}: {unknown('column', subject, file.schema_arrow.names)}"
            )
        table = file.read([shard.label, *([subject] if subject else [])])
        paths = _paths(file, base, shard, dropped)
    except (ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as parquet ({shown(error)}); download it again."
        ) from error
    frame = pd.DataFrame(
        {
            "key": [f"{shard.path}#{row:07d}" for row in range(len(paths))],
            "path": paths,
            "label": _natives(table[shard.label].to_pylist(), shard, path),
            "split": shard_split(shard.path),
        }
    )
    if subject:
        whos = table[subject].to_pylist()
        frame["subject"] = ["" if who is None else str(who).strip() for who in whos]
    return frame[frame["path"] != ""]


def _natives(cells: list[Any], shard: Shard, path: Path) -> list[str]:
    named: dict[Any, str] = {}
    for row, cell in enumerate(cells):
        if isinstance(cell, list | dict | bytes):
            raise DatasetLayoutError(
                f"{path}: row {row} of the column {shown(shard.label)} holds "
                f"{shown(cell)}, not one label; choose another by dataset.label=NAME."
            )
        if cell not in named:
            named[cell] = _native(cell, shard, f"{path}, row {row}")
    return [named[cell] for cell in cells]


def _native(cell: Any, shard: Shard, where: str) -> str:
    if cell is None or cell != cell or cell == -1:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if shard.names is None or not isinstance(cell, int):
        return str(cell).strip()
    if not 0 <= cell < len(shard.names):
        raise DataError(
            f"{where}: the label {cell} is beyond the {len(shard.names)} classes that the file "
            f"names ({', '.join(map(shown, shard.names[:8]))}); download it again."
        )
    return shard.names[cell]


def _paths(file: Any, base: Path, shard: Shard, dropped: Counter[str]) -> list[str]:
    """Where each row's image lies: its cell, a file beside, or "" where there is none."""
    paths = [f"{shard.path}/{shard.image}/{row}" for row in range(file.metadata.num_rows)]
    leaves = [file.metadata.schema.column(i).path for i in range(file.metadata.num_columns)]
    leaf = f"{shard.image}.bytes"
    column = leaf if leaf in leaves else shard.image
    start = 0
    for group in range(file.metadata.num_row_groups):
        about = file.metadata.row_group(group)
        statistics = about.column(leaves.index(column)).statistics
        if statistics is None or not statistics.has_null_count or statistics.null_count:
            for row, name in _without_bytes(file, shard.image, group, column != leaf):
                paths[start + row] = _file_beside(base, shard.path, name)
                dropped[MISSING] += not paths[start + row]
        start += about.num_rows
    return paths


def _without_bytes(file: Any, image: str, group: int, plain: bool) -> list[tuple[int, str]]:
    """Rows of a group whose cell holds no bytes, with the path it names."""
    found, row = [], 0
    for batch in file.iter_batches(_BATCH, row_groups=[group], columns=[image]):
        cells = batch.column(0)
        content = cells if plain else cells.field("bytes")
        empty = content.is_null().to_pylist()
        for i, lacks in enumerate(empty):
            if lacks:
                cell = None if plain else cells[i].as_py()
                found.append((row + i, str((cell or {}).get("path") or "")))
        row += len(cells)
    return found


def _file_beside(base: Path, shard: str, name: str) -> str:
    name = name.replace("\\", "/")
    if not name or ".." in name.split("/") or name.startswith("/") or ":" in name:
        return ""
    folder = shard.rpartition("/")[0]
    for path in (f"{folder}/{name}".removeprefix("/"), name):
        if is_regular(base / path):
            return path
    return ""

"""Images in a parquet file: `train.parquet/image/12` is the cell of row 12 of the column image."""

import io
from collections.abc import Iterator, Mapping
from typing import Any

from ferkit.datasets.archive import Archive, damaged

_BATCH = 64  # rows held at a time: 64 photographs, not a whole group of rows
_AHEAD = 16  # batches; a row no further ahead than this is come to by reading on


def open_parquet(path: str) -> Archive:
    """The cells of a parquet file as an archive; in order they are read once.

    Raises:
        DataError: it is damaged, or no parquet file.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        cells = _Cells(ParquetFile(path, memory_map=True))
    except (ArrowException, OSError, ValueError) as error:
        raise damaged(path, error) from error

    def open_member(name: str) -> io.BufferedReader:
        try:
            content = cells.read(*_place(name))
        except (ArrowException, OSError, ValueError) as error:
            raise damaged(f"{path}/{name}", error) from error
        if not isinstance(content, bytes):
            raise FileNotFoundError(2, "no image in this cell", f"{path}/{name}")
        return io.BufferedReader(io.BytesIO(content))

    archive = Archive(path, open_member)
    archive.sizes = _Sizes(cells)
    return archive


def _place(name: str) -> tuple[str, int]:
    column, _, row = name.rpartition("/")
    return column, int(row) if row.isdecimal() else -1


class _Cells:
    """A column read from front to end, batch by batch."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.rows = int(file.metadata.num_rows)
        self._column = ""
        self._batches: Iterator[Any] = iter(())
        self._start = self._stop = 0  # rows of the batch that is held
        self._batch: Any = None

    def read(self, column: str, row: int) -> object:
        ahead = self._stop <= row < self._stop + _AHEAD * _BATCH
        if column != self._column or not (self._start <= row < self._stop or ahead):
            self._seek(column, row)
        while row >= self._stop:
            self._batch = next(self._batches).column(0)
            self._start, self._stop = self._stop, self._stop + len(self._batch)
        cell = self._batch[row - self._start].as_py()
        return cell.get("bytes") if isinstance(cell, dict) else cell

    def _seek(self, column: str, row: int) -> None:
        group, start = 0, 0
        metadata = self.file.metadata
        while row >= start + metadata.row_group(group).num_rows:
            start += metadata.row_group(group).num_rows
            group += 1
        leaf = f"{column}.bytes"
        leaves = {metadata.schema.column(i).path for i in range(metadata.num_columns)}
        self._batches = self.file.iter_batches(
            _BATCH,
            row_groups=range(group, metadata.num_row_groups),
            columns=[leaf if leaf in leaves else column],
            use_threads=False,
        )
        self._column, self._start, self._stop = column, start, start


class _Sizes(Mapping[str, int]):
    """Cell to its bytes: the mean of the column, for none is read to be measured."""

    def __init__(self, cells: _Cells) -> None:
        metadata = cells.file.metadata
        self._rows = cells.rows
        self._columns = set(cells.file.schema_arrow.names)
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        whole = sum(group.total_byte_size for group in groups)
        self._mean = max(1, whole // max(self._rows, 1))

    def __getitem__(self, name: str) -> int:
        column, row = _place(name)
        if column not in self._columns or not 0 <= row < self._rows:
            raise KeyError(name)
        return self._mean

    def __iter__(self) -> Iterator[str]:
        return (f"{column}/{row}" for column in self._columns for row in range(self._rows))

    def __len__(self) -> int:
        return self._rows * len(self._columns)

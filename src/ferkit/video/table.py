"""faces.csv and faces.parquet of a video, written row group by row group while it is read."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ferkit.files import beside
from ferkit.printable import csv_frame
from ferkit.video.analysis import Analysed, Face
from ferkit.video.reader import Frame

CSV, PARQUET = "faces.csv", "faces.parquet"
_FIRST = ("source", "frame", "time", "track", "x", "y", "w", "h", "score", "success", "label")
_GROUP = 5000  # rows held before they are written


def columns(emotions: Sequence[str]) -> list[str]:
    """The columns of the table.

    `time` is in seconds, x y w h in pixels of the upright frame; `success` is 0 in the one row of
    an analysed frame without a face. `label` is the most probable class of the frame alone.
    """
    return [*_FIRST, *(f"p_{e}" for e in emotions), *(f"smooth_{e}" for e in emotions)]


class FaceTable:
    """The two files, open.

    Attributes:
        rows: How many faces were written.
    """

    def __init__(self, csv: Any, parquet: Any, source: str, emotions: Sequence[str]) -> None:
        self.rows = 0
        self._csv, self._parquet = csv, parquet
        self._source, self._emotions = source, tuple(emotions)
        self._held: list[tuple[Any, ...]] = []
        self._headed = False

    def add(self, analysed: Analysed) -> None:
        """The rows of a frame; none of one that was not analysed."""
        if analysed.faces is None:
            return
        frame = analysed.frame
        self._held += [self._row(frame, face) for face in analysed.faces] or [self._empty(frame)]
        self.rows += len(analysed.faces)
        if len(self._held) >= _GROUP:
            self.flush()

    def _row(self, frame: Frame, face: Face) -> tuple[Any, ...]:
        x1, y1, x2, y2 = (round(float(v), 1) for v in face.box)
        label = self._emotions[int(face.probabilities.argmax())]
        place = (x1, y1, round(x2 - x1, 1), round(y2 - y1, 1), round(face.score, 4))
        numbers = (*map(float, face.probabilities), *map(float, face.smooth))
        return (self._source, frame.number, frame.time, face.track, *place, 1, label, *numbers)

    def _empty(self, frame: Frame) -> tuple[Any, ...]:
        missing = (np.nan,) * (2 * len(self._emotions))
        return (self._source, frame.number, frame.time, None, *(np.nan,) * 5, 0, "", *missing)

    def flush(self) -> None:
        """Write the rows that are held."""
        import pyarrow as pa

        frame = _typed(pd.DataFrame(self._held, columns=columns(self._emotions)))
        self._held = []
        text = csv_frame(frame.round(6)).to_csv(index=False, header=not self._headed)
        self._headed = True
        self._csv.write(text)
        self._parquet.write_table(
            pa.Table.from_pandas(frame, schema=self._parquet.schema, preserve_index=False)
        )


@contextmanager
def write_table(folder: Path, source: str, emotions: Sequence[str]) -> Iterator[FaceTable]:
    """Both files in a folder, written beside their places and renamed when they are whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with ExitStack() as stack:
        csv = stack.enter_context(beside(folder / CSV))
        parquet = stack.enter_context(beside(folder / PARQUET))
        empty = _typed(pd.DataFrame([], columns=columns(emotions)))
        schema = pa.Schema.from_pandas(empty, preserve_index=False)
        writer = stack.enter_context(pq.ParquetWriter(parquet, schema))
        text = stack.enter_context(csv.open("w", encoding="utf-8", newline=""))
        table = FaceTable(text, writer, source, emotions)
        yield table
        table.flush()


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    kinds: dict[str, Any] = dict.fromkeys(frame.columns, "float32")
    kinds |= dict.fromkeys(("source", "label"), "str")
    kinds |= {"frame": "int64", "time": "float64", "track": "Int64", "success": "int8"}
    return frame.astype(kinds)

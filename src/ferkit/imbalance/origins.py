"""Who descends from whom in a resampled matrix."""

import hashlib
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Origins:
    """Where each row of a resampled matrix comes from: first + step * (second - first).

    Attributes:
        first: int64 [M], row of the matrix before; -1 where unknown.
        second: int64 [M], the other parent; equal to `first` for a row that is no mixture.
        step: float64 [M] in 0..1, 0 for a row that is no mixture; nan where the row is neither a
            mixture nor one of those before (a smoothed copy, a centroid).
    """

    first: np.ndarray
    second: np.ndarray
    step: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> "Origins":
        return Origins(self.first[rows], self.second[rows], self.step[rows])

    @property
    def kept(self) -> np.ndarray:
        """Rows of the matrix before, each where it is met for the first time: bool [M]."""
        plain = np.flatnonzero((self.first == self.second) & ~np.isnan(self.step))
        _, met = np.unique(self.first[plain], return_index=True)
        kept = np.zeros(len(self.first), dtype=bool)
        kept[plain[met]] = True
        return kept


def trace(
    sampler: Any, matrix: np.ndarray, class_ids: np.ndarray, drawn: np.ndarray, after: np.ndarray
) -> Origins:
    """The origins of what a fitted sampler has drawn.

    A `RecordingSMOTE`, alone or within SMOTETomek and SMOTEENN, has noted them; of other
    samplers their `sample_indices_` tell, or the rows themselves where they are unchanged.

    Args:
        sampler: After `fit_resample(matrix, class_ids)`.
        matrix: float32 [N, D].
        class_ids: [N].
        drawn: float32 [M, D], what it answered.
        after: [M], the classes that it answered.
    """
    noted = getattr(getattr(sampler, "smote_", sampler), "origins_", None)
    if noted is not None:
        cleaner = getattr(sampler, "tomek_", getattr(sampler, "enn_", None))
        return noted if cleaner is None else noted[cleaner.sample_indices_]
    first = getattr(sampler, "sample_indices_", None)
    if first is None:
        first = _recognise(matrix, class_ids, drawn, after)
    first = np.asarray(first, dtype=np.int64)
    same = [i >= 0 and np.array_equal(matrix[i], row) for i, row in zip(first, drawn, strict=True)]
    return Origins(first, first, np.where(same, 0.0, np.nan))


def _recognise(
    matrix: np.ndarray, class_ids: np.ndarray, drawn: np.ndarray, after: np.ndarray
) -> np.ndarray:
    # the row that each drawn row is, each at most once; -1 for a new one
    rows: dict[tuple[bytes, int], deque[int]] = defaultdict(deque)
    for i, (row, code) in enumerate(zip(matrix, class_ids, strict=True)):
        rows[_digest(row), int(code)].append(i)
    first = np.full(len(drawn), -1)
    for i, (row, code) in enumerate(zip(drawn, after, strict=True)):
        if same := rows.get((_digest(row), int(code))):
            first[i] = same.popleft()
    return first


def _digest(row: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(row).tobytes(), digest_size=16).digest()

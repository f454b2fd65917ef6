"""imbalanced-learn's samplers with exact neighbours, and with a record of who descends from whom.

The choice of rows stays theirs. scikit-learn's neighbours differ from these only among equally
near rows, where it gives any of them: its own copies first, at times, so that a row that has a copy
is taken for its own neighbour.
"""

from typing import Any

import numpy as np
from imblearn.over_sampling import SMOTE
from imblearn.under_sampling import EditedNearestNeighbours, TomekLinks
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from ferkit.imbalance.nearest import nearest_rows
from ferkit.imbalance.origins import Origins


class Neighbours(BaseEstimator):
    """Exact Euclidean neighbours behind scikit-learn's interface, for imbalanced-learn.

    `kneighbors()` leaves the row itself out, as scikit-learn does. `kneighbors(X)` with the fitted
    matrix has the row itself in column 0, whatever copies it has, and never again: samplers drop
    that column. With any other matrix nothing is left out. Ties go to the lowest index.

    Args:
        n_neighbors: How many by default; samplers want one more than they use.
        numbered: The last column of every matrix is the row's number in the fitted matrix
            and takes no part in distances; so a query of some fitted rows has themselves in
            column 0, too.
        device: A torch device; by default a GPU where there is one.
        block: Rows multiplied at a time.
        n_jobs: Ignored; samplers set it. All cores work.
    """

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        numbered: bool = False,
        device: str | None = None,
        block: int = 4096,
        n_jobs: int | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.numbered = numbered
        self.device = device
        self.block = block
        self.n_jobs = n_jobs

    def fit(self, X: np.ndarray, y: object = None) -> "Neighbours":  # noqa: ARG002, N803
        """Keep the points, float [N, D]; float32 stays float32, integers become float64."""
        self.fitted_ = check_array(X, dtype=[np.float32, np.float64])
        self.n_samples_fit_ = len(self.fitted_)
        self.n_features_in_ = self.fitted_.shape[1]
        return self

    def kneighbors(
        self,
        X: np.ndarray | None = None,  # noqa: N803
        n_neighbors: int | None = None,
        return_distance: bool = True,
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Indices int64 [Q, n_neighbors], and before them distances float64 where asked.

        Raises:
            ValueError: fewer points than neighbours.
        """
        check_is_fitted(self)
        squared, indices = self._search(X, n_neighbors or self.n_neighbors)
        return (np.sqrt(squared), indices) if return_distance else indices

    def kneighbors_graph(
        self,
        X: np.ndarray | None = None,  # noqa: N803
        n_neighbors: int | None = None,
        mode: str = "connectivity",
    ) -> csr_matrix:
        """Sparse [Q, N]: 1 for a neighbour, or its distance where `mode` is "distance"."""
        distances, indices = self.kneighbors(X, n_neighbors)
        values = distances if mode == "distance" else np.ones(indices.shape)
        rows = np.arange(0, indices.size + 1, indices.shape[1])
        return csr_matrix(
            (values.ravel(), indices.ravel(), rows), shape=(len(indices), self.n_samples_fit_)
        )

    def _search(self, asked: np.ndarray | None, count: int) -> tuple[np.ndarray, np.ndarray]:
        points = self.fitted_[:, :-1] if self.numbered else self.fitted_
        where = {"device": self.device, "block": self.block}
        if asked is None:
            return nearest_rows(points, None, count, **where)  # type: ignore[arg-type]
        asked = check_array(asked, dtype=self.fitted_.dtype)
        if self.numbered:
            own = asked[:, -1].astype(np.int64)
            found = nearest_rows(points, asked[:, :-1], count - 1, own=own, **where)  # type: ignore[arg-type]
            return _lead(own, *found)
        if asked.shape == points.shape and np.array_equal(asked, points):
            found = nearest_rows(points, None, count - 1, **where)  # type: ignore[arg-type]
            return _lead(np.arange(len(points)), *found)
        return nearest_rows(points, asked, count, **where)  # type: ignore[arg-type]


class BoundedNeighbours(Neighbours):
    """Neighbours that answers with fewer where fewer are there.

    A row that is alone has itself beside itself, so that what is mixed of the two is its copy.
    """

    def _search(self, asked: np.ndarray | None, count: int) -> tuple[np.ndarray, np.ndarray]:
        total = len(self.fitted_)
        if total == 1 and asked is not None and count > 1:
            alone = np.zeros((len(asked), 2))
            return alone, alone.astype(np.int64)
        return super()._search(asked, min(count, total - (asked is None)))


def _lead(
    own: np.ndarray, squared: np.ndarray, indices: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return np.column_stack([np.zeros(len(own)), squared]), np.column_stack([own, indices])


class RecordingSMOTE(SMOTE):
    """imbalanced-learn's SMOTE that notes the parents of its rows as it draws them.

    A class of too few rows is drawn among the neighbours that it has, and one of a single row is
    copied.

    Attributes:
        origins_: Of every row of its answer.
        bounded_: Class to its rows, of those that have no more than `k_neighbors`.
    """

    def _fit_resample(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803
        own = np.arange(len(y))
        self._parts = [Origins(own, own, np.zeros(len(y)))]
        self._labels = y
        drawn = {
            label: int((y == label).sum()) for label, n in self.sampling_strategy_.items() if n
        }
        asked = self.k_neighbors.n_neighbors - 1
        self.bounded_ = {label: n for label, n in drawn.items() if n <= asked}
        answer: tuple[np.ndarray, np.ndarray] = super()._fit_resample(X, y)
        self.origins_ = Origins(
            *(
                np.concatenate([getattr(part, name) for part in self._parts])
                for name in ("first", "second", "step")
            )
        )
        del self._parts, self._labels
        return answer

    def _generate_samples(
        self,
        X: np.ndarray,  # noqa: N803
        nn_data: np.ndarray,
        nn_num: np.ndarray,
        rows: np.ndarray,
        cols: np.ndarray,
        steps: np.ndarray,
        y_type: object = None,
        y: object = None,
    ) -> np.ndarray:
        members = np.flatnonzero(self._labels == y_type)
        self._parts.append(Origins(members[rows], members[nn_num[rows, cols]], steps[:, 0]))
        return super()._generate_samples(X, nn_data, nn_num, rows, cols, steps, y_type, y)


class ExactTomekLinks(TomekLinks):
    """imbalanced-learn's TomekLinks with exact neighbours; the choice is `TomekLinks.is_tomek`."""

    sampling_strategy_: dict[Any, int]

    def __init__(
        self,
        *,
        sampling_strategy: object = "auto",
        n_jobs: int | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy, n_jobs=n_jobs)
        self.device = device

    def _fit_resample(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803
        near = Neighbours(1, device=self.device).fit(X).kneighbors(return_distance=False)
        self.nearest_ = np.asarray(near)[:, 0]
        links = self.is_tomek(y, self.nearest_, self.sampling_strategy_)
        self.sample_indices_ = np.flatnonzero(~links)
        return X[self.sample_indices_], y[self.sample_indices_]


class SparingTomekLinks(ExactTomekLinks):
    """As its parent, but a class of which nothing would be left is kept whole.

    The nearest row of one that is alone in its class is always of another class.

    Attributes:
        spared_: Such classes.
    """

    def _fit_resample(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803
        super()._fit_resample(X, y)
        self.sample_indices_, self.spared_ = _keep_lost(self, y)
        return X[self.sample_indices_], y[self.sample_indices_]


class ExactEditedNeighbours(EditedNearestNeighbours):
    """imbalanced-learn's ENN that tells its estimator, a numbered `Neighbours`, each row's number.

    ENN asks about one class at a time. Without the number, a face with a copy of another
    label could not be told from that copy.
    """

    sampling_strategy_: dict[Any, int]

    def _fit_resample(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803
        numbered = np.column_stack([X, np.arange(len(X), dtype=X.dtype)])
        super()._fit_resample(numbered, y)
        return X[self.sample_indices_], y[self.sample_indices_]


class SparingEditedNeighbours(ExactEditedNeighbours):
    """As its parent, but a class of which nothing would be left is kept whole; for SMOTE-ENN.

    Attributes:
        spared_: Such classes.
    """

    def _fit_resample(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803
        super()._fit_resample(X, y)
        self.sample_indices_, self.spared_ = _keep_lost(self, y)
        return X[self.sample_indices_], y[self.sample_indices_]


def _keep_lost(cleaner: Any, y: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """The rows it kept with those of classes that lost all of theirs, and these classes."""
    kept: np.ndarray = cleaner.sample_indices_
    lost = np.setdiff1d(y, y[kept])
    return np.concatenate([kept, np.flatnonzero(np.isin(y, lost))]), lost.tolist()

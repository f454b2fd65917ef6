"""Where faces are near each other.

Three spaces: "pixels"; "pca" of the pixels, fitted on the training view; and "features", in which
the rows are what a network makes of the faces, and the made ones train its head. In "pca" a
synthetic face is made of its parents' pixels with the step that was drawn in the space. Since the
projection is linear, that face projects exactly onto the synthetic point, and it keeps the detail
that the components' inverse would lose.
"""

from collections.abc import Callable

import numpy as np

from ferkit.errors import ConfigError, unknown
from ferkit.imbalance.resamplers import SPACES
from ferkit.log import log

Back = Callable[[np.ndarray], np.ndarray]
# Rows that these make are mixtures of two faces, so they need no way back from a space.
MIXING = ("smote", "smote_tomek", "smote_enn", "tomek")
_WIDE_BYTES = 1 << 30  # of the faces as float32, above which they are rotated
_BYTES_A_VALUE = 20  # measured: as a float32 five times, for SMOTETomek
_COLUMNS = 4096  # values of each face that are multiplied at a time
_WIDEST = 10_000  # values a face up to which their covariance is written down


def number_rows(faces: np.ndarray) -> tuple[np.ndarray, Back, list[str]]:
    """As `project`, for samplers that never look at the faces: the row numbers, [N, 1]."""
    return np.arange(len(faces), dtype=np.float32)[:, None], lambda rows: rows, []


def is_wide(faces: np.ndarray, rule: str) -> bool:
    """Whether `rotate` saves memory: large faces, more values each than there are faces."""
    values = int(np.prod(faces.shape[1:]))
    return rule in MIXING and values > 2 * len(faces) and 4 * faces.size > _WIDE_BYTES


def rotate(faces: np.ndarray) -> np.ndarray:
    """Coordinates float32 [N, N] of faces [N, ...] whose distances are those of the pixels.

    N points lie in a space of N - 1 dimensions, so a rotation keeps all their distances, and those
    of their mixtures, in N numbers each: here the rows of the Cholesky factor of the products of
    the centred faces. 6,692 RGB faces of 224 take 0.2 GB in place of 4. The products are summed in
    float64; what makes them positive definite adds a millionth of a face's mean squared distance
    from the mean to every squared distance.
    """
    flat = faces.reshape(len(faces), -1)
    products = np.zeros((len(flat), len(flat)))
    for start in range(0, flat.shape[1], _COLUMNS):
        block = flat[:, start : start + _COLUMNS].astype(np.float32)
        block -= np.rint(block.mean(axis=0))  # whole numbers: exact in float32
        products += block @ block.T
    trace = float(np.trace(products)) / len(flat)
    products[np.diag_indices(len(flat))] += 1e-6 * trace + 1e-6
    return np.linalg.cholesky(products).astype(np.float32)


def warn_of_memory(faces: int, values: int) -> None:
    """Say beforehand where the faces as numbers, and the copies that samplers make, cannot fit.

    Args:
        faces: After resampling, when all classes have as many as the largest.
        values: Of one face, as the sampler sees it.
    """
    import torch

    from ferkit.devices import free_memory

    needed, free = faces * values * _BYTES_A_VALUE, free_memory(torch.device("cpu"))
    if needed > free:
        log.warning(
            f"Resampling to {faces:,} faces of {values:,} values takes some {needed / 1e9:.1f} GB "
            f"in the spaces pixels and pca, and {free / 1e9:.1f} GB are free; take "
            "imbalance.resample.space=features or a smaller faces.size."
        )


def project(faces: np.ndarray, space: str, components: int) -> tuple[np.ndarray, Back, list[str]]:
    """The matrix float32 [N, D] that a sampler sees, the way back to pixels, and notes.

    Args:
        faces: uint8 [N, H, W] or [N, H, W, 3]; float [N, D] in the space "features".
        space: One of `ferkit.imbalance.resamplers.SPACES`.
        components: Of "pca"; no more than there are.

    Raises:
        ConfigError: an unknown space, or no component.
    """
    if space not in SPACES:
        raise ConfigError(unknown("imbalance.resample.space", space, SPACES))
    flat = faces.reshape(len(faces), -1).astype(np.float32)  # [N, D]
    if space != "pca":
        return flat, lambda rows: rows, []
    most = min(flat.shape)
    if components < 1:
        raise ConfigError(
            f"imbalance.resample.components is {components}; {len(flat)} faces of {flat.shape[1]} "
            f"values have 1 to {most} components."
        )
    said = []
    if components > most:
        said = [
            f"components is {components}, bounded by the {len(flat)} faces of {flat.shape[1]} "
            f"values: {most} are taken"
        ]
        components = most
    from sklearn.decomposition import PCA

    # 224 x 224 x 3 values have a covariance of 90 GB; there random projections find the components
    solver = "covariance_eigh" if flat.shape[1] <= _WIDEST else "randomized"
    pca = PCA(components, svd_solver=solver, random_state=0)
    matrix = np.ascontiguousarray(pca.fit_transform(flat), dtype=np.float32)
    kept = float(pca.explained_variance_ratio_.sum())
    return (
        matrix,
        pca.inverse_transform,
        [
            *said,
            f"{components} components hold {kept:.1%} of variance",
        ],
    )

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

Back = Callable[[np.ndarray], np.ndarray]
_WIDEST = 10_000  # values a face up to which their covariance is written down


def number_rows(faces: np.ndarray) -> tuple[np.ndarray, Back, list[str]]:
    """As `project`, for samplers that never look at the faces: the row numbers, [N, 1]."""
    return np.arange(len(faces), dtype=np.float32)[:, None], lambda rows: rows, []


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

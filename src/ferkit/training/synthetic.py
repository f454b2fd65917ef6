"""The choice of made faces that a report shows."""

import numpy as np

from ferkit.imbalance.resample import Resampled
from ferkit.runs.synthetic import Examples


def synthetic_examples(
    resampled: Resampled,
    faces: np.ndarray,
    *,
    per_class: int = 4,
    seed: int = 0,
) -> Examples:
    """Made faces whose parents are known, some of each class that has any.

    Args:
        resampled: The answer of `resample`.
        faces: uint8 [N, ...], the faces before.
        per_class: At most.
        seed: For the choice.
    """
    rng = np.random.default_rng(seed)
    known = np.flatnonzero(resampled.sources != "")  # [E]
    chosen = []
    for code in np.unique(resampled.class_ids[known]):
        own = known[resampled.class_ids[known] == code]
        chosen.append(np.sort(rng.permutation(own)[:per_class]))
    rows = np.concatenate(chosen) if chosen else known
    return Examples(
        faces=resampled.faces[rows],
        parents=faces[resampled.parents[rows]],
        class_ids=resampled.class_ids[rows],
        steps=resampled.steps[rows],
        keys=resampled.keys[rows].astype(str),
        sources=resampled.sources[rows].astype(str),
    )

"""Class weights from the class counts of the training view."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ferkit.errors import ConfigError, DataError, unknown

if TYPE_CHECKING:
    from torch import Tensor

RULES = ("balanced", "inverse_sqrt", "effective_number")


def class_weights(
    counts: Sequence[int] | np.ndarray,
    rule: str = "balanced",
    *,
    beta: float = 0.9999,
    emotions: Sequence[str] | None = None,
) -> "Tensor":
    """A weight per class, larger for rarer ones.

    - "balanced": n / (K n_k), scikit-learn's rule; the mean over the training ROWS is 1.
    - "inverse_sqrt": 1 / sqrt(n_k), scaled to a mean of 1 over the classes.
    - "effective_number": (1 - beta) / (1 - beta^n_k) of Cui et al. 2019, "Class-Balanced Loss
      Based on Effective Number of Samples", scaled to a mean of 1 over the classes as there.

    Args:
        counts: Training images per class, [K].
        rule: One of `RULES`.
        beta: Of "effective_number", in 0..1 without 1; 0 weighs all classes alike.
        emotions: The classes' names, [K], for the error.

    Returns:
        float32 [K].

    Raises:
        ConfigError: an unknown rule or a beta outside 0..1.
        DataError: a class has no training image.

    >>> class_weights([10, 30], "balanced")
    tensor([2.0000, 0.6667])
    """
    import torch  # not above: the command line reads RULES without it

    return torch.as_tensor(_weigh(counts, rule, beta, emotions), dtype=torch.float32)


def require_every_class(
    counts: Sequence[int] | np.ndarray, emotions: Sequence[str] | None = None
) -> np.ndarray:
    """Counts as float64 [K], when each is positive.

    Raises:
        DataError: a class has no training image; it is named.
    """
    counted = np.asarray(counts, dtype=np.float64)
    absent = np.flatnonzero(counted <= 0)
    if absent.size:
        names = [emotions[i] if emotions is not None else f"class {i}" for i in absent.tolist()]
        raise DataError(
            f"{' and '.join(names)} without a single training image: the imbalance strategy "
            "cannot weigh it; leave it out by emotions=[...], or check the dataset and the split."
        )
    return counted


def _weigh(
    counts: Sequence[int] | np.ndarray, rule: str, beta: float, emotions: Sequence[str] | None
) -> np.ndarray:
    if rule not in RULES:
        raise ConfigError(unknown("class weights", rule, RULES))
    counted = require_every_class(counts, emotions)
    if rule == "balanced":
        return np.asarray(counted.sum() / (len(counted) * counted))
    if rule == "inverse_sqrt":
        weights = 1 / np.sqrt(counted)
    else:
        weights = 1 / _effective_number(counted, beta)
    return np.asarray(weights / weights.mean())


def _effective_number(counts: np.ndarray, beta: float) -> np.ndarray:
    if not 0 <= beta < 1:
        raise ConfigError(f"beta of effective_number is {beta}; give a value in 0..1, below 1.")
    if beta == 0:
        return np.ones_like(counts)
    # expm1 keeps the digits that 1 - beta^n loses where beta is close to 1
    return np.asarray(np.expm1(counts * np.log(beta)) / (beta - 1))

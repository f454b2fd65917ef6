"""Logit adjustment after training."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ferkit.losses.class_weights import require_every_class

if TYPE_CHECKING:
    from torch import Tensor

ADJUSTMENTS = ("logit_adjustment", "temperature")


def adjust_logits(
    logits: "Tensor", counts: Sequence[int] | np.ndarray, tau: float = 1.0
) -> "Tensor":
    """Take the training set's class shares out of the scores: logits - tau * log(share).

    The post-hoc rule of Menon et al. 2021, "Long-tail learning via logit adjustment": with
    tau 1 the largest adjusted score is Bayes-optimal for balanced accuracy, where the softmax of
    the logits is calibrated.

    Args:
        logits: [N, K].
        counts: Training images per class that the network has seen, [K].
        tau: How much; 0 leaves the logits as they are.

    Returns:
        [N, K], of the logits' dtype and device.

    Raises:
        DataError: a class has no training image.
    """
    counted = require_every_class(counts)
    return logits - tau * logits.new_tensor(np.log(counted / counted.sum()))

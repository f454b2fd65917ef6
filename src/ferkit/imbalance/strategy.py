"""An imbalance strategy: up to five slots that work together or alone.

In the order in which they act: `resample` (makes or drops rows of the training view), `sampler`
(how often an epoch visits each row), `class_weights` and `cost_matrix` (in the loss), `logits`
(after training).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from ferkit.imbalance.costs import cost_matrix, minimum_cost_decision
from ferkit.imbalance.logits import adjust_logits
from ferkit.imbalance.samplers import SAMPLERS, sample_order
from ferkit.imbalance.slots import (
    ClassWeights,
    Costs,
    Logits,
    Resampling,
    Slot,
    check_word,
    read_slot,
)
from ferkit.losses.class_weights import class_weights

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ferkit.losses import ExpectedCost

Counts = Sequence[int] | np.ndarray


@dataclass(frozen=True)
class Strategy:
    """What is done about rare classes; each slot None by default, which does nothing.

    A slot that is a word stands for that rule with its defaults; a mapping names the rule
    and its options.

    Attributes:
        resample: One of `ferkit.imbalance.resamplers.RESAMPLERS` or a sampler class of
            imbalanced-learn, or {rule, space, components, sampling_strategy, options} as
            `ferkit.imbalance.resample.resample` takes them.
        sampler: One of `ferkit.imbalance.samplers.SAMPLERS`.
        class_weights: A rule of `ferkit.losses.class_weights.RULES`, or {rule, beta}.
        cost_matrix: Such a rule, a table or file (see `ferkit.imbalance.costs`), or {rule, beta,
            training: what the expected cost is multiplied by before it is added to the loss, 0 for
            not at all; decision: predict the class of least expected cost}.
        logits: "logit_adjustment", or {rule, tau}; or "temperature", fitted on val.

    Raises:
        ConfigError: an unknown rule, option or sampler.
    """

    resample: Slot = None
    sampler: str | None = None
    class_weights: Slot = None
    cost_matrix: Slot = None
    logits: Slot = None

    def __post_init__(self) -> None:
        if self.sampler is not None:
            check_word("imbalance.sampler", self.sampler, SAMPLERS)
        _ = self.resampling, self._weights, self._costs, self._logits  # checked once, here

    @property
    def resampling(self) -> Resampling | None:
        """The options of the `resample` slot."""
        return read_slot(Resampling, "resample", self.resample)

    @property
    def _weights(self) -> ClassWeights | None:
        return read_slot(ClassWeights, "class_weights", self.class_weights)

    @property
    def _costs(self) -> Costs | None:
        return read_slot(Costs, "cost_matrix", self.cost_matrix)

    @property
    def _logits(self) -> Logits | None:
        return read_slot(Logits, "logits", self.logits)

    def order(self, labels: np.ndarray, epoch: int, seed: int) -> np.ndarray | None:
        """Row numbers [N] that an epoch visits, or None where there is no sampler."""
        return None if self.sampler is None else sample_order(labels, epoch, seed, self.sampler)

    def weights(self, counts: Counts, emotions: Sequence[str]) -> "Tensor | None":
        """Class weights [K] for the loss, or None where the slot is empty."""
        chosen = self._weights
        if chosen is None:
            return None
        return class_weights(counts, chosen.rule, beta=chosen.beta, emotions=emotions)

    def costs(self, counts: Counts, emotions: Sequence[str]) -> np.ndarray | None:
        """The cost matrix [K, K], or None where the slot is empty."""
        chosen = self._costs
        if chosen is None:
            return None
        return cost_matrix(chosen.rule, counts, emotions, beta=chosen.beta)

    def add_costs(
        self, loss: "nn.Module", counts: Counts, emotions: Sequence[str]
    ) -> "nn.Module | ExpectedCost":
        """The loss with the expected cost added, or as it is where costs take no part in it."""
        costs = self.costs(counts, emotions)
        if self._costs is None or costs is None or not self._costs.training:
            return loss
        import torch  # not above: the command line reads the strategy without it

        from ferkit.losses import ExpectedCost

        return ExpectedCost(
            len(emotions),
            costs=torch.as_tensor(costs),
            beside=loss,
            share=float(self._costs.training),
        )

    @property
    def calibrates(self) -> bool:
        """Whether scores are divided by a temperature that is fitted on val."""
        return self._logits is not None and self._logits.rule == "temperature"

    def adjust(self, logits: "Tensor", counts: Counts) -> "Tensor":
        """Logits [N, K] after the adjustment of the `logits` slot, as they are without one.

        Args:
            logits: [N, K].
            counts: Training images per class, after any resampling and before any sampler, [K].
        """
        if self._logits is None or self._logits.rule != "logit_adjustment":
            return logits
        return adjust_logits(logits, counts, self._logits.tau)

    def decide(
        self, probabilities: np.ndarray, counts: Counts, emotions: Sequence[str]
    ) -> np.ndarray:
        """Predicted class ids [N] of probabilities [N, K]: the likeliest, or the least costly."""
        costs = self.costs(counts, emotions)
        if self._costs is None or costs is None or not self._costs.decision:
            return np.asarray(np.argmax(probabilities, axis=1))
        return minimum_cost_decision(probabilities, costs)

    def summary(self) -> str:
        """The slots in use, in a line; "none" where there is none.

        >>> Strategy(class_weights="balanced").summary()
        'class_weights=balanced'
        """
        used = ((f.name, getattr(self, f.name)) for f in fields(self))
        return ", ".join(f"{name}={value}" for name, value in used if value is not None) or "none"

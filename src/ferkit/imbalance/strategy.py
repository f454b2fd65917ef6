"""An imbalance strategy: up to five slots that work together or alone.

In the order in which they act: `resample` (makes or drops rows of the training view), `sampler`
(how often an epoch visits each row), `class_weights` and `cost_matrix` (in the loss), `logits`
(after training).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from ferkit.errors import ConfigError, unknown
from ferkit.imbalance.costs import cost_matrix, is_cost_file, minimum_cost_decision
from ferkit.imbalance.logits import ADJUSTMENTS, adjust_logits
from ferkit.imbalance.resamplers import RESAMPLERS, SPACES, find_sampler
from ferkit.imbalance.samplers import SAMPLERS, sample_order
from ferkit.losses.class_weights import RULES, class_weights

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ferkit.losses import ExpectedCost

Options = dict[str, object]
Slot = str | Mapping[str, object] | None
Counts = Sequence[int] | np.ndarray

# The options of each slot that may be more than a word, with their defaults.
_OPTIONS: dict[str, Options] = {
    "resample": {
        "rule": "smote_tomek",
        "space": "pixels",
        "components": 100,
        "sampling_strategy": "auto",
        "options": {},
    },
    "class_weights": {"rule": "balanced", "beta": 0.9999},
    "cost_matrix": {"rule": "balanced", "beta": 0.9999, "training": 1.0, "decision": False},
    "logits": {"rule": "logit_adjustment", "tau": 1.0},
}
_NUMBERS = ("beta", "training", "tau")


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
            _check_word("imbalance.sampler", self.sampler, SAMPLERS)
        resample, weights, costs, logits = (self.options(slot) for slot in _OPTIONS)
        if resample:
            _check_resample(resample)
        if weights:
            _check_word("imbalance.class_weights", weights["rule"], RULES)
        if costs:
            _check_costs(costs)
        if logits:
            _check_word("imbalance.logits", logits["rule"], ADJUSTMENTS)

    def options(self, slot: str) -> Options:
        """The options of a slot (any but `sampler`) in full; empty when it is None."""
        given, defaults = getattr(self, slot), _OPTIONS[slot]
        if given is None:
            return {}
        chosen = dict(given) if isinstance(given, Mapping) else {"rule": given}
        for key in chosen:
            _check_word(f"key of imbalance.{slot}", key, defaults)
        merged = defaults | chosen
        for key in _NUMBERS:
            _check_number(f"imbalance.{slot}.{key}", merged.get(key, 0.0))
        return merged

    def order(self, labels: np.ndarray, epoch: int, seed: int) -> np.ndarray | None:
        """Row numbers [N] that an epoch visits, or None where there is no sampler."""
        return None if self.sampler is None else sample_order(labels, epoch, seed, self.sampler)

    def weights(self, counts: Counts, emotions: Sequence[str]) -> "Tensor | None":
        """Class weights [K] for the loss, or None where the slot is empty."""
        chosen = self.options("class_weights")
        return class_weights(counts, **chosen, emotions=emotions) if chosen else None  # type: ignore[arg-type]

    def costs(self, counts: Counts, emotions: Sequence[str]) -> np.ndarray | None:
        """The cost matrix [K, K], or None where the slot is empty."""
        chosen = self.options("cost_matrix")
        if not chosen:
            return None
        return cost_matrix(chosen["rule"], counts, emotions, beta=chosen["beta"])  # type: ignore[arg-type]

    def add_costs(
        self, loss: "nn.Module", counts: Counts, emotions: Sequence[str]
    ) -> "nn.Module | ExpectedCost":
        """The loss with the expected cost added, or as it is where costs take no part in it."""
        costs = self.costs(counts, emotions)
        share = self.options("cost_matrix").get("training", 0.0)
        if costs is None or not share:
            return loss
        import torch  # not above: the command line reads the strategy without it

        from ferkit.losses import ExpectedCost

        return ExpectedCost(
            len(emotions),
            costs=torch.as_tensor(costs),
            beside=loss,
            share=float(share),  # type: ignore[arg-type]
        )

    @property
    def calibrates(self) -> bool:
        """Whether scores are divided by a temperature that is fitted on val."""
        chosen = self.options("logits")
        return chosen.get("rule") == "temperature"

    def adjust(self, logits: "Tensor", counts: Counts) -> "Tensor":
        """Logits [N, K] after the adjustment of the `logits` slot, as they are without one.

        Args:
            logits: [N, K].
            counts: Training images per class, after any resampling and before any sampler, [K].
        """
        chosen = self.options("logits")
        if chosen.get("rule") != "logit_adjustment":
            return logits
        return adjust_logits(logits, counts, chosen["tau"])  # type: ignore[arg-type]

    def decide(
        self, probabilities: np.ndarray, counts: Counts, emotions: Sequence[str]
    ) -> np.ndarray:
        """Predicted class ids [N] of probabilities [N, K]: the likeliest, or the least costly."""
        costs = self.costs(counts, emotions)
        if costs is None or not self.options("cost_matrix")["decision"]:
            return np.asarray(np.argmax(probabilities, axis=1))
        return minimum_cost_decision(probabilities, costs)

    def summary(self) -> str:
        """The slots in use, in a line; "none" where there is none.

        >>> Strategy(class_weights="balanced").summary()
        'class_weights=balanced'
        """
        used = ((f.name, getattr(self, f.name)) for f in fields(self))
        return ", ".join(f"{name}={value}" for name, value in used if value is not None) or "none"


def _check_resample(chosen: Options) -> None:
    rule = str(chosen["rule"])
    if rule not in RESAMPLERS:
        find_sampler(rule)
    _check_word("imbalance.resample.space", chosen["space"], SPACES)
    components = chosen["components"]
    if isinstance(components, bool) or not isinstance(components, int) or components < 1:
        raise ConfigError(
            f"imbalance.resample.components is {components!r}; give a whole number, 1 or more."
        )
    if not isinstance(chosen["options"], Mapping):
        raise ConfigError(
            f"imbalance.resample.options is {chosen['options']!r}; give {{name: value}}, "
            "e.g. {k_neighbors: 3}."
        )


def _check_costs(costs: Options) -> None:
    rule = costs["rule"]
    if isinstance(rule, str) and not is_cost_file(rule):
        _check_word("imbalance.cost_matrix", rule, (*RULES, "a .csv or .yaml file"))
    if not isinstance(costs["decision"], bool):
        raise ConfigError(
            f"imbalance.cost_matrix.decision is {costs['decision']!r}; give true or false."
        )


def _check_word(kind: str, word: object, known: Iterable[str]) -> None:
    if word not in (words := tuple(known)):
        raise ConfigError(unknown(kind, str(word), words))


def _check_number(place: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < np.inf:
        raise ConfigError(f"{place} is {value!r}; give a number, 0 or more.")

"""The options of each slot of an imbalance strategy, checked when they are made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TypeVar

import numpy as np

from ferkit.errors import ConfigError, unknown
from ferkit.imbalance.costs import Table, is_cost_file
from ferkit.imbalance.logits import ADJUSTMENTS
from ferkit.imbalance.resamplers import RESAMPLERS, SPACES, find_sampler
from ferkit.losses.class_weights import RULES

Slot = str | Mapping[str, object] | None


@dataclass(frozen=True)
class Resampling:
    """As `ferkit.imbalance.resample.resample` takes them.

    Attributes:
        rule: One of `RESAMPLERS`, or a sampler class of imbalanced-learn.
        space: Where neighbours are near: one of `SPACES`.
        components: Of the space "pca".
        sampling_strategy: imbalanced-learn's own.
        options: Further arguments of the sampler.
    """

    rule: str = "smote_tomek"
    space: str = "pixels"
    components: int = 100
    sampling_strategy: object = "auto"
    options: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rule not in RESAMPLERS:
            find_sampler(str(self.rule))
        check_word("imbalance.resample.space", self.space, SPACES)
        whole = isinstance(self.components, int) and not isinstance(self.components, bool)
        if not whole or self.components < 1:
            raise ConfigError(
                f"imbalance.resample.components is {self.components!r}; give a whole number, 1 or "
                "more."
            )
        if not isinstance(self.options, Mapping):
            raise ConfigError(
                f"imbalance.resample.options is {self.options!r}; give {{name: value}}, "
                "e.g. {k_neighbors: 3}."
            )


@dataclass(frozen=True)
class ClassWeights:
    """One of `ferkit.losses.class_weights.RULES`, and beta of "effective_number"."""

    rule: str = "balanced"
    beta: float = 0.9999

    def __post_init__(self) -> None:
        check_word("imbalance.class_weights", self.rule, RULES)
        _check_number("imbalance.class_weights.beta", self.beta)


@dataclass(frozen=True)
class Costs:
    """A cost matrix and where it acts.

    Attributes:
        rule: A rule of class weights, a table or a file of one (see `ferkit.imbalance.costs`).
        beta: Of the rule "effective_number".
        training: Weight of the expected cost that is added to the loss; 0 for none.
        decision: Predict the class of least expected cost.
    """

    rule: str | Table = "balanced"
    beta: float = 0.9999
    training: float = 1.0
    decision: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.rule, str) and not is_cost_file(self.rule):
            check_word("imbalance.cost_matrix", self.rule, (*RULES, "a .csv or .yaml file"))
        _check_number("imbalance.cost_matrix.beta", self.beta)
        _check_number("imbalance.cost_matrix.training", self.training)
        if not isinstance(self.decision, bool):
            raise ConfigError(
                f"imbalance.cost_matrix.decision is {self.decision!r}; give true or false."
            )


@dataclass(frozen=True)
class Logits:
    """One of `ferkit.imbalance.logits.ADJUSTMENTS`, and tau of "logit_adjustment"."""

    rule: str = "logit_adjustment"
    tau: float = 1.0

    def __post_init__(self) -> None:
        check_word("imbalance.logits", self.rule, ADJUSTMENTS)
        _check_number("imbalance.logits.tau", self.tau)


Options = TypeVar("Options", Resampling, ClassWeights, Costs, Logits)


def read_slot(kind: type[Options], slot: str, given: Slot) -> Options | None:
    """The options of a slot: a word stands for that rule with its defaults.

    Raises:
        ConfigError: an unknown key or rule, or a value out of range.
    """
    if given is None:
        return None
    chosen = dict(given) if isinstance(given, Mapping) else {"rule": given}
    for key in chosen:
        check_word(f"key of imbalance.{slot}", key, [f.name for f in fields(kind)])
    return kind(**chosen)


def check_word(kind: str, word: object, known: Iterable[str]) -> None:
    """Refuse a word that is not among the known ones.

    Raises:
        ConfigError: with the nearest known word.
    """
    if word not in (words := tuple(known)):
        raise ConfigError(unknown(kind, str(word), words))


def _check_number(place: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < np.inf:
        raise ConfigError(f"{place} is {value!r}; give a number, 0 or more.")

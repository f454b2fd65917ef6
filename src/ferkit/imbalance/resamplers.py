"""From a name to one of imbalanced-learn's samplers."""

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ferkit.errors import ConfigError, unknown

if TYPE_CHECKING:
    from imblearn.base import BaseSampler

# ferkit's word to imbalanced-learn's class
RESAMPLERS = {
    "smote_tomek": "SMOTETomek",
    "smote": "SMOTE",
    "tomek": "TomekLinks",
    "smote_enn": "SMOTEENN",
    "random_over": "RandomOverSampler",
    "random_under": "RandomUnderSampler",
}
SPACES = ("pixels", "pca", "features")
_PLACE = "imbalance.resample.rule"


def find_sampler(name: str) -> "type[BaseSampler]":
    """One of imbalanced-learn's own sampler classes, by ferkit's word or by the class' name.

    Raises:
        ConfigError: there is none of this name.
    """
    from imblearn import combine, over_sampling, under_sampling
    from imblearn.base import BaseSampler

    rooms = {**vars(over_sampling), **vars(under_sampling), **vars(combine)}
    found: dict[str, type[BaseSampler]] = {
        label: item
        for label, item in rooms.items()
        if inspect.isclass(item) and issubclass(item, BaseSampler)
    }
    wanted = RESAMPLERS.get(name, name)
    if wanted not in found:
        raise ConfigError(unknown(_PLACE, name, (*RESAMPLERS, *found)))
    return found[wanted]


def make_sampler(
    rule: str,
    *,
    sampling_strategy: object = "auto",
    options: Mapping[str, object] | None = None,
    seed: int = 0,
    device: str | None = None,
) -> "BaseSampler":
    """A sampler that is ready for `fit_resample`.

    SMOTE, TomekLinks, SMOTETomek, SMOTEENN and EditedNearestNeighbours search with ferkit's exact
    neighbours, on a GPU where there is one; every other sampler is as imbalanced-learn has it.

    Args:
        rule: A key of `RESAMPLERS`, or the name of a class.
        sampling_strategy: imbalanced-learn's; how many rows each class gets or keeps.
        options: Further arguments of the sampler; of those with ferkit's neighbours,
            `k_neighbors` of SMOTE, `n_neighbors` and `kind_sel` of ENN.
        seed: For samplers that draw.
        device: Where neighbours are searched.

    Raises:
        ConfigError: an unknown rule or option.
    """
    kind = find_sampler(rule)
    given = dict(options or {})
    make: Callable[..., Any] = EXACT.get(kind.__name__, kind)
    facts = {"sampling_strategy": sampling_strategy, "random_state": seed, "device": device}
    known = inspect.signature(make).parameters
    free = [name for name in known if name not in facts]
    for key in given:
        if key not in free:
            raise ConfigError(unknown(f"key of imbalance.resample.options for {rule}", key, free))
    return make(**{name: value for name, value in facts.items() if name in known}, **given)


def _smote(
    sampling_strategy: object, random_state: int, device: str | None, k_neighbors: int = 5
) -> "BaseSampler":
    from ferkit.imbalance.neighbours import BoundedNeighbours, RecordingSMOTE

    near = BoundedNeighbours(_count("k_neighbors", k_neighbors) + 1, device=device)
    return RecordingSMOTE(
        sampling_strategy=sampling_strategy, random_state=random_state, k_neighbors=near
    )


def _tomek(sampling_strategy: object, device: str | None) -> "BaseSampler":
    from ferkit.imbalance.neighbours import SparingTomekLinks

    return SparingTomekLinks(sampling_strategy=sampling_strategy, device=device)


def _enn(
    sampling_strategy: object,
    device: str | None,
    n_neighbors: int = 3,
    kind_sel: str = "all",
) -> "BaseSampler":
    from ferkit.imbalance.neighbours import ExactEditedNeighbours

    return _edited(ExactEditedNeighbours, sampling_strategy, device, n_neighbors, kind_sel)


def _edited(
    kind: Callable[..., Any],
    sampling_strategy: object,
    device: str | None,
    n_neighbors: int,
    kind_sel: str,
) -> "BaseSampler":
    from ferkit.imbalance.neighbours import BoundedNeighbours

    near = BoundedNeighbours(_count("n_neighbors", n_neighbors) + 1, numbered=True, device=device)
    return kind(sampling_strategy=sampling_strategy, n_neighbors=near, kind_sel=kind_sel)


def _smote_tomek(
    sampling_strategy: object, random_state: int, device: str | None, k_neighbors: int = 5
) -> "BaseSampler":
    from imblearn.combine import SMOTETomek

    return SMOTETomek(
        random_state=random_state,
        smote=_smote(sampling_strategy, random_state, device, k_neighbors),
        tomek=_tomek("all", device),
    )


def _smote_enn(
    sampling_strategy: object,
    random_state: int,
    device: str | None,
    k_neighbors: int = 5,
    n_neighbors: int = 3,
    kind_sel: str = "all",
) -> "BaseSampler":
    from imblearn.combine import SMOTEENN

    from ferkit.imbalance.neighbours import SparingEditedNeighbours

    return SMOTEENN(
        random_state=random_state,
        smote=_smote(sampling_strategy, random_state, device, k_neighbors),
        enn=_edited(SparingEditedNeighbours, "all", device, n_neighbors, kind_sel),
    )


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(
            f"imbalance.resample.options.{name} is {value!r}; give a whole number, 1 or more."
        )
    return value


EXACT: dict[str, Callable[..., Any]] = {
    "SMOTE": _smote,
    "TomekLinks": _tomek,
    "EditedNearestNeighbours": _enn,
    "SMOTETomek": _smote_tomek,
    "SMOTEENN": _smote_enn,
}

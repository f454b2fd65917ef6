"""The words of a search: those that say what to try, in Hydra's sweep grammar, and the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ferkit.composition import root_keys, split_words
from ferkit.errors import ConfigError
from ferkit.tree import choices, list_groups

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override, RangeSweep
    from optuna.distributions import BaseDistribution

_TAKEN = {
    "run_dir": "a sweep gives every trial its own folder; say out=DIR",
    "evaluate": "a sweep chooses on val alone; look at test with `ferkit eval run=DIR view=test`, "
    "once, for the trial that was chosen",
}


@dataclass(frozen=True)
class Space:
    """What is searched.

    Attributes:
        distributions: Key to the values it may take; sorted, so that the order of the words does
            not matter.
        constants: The words that every trial gets as they were typed.
        prefixes: Key to the key as it was typed, e.g. with `++`.
    """

    distributions: Mapping[str, "BaseDistribution"]
    constants: tuple[str, ...]
    prefixes: Mapping[str, str]

    def words(self, parameters: Mapping[str, Any]) -> list[str]:
        """The words of one trial."""
        searched = [f"{self.prefixes[k]}={_as_word(v)}" for k, v in sorted(parameters.items())]
        return [*self.constants, *searched]

    def examples(self) -> list[list[str]]:
        """Words that between them try every choice of every key once, the others at their first."""
        first = {key: _some(d)[0] for key, d in self.distributions.items()}
        others = [
            first | {key: value}
            for key, distribution in self.distributions.items()
            for value in _some(distribution)[1:]
        ]
        return [self.words(parameters) for parameters in (first, *others)]


def _some(distribution: "BaseDistribution") -> list[Any]:
    found = getattr(distribution, "choices", None)
    return list(found) if found else [getattr(distribution, "low")]  # noqa: B009


def _as_word(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def own_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Separate the keys of `ferkit sweep` from the words of `ferkit train`."""
    known = root_keys("sweep")
    own = [w for w in words if w.partition("=")[0] in known]
    return own, [w for w in words if w not in own]


def read_space(words: Sequence[str]) -> Space:
    """The search that words of `ferkit train` describe.

    `choice(a,b)` or `a,b` are categories, `interval(a,b)` is a float, `int(interval(a,b))` an
    integer, `range(start,stop,step)` a grid of numbers without its stop, and `tag(log,...)` makes
    the last three logarithmic.

    Raises:
        ConfigError: nothing is searched, a key is searched twice, or not for a sweep to say.
    """
    overrides, folders = split_words(words)
    constants: list[str] = [part for f in folders for part in ("--config-dir", f)]
    found: dict[str, BaseDistribution] = {}
    prefixes: dict[str, str] = {}
    for word in overrides:
        override = _parse(word)
        key = override.key_or_group
        if key in _TAKEN:
            raise ConfigError(f"{key} is not for a sweep to say: {_TAKEN[key]}.")
        if not override.is_sweep_override():
            constants.append(word)
            continue
        if key in found:
            raise ConfigError(f"{key} is searched twice; give it one set of values.")
        found[key], prefixes[key] = as_distribution(override), override.get_key_element()
    if not found:
        raise ConfigError(
            "Nothing is searched; give at least one key a set of values, e.g. "
            "'optimizer.lr=tag(log,interval(1e-4,1e-2))' or 'loss=choice(cross_entropy,focal)'."
        )
    return Space(dict(sorted(found.items())), tuple(constants), prefixes)


def _parse(word: str) -> "Override":
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_override(word)
    except HydraException as error:
        raise ConfigError(f"{word} cannot be read: {str(error).splitlines()[0]}.") from error


def as_distribution(override: "Override") -> "BaseDistribution":
    """Optuna's distribution of one searched word.

    Raises:
        ConfigError: the set is empty, or its bounds do not fit.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    value: Any = override.value()
    try:
        if override.is_choice_sweep():
            return CategoricalDistribution(_categories(override))
        log = "log" in value.tags
        if override.is_range_sweep():
            return _grid(value, log)
        if isinstance(value.start, int) and isinstance(value.end, int):
            return IntDistribution(value.start, value.end, log=log)
        return FloatDistribution(value.start, value.end, log=log)
    except ValueError as error:
        raise ConfigError(f"{override.input_line}: {' '.join(str(error).split())}") from error


def _categories(override: "Override") -> list[str]:
    value: Any = override.value()
    if hasattr(value, "filter"):  # glob(...)
        key = override.key_or_group
        found = value.filter(choices(key) if key in list_groups() else [])
    else:
        value.shuffle = False  # the order of categories is part of the search
        found = list(override.sweep_string_iterator())
    unique = list(dict.fromkeys(found))
    if not unique:
        raise ConfigError(f"{override.input_line}: nothing matches.")
    return unique


def _grid(value: "RangeSweep", log: bool) -> "BaseDistribution":
    from optuna.distributions import FloatDistribution, IntDistribution

    points = sorted(value.range())
    if not points:
        raise ValueError(f"range({value.start},{value.stop},{value.step}) is empty")
    step = abs(value.step)
    if all(isinstance(point, int) for point in points):
        return IntDistribution(int(points[0]), int(points[-1]), step=int(step), log=log)
    return FloatDistribution(points[0], points[-1], step=None if log else float(step), log=log)

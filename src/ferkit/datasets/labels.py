"""From the class names of a data set to the labels of an index."""

import re
from collections.abc import Iterable, Mapping, Sequence

from ferkit.datasets.walk import shown
from ferkit.emotions import EMOTIONS, canonical
from ferkit.errors import ConfigError, DataError, nearest, unknown

_NUMBERED = re.compile(r"^\s*\d{1,3}[\s._-]+")
_MOST_NAMED = 12
LabelOptions = Mapping[str, Mapping[str, str | None] | None]  # {map: {native: emotion or None}}


def name_labels(
    natives: Iterable[str],
    *,
    where: str,
    labels: LabelOptions | None = None,
    emotions: Sequence[str] | None = None,
    label_order: Sequence[str] | None = None,
) -> dict[str, str]:
    """Say for every native class name which label it becomes.

    `labels.map` is asked first, then `label_order` for names that are numbers, then the known
    emotions: the dataset's own where it brings some, else the canonical ones, and their aliases.

    Args:
        natives: The names as the data have them.
        where: What carries them and lies where, for the sentences, e.g. "class folder in /data".
        labels: `{map: {native: emotion or None}}`; None drops the class.
        emotions: The dataset's own class names, when they are not the canonical ones.
        label_order: Names of the numeric classes in ascending order of the numbers.

    Returns:
        Native name to label; an empty label means that the class is dropped.

    Raises:
        ConfigError: `labels` or `label_order` is malformed or names no known emotion.
        DataError: a native name is unknown, or a number without a given order.
    """
    found = sorted(set(natives))
    for option, names in (("emotions", emotions), ("label_order", label_order)):
        if isinstance(names, str):
            raise ConfigError(f"{option} is {names!r}; write a list: [{names}, ...].")
    known = [str(name) for name in emotions or EMOTIONS]
    given = _label_map(labels, known)
    numbers = sorted((n for n in found if n.isdecimal() and n not in given), key=int)
    given |= _in_order(numbers, label_order, known, where) if label_order else {}
    return {name: given[name] if name in given else _own(name, known, where) for name in found}


def unused_names(labels: LabelOptions | None, natives: Iterable[str]) -> list[str]:
    """Notes on names of `labels.map` that the data do not have, usually typing errors."""
    found = set(natives)
    return [
        f"labels.map names {name!r}, which is nowhere in the data.{nearest(name, found)}"
        for name in map(str, (labels or {}).get("map") or {})
        if name not in found
    ]


def _label_map(labels: LabelOptions | None, known: Sequence[str]) -> dict[str, str]:
    for key in labels or {}:
        if key != "map":
            raise ConfigError(f"labels: {unknown('key', str(key), ['map'])}")
    asked = (labels or {}).get("map") or {}
    if not isinstance(asked, Mapping):
        raise ConfigError(f"labels.map is {asked!r}; write it as {{native: emotion or null}}.")
    return {
        str(native): "" if name is None else _asked(str(name), known, "labels.map")
        for native, name in asked.items()
    }


def _in_order(
    numbers: Sequence[str], order: Sequence[str], known: Sequence[str], where: str
) -> dict[str, str]:
    if numbers and len(order) != len(numbers):
        raise ConfigError(
            f"label_order has {len(order)} names for {len(numbers)} numeric labels "
            f"({where}: {_some(numbers)}); give one for each, in ascending order."
        )
    names = [_asked(str(name), known, "label_order") for name in order]
    return dict(zip(numbers, names, strict=False))


def _some(numbers: Sequence[str]) -> str:
    more = f", ... ({len(numbers)} of them)" if len(numbers) > _MOST_NAMED else ""
    return ", ".join(map(shown, numbers[:_MOST_NAMED])) + more


def _asked(name: str, known: Sequence[str], option: str) -> str:
    label = _match(name, known)
    if label is None:
        raise ConfigError(
            f"{option}: {unknown('emotion', name, known)} Classes of your own are named by "
            "dataset.emotions=[...]."
        )
    return label


def emotion_of(name: str) -> str | None:
    """The emotion that a class is named by, with or without a number before it.

    >>> emotion_of("Happiness"), emotion_of("0_angry"), emotion_of("3"), emotion_of("2nd")
    ('happy', 'angry', None, None)
    """
    return canonical(name) or canonical(_NUMBERED.sub("", name))


def _match(name: str, known: Sequence[str]) -> str | None:
    label = name if name in known else emotion_of(name)
    return label if label in known else None


def _own(native: str, known: Sequence[str], where: str) -> str:
    label = _match(native, known)
    if label is not None:
        return label
    native = shown(native)
    if native.isdecimal():
        raise DataError(
            f"{native!r} ({where}) is a number, and which emotion a number means is never "
            f"guessed: give dataset.labels.map={{{native}: angry, ...}} or, for folders, "
            "dataset.label_order=[...]."
        )
    raise DataError(
        f"{native!r} ({where}) is no known emotion.{nearest(native, known)} Known: "
        f"{', '.join(known)}; rename it by dataset.labels.map={{{native}: <emotion>}}, drop it by "
        "null, or name the classes of your own by dataset.emotions=[...]."
    )

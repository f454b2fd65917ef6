"""From the class names of a data set to the labels of an index."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from ferkit.datasets.walk import shown
from ferkit.emotions import EMOTIONS, canonical
from ferkit.errors import ConfigError, DataError, nearest, unknown
from ferkit.printable import hydra_key

_NUMBERED = re.compile(r"^\s*\d{1,3}[\s._-]+")
_MOST_NAMED = 12
OWN = "own"  # in the place of a map: every name is a class of its own
LabelOptions = Mapping[str, Mapping[str, str | None] | None] | str
"""{map: {native: emotion or None}}, or "own"."""


def name_labels(
    natives: Iterable[str],
    *,
    where: str,
    labels: LabelOptions | None = None,
    emotions: Sequence[str] | None = None,
    label_order: Sequence[str] | None = None,
    own: bool = False,
) -> dict[str, str]:
    """Say for every native class name which label it becomes.

    `labels.map` is asked first, then `label_order` for names that are numbers, then the known
    emotions: the dataset's own where it brings some, else the canonical ones, and their aliases.

    Args:
        natives: The names as the data have them.
        where: What carries them and lies where, for the sentences, e.g. "class folder in /data".
        labels: `{map: {native: emotion or None}}`, None drops the class; or "own": the names
            are the classes.
        emotions: The dataset's own class names, when they are not the canonical ones.
        label_order: Names of the numeric classes in ascending order of the numbers.
        own: Whether the names are the classes where none of them is a known emotion.

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
    if labels == OWN:
        return {name: name for name in found}
    known = [str(name) for name in emotions or EMOTIONS]
    given = _label_map(labels, known)
    numbers = sorted((n for n in found if n.isdecimal() and n not in given), key=int)
    given |= _in_order(numbers, label_order, known, where) if label_order else {}
    named = {name: given.get(name, _match(name, known)) for name in found}
    unnamed = [name for name, label in named.items() if label is None]
    if own and not emotions and len(unnamed) == len(found) and not any(map(str.isdecimal, found)):
        return {name: name for name in found}
    if unnamed:
        raise DataError(_unnamed(unnamed, known, where))
    return {name: label for name, label in named.items() if label is not None}


def unused_names(labels: LabelOptions | None, natives: Iterable[str]) -> list[str]:
    """Notes on names of `labels.map` that the data do not have, usually typing errors."""
    found = set(natives)
    if isinstance(labels, str):
        return []
    return [
        f"labels.map names {name!r}, which is nowhere in the data.{nearest(name, found)}"
        for name in map(str, (labels or {}).get("map") or {})
        if name not in found
    ]


def _label_map(labels: LabelOptions | None, known: Sequence[str]) -> dict[str, str]:
    if isinstance(labels, str):
        raise ConfigError(f"labels is {labels!r}; write {OWN}, or {{map: {{native: emotion}}}}.")
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


def _unnamed(names: Sequence[str], known: Sequence[str], where: str) -> str:
    """The sentence for names without an emotion, with a map of all of them to paste."""
    first = [f"{shown(name)!r}" for name in names[:_MOST_NAMED]]
    more = f" and {len(names) - len(first)} more" if len(names) > len(first) else ""
    listed = f"{', '.join(first)}{more} ({where})"
    if any(map(str.isdecimal, names)):
        kind = "is a number" if len(names) == 1 else "are numbers"
        return (
            f"{listed} {kind}, and which emotion a number means is never guessed: give "
            f"{_map_to_paste(names, ['angry'] * len(names))} with the emotions that are meant or, "
            "for folders, 'dataset.label_order=[...]'."
        )
    near = [get_close_matches(name.lower(), known, n=1, cutoff=0.5) for name in names]
    meant = nearest(names[0], known) if len(names) == 1 else ""
    kind = "is no known emotion" if len(names) == 1 else "are no known emotions"
    pasted = _map_to_paste(names, [guess[0] if guess else "null" for guess in near])
    return (
        f"{listed} {kind}.{meant} Known: {', '.join(known)}; name the emotion of each or drop it "
        f"by null, {pasted}, or take the names as classes, dataset.labels=own."
    )


def _map_to_paste(names: Sequence[str], emotions: Sequence[str]) -> str:
    if len(names) > _MOST_NAMED or any(shown(name) != name for name in names):
        return "dataset.labels.map={name: emotion, ...} in quotes"
    pairs = (f"{hydra_key(n)}: {emotion}" for n, emotion in zip(names, emotions, strict=True))
    return shlex.quote(f"dataset.labels.map={{{', '.join(pairs)}}}")

"""The wanted emotion of a section: one, a mix in parts, or `any`."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ferkit.errors import DataError
from ferkit.printable import one_line

ANY = "any"  # of a section that is not judged
_MOST = 16  # emotions of a mix
_LONGEST = 80  # characters of a name
_ADVICE = (
    "give a word such as happy, or a mix such as {happy: 0.6, surprise: 0.4} (in a csv "
    "happy:0.6 surprise:0.4)"
)


def read_wanted(given: Any, where: str) -> dict[str, float]:
    """Emotion to its part; the parts sum to 1. Empty for `any`.

    Args:
        given: A word, words joined by + or blanks or commas, each with its part behind a colon
            where they are not equal; a list of words; or a mapping of words to parts.
        where: The section, for messages.

    Raises:
        DataError: it is none of these, or a part is not above 0.

    >>> read_wanted("happy:3 surprise:1", "scene.csv, section 1")
    {'happy': 0.75, 'surprise': 0.25}
    """
    pairs = list(_pairs(given, where))
    if not pairs:
        raise DataError(f"{where}: emotion is empty; {_ADVICE}.")
    if len(pairs) > _MOST:
        raise DataError(f"{where} mixes {len(pairs)} emotions; at most {_MOST} are taken.")
    parts: dict[str, float] = {}
    for name, part in pairs:
        parts[name] = parts.get(name, 0.0) + _number(part, name, where)
    if ANY in parts:
        if len(parts) > 1:
            raise DataError(f"{where}: any is mixed with other emotions; leave one or the other.")
        return {}
    total = math.fsum(parts.values())
    return {name: part / total for name, part in parts.items()}


def show_wanted(wanted: Mapping[str, float]) -> str:
    """A wanted emotion in words.

    >>> show_wanted({"surprise": 0.6, "happy": 0.4})
    'surprise 60% + happy 40%'
    """
    if len(wanted) < 2:
        return next(iter(wanted), ANY)
    return " + ".join(f"{name} {part:.0%}" for name, part in wanted.items())


def _pairs(given: Any, where: str) -> Iterable[tuple[str, Any]]:
    if isinstance(given, Mapping):
        return [(_name(name, where), part) for name, part in given.items()]
    if isinstance(given, str):
        words = [word for word in re.split(r"[\s,;+]+", re.sub(r"\s*:\s*", ":", given)) if word]
        split = [word.partition(":") for word in words]
        return [(_name(name, where), part if colon else 1) for name, colon, part in split]
    if isinstance(given, list):
        return [(_name(name, where), 1) for name in given]
    raise DataError(f"{where}: emotion is {str(given)[:60]!r}; {_ADVICE}.")


def _name(given: Any, where: str) -> str:
    if not isinstance(given, str) or not given.strip() or len(given) > _LONGEST:
        raise DataError(f"{where}: {str(given)[:60]!r} is no emotion; {_ADVICE}.")
    return one_line(given.strip())


def _number(part: Any, name: str, where: str) -> float:
    try:
        number = math.nan if isinstance(part, bool) else float(part)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 < number <= 1e6:
        raise DataError(
            f"{where}: the part of {name} is {str(part)[:60]!r}; give a number above 0."
        )
    return number

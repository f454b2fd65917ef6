"""Configs that were written before: translated where something moved, refused where they reach out.

What a run folder or a model names is untrusted. Its targets go through the same closed lists as a
typed config (`ferkit.targets`); this comes before that.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ferkit.errors import DataError

# The dotted path of then to that of now. A line is added when a target moves, and never removed.
MOVED_TARGETS: dict[str, str] = {
    "ferkit.datasets.ferplus.read_ferplus": "ferkit.datasets.fer2013.ferplus.read_ferplus",
    "ferkit.evaluation.tta.Tta": "ferkit.inference.tta.Tta",
}
# The dotted key of then to that of now, below the root of a run's config, e.g. "trainer.frames".
RENAMED_KEYS: dict[str, str] = {
    "trainer.frames": "trainer.frames_per_clip",
    "trainer.visits": "trainer.sampling",
    "trainer.resident": "trainer.cache_on_device",
    "against": "baseline",
    "ease": "difficulty",
}
# Dotted key of then to its values that have another name now.
RENAMED_VALUES: dict[str, dict[str, str]] = {
    "trainer.visits": {"film": "video"},
    "dataset.form": {"films": "videos"},
    "study.variant": {"as_printed": "as_published"},
}


def as_of_now(saved: Mapping[str, Any], source: object) -> dict[str, Any]:
    """A saved config in the names of today.

    Args:
        saved: Group to node, or root key to value; interpolations not resolved.
        source: The file it was read from, for messages.

    Raises:
        DataError: a value is an interpolation; a config is saved with its values.
    """
    for name, value in _leaves(saved):
        if isinstance(value, str) and "${" in value:
            raise DataError(
                f"{source}: {name} is the interpolation {value[:60]!r}, but a saved config holds "
                "values; write the value in its place, or take the file from whom you trust."
            )
    renamed = {str(key): _renamed(value, str(key)) for key, value in saved.items()}
    return {RENAMED_KEYS.get(key, key): value for key, value in renamed.items()}


def _renamed(value: Any, where: str) -> Any:
    if isinstance(value, list):
        return [_renamed(item, where) for item in value]
    if not isinstance(value, Mapping):
        return value
    found = {}
    for key, inner in value.items():
        name = RENAMED_KEYS.get(f"{where}.{key}", f"{where}.{key}").removeprefix(f"{where}.")
        if isinstance(inner, str):
            inner = MOVED_TARGETS.get(inner, inner) if key == "_target_" else inner
            inner = RENAMED_VALUES.get(f"{where}.{key}", {}).get(inner, inner)
        found[name] = _renamed(inner, f"{where}.{key}")
    return found


def _leaves(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield where or "its first key", str(key)
            yield from _leaves(inner, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{where}[{number}]")
    else:
        yield where, value

"""Resamplers of neighbours where a class has fewer images than neighbours are asked for.

ferkit's own SMOTE, Tomek links and edited neighbours bound themselves and note it. Any other of
imbalanced-learn's oversamplers gets options that hold, and a second copy of what is alone.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from ferkit.imbalance.origins import Origins
from ferkit.imbalance.resamplers import EXACT, find_sampler

_WITHIN = ("k_neighbors", "n_neighbors")  # looked for within a class
_AMONG = ("m_neighbors",)  # among all


def bound_options(
    rule: str, options: Mapping[str, object] | None, class_ids: np.ndarray
) -> tuple[dict[str, object], list[str]]:
    """The options of an oversampler, its neighbours bounded by what is there, and notes.

    Args:
        rule: As `find_sampler` takes it.
        options: As the user gave them.
        class_ids: int64 [N].
    """
    given = dict(options or {})
    if not _needs_help(rule):
        return given, []
    most = {
        **dict.fromkeys(_WITHIN, max(_smallest(class_ids), 2) - 1),
        **dict.fromkeys(_AMONG, len(class_ids) - 1),
    }
    known, notes = inspect.signature(find_sampler(rule)).parameters, []
    for name in [name for name in most if name in known]:
        asked = given.get(name, known[name].default)
        if isinstance(asked, int) and asked > most[name]:
            given[name] = most[name]
            notes.append(f"{name} is {asked}, bounded by the smallest class: {most[name]} is taken")
    return given, notes


def double_singles(rule: str, class_ids: np.ndarray) -> np.ndarray:
    """The rows that a sampler is shown, int64: all, and again those that are alone in a class."""
    every = np.arange(len(class_ids))
    if not _needs_help(rule):
        return every
    labels, counts = np.unique(class_ids, return_counts=True)
    return np.concatenate([every, np.flatnonzero(np.isin(class_ids, labels[counts == 1]))])


def back_to_rows(origins: Origins, rows: np.ndarray) -> Origins:
    """Origins among the rows that `double_singles` gave, as origins among all rows."""
    first, second = (np.where(i < 0, -1, rows[i]) for i in (origins.first, origins.second))
    return Origins(first, second, origins.step)


def bounded_notes(sampler: Any, names: tuple[str, ...]) -> list[str]:
    """What a fitted sampler of ferkit's own has bounded."""
    smote = getattr(sampler, "smote_", sampler)
    few: dict[int, int] = getattr(smote, "bounded_", {})
    notes = []
    if several := {label: n for label, n in few.items() if n > 1}:
        taken = ", ".join(f"{n - 1} for {names[label]}" for label, n in several.items())
        asked = smote.k_neighbors.n_neighbors - 1
        notes.append(f"k_neighbors is {asked}, bounded by the images of a class: {taken}")
    if alone := [names[label] for label, n in few.items() if n == 1]:
        notes.append(f"one image alone is copied, not mixed: {', '.join(alone)}")
    cleaner = getattr(sampler, "tomek_", getattr(sampler, "enn_", sampler))
    if spared := [names[label] for label in getattr(cleaner, "spared_", ())]:
        notes.append(f"kept whole, since cleaning would leave not one image: {', '.join(spared)}")
    return notes


def _needs_help(rule: str) -> bool:
    from imblearn.over_sampling.base import BaseOverSampler

    kind = find_sampler(rule)
    known = inspect.signature(kind).parameters
    looks = any(name in known for name in _WITHIN)
    return looks and issubclass(kind, BaseOverSampler) and kind.__name__ not in EXACT


def _smallest(class_ids: np.ndarray) -> int:
    return int(np.unique(class_ids, return_counts=True)[1].min())

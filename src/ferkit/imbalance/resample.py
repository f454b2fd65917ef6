"""Making and dropping rows of the training view, and of that alone.

SMOTE's rows (Chawla et al. 2002, "SMOTE: synthetic minority over-sampling technique") lie between
two faces of a class; Tomek links (Tomek 1976) and edited nearest neighbours (Wilson 1972) drop
faces that lie among another class. Which rows, is imbalanced-learn's choice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ferkit.errors import ConfigError, unknown
from ferkit.imbalance.bounds import back_to_rows, bound_options, bounded_notes, double_singles
from ferkit.imbalance.origins import Origins, trace
from ferkit.imbalance.resamplers import find_sampler, make_sampler
from ferkit.imbalance.slots import Resampling
from ferkit.imbalance.spaces import (
    Back,
    is_wide,
    number_rows,
    project,
    rotate,
    warn_of_memory,
)

if TYPE_CHECKING:
    from ferkit.views import Views

_BLIND = ("RandomOverSampler", "RandomUnderSampler")  # never look at the faces
_CHUNK = 1024  # faces mixed at a time


@dataclass(frozen=True)
class Resampled:
    """The training view after resampling.

    Attributes:
        faces: uint8 [M, H, W] or [M, H, W, 3]; float32 [M, D] in the space "features".
        class_ids: int64 [M].
        keys: [M]; of a row that was made or copied `<rule>/<number>`.
        sources: [M], the keys of a made row's parents, joined by "|"; "" for a row that was
            there before, and for a row of a sampler that does not say.
        parents: int64 [M, 2], rows of the faces before that a row is made of, twice the same for
            one that was there before or is made of one; -1 where the sampler does not say.
        steps: float64 [M], how far a row lies from its first parent to its second, 0..1; nan where
            it is neither a mixture nor a copy.
        counts_before: Class to images.
        counts_after: Class to images.
        dropped: Keys of the rows that are gone.
        notes: Facts worth a line.
    """

    faces: np.ndarray
    class_ids: np.ndarray
    keys: np.ndarray
    sources: np.ndarray
    parents: np.ndarray
    steps: np.ndarray
    counts_before: dict[str, int]
    counts_after: dict[str, int]
    dropped: list[str]
    notes: list[str] = field(default_factory=list)

    @property
    def made(self) -> np.ndarray:
        """Rows that were not there before: bool [M]."""
        return np.asarray((self.sources != "") | np.isnan(self.steps))

    def describe(self) -> dict[str, Any]:
        """What data.json says of it."""
        return {
            "counts_before": self.counts_before,
            "counts_after": self.counts_after,
            "made": int(self.made.sum()),
            "dropped": len(self.dropped),
            "notes": self.notes,
        }


def resample_train(
    views: "Views",
    options: Resampling,
    *,
    seed: int,
    features: np.ndarray | None = None,
    device: str | None = None,
) -> Resampled:
    """Resample the train view of a run as the strategy's `resample` slot says.

    Args:
        views: After the split.
        options: `Strategy.resampling`.
        seed: The run's.
        features: Float [n, D], of the n rows of train in their order; for the space "features".
        device: Where neighbours are searched.

    Raises:
        ConfigError: there is no train view yet, the space is "features" and there are none, or
            the sampler refuses the classes' counts.
    """
    rows = training_rows(views.split.views)
    keys = views.store.index["key"].to_numpy()
    faces = features if options.space == "features" else views.store.faces[rows]
    if faces is None:
        raise ConfigError(
            "imbalance.resample.space=features needs the features of a frozen backbone, which this "
            "run does not compute; set it to pixels or pca."
        )
    if options.space != "features" and find_sampler(options.rule).__name__ not in _BLIND:
        counts = np.bincount(views.class_ids[rows])
        wide = is_wide(faces, options.rule)
        values = len(faces) if wide else int(np.prod(faces.shape[1:]))
        warn_of_memory(int(counts.max()) * len(counts), values)
    return resample(
        faces,
        views.class_ids[rows],
        keys[rows],
        **vars(options),
        emotions=views.emotions,
        seed=seed,
        device=device,
    )


def training_rows(assigned: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """The rows that may be resampled.

    Args:
        assigned: View of every row of the store, [N], "" for none.
        rows: Those that somebody wants to resample; by default all of the train view.

    Returns:
        int64, the rows.

    Raises:
        ConfigError: no row is assigned to train yet, or some of `rows` belong to another view.
    """
    train = np.flatnonzero(assigned == "train")
    if not len(train):
        raise ConfigError(
            "imbalance.resample was asked before a split: no row belongs to train; assign the "
            "views first (split=auto), then resample the train view alone."
        )
    if rows is None:
        return train
    foreign = assigned[rows]
    counts = {str(v) or "no view": int((foreign == v).sum()) for v in np.unique(foreign)}
    counts.pop("train", None)
    if counts:
        named = " and ".join(f"{n} of {view}" for view, n in counts.items())
        raise ConfigError(
            f"imbalance.resample was asked for rows outside the train view ({named}); give rows "
            "of train alone, since metrics on resampled or copied test faces say nothing."
        )
    return np.asarray(rows, dtype=np.int64)


def resample(
    faces: np.ndarray,
    class_ids: np.ndarray,
    keys: np.ndarray,
    *,
    rule: str = "smote_tomek",
    space: str = "pixels",
    components: int = 100,
    sampling_strategy: object = "auto",
    options: Mapping[str, object] | None = None,
    emotions: Sequence[str] | None = None,
    seed: int = 0,
    device: str | None = None,
) -> Resampled:
    """Resample faces; the caller vouches that all are of the training view.

    Args:
        faces: uint8 [N, H, W] or [N, H, W, 3]; float [N, D] in the space "features".
        class_ids: int64 [N].
        keys: str [N], unique.
        rule: A key of `ferkit.imbalance.resamplers.RESAMPLERS` or a class of imbalanced-learn.
        space: Where neighbours are near: "pixels", "pca" or "features".
        components: Of "pca"; bounded by the faces and their values.
        sampling_strategy: imbalanced-learn's: a word ("auto", "minority", "not majority", "all"),
            a list of classes, or class to the images it shall have.
        options: Further arguments of the sampler, e.g. {k_neighbors: 3}.
        emotions: The classes' names, [K].
        seed: For drawing.
        device: Where neighbours are searched; by default a GPU where there is one.

    Raises:
        ConfigError: an unknown rule, space or option, or the sampler refuses or leaves nothing of a
            class. Neighbours are bounded by the faces of a class, as the notes say.
    """
    names = tuple(emotions or map(str, range(int(class_ids.max()) + 1)))
    held, bounded = bound_options(rule, options, class_ids)
    sampler = make_sampler(
        rule,
        sampling_strategy=_by_code(sampling_strategy, names),
        options=held,
        seed=seed,
        device=device,
    )
    blind = find_sampler(rule).__name__ in _BLIND and not options
    wide = space in ("pixels", "pca") and not blind and is_wide(faces, rule)
    points = (
        rotate(faces) if wide else faces
    )  # distances, variances and mixtures stay what they are
    matrix, back, notes = number_rows(faces) if blind else project(points, space, components)
    before = _count(class_ids, names)
    shown = double_singles(rule, class_ids)
    alone = len(shown) > len(class_ids)
    seen, labels = (matrix[shown], class_ids[shown]) if alone else (matrix, class_ids)
    drawn, after = _draw(sampler, seen, labels, rule, before)
    origins = back_to_rows(trace(sampler, seen, labels, drawn, after), shown)
    notes = [*bounded, *bounded_notes(sampler, names), *notes]
    made = drawn if space == "features" and not blind else _faces(faces, origins, drawn, back)
    if (origins.first < 0).any():
        notes.append(f"{rule} does not say which faces its new rows are made of")
    left = _count(after, names)
    notes += _losses(rule, before, left)
    keys = np.asarray(keys, dtype=object)
    names_after, sources = _name(origins, keys, rule)
    gone = np.setdiff1d(np.arange(len(class_ids)), origins.first[origins.kept])
    return Resampled(
        faces=made,
        class_ids=np.asarray(after, dtype=np.int64),
        keys=names_after,
        sources=sources,
        parents=np.stack([origins.first, origins.second], 1),
        steps=origins.step,
        counts_before=before,
        counts_after=left,
        dropped=keys[gone].tolist(),
        notes=notes,
    )


def _by_code(strategy: object, names: tuple[str, ...]) -> object:
    if isinstance(strategy, Mapping):
        return {_code(name, names): count for name, count in strategy.items()}
    if isinstance(strategy, list | tuple):
        return [_code(name, names) for name in strategy]
    return strategy


def _code(name: object, names: tuple[str, ...]) -> int:
    if str(name) not in names:
        place = "class in imbalance.resample.sampling_strategy"
        raise ConfigError(unknown(place, str(name), names))
    return names.index(str(name))


def _draw(
    sampler: Any, matrix: np.ndarray, class_ids: np.ndarray, rule: str, before: dict[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    try:
        drawn, after = sampler.fit_resample(matrix, class_ids)
    except (ValueError, RuntimeError) as error:
        counts = ", ".join(f"{name} {n}" for name, n in before.items())
        reason = str(error).split("\n")[0].rstrip(".")
        raise ConfigError(
            f"imbalance.resample={rule} cannot resample this train view ({counts}): {reason}; "
            "change imbalance.resample.options or leave the rarest class out by emotions=[...]."
        ) from error
    return drawn, after


def _losses(rule: str, before: dict[str, int], after: dict[str, int]) -> list[str]:
    gone = [name for name, n in before.items() if n and not after[name]]
    if gone:
        raise ConfigError(
            f"imbalance.resample={rule} leaves not one image of {', '.join(gone)}; take another "
            "rule or space, or a milder option (kind_sel=mode for ENN)."
        )
    lost = [name for name, n in before.items() if 2 * after[name] < n]
    return [f"{rule} leaves {after[name]:,} of {before[name]:,} {name}" for name in lost]


def _faces(faces: np.ndarray, origins: Origins, drawn: np.ndarray, back: Back) -> np.ndarray:
    result = faces[origins.first]
    mixed = np.flatnonzero(origins.first != origins.second)
    for rows in np.split(mixed, range(_CHUNK, len(mixed), _CHUNK)):
        start = faces[origins.first[rows]].astype(np.float64)
        step = origins.step[rows].reshape(-1, *[1] * (faces.ndim - 1))
        result[rows] = np.rint(start + step * (faces[origins.second[rows]] - start))
    other = np.isnan(origins.step)  # what is no mixture of faces is as the sampler drew it
    if other.any():
        pixels = np.rint(back(drawn[other])).clip(0, 255)
        result[other] = pixels.reshape(-1, *faces.shape[1:])
    return result


def _name(origins: Origins, keys: np.ndarray, rule: str) -> tuple[np.ndarray, np.ndarray]:
    first, second = origins.first, origins.second
    names, sources = keys[first].copy(), np.full(len(first), "", dtype=object)
    for number, i in enumerate(np.flatnonzero(~origins.kept)):
        names[i] = f"{rule}/{number:06d}"
        if first[i] >= 0:
            sources[i] = "|".join(dict.fromkeys((str(keys[first[i]]), str(keys[second[i]]))))
    return names, sources


def _count(class_ids: np.ndarray, names: tuple[str, ...]) -> dict[str, int]:
    return {name: int((class_ids == k).sum()) for k, name in enumerate(names)}

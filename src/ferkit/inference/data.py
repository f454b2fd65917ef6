"""The data that a trained run predicts: its own split as it was, or another dataset."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from ferkit.errors import ConfigError, DataError, unknown
from ferkit.faces.store import FaceStore
from ferkit.runs.fingerprint import IN_TRAIN, fingerprint
from ferkit.splits import VIEWS, Split, count_leaks, read_split, split_hash
from ferkit.splits.overlap import IDENTITY, alike_subjects, overlap_with_train
from ferkit.splits.split import ALL
from ferkit.views import Views, encode, make_store, make_views

_ALIKE = (
    "{:,} faces carry a subject's id that the training view has too; if they are the same people, "
    "give both datasets the same dataset.name, and these faces are left out"
)


@dataclass(frozen=True)
class RunSplit:
    """The split that a run was trained with.

    Attributes:
        table: key and view of every row, and the columns of `IDENTITY` but in runs of before.
        described: `split` of data.json: name, protocol, notes.
    """

    table: pd.DataFrame
    described: dict[str, Any]

    @property
    def knows_images(self) -> bool:
        """Whether the rows can be told by their content."""
        return set(IDENTITY) <= set(self.table.columns)


def read_run_split(folder: Path, data: dict[str, Any]) -> RunSplit | None:
    """The split of a run's folder, None where a run of before did not keep it."""
    path = folder / "split.parquet"
    return RunSplit(read_split(path), dict(data.get("split") or {})) if path.is_file() else None


def is_same_data(split: RunSplit, store: FaceStore) -> bool:
    """Whether a store holds just the images and labels that a run was trained and chosen on."""
    if split.knows_images:
        return fingerprint(split.table) == fingerprint(store.index)
    return set(split.table["key"]) == set(store.index["key"])


def own_views(
    config: DictConfig,
    split: RunSplit | None,
    emotions: Sequence[str],
) -> Views:
    """The run's own data, assigned as split.parquet has it, not as a split made anew.

    Args:
        config: The run's, with the data's folder as it is now.
        emotions: The classes of the model.

    Raises:
        DataError: none of the rows of a view is there any more.
    """
    if split is None:
        return make_views(config)
    store = make_store(config)
    frame = store.index
    labels = frame["label"].where(frame["label"].isin(list(emotions)), "")
    views, changes = _assign(split, frame)
    notes = [*(split.described.get("notes") or []), *changes]
    whole = Split(
        np.where(labels != "", views, "").astype("<U5"),
        str(split.described.get("name", "from_file")),
        str(split.described.get("protocol", "as the run was trained")),
        notes,
    )
    assigned = frame.assign(label=labels)
    return Views(
        store,
        tuple(emotions),
        encode(labels, emotions),
        whole,
        count_leaks(assigned, whole.views),
        split_hash(assigned, whole.views),
    )


def _assign(split: RunSplit, frame: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """The view of every row, and a sentence for each kind of change since the training."""
    then = split.table.set_index("key")
    views = frame["key"].map(then["view"]).fillna("").to_numpy(dtype="<U5")
    gone = then[~then.index.isin(frame["key"]) & (then["view"] != "")]
    counts: dict[str, pd.Series] = {}
    if split.knows_images:
        now = frame.set_index("key")
        moved = _moved(gone, frame[~frame["key"].isin(then.index)])
        views[frame.index.get_indexer(moved.index)] = moved["view"]
        gone = gone[~gone.index.isin(moved["was"])]
        here = then[then.index.isin(now.index) & (then["view"] != "")]
        there = now.loc[here.index]
        same = moved["label"] == moved["then"]
        counts["moved to another file name"] = moved["view"][same]
        counts["labelled otherwise"] = pd.Series(
            [*here["view"][here["label"] != there["label"]], *moved["view"][~same]], dtype=str
        )
        counts["replaced by another image"] = here["view"][here["content"] != there["content"]]
    counts["gone"] = gone["view"]
    notes = []
    for what, of in counts.items():
        for view, n in of.value_counts().items():
            total = int((then["view"] == view).sum())
            notes.append(f"since the training {n:,} of the {total:,} {view} images were {what}")
            if what == "gone" and n == total:
                raise DataError(
                    f"All {total:,} {view} images of the run are gone from its dataset; restore "
                    "them, or give the folder they lie in with dataset.root=DIR."
                )
    return views, notes


def _moved(gone: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """New rows that hold the image of just one that is gone: view, label, key and label then."""
    once = gone.reset_index()
    once = once[~once["content"].duplicated(keep=False) & (once["content"] != "")]
    fresh = new.reset_index()[["index", "content", "label"]]
    fresh = fresh[~fresh["content"].duplicated(keep=False)]
    once = once[["key", "view", "content", "label"]]
    both = fresh.merge(once.rename(columns={"label": "then", "key": "was"}), on="content")
    return both.set_index("index")[["view", "label", "was", "then"]]


def other_views(
    store: FaceStore, emotions: Sequence[str], view: str, train: pd.DataFrame | None
) -> Views:
    """Another dataset's faces as one view, whole or its official part.

    Rows that share an image, source or subject with the training rows are marked (`in_train`) and
    no metric counts them.

    Args:
        emotions: The classes of the model; other labels stay and count as wrong.
        view: "all", or one that the dataset itself has: train, val, test.
        train: Training rows with the columns of `IDENTITY`; None where they are not known.

    Raises:
        ConfigError: the dataset has no such view.
        DataError: no labelled face, or all of them lie in the training view.
    """
    frame = store.index
    labelled = (frame["label"] != "").to_numpy()
    official = [v for v in VIEWS if ((frame["split"] == v) & labelled).any()]
    name = store.card["dataset"]["name"]
    if view not in (ALL, *official):
        known = unknown(f"view of {name}", view, [ALL, *official])
        raise ConfigError(f"{known} Its own views are those of its official split; all is whole.")
    chosen = labelled & ((frame["split"] == view).to_numpy() | (view == ALL))
    if not chosen.any():
        raise DataError(f"{name}: no image carries a label to judge by.")
    if train is not None:
        shared = overlap_with_train(train, frame)
        store = replace(store, index=frame.assign(**{IN_TRAIN: shared}))
        if (shared[chosen] != "").all():
            raise DataError(
                f"All {chosen.sum():,} faces of {name} share an image, source or subject with the "
                "run's training view; judge the run on its own views, with view=val or view=test."
            )
    protocol = "every labelled face" if view == ALL else f"the dataset's own {view} faces"
    alike = 0 if train is None else alike_subjects(train, frame[chosen])
    notes = [_ALIKE.format(alike)] if alike else []
    split = Split(np.where(chosen, view, "").astype("<U5"), view, protocol, notes)
    hash_ = split_hash(frame, split.views)
    return Views(store, tuple(emotions), encode(frame["label"], emotions), split, {}, hash_)


def training_rows(split: RunSplit | None, config: DictConfig) -> pd.DataFrame | None:
    """The rows that a run was trained on, to look for in other data.

    A run of before kept their keys alone; then its own dataset is read, if it is there.
    """
    if split is None:
        return None
    if split.knows_images:
        return split.table[split.table["view"] == "train"]
    try:
        index = make_store(config).index
    except (DataError, ConfigError):
        return None
    keys = split.table["key"][split.table["view"] == "train"]
    return index[index["key"].isin(keys)]


def is_test_access(views: Views, name: str, own: bool) -> bool:
    """Whether a view is test data: of another dataset, if a test split is in it."""
    if own:
        return name not in ("train", "val")
    rows = views.store.index.iloc[views.rows(name)]
    return bool((rows["split"] == "test").any())

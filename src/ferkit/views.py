"""From config to views: which prepared faces train, choose and test, and what leaks between."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from ferkit.config import build
from ferkit.datasets.index import FaceIndex
from ferkit.emotions import choose
from ferkit.errors import DataError
from ferkit.faces.prepare import prepare, prepare_shard
from ferkit.faces.shards import PartDone, Shard
from ferkit.faces.store import FaceStore
from ferkit.files import usable_folder
from ferkit.names import check_name
from ferkit.splits import Split, count_leaks, leak_warnings, split_hash
from ferkit.splits.split import ALL, VIEWS


@dataclass(frozen=True)
class Views:
    """A store whose rows are assigned.

    Attributes:
        emotions: The classes of the run, K of them.
        class_ids: int64 [N], position of a row's label in `emotions`, -1 for another or none.
        split: The protocol; `split.views` [N] holds "" for rows that are left out.
        leaks: Pair of views to kind to the rows of the second that share with the first.
    """

    store: FaceStore
    emotions: tuple[str, ...]
    class_ids: np.ndarray
    split: Split
    leaks: dict[str, dict[str, int]]
    hash: str

    def rows(self, *views: str) -> np.ndarray:
        """Row numbers of the store in these views."""
        return np.flatnonzero(np.isin(self.split.views, views))

    def counts(self, view: str) -> dict[str, int]:
        """Images a class; classes that the run has not (another dataset's) come last."""
        rows = self.rows(view)
        found = self.store.index["label"].iloc[rows[self.class_ids[rows] < 0]].value_counts()
        class_ids = self.class_ids[rows]
        return {e: int((class_ids == k).sum()) for k, e in enumerate(self.emotions)} | {
            str(label): int(n) for label, n in found.sort_index().items() if label
        }

    def describe(self) -> dict[str, Any]:
        """What data.json says of a run's data."""
        card = self.store.card
        present = [v for v in (*VIEWS, ALL) if (self.split.views == v).any()]
        return {
            "dataset": {**card["dataset"], "n": card["n"], "dropped": card["dropped"]},
            "faces": card["faces"],
            "dropped_share": card["dropped_share"],
            "emotions": list(self.emotions),
            "counts": {view: self.counts(view) for view in present},
            "counts_after": None,
            "leaks": self.leaks,
            "split": {
                "name": self.split.name,
                "protocol": self.split.protocol,
                "notes": self.split.notes,
                "hash": self.hash,
            },
        }

    def warnings(self) -> list[str]:
        """What a person should know before trusting a metric."""
        return [*self.store.card["dataset"]["warnings"], *leak_warnings(self.leaks)]


def read_index(dataset: Any) -> FaceIndex:
    """Read the dataset that a node describes."""
    index: FaceIndex = build(dataset, where="dataset")
    check_name(index.name, "dataset.name")
    return index


def make_store(config: DictConfig) -> FaceStore:
    """The prepared faces of a config's dataset; prepared now if need be."""
    return prepare_index(read_index(config.dataset), config)


def make_shard(config: DictConfig, shard: Shard) -> PartDone:
    """Prepare one shard of a config's dataset, for others on the same disk to go on with."""
    root = usable_folder(Path(config.prepared_root), "prepared_root")
    index = read_index(config.dataset)
    return prepare_shard(index, build(config.faces, where="faces"), root, shard)


def prepare_index(index: FaceIndex, config: DictConfig) -> FaceStore:
    """The prepared faces of an index under a config's `faces` node."""
    root = usable_folder(Path(config.prepared_root), "prepared_root")
    settings = build(config.faces, where="faces")
    device = str(config.trainer.device) if "trainer" in config else "auto"
    return prepare(index, settings, root, device=device)


def make_views(config: DictConfig, limits: dict[str, int | None] | None = None) -> Views:
    """Read, prepare, split and check the data of a config.

    Args:
        limits: View to the size of the stratified subset to take of it.

    Raises:
        DataError: a class of the run has no training image, or there is no val view.
    """
    index = read_index(config.dataset)
    emotions = choose(config.emotions, index.emotions)
    store = prepare_index(index, config)
    labels = store.index["label"].where(store.index["label"].isin(emotions), "")
    _require_labels(store, labels)
    frame = store.index.assign(label=labels)
    split: Split = build(config.split, where="split", frame=frame, seed=config.seed)
    class_ids = encode(labels, emotions)
    for view, size in (limits or {}).items():
        _limit(split.views, class_ids, view, size, config.seed)
    views = Views(
        store,
        emotions,
        class_ids,
        split,
        count_leaks(frame, split.views),
        split_hash(frame, split.views),
    )
    _require_views(views)
    return views


def encode(labels: pd.Series, emotions: Sequence[str]) -> np.ndarray:
    """Position of each label in `emotions`, -1 where it is none of them."""
    positions = {emotion: k for k, emotion in enumerate(emotions)}
    return labels.map(positions).fillna(-1).to_numpy(dtype=np.int64)


def _limit(
    views: np.ndarray, class_ids: np.ndarray, view: str, size: int | None, seed: int
) -> None:
    rows = np.flatnonzero(views == view)
    if size is None or size >= len(rows):
        return
    kept = stratified_subset(class_ids[rows], size, seed)
    views[np.setdiff1d(rows, rows[kept])] = ""


def stratified_subset(class_ids: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Positions of `size` rows in the proportions of their classes, at least one a class."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(class_ids))
    # the first of each class, then every class at its own pace
    order = pd.Series(class_ids[shuffled]).groupby(class_ids[shuffled]).cumcount().to_numpy()
    totals = np.bincount(class_ids)[class_ids[shuffled]]
    pace = np.where(order == 0, -1.0, (order + 0.5) / totals)
    return np.sort(shuffled[np.argsort(pace, kind="stable")[:size]])


def _require_labels(store: FaceStore, labels: pd.Series) -> None:
    if (labels == "").all():
        dataset = store.card["dataset"]
        why = " ".join([*dataset["warnings"], *dataset["notes"]])
        raise DataError(f"{dataset['name']}: no image carries a label to train on. {why}".strip())


def _require_views(views: Views) -> None:
    dataset = views.store.card["dataset"]
    name = dataset["name"]
    empty = [e for e, n in views.counts("train").items() if n == 0]
    if empty:
        raise DataError(
            f"{name}: no training image of {', '.join(empty)} ({views.split.protocol}); choose "
            f"among the others with emotions=[...], or another split."
        )
    if not len(views.rows("val")):
        raise DataError(
            f"{name}: the val view is empty ({views.split.protocol}); give split.val a share of "
            "train."
        )

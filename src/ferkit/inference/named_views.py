"""Views by name: the run's own, or test views that the root key `tests` describes.

A test view is a mapping of a few keys: `views` (of the run's split, by default the one of its own
name) and `where` (column of the index to value) choose rows of the run's data; `dataset` (with
`faces`, where it is prepared otherwise) takes another dataset instead; `at_most` (class to count)
keeps the first rows of a class; `resample` (as `imbalance.resample`) makes a balanced view out of
it, which one study reported on.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig, OmegaConf

from ferkit.composition import load_choice
from ferkit.config import as_plain
from ferkit.errors import ConfigError, DataError, unknown
from ferkit.imbalance.resample import Resampled, resample
from ferkit.imbalance.slots import Resampling, read_slot
from ferkit.log import log
from ferkit.names import check_name
from ferkit.runs.fingerprint import CONTENT, IN_TRAIN
from ferkit.splits import Split
from ferkit.splits.overlap import overlap_with_train
from ferkit.views import Views, encode, make_store

KEYS = ("views", "where", "dataset", "faces", "at_most", "resample")


def named_view(config: DictConfig, views: Views, name: str) -> tuple[Views, np.ndarray]:
    """A view of the run's own data, or one that `tests` names.

    Args:
        config: Of the run.
        views: Its data.
        name: train, val, test, or a key of `tests`.

    Returns:
        The data that the view is of, and its rows there.

    Raises:
        ConfigError: the view is described by an unknown key, or by keys that do not go together.
        DataError: the view is empty.
    """
    asked = dict(as_plain(config.tests).get(name) or {})
    check_test(name, asked)
    shown = _other_data(config, views, name, asked) if "dataset" in asked else views
    chosen = _chosen(shown, asked, name)
    rows = _first_rows(shown, np.flatnonzero(chosen), asked.get("at_most", {}))
    if not len(rows):
        raise DataError(f"The {name} view is empty ({shown.split.protocol}); choose another view.")
    if "resample" in asked:
        return _resampled(shown, rows, asked["resample"], int(config.seed))
    return shown, rows


def merge_tests(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """The named views of a run, with keys that were typed put over theirs."""
    merged = dict(stored)
    for name, given in asked.items():
        if name not in merged and not (isinstance(given, Mapping) and len(given)):
            raise ConfigError(unknown("view in tests", str(name), list(stored)))
        merged[name] = _over(merged.get(name) or {}, given or {})
    return merged


def _over(below: Any, above: Any) -> Any:
    if not isinstance(above, Mapping):
        return above
    if isinstance(below, str):  # the name of a choice stands for its node
        below = {"name": below}
    found = dict(below) if isinstance(below, Mapping) else {}
    return found | {key: _over(found.get(key), value) for key, value in above.items()}


def check_test(name: str, asked: Mapping[str, Any]) -> None:
    """Check the name and the keys of a named test view.

    Raises:
        ConfigError: the name is no file name, a key is unknown or makes no sense beside another.
    """
    check_name(name, "tests")
    for key in asked:
        if key not in KEYS:
            known = [f"tests.{name}.{k}" for k in KEYS]
            raise ConfigError(unknown("key", f"tests.{name}.{key}", known))
    if "dataset" in asked and "views" in asked:
        raise ConfigError(
            f"tests.{name} has dataset and views; every labelled row of another dataset is taken, "
            "so leave views out (where chooses among them)."
        )
    if "faces" in asked and "dataset" not in asked:
        raise ConfigError(f"tests.{name}.faces needs tests.{name}.dataset beside it.")


def _chosen(shown: Views, asked: Mapping[str, Any], name: str) -> np.ndarray:
    """Which rows of the data a view takes, bool [N]."""
    index = shown.store.index
    own = asked.get("views", ["test"] if "dataset" in asked else [name])
    chosen = np.isin(shown.split.views, own)
    for column, value in asked.get("where", {}).items():
        if column not in index:
            place = f"column in tests.{name}.where"
            raise ConfigError(unknown(place, str(column), list(index.columns)))
        wanted = value if isinstance(value, list) else [value]
        chosen &= index[column].isin(wanted).to_numpy()
    return chosen


def _first_rows(shown: Views, rows: np.ndarray, at_most: Mapping[str, int]) -> np.ndarray:
    """The rows less those beyond a class' number, in the order of the keys."""
    labels = shown.store.index["label"].iloc[rows]
    number = labels.groupby(labels).cumcount().to_numpy()
    limit = labels.map(dict(at_most)).fillna(np.inf).to_numpy(dtype=float)
    return rows[number < limit]


def _other_data(config: DictConfig, views: Views, name: str, asked: Mapping[str, Any]) -> Views:
    own = as_plain(config)
    faces = _node("faces", asked["faces"]) if "faces" in asked else own["faces"]
    other = DictConfig(
        {**own, "dataset": _node("dataset", asked["dataset"]), "faces": {**faces, "copies": []}}
    )
    try:
        store = make_store(other)
    except DataError as error:  # its advice, in the key that is right here
        raise type(error)(
            str(error).replace("dataset.root", f"tests.{name}.dataset.root")
        ) from error
    class_ids = encode(store.index["label"], views.emotions)
    shared = overlap_with_train(views.store.index.iloc[views.rows("train")], store.index)
    store = replace(store, index=store.index.assign(**{IN_TRAIN: shared}))
    every = np.where(store.index["label"] != "", "test", "").astype("<U5")
    return Views(
        store, views.emotions, class_ids, Split(every, "all", "every labelled row"), {}, ""
    )


def _node(group: str, asked: Any) -> dict[str, Any]:
    """A word, `{name: word, option: ...}` or a whole node, as a node."""
    chosen = {"name": asked} if isinstance(asked, str) else dict(asked)
    if "_target_" in chosen:
        return chosen
    node = OmegaConf.to_container(load_choice(group, str(chosen.pop("name", ""))))
    assert isinstance(node, dict)
    return {**{str(key): value for key, value in node.items()}, **chosen}


def _resampled(shown: Views, rows: np.ndarray, slot: Any, seed: int) -> tuple[Views, np.ndarray]:
    """The view after a resampler, as data of its own; its name says what was done."""
    options = read_slot(Resampling, "resample", slot) or Resampling()
    rows = rows[shown.class_ids[rows] >= 0]  # of another dataset: a class that the run has not
    keys = shown.store.index["key"].to_numpy()
    made = resample(
        np.asarray(shown.store.faces[rows]),
        shown.class_ids[rows],
        keys[rows],
        **vars(options),
        emotions=shown.emotions,
        seed=seed,
    )
    for note in made.notes:
        log.info(f"imbalance: {note}")
    words = f"resampled by {options.rule} ({len(rows):,} to {len(made.class_ids):,} faces)"
    card = shown.store.card
    card = {**card, "dataset": {**card["dataset"], "name": f"{card['dataset']['name']}, {words}"}}
    store = replace(shown.store, faces=made.faces, index=_index_of(shown, rows, made), card=card)
    split = Split(
        np.full(len(made.class_ids), "test"),
        shown.split.name,
        f"{shown.split.protocol}; {words}",
        [*shown.split.notes, f"This view was {words}; its metrics say little about new faces"],
    )
    counted = Views(store, shown.emotions, made.class_ids, split, shown.leaks, shown.hash)
    return counted, np.arange(len(made.class_ids))


def _index_of(shown: Views, rows: np.ndarray, made: Resampled) -> pd.DataFrame:
    """One row per face of a resampled view; what is made is of nobody's own."""
    index = shown.store.index.iloc[rows[made.parents[:, 0].clip(0)]].reset_index(drop=True)
    new = pd.Series(made.made)
    index = index.assign(key=made.keys, source=made.sources)
    index["label"] = np.asarray(shown.emotions, dtype=object)[made.class_ids]
    for column in ("subject", "sequence", CONTENT):
        index[column] = index[column].where(~new, "")
    return index

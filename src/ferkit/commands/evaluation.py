"""Predicting views into a run's folder, for train and eval alike."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig, OmegaConf

from ferkit.composition import load_choice
from ferkit.config import as_plain, build
from ferkit.errors import DataError
from ferkit.evaluation.examples import choose_examples
from ferkit.evaluation.predict import make_predictions, predict_scores
from ferkit.imbalance.strategy import Strategy
from ferkit.model import FaceClassifier
from ferkit.splits import Split
from ferkit.training.loader import make_loader
from ferkit.training.run import RunFolder
from ferkit.training.settings import choose_precision
from ferkit.views import Views, encode, make_store


def predict_views(
    run: RunFolder,
    config: DictConfig,
    model: FaceClassifier,
    views: Views,
    strategy: Strategy,
    names: Sequence[str],
    command: str = "ferkit train",
    trained: RunFolder | None = None,
) -> None:
    """Write predictions of views, thumbnails of the worst confusions, and note looks at test.

    Args:
        trained: The run that trained the model, where it is another than `run`.
    """
    tta = build(config.tta, where="tta")
    counts = training_counts(trained or run, model.emotions)
    chosen: list[pd.DataFrame] = []
    pictures: list[np.ndarray] = []
    for name in names:
        shown, rows = named_view(config, views, name)
        predictions = predict_rows(model, shown, rows, name, tta, strategy, counts)
        run.write_predictions(name, predictions)
        chosen.append(choose_examples(predictions))
        pictures.append(shown.store.faces[_places(shown, chosen[-1]["key"])])
        if name not in ("train", "val"):
            run.note_look(name, str(shown.store.card["dataset"]["name"]), command)
    if config.report.faces:
        write_examples(run, pd.concat(chosen), np.concatenate(pictures))


def training_counts(run: RunFolder, emotions: Sequence[str]) -> np.ndarray:
    """Images a class that a run's network was trained on, after any resampling, [K]."""
    data = run.read_json("data.json")
    counts = (data.get("counts_after") or data["counts"])["train"]
    return np.array([counts.get(emotion, 0) for emotion in emotions])


def predict_rows(
    model: FaceClassifier,
    views: Views,
    rows: np.ndarray,
    name: str,
    tta: Any,
    strategy: Strategy,
    counts: np.ndarray,
) -> pd.DataFrame:
    """The predictions frame of some rows of a store.

    Args:
        counts: As `training_counts`; the strategy may correct for them.
    """
    device = next(model.parameters()).device
    loader = make_loader(views.store.faces, rows, views.codes[rows], batch_size=256, device=device)
    scores = predict_scores(model, loader, tta, choose_precision("auto", device))
    scores = strategy.adjust(torch.from_numpy(scores), counts).numpy()
    predictions = make_predictions(views.store.index.iloc[rows], scores, model.emotions, name)
    shares = predictions[[f"p_{e}" for e in model.emotions]].to_numpy()
    decided = strategy.decide(shares, counts, model.emotions)
    return predictions.assign(predicted=np.asarray(model.emotions, dtype=object)[decided])


def named_view(config: DictConfig, views: Views, name: str) -> tuple[Views, np.ndarray]:
    """A view of the run's own data, or one that `tests` names: of other views, or other data.

    Raises:
        DataError: the view is empty.
    """
    test = as_plain(config.tests).get(name)
    shown = views
    if test is None:
        rows = views.rows(name)
    elif "dataset" in test:
        shown = _other_data(config, views, test["dataset"])
        rows = np.flatnonzero((shown.store.index["label"] != "").to_numpy())
    else:
        rows = views.rows(*test.get("views", [name]))
    if not len(rows):
        raise DataError(f"The {name} view is empty ({shown.split.protocol}); choose another view.")
    return shown, rows


def _other_data(config: DictConfig, views: Views, dataset: Any) -> Views:
    other = DictConfig({**as_plain(config), "dataset": _dataset_node(dataset)})
    store = make_store(other)
    codes = encode(store.index["label"], views.emotions)
    every = np.full(len(store), "test")
    return Views(store, views.emotions, codes, Split(every, "all", "every labelled row"), {}, "")


def _dataset_node(dataset: Any) -> Any:
    """A word, `{name: word, option: ...}` or a whole node, as a node."""
    asked = {"name": dataset} if isinstance(dataset, str) else dict(dataset)
    if "_target_" in asked:
        return asked
    node = OmegaConf.to_container(load_choice("dataset", asked.pop("name")))
    return {**node, **asked} if isinstance(node, dict) else node


def _places(views: Views, keys: pd.Series) -> np.ndarray:
    places = pd.Series(np.arange(len(views.store)), index=views.store.index["key"])
    return places.loc[keys].to_numpy()


def write_examples(run: RunFolder, chosen: pd.DataFrame, pictures: np.ndarray) -> None:
    """predictions/examples.npz: the thumbnails that the report shows."""
    beside = run.folder / "predictions" / ".examples.tmp"
    with beside.open("wb") as file:
        np.savez_compressed(
            file,
            key=chosen["key"].to_numpy(dtype=str),
            view=chosen["view"].to_numpy(dtype=str),
            image=pictures,
        )
    beside.replace(run.folder / "predictions" / "examples.npz")

"""Predicting views into a run's folder, for train and eval alike."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig

from ferkit.config import build
from ferkit.evaluation.examples import choose_examples
from ferkit.evaluation.predict import make_predictions, predict_scores
from ferkit.imbalance.strategy import Strategy
from ferkit.model import FaceClassifier
from ferkit.training.loader import make_loader
from ferkit.training.run import RunFolder
from ferkit.training.settings import choose_precision
from ferkit.views import Views


def predict_views(
    run: RunFolder,
    config: DictConfig,
    model: FaceClassifier,
    views: Views,
    strategy: Strategy,
    names: Sequence[str],
    command: str = "ferkit train",
) -> None:
    """Write predictions of views, thumbnails of the worst confusions, and note looks at test."""
    tta = build(config.tta, where="tta")
    chosen: list[pd.DataFrame] = []
    for name in names:
        rows = views.rows(name)
        predictions = predict_rows(model, views, rows, name, tta, strategy)
        run.write_predictions(name, predictions)
        chosen.append(choose_examples(predictions))
        if name == "test":
            run.note_look(name, str(views.store.card["dataset"]["name"]), command)
    if config.report.faces:
        write_examples(run, views, pd.concat(chosen))


def predict_rows(
    model: FaceClassifier,
    views: Views,
    rows: np.ndarray,
    name: str,
    tta: Any,
    strategy: Strategy,
) -> pd.DataFrame:
    """The predictions frame of some rows of a store."""
    device = next(model.parameters()).device
    loader = make_loader(
        views.store.faces, rows, views.codes[rows], batch_size=256, device=device
    )
    scores = predict_scores(model, loader, tta, choose_precision("auto", device))
    counts = np.array(list(views.counts("train").values()))
    scores = strategy.adjust(torch.from_numpy(scores), counts).numpy()
    predictions = make_predictions(views.store.index.iloc[rows], scores, model.emotions, name)
    shares = predictions[[f"p_{e}" for e in model.emotions]].to_numpy()
    decided = strategy.decide(shares, counts, model.emotions)
    return predictions.assign(predicted=np.asarray(model.emotions, dtype=object)[decided])


def write_examples(run: RunFolder, views: Views, chosen: pd.DataFrame) -> None:
    """predictions/examples.npz: the thumbnails that the report shows."""
    places = pd.Series(np.arange(len(views.store)), index=views.store.index["key"])
    rows = places.loc[chosen["key"]].to_numpy()
    beside = run.folder / "predictions" / ".examples.tmp"
    with beside.open("wb") as file:
        np.savez_compressed(
            file,
            key=chosen["key"].to_numpy(dtype=str),
            view=chosen["view"].to_numpy(dtype=str),
            image=views.store.faces[rows],
        )
    beside.replace(run.folder / "predictions" / "examples.npz")

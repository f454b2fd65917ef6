"""Predicting views into a run's folder, for train and eval alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig

from ferkit.config import build
from ferkit.errors import DataError
from ferkit.evaluation.examples import choose_examples
from ferkit.imbalance.strategy import Strategy
from ferkit.inference.data import is_test_access
from ferkit.inference.named_views import named_view
from ferkit.inference.predict import make_predictions, predict_scores
from ferkit.inference.temperature import known_temperature, temperature_of
from ferkit.inference.thumbnails import Thumbnails, make_thumbnails, write_thumbnails
from ferkit.inference.videos import (
    Videos,
    check_tta,
    find_videos,
    stills,
    takes_videos,
    whole_loader,
)
from ferkit.loader import Loader, make_loader
from ferkit.model import FaceClassifier
from ferkit.runs.fingerprint import fingerprint
from ferkit.runs.folder import RunFolder
from ferkit.views import Views


def predict_views(
    run: RunFolder,
    config: DictConfig,
    model: FaceClassifier,
    views: Views,
    strategy: Strategy,
    names: Sequence[str],
    command: str = "ferkit train",
    trained: RunFolder | None = None,
    own: bool = True,
    known: Mapping[str, tuple[Views, np.ndarray]] | None = None,
) -> None:
    """Write predictions of views, thumbnails of the worst confusions, and note accesses to test.

    Args:
        trained: The run that trained the model, where it is another than `run`.
        own: Whether the views are those of the run's own split and `tests`.
        known: View to its data and rows, where they were looked up before.
    """
    tta = build(config.tta, where="tta")
    check_tta(model.backbone, tta)
    counts = training_counts(trained or run, model.emotions)
    temperature = 1.0
    if strategy.calibrates:
        val = views if own else None
        temperature = _temperature(trained or run, model, val, tta)
    shown_mistakes: list[Thumbnails] = []
    for name in names:
        shown, rows = (known or {}).get(name) or named_view(config, views, name)
        what = find_scored(model, shown, rows)
        predictions = predict(model, shown, what, name, tta, strategy, counts, temperature)
        run.write_predictions(name, predictions)
        if config.report.faces:
            mistakes = choose_examples(predictions)
            store = stills(shown.store, what.videos) if what.videos else shown.store
            shown_mistakes.append(make_thumbnails(model, store, mistakes, config.report.saliency))
        if is_test_access(shown, name, own):
            dataset = str(shown.store.card["dataset"]["name"])
            for noting in (run, *([trained] if trained else [])):
                noting.note_test_access(name, dataset, command, fingerprint(predictions))
    if config.report.faces:
        write_thumbnails(run, shown_mistakes)


def _temperature(run: RunFolder, model: FaceClassifier, views: Views | None, tta: Any) -> float:
    """The run's temperature, fitted on its own val where it is not known yet."""
    if views is None:
        return known_temperature(run, tta.kind)
    chosen = find_scored(model, views, views.rows("val"))
    return temperature_of(run, tta.kind, chosen.class_ids, lambda: score(model, views, chosen, tta))


def training_counts(run: RunFolder, emotions: Sequence[str]) -> np.ndarray:
    """Images (or videos) a class that a run was trained on, after any resampling, [K]."""
    data = run.read_data()
    counts = (data.get("visits") or data.get("counts_after") or data.get("counts") or {}).get(
        "train"
    )
    if counts is None:
        raise DataError(
            f"{run.folder / 'data.json'} does not say how many images of a class were trained on; "
            f"`ferkit train resume={run.folder}` writes it where it is not there."
        )
    return np.array([counts.get(emotion, 0) for emotion in emotions])


@dataclass(frozen=True)
class Scored:
    """What rows of a store are scored as: n faces, or n videos where the network takes them.

    Attributes:
        rows: The rows, int64.
        index: One row per face or video.
        class_ids: Their classes, int64 [n].
        videos: None for faces.
    """

    rows: np.ndarray
    index: pd.DataFrame
    class_ids: np.ndarray
    videos: Videos | None


def find_scored(model: FaceClassifier, views: Views, rows: np.ndarray) -> Scored:
    """Look up some rows of a store."""
    if takes_videos(model.backbone):
        videos = find_videos(views.store.index, rows)
        return Scored(rows, videos.index, views.class_ids[videos.middles], videos)
    return Scored(rows, views.store.index.iloc[rows], views.class_ids[rows], None)


def predict(
    model: FaceClassifier,
    views: Views,
    what: Scored,
    name: str,
    tta: Any,
    strategy: Strategy,
    counts: np.ndarray,
    temperature: float = 1.0,
) -> pd.DataFrame:
    """The predictions frame of some rows of a store: one row per face, or one row per video.

    Args:
        counts: As `training_counts`; the strategy may correct for them.
        temperature: What the scores are divided by.
    """
    scores = score(model, views, what, tta)
    scores = strategy.adjust(torch.from_numpy(scores), counts).numpy() / temperature
    predictions = make_predictions(what.index, scores, model.emotions, name)
    probabilities = predictions[[f"p_{e}" for e in model.emotions]].to_numpy()
    decided = strategy.decide(probabilities, counts, model.emotions)
    return predictions.assign(predicted=np.asarray(model.emotions, dtype=object)[decided])


def score(model: FaceClassifier, views: Views, what: Scored, tta: Any) -> np.ndarray:
    """Scores float32 [n, K]."""
    device, faces = next(model.parameters()).device, views.store.faces
    loader: Loader
    if what.videos:
        loader = whole_loader(faces, what.videos, what.class_ids, batch_size=256, device=device)
    else:
        loader = make_loader(faces, what.rows, what.class_ids, batch_size=256, device=device)
    # in full precision, whatever the training was in: metrics and temperature are of these scores
    return predict_scores(model, loader, tta, torch.float32)

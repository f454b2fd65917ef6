"""What a run's folder says of its data and its making, before the first epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from omegaconf import DictConfig

from ferkit.log import log
from ferkit.runs.augmented import AUGMENTED
from ferkit.runs.folder import RunFolder, environment
from ferkit.runs.synthetic import save_examples
from ferkit.splits import split_bytes
from ferkit.training.assemble import TrainRows
from ferkit.training.augmented import choose_faces, draw_augmented
from ferkit.training.memory_format import why_not_channels_last
from ferkit.training.synthetic import synthetic_examples
from ferkit.training.trainer import Augmentation, Training
from ferkit.views import Views

SPLIT = "split.parquet"


def describe_run(
    run: RunFolder,
    config: DictConfig,
    views: Views,
    rows: TrainRows,
    training: Training,
    words: Sequence[str],
    chosen: Mapping[str, Any],
) -> None:
    """Write what is known before training; in a run that goes on, what a kill left out.

    config.yaml comes last: with it the folder is a run, and lacks nothing.

    Args:
        chosen: Keys of the trainer that nobody gave, with what the number of images made of them.
    """
    begun = (run.folder / "config.yaml").is_file()

    def lacks(name: str) -> bool:
        return not begun or not (run.folder / name).is_file()

    if lacks("env.json"):
        found = environment(int(config.seed), training.device, words)
        found |= {"memory_format": _memory_format(training)}
        run.write_json("env.json", found | _chosen(chosen, rows))
    if lacks("data.json"):
        run.write_json("data.json", views.describe() | _trained_on(views, rows))
    if lacks(SPLIT):
        run.write(SPLIT, split_bytes(views.store.index, views.split.views))
    if not (run.folder / "overrides.yaml").is_file():
        run.write_words(())
    _write_synthetic(run, config, views, rows)
    if not begun:
        run.write_config(config)
    log.info(f"run: {run.folder}")
    log.info(f"data: {views.store.card['dataset']['name']}, {views.split.protocol}")
    for note in rows.resampled.notes if rows.resampled else ():
        log.info(f"imbalance: {note}")


def keep_augmented(
    run: RunFolder, config: DictConfig, views: Views, rows: TrainRows, augment: Augmentation
) -> None:
    """A sheet of training faces as the network sees them, unless the report shows no faces."""
    resampled_features = rows.resampled is not None and rows.faces.dtype != np.uint8
    if not config.report.faces or resampled_features or (run.folder / AUGMENTED).is_file():
        return
    of_videos = rows.videos is not None  # single frames stand for their clips
    found = views.rows("train") if of_videos else rows.rows
    class_ids = views.class_ids[found] if of_videos else rows.class_ids
    chosen = choose_faces(class_ids)
    faces = np.asarray(rows.faces[found[chosen]])
    drawn = draw_augmented(faces, class_ids[chosen], views.emotions, augment, int(config.seed))
    run.write(AUGMENTED, drawn)


def _chosen(chosen: Mapping[str, Any], rows: TrainRows) -> dict[str, Any]:
    return {"chosen": {**chosen, "images": len(rows.rows)}} if chosen else {}


def _memory_format(training: Training) -> str:
    if training.settings.channels_last:
        return "channels_last"
    return why_not_channels_last(training.model, training.device) or "contiguous"


def _trained_on(views: Views, rows: TrainRows) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if made := rows.resampled:
        said = {"counts_after": {"train": made.counts_after}, "resampled": made.describe()}
    if rows.videos:
        counts = rows.counts(len(views.emotions)).tolist()
        said["visits"] = {"train": dict(zip(views.emotions, counts, strict=True))}
    return said


def _write_synthetic(run: RunFolder, config: DictConfig, views: Views, rows: TrainRows) -> None:
    made, path = rows.resampled, run.folder / "predictions" / "synthetic.npz"
    shown = made and made.faces.dtype == np.uint8 and config.report.faces  # features show nothing
    if made and shown and not path.is_file():
        save_examples(synthetic_examples(made, views.store.faces[views.rows("train")]), path)

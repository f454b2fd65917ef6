"""`ferkit train split=subject_kfold split.fold=all`: every fold trained, held-out rows pooled."""

import hashlib
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from ferkit.commands.run import Run
from ferkit.commands.single import (
    RESUME_KEYS,
    report,
    said_how_to_go_on,
    take_up,
    train_single,
)
from ferkit.config import as_plain, build
from ferkit.devices import choose_device, release_memory
from ferkit.errors import ConfigError
from ferkit.evaluation.examples import choose_examples
from ferkit.faces.store import FaceStore
from ferkit.imbalance.strategy import Strategy
from ferkit.inference.scoring import predict_views
from ferkit.inference.thumbnails import make_thumbnails, write_thumbnails
from ferkit.log import log
from ferkit.model import load_model
from ferkit.progress import time_left
from ferkit.repeats import many_runs, one_of_many
from ferkit.runs.folder import RunFolder, claim_run, default_folder, environment
from ferkit.splits import number_of_folds
from ferkit.training.settings import TrainerSettings
from ferkit.views import Views, make_store, make_views

VIEW = "held_out"


def cross_validate(
    config: DictConfig, words: Sequence[str], held: ExitStack, begun: RunFolder | None = None
) -> Run:
    """Train every fold in a run of its own and report on the pooled held-out predictions.

    Each row that a fold holds out is predicted once, by the one network that saw neither it nor
    its subject. The folds' own epochs are chosen on their val views.

    Args:
        held: Holds the run's folder until it ends.
        begun: A run that was stopped; its finished folds stand, the one it died in goes on.

    Raises:
        ConfigError: the split has no folds.
    """
    store = make_store(config)
    folds = number_of_folds(store.index, as_plain(config.split))
    settings: TrainerSettings = build(config.trainer, where="trainer")
    device = choose_device(settings.device)
    run = begun
    if run is None:
        folder = Path(config.run_dir) if config.run_dir else default_folder()
        run = claim_run(folder, words, held)
        run.write_json("env.json", environment(int(config.seed), device, words))
        run.write_config(config)
    log.info(f"run: {run.folder} ({folds} folds)")
    with said_how_to_go_on(run):
        return _all_folds(config, words, run, store, folds)


def _all_folds(
    config: DictConfig, words: Sequence[str], run: RunFolder, store: FaceStore, folds: int
) -> Run:
    pooled, described, started = [], [], time.monotonic()
    with many_runs() as shared:
        for fold in range(folds):
            left = time_left(fold, folds, time.monotonic() - started)
            log.info(f"--- split.fold={fold} ({fold + 1} of {folds}){left}")
            with one_of_many(shared):
                predictions, views = _train_fold(config, fold, run.folder, words)
            release_memory()
            pooled.append(predictions.assign(fold=fold))
            described.append(views.describe())
    held_out = pd.concat(pooled, ignore_index=True).assign(view=VIEW)
    if held_out["key"].duplicated().any():
        name = described[0]["split"]["name"]
        raise ConfigError(f"split={name} holds rows out more than once; train its folds singly.")
    run.write_json("data.json", _describe(described, held_out))
    run.write_predictions(VIEW, held_out)
    if config.report.faces:
        write_thumbnails(run, [make_thumbnails(None, store, choose_examples(held_out), "none")])
    return Run(run.folder, report(run, config))


def _train_fold(
    config: DictConfig, fold: int, folder: Path, words: Sequence[str]
) -> tuple[pd.DataFrame, Views]:
    single = DictConfig(OmegaConf.to_container(config))
    single.split.fold = fold
    single.run_dir = str(folder / f"fold{fold:02d}")
    single.evaluate = ["val"]
    run = RunFolder(Path(single.run_dir))
    views = make_views(single)
    if (run.folder / "predictions" / "test.parquet").is_file():
        return run.read_predictions("test"), views
    going_on = (run.folder / "config.yaml").is_file()
    single.resume = single.run_dir if going_on else None
    kept = [w for w in words if w.partition("=")[0] in RESUME_KEYS]
    asked = kept if going_on else [*words, f"split.fold={fold}"]
    with ExitStack() as held:
        began, whole = take_up(single, asked, held)
        train_single(whole, asked, held, began)
    strategy: Strategy = build(single.imbalance, where="imbalance")
    model = load_model(run.folder, str(choose_device(whole.trainer.device)))
    predict_views(run, single, model, views, strategy, ["test"], "cross-validation")
    return run.read_predictions("test"), views


def _describe(folds: Sequence[dict[str, Any]], held_out: pd.DataFrame) -> dict[str, Any]:
    """data.json of the whole: leaks summed over folds, the hash of the folds' hashes."""
    first = folds[0]
    digest = hashlib.blake2b(digest_size=8)
    leaks: dict[str, dict[str, int]] = {}
    for fold in folds:
        digest.update(fold["split"]["hash"].encode())
        for pair, counts in fold["leaks"].items():
            total = leaks.setdefault(pair, dict.fromkeys(counts, 0))
            for kind, n in counts.items():
                total[kind] += n
    counts = held_out["label"].value_counts()
    return {
        **first,
        "counts": {VIEW: {e: int(counts.get(e, 0)) for e in first["emotions"]}},
        "leaks": leaks,
        "split": {
            **first["split"],
            "protocol": f"cross-validation over {len(folds)} folds, each held out once and "
            f"predicted by the network that did not see it ({first['split']['protocol']}, ...)",
            "hash": digest.hexdigest(),
        },
    }

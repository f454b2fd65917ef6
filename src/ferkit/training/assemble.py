"""From a config and its views to a training that can run: objects, loaders, what is cached."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from omegaconf import DictConfig

from ferkit import processes
from ferkit.backbones.start import start
from ferkit.config import as_plain, build
from ferkit.errors import ConfigError
from ferkit.imbalance.resample import Resampled, resample_train
from ferkit.imbalance.strategy import Strategy
from ferkit.inference.videos import Videos, find_videos
from ferkit.log import log
from ferkit.model import FaceClassifier, feature_size, make_model
from ferkit.training.batch_size import attempt_of, choose_batch_size
from ferkit.training.clips import (
    check_strategy,
    check_videos,
    visits_of,
)
from ferkit.training.distributed import synchronised
from ferkit.training.feature_rows import resample_features
from ferkit.training.memory_format import why_not_channels_last
from ferkit.training.optim import as_schedule
from ferkit.training.settings import TrainerSettings, autocast_of
from ferkit.training.trainer import Training, has_batch_norm
from ferkit.views import Views

_FUSED = ("torch.optim.Adam", "torch.optim.AdamW", "torch.optim.SGD")


@dataclass(frozen=True)
class TrainRows:
    """What is trained on: rows of an array of faces.

    Attributes:
        faces: uint8 [N, H, W] or [N, H, W, 3]; float32 [N, D] where features were resampled.
        rows: int64 [M], rows of `faces`.
        class_ids: int64 [M], their classes.
        targets: What the loss is given: `class_ids`, or float32 [M, K] vote probabilities.
        resampled: What made the faces, where they are not the store's.
        videos: What is trained on instead of single faces; then `rows` are the videos that an epoch
            visits.
    """

    faces: np.ndarray
    rows: np.ndarray
    class_ids: np.ndarray
    targets: np.ndarray
    resampled: Resampled | None = None
    videos: Videos | None = None

    def counts(self, classes: int) -> np.ndarray:
        """Images a class, [K]."""
        return np.bincount(self.class_ids, minlength=classes)


def train_rows(
    config: DictConfig,
    views: Views,
    strategy: Strategy,
    settings: TrainerSettings,
    device: torch.device,
) -> TrainRows:
    """The training view, resampled where the strategy asks for it, with what it is taught.

    Raises:
        ConfigError: the sampler refuses this view, or soft targets are asked of data without
            votes, or together with a resampler.
    """
    rows = views.rows("train")
    if settings.frames_per_clip is not None:
        check_strategy(settings, strategy)
        videos = find_videos(views.store.index, rows)
        visits = visits_of(videos, settings.sampling)
        class_ids = views.class_ids[videos.middles[visits]]
        return TrainRows(views.store.faces, visits, class_ids, class_ids, videos=videos)
    options = strategy.resampling
    if options is None:
        class_ids = views.class_ids[rows]
        targets = soft_targets(views, rows) if settings.soft_targets else class_ids
        return TrainRows(views.store.faces, rows, class_ids, targets)
    if settings.soft_targets:
        raise ConfigError(
            "trainer.soft_targets cannot be resampled; use imbalance.sampler instead."
        )
    seed = int(config.seed)
    if options.space == "features":
        made = resample_features(config, views, options, seed, device)
    else:
        made = resample_train(views, options, seed=seed, device=str(device))
    return TrainRows(
        made.faces, np.arange(len(made.class_ids)), made.class_ids, made.class_ids, made
    )


def soft_targets(views: Views, rows: np.ndarray) -> np.ndarray:
    """The probabilities from a dataset's votes over the classes of the run, float32 [M, K].

    A row without a vote for any of them keeps its label.

    Raises:
        ConfigError: the dataset carries no votes.
    """
    columns = [f"soft_{emotion}" for emotion in views.emotions]
    missing = [c for c in columns if c not in views.store.index]
    if missing:
        raise ConfigError(
            f"trainer.soft_targets needs the column {missing[0]}, which "
            f"{views.store.card['dataset']['name']} has not; take dataset=ferplus."
        )
    votes = views.store.index[columns].to_numpy(np.float32)[rows]
    own = np.eye(len(columns), dtype=np.float32)[views.class_ids[rows]]
    votes = np.where(votes.sum(axis=1, keepdims=True) > 0, votes, own)
    return votes / votes.sum(axis=1, keepdims=True)


def _fused(node: DictConfig, device: torch.device) -> dict[str, bool]:
    """One kernel for all weights of a CUDA device, where neither it nor `foreach` is chosen."""
    takes = str(node.get("_target_")) in _FUSED and not {"fused", "foreach"} & set(node)
    return {"fused": True} if takes and device.type == "cuda" else {}


def make_training(
    config: DictConfig,
    settings: TrainerSettings,
    strategy: Strategy,
    views: Views,
    train: TrainRows,
    device: torch.device,
) -> Training:
    """Model, loss, optimizer and schedule of a config, with the facts of its data."""
    nodes = {name: as_plain(config[name]) for name in ("backbone", "input", "faces")}
    size = int(views.store.faces.shape[1])
    model = make_model(nodes, views.emotions, size, views.store.channels)
    check_videos(model.backbone, settings, build(config.tta, where="tta"))
    for sentence in start(model.backbone, nodes["backbone"], views.emotions, nodes["input"]):
        log.info(f"backbone: {sentence}")
    _refuse_single_images(model, settings)
    model = model.to(device)
    if settings.sync_batchnorm:
        model = synchronised(model, device)
    if settings.channels_last and (reason := why_not_channels_last(model, device)):
        log.info(reason + ("; trainer.compile is off too" if settings.compile else ""))
        # torch.compile chooses channels_last by itself on a CPU
        settings = replace(settings, channels_last=False, compile=False)
    if settings.channels_last:
        model = model.to(memory_format=torch.channels_last)
    counts = train.counts(len(views.emotions))
    features = feature_size(model)
    loss = make_loss(config, strategy, views, counts, features, settings.epochs).to(device)
    # all of them: what is frozen gets no gradient and is passed over, and may thaw later
    optimizer = build(
        config.optimizer,
        where="optimizer",
        params=list(model.parameters()),
        **_fused(config.optimizer, device),
    )
    if settings.batch_size == "auto":
        # what fits one GPU, of each of them
        size = processes.count() * _fitting(model, loss, settings, train, device)
        settings = replace(settings, batch_size=processes.agreed(size))
    batches = -(-len(train.rows) // settings.images_a_step)
    per_epoch = -(-batches // settings.accumulate)  # updates
    schedule = build(
        config.scheduler,
        where="scheduler",
        optimizer=optimizer,
        steps=per_epoch * settings.epochs,
        steps_per_epoch=per_epoch,
    )
    return Training(
        model, loss, optimizer, as_schedule(schedule), settings, device, int(config.seed)
    )


def _fitting(
    model: FaceClassifier,
    loss: torch.nn.Module,
    settings: TrainerSettings,
    train: TrainRows,
    device: torch.device,
) -> int:
    autocast = autocast_of(settings, device)
    attempt = attempt_of(model.train(), loss, device, autocast, settings.frames_per_clip)
    size = choose_batch_size(attempt, len(train.rows), device)
    log.info(f"trainer.batch_size=auto: {size}")
    return size


def _refuse_single_images(model: FaceClassifier, settings: TrainerSettings) -> None:
    size, count = settings.batch_size, processes.count()
    if not isinstance(size, int) or settings.frames_per_clip is not None or size > count:
        return
    if has_batch_norm(model):
        each = f" in each of {count} processes" if count > 1 else ""
        raise ConfigError(
            f"trainer.batch_size={size}: batch normalisation, which this backbone has, needs two "
            f"images or more{each}; give trainer.batch_size={2 * count} or more."
        )


def make_loss(
    config: DictConfig,
    strategy: Strategy,
    views: Views,
    counts: np.ndarray,
    features: int,
    epochs: int,
) -> torch.nn.Module:
    """The loss, with the class weights and costs that the strategy asks for.

    Args:
        counts: Images a class that are trained on, [K].
        features: How many values the backbone's features of one face are.
        epochs: Passes over the training view.
    """
    loss = build(
        config.loss,
        where="loss",
        classes=len(views.emotions),
        weights=strategy.weights(counts, views.emotions),
        counts=counts,
        epochs=epochs,
        feature_size=features,
    )
    return strategy.add_costs(loss, counts, views.emotions)

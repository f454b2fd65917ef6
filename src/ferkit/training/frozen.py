"""Training on features of the frozen part of a backbone, where that changes nothing."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from ferkit.backbones.frozen_features import (
    FeatureLoader,
    cached_features,
    features_bytes,
    split_frozen,
)
from ferkit.loader import Loader, Order, fits, in_order
from ferkit.losses import needs_features
from ferkit.training.augment import Augment, unchanged
from ferkit.training.distributed import train_forward
from ferkit.training.teachers import distillation_of
from ferkit.training.trainer import Augmentation, Training, TrainingInputs


def frozen_inputs(
    training: Training,
    augment: Augmentation,
    load_train: Callable[[], Loader],
    load_val: Callable[[], Loader],
    order: Order,
) -> TrainingInputs | None:
    """Compute what is frozen once, and train the rest on it.

    Args:
        load_train: Makes a loader of the training view in the view's own order.
        load_val: Likewise for val.
        order: Of the epochs of training.

    Returns:
        None where images are augmented, nothing is frozen from the front, the features take too
        much memory, or `trainer.cache_frozen` is off.
    """
    if not training.settings.cache_frozen:
        return None
    parts = split_frozen(training.model.backbone)
    plain = augments_nothing(augment) and not needs_features(training.loss)
    plain = plain and distillation_of(training.loss) is None
    if parts is None or not plain:
        return None
    frozen = nn.Sequential(training.model.scaling, parts[0])
    train, val = load_train(), load_val()
    first = next(train.epoch(0))
    count = (train.steps + val.steps) * len(first.images)
    with training.autocast():  # half the bytes in bf16
        size = features_bytes(frozen, first.images, count)
    if not fits(size, training.device):
        return None
    return TrainingInputs(
        _cached(training, frozen, train, order),
        _cached(training, frozen, val),
        unchanged(),
        train_forward=train_forward(training, parts[1]),
        eval_forward=parts[1],
    )


def _cached(
    training: Training, frozen: nn.Module, loader: Loader, order: Order | None = None
) -> FeatureLoader:
    with training.autocast():
        features = cached_features(frozen, loader)
    targets = torch.cat([batch.targets for batch in loader.epoch(0)])
    size = training.settings.images_a_step
    return FeatureLoader(features, targets, size, order or in_order(len(targets)))


def augments_nothing(augment: Augmentation) -> bool:
    """Whether images come out of it as they went in."""
    return isinstance(augment, Augment) and replace(augment, fill="nearest") == Augment()

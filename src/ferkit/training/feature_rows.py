"""Resampling among the features of a trained backbone, whose head the made rows then train.

The backbone is that of `backbone.init_from`, frozen up to its head, so that a feature is the same
in every epoch. Retraining the classifier alone on balanced rows is the second stage of Kang et al.
2020, "Decoupling representation and classifier for long-tailed recognition".
"""

from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig

from ferkit.backbones.frozen_features import FeatureLoader
from ferkit.config import as_plain, build
from ferkit.errors import ConfigError
from ferkit.imbalance.resample import Resampled, resample_train
from ferkit.imbalance.slots import Resampling
from ferkit.loader import Order, in_order, make_loader
from ferkit.losses import needs_features
from ferkit.model import FaceClassifier, load_model
from ferkit.training.augment import unchanged
from ferkit.training.distributed import train_forward
from ferkit.training.frozen import augments_nothing
from ferkit.training.teachers import refuse_teachers
from ferkit.training.trainer import Training, TrainingInputs
from ferkit.views import Views

_BATCH = 256


def resample_features(
    config: DictConfig, views: Views, options: Resampling, seed: int, device: torch.device
) -> Resampled:
    """The training view's features, resampled; its `faces` are float32 [M, D].

    Raises:
        ConfigError: the run does not start from another with all but the head frozen, or
            augments its images.
        DataError: there is no model where `backbone.init_from` points.
    """
    node = as_plain(config.backbone)
    augments = not augments_nothing(build(config.augment, where="augment"))
    if not node.get("init_from") or node.get("freeze") != "head_only" or augments:
        raise ConfigError(
            "imbalance.resample.space=features trains the head on features of a trained run: give "
            "backbone.init_from=RUN backbone.freeze=head_only augment=none with it."
        )
    model = load_model(node["init_from"], str(device))
    features = features_of(model, views, views.rows("train")).cpu().numpy()
    return resample_train(views, options, seed=seed, features=features, device=str(device))


@torch.inference_mode()
def features_of(model: FaceClassifier, views: Views, rows: np.ndarray) -> torch.Tensor:
    """What the backbone makes of rows of a store, float32 [n, D], on the model's device."""
    device = next(model.parameters()).device
    loader = make_loader(
        views.store.faces, rows, views.class_ids[rows], batch_size=_BATCH, device=device
    )
    model.eval()
    return torch.cat([model.scores_and_features(b.images)[1].flatten(1) for b in loader.epoch(0)])


def feature_inputs(
    training: Training, views: Views, made: Resampled, order: Order
) -> TrainingInputs:
    """Features of training and val, for a training of the head alone.

    Raises:
        ConfigError: the loss looks at features, which do not learn here.
    """
    refuse_teachers(training, "features")
    if needs_features(training.loss):
        raise ConfigError(
            "imbalance.resample.space=features cannot be trained with a loss on the features "
            "(center, island), since they are frozen; take loss=cross_entropy."
        )
    head: Any = training.model.backbone.head
    chosen, size = views.rows("val"), training.settings.images_a_step
    seen = features_of(training.model, views, chosen)
    rows, class_ids = (
        torch.from_numpy(a).to(training.device) for a in (made.faces, made.class_ids)
    )
    labels = torch.from_numpy(views.class_ids[chosen]).to(training.device)
    return TrainingInputs(
        FeatureLoader(rows, class_ids, size, order),
        FeatureLoader(seen.clone(), labels, max(_BATCH, size), in_order(len(chosen))),
        unchanged(),
        train_forward=train_forward(training, head),
        eval_forward=head,
    )

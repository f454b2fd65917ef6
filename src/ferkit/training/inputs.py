"""What a training is given, by the kind of its data; then it runs."""

from collections.abc import Callable
from functools import partial

import numpy as np

from ferkit.imbalance.strategy import Strategy
from ferkit.inference.videos import find_videos, whole_loader
from ferkit.loader import Order, make_loader, shuffled
from ferkit.log import log
from ferkit.losses import needs_features
from ferkit.runs.folder import RunFolder
from ferkit.training.assemble import TrainRows
from ferkit.training.batch_size import attempt_of, memory_explained
from ferkit.training.clips import VideoAugment, drawing_loader
from ferkit.training.distributed import train_forward
from ferkit.training.feature_rows import feature_inputs
from ferkit.training.frozen import augments_nothing, frozen_inputs
from ferkit.training.logging import Logger, patient
from ferkit.training.resume import restore
from ferkit.training.settings import Scores
from ferkit.training.teachers import make_teach, refuse_teachers
from ferkit.training.trainer import Augmentation, Row, Training, TrainingInputs, fit
from ferkit.views import Views


def run_training(
    training: Training,
    augment: Augmentation,
    strategy: Strategy,
    views: Views,
    train: TrainRows,
    run: RunFolder,
    logger: Logger,
) -> None:
    """Take up a checkpoint, make the inputs, fit.

    Raises:
        ConfigError: the training diverged; the last epoch's checkpoint stands.
        KeyboardInterrupt: stopped by hand; likewise.
    """
    settings = training.settings
    restore(training, run)  # before the inputs: what is frozen is what the checkpoint holds
    inputs = make_inputs(training, augment, strategy, views, train)
    attempt = attempt_of(
        training.model,
        training.loss,
        training.device,
        training.autocast(),
        settings.frames_per_clip,
    )
    explained = memory_explained(attempt, settings.images_a_step, training.device)
    with logger(run.folder, training.epoch) as further, explained:
        fit(training, inputs, run, log=_log_epoch(training, patient(further)))


def make_inputs(
    training: Training, augment: Augmentation, strategy: Strategy, views: Views, train: TrainRows
) -> TrainingInputs:
    """Inputs of resampled features, clips, the features of what is frozen, or images."""
    order = _order(strategy, train.class_ids, training.seed)
    if train.resampled and strategy.resampling and strategy.resampling.space == "features":
        log.info("backbone: the head alone is trained, on features and rows made among them")
        return feature_inputs(training, views, train.resampled, order)
    if train.videos:
        return clip_inputs(training, augment, views, train, order)
    return image_inputs(training, augment, views, train, order)


def image_inputs(
    training: Training, augment: Augmentation, views: Views, train: TrainRows, order: Order
) -> TrainingInputs:
    """Single faces, or the features of what is frozen, where that changes nothing."""
    size, chosen = training.settings.images_a_step, views.rows("val")
    load = partial(
        make_loader, device=training.device, cache_on_device=training.settings.cache_on_device
    )
    load_train = partial(load, train.faces, train.rows, train.targets, batch_size=size)
    load_val = partial(
        load, views.store.faces, chosen, views.class_ids[chosen], batch_size=max(256, size)
    )
    if found := frozen_inputs(training, augment, load_train, load_val, order):
        log.info("backbone: what is frozen is computed once, for every image")
        return found
    teach = make_teach(training, not augments_nothing(augment), load_train)
    return TrainingInputs(
        load_train(order=order),
        load_val(),
        augment,
        _train_forward(training),
        training.model,
        teach,
    )


def clip_inputs(
    training: Training, augment: Augmentation, views: Views, train: TrainRows, order: Order
) -> TrainingInputs:
    """Clips drawn from the videos of training, and the whole videos of val."""
    settings, device, faces = training.settings, training.device, views.store.faces
    refuse_teachers(training, "clips")
    videos, shown = train.videos, find_videos(views.store.index, views.rows("val"))
    assert videos is not None
    drawn = drawing_loader(
        faces,
        videos,
        train.rows,
        train.class_ids,
        order,
        seed=training.seed,
        settings=settings,
        device=device,
    )
    whole = whole_loader(
        faces,
        shown,
        views.class_ids[shown.middles],
        batch_size=256,
        device=device,
        cache_on_device=settings.cache_on_device,
    )
    forward = _train_forward(training)
    return TrainingInputs(drawn, whole, VideoAugment(augment), forward, training.model)


def _train_forward(training: Training) -> Callable[..., Scores]:
    model = training.model
    forward = model.scores_and_features if needs_features(training.loss) else model
    return train_forward(training, forward)


def _order(strategy: Strategy, class_ids: np.ndarray, seed: int) -> Order:
    if strategy.sampler is None:
        return shuffled(len(class_ids), seed)
    return lambda epoch: np.asarray(strategy.order(class_ids, epoch, seed))


def _log_epoch(training: Training, further: Callable[[Row], None]) -> Callable[[Row], None]:
    def log_row(row: Row) -> None:
        log.info(
            f"epoch {row['epoch']:>3}/{training.settings.epochs}  "
            f"train {row['train_loss']:.4f} {row['train_accuracy']:.3f}  "
            f"val {row['val_loss']:.4f} {row['val_accuracy']:.3f}  "
            f"macro F1 {row['val_macro_f1']:.3f}  {row['images_per_second']:.0f} images/s"
        )
        further(row)

    return log_row

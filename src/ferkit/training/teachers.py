"""The teachers of a distillation, asked in every step, or once where no image varies."""

from collections.abc import Callable

import torch
from torch import Tensor

from ferkit.errors import ConfigError
from ferkit.loader import Batch, Loader
from ferkit.log import log
from ferkit.losses import Distillation
from ferkit.model import FaceClassifier, load_model
from ferkit.training.distributed import gathered
from ferkit.training.trainer import Training

Teach = Callable[[Batch, Tensor], Tensor]
"""(batch, its images as the network sees them) to the teachers' scores, [B, M, K]."""


def distillation_of(loss: torch.nn.Module) -> Distillation | None:
    """The part of a loss that has teachers."""
    return next((part for part in loss.modules() if isinstance(part, Distillation)), None)


def refuse_teachers(training: Training, where: str) -> None:
    """Refuse a distillation where teachers cannot see what the network sees.

    Raises:
        ConfigError: the loss is one.
    """
    if distillation_of(training.loss) is not None:
        raise ConfigError(
            f"loss=distillation is for single faces, not for {where}; take loss=cross_entropy."
        )


def make_teach(training: Training, varied: bool, load_train: Callable[[], Loader]) -> Teach | None:
    """What gives the teachers' scores of a training batch; None without a distillation.

    Args:
        varied: Whether images are augmented; if not, every image is scored once, before training.
        load_train: Makes a loader of the training view in the view's own order.

    Raises:
        ConfigError: no teacher is given, or one takes other faces or knows other emotions.
        DataError: a teacher cannot be read.
    """
    loss = distillation_of(training.loss)
    if loss is None:
        return None
    if not loss.teachers:
        raise ConfigError("loss=distillation has no loss.teachers; give loss.teachers=[RUN].")
    teachers = [_load(path, training) for path in loss.teachers]

    @torch.no_grad()
    def scores(images: Tensor) -> Tensor:
        with training.autocast():
            found = [teacher(images).float() for teacher in teachers]
        return torch.stack(found, dim=1)  # [B, M, K]

    if varied:
        return lambda batch, images: gathered(scores(images), len(batch.targets))[0]
    known = torch.cat([scores(batch.images) for batch in load_train().epoch(0)])  # [N, M, K]
    log.info("loss: the teachers' scores are computed once, for every image")
    return lambda batch, _: known[torch.from_numpy(batch.positions).to(known.device)]


def _load(path: str, training: Training) -> FaceClassifier:
    teacher, model = load_model(path, str(training.device)), training.model
    if teacher.emotions != model.emotions:
        raise ConfigError(
            f"loss.teachers: {path} knows {', '.join(teacher.emotions)}, this training "
            f"{', '.join(model.emotions)}; give emotions=[{','.join(teacher.emotions)}]."
        )
    for key, its, own in (
        ("size", teacher.size, model.size),
        ("channels", teacher.channels, model.channels),
    ):
        if its != own:
            raise ConfigError(
                f"loss.teachers: {path} takes faces of {key} {its}, this training prepares {own}; "
                "give the `faces` settings of the teacher's run."
            )
    return teacher.requires_grad_(False)

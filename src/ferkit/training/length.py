"""How long, and in which batches, a training view is shown where nobody says.

Ten epochs of a few hundred images in batches of 64 are 30 to 80 updates, in which a network from
random weights hardly begins to learn; so few images are shown oftener and in smaller batches. After
few updates the running statistics of batch-norms may not fit the weights either: there they are
taken anew before val. docs/training.md has what each of the two was worth.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ferkit.log import log
from ferkit.training.settings import TrainerSettings

CHOSEN = ("max_epochs", "batch_size", "recompute_norms")  # keys of the trainer
EPOCHS = 10
MOST_EPOCHS = 100
SHOWN = 20_000  # images that a network without weights to begin with sees at least
BATCHES = (64, 32, 16)
STEPS = 16  # an epoch, of the smallest batch that gives them
FEW_UPDATES = 2000  # below which running statistics of batch-norms are not trusted


def settle(settings: TrainerSettings, images: int, backbone: Mapping[str, Any]) -> TrainerSettings:
    """Settings whose epochs and batch size are numbers, by the number of training images.

    What is given is kept. A network that begins with learned weights needs no further epochs.

    Args:
        images: Rows of the training view, after resampling.
        backbone: The node; `pretrained` and `init_from` say where its weights come from.
    """
    learned = bool(backbone.get("pretrained") or backbone.get("init_from"))
    found: dict[str, int | bool] = {}
    if settings.batch_size is None:
        found["batch_size"] = _batch(images)
    if settings.max_epochs is None:
        found["max_epochs"] = EPOCHS if learned else _epochs(images)
    settled = replace(settings, **found)  # type: ignore[arg-type]
    if settings.recompute_norms is None:
        anew = bool(found) and settings.ema is None and images < SHOWN / EPOCHS
        anew = anew and _updates(settled, images) < FEW_UPDATES
        settled = replace(settled, recompute_norms=anew)
        found |= {"recompute_norms": True} if anew else {}
    if found not in ({}, {"batch_size": BATCHES[0], "max_epochs": EPOCHS}):
        chosen = " ".join(f"trainer.{key}={str(value).lower()}" for key, value in found.items())
        log.info(f"trainer: {chosen}, chosen by the {images:,} images of train")
    return settled


def _updates(settings: TrainerSettings, images: int) -> float:
    if settings.batch_size == "auto":
        return FEW_UPDATES  # a GPU's full memory is for large data
    return settings.epochs * images / settings.images_a_step / settings.accumulate


def _batch(images: int) -> int:
    """The largest batch with enough steps an epoch, else the smallest.

    >>> _batch(28_709), _batch(560), _batch(240)
    (64, 32, 16)
    """
    return next((size for size in BATCHES if images >= STEPS * size), BATCHES[-1])


def _epochs(images: int) -> int:
    """Enough epochs for `SHOWN` images, in 10 to 100.

    >>> _epochs(28_709), _epochs(560), _epochs(240)
    (10, 36, 84)
    """
    return min(MOST_EPOCHS, max(EPOCHS, -(-SHOWN // max(images, 1))))

"""How faces are cut out of whole pictures for a model: as in its training, else as asked."""

from collections.abc import Mapping
from typing import Any

from ferkit.config import build
from ferkit.errors import ConfigError
from ferkit.faces.settings import FaceSettings
from ferkit.inference.runtime import Predictor
from ferkit.log import log

READY = ("none", "given")  # trained on crops that were there already: any detector may serve
DETECT = {"detector": "haar", "align": "none"}  # for these, where none is asked for
_SHAPING = ("detector", "align", "margin", "illumination")  # keys that make other crops


def face_settings(
    model: Predictor,
    asked: Mapping[str, Any] | None,
    *,
    force: bool = False,
    ready: bool = False,
) -> FaceSettings:
    """The settings of a model's training with those that are asked for put over them.

    Args:
        model: Its `faces` node says how its training faces were cut, or, for a model trained on
            ready crops that is to see whole pictures, how faces are found.
        asked: Keys of `faces`.
        force: Take other crops than those of the training.
        ready: The model was trained on ready crops, and its `faces` node is for pictures alone.

    Raises:
        ConfigError: other crops are asked for of a model that was trained on detected faces.
    """
    trained = {key: value for key, value in model.faces.items() if key != "_target_"}
    chosen = {key: value for key, value in (asked or {}).items() if key != "_target_"}
    if trained.get("detector", "none") in READY:
        if not asked:
            log.info(
                "faces: this model was trained on ready-made crops; faces are looked for by "
                f"faces.detector={DETECT['detector']}, for crops give faces=none"
            )
            chosen = DETECT
    elif not (force or ready):
        _refuse_other_crops(trained, chosen)
    shape = {"size": model.size, "color": "grey" if model.channels == 1 else "rgb"}
    node = {"_target_": "ferkit.faces.settings.FaceSettings", **trained, **chosen, **shape}
    settings: FaceSettings = build(node, where="faces")
    return settings


def _refuse_other_crops(trained: Mapping[str, Any], chosen: Mapping[str, Any]) -> None:
    plain = vars(FaceSettings())
    for key in _SHAPING:
        before, now = trained.get(key, plain[key]), chosen.get(key, trained.get(key, plain[key]))
        if before != now:
            raise ConfigError(
                f"The model was trained with faces.{key}={before}, and faces.{key}={now} gives it "
                "other crops; leave faces= out, or add force=true."
            )

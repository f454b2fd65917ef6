"""The models that come with the package: their files, what is known of them, their terms.

Each is a folder of `ferkit/models`: model.safetensors, and metrics.json, which names the sha256 of
the weights and holds what the model card says.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ferkit.errors import DataError, unknown
from ferkit.untrusted import read_json, require_shape

if TYPE_CHECKING:
    import pandas as pd

WEIGHTS, METRICS = "model.safetensors", "metrics.json"
DEFAULT = "eca_resnet"
TERMS = (
    "the packaged model was trained on FER-2013, whose terms allow non-commercial research alone "
    "(LICENSE-MODELS); it must not be used to judge people"
)
_METRICS = {"accuracy": int | float, "macro_f1": int | float}
_SHAPE = {"what": str, "sha256": {str: str}, "views": {str: _METRICS}}


def folder() -> Path:
    """Where the packaged models lie."""
    return Path(__file__).with_name("models")


def names() -> list[str]:
    """The packaged models, the default first."""
    found = sorted(path.parent.name for path in folder().glob(f"*/{WEIGHTS}"))
    return sorted(found, key=lambda name: name != DEFAULT)


def find_model(asked: str | Path | None) -> Path:
    """A run's folder or a model file as it is, or the packaged model of this name.

    Args:
        asked: None for the default. What exists as a path is never a name.

    Raises:
        DataError: there is neither.
    """
    known = names()
    if asked is None:
        if not known:
            raise DataError(
                "This install carries no model; give model=RUN, the folder of a finished training."
            )
        return folder() / known[0]
    if Path(asked).exists() or str(asked) not in known:
        return Path(asked)
    return folder() / str(asked)


def card(name: str) -> str:
    """Where the model card of a packaged model lies in the project."""
    return f"docs/model_card{'' if name == DEFAULT else f'_{name}'}.md"


def is_packaged(path: Path) -> bool:
    """Whether a model is one of the package's, whose terms it then has."""
    return path.parent == folder()


def metrics_of(name: str) -> dict[str, Any]:
    """What metrics.json holds of a packaged model.

    Raises:
        DataError: there is no such model, or its file is broken.
    """
    path = folder() / name / METRICS
    if not path.is_file():
        raise DataError(unknown("packaged model", name, names()))
    found = read_json(path)
    require_shape(found, _SHAPE, path)
    return dict(found)


def predictions_sum(predictions: "pd.DataFrame") -> str:
    """The sha256 of which key was predicted as what, in any order of the rows.

    Args:
        predictions: Has `key` and `predicted`; probabilities differ between machines in last bits.
    """
    pairs = zip(predictions["key"], predictions["predicted"], strict=True)
    lines = sorted(f"{key}\t{predicted}\n" for key, predicted in pairs)
    return hashlib.sha256("".join(lines).encode()).hexdigest()

"""Networks that ferkit did not train, from an ONNX file of any program."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ferkit.composition import load_choice
from ferkit.config import as_plain, build
from ferkit.errors import ConfigError, DataError, unknown
from ferkit.evaluation.given import class_names
from ferkit.inference.onnx_file import OnnxFile
from ferkit.inference.runtime import BATCH, Predictor
from ferkit.loader import planes

OUTPUTS = ("auto", "scores", "probabilities")
_TARGET = "ferkit.input.Input"


def outside_predictor(
    file: OnnxFile,
    *,
    emotions: Sequence[str] | None,
    scaling: Any,
    size: int | None = None,
    output: str = "auto",
) -> Predictor:
    """A network that needs to be told what it is.

    Args:
        file: Its file.
        emotions: The classes in the order of its outputs; None takes them from the file.
        scaling: An `input` node, a part of one, or the name of one (`ferkit list input`).
        size: Height and width of a face, where the file leaves it open.
        output: "probabilities", "scores" (their softmax is taken), or "auto": by looking.

    Raises:
        ConfigError: something is not said, or does not fit the file.
    """
    if output not in OUTPUTS:
        raise ConfigError(unknown("model.output", output, OUTPUTS))
    names = _emotions(file, emotions)
    side = file.size or size
    if side is None:
        raise ConfigError(f"{file.where} leaves the size of its images open; give model.size=.")
    if size is not None and size != side:
        raise ConfigError(f"model.size is {size}, and {file.where} takes {side} x {side} pixels.")
    channels = file.channels or 1
    node = build(_input_node(scaling, file), where="input")
    kind = output

    def probabilities(faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        nonlocal kind
        parts = [
            file.run(_scaled(node, faces[at : at + BATCH])) for at in range(0, len(faces), BATCH)
        ]
        found = np.concatenate(parts).reshape(len(faces), -1)
        if found.shape[1] != len(names):
            raise ConfigError(_other_number(file, names, found.shape[1]))
        if kind == "auto":
            kind = "probabilities" if are_probabilities(found) else "scores"
        return found if kind == "probabilities" else _softmax(found)

    faces = {"_target_": "ferkit.faces.settings.FaceSettings", "detector": "none"}
    return Predictor(names, side, channels, faces, probabilities)


def _emotions(file: OnnxFile, given: Sequence[str] | None) -> tuple[str, ...]:
    words = [str(word) for word in as_plain(given) or file.class_words]
    if not words:
        count = "its outputs" if file.classes is None else f"its {file.classes} outputs"
        raise ConfigError(
            f"{file.where} does not say which classes {count} are; give model.emotions=[...] in "
            "the order of the outputs."
        )
    names = class_names(words, "model.emotions")
    if file.classes not in (None, len(names)):
        raise ConfigError(_other_number(file, names, int(file.classes or 0)))
    return names


def _other_number(file: OnnxFile, names: Sequence[str], outputs: int) -> str:
    return (
        f"{file.where} has {outputs} outputs, and model.emotions names {len(names)} classes "
        f"({', '.join(names)}); give one for each output, in their order."
    )


def _input_node(given: Any, file: OnnxFile) -> Mapping[str, Any]:
    plain = as_plain(given)
    if plain is None:
        raise ConfigError(
            f"{file.where} does not say how pixels of 0..255 are scaled for it; give model.input= "
            "one of `ferkit list input`, or model.input.scale=0..1 and the like."
        )
    if isinstance(plain, str):
        found: Mapping[str, Any] = as_plain(load_choice("input", plain))
        return found
    return {"_target_": _TARGET, **plain}


def _scaled(node: Any, faces: NDArray[np.uint8]) -> NDArray[Any]:
    with torch.inference_mode():
        return np.asarray(node(planes(faces)).numpy())


def are_probabilities(rows: NDArray[np.floating]) -> bool:
    """Whether every row [B, K] is at least 0 and comes to 1.

    Raises:
        DataError: a value is no number.
    """
    if not np.isfinite(rows).all():
        raise DataError("The network gives values that are not numbers; check model.input.")
    return bool((rows >= 0).all() and np.allclose(rows.sum(axis=1), 1, atol=1e-3))


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float32)

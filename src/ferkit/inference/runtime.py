"""A network that gives probabilities of faces, whatever runs it: torch or onnxruntime."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ferkit.devices import choose_device, quick_layout
from ferkit.errors import ConfigError, DataError, unknown
from ferkit.inference.onnx_file import OnnxFile, open_onnx, weights_sum
from ferkit.loader import planes
from ferkit.log import log
from ferkit.model import FaceClassifier, load_model

RUNTIMES = ("auto", "onnx", "torch")
SUFFIX = ".onnx"
BATCH = 64  # faces that go through a network together


@dataclass(frozen=True)
class Predictor:
    """A network and what must be known to feed it.

    Attributes:
        emotions: Its classes, K of them, in the order of the probabilities.
        size: Height and width of a face in pixels.
        channels: Of a face: 1 grey, 3 RGB.
        faces: The `faces` node by which its training faces were prepared.
        probabilities: Float32 [B, K] of faces uint8 [B, H, W] or [B, H, W, 3].
        network: The torch module, where torch runs it; saliency needs it.
    """

    emotions: tuple[str, ...]
    size: int
    channels: int
    faces: Mapping[str, Any]
    probabilities: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    network: FaceClassifier | None = None


def load_predictor(
    source: str | Path,
    *,
    runtime: str = "auto",
    device: str = "auto",
    batch: int = BATCH,
    threads: int | None = None,
) -> Predictor:
    """The network of a run folder, a model.safetensors or an .onnx file, ready to predict.

    Args:
        source: Where it lies.
        runtime: "torch", "onnx", or "auto": onnxruntime for an .onnx file and, on the CPU, for a
            model beside which `ferkit export` has put one; torch for all others.
        device: Of torch; onnxruntime takes a GPU where its package has one.
        batch: Faces at once.
        threads: Of the CPU for onnxruntime; None for all cores but one.

    Raises:
        ConfigError: an unknown runtime, one whose package is missing, or torch for an .onnx file.
        DataError: no model there, or a damaged one.
    """
    if runtime not in RUNTIMES:
        raise ConfigError(unknown("runtime", runtime, RUNTIMES))
    path = Path(source)
    threads = spare_threads() if threads is None else threads
    if is_onnx(path):
        if runtime == "torch":
            raise ConfigError(
                f"runtime=torch cannot run {path}; give model= the run or the model.safetensors "
                "that it was made from, or leave runtime out."
            )
        return onnx_predictor(open_onnx(path, device, threads), batch)
    place = choose_device(device)
    if runtime == "auto" and place.type == "cpu":
        found = _exported(path, device, threads)
        if found is not None:
            return onnx_predictor(found, batch)
    model = load_model(path, str(place))
    if runtime == "onnx":
        return _converted(model, path, device, batch, threads)
    return torch_predictor(model, batch)


def is_onnx(source: str | Path) -> bool:
    """Whether a file is named as ONNX files are."""
    return Path(source).suffix.lower() == SUFFIX


def _exported(path: Path, device: str, threads: int) -> OnnxFile | None:
    """The .onnx file beside a model's weights, where it is of these and can be run here."""
    weights = path / "model.safetensors" if path.is_dir() else path
    beside = weights.with_suffix(SUFFIX)
    if not (weights.is_file() and beside.is_file() and find_spec("onnxruntime")):
        return None
    with suppress(DataError):  # one that cannot be read does not keep torch from running
        file = open_onnx(beside, device, threads)
        return file if file.weights == weights_sum(weights) else None
    return None


def spare_threads() -> int:
    """Threads of the CPU that leave a core to what decodes and encodes videos meanwhile."""
    return max(1, (os.cpu_count() or 2) - 1)


def torch_predictor(model: FaceClassifier, batch: int = BATCH) -> Predictor:
    """A classifier in eval mode as a predictor, on the device where it lies."""
    place = next(model.parameters()).device

    @torch.inference_mode()
    def probabilities(faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        parts = torch.split(planes(faces), batch)
        scores = torch.cat([model(quick_layout(part.to(place))).float() for part in parts])
        return np.asarray(scores.softmax(1).cpu().numpy())

    return Predictor(model.emotions, model.size, model.channels, model.faces, probabilities, model)


def onnx_predictor(file: OnnxFile, batch: int = BATCH) -> Predictor:
    """An .onnx file that `ferkit export` wrote as a predictor.

    Raises:
        DataError: another program wrote it.
    """
    card = file.require_card()

    def probabilities(faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        parts = np.split(faces, range(batch, len(faces), batch))
        return np.concatenate([file.run(planes(p).numpy()) for p in parts])

    return Predictor(card.emotions, card.size, card.channels, card.nodes["faces"], probabilities)


def _converted(
    model: FaceClassifier, path: Path, device: str, batch: int, threads: int
) -> Predictor:
    """The model.onnx beside a model's weights if it is of these weights, else converted now."""
    from ferkit.inference.export import ExportError, onnx_bytes

    weights = path / "model.safetensors" if path.is_dir() else path
    beside = weights.with_suffix(SUFFIX)
    total = weights_sum(weights)
    if beside.is_file():
        found = open_onnx(beside, device, threads)
        if found.weights == total:
            return onnx_predictor(found, batch)
        log.info(
            f"{beside} was made from other weights; the network is converted again for this time"
        )
    try:
        return onnx_predictor(open_onnx(onnx_bytes(model, total), device, threads), batch)
    except ExportError as error:
        log.info(f"{error} It runs in torch.")
        return torch_predictor(model, batch)

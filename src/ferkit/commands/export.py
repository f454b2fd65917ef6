"""`ferkit export`: a trained network as an .onnx file that runs without ferkit."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig

from ferkit.composition import completed, compose
from ferkit.errors import ConfigError, DataError, unknown
from ferkit.evaluation.metrics import quick_metrics
from ferkit.files import FORMAT, usable_folder, write_bytes, write_text
from ferkit.inference.data import own_views, read_run_split
from ferkit.inference.export import CHECKED, OPSET, check_faces, latencies, onnx_bytes, require_same
from ferkit.inference.onnx_file import OnnxFile, open_onnx, weights_sum
from ferkit.inference.quantize import quantized
from ferkit.inference.runtime import SUFFIX, onnx_predictor
from ferkit.inference.tflite import require_same_tflite, tflite_bytes
from ferkit.log import log
from ferkit.model import FaceClassifier, card_of, load_model
from ferkit.runs.folder import open_run
from ferkit.views import Views

FORMATS = ("onnx", "tflite")
_CALIBRATION = 256  # faces of the training view


@dataclass(frozen=True)
class Measured:
    """A file that was written and what was found out about it."""

    path: Path
    facts: Mapping[str, Any]


def main(words: Sequence[str]) -> int:
    """The command."""
    config = compose(*words, command="export")
    for measured in export(config):
        print(measured.path)
    return 0


def export(config: DictConfig) -> list[Measured]:
    """Write the file, and with `int8` the quantized one; what was measured stands beside.

    Raises:
        ConfigError: a key is missing or wrong, or the network cannot be converted.
        DataError: there is no model.
    """
    if config.format not in FORMATS:
        raise ConfigError(unknown("format", config.format, FORMATS))
    if config.format != "onnx" and config.int8:
        raise ConfigError("int8=true goes with format=onnx.")
    weights, suffix = _weights(config), f".{config.format}"
    out = Path(config.out) if config.out else weights.with_suffix(suffix)
    if out.suffix.lower() != suffix:
        raise ConfigError(f"out={out} is no name of such a file; give out=NAME{suffix}.")
    usable_folder(out.parent, "out")
    model = load_model(weights)
    if config.format == "tflite":
        return [_tflite(model, out)]
    content = onnx_bytes(model, weights_sum(weights))
    file = open_onnx(content, "cpu")
    facts = {"opset": OPSET, **_compared_with_torch(model, require_same(model, file))}
    facts["milliseconds"] = _say_latencies(latencies(model, content))
    written = [_write(out, content, facts)]
    if config.int8:
        written.append(_int8(config, model, content, out))
    return written


def _compared_with_torch(model: FaceClassifier, difference: float) -> dict[str, Any]:
    log.info(f"{CHECKED} faces: the largest difference from torch is {difference:.1e}")
    return {
        "emotions": list(model.emotions),
        "compared_faces": CHECKED,
        "largest_difference": difference,
    }


def _tflite(model: FaceClassifier, out: Path) -> Measured:
    content = tflite_bytes(model)
    facts = _compared_with_torch(model, require_same_tflite(model, content))
    card = card_of(model)  # the file itself has no place for it
    facts |= {"size": card.size, "channels": card.channels}
    facts |= {"input": card.nodes["input"], "faces": card.nodes["faces"]}
    return _write(out, content, facts)


def _weights(config: DictConfig) -> Path:
    if (config.run is None) == (config.model is None):
        raise ConfigError("`ferkit export` takes run=DIR, or model=FILE.safetensors.")
    path = Path(config.run or config.model)
    return path / "model.safetensors" if path.is_dir() else path


def _write(path: Path, content: bytes, facts: Mapping[str, Any]) -> Measured:
    write_bytes(path, content)
    text = json.dumps({"format": FORMAT, "file": path.name, **facts}, indent=1)
    write_text(path.with_name(f"{path.name}.json"), text + "\n")
    return Measured(path, facts)


def _say_latencies(found: Mapping[str, Mapping[str, float]]) -> Mapping[str, Mapping[str, float]]:
    for runtime, times in found.items():
        shown = ", ".join(f"{count} faces {ms:.1f} ms" for count, ms in times.items())
        log.info(f"{runtime} on one thread: {shown}")
    return found


def _int8(config: DictConfig, model: FaceClassifier, content: bytes, out: Path) -> Measured:
    views = _views(config, model)
    made = quantized(content, _calibration(model, views))
    file = open_onnx(made, "cpu")
    facts: dict[str, Any] = {"int8": True, "calibrated_on": "train" if views else "drawn faces"}
    if views is not None:
        facts["val"] = _compared(views, open_onnx(content, "cpu"), file)
    times = latencies(model, made)["onnx"]
    facts["milliseconds"] = _say_latencies({"int8": times})
    return _write(out.with_suffix(f".int8{SUFFIX}"), made, facts)


def _views(config: DictConfig, model: FaceClassifier) -> Views | None:
    """The run's own data; None where they are not here."""
    if config.run is None:
        log.info(
            "int8: model= names no data; calibrated on drawn faces, the accuracy lost is unknown"
        )
        return None
    run, stored = open_run(Path(config.run))
    asked = completed(stored)
    asked.prepared_root = config.prepared_root
    try:
        split = read_run_split(run.folder, run.read_data())
        return own_views(asked, split, model.emotions)
    except DataError as error:
        log.info(f"int8: calibrated on drawn faces, the accuracy lost is unknown ({error})")
        return None


def _calibration(model: FaceClassifier, views: Views | None) -> np.ndarray:
    if views is None:
        return check_faces(model, _CALIBRATION)
    rows = views.rows("train")
    some = np.sort(np.random.default_rng(0).permutation(rows)[:_CALIBRATION])
    faces = np.asarray(views.store.faces[some], dtype=np.float32)
    return faces[:, None] if faces.ndim == 3 else faces.transpose(0, 3, 1, 2)


def _compared(views: Views, plain: OnnxFile, small: OnnxFile) -> dict[str, Any]:
    """Accuracy and macro F1 on val, of float32 and of int8."""
    rows = views.rows("val")
    rows = rows[views.class_ids[rows] >= 0]
    faces = np.asarray(views.store.faces[rows])
    found: dict[str, Any] = {"n": len(rows)}
    for name, file in (("float32", plain), ("int8", small)):
        ids = onnx_predictor(file).probabilities(faces).argmax(axis=1)
        found[name] = quick_metrics(views.class_ids[rows], ids, views.emotions)
    lost = found["float32"]["accuracy"] - found["int8"]["accuracy"]
    log.info(
        f"int8 on the {len(rows):,} faces of val: accuracy {found['int8']['accuracy']:.4f}, "
        f"{lost:+.4f} lost of {found['float32']['accuracy']:.4f}"
    )
    return found

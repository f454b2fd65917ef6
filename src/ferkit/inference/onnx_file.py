"""ONNX files, read without trust and run by onnxruntime."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferkit.errors import DataError, check_format, require
from ferkit.files import FORMAT
from ferkit.model_file import Card, card_of_now, checked_card
from ferkit.untrusted import guarded, parse_json

_IMAGES = 4  # dimensions of a batch of images
_TABLE = 2  # dimensions of a batch of scores
_SMALL = 16  # an axis of so few values holds channels, not pixels


@dataclass(frozen=True)
class OnnxFile:
    """A network in onnxruntime.

    Attributes:
        where: The file, for messages.
        session: onnxruntime's.
        card: What `ferkit export` wrote into it; None where another program made the file.
        weights: sha256 of the weights it was made from; "" where it does not say.
        class_words: The names of its outputs, as another program may have noted them; else none.
    """

    where: str
    session: Any
    card: Card | None
    weights: str
    class_words: tuple[str, ...] = ()

    @property
    def channels_last(self) -> bool:
        """Whether it takes [B, H, W, C], as networks from Keras do."""
        shape = self.session.get_inputs()[0].shape
        return _is_channels(shape[3]) and not _is_channels(shape[1])

    @property
    def channels(self) -> int | None:
        """Of the images it takes; None where the file leaves it open."""
        return _number(self.session.get_inputs()[0].shape[3 if self.channels_last else 1])

    @property
    def size(self) -> int | None:
        """Height and width of the images it takes; None where the file leaves it open."""
        return _number(self.session.get_inputs()[0].shape[2])

    @property
    def classes(self) -> int | None:
        """Of its outputs; None where the file leaves it open."""
        return _number(self._output().shape[1])

    def require_card(self) -> Card:
        """The card.

        Raises:
            DataError: another program than ferkit made the file.
        """
        if self.card is None:
            raise DataError(
                f"{self.where} does not say which emotions it gives: another program made it. "
                "`ferkit eval model=FILE model.emotions=[...] model.input=...` judges such a file; "
                "predict takes files of `ferkit export`."
            )
        return self.card

    def run(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """The output [B, K] of images [B, C, H, W], in the number type that the file takes.

        Raises:
            DataError: the network cannot be run on them.
        """
        given = self.session.get_inputs()[0]
        kind = _TYPES.get(given.type, np.float32)
        shown = images.transpose(0, 2, 3, 1) if self.channels_last else images
        feed = {given.name: np.ascontiguousarray(shown, dtype=kind)}
        found = guarded(
            lambda: self.session.run([self._output().name], feed)[0],
            self.where,
            f"cannot be run on faces of {images.shape[1:]}",
            "give a network of single faces",
        )
        return np.asarray(found, dtype=np.float32)

    def _output(self) -> Any:
        outputs = self.session.get_outputs()
        return next((o for o in outputs if len(o.shape) == _TABLE), outputs[0])


_TYPES = {
    "tensor(uint8)": np.uint8,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
}


def open_onnx(source: Path | bytes, device: str = "auto", threads: int = 0) -> OnnxFile:
    """Open a network.

    Args:
        source: An .onnx file, or the bytes of one.
        device: "cpu", or anything else for a GPU where onnxruntime has one.
        threads: Of the CPU; 0 for as many as there are cores.

    Raises:
        ConfigError: onnxruntime is not installed.
        DataError: the file is not there, cannot be read, or takes no images.
    """
    require("An .onnx file", "onnxruntime")
    where = "The converted network" if isinstance(source, bytes) else str(source)
    if isinstance(source, Path) and not source.is_file():
        raise DataError(
            f"No model at {source}; give a run folder, or a .safetensors or .onnx file."
        )
    session = guarded(
        lambda: _session(source, device, threads),
        where,
        "cannot be read as ONNX: it is damaged, or another kind of file",
        "restore it",
    )
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(inputs[0].shape) != _IMAGES or not outputs:
        shapes = ", ".join(f"{i.name} {i.shape}" for i in inputs)
        raise DataError(
            f"{where} takes {shapes}; give a network of one input, images [faces, channels, "
            "height, width]."
        )
    if all(len(output.shape) != _TABLE for output in outputs):
        raise DataError(f"{where} has no output [faces, classes]; give a classifier.")
    metadata = session.get_modelmeta().custom_metadata_map
    card, weights = _card(metadata, where)
    return OnnxFile(where, session, card, weights, _class_words(metadata))


def _session(source: Path | bytes, device: str, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # cores are shared
    wanted = ["CPUExecutionProvider"]
    if device != "cpu" and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        wanted.insert(0, "CUDAExecutionProvider")
    given = source if isinstance(source, bytes) else str(source)
    return onnxruntime.InferenceSession(given, options, providers=wanted)


def metadata_of(card: Card, weights: str) -> dict[str, str]:
    """What stands in the metadata of a file: a key each, its value as JSON."""
    said = asdict(card)
    nodes = said.pop("nodes")
    return {
        name: json.dumps(value, sort_keys=True)
        for name, value in {"format": FORMAT, **said, **nodes, "weights": weights}.items()
    }


def _card(metadata: Mapping[str, str], where: str) -> tuple[Card | None, str]:
    if not {"emotions", "input", "faces", "backbone"} <= set(metadata):
        return None, ""
    known = ("format", "emotions", "size", "channels", "backbone", "input", "faces", "weights")
    said = {
        name: parse_json(metadata[name], f"The metadata of {where}, key {name}")
        for name in known
        if name in metadata
    }
    check_format(said.get("format"), FORMAT, where)
    nodes = {name: said.get(name) for name in ("backbone", "faces", "input")}
    card = checked_card(said, nodes, f"The metadata of {where}")
    return card_of_now(card, Path(where)), str(said.get("weights", ""))


def _class_words(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Class names as programs write them: a JSON list, or words with commas between."""
    for key in ("emotions", "classes", "class_names", "labels"):
        text = metadata.get(key, "").strip()
        if text.startswith("["):
            words = parse_json(text, f"The metadata, key {key}")
        else:
            words = [word.strip() for word in text.split(",")]
        if len(words) > 1 and all(isinstance(word, str) and word for word in words):
            return tuple(words)
    return ()


def weights_sum(path: Path) -> str:
    """The sha256 of a file of weights."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_channels(axis: object) -> bool:
    return isinstance(axis, int) and 0 < axis < _SMALL


def _number(axis: object) -> int | None:
    return axis if isinstance(axis, int) and axis > 0 else None

"""A trained network as TFLite, by Google's litert-torch; one face at a time."""

import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import torch

from ferkit.errors import require
from ferkit.inference.export import (
    ExportError,
    Probabilities,
    by_torch,
    check_faces,
    quiet,
    require_small,
)
from ferkit.model import FaceClassifier
from ferkit.untrusted import reason


def tflite_bytes(model: FaceClassifier) -> bytes:
    """A classifier as the bytes of a .tflite file: float32 [1, C, H, W] of 0..255 to [1, K].

    Raises:
        ConfigError: litert-torch is not installed.
        ExportError: the network cannot be converted.
    """
    require("format=tflite", "litert-torch")
    face = torch.zeros(1, model.channels, model.size, model.size)
    try:
        with quiet(), redirect_stdout(StringIO()), tempfile.TemporaryDirectory() as folder:
            import litert_torch

            path = Path(folder) / "model.tflite"
            litert_torch.convert(Probabilities(model).cpu().eval(), (face,)).export(str(path))
            return path.read_bytes()
    except Exception as error:  # as torch's converter, it raises whatever it likes
        raise ExportError(
            f"{type(model.backbone).__name__} cannot be converted to TFLite ({reason(error)}); "
            "take format=onnx."
        ) from None


def require_same_tflite(model: FaceClassifier, content: bytes) -> float:
    """The largest difference of a probability from torch, on the faces of the check.

    Raises:
        ExportError: it is too large.
    """
    from ai_edge_litert.interpreter import Interpreter

    faces = check_faces(model)
    runner = Interpreter(model_content=content)
    runner.allocate_tensors()
    given, found = runner.get_input_details()[0], runner.get_output_details()[0]
    rows = []
    for face in faces:
        runner.set_tensor(given["index"], face[None])
        runner.invoke()
        rows.append(runner.get_tensor(found["index"])[0].copy())
    return require_small(float(np.abs(np.stack(rows) - by_torch(model, faces)).max()))

"""int8 weights and activations by onnxruntime's own quantizer."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferkit.errors import require
from ferkit.inference.export import INPUT, ExportError
from ferkit.untrusted import reason

_BATCH = 32
_QUANTIZED = ("Conv", "Gemm", "MatMul")  # where the time goes; all else stays float32


class _Faces:
    """The faces that the ranges of activations are measured on, as onnxruntime asks for them."""

    def __init__(self, faces: NDArray[np.float32]) -> None:
        self._parts = iter(np.split(faces, range(_BATCH, len(faces), _BATCH)))

    def get_next(self) -> dict[str, Any] | None:
        part = next(self._parts, None)
        return None if part is None else {INPUT: part}


def quantized(content: bytes, faces: NDArray[np.float32]) -> bytes:
    """An .onnx file with int8 convolutions and matrix products; metadata, input, output stay.

    Args:
        content: Of the file of `ferkit.inference.export`.
        faces: [N, C, H, W], 0..255, as the network will see them: not of val or test.

    Raises:
        ConfigError: onnxruntime is missing.
        ExportError: the quantizer cannot do it.
    """
    require("int8=true", "onnxruntime")
    try:
        return _quantized(content, faces)
    except Exception as error:  # as the converter, it raises whatever it likes
        raise ExportError(
            f"onnxruntime cannot quantize this network ({reason(error)}); take int8=false."
        ) from error


def _quantized(content: bytes, faces: NDArray[np.float32]) -> bytes:
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType
    from onnxruntime.quantization import quantize_static as quantize
    from onnxruntime.quantization.shape_inference import quant_pre_process

    CalibrationDataReader.register(_Faces)

    with tempfile.TemporaryDirectory() as folder:
        plain, ready, out = (Path(folder) / f"{name}.onnx" for name in ("plain", "ready", "int8"))
        plain.write_bytes(content)
        quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
        quantize(
            str(ready),
            str(out),
            _Faces(faces),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            op_types_to_quantize=list(_QUANTIZED),
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        made, original = onnx.load(str(out)), onnx.load_from_string(content)
    del made.metadata_props[:]
    made.metadata_props.extend(original.metadata_props)
    found: bytes = made.SerializeToString(deterministic=True)
    return found

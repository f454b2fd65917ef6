"""A trained network as ONNX: pixels 0..255 in, probabilities out, checked against torch.

The `input` node lies inside the graph and the classes stand in the metadata, so that who runs the
file needs nothing of ferkit.
"""

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ferkit.drawn.face import draw_face
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, require
from ferkit.inference.onnx_file import OnnxFile, metadata_of, open_onnx
from ferkit.model import FaceClassifier, card_of
from ferkit.untrusted import reason

OPSET = 18  # of 2022: every onnxruntime since 1.14 runs it
INPUT, OUTPUT = "images", "probabilities"
CHECKED = 256  # faces
LARGEST_DIFFERENCE = 1e-4  # of a probability
_MOST_BYTES = 2_000_000_000  # of a single ONNX file


class ExportError(ConfigError):
    """A network that cannot be converted, or whose conversion gives other probabilities."""


class Probabilities(nn.Module):
    """A classifier that gives probabilities."""

    def __init__(self, model: FaceClassifier) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities [B, K] of faces [B, C, H, W] of 0..255."""
        return self.model(images).float().softmax(1)


def onnx_bytes(model: FaceClassifier, weights: str = "") -> bytes:
    """A classifier as the bytes of an .onnx file.

    The input is `images`, float32 [B, C, H, W] of 0..255, the output `probabilities`, float32
    [B, K]; B is free. A network of clips judges each face as a clip of one frame.

    Args:
        model: In eval mode.
        weights: sha256 of the file of its weights, for the metadata.

    Raises:
        ConfigError: a package of the extra `export` is missing.
        ExportError: the network cannot be converted.
    """
    for package in ("onnx", "onnxscript", "onnxruntime"):
        require("The conversion to ONNX", package)
    proto = _converted(model)
    for name, text in metadata_of(card_of(model), weights).items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = name, text
    content: bytes = proto.SerializeToString(deterministic=True)
    return content


def _converted(model: FaceClassifier) -> Any:
    images = torch.zeros(2, model.channels, model.size, model.size)
    size = sum(p.numel() * p.element_size() for p in model.parameters())
    if size > _MOST_BYTES:
        raise ExportError(
            f"The network has {size:,} bytes of weights, an .onnx file holds 2 GB; predict with "
            "runtime=torch."
        )
    try:
        with quiet(), torch.no_grad():
            program = torch.onnx.export(
                Probabilities(model).cpu().eval(),
                (images,),
                None,
                input_names=[INPUT],
                output_names=[OUTPUT],
                opset_version=OPSET,
                dynamo=True,
                dynamic_shapes={"images": {0: torch.export.Dim("faces")}},
                verbose=False,
            )
            assert program is not None
            proto: Any = program.model_proto
    except Exception as error:  # the converter raises whatever it likes on what it does not know
        raise ExportError(
            f"{type(model.backbone).__name__} cannot be converted to ONNX ({reason(error)}); "
            "predict with runtime=torch."
        ) from None
    _forget_sources(proto)
    return proto


def _forget_sources(proto: Any) -> None:
    """Leave out the positions in our source files, which hold the paths of this machine."""
    for graph in (proto.graph, *proto.functions):
        for node in getattr(graph, "node", ()):
            del node.metadata_props[:]
            node.doc_string = ""
    for value in (*proto.graph.input, *proto.graph.output, *proto.graph.value_info):
        del value.metadata_props[:]
    for constant in proto.graph.initializer:
        del constant.metadata_props[:]
    del proto.graph.metadata_props[:]
    del proto.metadata_props[:]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the converter's own words from the terminal."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def check_faces(model: FaceClassifier, count: int = CHECKED) -> NDArray[np.float32]:
    """Faces to compare runtimes on: drawn ones, every fourth of them noise, [N, C, H, W] 0..255."""
    rng = np.random.default_rng(0)
    few = [draw_face(EMOTIONS[n % len(EMOTIONS)], person=n, rng=rng) for n in range(min(count, 32))]
    grey = torch.from_numpy(np.stack(few)[np.arange(count) % len(few)]).float()[:, None]
    sized = nn.functional.interpolate(grey, (model.size, model.size), mode="bilinear")
    faces = sized.expand(-1, model.channels, -1, -1).numpy()
    light = rng.uniform(0.3, 1.2, (count, model.channels, 1, 1))  # no two of them are alike
    varied = faces * light + rng.normal(0, 8, faces.shape)
    varied[::4] = rng.uniform(0, 255, faces[::4].shape)
    return np.clip(np.rint(varied), 0, 255).astype(np.float32)


def largest_difference(model: FaceClassifier, file: OnnxFile, faces: NDArray[np.float32]) -> float:
    """The largest difference of a probability between torch and onnxruntime."""
    return float(np.abs(by_torch(model, faces) - _by_onnx(file, faces)).max())


def require_same(model: FaceClassifier, file: OnnxFile) -> float:
    """The largest difference on `CHECKED` faces.

    Raises:
        ExportError: it is too large.
    """
    return require_small(largest_difference(model, file, check_faces(model)))


def require_small(difference: float) -> float:
    """The same difference of a probability.

    Raises:
        ExportError: it is above `LARGEST_DIFFERENCE`.
    """
    if not difference <= LARGEST_DIFFERENCE:
        raise ExportError(
            f"The converted network differs from torch's by {difference:.1e} of a probability, "
            f"more than {LARGEST_DIFFERENCE:.0e}; nothing was written. Predict with runtime=torch."
        )
    return difference


def by_torch(model: FaceClassifier, faces: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities [N, K] of faces [N, C, H, W], by torch."""
    with torch.inference_mode():
        parts = torch.split(torch.from_numpy(faces), 64)
        return torch.cat([model(part).float().softmax(1) for part in parts]).numpy()


def _by_onnx(file: OnnxFile, faces: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([file.run(part) for part in np.split(faces, range(64, len(faces), 64))])


def latencies(
    model: FaceClassifier, content: bytes, counts: Sequence[int] = (1, 8, 20), rounds: int = 15
) -> dict[str, dict[str, float]]:
    """Milliseconds that so many faces take on one thread: runtime to count to median.

    Args:
        model: On the CPU.
        content: Of its .onnx file.
    """
    file = open_onnx(content, "cpu", threads=1)
    faces = check_faces(model, max(counts))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return {
            "torch": {
                str(n): _milliseconds(lambda n=n: by_torch(model, faces[:n]), rounds)  # type: ignore[misc]
                for n in counts
            },
            "onnx": {
                str(n): _milliseconds(lambda n=n: _by_onnx(file, faces[:n]), rounds)  # type: ignore[misc]
                for n in counts
            },
        }
    finally:
        torch.set_num_threads(threads)


def _milliseconds(run: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds + 2):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return round(1000 * median(times[2:]), 3)  # the first two warm up

"""A trained classifier, as Python sees it: pictures in, a table out."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageOps
from torch import Tensor

from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.devices import choose_device
from ferkit.errors import DataError
from ferkit.faces.crop import all_faces, make_face_detector
from ferkit.faces.decode import decode_image
from ferkit.inference.cropping import face_settings
from ferkit.inference.photographs import classify, nobody
from ferkit.inference.runtime import torch_predictor
from ferkit.model import FaceClassifier
from ferkit.model import load_model as load_classifier
from ferkit.packaged import find_model, is_packaged
from ferkit.video.sources import find_sources

Picture = str | Path | np.ndarray | Image.Image
_IMAGE = 3  # most dimensions of an array that is one picture
_COLUMNS = ("image", "source", "face", "x1", "y1", "x2", "y2", "score", "success", "label")


@dataclass(frozen=True)
class Model:
    """A trained classifier with all it needs to predict.

    Attributes:
        network: The torch module: faces [B, C, H, W] of 0..255 in, scores [B, K] out.
        ready: Whether its `faces` node is for pictures alone: it was trained on ready crops.
    """

    network: FaceClassifier
    ready: bool = False

    @property
    def emotions(self) -> tuple[str, ...]:
        """The classes, in the order of the scores."""
        return self.network.emotions

    def __call__(self, images: Tensor) -> Tensor:
        """Scores [B, K] of prepared faces, as the network gives them."""
        scores: Tensor = self.network(images)
        return scores

    def predict(self, images: Picture | Iterable[Picture], *words: str) -> pd.DataFrame:
        """Find the faces of pictures and classify each.

        Args:
            images: A picture, or several: the path of a file or of a folder, a PIL picture, or an
                array, uint8 [H, W] or [H, W, 3] in RGB.
            words: As after `ferkit predict`, e.g. "faces=none" for ready crops.

        Returns:
            One row per face: position of its picture (`image`), `source`, `face`, box in pixels,
            `label`, `p_<emotion>`. A picture without a face has one row, with `success` 0.

        Raises:
            DataError: a file is missing or broken, or an array is no picture.
        """
        config = compose(*words, command="predict")
        asked = None if config.faces is None else as_plain(config.faces)
        predictor = torch_predictor(self.network)
        settings = face_settings(predictor, asked, force=config.force, ready=self.ready)
        device = str(next(self.network.parameters()).device)
        detect = make_face_detector(settings, device=device)
        rows: list[dict[str, Any]] = []
        for position, (source, picture) in enumerate(_each(images)):
            found = classify(predictor, source, all_faces(picture, settings, detect))
            rows += [{"image": position, **row} for row in found or [nobody(source)]]
        columns = [*_COLUMNS, *(f"p_{emotion}" for emotion in self.emotions)]
        return pd.DataFrame(rows, columns=columns)


def load_model(source: str | Path | None = None, device: str = "auto") -> Model:
    """The classifier of a run's folder, of a model.safetensors, or the packaged one.

    Args:
        device: auto | cpu | cuda | cuda:1.

    Raises:
        DataError: no model there, or a damaged one.
    """
    chosen = find_model(source)
    return Model(load_classifier(chosen, str(choose_device(device))), is_packaged(chosen))


def _each(images: Picture | Iterable[Picture]) -> Iterable[tuple[str, np.ndarray]]:
    """Name and pixels of each picture, decoded one by one."""
    one = isinstance(images, str | Path | Image.Image) or getattr(images, "ndim", 4) <= _IMAGE
    several: Iterable[Any] = [images] if one else images  # type: ignore[assignment]
    for number, picture in enumerate(several):
        if isinstance(picture, str | Path):
            for source in find_sources(str(picture), None):
                if source.kind == "picture":
                    yield source.name, decode_image(Path(source.name))
        elif isinstance(picture, Image.Image):
            yield str(getattr(picture, "filename", "")), _from_pil(picture)
        else:
            yield "", _checked(np.asarray(picture), number)


def _from_pil(picture: Image.Image) -> np.ndarray:
    upright = ImageOps.exif_transpose(picture)
    return np.asarray(upright.convert("L" if upright.mode in ("1", "L", "LA") else "RGB"))


def _checked(array: np.ndarray, number: int) -> np.ndarray:
    if array.dtype != np.uint8 or not (
        array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3))
    ):
        raise DataError(
            f"Picture {number} is an array {list(array.shape)} of {array.dtype}; give uint8 "
            "[H, W] or [H, W, 3] in RGB, and several pictures as a list or along a first axis."
        )
    return array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array

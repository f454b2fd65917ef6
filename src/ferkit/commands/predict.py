"""`ferkit predict`: faces and emotions of photographs, by a trained run."""

import json
from collections.abc import Iterator, Sequence
from glob import glob
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig
from tqdm import tqdm

from ferkit.composition import compose
from ferkit.config import as_plain, build
from ferkit.errors import ConfigError, DataError, unknown
from ferkit.faces.settings import FaceSettings
from ferkit.model import FaceClassifier, load_model
from ferkit.training.run import say
from ferkit.training.settings import choose_device

FORMATS = ("csv", "jsonl", "parquet")


def main(words: Sequence[str]) -> int:
    """The command."""
    config = compose(*words, command="predict")
    for key in ("source", "model", "out"):
        if config[key] is None:
            raise ConfigError(f"`ferkit predict` needs {key}=; see `ferkit predict --help`.")
    if config.format not in FORMATS:
        raise ConfigError(unknown("format", config.format, FORMATS))
    print(predict(config))
    return 0


def predict(config: DictConfig) -> Path:
    """Write the table of faces (and annotated copies) of a source; answers the table's path.

    Raises:
        DataError: there is no image, or none of them can be read.
    """
    model = load_model(config.model, str(choose_device(config.device)))
    settings = _settings(config, model)
    images = find_images(str(config.source))
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    broken = without = 0
    for path, found in _faces(images, settings):
        if found is None:
            broken += 1
            continue
        image, crops = found
        without += not crops
        new = classify(model, path, crops)
        rows += new
        if config.annotate and new:
            annotate(image, new, out / "annotated" / f"{path.stem}{path.suffix or '.png'}")
    say(f"{len(images)} images, {len(rows)} faces, {without} images without a face, {broken} broken files passed over")  # fmt: skip
    if broken == len(images):
        raise DataError(f"source={config.source}: none of the {broken} images can be read.")
    return write_table(rows, model.emotions, out, config.format)

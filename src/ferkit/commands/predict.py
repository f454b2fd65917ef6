"""`ferkit predict`: faces and emotions of photographs, by a trained run."""

from collections.abc import Sequence
from glob import glob
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from ferkit.composition import compose
from ferkit.config import as_plain, build
from ferkit.datasets.walk import image_files
from ferkit.devices import choose_device
from ferkit.errors import ConfigError, DataError, unknown
from ferkit.faces.crop import all_faces, make_face_detector
from ferkit.faces.decode import decode_image
from ferkit.faces.settings import FaceSettings
from ferkit.files import usable_folder
from ferkit.inference.photographs import (
    FORMATS,
    annotate,
    classify,
    explain,
    write_explained,
    write_table,
)
from ferkit.inference.saliency import check_method
from ferkit.log import log
from ferkit.model import FaceClassifier, load_model
from ferkit.progress import counted

DETECT = {"detector": "haar", "align": "none"}  # for models trained on ready-made crops


def main(words: Sequence[str]) -> int:
    """The command."""
    config = compose(*words, command="predict")
    for key in ("source", "model", "out"):
        if config[key] is None:
            raise ConfigError(f"`ferkit predict` needs {key}=; see `ferkit predict --help`.")
    if config.format not in FORMATS:
        raise ConfigError(unknown("format", config.format, FORMATS))
    check_method(config.saliency)
    print(predict(config))
    return 0


def predict(config: DictConfig) -> Path:
    """Write the table of faces (annotated copies, saliency) of a source; return its path.

    Raises:
        DataError: there is no image, or none of them can be read.
    """
    model = load_model(config.model, str(choose_device(config.device)))
    settings = face_settings(config, model)
    detect = make_face_detector(settings, device=config.device)
    paths = find_images(str(config.source))
    out = usable_folder(Path(config.out), "out")
    rows: list[dict[str, Any]] = []
    without: list[Path] = []
    broken = 0
    for path in counted(paths, len(paths), "predicting", "image"):
        try:
            image = decode_image(path)
        except (DataError, OSError) as error:
            log.warning(f"passed over: {error}")
            broken += 1
            continue
        crops = all_faces(image, settings, detect)
        found = classify(model, str(path), crops)
        without += [] if found else [path]
        rows += found
        if config.annotate and found:
            annotate(image, found, out / "annotated" / f"{len(rows):06d}_{path.stem}.png")
        if config.saliency != "none":
            maps = explain(model, crops, found, config.saliency)
            for row, shown in zip(found, maps, strict=True):
                name = f"{len(rows):06d}_{path.stem}_face{row['face']}.png"
                write_explained(shown, out / "saliency" / name)
    if broken == len(paths):
        raise DataError(f"source={config.source}: none of its {broken} images can be read.")
    for path in without:
        log.info(f"no face found: {path}")
    log.info(
        f"{len(paths)} images, {len(rows)} faces; {len(without)} images without a face, "
        f"{broken} broken files passed over"
    )
    if not rows and settings.detector != "none":
        log.info(
            f"faces.detector={settings.detector} found no face in any image; if they are crops of "
            "faces already, give faces=none"
        )
    return write_table(rows, model.emotions, out, config.format)


def face_settings(config: DictConfig, model: FaceClassifier) -> FaceSettings:
    """How faces are found: as asked, else as in training, with a detector where that had none."""
    trained = {k: v for k, v in model.faces.items() if k != "_target_"}
    if config.faces is not None:
        asked = {k: v for k, v in as_plain(config.faces).items() if k != "_target_"}
        trained |= asked
    elif trained.get("detector") in ("none", "given"):
        trained |= DETECT
    shape = {"size": model.size, "color": "grey" if model.channels == 1 else "rgb"}
    node = {"_target_": "ferkit.faces.settings.FaceSettings", **trained, **shape}
    settings: FaceSettings = build(node, where="faces")
    return settings


def find_images(source: str) -> list[Path]:
    """The images of a file, a folder or a glob, in order.

    Raises:
        DataError: there is none.
    """
    path = Path(source)
    if path.is_dir():
        found = [path / name for name in image_files(path)]
    elif path.is_file():
        found = [path]
    else:
        found = [Path(name) for name in sorted(glob(source, recursive=True))]  # noqa: PTH207
    found = [file for file in found if file.is_file()]
    if not found:
        raise DataError(f"source={source}: no image there; give an image, a folder or a glob.")
    return found

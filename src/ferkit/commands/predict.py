"""`ferkit predict`: faces and emotions of images, videos, cameras and streams."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.errors import ConfigError, DataError, unknown
from ferkit.faces.crop import all_faces, make_face_detector
from ferkit.faces.decode import decode_image
from ferkit.faces.detection import Detector
from ferkit.faces.settings import FaceSettings
from ferkit.files import usable_folder
from ferkit.inference.cropping import face_settings
from ferkit.inference.photographs import (
    FORMATS,
    annotate,
    classify,
    explain,
    nobody,
    write_explained,
    write_table,
)
from ferkit.inference.runtime import Predictor, is_onnx, load_predictor
from ferkit.inference.saliency import check_method
from ferkit.log import log
from ferkit.mirror.cues import timed
from ferkit.mirror.match import MatchSettings
from ferkit.mirror.script import Script, for_model, read_script
from ferkit.mirror.script_report import write_script_report
from ferkit.mirror.take import Take
from ferkit.model import FaceClassifier
from ferkit.packaged import TERMS, find_model, is_packaged
from ferkit.progress import counted
from ferkit.video.analysis import Analysed, AnalysisSettings, DetectSettings
from ferkit.video.predict import VideoSettings, predict_video
from ferkit.video.smooth import SmoothSettings
from ferkit.video.sources import Source, find_sources, folders_of
from ferkit.video.tracks import TrackSettings


def main(words: Sequence[str]) -> int:
    """The command."""
    config = compose(*words, command="predict")
    for key in ("source", "out"):
        if config[key] is None:
            raise ConfigError(f"`ferkit predict` needs {key}=; see `ferkit predict --help`.")
    if config.format not in FORMATS:
        raise ConfigError(unknown("format", config.format, FORMATS))
    check_method(config.saliency)
    for table in predict(config):
        print(table)
    return 0


def predict(config: DictConfig) -> list[Path]:
    """Write the tables of a source's images and videos, with copies; returns their paths.

    Raises:
        DataError: there is no image and no video, or none of them can be read.
    """
    settings, script = video_settings(config), _script(config)
    explained = config.saliency != "none" and config.runtime == "auto"
    chosen = find_model(config.model)
    runtime = "torch" if explained and not is_onnx(chosen) else config.runtime
    model = load_predictor(chosen, runtime=runtime, device=config.device, batch=config.batch_size)
    if script is not None:
        for_model(script, model.emotions)
    if is_packaged(chosen):
        log.info(f"model: {chosen.name}; {TERMS}")
    asked = None if config.faces is None else as_plain(config.faces)
    faces = face_settings(model, asked, force=config.force, ready=is_packaged(chosen))
    detect = make_face_detector(faces, device=config.device)
    out = Path(config.out)
    sources = find_sources(config.source, out)
    usable_folder(out, "out")
    images = [Path(source.name) for source in sources if source.kind == "picture"]
    videos = [source for source in sources if source.kind != "picture"]
    if script is not None and not videos:
        raise ConfigError(f"script={config.script} is of a video, and source= has none; give one.")
    parts: list[Callable[[], list[Path]]] = []
    if images:
        parts.append(lambda: [predict_images(config, model, faces, detect, images, out)])
    for video, folder in zip(videos, folders_of(videos, out, alone=not images), strict=True):
        one = partial(_predict_video, video, model, faces, detect, settings, folder)
        take = None if script is None else _take(script, model, config)
        parts.append(partial(one, take))
    return _all_that_can_be_read(parts)


def _all_that_can_be_read(parts: Sequence[Callable[[], list[Path]]]) -> list[Path]:
    tables: list[Path] = []
    failed = []
    for part in parts:
        try:
            tables += part()
        except DataError as error:
            failed.append(error)
    if not tables:
        raise failed[0]
    for failure in failed:
        log.warning(f"passed over: {failure}")
    return tables


def _predict_video(
    source: Source,
    model: Predictor,
    faces: FaceSettings,
    detect: Detector | None,
    settings: VideoSettings,
    out: Path,
    take: Take | None,
) -> list[Path]:
    watch = None if take is None else partial(_played, take)
    written = predict_video(source, model, faces, detect, settings, out, watch)
    totals = written.totals
    log.info(
        f"{source.shown}: {totals.analysed:,} frames of {totals.duration:.1f} s, "
        f"{written.faces:,} faces in {len(totals.tracks):,} tracks; "
        f"{totals.analysed - totals.found:,} frames without a face"
    )
    if take is None:
        return [written.table]
    take.end(totals.duration)
    return [written.table, write_script_report(out / "script", take, source=source.shown)]


def _script(config: DictConfig) -> Script | None:
    """The script, every section of which has a time."""
    if config.script is None:
        if config.cues is not None:
            raise ConfigError("cues= ends the sections of a script; give script= too.")
        return None
    cues = None if config.cues is None else as_plain(config.cues)
    return timed(
        read_script(Path(config.script)), cues, MatchSettings(**as_plain(config.match)).calibrate
    )


def _take(script: Script, model: Predictor, config: DictConfig) -> Take:
    return Take(script, model.emotions, MatchSettings(**as_plain(config.match)), start=0.0)


def _played(take: Take, analysed: Analysed) -> None:
    if analysed.faces is not None:
        take.add(analysed.frame.time, analysed.faces, analysed.frame.image)


def video_settings(config: DictConfig) -> VideoSettings:
    """What is made of a video, checked before anything is read.

    Raises:
        ConfigError: a value outside its range.
    """
    analysis = AnalysisSettings(
        every=config.every,
        detect=DetectSettings(**as_plain(config.detect)),
        track=TrackSettings(**as_plain(config.track)),
        smooth=SmoothSettings(**as_plain(config.smooth)),
    )
    copy = str(config.video) if config.annotate else "none"
    return VideoSettings(analysis, copy, bool(config.timeline), config.seconds)


def predict_images(
    config: DictConfig,
    model: Predictor,
    settings: FaceSettings,
    detect: Detector | None,
    paths: Sequence[Path],
    out: Path,
) -> Path:
    """Write the table of faces (annotated copies, saliency) of images; returns its path.

    Raises:
        DataError: none of them can be read.
    """
    network = _explained(model) if config.saliency != "none" else None
    rows: list[dict[str, Any]] = []
    without: list[Path] = []
    broken = 0
    for path in counted(paths, len(paths), "predicting", "image"):
        try:
            image = decode_image(path)
        except (DataError, OSError) as error:
            log.warning(f"passed over: {error}")
            rows.append(nobody(str(path)))
            broken += 1
            continue
        crops = all_faces(image, settings, detect)
        found = classify(model, str(path), crops)
        without += [] if found else [path]
        rows += found or [nobody(str(path))]
        if config.annotate and found:
            annotate(image, found, out / "annotated" / f"{len(rows):06d}_{path.stem}.png")
        if network is not None:
            maps = explain(network, crops, found, config.saliency)
            for row, shown in zip(found, maps, strict=True):
                name = f"{len(rows):06d}_{path.stem}_face{row['face']}.png"
                write_explained(shown, out / "saliency" / name)
    if broken == len(paths):
        raise DataError(f"source={config.source}: none of its {broken} images can be read.")
    for path in without:
        log.info(f"no face found: {path}")
    faces = sum(row["success"] for row in rows)
    log.info(
        f"{len(paths)} images, {faces} faces; {len(without)} images without a face, "
        f"{broken} broken files passed over"
    )
    if not faces and settings.detector != "none":
        log.info(
            f"faces.detector={settings.detector} found no face in any image; if they are crops of "
            "faces already, give faces=none"
        )
    return write_table(rows, model.emotions, out, config.format)


def _explained(model: Predictor) -> FaceClassifier:
    if model.network is None:
        raise ConfigError("saliency= looks into a network that torch runs; take runtime=torch.")
    return model.network

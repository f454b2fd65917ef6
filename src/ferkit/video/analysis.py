"""Frames in, faces out: found, followed, classified in batches across frames, smoothed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ferkit.errors import ConfigError
from ferkit.faces.crop import cut_faces, enlarged, find_faces, shrunk
from ferkit.faces.detection import Detection, Detector
from ferkit.faces.settings import FaceSettings
from ferkit.inference.runtime import Predictor
from ferkit.video.reader import Frame
from ferkit.video.smooth import Smoother, SmoothSettings
from ferkit.video.tracks import Tracker, TrackSettings

_TOGETHER = 16  # analysed frames whose faces go through the networks at once
_HELD = 96 << 20  # bytes of frames held meanwhile; of 4k that is three


@dataclass(frozen=True)
class DetectSettings:
    """Where faces are looked for; by default in every frame as it is.

    Attributes:
        every: In each so many-th analysed frame; between them boxes stay where they were.
        scale: On a copy of the frame shrunk by this factor, 0.05..1.

    Raises:
        ConfigError: a value outside its range.
    """

    every: int = 1
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"detect.every is {self.every}; give 1 or more.")
        if not 0.05 <= self.scale <= 1:
            raise ConfigError(f"detect.scale is {self.scale}; give a number from 0.05 to 1.")


@dataclass(frozen=True)
class AnalysisSettings:
    """What is done with the frames.

    Attributes:
        every: Each so many-th frame is analysed, 1 or more.
        together: Analysed frames at once; 1 for a live stream.

    Raises:
        ConfigError: `every` is less than 1.
    """

    every: int = 1
    detect: DetectSettings = field(default_factory=DetectSettings)
    track: TrackSettings = field(default_factory=TrackSettings)
    smooth: SmoothSettings = field(default_factory=SmoothSettings)
    together: int = _TOGETHER

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"every is {self.every}; give 1 or more.")


@dataclass(frozen=True)
class Face:
    """A face in a frame.

    Attributes:
        track: Its id.
        box: [4] x1, y1, x2, y2 in pixels of the frame.
        score: Of its detection.
        probabilities: [K], of this frame alone.
        smooth: [K], smoothed over the track.
        state: Class id of the steady label, or `UNSURE`.
    """

    track: int
    box: NDArray[np.float64]
    score: float
    probabilities: NDArray[np.float32]
    smooth: NDArray[np.float64]
    state: int


@dataclass(frozen=True)
class Analysed:
    """A frame and its faces; None where `every` passed it over."""

    frame: Frame
    faces: list[Face] | None


def analyse(
    frames: Iterable[Frame],
    predictor: Predictor,
    faces: FaceSettings,
    detect: Detector | None,
    settings: AnalysisSettings,
) -> Iterator[Analysed]:
    """The faces of each frame, with what they have in common over time.

    With `detect.every=1` and `detect.scale=1` boxes and probabilities are those of the single
    pictures.

    Args:
        frames: In the order of their times.
        predictor: The network.
        faces: How faces are found and cut.
        detect: As `faces.crop.make_face_detector` makes it.
        settings: See there.
    """
    tracker, smoother = Tracker(settings.track), Smoother(settings.smooth)
    carried: list[Detection] = []
    done = 0
    for batch in _batches(frames, settings):
        chosen = [frame for frame in batch if frame.number % settings.every == 0]
        searched = [n for n in range(len(chosen)) if (done + n) % settings.detect.every == 0]
        images = [chosen[n].image for n in searched]
        found = dict(zip(searched, find_boxes(images, faces, detect, settings.detect), strict=True))
        boxes: list[list[Detection]] = []
        for number in range(len(chosen)):
            carried = found.get(number, carried)
            boxes.append(carried)
        done += len(chosen)
        rows = classify_frames(chosen, boxes, predictor, faces)
        seen = {
            frame.number: followed(frame, each, part, tracker, smoother)
            for frame, each, part in zip(chosen, boxes, rows, strict=True)
        }
        for frame in batch:
            yield Analysed(frame, seen.get(frame.number))


def _batches(frames: Iterable[Frame], settings: AnalysisSettings) -> Iterator[list[Frame]]:
    batch: list[Frame] = []
    size = analysed = 0
    for frame in frames:
        batch.append(frame)
        size += frame.image.nbytes
        analysed += frame.number % settings.every == 0
        if analysed >= settings.together or size >= _HELD:
            yield batch
            batch, size, analysed = [], 0, 0
    if batch:
        yield batch


def find_boxes(
    images: Sequence[NDArray[np.uint8]],
    faces: FaceSettings,
    detect: Detector | None,
    settings: DetectSettings,
) -> list[list[Detection]]:
    """The faces of each frame, looked for at the scale that is asked for, largest first."""
    if not images:
        return []
    smaller = [shrunk(image, settings.scale) for image in images]
    found = find_faces(smaller, faces, detect)
    return [[enlarged(face, settings.scale) for face in each] for each in found]


def classify_frames(
    frames: Sequence[Frame],
    boxes: Sequence[Sequence[Detection]],
    predictor: Predictor,
    faces: FaceSettings,
) -> list[NDArray[np.float32]]:
    """For each frame float32 [faces, K], all of them through the network together."""
    crops = [
        crop.pixels
        for frame, each in zip(frames, boxes, strict=True)
        if each
        for crop in cut_faces(frame.image, each, faces)
    ]
    if not crops:
        return [np.empty((0, len(predictor.emotions)), np.float32) for _ in frames]
    rows = predictor.probabilities(np.stack([np.asarray(crop) for crop in crops]))
    return np.split(rows, np.cumsum([len(each) for each in boxes])[:-1])


def followed(
    frame: Frame,
    boxes: Sequence[Detection],
    rows: NDArray[np.float32],
    tracker: Tracker,
    smoother: Smoother,
) -> list[Face]:
    """A frame's faces with their tracks; tracker and smoother go on by one frame."""
    tracks = tracker.update([found.box for found in boxes], frame.time)
    smoother.keep(tracker.tracks)
    faces = []
    for track, found, row in zip(tracks, boxes, rows, strict=True):
        state = smoother.update(track, row, frame.time)
        faces.append(Face(track, found.box, found.score, row, state.probabilities, state.label))
    return faces

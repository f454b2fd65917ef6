"""Keys below a root key that has a fixed list of them, e.g. `report` and `detect`."""

from dataclasses import dataclass
from typing import Any


@dataclass
class ReportSettings:
    """What the report of a run holds.

    Attributes:
        faces: Thumbnails of faces; false leaves those of licensed data out.
        saliency: What is drawn over them: none | grad_cam | guided_backprop.
    """

    faces: bool = True
    saliency: str = "grad_cam"


@dataclass
class OutsideKeys:
    """A network's file (`model=FILE` is short for `model.file=FILE`), and what it does not say.

    Attributes:
        file: An .onnx file of any program, or a model of ferkit's.
        input: How pixels of 0..255 are scaled: one of `ferkit list input`, or keys of it.
        emotions: The classes in the order of the outputs.
        size: Height and width of its images.
        output: auto | scores | probabilities.
    """

    file: str | None = None
    input: Any = None
    emotions: list[str] | None = None
    size: int | None = None
    output: str = "auto"


@dataclass
class DetectKeys:
    """Where faces of a video are looked for.

    Attributes:
        every: In each so many-th analysed frame; between them boxes stay where they were.
        scale: On a copy of the frame shrunk by this factor, 0.05..1.
    """

    every: int = 1
    scale: float = 1.0


@dataclass
class TrackKeys:
    """When two boxes of a video are one face.

    Attributes:
        overlap: Least intersection over union, 0..1.
        max_age: Seconds that a face may be unseen.
    """

    overlap: float = 0.3
    max_age: float = 1.0


@dataclass
class SmoothKeys:
    """How the probabilities of a track become a steady label.

    Attributes:
        seconds: Time constant of the smoothing; 0 switches it off.
        margin: By how much another emotion must lead before the label changes, 0..1.
        unsure: Without an emotion of this smoothed probability the label is "unsure", 0..1.
    """

    seconds: float = 0.4
    margin: float = 0.1
    unsure: float = 0.35


@dataclass
class LiveDetectKeys:
    """Where the mirror looks for faces; `every=1 scale=1` is what `ferkit predict` does.

    Attributes:
        every: In each so many-th frame; between them boxes follow the optical flow.
        scale: On a copy of the frame shrunk by this factor, 0.05..1.
    """

    every: int = 5
    scale: float = 0.5


@dataclass
class MatchKeys:
    """When a face matches what a section of `script` wants.

    Attributes:
        threshold: The smoothed probability of the wanted emotion from which it does, 0..1.
        margin: By how much less is enough for a match to go on, 0..1.
        share: Part of a section's time that must match, 0..1.
        settle: Seconds at a section's beginning that do not count, at most half of it.
        calibrate: Seconds of resting face before the first section, the zero line; 0: none.
    """

    threshold: float = 0.5
    margin: float = 0.1
    share: float = 0.5
    settle: float = 0.5
    calibrate: float = 0.0

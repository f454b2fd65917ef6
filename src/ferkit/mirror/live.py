"""The faces of a camera frame by frame, by the functions that `ferkit predict` uses for videos."""

import time as clock
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferkit.faces.crop import cut_faces, make_face_detector
from ferkit.faces.detection import Detection, Detector
from ferkit.faces.settings import FaceSettings
from ferkit.inference.runtime import Predictor
from ferkit.video.analysis import AnalysisSettings, Face, classify_frames, find_boxes, followed
from ferkit.video.flow import Flow
from ferkit.video.reader import Frame
from ferkit.video.smooth import Smoother
from ferkit.video.tracks import Tracker

_CROWD = 7  # faces; looking for more takes longer, and so is done less often
_KEPT = 1.0  # seconds that person 0 may be unseen before another takes its place


@dataclass(frozen=True)
class Seen:
    """A frame after its analysis.

    Attributes:
        faces: Largest first.
        person: Track of person 0: the largest face, kept as long as it is seen; None without one.
        searched: Whether the detector looked at this frame.
        finding: Milliseconds that finding or following took.
        classifying: Milliseconds of the network, with its crops.
    """

    faces: list[Face]
    person: int | None
    searched: bool
    finding: float
    classifying: float


class Live:
    """The analysis of one camera; one thread at a time.

    At `detect.every=1` and `detect.scale=1` its faces are those of `ferkit predict`. In between
    detections boxes follow the optical flow; every face is classified in every frame. The time of
    MTCNN grows with the faces: for each further `_CROWD` of them it looks `detect.every` frames
    later.
    """

    def __init__(
        self,
        predictor: Predictor,
        faces: FaceSettings,
        settings: AnalysisSettings,
        detect: Detector | None = None,
    ) -> None:
        self.predictor, self.faces, self.settings = predictor, faces, settings
        self._detect = detect or make_face_detector(faces, device="cpu")
        self._tracker, self._smoother = Tracker(settings.track), Smoother(settings.smooth)
        self._flow = Flow()
        self._boxes: list[Detection] = []
        self._number = self._next = 0
        self._time = 0.0
        self._person: tuple[int, float] | None = None

    def see(self, image: NDArray[np.uint8], time: float) -> Seen:
        """The faces of the next frame.

        Args:
            image: uint8 [H, W, 3] RGB.
            time: Seconds; one before that of the frame before counts as that.
        """
        self._time = time = max(time, self._time)
        searched = self._number >= self._next
        began = clock.perf_counter()
        self._boxes = self._find(image) if searched else self._flow.follow(image, self._boxes)
        found = clock.perf_counter()
        frame = Frame(self._number, time, image)
        rows = classify_frames([frame], [self._boxes], self.predictor, self.faces)[0]
        faces = followed(frame, self._boxes, rows, self._tracker, self._smoother)
        self._number += 1
        done = clock.perf_counter()
        person = self._choose(faces, time)
        return Seen(faces, person, searched, 1e3 * (found - began), 1e3 * (done - found))

    def crop(self, image: NDArray[np.uint8], track: int, seen: Seen) -> NDArray[np.uint8] | None:
        """The face of a track as the network sees it; None where it is not in the frame."""
        for face, box in zip(seen.faces, self._boxes, strict=True):
            if face.track == track:
                crops = cut_faces(image, [box], self.faces)
                return np.asarray(crops[0].pixels, np.uint8) if crops else None
        return None

    def _find(self, image: NDArray[np.uint8]) -> list[Detection]:
        every = self.settings.detect.every
        found = find_boxes([image], self.faces, self._detect, self.settings.detect)[0]
        crowds = max(1, -(-len(found) // _CROWD)) if every > 1 else 1
        self._next = self._number + every * crowds
        if every > 1:
            self._flow.remember(image)
        return found

    def _choose(self, faces: list[Face], time: float) -> int | None:
        tracks = [face.track for face in faces]
        if self._person is not None:
            track, last = self._person
            if track in tracks:
                self._person = track, time
                return track
            if time - last <= _KEPT:
                return None
        self._person = None
        if faces:
            largest = max(faces, key=lambda f: float(np.prod(f.box[2:] - f.box[:2])))
            self._person = largest.track, time
        return None if self._person is None else self._person[0]

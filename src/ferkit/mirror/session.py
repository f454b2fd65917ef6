"""One open page: its camera's faces, its recording, its script, its maps.

Everything here but `close` runs in the page's own thread, one message after the other.
"""

import time as clock
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferkit.colours import color_of
from ferkit.errors import DataError
from ferkit.inference.saliency import check_method
from ferkit.mirror.keeping import Keeping
from ferkit.mirror.live import Live, Seen
from ferkit.mirror.maps import Job, Maps
from ferkit.mirror.models import Loaded, Models
from ferkit.mirror.playing import Playing
from ferkit.mirror.protocol import (
    error_json,
    faces_json,
    parse_picture,
    pixels_of,
    track_of,
    word_of,
)
from ferkit.mirror.recording import Recording, finish_video
from ferkit.mirror.script import Script
from ferkit.mirror.settings import MirrorSettings, shown_label
from ferkit.video.reader import Frame

Message = dict[str, Any]
Handler = Callable[[Mapping[str, Any]], list[Message]]


@dataclass(frozen=True)
class Parts:
    """What the pages of a mirror have in common.

    Attributes:
        models: To choose from.
        settings: Of the mirror.
        keeping: Folders of recordings and reports.
        script: That stands ready when a page opens; None without one.
    """

    models: Models
    settings: MirrorSettings
    keeping: Keeping
    script: Script | None = None


class Session:
    """A page from its opening to its end.

    Args:
        parts: What it shares with other pages.
        send: Takes messages that answer nothing, from any thread.
    """

    def __init__(self, parts: Parts, send: Callable[[Message], None]) -> None:
        self._parts, self._send = parts, send
        self._loaded: Loaded | None = None
        self._live: Live | None = None
        self._recording: Recording | None = None
        self._maps: Maps | None = None
        self._method = parts.settings.saliency
        self._playing = Playing(parts.settings, parts.keeping, parts.script, send)
        self._handlers: dict[str, Handler] = {
            "model": self._choose_model,
            "saliency": self._choose_saliency,
            "follow": lambda words: self._playing.follow(track_of(words)),
            "record": lambda _: self._record(),
            "record-stop": lambda _: self._stop_recording(),
            "script": lambda words: self._playing.read(words, self._emotions),
            "script-start": lambda words: self._playing.start(words, self._emotions),
            "script-stop": lambda _: self._playing.stop(),
            "next": lambda _: self._playing.press_cue(),
            "key": lambda words: self._playing.press(word_of(words, "key")),
        }

    @property
    def _emotions(self) -> tuple[str, ...]:
        assert self._loaded is not None
        return self._loaded.predictor.emotions

    def open(self) -> list[Message]:
        """The first messages for the page."""
        found = self._choose_model({"kind": "model", "name": self._parts.models.names[0]})
        return found + self._playing.describe()

    def frame(self, data: bytes) -> Message:
        """The faces of a frame, or in their place why it cannot be read.

        Raises:
            DataError: a message that holds none.
        """
        began = clock.perf_counter()
        assert self._live is not None
        picture = parse_picture(data)
        try:
            image = pixels_of(picture, self._parts.settings.limits.pixels)
        except DataError as error:
            return error_json(f"Frame {picture.number}: {error}", picture.number)
        decoded = clock.perf_counter()
        time = picture.captured / 1e3
        seen = self._live.see(image, time)
        if self._recording is not None:
            self._recording.add(Frame(0, time, image), seen.faces)
        played = self._playing.add(time, seen.faces, image)
        self._explain(image, seen)
        return {
            "kind": "faces",
            "number": picture.number,
            "captured": picture.captured,
            "size": [image.shape[1], image.shape[0]],
            "person": seen.person,
            "searched": seen.searched,
            "faces": faces_json(seen.faces),
            "script": played,
            "ms": {
                "decode": round(1e3 * (decoded - began), 2),
                "find": round(seen.finding, 2),
                "classify": round(seen.classifying, 2),
                "all": round(1e3 * (clock.perf_counter() - began), 2),
            },
        }

    def words(self, words: Mapping[str, Any]) -> list[Message]:
        """What a message of the page leads to.

        Raises:
            FerkitError: it asks for what cannot be.
        """
        handler = self._handlers.get(words["kind"])
        if handler is None:
            raise DataError(f"Messages of the kind {words['kind'][:40]!r} are not known.")
        return handler(words)

    def close(self) -> None:
        """The page is gone: what was asked to be kept is whole, no thread goes on."""
        if self._maps is not None:
            self._maps.close()
        if self._recording is not None:
            self._stop_recording()

    def _choose_model(self, words: Mapping[str, Any]) -> list[Message]:
        loaded = self._parts.models.get(word_of(words, "name"))
        if self._recording is not None:
            raise DataError("A recording is running; stop it before another model is taken.")
        self._playing.forget()
        self._loaded = loaded
        self._live = Live(loaded.predictor, loaded.faces, self._parts.settings.analysis)
        self._close_maps()
        return [self._ready(loaded)]

    def _ready(self, loaded: Loaded) -> Message:
        settings = self._parts.settings
        emotions = loaded.predictor.emotions
        detect = settings.analysis.detect
        return {
            "kind": "ready",
            "model": loaded.name,
            "models": self._parts.models.names,
            "terms": loaded.terms,
            "emotions": list(emotions),
            "labels": [shown_label(emotion, settings.labels) for emotion in emotions],
            "colours": ["#{:02x}{:02x}{:02x}".format(*_bytes(emotion)) for emotion in emotions],
            "detector": loaded.faces.detector,
            "every": detect.every,
            "scale": detect.scale,
            "saliency": self._method,
            "message": settings.limits.message,
        }

    def _choose_saliency(self, words: Mapping[str, Any]) -> list[Message]:
        method = word_of(words, "method")
        check_method(method)
        self._method = method
        if method == "none":
            self._close_maps()
        return [{"kind": "saliency", "method": method}]

    def _close_maps(self) -> None:
        if self._maps is not None:
            self._maps.close()
        self._maps = None

    def _explain(self, image: NDArray[np.uint8], seen: Seen) -> None:
        if self._method == "none" or seen.person is None or self._loaded is None:
            return
        if self._maps is None:
            self._maps = Maps(self._loaded.path, self._send)
        if self._maps.free and self._live is not None:
            crop = self._live.crop(image, seen.person, seen)
            face = next(face for face in seen.faces if face.track == seen.person)
            if crop is not None:
                self._maps.offer(Job(crop, int(face.probabilities.argmax()), self._method))

    def _record(self) -> list[Message]:
        if self._recording is not None:
            raise DataError("A recording is running; stop it first.")
        kept = self._parts.keeping.make("recording", keep=True)
        self._recording = Recording(kept, self._emotions)
        return [{"kind": "recording", "state": "on", **kept.as_json()}]

    def _stop_recording(self) -> list[Message]:
        recording, self._recording = self._recording, None
        if recording is None:
            return []
        recording.close()
        finish_video(recording.kept.folder)
        state = "off" if recording.kept.folder.is_dir() else "deleted"
        return [{"kind": "recording", "state": state, **recording.kept.as_json()}]


def _bytes(emotion: str) -> tuple[int, int, int]:
    red, green, blue = (round(255 * part) for part in color_of(emotion))
    return red, green, blue

"""What the network looks at in the face of person 0, at its own slower pace, in its own thread."""

import base64
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ferkit.colours import overlay
from ferkit.errors import ConfigError, FerkitError
from ferkit.inference.runtime import is_onnx
from ferkit.inference.saliency import saliency_maps
from ferkit.loader import planes
from ferkit.model import FaceClassifier, load_model

_REST = 4.0  # times as long as a map took, the thread sleeps after it
_LEAST_REST = 0.25  # seconds
_SIDE = 192  # pixels of the picture
_NICE = 15  # of the thread: it runs on what the others leave


@dataclass(frozen=True)
class Job:
    """A face to explain.

    Attributes:
        pixels: uint8 [H, W] or [H, W, 3], as the network sees it.
        class_id: Whose support is shown.
        method: Of `ferkit.inference.saliency`.
    """

    pixels: NDArray[np.uint8]
    class_id: int
    method: str


class Maps:
    """A thread that explains the newest face it was given; others are forgotten, none wait.

    Args:
        path: Of the network; it is loaded in torch with the first face.
        send: Takes each message for the page, in this thread.
    """

    def __init__(self, path: Path, send: Callable[[dict[str, Any]], None]) -> None:
        self._path, self._send = path, send
        self._job: Job | None = None
        self._free, self._ended = True, False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="ferkit-mirror-maps", daemon=True)
        self._thread.start()

    @property
    def free(self) -> bool:
        """Whether it waits for a face: only then is it worth cutting one out."""
        return self._free

    def offer(self, job: Job) -> None:
        """A face, taken if the thread is free."""
        with self._wake:
            if self._free:
                self._job, self._free = job, False
                self._wake.notify()

    def close(self) -> None:
        """End the thread after the map it is at."""
        with self._wake:
            self._ended = True
            self._wake.notify()

    def _run(self) -> None:
        with suppress(OSError, AttributeError):  # Linux sets it for a thread alone
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        model: FaceClassifier | None = None
        while (job := self._next()) is not None:
            began = time.perf_counter()
            try:
                model = model or _load(self._path)
                message = _explained(model, job)
            except FerkitError as error:
                self._send({"kind": "map", "sentence": str(error)})
                return
            message["seconds"] = round(time.perf_counter() - began, 3)
            self._send(message)
            self._rest(_REST * message["seconds"])

    def _next(self) -> Job | None:
        with self._wake:
            self._free = self._job is None
            self._wake.wait_for(lambda: self._job is not None or self._ended)
            job, self._job = self._job, None
            return None if self._ended else job

    def _rest(self, seconds: float) -> None:
        with self._wake:
            self._wake.wait_for(lambda: self._ended, max(_LEAST_REST, seconds))


def _load(path: Path) -> FaceClassifier:
    if is_onnx(path):
        raise ConfigError(
            f"{path} holds no network that can be looked into; choose the run or the "
            "model.safetensors that it was made from."
        )
    return load_model(path, "cpu")


def _explained(model: FaceClassifier, job: Job) -> dict[str, Any]:
    faces = planes(job.pixels[None])
    heat = saliency_maps(model, faces, np.array([job.class_id]), job.method).numpy()[0]
    shown = overlay(job.pixels, np.rint(255 * heat).astype(np.uint8))
    large = cv2.resize(shown, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(large, cv2.COLOR_RGB2BGR))
    assert done
    picture = base64.b64encode(encoded.tobytes()).decode()
    return {"kind": "map", "class": job.class_id, "method": job.method, "picture": picture}

"""The script of a page: read, played with the camera, ended in a report."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferkit.errors import DataError, FerkitError
from ferkit.mirror.cues import key_name
from ferkit.mirror.keeping import Keeping
from ferkit.mirror.match import MatchSettings
from ferkit.mirror.protocol import error_json, word_of
from ferkit.mirror.script import Script, for_model, parse_script
from ferkit.mirror.script_report import PAGE, write_script_report
from ferkit.mirror.settings import MirrorSettings
from ferkit.mirror.take import Take
from ferkit.video.analysis import Face

_LONGEST = 120.0  # seconds of calibration
Message = dict[str, Any]


class Playing:
    """A script and, while it is played, its take.

    Args:
        settings: Of the mirror.
        keeping: Where reports go.
        script: That stands ready; None for none.
        send: Takes the message of a report, from the thread that wrote it.
    """

    def __init__(
        self,
        settings: MirrorSettings,
        keeping: Keeping,
        script: Script | None,
        send: Callable[[Message], None],
    ) -> None:
        self._settings, self._keeping, self._script = settings, keeping, script
        self._send = send
        self._take: Take | None = None
        self._time = 0.0
        self._cue: str | None = None

    def describe(self) -> list[Message]:
        """The script for the page."""
        if self._script is None:
            return []
        return [{"kind": "script", **self._script.as_json()}]

    def read(self, words: Mapping[str, Any], emotions: Sequence[str]) -> list[Message]:
        """Take another script, whose text the page sends.

        Raises:
            FerkitError: it cannot be read, or wants what the model does not know.
        """
        if self._take is not None:
            raise DataError("A script is running; stop it before another one is read.")
        script = parse_script(word_of(words, "text"), Path(word_of(words, "name")[:200]).name)
        for_model(script, emotions)
        self._script = script
        return self.describe()

    def start(self, words: Mapping[str, Any], emotions: Sequence[str]) -> list[Message]:
        """Begin with the next frame.

        Raises:
            FerkitError: there is no script, or it wants what the model does not know.
        """
        if self._script is None:
            raise DataError("There is no script yet; choose a yaml or csv file of one.")
        seconds = words.get("calibrate", self._settings.match.calibrate)
        if not isinstance(seconds, int | float) or not 0 <= seconds <= _LONGEST:
            raise DataError(f"Calibrate for 0 to {_LONGEST:g} seconds.")
        known = vars(self._settings.match) | {"calibrate": float(seconds)}
        self._take = Take(self._script, emotions, MatchSettings(**known))
        return [{"kind": "script-state", "state": "on"}]

    def add(self, time: float, faces: Sequence[Face], image: NDArray[np.uint8]) -> Message | None:
        """A frame: the state of the script; its report follows when it is over."""
        self._time = time
        if self._take is None:
            return None
        state: Message = self._take.add(time, faces, image).as_json()
        self._cue = state["cue"]
        if self._take.is_over(time):
            self._report()
        return state

    def follow(self, track: int | None) -> list[Message]:
        """Judge a face that was clicked."""
        if self._take is not None and track is not None:
            self._take.follow(track)
        return []

    def press(self, key: str) -> list[Message]:
        """A key of the page."""
        if self._take is not None:
            self._take.press(key_name(key[:40]), self._time)
        return []

    def press_cue(self) -> list[Message]:
        """The key that the section waits for, of a page that has no keys."""
        if self._take is not None and self._cue:
            self._take.press(self._cue, self._time)
        return []

    def stop(self) -> list[Message]:
        """End the take here; of what was played there is a report."""
        if self._take is None:
            return []
        self._take.end(self._time)
        if self._take.begins:
            self._report()
        self.forget()
        return [{"kind": "script-state", "state": "off"}]

    def forget(self) -> None:
        """End a take without a report."""
        self._take = None

    def _report(self) -> None:
        """Write the report in a thread of its own: pictures take seconds, frames go on."""
        take, self._take = self._take, None
        assert take is not None
        threading.Thread(target=self._write, args=(take,), name="ferkit-mirror-report").start()

    def _saved(self) -> list[str]:
        detect = self._settings.analysis.detect
        if detect.every == 1 and detect.scale == 1:
            return []
        return [
            f"Live with detect.every={detect.every} detect.scale={detect.scale:g}: boxes between "
            "follow the optical flow; `ferkit predict` looks for faces in every frame."
        ]

    def _write(self, take: Take) -> None:
        try:
            kept = self._keeping.make("script", keep=False)
            write_script_report(kept.folder, take, source="camera", notes=self._saved())
        except (FerkitError, OSError) as error:
            self._send(error_json(f"The report could not be written: {error}"))
            return
        self._send({"kind": "script-report", **kept.as_json(), "page": PAGE})

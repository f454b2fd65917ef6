"""Files that the page uploads, processed one after the other as `ferkit predict` does."""

import re
import shutil
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock

from ferkit.errors import DataError, FerkitError, unknown
from ferkit.faces.crop import all_faces, make_face_detector
from ferkit.faces.decode import decode_image
from ferkit.inference.photographs import annotate, classify, nobody, write_table
from ferkit.mirror.keeping import Keeping, Kept
from ferkit.mirror.models import Loaded, Models
from ferkit.printable import one_line
from ferkit.video.analysis import Analysed
from ferkit.video.opening import open_video
from ferkit.video.predict import VideoSettings, predict_video
from ferkit.video.sources import Source, find_sources

_WAITING = 4  # uploads at once


@dataclass
class Upload:
    """A file on its way.

    Attributes:
        kept: The folder of its results.
        state: waiting, running, done or failed.
        done: Frames so far.
        total: Frames in all; None where that is not known.
        sentence: What became of it.
    """

    kept: Kept
    state: str = "waiting"
    done: int = 0
    total: int | None = None
    sentence: str = ""
    stop: Event = field(default_factory=Event)

    def as_json(self) -> dict[str, object]:
        """What the page shows."""
        found = {"state": self.state, "done": self.done, "total": self.total}
        return {**self.kept.as_json(), **found, "sentence": self.sentence}


class Uploads:
    """The uploads of a mirror and the thread that processes them."""

    def __init__(self, models: Models, keeping: Keeping, most: int) -> None:
        self._models, self._keeping, self._most = models, keeping, most
        self._known: dict[str, Upload] = {}
        self._lock = Lock()
        self._thread = ThreadPoolExecutor(1, "ferkit-mirror-upload")

    async def take(self, name: str, model: str, pieces: AsyncIterator[bytes]) -> Upload:
        """Receive a file, look at it, and put it in the line.

        Raises:
            DataError: too large, neither an image nor a video, or no such model.
        """
        if model not in self._models.names:
            raise DataError(unknown("model", model[:200], self._models.names))
        with self._lock:
            unfinished = [u for u in self._known.values() if u.state in ("waiting", "running")]
            if len(unfinished) >= _WAITING:
                raise DataError(f"{_WAITING} uploads are unfinished; wait for one of them.")
            kept = self._keeping.make("upload", keep=False)
            upload = self._known[kept.key] = Upload(kept)
        try:
            path = kept.folder / _safe_name(name)
            await _receive(path, pieces, self._most)
            source, upload.total = _looked_at(path, name)
        except BaseException:
            self.forget(kept.key)
            self._keeping.delete(kept.key)
            raise
        self._thread.submit(self._process, upload, source, model)
        return upload

    def get(self, key: str) -> Upload:
        """An upload by its key.

        Raises:
            DataError: there is none.
        """
        found = self._known.get(key)
        if found is None:
            raise DataError("There is no such upload any more; upload the file again.")
        return found

    def forget(self, key: str) -> None:
        """Stop it, where it runs."""
        found = self._known.pop(key, None)
        if found is not None:
            found.stop.set()

    def close(self) -> None:
        """Stop all of them and end the thread."""
        for key in list(self._known):
            self.forget(key)
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _process(self, upload: Upload, source: Source, model: str) -> None:
        upload.state = "running"
        try:
            if upload.stop.is_set():
                return
            loaded = self._models.get(model)
            process = _process_picture if source.kind == "picture" else _process_video
            upload.sentence = process(source, loaded, upload)
            upload.state = "done"
        except KeyboardInterrupt:
            upload.state, upload.sentence = "failed", "It was stopped."
        except FerkitError as error:
            upload.state, upload.sentence = "failed", str(error)
        except OSError as error:
            upload.state, upload.sentence = "failed", f"{error}; free some space."
        except Exception:
            upload.state, upload.sentence = "failed", "ferkit failed at it; see the terminal."
            raise
        finally:
            Path(source.name).unlink(missing_ok=True)
            if upload.stop.is_set():
                shutil.rmtree(upload.kept.folder, ignore_errors=True)


def _safe_name(name: str) -> str:
    """A file's name that is one: letters, digits, dots.

    >>> _safe_name("../a b.mp4")
    'a_b.mp4'
    """
    word = re.sub(r"[^\w.-]+", "_", Path(name.replace("\\", "/")).name).strip("._-")
    return word[-80:] or "upload"


async def _receive(path: Path, pieces: AsyncIterator[bytes], most: int) -> None:
    size = 0
    with path.open("wb") as file:
        async for piece in pieces:
            size += len(piece)
            if size > most:
                raise DataError(
                    f"The file has over {most >> 20:,} MB; type `ferkit predict source=FILE "
                    "out=DIR`."
                )
            file.write(piece)


def _looked_at(path: Path, name: str) -> tuple[Source, int | None]:
    """What a file is, and how many frames it has.

    Raises:
        DataError: it is neither a picture nor a video.
    """
    source = find_sources(str(path), None)[0]
    try:
        if source.kind == "picture":
            decode_image(path)
            return source, 1
        with open_video(source) as video:
            return source, video.total
    except DataError as error:
        why = str(error).replace(str(path), one_line(name)[:80])
        raise DataError(f"This is neither an image nor a video that can be read: {why}") from None


def _counted(upload: Upload) -> Callable[[Analysed], None]:
    def watch(_: Analysed) -> None:
        if upload.stop.is_set():
            raise KeyboardInterrupt
        upload.done += 1

    return watch


def _process_video(source: Source, loaded: Loaded, upload: Upload) -> str:
    detect = make_face_detector(loaded.faces, device="cpu")
    written = predict_video(
        source,
        loaded.predictor,
        loaded.faces,
        detect,
        VideoSettings(),
        upload.kept.folder,
        watch=_counted(upload),
    )
    totals = written.totals
    without = totals.analysed - totals.found
    return (
        f"Frames: {totals.analysed:,} ({totals.duration:.1f} s), faces: {written.faces:,}, "
        f"tracks: {len(totals.tracks):,}, without a face: {without:,} frames."
    )


def _process_picture(source: Source, loaded: Loaded, upload: Upload) -> str:
    folder, emotions = upload.kept.folder, loaded.predictor.emotions
    image = decode_image(Path(source.name))
    crops = all_faces(image, loaded.faces, make_face_detector(loaded.faces, device="cpu"))
    rows = classify(loaded.predictor, source.title, crops)
    annotate(image, rows, folder / "annotated.png")
    write_table(rows or [nobody(source.title)], emotions, folder, "csv")
    return f"Faces: {len(rows)}." if rows else "No face was found."

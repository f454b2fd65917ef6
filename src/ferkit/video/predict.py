"""One video to its files: table, summary, timelines and an annotated copy."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ferkit.errors import ConfigError, DataError, unknown
from ferkit.faces.detection import Detector
from ferkit.faces.settings import FaceSettings
from ferkit.files import remove_unfinished, write_text
from ferkit.inference.photographs import draw_box
from ferkit.inference.runtime import Predictor, spare_threads
from ferkit.log import log
from ferkit.printable import csv_frame
from ferkit.video.analysis import Analysed, AnalysisSettings, Face, analyse
from ferkit.video.opening import open_video
from ferkit.video.reader import Frame, Video
from ferkit.video.smooth import UNSURE
from ferkit.video.sources import Source
from ferkit.video.summary import Totals, segments_frame, state_name, summary_frame
from ferkit.video.table import CSV, write_table
from ferkit.video.timeline import write_timelines
from ferkit.video.writer import NAMES, Copy, write_copy

COPIES = (*NAMES, "none")


@dataclass(frozen=True)
class VideoSettings:
    """What is made of a video.

    Attributes:
        analysis: How its faces are found and followed.
        copy: mp4, avi, or none.
        timeline: Whether pictures over time are drawn.
        seconds: How much of it is read; None for all.

    Raises:
        ConfigError: an unknown kind of copy, or no seconds.
    """

    analysis: AnalysisSettings = field(default_factory=AnalysisSettings)
    copy: str = "mp4"
    timeline: bool = True
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.copy not in COPIES:
            raise ConfigError(unknown("kind of video", self.copy, COPIES))
        if self.seconds is not None and not self.seconds > 0:
            raise ConfigError(f"seconds is {self.seconds}; give a number above 0.")


@dataclass(frozen=True)
class Written:
    """What became of a video.

    Attributes:
        table: Its faces.csv.
        faces: Rows with a face.
        totals: Its summary.
    """

    table: Path
    faces: int
    totals: Totals


def predict_video(
    source: Source,
    predictor: Predictor,
    faces: FaceSettings,
    detect: Detector | None,
    settings: VideoSettings,
    out: Path,
    watch: Callable[[Analysed], None] | None = None,
) -> Written:
    """Write faces.csv, faces.parquet, summary.csv, segments.csv, timelines and the copy into `out`.

    `watch` is given every frame before anything is drawn on it.

    Stopped by Ctrl-C or SIGTERM, what was read until then is written before it ends.

    Raises:
        ConfigError: a package is missing.
        DataError: the video cannot be read at all.
    """
    stopped: KeyboardInterrupt | None = None
    with open_video(source) as video, _core_to_spare():
        if video.duration is None and source.kind != "video":
            log.info(f"{video.title} has no known end; Ctrl-C ends it, and what was seen is kept")
            settings = replace(settings, analysis=replace(settings.analysis, together=1))
        sound = _Sound()
        frames = _limited(video.frames(sound), settings.seconds)
        first = next(frames, None)
        if first is None:
            raise DataError(f"{video.title} gives no picture; check that it is in no other use.")
        out.mkdir(parents=True, exist_ok=True)
        remove_unfinished(out)
        totals = Totals(len(predictor.emotions), settings.analysis.every / video.rate)
        seen = analyse(chain([first], frames), predictor, faces, detect, settings.analysis)
        if watch is not None:
            seen = _watched(seen, watch)
        with ExitStack() as stack:
            table = stack.enter_context(write_table(out, source.shown, predictor.emotions))
            copy = stack.enter_context(_copy(out, settings, video, first))
            sound.lead_to(copy)
            bar = tqdm(
                total=_frames_of(video, settings),
                desc=source.title,
                unit="frame",
                disable=None,
                delay=2,
            )
            stack.enter_context(bar)
            try:
                for analysed in _drawn(seen, copy, predictor):
                    table.add(analysed)
                    totals.add(analysed)
                    bar.update()
            except KeyboardInterrupt as stop:
                stopped = stop
        totals.finish()
        for remark in video.remarks:
            log.warning(f"{remark}")
    _write_summary(out, source, totals, predictor, settings)
    if stopped is not None:
        log.info(f"stopped; what was read until then lies in {out}")
        raise stopped
    return Written(out / CSV, table.rows, totals)


@contextmanager
def _core_to_spare() -> Iterator[None]:
    """Torch with a thread less: those that decode and encode would make all of them wait."""
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, min(threads, spare_threads())))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _limited(frames: Iterator[Frame], seconds: float | None) -> Iterator[Frame]:
    for frame in frames:
        if seconds is not None and frame.time >= seconds:
            return
        yield frame


def _frames_of(video: Video, settings: VideoSettings) -> int | None:
    if video.total is None or settings.seconds is None:
        return video.total
    return min(video.total, round(settings.seconds * video.rate))


class _Sound:
    """Where packets of sound go; those that come before the copy is open wait."""

    def __init__(self) -> None:
        self._waiting: list[Any] = []
        self._take: Callable[[Any], None] = self._waiting.append

    def __call__(self, packet: Any) -> None:
        self._take(packet)

    def lead_to(self, copy: Copy | None) -> None:
        """From now on into a copy, or nowhere."""
        self._take = copy.add_sound if copy is not None else _forget
        for packet in self._waiting:
            self._take(packet)
        self._waiting.clear()


def _forget(packet: Any) -> None:
    del packet


def _watched(seen: Iterator[Analysed], watch: Callable[[Analysed], None]) -> Iterator[Analysed]:
    for analysed in seen:
        watch(analysed)
        yield analysed


def _copy(out: Path, settings: VideoSettings, video: Video, first: Frame) -> Any:
    if settings.copy == "none":
        return nullcontext()
    height, width = first.image.shape[:2]
    return write_copy(out / NAMES[settings.copy], settings.copy, video, (width, height))


def _drawn(seen: Iterator[Analysed], copy: Copy | None, predictor: Predictor) -> Iterator[Analysed]:
    """The same frames, each drawn into the copy; between analysed ones the boxes stay."""
    shown: list[Face] = []
    for analysed in seen:
        shown = shown if analysed.faces is None else analysed.faces
        if copy is not None:
            image = analysed.frame.image
            for face in shown:
                state = state_name(face.state, predictor.emotions)
                sure = "" if face.state == UNSURE else f" {face.smooth[face.state]:.0%}"
                draw_box(image, face.box, f"{face.track} {state}{sure}", state)  # type: ignore[arg-type]
            copy.add(image, analysed.frame.time)
        yield analysed


def _write_summary(
    out: Path, source: Source, totals: Totals, predictor: Predictor, settings: VideoSettings
) -> None:
    made = {
        "summary.csv": summary_frame(totals, source.shown, predictor.emotions),
        "segments.csv": segments_frame(totals, source.shown, predictor.emotions),
    }
    for name, frame in made.items():
        write_text(out / name, csv_frame(frame).to_csv(index=False))
    if settings.timeline:
        left = write_timelines(out, totals, predictor.emotions, source.title)
        if left:
            log.info(f"{source.shown}: {left} shorter tracks have no timeline of their own")

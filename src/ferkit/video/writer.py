"""Annotated videos: H.264 in an mp4 that browsers play, with the sound of the original copied.

Every frame keeps its own time, so that a variable rate stays one. `output.avi` (MPEG-4) has a
fixed rate, as balanescu2020's program wrote it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ferkit.files import beside
from ferkit.untrusted import reason
from ferkit.video.reader import Video

Kind = Literal["mp4", "avi", "none"]
NAMES: dict[str, str] = {"mp4": "annotated.mp4", "avi": "output.avi"}
_TICKS = Fraction(1, 90_000)  # of a second; the usual clock of videos
_X264 = {"preset": "ultrafast", "crf": "23"}
_MPEG4 = {"qscale": "4", "flags": "+qscale"}
_COPIED = {  # sound that is copied packet by packet; all other is encoded anew
    "mp4": ("aac", "mp3", "opus", "flac"),  # what browsers play in an mp4
    "avi": ("mp3", "ac3", "pcm_s16le"),
}
_ENCODER = {"mp4": "aac", "avi": "libmp3lame"}
_SAMPLES = 1024  # of a packet of encoded sound


class Copy:
    """An annotated video that is being written.

    Args:
        output: PyAV's container.
        kind: mp4 or avi.
        video: The original.
        size: Width and height of the frames.
    """

    def __init__(self, output: Any, kind: str, video: Video, size: tuple[int, int]) -> None:
        self._output, self._video, self._kind = output, video, kind
        self._clock = _TICKS if kind == "mp4" else 1 / _fixed_rate(video)
        self._stream = _add_picture(output, kind, video, size, self._clock)
        self._size = (self._stream.width, self._stream.height)
        self._sound = None if video.sound is None else _Sound(output, kind, video)
        self._last = -1

    def add(self, image: NDArray[np.uint8], time: float) -> None:
        """A frame [H, W, 3] RGB at so many seconds."""
        import av

        at = max(round(time / self._clock), 0)
        if at <= self._last:
            if self._kind == "avi":  # more frames than the fixed rate has room for
                return
            at = self._last + 1
        picture = av.VideoFrame.from_ndarray(_fitted(image, self._size), format="rgb24")
        picture.pts, picture.time_base, self._last = at, self._clock, at
        self._output.mux(self._stream.encode(picture))

    def add_sound(self, packet: Any) -> None:
        """A packet of the original's sound."""
        if self._sound is not None:
            self._sound.add(packet)

    def finish(self) -> None:
        """Write what is still held back."""
        self._output.mux(self._stream.encode(None))
        if self._sound is not None:
            self._sound.finish()


@contextmanager
def write_copy(path: Path, kind: str, video: Video, size: tuple[int, int]) -> Iterator[Copy]:
    """An annotated video, written beside its place and renamed when it is whole."""
    import av

    options = {"movflags": "+faststart"} if kind == "mp4" else {}
    with beside(path) as unfinished:
        output = av.open(str(unfinished), "w", format=kind, container_options=options)
        try:
            copy = Copy(output, kind, video, size)
            yield copy
            copy.finish()
        finally:
            output.close()


def _fixed_rate(video: Video) -> Fraction:
    return Fraction(min(max(video.rate, 1.0), 120.0)).limit_denominator(1001)


def _add_picture(
    output: Any, kind: str, video: Video, size: tuple[int, int], clock: Fraction
) -> Any:
    rate = _fixed_rate(video)
    codec, options = ("libx264", _X264) if kind == "mp4" else ("mpeg4", _MPEG4)
    stream = output.add_stream(codec, rate=rate, options=options)
    stream.width, stream.height = (side + side % 2 for side in size)  # H.264 halves the colours
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = clock
    stream.time_base = clock
    if video.pixel_shape != 1:
        stream.codec_context.sample_aspect_ratio = video.pixel_shape
    if kind == "mp4":
        stream.codec_context.gop_size = max(1, round(2 * rate))  # seconds between places to seek to
    return stream


def _fitted(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A frame of just this size: an odd side grows by its last row, another size is resized."""
    import cv2

    height, width = image.shape[:2]
    if 0 <= size[0] - width <= 1 and 0 <= size[1] - height <= 1:
        if (width, height) == size:
            return np.ascontiguousarray(image)
        grown = ((0, size[1] - height), (0, size[0] - width), (0, 0))
        return np.pad(image, grown, mode="edge")
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


class _Sound:
    """The sound of a copy: the same packets where the container and browsers take them."""

    def __init__(self, output: Any, kind: str, video: Video) -> None:
        self._output, self._origin, source = output, video.origin, video.sound
        self._copied = source.codec_context.name in _COPIED[kind]
        self._last: int | None = None
        self._broken, self._remarks = False, video.remarks
        if self._copied:
            self._stream = output.add_stream_from_template(source)
            return
        self._stream = output.add_stream(_ENCODER[kind], rate=source.codec_context.sample_rate)
        self._resampler = _resampler(self._stream.codec_context)
        video.remarks.append(
            f"the sound of {video.title} ({source.codec_context.name}) was encoded anew as "
            f"{self._stream.codec_context.name}, which browsers play"
        )

    def add(self, packet: Any) -> None:
        import av

        if self._broken:
            return
        try:
            if self._copied:
                self._copy(packet)
            else:
                for sound in _decoded(packet):
                    self._encode(sound)
        except (av.FFmpegError, ValueError) as error:
            self._broken = True
            self._remarks.append(f"the copy lacks the rest of the sound ({reason(error)})")

    def finish(self) -> None:
        if not (self._copied or self._broken):
            self._encode(None)
            self._output.mux(self._stream.encode(None))

    def _copy(self, packet: Any) -> None:
        if packet.dts is None or packet.size == 0:
            return
        shift = round(self._origin / packet.time_base)
        packet.dts -= shift
        packet.pts = packet.dts if packet.pts is None else packet.pts - shift
        if self._last is not None and packet.dts <= self._last:
            return
        self._last = packet.dts
        packet.stream = self._stream
        self._output.mux(packet)

    def _encode(self, sound: Any) -> None:
        if sound is not None and sound.pts is not None:
            sound.pts -= round(self._origin / sound.time_base)
        for part in self._resampler.resample(sound):
            self._output.mux(self._stream.encode(part))


def _resampler(context: Any) -> Any:
    import av

    return av.AudioResampler(
        format=context.format, layout="stereo", rate=context.sample_rate, frame_size=_SAMPLES
    )


def _decoded(packet: Any) -> list[Any]:
    import av

    try:
        return list(packet.decode())
    except (av.FFmpegError, ValueError):
        return []

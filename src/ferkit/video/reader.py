"""Videos and streams to frames with their own time stamps, by PyAV.

Frames come one at a time, upright, and no more of a video is held than the decoder needs. What
is broken is passed over and counted; what was cut off is said.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferkit.errors import DataError
from ferkit.untrusted import reason

_UNTIMED = ("mpjpeg", "image2pipe", "mjpeg")  # streams of pictures without time stamps
_CUT = 0.5  # seconds before its own end that a whole video may stop
USUAL_RATE = 25.0


@dataclass(frozen=True)
class Frame:
    """One picture of a video.

    Attributes:
        number: From 0, in the order in which they are shown.
        time: Seconds from the beginning, by the stream's own stamps.
        image: uint8 [H, W, 3] RGB, upright.
    """

    number: int
    time: float
    image: NDArray[np.uint8]


@dataclass
class Video:
    """A video or stream that is open.

    Attributes:
        title: For messages.
        rate: Frames a second, on average.
        duration: Seconds, None where it is not known.
        sound: PyAV's stream of sound, None without one.
        origin: Of the container's clock, in seconds; frame times count from it.
        pixel_shape: Width of a pixel over its height.
        remarks: What was found wrong while reading.
        read: Gives the frames, and each packet of sound to its argument as it comes.
    """

    title: str
    rate: float
    duration: float | None
    sound: Any
    origin: float
    pixel_shape: Fraction
    read: Callable[["Video", Callable[[Any], None]], Iterator[Frame]]
    remarks: list[str] = field(default_factory=list)

    def frames(self, take_sound: Callable[[Any], None] | None = None) -> Iterator[Frame]:
        """The frames in the order in which they are shown."""
        return self.read(self, take_sound or _ignore)

    @property
    def total(self) -> int | None:
        """How many frames it has, about; None where it is not known."""
        return None if self.duration is None else max(1, round(self.duration * self.rate))


def _ignore(packet: Any) -> None:
    del packet


def as_video(container: Any, title: str) -> Video:
    """An open container of PyAV as a video.

    Raises:
        DataError: it holds no moving picture.
    """
    streams = container.streams.video
    moving = [s for s in streams if "attached_pic" not in str(s.disposition).lower()]
    if not moving:
        what = "sound alone" if container.streams.audio else "no video"
        raise DataError(f"{title} holds {what}; give a video.")
    stream = moving[0]
    if stream.codec_context is None:
        raise DataError(
            f"{title} is encoded in a way that cannot be read here; encode it as H.264."
        )
    stream.thread_type = "SLICE"  # with frames in threads, those before a damaged place are lost
    shape = stream.sample_aspect_ratio
    return Video(
        title=title,
        rate=float(stream.average_rate or stream.guessed_rate or USUAL_RATE),
        duration=_duration(container, stream),
        sound=next((s for s in container.streams.audio if s.codec_context is not None), None),
        origin=(container.start_time or 0) / 1e6,
        pixel_shape=Fraction(shape) if shape else Fraction(1),
        read=lambda video, take: _frames(video, container, stream, take),
    )


def _duration(container: Any, stream: Any) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration else None


def _frames(
    video: Video, container: Any, stream: Any, take_sound: Callable[[Any], None]
) -> Iterator[Frame]:
    clock = _Clock(video, container.format.name in _UNTIMED)
    broken = number = 0
    for packet in _packets(video, container, stream):
        if packet.stream is not stream:
            take_sound(packet)
            continue
        decoded, failed = _decoded(packet)
        broken += failed
        for picture in decoded:
            yield Frame(number, clock.time_of(picture), upright(picture))
            number += 1
    if not number:
        raise DataError(f"{video.title}: not one frame of it can be read; copy or encode it again.")
    if broken:
        video.remarks.append(f"{broken} damaged pieces of {video.title} were passed over")
    _note_the_end(video, clock.last)


class _Clock:
    """The time of each frame; where the stream has none, that of its arrival or of its rate."""

    def __init__(self, video: Video, untimed: bool) -> None:
        self.video, self.untimed = video, untimed
        self.last: float | None = None
        self._began = time.monotonic()

    def time_of(self, picture: Any) -> float:
        if self.untimed and self.video.duration is None:
            found = time.monotonic() - self._began
        elif picture.pts is None or picture.time is None:
            found = 0.0 if self.last is None else self.last + 1 / self.video.rate
        else:
            found = float(picture.time) - self.video.origin
        self.last = found
        return found


def _packets(video: Video, container: Any, stream: Any) -> Iterator[Any]:
    """The packets up to the end, or to where it cannot be read any further."""
    import av

    chosen = [stream] if video.sound is None else [stream, video.sound]
    packets = container.demux(chosen)
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError) as error:
            video.remarks.append(f"{video.title} cannot be read any further ({reason(error)})")
            yield from _flushed(stream)
            return
        if packet is None:
            return
        yield packet


def _flushed(stream: Any) -> Iterator[Any]:
    import av

    packet = av.Packet()
    packet.stream = stream
    yield packet


def _decoded(packet: Any) -> tuple[list[Any], int]:
    """The frames of a packet, and whether it was broken."""
    import av

    try:
        return packet.decode(), 0
    except (av.FFmpegError, ValueError):
        return [], 1


def _note_the_end(video: Video, last: float | None) -> None:
    if video.duration is None or last is None:
        return
    ends = last + 1 / video.rate
    if ends < video.duration - max(_CUT, 2 / video.rate):
        video.remarks.append(
            f"{video.title} was cut short or is damaged: {ends:.1f} of {video.duration:.1f} s "
            "could be read"
        )


def upright(picture: Any) -> NDArray[np.uint8]:
    """A decoded frame as RGB, turned as the video's metadata ask for."""
    image = picture.to_ndarray(format="rgb24")
    turns = round(getattr(picture, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image

"""Opening what a source names: a file, a stream, the stream of a page, a camera."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ferkit.errors import ConfigError, DataError, require
from ferkit.untrusted import reason
from ferkit.video.pages import Stream, fetched, stream_of
from ferkit.video.reader import USUAL_RATE, Frame, Video, as_video
from ferkit.video.sources import SCHEMES, Source

_PATIENCE = (15.0, 30.0)  # seconds to open an address, and to wait for its next packet


@contextmanager
def open_video(source: Source) -> Iterator[Video]:
    """Open a video file, a camera, a stream, or the stream of a page.

    Raises:
        ConfigError: PyAV, or for a page yt-dlp, is not installed.
        DataError: there is none, or it cannot be read.
    """
    if source.kind == "camera":
        with _camera(int(source.name)) as video:
            yield video
        return
    require(f"The video {source.name}" if source.kind == "video" else "A stream", "av")
    with ExitStack() as stack:
        if source.kind == "video":
            container = _open_file(source.name)
        else:
            container = _open_address(source, stack)
        stack.callback(container.close)
        yield as_video(container, source.shown)


def _open_file(name: str) -> Any:
    import av

    path = Path(name)
    if not path.is_file():
        raise DataError(f"{name}: no such video; give a file, a folder or an address.")
    if path.stat().st_size == 0:
        raise DataError(f"{name}: the video is empty (0 bytes); copy it again.")
    try:  # of files alone: no list of a video may lead into the net
        return av.open(str(path.resolve()), options={"protocol_whitelist": "file"})
    except (av.FFmpegError, ValueError) as error:
        raise DataError(
            f"{name}: not a video that can be read ({reason(error)}); where it was cut short its "
            "index, which lies at the end, may be missing. Copy it again."
        ) from None


def _open_address(source: Source, stack: ExitStack) -> Any:
    import av

    address, shown = source.name, source.shown
    try:
        return _opened(Stream(address), stack)
    except (av.error.InvalidDataError, av.error.EOFError) as error:
        if not _is_http(address):
            raise _unreachable(shown, address, error) from None
    except (av.FFmpegError, ValueError, OSError) as error:
        raise _unreachable(shown, address, error) from None
    stream = stream_of(address, shown)
    try:
        return _opened(stream, stack)
    except (av.FFmpegError, ValueError, OSError) as error:
        raise _unreachable(shown, address, error) from None


def _opened(stream: Stream, stack: ExitStack) -> Any:
    container = _connected(stream)
    if not (_is_http(stream.address) and "mp4" in container.format.name):
        return container
    begins = _begins(container)
    container.close()
    if begins:
        return _connected(stream)
    path = stack.enter_context(fetched(stream))  # its index lies at the end
    return _open_file(str(path))


def _is_http(address: str) -> bool:
    return address.lower().startswith("http")


def _begins(container: Any) -> bool:
    """Whether a frame can be read: not where the server gives no parts of a file."""
    import av

    try:
        return next(container.decode(video=0), None) is not None
    except (av.FFmpegError, OSError, ValueError, IndexError):
        return False


def _connected(stream: Stream) -> Any:
    import av

    options = {"protocol_whitelist": ",".join((*SCHEMES, "tls", "crypto", "httpproxy", "hls"))}
    if stream.address.lower().startswith("rtsp"):
        options["rtsp_transport"] = "tcp"
    if stream.headers:
        options["headers"] = "".join(f"{k}: {v}\r\n" for k, v in stream.headers.items())
    return av.open(stream.address, options=options, timeout=_PATIENCE)


def _unreachable(shown: str, address: str, error: BaseException) -> DataError:
    why = reason(error).replace(address, shown)
    return DataError(
        f"{shown}: no video can be read there ({why}); check the address, and that this machine "
        "reaches it."
    )


@contextmanager
def _camera(number: int) -> Iterator[Video]:
    import cv2

    camera = cv2.VideoCapture(number)
    try:
        if not camera.isOpened():
            raise ConfigError(
                f"source={number}: there is no camera of this number, or it is in use; the first "
                "is source=0. A file of that name is given as source=./" + str(number)
            )
        rate = camera.get(cv2.CAP_PROP_FPS)
        yield Video(
            title=f"camera {number}",
            rate=rate if 1 <= rate <= 1000 else USUAL_RATE,
            duration=None,
            sound=None,
            origin=0.0,
            pixel_shape=Fraction(1),
            read=lambda *_: _camera_frames(camera),
        )
    finally:
        camera.release()


def _camera_frames(camera: Any) -> Iterator[Frame]:
    import cv2

    number, began = 0, time.monotonic()
    while True:
        good, picture = camera.read()
        if not good:
            return
        image = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        yield Frame(number, time.monotonic() - began, image)
        number += 1

"""The messages of the socket.

From the page: binary frames, a header of 12 bytes (little-endian: uint32 number, float64 time of
capture in milliseconds of the page's clock) and a JPEG; and JSON objects with a `kind`. To the
page: JSON objects with a `kind`, for each frame one "faces" or one "error" with its number.
"""

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferkit.errors import DataError
from ferkit.faces.decode import decode_image, to_rgb
from ferkit.video.analysis import Face

HEADER = struct.Struct("<Id")
_JPEG = b"\xff\xd8\xff"
_TEXT = 256 << 10  # letters of a message; a script is the longest
_LATEST = 1e12  # milliseconds


@dataclass(frozen=True)
class Picture:
    """A frame of the page's camera.

    Attributes:
        number: As the page counts.
        captured: Milliseconds of the page's clock.
        jpeg: Its bytes, undecoded.
    """

    number: int
    captured: float
    jpeg: bytes


def parse_picture(data: bytes) -> Picture:
    """A binary message.

    Raises:
        DataError: it holds no JPEG, or no time.
    """
    if len(data) < HEADER.size + len(_JPEG):
        raise DataError(f"A message of {len(data)} bytes holds no frame; send header and JPEG.")
    number, captured = HEADER.unpack_from(data)
    if not (math.isfinite(captured) and 0 <= captured <= _LATEST):
        raise DataError(f"Frame {number} was captured at {captured}; send milliseconds.")
    jpeg = data[HEADER.size :]
    if not jpeg.startswith(_JPEG):
        raise DataError(f"Frame {number} is no JPEG; send one.")
    return Picture(number, captured, jpeg)


def pixels_of(picture: Picture, most: int) -> NDArray[np.uint8]:
    """A frame's pixels, uint8 [H, W, 3] RGB, decoded as those of photographs are.

    Raises:
        DataError: damaged, or of more pixels than `most`.
    """
    return np.asarray(to_rgb(decode_image(picture.jpeg, max_pixels=most)), np.uint8)


def parse_words(text: str) -> dict[str, Any]:
    """A text message.

    Raises:
        DataError: it is no JSON object with a kind, or too long.
    """
    if len(text) > _TEXT:
        raise DataError(f"A message of {len(text):,} letters is refused; send up to {_TEXT:,}.")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise DataError("A message is no JSON; send an object with a kind.") from None
    if not isinstance(found, dict) or not isinstance(found.get("kind"), str):
        raise DataError("A message has no kind; send an object with one.")
    return found


def track_of(words: Mapping[str, Any]) -> int | None:
    """The face that a message names.

    Raises:
        DataError: its `track` is neither a number nor null.
    """
    track = words.get("track")
    if track is not None and (not isinstance(track, int) or isinstance(track, bool)):
        raise DataError("A face is named by a whole number; send that or null.")
    return track


def word_of(words: Mapping[str, Any], key: str) -> str:
    """A text in a message.

    Raises:
        DataError: it is none.
    """
    found = words.get(key)
    if not isinstance(found, str):
        raise DataError(f"The message {words['kind']!r} needs {key}, a text.")
    return found


def faces_json(faces: Sequence[Face]) -> list[dict[str, Any]]:
    """Faces as the page reads them; probabilities are not rounded."""
    return [
        {
            "track": face.track,
            "box": [round(float(v), 1) for v in face.box],
            "score": round(float(face.score), 4),
            "p": [float(v) for v in face.probabilities],
            "smooth": [float(v) for v in face.smooth],
            "state": face.state,
        }
        for face in faces
    ]


def error_json(sentence: str, number: int | None = None) -> dict[str, Any]:
    """A sentence for the page; with the number of a frame it answers that frame."""
    return {"kind": "error", "sentence": sentence, "number": number}

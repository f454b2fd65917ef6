"""Offline copies of faces: made once, kept in the store, each knowing its original.

The studies that enlarged their set before splitting it made such copies: balanescu2020 five of
each face (with imgaug), ghafourian2021 rotated and mirrored ones. A copy's `source` is the key of
its original, so that splits keep relatives together and the leak check counts them.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pandas as pd

from ferkit.errors import ConfigError, unknown

COPIED = ("all", "train")  # which faces are copied
_OCTAVES = (3, 6, 12, 24)  # cells of a cloud a side


@dataclass(frozen=True)
class Copy:
    """One kind of copy; its strength is drawn evenly between `low` and `high` for each face.

    Attributes:
        kind: `noise` (Gaussian, strength: standard deviation as a share of 255), `multiply` (all
            pixels by the strength), `salt_and_pepper` (strength: share of the pixels, half of
            them black, half white), `blur` (Gaussian, strength: sigma in pixels), `clouds` (white
            haze of several octaves, strength: its densest opacity), `flip` (left and right; no
            strength), `rotate` (strength: degrees, counter-clockwise).
    """

    kind: str
    low: float = 0.0
    high: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(unknown("kind of faces.copies", str(self.kind), KINDS))
        least, most = _LIMITS[self.kind]
        if not least <= self.low <= self.high <= most:
            raise ConfigError(
                f"faces.copies: the strength of {self.kind} is {self.low:g} to {self.high:g}; "
                f"give a number or [low, high] from {least:g} to {most:g}."
            )

    def __call__(self, face: np.ndarray, key: str) -> np.ndarray:
        """The copy of a face; what is drawn depends on the key alone.

        Args:
            face: uint8 [H, W] or [H, W, 3].
        """
        digest = hashlib.blake2b(f"{self.kind} {key}".encode(), digest_size=8).digest()
        rng = np.random.default_rng(int.from_bytes(digest, "big"))
        strength = rng.uniform(self.low, self.high)
        return np.ascontiguousarray(KINDS[self.kind](face, strength, rng), dtype=np.uint8)


def as_copies(asked: Any) -> tuple[Copy, ...]:
    """The copies of a `faces` node: a list of {kind, strength}, or of Copy.

    Raises:
        ConfigError: an item is none, names an unknown kind, or has a strength out of range.
    """
    if not isinstance(asked, Sequence) or isinstance(asked, str):
        raise ConfigError(f"faces.copies={asked!r}; give a list such as [{{kind: flip}}].")
    return tuple(item if isinstance(item, Copy) else _as_copy(item) for item in asked)


def _as_copy(item: Any) -> Copy:
    if not isinstance(item, Mapping) or "kind" not in item:
        raise ConfigError(f"faces.copies has {item!r}; give {{kind: flip}} or the like.")
    # low and high: as a store's card and a saved model have it
    for key in item:
        if key not in ("kind", "strength", "low", "high"):
            raise ConfigError(unknown("key of faces.copies", str(key), ["kind", "strength"]))
    strength = item.get("strength", [item.get("low", 0.0), item.get("high", 0.0)])
    ends = list(strength) if isinstance(strength, Sequence) else [strength, strength]
    if len(ends) != 2 or not all(isinstance(v, int | float) for v in ends):
        raise ConfigError(f"faces.copies: strength={strength!r}; give a number or [low, high].")
    return Copy(str(item["kind"]), float(ends[0]), float(ends[1]))


def add_copies(
    kept: pd.DataFrame, faces: np.ndarray, copies: Sequence[Copy], copied: str
) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows and faces of a store with the copies after the originals, kind by kind.

    Args:
        kept: [N] rows of the originals; those that are copies themselves are not copied again.
        faces: uint8 [N, H, W] or [N, H, W, 3].
        copied: One of `COPIED`.

    Returns:
        The rows with a column `copy` (the kind, empty for an original), and the faces.
    """
    from ferkit.faces.decode import content_hash

    chosen = (kept["source"] == "").to_numpy()
    if copied == "train":
        chosen = chosen & (kept["split"] == "train").to_numpy()
    originals = kept[chosen]
    frames, made = [kept.assign(copy="")], [faces]
    for number, copy in enumerate(copies, 1):
        keys = [f"{key}#{number}-{copy.kind}" for key in originals["key"]]
        pictures = np.empty_like(faces[chosen])
        for i, (row, key) in enumerate(zip(np.flatnonzero(chosen), keys, strict=True)):
            pictures[i] = copy(faces[row], key)
        frames.append(
            originals.assign(
                key=keys,
                source=originals["key"],
                copy=copy.kind,
                content=[content_hash(p) for p in pictures],
            )
        )
        made.append(pictures)
    return pd.concat(frames, ignore_index=True), np.concatenate(made)


def _noise(face: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    return _pixels(face + rng.normal(0, 255 * strength, face.shape))


def _multiply(face: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:  # noqa: ARG001
    return _pixels(face * strength)


def _salt_and_pepper(face: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    result = face.copy()
    struck, white = rng.random(face.shape[:2]) < strength, rng.random(face.shape[:2]) < 0.5
    result[struck & ~white] = 0
    result[struck & white] = 255
    return result


def _blur(face: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:  # noqa: ARG001
    return cv2.GaussianBlur(face, (0, 0), strength) if strength > 0 else face


def _clouds(face: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    height, width = face.shape[:2]
    haze = np.zeros((height, width), np.float32)
    for octave, cells in enumerate(_OCTAVES):
        coarse = rng.random((cells, cells), np.float32)
        haze += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    haze = (haze - haze.min()) / max(float(np.ptp(haze)), 1e-6)  # [H, W], 0..1
    opacity = strength * haze if face.ndim == 2 else strength * haze[..., None]
    return _pixels(face + opacity * (255.0 - face))


def _flip(face: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:  # noqa: ARG001
    return face[:, ::-1]


def _rotate(face: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:  # noqa: ARG001
    height, width = face.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), strength, 1.0)
    return cv2.warpAffine(
        face, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _pixels(values: np.ndarray) -> np.ndarray:
    return np.rint(values).clip(0, 255).astype(np.uint8)


KINDS: dict[str, Callable[[np.ndarray, float, np.random.Generator], np.ndarray]] = {
    "noise": _noise,
    "multiply": _multiply,
    "salt_and_pepper": _salt_and_pepper,
    "blur": _blur,
    "clouds": _clouds,
    "flip": _flip,
    "rotate": _rotate,
}
_LIMITS = {
    "noise": (0.0, 1.0),
    "multiply": (0.0, 10.0),
    "salt_and_pepper": (0.0, 1.0),
    "blur": (0.0, 50.0),
    "clouds": (0.0, 1.0),
    "flip": (0.0, 0.0),
    "rotate": (-180.0, 180.0),
}

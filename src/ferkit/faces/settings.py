"""What the face pipeline does: the target of every `configs/faces/*.yaml`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ferkit.errors import ConfigError, unknown
from ferkit.faces.choose import RULES
from ferkit.faces.copies import COPIED, as_copies
from ferkit.faces.detect import DETECTORS
from ferkit.faces.illumination import METHODS
from ferkit.faces.quality import as_quality

NO_FACE = ("drop", "whole", "center")
ALIGNMENTS = ("none", "eyes", "five_points")
COLORS = ("grey", "rgb")


@dataclass(frozen=True)
class FaceSettings:
    """How faces are found, aligned, cropped and lit.

    Attributes:
        detector: `none` (the whole picture is the face), `given` (the dataset's own boxes), `haar`,
            `haar_alt2` or `mtcnn`.
        choose: Which face of several: `largest`, `central`, `score`, or `body`, the largest whose
            centre lies in the upper half of the dataset's box (of the person); or
            `body_or_largest`, which is for merged datasets of which some have such boxes.
        no_face: What becomes of a picture without a face: `drop` it, take the `whole` of it, or
            the largest square in its `center`.
        align: `none`; `eyes`, turned until they are level; `five_points`, moved to ArcFace's
            places. A face whose points were not found is cut by its box and counted.
        margin: Share of the face's side added at each of the four sides, -0.4..2.
        size: Side of the square crop in pixels, 8..1024.
        color: `grey` or `rgb`; a grey picture is repeated into three channels.
        illumination: One of the methods of `ferkit.faces.illumination`, on the luminance.
        drop_blank: Drop crops of one single value (and those the dataset calls black).
        max_one_value: Drop crops of which a larger share of the pixels than this has one single
            grey level, 0.1..1; 1 drops none (that is `drop_blank`'s).
        quality: What a crop must reach, {sharpness, contrast} as `ferkit.faces.quality` measures
            them; blurred and flat ones are dropped.
        copies: Offline copies of every face, kept in the store as rows of their own: a list of
            {kind, strength} as `ferkit.faces.copies.Copy` takes them.
        copied: Which faces are copied: `all`, or those of the official `train` alone.
        min_face: Smallest side of a face to look for, in pixels.
        detect_side: Pictures with a longer side are shrunk to it for the detector alone; 0: never.
        scale_factor: Step from one size to the next of `haar`, 1.01..2.
        min_neighbors: Overlapping hits that make a face of `haar`.
    """

    detector: str = "none"
    choose: str = "largest"
    no_face: str = "drop"
    align: str = "none"
    margin: float = 0.0
    size: int = 48
    color: str = "grey"
    illumination: str = "none"
    drop_blank: bool = True
    max_one_value: float = 1.0
    quality: Any = None
    copies: Any = ()
    copied: str = "all"
    min_face: int = 20
    detect_side: int = 1280
    scale_factor: float = 1.1
    min_neighbors: int = 5

    def __post_init__(self) -> None:
        """Refuse what no pipeline can do, before any picture is read."""
        _word("detector", self.detector, DETECTORS)
        _word("choose", self.choose, RULES)
        _word("no_face", self.no_face, NO_FACE)
        _word("align", self.align, ALIGNMENTS)
        _word("color", self.color, COLORS)
        _word("illumination", self.illumination, METHODS)
        _word("copied", self.copied, COPIED)
        object.__setattr__(self, "quality", as_quality(self.quality))
        object.__setattr__(self, "copies", as_copies(self.copies))  # hashable, and checked
        _number("max_one_value", self.max_one_value, 0.1, 1)
        _number("margin", self.margin, -0.4, 2)
        _number("size", self.size, 8, 1024, whole=True)
        _number("min_face", self.min_face, 8, 4096, whole=True)
        _number("detect_side", self.detect_side, 0, 100_000, whole=True)
        _number("scale_factor", self.scale_factor, 1.01, 2)
        _number("min_neighbors", self.min_neighbors, 0, 100, whole=True)
        if not isinstance(self.drop_blank, bool):
            raise ConfigError(f"faces.drop_blank={self.drop_blank!r}; give true or false.")
        self._refuse_what_does_not_go_together()

    def _refuse_what_does_not_go_together(self) -> None:
        if self.align != "none" and self.detector in ("none", "given"):
            raise ConfigError(
                f"faces.align={self.align} needs the points of a face, which "
                f"faces.detector={self.detector} does not find; take faces.detector=mtcnn."
            )
        if self.align == "five_points" and self.detector != "mtcnn":
            raise ConfigError(
                f"faces.align=five_points needs five points, and faces.detector={self.detector} "
                "finds the eyes alone; take faces.align=eyes or faces.detector=mtcnn."
            )
        if self.choose in ("body", "body_or_largest") and self.detector in ("none", "given"):
            raise ConfigError(
                f"faces.choose={self.choose} looks for faces inside the dataset's boxes, but "
                f"faces.detector={self.detector} looks for none; take haar or mtcnn."
            )


def _word(key: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise ConfigError(unknown(f"value of faces.{key}", value, known))


def _number(key: str, value: float, low: float, high: float, *, whole: bool = False) -> None:
    is_number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise ConfigError(f"faces.{key}={value!r}; give {kind} from {low} to {high}.")

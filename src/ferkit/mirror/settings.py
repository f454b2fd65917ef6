"""What the live page does, and what it takes."""

from dataclasses import dataclass, field
from pathlib import Path

from ferkit.errors import ConfigError, unknown
from ferkit.mirror.match import MatchSettings
from ferkit.video.analysis import AnalysisSettings

LABELS = ("ferkit", "study")
_STUDY = {"fear": "scared", "surprise": "surprised"}  # of balanescu2020's Acting Mirror
_PORTS = 65535


@dataclass(frozen=True)
class Limits:
    """What one message or upload may hold.

    Attributes:
        message: Bytes of a message of the socket.
        pixels: Of a frame.
        upload: Bytes of a file.
        recording: Bytes of the video of a recording.
    """

    message: int = 2 << 20
    pixels: int = 1920 * 1080
    upload: int = 2 << 30
    recording: int = 8 << 30


@dataclass(frozen=True)
class MirrorSettings:
    """The page and its analysis.

    Attributes:
        port: On 127.0.0.1; 0 takes a free one.
        labels: Names of the emotions: ferkit, or study (balanescu2020).
        analysis: How faces are found, followed and smoothed.
        match: When a face matches a script.
        out: Where recordings and what is kept goes, a folder each.
        saliency: What is shown at first.

    Raises:
        ConfigError: a value outside its range.
    """

    port: int = 8765
    labels: str = "ferkit"
    analysis: AnalysisSettings = field(default_factory=AnalysisSettings)
    match: MatchSettings = field(default_factory=MatchSettings)
    out: Path = Path("outputs/mirror")
    saliency: str = "none"
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= _PORTS:
            raise ConfigError(f"port is {self.port}; give one from 1024 to {_PORTS}, or 0.")
        if self.labels not in LABELS:
            raise ConfigError(unknown("value of labels", self.labels, LABELS))


def shown_label(emotion: str, labels: str) -> str:
    """The name of an emotion on the page.

    >>> shown_label("fear", "study")
    'scared'
    """
    return _STUDY.get(emotion, emotion) if labels == "study" else emotion

"""`ferkit mirror`: a page on this machine that shows the camera's faces and emotions."""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.errors import ConfigError, require, unknown
from ferkit.files import usable_folder
from ferkit.inference.runtime import RUNTIMES
from ferkit.inference.saliency import check_method
from ferkit.log import log
from ferkit.mirror.keeping import open_keeping
from ferkit.mirror.match import MatchSettings
from ferkit.mirror.models import Models, find_models, loader
from ferkit.mirror.script import read_script
from ferkit.mirror.server import listen, serve
from ferkit.mirror.session import Parts
from ferkit.mirror.settings import MirrorSettings
from ferkit.video.analysis import AnalysisSettings, DetectSettings
from ferkit.video.smooth import SmoothSettings
from ferkit.video.tracks import TrackSettings


def main(words: Sequence[str]) -> int:
    """The command."""
    config = compose(*words, command="mirror")
    for package in ("starlette", "uvicorn", "websockets"):
        require("`ferkit mirror`", package)
    mirror(config)
    return 0


def mirror(config: DictConfig) -> None:
    """Serve the page until the process is stopped.

    Raises:
        FerkitError: a wrong key, no such model or script, or a port that is taken.
    """
    settings = mirror_settings(config)
    if config.runtime not in RUNTIMES:
        raise ConfigError(unknown("runtime", config.runtime, RUNTIMES))
    script = None if config.script is None else read_script(Path(config.script))
    usable_folder(settings.out, "out")
    asked = None if config.faces is None else as_plain(config.faces)
    known = find_models(config.model, Path(config.runs))
    models = Models(known, loader(config.runtime, asked, force=config.force))
    with listen(settings.port) as listening, open_keeping(settings.out) as keeping:
        log.info(f"{models.names[0]} is made ready, which takes some seconds")
        models.get(models.names[0])
        serve(Parts(models, settings, keeping, script), listening, _tell)


def _tell(address: str) -> None:
    print(f"open {address} in a browser on this machine; Ctrl-C ends it", flush=True)


def mirror_settings(config: DictConfig) -> MirrorSettings:
    """The page's settings, checked before anything is loaded.

    Raises:
        ConfigError: a value outside its range.
    """
    check_method(config.saliency)
    analysis = AnalysisSettings(
        detect=DetectSettings(**as_plain(config.detect)),
        track=TrackSettings(**as_plain(config.track)),
        smooth=SmoothSettings(**as_plain(config.smooth)),
        together=1,
    )
    return MirrorSettings(
        port=config.port,
        labels=config.labels,
        analysis=analysis,
        match=MatchSettings(**as_plain(config.match)),
        saliency=config.saliency,
        out=Path(config.out),
    )

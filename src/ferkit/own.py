"""What users bring along: modules in the current folder, and yaml files with comments of theirs."""

import os
import re
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

_PACKAGE = re.compile(r"#\s*@package\s+(\S+)")


def allowed() -> set[str]:
    """The packages that FERKIT_ALLOW lets in."""
    return {name.strip() for name in os.environ.get("FERKIT_ALLOW", "").split(",") if name.strip()}


class _CurrentFolder:
    """Finds packages named in FERKIT_ALLOW, and no other, in the current folder."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or name not in allowed():
            return None
        return PathFinder.find_spec(name, [str(Path.cwd())], target)


def search_current_folder() -> None:
    """Let `import` find, after everything installed, what FERKIT_ALLOW names."""
    if _CurrentFolder not in sys.meta_path:
        sys.meta_path.append(_CurrentFolder)


def read_header(text: str) -> dict[str, str | None]:
    r"""The `@package` of a yaml file: in any of the comments at its top.

    Hydra reads it in the first line alone, and takes a file with another comment above it for one
    of its own group.

    >>> read_header("# my experiment\n\n# @package _global_\nseed: 1\n")
    {'package': '_global_'}
    """
    for line in map(str.strip, text.splitlines()):
        if found := _PACKAGE.fullmatch(line):
            return {"package": found[1]}
        if line and not line.startswith("#"):
            break
    return {"package": None}

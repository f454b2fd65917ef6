"""The yaml tree as files: groups, choices, and the keys of a choice with their comments.

Neither Hydra nor OmegaConf is imported: help, lists and completion read this.
"""

from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from ferkit.targets import configs_dir

OWN = Path("ferkit_configs")  # a user's own tree, in the current folder


@dataclass(frozen=True)
class Entry:
    """A key of a yaml file.

    Attributes:
        name: Dotted, below the node.
        value: As it stands in the file.
        line: Its comment, "" without one.
    """

    name: str
    value: str
    line: str


def list_groups() -> list[str]:
    """The groups of the tree, e.g. dataset, loss, experiment."""
    found = (p.name for p in configs_dir().iterdir() if p.is_dir())
    return sorted(name for name in found if name != "hydra")  # launchers are no group of ferkit's


def choices(group: str) -> list[str]:
    """The names that can be chosen in a group; an experiment's carry its study's folder."""
    folders = [configs_dir() / group, OWN / group]
    found = {
        p.relative_to(f).with_suffix("").as_posix() for f in folders for p in f.rglob("*.yaml")
    }
    return sorted(found)


def file_of(group: str, choice: str) -> Path | None:
    """The yaml of a choice, one of the user's own before ferkit's; None where there is none."""
    found = (folder / group / f"{choice}.yaml" for folder in (OWN, configs_dir()))
    return next((path for path in found if path.is_file()), None)


def what_it_is(group: str, choice: str) -> str:
    """The first comment line of a choice's yaml."""
    path = file_of(group, choice)
    return head_of(path)[0] if path else ""


def head_of(path: Path) -> list[str]:
    """The comment lines that a yaml begins with, without `@package`; at least one, maybe empty."""
    lines = path.read_text(encoding="utf-8").splitlines()
    head = takewhile(lambda line: line.startswith("#") or not line.strip(), lines)
    comments = [line[1:].removeprefix(" ").rstrip() for line in head if line.strip()]
    return [c for c in comments if not c.startswith("@package")] or [""]


def is_global(path: Path) -> bool:
    """Whether a yaml's keys are those of the root (`# @package _global_`), as an experiment's."""
    return "@package _global_" in path.read_text(encoding="utf-8")


def entries(path: Path) -> list[Entry]:
    """The keys of a yaml file in its order, those of nested mappings dotted; none if unreadable."""
    import yaml

    text = path.read_text(encoding="utf-8")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return []
    return _entries(root, "", text, text.splitlines()) if isinstance(root, yaml.MappingNode) else []


def _entries(node: Any, prefix: str, text: str, lines: list[str]) -> list[Entry]:
    import yaml

    found: list[Entry] = []
    for key, value in node.value:
        name, start, end = f"{prefix}{key.value}", value.start_mark, value.end_mark
        if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
            found += _entries(value, f"{name}.", text, lines)
            continue
        shown = " ".join(text[start.index : end.index].split())
        if isinstance(value, yaml.SequenceNode) and not value.flow_style:
            _, _, rest = lines[key.end_mark.line].partition("#")
            shown = f"[{len(value.value)} entries]"
        else:
            _, _, rest = lines[end.line][end.column :].partition("#")
        found.append(Entry(name, shown or "null", rest.strip()))
    return found


def defaults(name: str) -> list[tuple[str, str]]:
    """Group and choice of each line of a root yaml's defaults list; "null" where it makes none.

    Args:
        name: Of the file, below the tree and without its ending, e.g. "train".
    """
    path = configs_dir() / f"{name}.yaml"
    pairs = (line.partition("=")[::2] for line in defaults_of_file(path) if "=" in line)
    return [(group, choice) for group, choice in pairs if "/" not in group]


def defaults_of_file(path: Path) -> list[str]:
    """A yaml's defaults list in the words of a command line, e.g. imbalance=smote."""
    import yaml

    read = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    found: list[str] = []
    for line in read.get("defaults") or ():
        if not isinstance(line, dict):
            found += [str(line).lstrip("/")] if line != "_self_" else []
            continue
        for group, choice in line.items():
            name = str(group).removeprefix("override ").lstrip("/")
            found.append(f"{name}={'null' if choice is None else choice}")
    return found

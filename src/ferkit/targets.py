"""The closed lists: which objects the nodes of a group may name.

Every function of ferkit is more than a config may call (one of them runs commands), so a group's
targets are those of its yaml files as shipped, torch's own for optimizers, schedulers and losses,
and what lies in a package that the environment variable FERKIT_ALLOW names.
"""

import importlib
import inspect
import types
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from ferkit.errors import ConfigError, nearest, unknown
from ferkit.own import allowed, search_current_folder

_GROUP_OF = {"tta.augment": "augment"}  # nodes inside another group's node


def configs_dir() -> Path:
    """The Hydra tree: beside the package when a wheel put it there, else at the repository root."""
    package = Path(__file__).parent
    beside = package / "configs"
    return beside if beside.is_dir() else package.parents[1] / "configs"


def resolve(target: object, where: str) -> Callable[..., Any]:
    """The object that a `_target_` names, if a config may build it there.

    The name must stand in the closed list of its group; nothing is imported to find that out. In an
    allowed package the object itself is judged, since a dotted path proves nothing: it must be a
    function or class that was first defined there.

    Args:
        where: The node's name, e.g. "optimizer" or "dataset.datasets[0]".

    Raises:
        ConfigError: the path leads nowhere, or to something a config may not build.
    """
    if not isinstance(target, str) or not target:
        raise ConfigError(
            f"{where}._target_ is {target!r}; it must be the dotted path of a target."
        )
    group = group_of(where)
    if target in shipped_targets(group):
        return _import_path(target, where)
    if target in (ours := torch_targets(group)):
        return ours[target]
    if target.split(".")[0] in allowed():
        found = _import_path(target, where)
        if _defined_in_allowed(found):
            return found
    raise ConfigError(_refusal(target, where, group))


def group_of(where: str) -> str:
    """The group whose list judges a node: "backbone" for "backbone.frame"."""
    return _GROUP_OF.get(where, where.split(".")[0].split("[")[0])


@cache
def shipped_targets(group: str) -> frozenset[str]:
    """The `_target_` of every yaml file of a group that ferkit ships."""
    import yaml  # type: ignore[import-untyped, unused-ignore]

    if not group.isidentifier():
        return frozenset()
    found = (
        yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted((configs_dir() / group).glob("*.yaml"))
    )
    return frozenset(
        str(node["_target_"]) for node in found if isinstance(node, Mapping) and "_target_" in node
    )


@cache
def torch_targets(group: str) -> Mapping[str, Callable[..., Any]]:
    """Torch's own classes for a group, by their public names and by the modules they come from."""
    if group not in ("optimizer", "scheduler", "loss"):
        return {}
    import torch

    base, home = {
        "optimizer": (torch.optim.Optimizer, torch.optim),
        "scheduler": (torch.optim.lr_scheduler.LRScheduler, torch.optim.lr_scheduler),
        "loss": (torch.nn.Module, torch.nn.modules.loss),
    }[group]
    public = "torch.nn" if group == "loss" else home.__name__
    found: dict[str, Callable[..., Any]] = {}
    for name, value in vars(home).items():
        own = inspect.isclass(value) and issubclass(value, base) and value is not base
        if own and not name.startswith("_") and value.__module__.startswith(home.__name__):
            found |= {f"{public}.{name}": value, f"{value.__module__}.{name}": value}
    return found


def _defined_in_allowed(found: object) -> bool:
    callable_ = inspect.isfunction(found) or inspect.isclass(found)
    return callable_ and str(getattr(found, "__module__", "")).split(".")[0] in allowed()


def _refusal(target: str, where: str, group: str) -> str:
    known = sorted({*shipped_targets(group), *torch_targets(group)})
    return (
        f"{where}._target_={target} is refused: a config may build there what `ferkit list {group}`"
        f" shows{_torchs(group)}.{nearest(target, known)} FERKIT_ALLOW="
        f"{target.split('.')[0]} in the environment lets a module of your own in, also from the "
        "current folder."
    )


def _torchs(group: str) -> str:
    words = {
        "optimizer": "torch.optim's optimizers",
        "loss": "torch.nn's losses",
        "scheduler": "torch.optim.lr_scheduler's schedulers",
    }
    return f" and {words[group]}" if group in words else ""


def _import_path(path: str, where: str) -> Callable[..., Any]:
    parts = path.split(".")
    search_current_folder()
    try:
        found: Any = importlib.import_module(parts[0])
    except ModuleNotFoundError:
        raise ConfigError(
            f"{where}._target_={path}: there is no package {parts[0]!r}, neither installed nor "
            f"in the current folder; go where {parts[0]}.py lies, or set PYTHONPATH."
        ) from None
    for i, part in enumerate(parts[1:], start=2):
        name = ".".join(parts[:i])
        if not hasattr(found, part) and isinstance(found, types.ModuleType):
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as error:
                if error.name != name:
                    raise
        if not hasattr(found, part):
            raise ConfigError(f"{where}._target_={path}: " + unknown("name", part, _public(found)))
        found = getattr(found, part)
    return cast(Callable[..., Any], found)


def _public(found: object) -> list[str]:
    return [n for n in vars(found) if not n.startswith("_")] if hasattr(found, "__dict__") else []

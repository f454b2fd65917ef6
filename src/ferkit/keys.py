"""Every key of a command: its name, its default and a line of what it is.

Lines come from the comments of the yaml files and from docstrings; nothing heavy is imported.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any

from ferkit.roots import ROOTS
from ferkit.signatures import REQUIRED, Signature, Tensor, described, read_signature
from ferkit.tree import choices, defaults, entries, file_of, is_global, list_groups

# what a target is given at run time, by `build(node, **facts)`: never in yaml
FACTS = frozenset(
    {
        "classes",
        "channels",
        "size",
        "weights",
        "counts",
        "epochs",
        "feature_size",
        "params",
        "optimizer",
        "steps",
        "steps_per_epoch",
        "frame",
        "seed",
    }
)


@dataclass(frozen=True)
class Key:
    """A key that can be typed.

    Attributes:
        name: Dotted, as it is typed.
        default: As yaml writes it.
        line: What it is.
        words: The values it takes where they are a closed list.
    """

    name: str
    default: str
    line: str
    words: tuple[str, ...] = ()


SHARED_KEYS = (  # of every node of a group, whatever its target; see ferkit.config.SHARED
    Key("backbone.init_from", "null", "a run, weights or a packaged model to begin with"),
    Key(
        "backbone.freeze",
        "none",
        "what learns: none (all of it) | head_only | last_n | last_fc_3 | gradual",
    ),
    Key("backbone.freeze_n", "1", "layers that learn, with freeze=last_n or gradual"),
)


def groups_of(command: str) -> list[str]:
    """The groups that a command takes, in the order of its root keys."""
    known = list_groups()
    found = [f.name for f in fields(ROOTS[command]) if f.name in known]
    return [*found, "experiment", "debug"] if command == "train" else found


def chosen_by_default(command: str) -> dict[str, str]:
    """Group to the choice of a command's own yaml, "null" where it makes none."""
    return dict(defaults(command))


def root_keys(command: str) -> list[Key]:
    """The keys of a command that belong to no group."""
    return _of_schema(ROOTS[command], "", set(groups_of(command)))


def _of_schema(schema: type, prefix: str, without: set[str]) -> list[Key]:
    lines = described(inspect.getdoc(schema))
    found: list[Key] = []
    for f in fields(schema):
        if f.name in without:
            continue
        default = f.default_factory() if callable(f.default_factory) else f.default
        if is_dataclass(default):
            found += _of_schema(type(default), f"{prefix}{f.name}.", set())
        else:
            found.append(Key(f"{prefix}{f.name}", as_yaml(default), _tidy(lines.get(f.name, ""))))
    return found


def node_keys(group: str, choice: str) -> list[Key]:
    """The keys of a choice: those of its yaml, then what else its target takes."""
    path = file_of(group, choice)
    if path is None:
        return []
    found = entries(path)
    target = next((e.value for e in found if e.name == "_target_"), None)
    signature = read_signature(target) if target else None
    prefix = "" if is_global(path) else f"{group}."
    keys = [
        Key(
            f"{prefix}{e.name}",
            e.value,
            e.line or _line(signature, group, e.name),
            _words(signature, e.name),
        )
        for e in found
        if e.name.rpartition(".")[2] not in ("_target_", "defaults")
    ]
    if signature is None or target is None:
        return keys
    known = {e.name.partition(".")[0] for e in found}
    shared = [key for key in SHARED_KEYS if key.name.startswith(f"{group}.")]
    return (
        keys
        + shared
        + [
            _further(target, signature, group, name)
            for name in signature.defaults
            if name not in known and _is_open(signature, name)
        ]
    )


def _is_open(signature: Signature, name: str) -> bool:
    """Whether a parameter that its yaml does not name may be given there."""
    fact = name in FACTS or signature.hints[name] is Tensor
    return signature.defaults[name] is not REQUIRED and not fact


def _further(target: str, signature: Signature, group: str, name: str) -> Key:
    line = _line(signature, group, name) or f"see {target}"
    default = as_yaml(signature.defaults[name])
    return Key(f"{group}.{name}", default, line, _words(signature, name))


def _line(signature: Signature | None, group: str, name: str) -> str:
    """What the target's docstring says of a key, else what another yaml of the group says."""
    said = _tidy(signature.lines.get(name, "")) if signature else ""
    return said or _group_lines(group).get(name.removeprefix(f"{group}."), "")


@cache
def _group_lines(group: str) -> dict[str, str]:
    if group in ("experiment", "debug"):
        return {}
    paths = [path for choice in choices(group) if (path := file_of(group, choice))]
    return {e.name: e.line for path in paths for e in entries(path) if e.line}


def _words(signature: Signature | None, name: str) -> tuple[str, ...]:
    return tuple(words_of(signature.hints.get(name))) if signature else ()


def words_of(hint: Any) -> list[str]:
    """The closed list of values of a hint, as yaml writes them; empty where it is open."""
    if hint is bool:
        return ["true", "false"]
    values = [as_yaml(value) for value in getattr(hint, "__args__", ()) if not _is_type(value)]
    inner = [
        word for part in getattr(hint, "__args__", ()) if _is_type(part) for word in words_of(part)
    ]
    return values + inner


def _is_type(value: object) -> bool:
    return isinstance(value, type) or hasattr(value, "__args__")


def _tidy(sentence: str) -> str:
    """A docstring's sentence as the comments of the yaml files are written."""
    first = (
        sentence[:1].lower() if sentence[1:2].islower() or sentence[1:2] == " " else sentence[:1]
    )
    return first + sentence[1:].removesuffix(".")


def as_yaml(value: object) -> str:
    """A default in the words of yaml, on one line.

    >>> as_yaml([None, True, "a"])
    '[null, true, a]'
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_yaml, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {as_yaml(v)}" for k, v in value.items()) + "}"
    return str(value)

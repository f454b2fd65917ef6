"""`ferkit list [group] [pattern]`: what can be chosen; an exact name: its keys and defaults."""

from collections.abc import Sequence
from fnmatch import fnmatch

from ferkit.commands.help import aligned, show_keys, wrapped
from ferkit.errors import ConfigError, unknown
from ferkit.keys import node_keys
from ferkit.packaged import card, metrics_of, names
from ferkit.tree import choices, defaults_of_file, file_of, head_of, list_groups, what_it_is

MODELS = "model"  # no group of configs: what `ferkit predict model=` takes by name


def main(words: Sequence[str]) -> int:
    """Print groups, the choices of one, or the keys of a choice."""
    groups = [*list_groups(), MODELS]
    if len(words) > 2:
        raise ConfigError(f"`ferkit list` takes a group and a pattern; {words[2]!r} is too much.")
    if not words:
        lines = aligned((group, _names(group)) for group in groups)
    elif words[0] not in groups:
        raise ConfigError(unknown("group", words[0], groups))
    else:
        lines = _choices(words[0], words[1] if len(words) > 1 else "*")
    print("\n".join(lines))
    return 0


def _choices(group: str, pattern: str) -> list[str]:
    known = _known(group)
    if group == MODELS and pattern in known:
        return _model(pattern)
    if pattern in known:
        return _one(group, pattern)
    found = [c for c in known if fnmatch(c, pattern)]
    if not found:
        raise ConfigError(unknown(group, pattern, known))
    column = max(map(len, found))
    return [f"{choice:<{column}}  {_line(group, choice)}".rstrip() for choice in found]


def _names(group: str) -> str:
    """The choices of a group; of many in folders, the folders and how many each holds."""
    known = _known(group)
    folders = [name.partition("/")[0] for name in known if "/" in name]
    counted = [f"{folder}/ ({folders.count(folder)})" for folder in dict.fromkeys(folders)]
    return ", ".join([*(n for n in known if "/" not in n), *counted])


def _one(group: str, choice: str) -> list[str]:
    """What a choice is, what it starts from, and its keys as they are typed."""
    path = file_of(group, choice)
    assert path is not None
    first, *further = head_of(path)
    typed = f"{group}={choice}"
    lines = wrapped(f"{typed}  {first}") + [f"  {line}".rstrip() for line in further]
    if base := defaults_of_file(path):
        lines += ["", "starts from:", *(f"  {each}" for each in base)]
    keys = node_keys(group, choice)
    return lines + (["", "keys:", *show_keys(keys)] if keys else ["", "It has no keys."])


def _known(group: str) -> list[str]:
    return names() if group == MODELS else choices(group)


def _line(group: str, choice: str) -> str:
    return _model(choice)[0] if group == MODELS else what_it_is(group, choice)


def _model(name: str) -> list[str]:
    """What a packaged model is, and its metrics."""
    found = metrics_of(name)
    views = "; ".join(
        f"{view}: accuracy {metrics['accuracy']:.3f}, macro F1 {metrics['macro_f1']:.3f}"
        for view, metrics in found["views"].items()
    )
    return [f"{found['what']} ({views}; {card(name)})"]

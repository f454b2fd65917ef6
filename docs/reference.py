"""The reference pages of the documentation, from the yaml tree and docstrings."""

import inspect
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from ferkit.commands import COMMANDS
from ferkit.commands.help import EXAMPLES
from ferkit.keys import Key, node_keys, root_keys
from ferkit.reports.blocks import Table
from ferkit.reports.markdown import plain, write_table
from ferkit.roots import ROOTS
from ferkit.signatures import read_signature
from ferkit.tree import choices, entries, file_of, list_groups, what_it_is

_FOLDED = ("experiment", "debug")  # named with their line; `ferkit list` shows their keys


def write_reference(out: Path) -> None:
    """Write commands.md, a page per config group, and datasets.md.

    Args:
        out: The folder, made where it is not there.
    """
    out.mkdir(parents=True, exist_ok=True)
    pages = {"commands": commands_page(), "data_cards": data_cards_page()}
    pages |= {group: group_page(group) for group in list_groups()}
    for name, text in pages.items():
        path = out / f"{name}.md"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def commands_page() -> str:
    """Every command with examples and the keys that belong to no group."""
    parts = ["# Commands"]
    for name, what in COMMANDS.items():
        parts += [f"## ferkit {name}", f"{plain(what)}."]
        if name in EXAMPLES:
            parts.append("\n".join(["```text", *EXAMPLES[name], "```"]))
        if name in ROOTS:
            parts.append(_keys(root_keys(name)))
    return "\n\n".join(part for part in parts if part) + "\n"


def group_page(group: str) -> str:
    """Every choice of a group, with its keys and defaults."""
    parts = [f"# {group}", f"`ferkit list {group}` shows this in a terminal."]
    if group in _FOLDED:
        rows = tuple((choice, what_it_is(group, choice)) for choice in choices(group))
        return "\n\n".join([*parts, write_table(Table(("Name", "What it is"), rows))]) + "\n"
    for choice in choices(group):
        parts += [f"## {group}={choice}", f"{plain(what_it_is(group, choice))}"]
        parts.append(_keys(node_keys(group, choice)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _keys(keys: Iterable[Key]) -> str:
    rows = tuple((key.name, key.default, key.line) for key in keys)
    return write_table(Table(("Key", "Default", "What it is"), rows)) if rows else ""


def data_cards_page() -> str:
    """The card of every dataset: what, layout, splits, classes, licence, citation."""
    parts = [
        "# Data cards",
        "What each dataset is, where to ask for it, its terms, and how it lies on a disk. "
        "Nothing is downloaded. Unpack it to `data/raw/NAME`, or give `dataset.root=DIR`.",
    ]
    for choice in choices("dataset"):
        card = _card("dataset", choice)
        if card:
            parts += [f"## {choice}", "\n".join(["```text", card, "```"])]
    return "\n\n".join(parts) + "\n"


def _card(group: str, choice: str) -> str:
    path = file_of(group, choice)
    target = next((e.value for e in entries(path) if e.name == "_target_"), "") if path else ""
    if not target or read_signature(target) is None:
        return ""
    return inspect.cleandoc(import_module(target.rpartition(".")[0]).__doc__ or "")

"""`ferkit data check|prepare|show|fake`."""

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from omegaconf import DictConfig

from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.errors import ConfigError, unknown
from ferkit.training.run import say

ACTIONS = ("check", "prepare", "show", "fake")


def main(words: Sequence[str]) -> int:
    """The command: the first word is the action."""
    action, rest = (words[0], words[1:]) if words else ("", [])
    if action not in ACTIONS:
        raise ConfigError(unknown("word after `ferkit data`", action, ACTIONS))
    config = compose(*rest, command="data")
    {"check": _check, "prepare": _prepare, "show": _show, "fake": _fake}[action](config)
    return 0


def _check(config: DictConfig) -> None:
    from ferkit.datasets.check import check, render_text
    from ferkit.views import read_index

    print(render_text(check(read_index(config.dataset))))


def _show(config: DictConfig) -> None:
    from ferkit.datasets.check import check
    from ferkit.datasets.check_page import write_page
    from ferkit.views import read_index

    result = check(read_index(config.dataset))
    out = Path(config.out or "outputs/data")
    print(write_page(result, out))


def _prepare(config: DictConfig) -> None:
    from ferkit.views import make_store

    store = make_store(config)
    say(json.dumps({k: store.card[k] for k in ("n", "counts", "dropped")}, indent=1))
    for warning in store.card["dataset"]["warnings"]:
        say(f"warning: {warning}")
    print(store.folder)


def _fake(config: DictConfig) -> None:
    """Drawn faces in a dataset's genuine layout, by the maker named as its reader's module."""
    name = str(as_plain(config.dataset)["_target_"]).rsplit(".", 2)[1]
    if config.out is None:
        raise ConfigError("`ferkit data fake` needs out=DIR, a folder that is empty or new.")
    out = Path(config.out)
    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"out={out} is not empty; give a new folder.")
    module = import_module(f"ferkit.datasets.fakes.{name}")
    module.make(out, people=config.people, real_size=config.real_size, seed=config.seed)
    say(f"Try it: ferkit train dataset={name} dataset.root={out}")
    print(out)

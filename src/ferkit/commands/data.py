"""`ferkit data check|prepare|show|fake|ceiling`."""

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.errors import ConfigError, unknown
from ferkit.files import usable_folder
from ferkit.log import log
from ferkit.printable import printable

if TYPE_CHECKING:
    from ferkit.faces.shards import PartDone
    from ferkit.faces.store import FaceStore

ACTIONS = ("check", "prepare", "show", "fake", "ceiling")


def main(words: Sequence[str]) -> int:
    """The command: the first word is the action."""
    action, rest = (words[0], words[1:]) if words else ("", [])
    if action not in ACTIONS:
        raise ConfigError(unknown("word after `ferkit data`", action, ACTIONS))
    config = compose(*rest, command="data")
    actions = {
        "check": _check,
        "prepare": _prepare,
        "show": _show,
        "fake": _fake,
        "ceiling": _ceiling,
    }
    actions[action](config)
    return 0


def _check(config: DictConfig) -> None:
    from ferkit.checking.check import check, render_text
    from ferkit.views import read_index

    print(printable(render_text(check(read_index(config.dataset))), keep="\n"))


def _show(config: DictConfig) -> None:
    from ferkit.checking.check import check
    from ferkit.checking.page import write_page
    from ferkit.checking.seen import draw_seen
    from ferkit.views import read_index

    out = Path(config.out or "outputs/data")
    usable_folder(out.parent if out.suffix == ".html" else out, "out")
    index = read_index(config.dataset)
    seen = draw_seen(config, index)  # a mistake in faces= or augment= is reported at once
    print(write_page(check(index), out, seen))


def _prepare(config: DictConfig) -> None:
    from ferkit.faces.shards import begun_apart, choose_shard
    from ferkit.views import make_shard, make_store

    shard = choose_shard(config.shards, config.shard)
    if shard is None:
        _print_store(make_store(config))
        return
    done = make_shard(config, shard)
    log.info(f"{shard}: {done.made:,} of {done.total:,} images prepared now")
    if done.store is not None:
        _print_store(done.store)
        return
    for other in begun_apart(done.folder):
        log.warning(
            f"{other} was begun by shards of this dataset with other settings or files (their "
            "dates count too) and is never joined with these; delete it if it was a mistake."
        )
    print(_left(done))


def _print_store(store: "FaceStore") -> None:
    for line in json.dumps({k: store.card[k] for k in ("n", "counts", "dropped")}, indent=1).split(
        "\n"
    ):
        log.info(line)
    for warning in store.card["dataset"]["warnings"]:
        log.warning(f"{warning}")
    print(store.folder)


def _left(done: "PartDone") -> str:
    """What is missing yet from a store that shards prepare."""
    from ferkit.faces.shards import ranges

    numbers = ranges(done.missing)
    return (
        f"{done.folder} is unfinished: {sum(done.missing.values()):,} of {done.total:,} images are "
        f"missing, of shards {numbers}; the last to finish joins all, and so does `ferkit data "
        "prepare` without shards, which prepares what is missing."
    )


def _fake(config: DictConfig) -> None:
    """Drawn faces in a dataset's genuine layout, by the maker named as its reader's module."""
    name = str(as_plain(config.dataset)["_target_"]).rsplit(".", 2)[1]
    if config.out is None:
        raise ConfigError("`ferkit data fake` needs out=DIR, a folder that is empty or new.")
    out = usable_folder(Path(config.out), "out")
    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"out={out} is not empty; give a new folder.")
    module = import_module(f"ferkit.datasets.fakes.{name}")
    module.make(out, people=config.people, real_size=config.real_size, seed=config.seed)
    log.info(f"Try it: ferkit train dataset={name} dataset.root={out}")
    print(out)


def _ceiling(config: DictConfig) -> None:
    """What people reach on FER-2013's images, from the votes of FER+."""
    from ferkit.evaluation.ceiling import read_ballots
    from ferkit.reports.comparison.ceiling import ceiling_sheets
    from ferkit.reports.formats import write_document

    node = as_plain(config.dataset)
    if not str(node.get("_target_")).endswith("read_ferplus"):
        raise ConfigError(
            "`ferkit data ceiling` needs votes, which FER+ alone has; give dataset=ferplus."
        )
    votes, labels, where = read_ballots(
        node["root"], votes=node.get("votes"), fer2013=node.get("fer2013")
    )
    out = usable_folder(Path(config.out or "outputs/data"), "out")
    title = "The human ceiling of FER-2013, from FER+ votes"
    write_document(out, "ceiling", title, ceiling_sheets(votes, labels), notes=[f"Votes: {where}."])
    print((out / "ceiling.md").read_text(encoding="utf-8"))
    log.info(f"written: {out / 'ceiling'}.html, .md, .tex and one csv per table")

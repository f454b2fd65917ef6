"""Runs that differ in their seed alone are one method: found, grouped and named from their folders.

A method's metrics have a spread over its seeds; a single run has none.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ferkit.config import defaults_of
from ferkit.errors import ConfigError, DataError, unknown
from ferkit.printable import in_words
from ferkit.runs.find import ALIKE, expand, read_words, run_folders
from ferkit.runs.fingerprint import fingerprint
from ferkit.runs.record import RunRecord, read_run, tta_kind

# may differ between the runs of one method
_SAME = ALIKE | {"format", "tests", "report", "study", "logger"}
_OWN_VIEWS = ("train", "val", "test", "held_out")
HELD_OUT = "held_out"  # the pooled view of a cross-validation
_LONG = 60  # characters of a name that is still one
_SHOWN = 2  # differing keys that a name holds; of more the folder says it shorter


@dataclass(frozen=True)
class SavedRun:
    """A run's folder, read.

    Attributes:
        settings: Dotted key to value of all that makes the method.
        words: What was typed, without seed and folders.
        seed: None where the run does not say.
        dataset: Trained on this.
        predictions: (dataset, view) to frame; those under eval/ too, without test-time
            augmentation other than the run's own. Another dataset's name carries the fingerprint of
            its data, so that two sets of one name are told apart.
    """

    folder: Path
    settings: Mapping[str, str]
    words: tuple[str, ...]
    seed: int | None
    dataset: str
    predictions: Mapping[tuple[str, str], pd.DataFrame] = field(repr=False)

    def view(self, name: str) -> pd.DataFrame | None:
        """Predictions of a view of the dataset that it was trained on."""
        return self.predictions.get((self.dataset, name))


@dataclass(frozen=True)
class Method:
    """Runs of one configuration, no seed twice."""

    name: str
    runs: tuple[SavedRun, ...]

    @property
    def dataset(self) -> str:
        """What its networks were trained on."""
        return self.runs[0].dataset

    def frames(self, view: str) -> list[pd.DataFrame]:
        """A frame a run; only for a view that every run has."""
        return [frame for run in self.runs if (frame := run.view(view)) is not None]

    @property
    def seeds(self) -> tuple[int | None, ...]:
        """The seed of every run."""
        return tuple(run.seed for run in self.runs)


def find_runs(asked: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The finished runs that words stand for: a run, a folder of runs, or a glob of either.

    Returns:
        Folders, each once, and a sentence for every run that was left out.

    Raises:
        DataError: no word, one that finds no run, or no run is finished.
    """
    if not asked:
        raise DataError("No run is named; give the folders that `ferkit train` printed.")
    found: dict[Path, Path] = {}
    for word in asked:
        below = [run for path in expand(word) for run in run_folders(path)]
        if not below:
            raise DataError(
                f"{word}: no run there (a folder with config.yaml); give the folders that "
                "`ferkit train` printed, or one above them."
            )
        found |= {run.resolve(): run for run in below}
    finished, left_out = [], []
    for run in found.values():
        if (run / "report" / "metrics.json").is_file():
            finished.append(run)
        else:
            left_out.append(f"{run} is left out: it has no report/metrics.json, so is not finished")
    if not finished:
        raise DataError(
            f"None of the {len(found)} runs is finished: they lack report/metrics.json; train "
            "them to their end, or make a report with `ferkit eval run=DIR`."
        )
    return finished, left_out


def read_saved(folder: Path) -> SavedRun:
    """Read a finished run with all its predictions.

    Raises:
        DataError: a file is missing, broken or of a newer format.
    """
    record = read_run(folder)
    first = next(iter(record.predictions.values()))
    trained = record.data.get("trained_on") or record.data.get("dataset") or {}
    dataset = str(trained.get("dataset") or trained.get("name") or _dataset_of(first))
    seed = record.config.get("seed")
    return SavedRun(
        folder=folder,
        settings=_settings(record.config, seed),
        words=_words(folder),
        seed=seed if isinstance(seed, int) else None,
        dataset=dataset,
        predictions=_all_predictions(folder, dataset, record),
    )


def _dataset_of(frame: pd.DataFrame) -> str:
    return "+".join(sorted(set(frame["dataset"].astype(str)))) if "dataset" in frame else ""


def _all_predictions(
    folder: Path, dataset: str, record: RunRecord
) -> dict[tuple[str, str], pd.DataFrame]:
    found = {}
    elsewhere = bool(record.data.get("trained_on"))  # the folder of an eval on another dataset
    for view, frame in record.predictions.items():
        # a view named in `tests` may be of another dataset; a merged one has many in its column
        own = not elsewhere and (view in _OWN_VIEWS or _dataset_of(frame) == dataset)
        found[dataset if own else tagged(_dataset_of(frame), frame), view] = frame
    for below in sorted((folder / "eval").glob("*/predictions")):
        look = read_run(below.parent)
        if tta_kind(look.config) != tta_kind(record.config):
            continue  # another method
        name = str((look.data.get("dataset") or {}).get("name") or below.parent.name.split("-")[0])
        other = name != dataset or bool(look.data.get("trained_on"))
        for view, frame in look.predictions.items():
            found.setdefault((tagged(name, frame) if other else name, view), frame)
    return found


def tagged(name: str, frame: pd.DataFrame) -> str:
    """The name of another dataset with the fingerprint of its data behind it."""
    return f"{name} [{fingerprint(frame)}]"


def _settings(config: Mapping[str, Any], seed: object) -> dict[str, str]:
    found = dict(_flatten(config))
    if start := found.get("backbone.init_from"):  # each seed from the run of the same seed
        found["backbone.init_from"] = re.sub(rf"seed={seed}\b|seed{seed}\b", "seed*", start)
    return found


def _flatten(node: Any, above: str = "") -> Iterator[tuple[str, str]]:
    usual = defaults_of(node, above)
    for key, value in node.items():
        name = f"{above}.{key}" if above else str(key)
        # a default is as a key that is not there: an older ferkit's config lacks what came later
        if name in _SAME or (key in usual and usual[key] == value):
            continue
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, name)
        else:
            yield name.removesuffix("._target_"), str(value).rpartition("ferkit.")[2]


def _words(run: Path) -> tuple[str, ...]:
    return tuple(w for w in read_words(run) if w.partition("=")[0] not in _SAME)


def group_runs(runs: Iterable[SavedRun]) -> list[Method]:
    """Make one method of the runs whose settings are equal; a seed met again makes another."""
    groups: dict[tuple[Any, int], list[SavedRun]] = {}
    met: Counter[tuple[Any, int | None]] = Counter()
    for run in runs:
        same = (run.dataset, frozenset(run.settings.items()))
        groups.setdefault((same, met[same, run.seed]), []).append(run)
        met[same, run.seed] += 1
    members = [tuple(group) for group in groups.values()]
    return [Method(n, m) for n, m in zip(_names(members), members, strict=True)]


def _names(groups: Sequence[tuple[SavedRun, ...]]) -> list[str]:
    """What was typed for the one and not for all; else differing settings; else the folder."""
    typed = [group[0].words for group in groups]
    names = [_short(own) for own in _own(typed)]
    if len(groups) == 1:
        said = _short([word for word in typed[0] if word.startswith("experiment=")])
        return [said or _folder(groups[0]).name]
    settings = [tuple(f"{k}={v}" for k, v in sorted(g[0].settings.items())) for g in groups]
    differing = _own(settings)
    few = all(len(own) <= _SHOWN for own in differing)
    folders = [_folder(group) for group in groups]
    further = [" ".join(own) for own in differing] if few else [f.name for f in folders]
    names = _part(_part(names, further), [str(folder) for folder in folders])
    return _part(names, [f"({number})" for number in range(1, len(groups) + 1)])


def _folder(group: Sequence[SavedRun]) -> Path:
    return Path(os.path.commonpath([run.folder for run in group]))


def _own(words: Sequence[tuple[str, ...]]) -> list[list[str]]:
    common = set(words[0]).intersection(*words)
    return [[word for word in each if word not in common] for each in words]


def _short(words: Sequence[str]) -> str:
    parts = []
    for word in words:
        key, _, value = word.partition("=")
        parts.append(value.rpartition("/")[2] if key == "experiment" else f"{key}={value}")
    name = " ".join(parts)
    return name if len(name) <= _LONG else ""


def _part(names: Sequence[str], more: Sequence[str]) -> list[str]:
    # those that share a name, or have none, get more words
    counts = Counter(names)
    return [
        name if name and counts[name] == 1 else f"{name} {further}".strip()
        for name, further in zip(names, more, strict=True)
    ]


def plain_name(name: str) -> str:
    """A method's name as words for captions: choices without their group, no underscores.

    >>> plain_name("imbalance=smote_tomek trainer.batch_size=16")
    'smote tomek, batch size 16'
    """
    return ", ".join(map(_plain_word, name.split(" ")))


def _plain_word(word: str) -> str:
    if "/" in word:  # a folder
        return word
    key, _, value = word.rpartition("=")
    named = not key or (value[:1].isalpha() and value not in ("true", "false", "null"))
    return in_words(value if named else f"{key.rpartition('.')[2]} {value}")


def find_method(methods: Sequence[Method], asked: str | None) -> Method:
    """The method of this name or caption, or with a run in this folder; by default the first.

    Raises:
        ConfigError: there is no such method.
    """
    if asked is None:
        return methods[0]
    for method in methods:
        if method.name == asked:
            return method
    words = plain_name(asked).replace(",", "")
    alike = [method for method in methods if plain_name(method.name).replace(",", "") == words]
    if len(alike) == 1:
        return alike[0]
    place = Path(asked).expanduser().resolve()
    holding = [
        method
        for method in methods
        if any(run.folder.resolve().is_relative_to(place) for run in method.runs)
    ]
    if len(holding) != 1:
        raise ConfigError(unknown("method baseline=", asked, [m.name for m in methods]))
    return holding[0]

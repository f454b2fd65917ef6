"""The runs of a study, found by what their config.yaml says of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ferkit.errors import DataError
from ferkit.runs.find import ALIKE, read_words, run_folders
from ferkit.runs.record import RunRecord, read_run, tta_kind
from ferkit.targets import configs_dir
from ferkit.untrusted import YAML_LIMIT, parse_yaml, read_text

AS_PUBLISHED = "as_published"
# words behind `ferkit train` that leave a trial what it is; shortened runs are noted by `shortened`
_SAME_TRIAL = ALIKE | {
    "experiment",
    "debug",
    "backbone.init_from",
    "trainer.precision",
    "trainer.max_epochs",
    "trainer.max_images",
    "trainer.max_train_images",
}


@dataclass(frozen=True)
class StudyRun:
    """One run of a trial; its files are read when they are asked for.

    Attributes:
        folder: Where it lives.
        trial: As in the published values, e.g. "trial08".
        variant: Which reading of the trial, e.g. "as_published" or "honest".
        seed: Of the run.
        config: config.yaml, parsed.
        changed: What its words changed of the trial, such as "optimizer.lr=0.01" in a sweep.
    """

    folder: Path
    trial: str
    variant: str
    seed: int
    config: dict[str, Any] = field(repr=False, hash=False)
    changed: tuple[str, ...] = ()

    @cached_property
    def record(self) -> RunRecord:
        """What the run left behind."""
        return read_run(self.folder)

    @cached_property
    def views(self) -> dict[str, pd.DataFrame]:
        """View to predictions, by the run and by evals of its own data and its own tta."""
        evaluated = self._evaluated
        own = {view: frame for (view, kind), frame in evaluated.items() if kind == self.tta}
        return own | self.record.predictions

    def shortened(self, epochs: int | None) -> str:
        """Say that the run saw less than its trial asks for, or nothing.

        Args:
            epochs: Those that the trial asks for, or None where it does not say.
        """
        trainer = self.config.get("trainer") or {}
        counts = (self.record.data.get("counts") or {}).get("train") or {}
        said = []
        if limit := trainer.get("max_train_images") or trainer.get("max_images"):
            said.append(f"{sum(counts.values()) or limit:,} training images")
        if trainer.get("max_images"):
            said.append(f"at most {trainer['max_images']:,} images of every other view")
        asked = trainer.get("max_epochs")
        if asked and (said or (epochs and asked < epochs)):
            said.append(f"{asked} epoch{'s' * (asked != 1)}")
        return f"quick: {', '.join(said)}" if said else ""

    @property
    def tta(self) -> str:
        """The kind of test-time augmentation that the run was made with."""
        return tta_kind(self.config)

    def predictions(self, view: str, tta: str) -> pd.DataFrame | None:
        """A view under a kind of test-time augmentation, or None where it was not predicted."""
        return self.views.get(view) if tta == self.tta else self._evaluated.get((view, tta))

    @cached_property
    def _evaluated(self) -> dict[tuple[str, str], pd.DataFrame]:
        found: dict[tuple[str, str], pd.DataFrame] = {}
        folders = {p.parents[1] for p in (self.folder / "eval").glob("*/predictions/*.parquet")}
        for folder in sorted(folders):
            record = read_run(folder)
            # a look at another dataset has a test view too, and is none of the study's
            other = bool(record.data.get("trained_on"))
            if not other and _dataset(record.config) == _dataset(self.config):
                kind = tta_kind(record.config)
                found |= {(view, kind): frame for view, frame in record.predictions.items()}
        return found


@dataclass(frozen=True)
class Experiment:
    """What trains a trial.

    Attributes:
        choice: Of `experiment=`.
        epochs: Its trainer.max_epochs, where it says so.
    """

    choice: str
    epochs: int | None


@dataclass(frozen=True)
class StudyRuns:
    """The runs of a study.

    Attributes:
        study: Its name.
        every: All that were found: those whose words changed the trial, then the others, each
            oldest first.
        planned: (trial, variant) to the experiment that trains it.
    """

    study: str
    every: tuple[StudyRun, ...]
    planned: dict[tuple[str, str], "Experiment"]

    def of(self, trial: str, variant: str = AS_PUBLISHED) -> list[StudyRun]:
        """The newest run of each seed, by seed; one that changed the trial only where no other is.

        So the points of a sweep do not push the trial itself out of the tables.
        """
        newest = {r.seed: r for r in self.every if (r.trial, r.variant) == (trial, variant)}
        return [newest[seed] for seed in sorted(newest)]

    def chosen(self) -> list[StudyRun]:
        """The runs that the tables are made from: the newest of each trial, variant and seed."""
        newest = {(r.trial, r.variant, r.seed): r for r in self.every}
        return [newest[key] for key in sorted(newest)]

    def variants(self, trial: str, *, run: bool = False) -> list[str]:
        """The variants of a trial, as published first.

        Args:
            trial: Its name.
            run: Leave out other variants that no run is of.
        """
        found = {r.variant for r in self.every if r.trial == trial}
        planned = set() if run else {v for t, v in self.planned if t == trial}
        return [AS_PUBLISHED, *sorted((found | planned) - {AS_PUBLISHED})]

    def command(self, trial: str, variant: str = AS_PUBLISHED) -> str:
        """How a trial is run."""
        plain = f"{self.study}/{trial}" + ("" if variant == AS_PUBLISHED else f"_{variant}")
        planned = self.planned.get((trial, variant))
        return f"ferkit train experiment={planned.choice if planned else plain}"

    def asked_epochs(self, trial: str, variant: str) -> int | None:
        """The epochs that a trial's experiment asks for, or None where it does not say."""
        planned = self.planned.get((trial, variant))
        return planned.epochs if planned else None


def find_runs(study: str, folders: Sequence[Path] | None = None) -> StudyRuns:
    """Find the runs of a study that have predictions.

    Args:
        study: Its name.
        folders: Runs, or folders with runs below them; without, all below outputs/.

    Raises:
        DataError: a given folder holds no run of the study.
    """
    found: dict[Path, StudyRun] = {}
    for folder in [Path("outputs")] if folders is None else folders:
        below = {run.folder: run for path in run_folders(folder) if (run := _read(path, study))}
        if folders is not None and not below:
            raise DataError(
                f"{folder} holds no run of {study} with predictions; give folders of runs that "
                f"`ferkit train experiment={study}/...` has finished."
            )
        found |= below
    every = sorted(found.values(), key=lambda r: (not r.changed, _age(r), r.folder.as_posix()))
    return StudyRuns(study, tuple(every), experiments(study))


def _read(folder: Path, study: str) -> StudyRun | None:
    config = _parse(folder / "config.yaml")
    said = config.get("study")
    if not isinstance(said, dict) or said.get("name") != study:
        return None
    if not any((folder / "predictions").glob("*.parquet")):
        return None
    return StudyRun(
        folder=folder,
        trial=str(said.get("trial")),
        variant=str(said.get("variant") or AS_PUBLISHED),
        seed=int(config.get("seed") or 0),
        config=config,
        changed=_changed(read_words(folder)),
    )


def _changed(words: Sequence[str]) -> tuple[str, ...]:
    kept = ("report.", "logger", "tests.", "hydra")
    return tuple(
        word
        for word in words
        if word.lstrip("+~").split("=")[0] not in _SAME_TRIAL
        and not word.lstrip("+~").startswith(kept)
        and "=" in word
    )


def _parse(path: Path) -> dict[str, Any]:
    try:
        text = read_text(path, YAML_LIMIT)
        parsed = parse_yaml(text, path) if "study" in text else {}
    except DataError:
        return {}  # somebody else's file that has this name
    return parsed if isinstance(parsed, dict) else {}


def _dataset(config: Any) -> dict[str, Any]:
    # the same data may lie elsewhere when a view is predicted
    return {key: value for key, value in (config.get("dataset") or {}).items() if key != "root"}


def _age(run: StudyRun) -> int:
    return (run.folder / "config.yaml").stat().st_mtime_ns


def experiments(study: str) -> dict[tuple[str, str], Experiment]:
    """(trial, variant) to the experiment that trains it."""
    found = {}
    for path in sorted((configs_dir() / "experiment" / study).glob("*.yaml")):
        said, epochs = _inherited(f"/experiment/{study}/{path.stem}")
        if said.get("name") == study:
            key = str(said.get("trial")), str(said.get("variant") or AS_PUBLISHED)
            found[key] = Experiment(f"{study}/{path.stem}", epochs)
    return found


def _inherited(word: str) -> tuple[dict[str, Any], int | None]:
    # an experiment may begin with another one; Hydra would take a third of a second for each
    path = configs_dir() / f"{word.removeprefix('/')}.yaml"
    config = _parse(path) if path.is_file() else {}
    said: dict[str, Any] = {}
    epochs = None
    for entry in config.get("defaults") or ():
        if isinstance(entry, str) and entry.startswith("/experiment/"):
            earlier, more = _inherited(entry)
            said, epochs = said | earlier, more or epochs
    trainer = config.get("trainer") or {}
    return said | (config.get("study") or {}), trainer.get("max_epochs") or epochs


def eval_command(run: StudyRun, view: str, tta: str | None = None) -> str:
    """How a view of a run is predicted."""
    asked = f" tta={tta}" if tta else ""
    return f"ferkit eval run={run.folder.as_posix()} view={view}{asked}"

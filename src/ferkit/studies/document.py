"""What every study's document has: its sheets in order, its runs, its other prints, its caveats."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ferkit.reports.document import Sheet
from ferkit.reports.protocol import best_epoch
from ferkit.studies.cells import INTERVAL_NOTE, metric_name, show_count
from ferkit.studies.measures import ViewMetrics
from ferkit.studies.published import pick
from ferkit.studies.runs import AS_PUBLISHED, StudyRun, StudyRuns, eval_command

TO_FILL = "To fill"
RUNS = "runs"  # the sheet of the runs


@dataclass(frozen=True)
class Subject:
    """A study and the runs of it: what every table of its document is made from.

    Attributes:
        published: Its yaml.
        runs: Those that were found.
        measured: What is measured already: trial, variant, view and classes to the metrics.
        faults: Why a view that was predicted could not be measured.
    """

    published: Mapping[str, Any]
    runs: StudyRuns
    measured: dict[tuple[str, str, str, tuple[str, ...]], ViewMetrics | None] = field(
        default_factory=dict
    )
    faults: list[str] = field(default_factory=list)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in the study's order."""
        return tuple(self.published["labels"])

    @property
    def trials(self) -> Mapping[str, Mapping[str, Any]]:
        """Trial to what is published of it."""
        return dict(self.published["trials"])

    def caveats(self, *words: str) -> tuple[str, ...]:
        """The sentences of some caveats."""
        return tuple(pick("caveat", word, self.published["caveats"]).strip() for word in words)

    def classes(self, trial: str = "") -> tuple[str, ...]:
        """The classes of a trial, in the study's order: its own or those of the study."""
        own = self.trials.get(trial, {}).get("labels", self.labels)
        return self.labels if own == "outputs" else tuple(own)

    def main_view(self, trial: str, variant: str) -> str:
        """The view on which a trial's results are published."""
        own = self.trials.get(trial, {}).get("published_view")
        return str(own if own and variant == AS_PUBLISHED else self.published["main_view"])

    def words(self, name: str) -> str:
        """The words for a view, a metric, a curve or a rule."""
        names: Mapping[str, str] = self.published.get("names", {})
        return names.get(name, metric_name(name))

    def epochs(self, trial: str) -> int | None:
        """The epochs that are published of a trial."""
        published = self.trials.get(trial, {}).get("epochs", self.published.get("epochs"))
        return int(published) if published else None

    def rows(self) -> list[tuple[str, str]]:
        """Every trial and variant, published, planned or run."""
        others = {run.trial for run in self.runs.every} - set(self.trials)
        names = [*self.trials, *sorted(others)]
        return [(trial, variant) for trial in names for variant in self.runs.variants(trial)]

    def quick(self, pairs: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """One sentence for each way in which runs of some trials and variants were shortened."""
        named: dict[tuple[str, int | None], list[str]] = {}
        for trial, variant in dict.fromkeys(pairs):
            for run in self.runs.of(trial, variant):
                if words := run.shortened(self.asked(trial, variant)):
                    name = trial if variant == AS_PUBLISHED else f"{trial} ({variant})"
                    named.setdefault((words, self.epochs(trial)), []).append(name)
        return tuple(
            f"{words} ({', '.join(dict.fromkeys(names))})"
            + (f"; the published value is of {epochs} epochs." if epochs else ".")
            for (words, epochs), names in named.items()
        )

    def asked(self, trial: str, variant: str) -> int | None:
        """The epochs that a trial asks for: of its experiment, else as published."""
        return self.runs.asked_epochs(trial, variant) or self.epochs(trial)

    def name(self, run: StudyRun) -> str:
        """The words for a run in a picture."""
        words = f"{run.trial}, {run.variant.replace('_', ' ')}"
        several = len(self.runs.of(run.trial, run.variant)) > 1
        return f"{words}, seed {run.seed}" if several else words

    def to_fill(self, trial: str, variant: str, view: str | None = None) -> str:
        """The command that fills an empty cell; empty where nothing is missing.

        Args:
            trial: Its name.
            variant: Its variant.
            view: The view that the cell is of; None where any run fits.
        """
        found = self.runs.of(trial, variant)
        if not found:
            return self.runs.command(trial, variant)
        missing = [run for run in found if view is not None and view not in run.views]
        return "; ".join(eval_command(run, view) for run in missing) if view else ""


def make_sheet(
    name: str,
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    notes: Iterable[str] = (),
) -> Sheet:
    """A sheet; the column of commands goes where nothing is to fill."""
    header, body = tuple(columns), tuple(tuple(row) for row in rows)
    if header[-1] == TO_FILL and not any(row[-1] for row in body):
        header, body = header[:-1], tuple(row[:-1] for row in body)
    return Sheet(name, title, header, body, tuple(notes))


def runs_sheet(subject: Subject) -> Sheet:
    """Which runs the tables are made from, and what is to be run."""
    rows = []
    for trial, variant in subject.rows():
        found = subject.runs.of(trial, variant)
        rows += [_run_row(run, subject) for run in found]
        if not found:
            rows.append((trial, variant, *[""] * 7, subject.runs.command(trial, variant)))
    columns = (
        "Trial",
        "Variant",
        "Seed",
        "Folder",
        "Split",
        "Training images",
        "Epochs",
        "Best",
        "Remark",
        TO_FILL,
    )
    older = len(subject.runs.every) - len(subject.runs.chosen())
    notes = [INTERVAL_NOTE, *subject.faults]
    if older:
        words = "1 other run is" if older == 1 else f"{older} other runs are"
        notes.append(
            f"{words} left out: of each trial, variant and seed the newest is taken, and one whose "
            "words changed the trial (a sweep) only where there is no other."
        )
    return make_sheet(RUNS, "The runs behind the tables", columns, rows, notes)


def _run_row(run: StudyRun, subject: Subject) -> tuple[str, ...]:
    data, epochs = run.record.data, run.record.epochs
    counts = (data.get("counts_after") or data.get("counts") or {}).get("train")
    best = best_epoch(run.record)
    split = data.get("split") or {}
    remarks = run.shortened(subject.asked(run.trial, run.variant)), *run.changed
    return (
        run.trial,
        run.variant,
        str(run.seed),
        run.folder.as_posix(),
        " ".join(filter(None, (split.get("name"), split.get("hash")))),
        show_count(sum(counts.values())) if counts else "",
        str(len(epochs)) if len(epochs) else "",
        "" if best is None else str(best),
        "; ".join(filter(None, remarks)),
        "",
    )


def others_sheet(subject: Subject, caveats: Sequence[str] = ()) -> Sheet:
    """What else is published, with nothing of ours beside it."""
    rows = [
        (entry["what"], str(entry["published"]), entry.get("place", ""))
        for entry in subject.published["others"]
    ]
    return make_sheet(
        "other_published",
        "What else is published",
        ("What", "Published", "Place"),
        rows,
        subject.caveats(*caveats),
    )

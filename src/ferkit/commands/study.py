"""`ferkit eval study=NAME`: a study's own tables and pictures, published values beside ours."""

from pathlib import Path

from omegaconf import DictConfig

from ferkit.config import as_words
from ferkit.log import log
from ferkit.reports.formats import write_document
from ferkit.runs.find import expand
from ferkit.studies.cells import show_count
from ferkit.studies.document import Subject
from ferkit.studies.plots import make_plots
from ferkit.studies.published import read_published
from ferkit.studies.runs import find_runs
from ferkit.studies.sheets import make_sheets
from ferkit.studies.shown import show_pages


def report_study(config: DictConfig, command: str) -> int:
    """Write the tables of a study from the run folders alone; return the exit code.

    Args:
        config: Of `ferkit eval`: `study`, and where given `runs` and `out`.
        command: What was typed.

    Raises:
        ConfigError: no study has this name.
        DataError: a given folder holds no run of the study.
    """
    published = read_published(config.study)
    asked = [folder for word in as_words(config.runs) for folder in expand(word)]
    runs = find_runs(config.study, asked or None)
    subject = Subject(published, runs)
    sheets = make_sheets(subject)
    folder = Path(config.out or f"outputs/eval/{config.study}")
    title = f"{config.study}: {published['title']}"
    notes, start = _lead(subject)
    write_document(
        folder,
        config.study,
        title,
        show_pages(sheets, run=bool(runs.every)),
        pictures=make_plots(subject),
        notes=notes,
        commands=start,
        data=sheets,
    )
    log.info(f"{command}: {len(runs.every)} runs of {config.study} found")
    log.info(f"report: {folder / config.study}.html")
    return 0


def _lead(subject: Subject) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What stands below the title: notes, and without a run the command to start with."""
    published, count = subject.published, len(subject.runs.chosen())
    printed = f"{published['document']}. Published values stand as published and have no interval"
    if not count:
        start = subject.runs.command(next(iter(subject.trials)))
        return (
            f"{printed}; no run of the study was found, so they stand alone.",
            f"The first trial needs {published['needs']}. Start with:",
        ), (start,)
    words = "1 run's folder" if count == 1 else f"{show_count(count)} runs' folders"
    return (
        f"{printed}; ours were made by ferkit from {words} alone.",
        "An empty cell has not been run or predicted yet, or is not published; the commands below "
        "a table fill it.",
    ), ()

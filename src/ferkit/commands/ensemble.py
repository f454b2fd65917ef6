"""`ferkit eval ensemble='[RUN,RUN]'`: the mean of their predictions, reported as a run."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from ferkit.config import as_words
from ferkit.errors import DataError
from ferkit.evaluation.ensemble import mean_predictions
from ferkit.files import FORMAT, usable_folder
from ferkit.log import log
from ferkit.reports.comparison.methods import SavedRun, find_runs, read_saved
from ferkit.reports.page import write_report
from ferkit.runs.fingerprint import fingerprint
from ferkit.runs.folder import RunFolder, default_folder, open_run


def ensemble(config: DictConfig, command: str) -> Path:
    """Pool the predictions of the runs that `ensemble` names, view by view; return the folder.

    Without `view` it is every view that all of them have predicted.

    Raises:
        DataError: a run has not predicted the view, or runs do not fit together.
    """
    folders, left_out = find_runs(as_words(config.ensemble))
    for sentence in left_out:
        log.info(sentence)
    members = [open_run(folder)[0] for folder in folders]
    views = [str(config.view)] if config.view else _shared(folders)
    saved = [read_saved(folder) for folder in folders]
    pooled = {view: mean_predictions([_predicted(run, view) for run in saved]) for view in views}
    out = Path(config.out) if config.out else default_folder("eval")
    usable_folder(out, "out").mkdir(parents=True, exist_ok=True)
    run = RunFolder(out)
    content = {"format": FORMAT, "ensemble": [str(f) for f in folders], "report": {"faces": False}}
    run.write("config.yaml", OmegaConf.to_yaml(OmegaConf.create(content)))
    run.write_json("data.json", _describe(members, folders))
    for view, predictions in pooled.items():
        run.write_predictions(view, predictions)
        if view not in ("train", "val"):
            for one in (run, *members):
                one.note_test_access(
                    view, str(predictions["dataset"].iloc[0]), command, fingerprint(predictions)
                )
    write_report(out, faces=False)
    return out


def _shared(folders: Sequence[Path]) -> list[str]:
    each = [{p.stem for p in (f / "predictions").glob("*.parquet")} for f in folders]
    shared = set.intersection(*each) if each else set()
    if not shared:
        raise DataError(
            "The runs of the ensemble have no predicted view in common; predict one in each with "
            "`ferkit eval run=RUN view=val`."
        )
    return sorted(shared)


def _predicted(run: SavedRun, view: str) -> pd.DataFrame:
    found = run.view(view)
    if found is None:
        raise DataError(
            f"{run.folder} has not predicted the view {view}; do it with "
            f"`ferkit eval run={run.folder} view={view}`."
        )
    return found


def _describe(members: Sequence[RunFolder], folders: Sequence[Path]) -> dict[str, object]:
    data = members[0].read_data()
    split = dict(data.get("split") or {})
    named = ", ".join(str(folder) for folder in folders)
    words = f"An ensemble: the mean of the probabilities of {len(members)} runs ({named})."
    return {**data, "split": {**split, "notes": [words, *(split.get("notes") or [])]}}

"""Where the rows of metrics.jsonl may go beside the run's own folder; none is ever needed.

A logger is one yaml of configs/logger. It is built before training, so that a missing package is
said at once, and answers a function that opens the log of one run.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ferkit.errors import require
from ferkit.files import FORMAT, write_text
from ferkit.log import log
from ferkit.runs.read import read_config, read_json_of, read_rows

_COMPARED = dict.fromkeys(("val_accuracy", "val_macro_f1", "val_loss"), 0.0)  # tags of a table
_TRAINING = {"mlflow.experimentKind": "custom_model_development"}  # else its pages show agents'
Row = Mapping[str, Any]
Log = Callable[[Row], None]
Logger = Callable[[Path, int], AbstractContextManager[Log]]
"""(run's folder, epochs done) to a log that takes one epoch after the other."""


@dataclass(frozen=True)
class OpenLog:
    """A log that takes the plots of the report as well.

    Attributes:
        write: Takes an epoch.
        show: Takes the report's plots, name to png.
    """

    write: Log
    show: Callable[[Mapping[str, Path]], None]

    def __call__(self, row: Row) -> None:
        """Take an epoch."""
        self.write(row)


def no_logger() -> Logger:
    """The run's own files alone."""

    @contextmanager
    def open_log(_: Path, __: int) -> Iterator[Log]:
        yield lambda _: None

    return open_log


def tensorboard() -> Logger:
    """Event files in <run>/tensorboard; look at them with `tensorboard --logdir outputs`.

    Raises:
        ConfigError: the package is not installed.
    """
    require("logger=tensorboard", "tensorboard")

    @contextmanager
    def open_log(folder: Path, done: int) -> Iterator[Log]:
        from torch.utils.tensorboard import SummaryWriter, summary

        # a kill may have come after the last checkpoint or before its row: that one is told anew
        writer = SummaryWriter(str(folder / "tensorboard"), purge_step=max(done, 1))
        events: Any = writer.file_writer

        def write(row: Row) -> None:
            for name, value in metrics(row).items():
                writer.add_scalar(name, value, int(row["epoch"]))
            writer.flush()

        def show(plots: Mapping[str, Path]) -> None:
            for name, path in plots.items():
                pixels = np.asarray(Image.open(path).convert("RGB"))
                writer.add_image(f"report/{name}", pixels, _last(folder), dataformats="HWC")

        try:
            if done == 0:
                made: Any = summary  # add_hparams would open a second run beside this one
                for part in made.hparams(flat_config(folder), _COMPARED):
                    events.add_summary(part)
            for row in read_rows(folder)[max(done - 1, 0) : done]:
                write(row)
            yield OpenLog(write, show)
        finally:
            writer.close()

    return open_log


def wandb(project: str = "ferkit", mode: str | None = None, entity: str | None = None) -> Logger:
    """Weights & Biases, in <run>/wandb; `wandb sync` sends an offline run when you ask for it.

    Args:
        mode: online | offline | disabled; by default what WANDB_MODE says, else offline.
        entity: The account or team of an online run.

    Raises:
        ConfigError: the package is not installed.
    """
    require("logger=wandb", "wandb")
    chosen: Any = mode or os.environ.get("WANDB_MODE") or "offline"

    @contextmanager
    def open_log(folder: Path, done: int) -> Iterator[Log]:
        if chosen != "online":
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # it would call home
        if not log.isEnabledFor(logging.INFO):
            os.environ.setdefault("WANDB_SILENT", "true")
        import wandb

        note = Note.of(folder, "wandb")
        run = wandb.init(
            project=project,
            entity=entity,
            mode=chosen,
            dir=str(folder),
            id=note.name,
            resume="allow" if chosen == "online" else None,
            name="/".join(folder.parts[-2:]),
            config=flat_config(folder),
        )
        note.name = str(run.id)

        def show(plots: Mapping[str, Path]) -> None:
            images = {f"report/{name}": wandb.Image(str(path)) for name, path in plots.items()}
            run.log(images, step=_last(folder))

        try:
            follow = note.follow(done, lambda row: run.log(metrics(row), step=int(row["epoch"])))
            yield OpenLog(follow, show)
        finally:
            run.finish()

    return open_log


def mlflow(tracking_uri: str | None = None, experiment: str = "ferkit") -> Logger:
    """MLflow; look with `mlflow ui --backend-store-uri sqlite:///outputs/mlflow.db`.

    Args:
        tracking_uri: By default what MLFLOW_TRACKING_URI says, else sqlite:///outputs/mlflow.db.

    Raises:
        ConfigError: the package is not installed.
    """
    require("logger=mlflow", "mlflow")

    @contextmanager
    def open_log(folder: Path, done: int) -> Iterator[Log]:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it would call home
        from mlflow.entities import Metric, RunStatus

        client, note = _mlflow_client(tracking_uri), Note.of(folder, "mlflow")
        if note.name is None:
            note.name = _begin_mlflow(client, experiment, folder)
        run: str = note.name
        client.update_run(run, status=RunStatus.to_string(RunStatus.RUNNING))

        def send(row: Row) -> None:
            now, epoch = time.time_ns() // 1_000_000, int(row["epoch"])
            told = metrics(row)
            client.log_batch(run, metrics=[Metric(k, v, now, epoch) for k, v in told.items()])

        def show(plots: Mapping[str, Path]) -> None:
            page = folder / "report" / "report.html"
            for path in (*plots.values(), *([page] if page.is_file() else [])):
                client.log_artifact(run, str(path), "report")

        state = RunStatus.FAILED
        try:
            yield OpenLog(note.follow(done, send), show)
            state = RunStatus.FINISHED
        finally:
            client.set_terminated(run, RunStatus.to_string(state))

    return open_log


def _mlflow_client(tracking_uri: str | None) -> Any:
    from mlflow import MlflowClient

    place = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
    if place is None:
        Path("outputs").mkdir(exist_ok=True)
        place = _local()
    return MlflowClient(place)


def _is_ours(client: Any) -> bool:
    return str(client.tracking_uri) == _local()


def _local() -> str:
    """Our own database, by its whole path: MLflow keeps one store for each address in a process."""
    return f"sqlite:///{Path('outputs/mlflow.db').resolve()}"


def _begin_mlflow(client: Any, experiment: str, folder: Path) -> str:
    from mlflow.entities import Param

    found = client.get_experiment_by_name(experiment)
    if found:
        number = found.experiment_id
    else:  # a database knows no folder for files, and MLflow would make ./mlruns
        beside = Path("outputs/mlflow_files").resolve().as_uri() if _is_ours(client) else None
        number = client.create_experiment(experiment, artifact_location=beside, tags=_TRAINING)
    run = client.create_run(number, run_name="/".join(folder.parts[-2:]))
    given = [Param(key, str(value)[:6000]) for key, value in flat_config(folder).items()]
    for i in range(0, len(given), 100):  # as many as one call takes
        client.log_batch(run.info.run_id, params=given[i : i + 100])
    return str(run.info.run_id)


class Note:
    """What stands in <run>/<kind>.json: under which name a run is logged, and how far.

    Rows are sent from metrics.jsonl, so that what a kill or a lost connection kept back comes
    later, and nothing twice.
    """

    def __init__(self, path: Path, name: str | None, epoch: int) -> None:
        self.path, self.name, self.epoch = path, name, epoch

    @classmethod
    def of(cls, folder: Path, kind: str) -> "Note":
        """The note of a run; a new one where there is none."""
        path = folder / f"{kind}.json"
        found = read_json_of(folder, path.name, {"name": str, "epoch": int})
        return cls(path, found.get("name"), found.get("epoch") or 0)

    def follow(self, done: int, send: Log) -> Log:
        """A log that sends every row that was not sent yet.

        Args:
            done: Epochs before the first that it will be given.
        """

        def catch_up(epoch: int) -> None:
            for row in read_rows(self.path.parent)[self.epoch : epoch]:
                send(row)
                self.epoch = int(row["epoch"])
                self._write()

        self._write()
        catch_up(done)
        return lambda row: catch_up(int(row["epoch"]))

    def _write(self) -> None:
        content = {"format": FORMAT, "name": self.name, "epoch": self.epoch}
        write_text(self.path, json.dumps(content) + "\n")


def patient(send: Log) -> Log:
    """A log whose failure is a warning: training needs none."""

    def try_send(row: Row) -> None:
        try:
            send(row)
        except Exception as error:  # each service raises its own
            log.warning(f"epoch {row['epoch']} was not logged: {error}")

    return try_send


def metrics(row: Row) -> dict[str, float]:
    """The numbers of an epoch."""
    numbers = {k: v for k, v in row.items() if type(v) in (int, float)}
    return {k: float(v) for k, v in numbers.items() if k not in ("format", "epoch")}


def _last(folder: Path) -> int:
    """The last epoch of a run, under which the report's plots are logged."""
    return max((int(row["epoch"]) for row in read_rows(folder)), default=0)


def flat_config(folder: Path) -> dict[str, bool | int | float | str]:
    """A run's config as hyper-parameters: `optimizer.lr` to its value."""
    return dict(_flatten(read_config(folder)[0], ""))


def _flatten(value: Any, key: str) -> Iterator[tuple[str, bool | int | float | str]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _flatten(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, value if isinstance(value, bool | int | float | str) else str(value)

"""Loggers: the rows of metrics.jsonl in other positions, once each, also after a kill."""

import json
import sys
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import pytest
from PIL import Image

from ferkit import errors
from ferkit.config import build
from ferkit.training import logging
from ferkit.training.report_log import open_until_report


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "train" / "one"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(
        "format: 1\nseed: 3\noptimizer: {_target_: x, lr: 0.5, betas: [0.9, 0.99]}\nresume: null\n"
    )
    return folder


def write_epochs(folder, *epochs):
    lines = [json.dumps({"format": 1, "epoch": e, "val_loss": 1 / e}) + "\n" for e in epochs]
    (folder / "metrics.jsonl").write_text("".join(lines))


def train(logger, folder, first, last, killed_before=None):
    """Epochs as the trainer has them: metrics, checkpoint, log."""
    with logger(folder, first - 1) as log:
        for epoch in range(first, last + 1):
            write_epochs(folder, *range(1, epoch + 1))
            if epoch == killed_before:
                raise KeyboardInterrupt
            log({"epoch": epoch, "val_loss": 1 / epoch})


def node(name, **keys):
    return {"_target_": f"ferkit.training.logging.{name}", **keys}


def test_config_becomes_flat_parameters(run):
    assert logging.flat_config(run) == {
        "seed": 3,
        "optimizer._target_": "x",
        "optimizer.lr": 0.5,
        "optimizer.betas": "[0.9, 0.99]",
        "resume": "None",
    }


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "mlflow"])
def test_a_missing_package_is_said_with_the_command_before_anything_is_read(
    ferkit, tmp_path, monkeypatch, name
):
    find = errors.find_spec
    monkeypatch.setattr(errors, "find_spec", lambda p: None if p == name else find(p))
    code, _, err = ferkit("train", f"logger={name}")
    assert code == 2
    assert f"pip install -e '.[{name}]'" in err
    assert not (tmp_path / "outputs").exists()
    assert not (tmp_path / "data").exists()


def test_none_writes_nothing(run):
    before = sorted(run.iterdir())
    with build(node("no_logger"), where="logger")(run, 0) as log:
        log({"epoch": 1})
    assert sorted(run.iterdir()) == before


def tensorboard_steps(folder):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = events.EventAccumulator(str(folder / "tensorboard")).Reload()
    return [(e.step, round(e.value, 4)) for e in found.Scalars("val_loss")], found


def test_tensorboard_has_every_epoch_once_after_a_kill(run):
    pytest.importorskip("tensorboard")
    logger = build(node("tensorboard"), where="logger")
    with pytest.raises(KeyboardInterrupt):
        train(logger, run, 1, 3, killed_before=3)
    train(logger, run, 4, 5)  # the checkpoint of 3 stood, its row had not been told
    steps, found = tensorboard_steps(run)
    assert steps == [(e, round(1 / e, 4)) for e in range(1, 6)]
    assert "_hparams_/session_start_info" in found.summary_metadata


def test_tensorboard_takes_back_epochs_behind_a_broken_checkpoint(run):
    pytest.importorskip("tensorboard")
    logger = build(node("tensorboard"), where="logger")
    train(logger, run, 1, 4)
    train(logger, run, 3, 4)
    steps, _ = tensorboard_steps(run)
    assert [step for step, _ in steps] == [1, 2, 3, 4]


@pytest.fixture
def plots(run):
    """The plots of a report, as `write_report` leaves them."""
    (run / "report").mkdir()
    for name in ("confusion_matrix.png", "curves.png"):
        Image.new("RGB", (20, 10), "navy").save(run / "report" / name)
    (run / "report" / "report.html").write_text("<p>report</p>")
    return {path.stem: path for path in (run / "report").glob("*.png")}


def train_and_report(logger, run):
    with open_until_report(logger) as (kept, show):
        train(kept, run, 1, 3)
        show(run)


def test_tensorboard_has_the_plots_of_the_report_beside_its_epochs(run, plots):
    pytest.importorskip("tensorboard")
    train_and_report(build(node("tensorboard"), where="logger"), run)
    steps, found = tensorboard_steps(run)
    assert [step for step, _ in steps] == [1, 2, 3]
    assert set(found.Tags()["images"]) == {"report/confusion_matrix", "report/curves"}
    image = found.Images("report/confusion_matrix")[0]
    assert (image.step, image.width, image.height) == (3, 20, 10)


def test_wandb_has_the_plots_at_the_last_epoch(run, plots, fake_wandb):
    sys.modules["wandb"].Image = lambda path: f"image of {path}"
    train_and_report(build(node("wandb"), where="logger"), run)
    (told,) = fake_wandb  # one run, which ends after its report
    assert told.finished
    step, images = told.rows[-1]
    assert step == 3 and set(images) == {"report/confusion_matrix", "report/curves"}


def test_plots_that_cannot_be_logged_cost_a_warning(run, plots, fake_wandb, capsys):
    train_and_report(build(node("wandb"), where="logger"), run)  # its module has no Image
    assert "the plots of the report were not logged" in capsys.readouterr().err
    assert fake_wandb[0].finished


def test_a_logger_of_ones_own_needs_no_plots(run, plots):
    rows = []

    @contextmanager
    def own(folder, done):
        yield rows.append

    train_and_report(own, run)
    assert [row["epoch"] for row in rows] == [1, 2, 3]


def test_mlflow_has_the_plots_and_the_page_beside_its_database(run, plots, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    train_and_report(build(node("mlflow"), where="logger"), run)
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/outputs/mlflow.db")
    name = json.loads((run / "mlflow.json").read_text())["name"]
    files = {file.path for file in client.list_artifacts(name, "report")}
    assert files == {"report/confusion_matrix.png", "report/curves.png", "report/report.html"}
    assert not (tmp_path / "mlruns").exists()
    assert client.get_run(name).info.status == "FINISHED"


@pytest.fixture
def fake_wandb(monkeypatch):
    made = []

    def init(**words):
        run = SimpleNamespace(id=words["id"] or "abc", rows=[], words=words, finished=False)
        run.log = lambda metrics, step: run.rows.append((step, metrics))
        run.finish = lambda: setattr(run, "finished", True)
        made.append(run)
        return run

    module = ModuleType("wandb")
    module.init = init
    module.__spec__ = SimpleNamespace(origin="made up")
    monkeypatch.setitem(sys.modules, "wandb", module)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    return made


def test_wandb_is_offline_unless_asked_and_goes_on_under_its_name(run, fake_wandb):
    logger = build(node("wandb", project="mine"), where="logger")
    with pytest.raises(KeyboardInterrupt):
        train(logger, run, 1, 3, killed_before=3)
    train(logger, run, 4, 5)
    first, second = fake_wandb
    assert (first.words["mode"], first.words["project"]) == ("offline", "mine")
    assert first.words["config"]["optimizer.lr"] == 0.5
    assert (first.words["id"], second.words["id"]) == (None, "abc")
    assert [step for step, _ in first.rows] == [1, 2]
    assert [step for step, _ in second.rows] == [3, 4, 5]
    assert second.rows[0][1] == {"val_loss": pytest.approx(1 / 3)}
    assert first.finished
    assert second.finished


def test_wandb_mode_is_the_users(run, fake_wandb, monkeypatch):
    train(build(node("wandb", mode="disabled"), where="logger"), run, 1, 1)
    monkeypatch.setenv("WANDB_MODE", "online")
    train(build(node("wandb"), where="logger"), run, 1, 1)
    assert [made.words["mode"] for made in fake_wandb] == ["disabled", "online"]


def test_a_lost_connection_costs_a_warning_and_no_row(run, fake_wandb, capsys):
    with build(node("wandb"), where="logger")(run, 0) as log:
        told = fake_wandb[0]
        send, told.log = told.log, None  # nothing can be called
        write_epochs(run, 1)
        logging.patient(log)({"epoch": 1})
        assert "epoch 1 was not logged" in capsys.readouterr().err
        told.log = send
        write_epochs(run, 1, 2)
        logging.patient(log)({"epoch": 2})
    assert [step for step, _ in told.rows] == [1, 2]


def test_mlflow_has_every_epoch_once_in_a_local_file(run, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    logger = build(node("mlflow"), where="logger")
    with pytest.raises(KeyboardInterrupt):
        train(logger, run, 1, 3, killed_before=3)
    client = mlflow.MlflowClient("sqlite:///outputs/mlflow.db")
    name = json.loads((run / "mlflow.json").read_text())["name"]
    assert client.get_run(name).info.status == "FAILED"
    train(logger, run, 4, 5)
    assert [m.step for m in client.get_metric_history(name, "val_loss")] == [1, 2, 3, 4, 5]
    found = client.get_run(name)
    assert found.info.status == "FINISHED"
    assert found.data.params["optimizer.lr"] == "0.5"
    assert len(client.search_runs([found.info.experiment_id])) == 1

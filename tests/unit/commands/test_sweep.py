"""`ferkit sweep` from the command line; what trains for minutes is marked slow."""

import csv
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from types import SimpleNamespace

import optuna
import pytest

from ferkit import errors
from ferkit.commands import sweep
from ferkit.devices import device_of_job
from ferkit.errors import DataError
from ferkit.files import alone
from ferkit.runs.read import read_rows
from ferkit.sweeps import attempts

DRAWN = ["dataset.train=160", "dataset.val=48", "dataset.test=48", "dataset.people=20"]
TINY = [
    *DRAWN,
    "backbone=kurmi_cnn",
    "trainer.max_epochs=2",
    "trainer.batch_size=32",
    "trainer.max_images=64",
    "trainer.device=cpu",
    "trainer.threads=1",
    "report.faces=false",
]
SEARCH = ["optimizer.lr=tag(log,interval(1e-5,1e-2))", "optimizer=choice(adamw,sgd)"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["loss=choice(focal,mse)", "trails=3"], "Did you mean 'trials'"),
        (["loss=choice(focal,mes)"], "Did you mean 'mse'"),
        (["optimizer.lrr=interval(1,2)"], "Did you mean 'optimizer.lr'"),
        (["optimizer.lr=interval(1,2"], "optimizer.lr"),
        (["seed=1"], "Nothing is searched"),
        (["seed=1,2", "monitor=val_acuracy"], "Did you mean 'val_accuracy'"),
        (["seed=1,2", "monitor=train_loss"], "Unknown monitor"),
        (["seed=1,2", "sampler=tpo"], "Did you mean 'tpe'"),
        (["seed=1,2", "pruner=mean"], "Did you mean 'median'"),
        (["seed=1,2", "trials=0"], "at least 1"),
        (["seed=1,2", "evaluate=[test]"], "val alone"),
        (["seed=1,2", "split=subject_kfold", "split.fold=all"], "one fold"),
        (["trainer.monitor=choice(val_loss,val_accuracy)"], "cannot be searched"),
    ],
)
def test_mistakes_are_said_before_the_first_trial(ferkit, tmp_path, words, said):
    code, _, err = ferkit("sweep", *words)
    assert code == 2, err
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "outputs" / "sweep").exists() or not list(tmp_path.rglob("study.db"))


def test_without_optuna_it_says_what_to_install(ferkit, monkeypatch):
    monkeypatch.setattr(errors, "find_spec", lambda _: None)
    code, _, err = ferkit("sweep", "seed=1,2")
    assert code == 2
    assert "pip install -e '.[sweep]'" in err


def test_help_names_its_keys(ferkit):
    code, out, _ = ferkit("sweep", "--help")
    assert code == 0
    assert all(f"{key}=" in out for key in ("trials", "out", "monitor", "n_jobs", "retry_failed"))


class Quick:
    """A trial that is done at once; its metric is a function of its learning rate."""

    def __init__(self, number, words):
        self.number, self.words = number, words

    def poll(self):
        return 0

    def rows(self):
        given = dict(w.split("=") for w in self.words if w.startswith("optimizer.lr"))
        return [{"epoch": 1, "val_macro_f1": float(given["optimizer.lr"]), "seconds": 1}]

    def stop(self):
        pass

    def last_line(self):
        return ""


@pytest.fixture
def launched(monkeypatch):
    """Every (number, words) that was launched."""
    found = []

    def launcher(home, always, device):
        def launch(number, words, slot):
            found.append((number, [*words, *always, *device(slot)]))
            return Quick(number, words)

        return launch

    monkeypatch.setattr(attempts, "launcher", launcher)
    return found


def test_the_same_words_go_on_and_other_words_are_refused(ferkit, tmp_path, launched):
    words = ["out=here", "monitor=val_macro_f1", "optimizer.lr=interval(0.1,0.2)", "seed=4"]
    code, out, err = ferkit("sweep", "trials=3", *words)
    assert (code, out.strip()) == (0, "here"), err
    assert "best: ferkit train seed=4 optimizer.lr=0.1" in err
    assert "trainer.monitor=val_macro_f1" in launched[0][1]
    assert "evaluate=[val]" in launched[0][1]
    assert ferkit("sweep", "trials=3", *words)[0] == 0  # nothing is left to do
    assert len(launched) == 3
    assert ferkit("sweep", "trials=4", *words[::-1])[0] == 0
    assert [number for number, _ in launched] == [0, 1, 2, 3]
    code, _, err = ferkit("sweep", "trials=4", *words, "loss=focal")
    assert code == 2
    assert "another out" in err
    assert ferkit("sweep", "resume=here", "trials=5")[0] == 0
    assert [number for number, _ in launched] == [0, 1, 2, 3, 4]
    code, _, err = ferkit("sweep", "resume=here", "seed=5")
    assert code == 2
    assert "seed cannot change" in err
    rows = list(csv.DictReader((tmp_path / "here" / "trials.csv").open()))
    assert len(rows) == 5
    assert float(rows[0]["val_macro_f1"]) == max(float(r["val_macro_f1"]) for r in rows)


def test_a_folder_of_a_shared_sweep_is_not_taken_by_another(ferkit, tmp_path):
    words = ["optimizer.lr=interval(0.1,0.2)", "seed=4"]
    typed = "words: ['optimizer.lr=interval(0.1,0.2)', seed=4]"
    lines = ["format: 1", "storage: postgresql://u@h/d", typed]
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "sweep.yaml").write_text("\n".join(lines))
    code, _, err = ferkit("sweep", "out=here", *words)
    assert code == 2
    assert "postgresql://u@h/d" in err
    assert not (tmp_path / "here" / "study.db").exists()


def test_keys_of_a_shared_sweep_go_with_its_storage(ferkit):
    assert "storage=" in ferkit("sweep", "seed=1,2", "study_name=x").err
    assert ferkit("sweep", "seed=1,2", "storage=postgresql://u@h/d", "stale_after=1").code == 2


def test_two_sweeps_do_not_share_a_folder(ferkit, tmp_path, launched):
    with alone(tmp_path, "ferkit sweep"):
        code, _, err = ferkit("sweep", f"out={tmp_path}", "optimizer.lr=interval(0.1,0.2)")
    assert code == 2
    assert "at work" in err
    assert launched == []


def test_resume_of_what_is_no_sweep(ferkit):
    code, _, err = ferkit("sweep", "resume=nowhere")
    assert code == 3
    assert "no sweep" in err


def test_devices_go_round_the_gpus_or_the_cores_are_shared(monkeypatch):
    trainer = SimpleNamespace(device="auto", threads=None)
    config = SimpleNamespace(trainer=trainer)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert [sweep._placer(config, 3)(slot) for slot in range(3)] == [
        ["trainer.device=cuda:0"],
        ["trainer.device=cuda:1"],
        ["trainer.device=cuda:0"],
    ]
    assert [device_of_job("auto", n) for n in range(3)] == ["cuda:0", "cuda:1", "cuda:0"]
    assert device_of_job("cpu", 1) == "cpu"
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    assert device_of_job("auto", 1) == "auto"
    assert sweep._placer(config, 2)(1) == []
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)
    assert sweep._placer(config, 2)(1) == ["trainer.threads=4"]
    assert sweep._placer(config, 1)(0) == []


def test_a_process_that_outlived_its_sweep_is_ended_before_its_folder_is_used(tmp_path):
    lock = attempts.claim(tmp_path / "0")
    orphan = subprocess.Popen(["sleep", "600"], pass_fds=[lock.fileno()])
    with lock:
        lock.write(str(orphan.pid))
    (tmp_path / "0" / "checkpoints").mkdir()
    (tmp_path / "0" / attempts.LOG).write_text("said\n")
    attempts.claim(tmp_path / "0").close()
    assert orphan.wait(10) == -signal.SIGTERM
    attempts.clear(tmp_path / "0")
    assert {p.name for p in (tmp_path / "0").iterdir()} == {attempts.LOG, attempts.LOCK}


@pytest.mark.parametrize("note", ["", "on another machine"])
def test_a_folder_that_stays_in_use_is_said_after_a_while(tmp_path, monkeypatch, note):
    monkeypatch.setattr(attempts, "PATIENCE", 0.1)
    with attempts.claim(tmp_path / "0") as lock:
        lock.write(note)
        lock.flush()
        with pytest.raises(DataError, match=r"in use by process .*then give the same command"):
            attempts.claim(tmp_path / "0")


def test_the_last_line_of_a_process_and_its_end(tmp_path):
    log = tmp_path / attempts.LOG
    with log.open("wb") as file:
        code = "print('one'); print('two'); print(); import time; time.sleep(600)"
        process = subprocess.Popen([sys.executable, "-u", "-c", code], stdout=file)
    attempt = attempts.TrainProcess(tmp_path, process)
    while not log.read_bytes().endswith(b"two\n\n"):
        time.sleep(0.05)
    assert attempt.poll() is None
    assert attempt.last_line() == "two"
    assert attempt.rows() == []
    attempt.stop()
    assert attempt.poll() == -signal.SIGTERM


def test_a_missing_launcher_is_said_with_the_command(ferkit, monkeypatch):
    from hydra.core.plugins import Plugins

    import ferkit.composition as composition

    monkeypatch.setitem(composition.LAUNCHERS, "nothing", "hydra-nothing-launcher")
    code, _, err = ferkit("train", "-m", "seed=0,1", "hydra/launcher=nothing")
    assert code == 2
    assert "pip install hydra-nothing-launcher" in err
    assert Plugins.instance()


def test_the_cluster_launcher_composes():
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    from hydra import compose

    from ferkit.composition import hydra_ready

    with hydra_ready("train"):
        config = compose("train", ["hydra/launcher=cluster"], return_hydra_config=True)
    launcher = config.hydra.launcher
    assert launcher._target_.endswith("SlurmLauncher")
    assert (launcher.gpus_per_node, launcher.max_num_timeout) == (1, 5)


@pytest.mark.slow
def test_the_same_multirun_goes_on_where_it_was_stopped(ferkit, tmp_path):
    words = [
        "-m",
        *DRAWN,
        "backbone=kurmi_cnn",
        "debug=default",
        "report.faces=false",
        "seed=0,1",
        "run_dir=many",
    ]
    code, _, err = ferkit("train", *words)
    assert code == 0, err
    first, second = tmp_path / "many" / "0", tmp_path / "many" / "1"
    kept = (first / "report" / "report.html").stat().st_mtime_ns
    before = (second / "model.safetensors").read_bytes()
    (second / "report" / "report.html").unlink()  # killed while it was reported on
    code, _, err = ferkit("train", *words)
    assert code == 0, err
    assert "done before: many/0" in err
    assert (first / "report" / "report.html").stat().st_mtime_ns == kept
    assert (second / "report" / "report.html").is_file()
    assert (second / "model.safetensors").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        ("hydra_joblib_launcher", ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]),
        ("hydra_submitit_launcher", ["hydra/launcher=submitit_local"]),
    ],
)
def test_launchers_of_other_processes(tmp_path, plugin, words):
    pytest.importorskip(f"hydra_plugins.{plugin}")
    grid = ["optimizer.lr=1e-3,1e-4", "loss=cross_entropy,focal"]
    line = [sys.executable, "-m", "ferkit", "train", "-m", *TINY, *grid, *words, "run_dir=many"]
    ran = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "4 of 4 runs done" in ran.stderr
    for number in range(4):
        folder = tmp_path / "many" / str(number)
        assert (folder / "report" / "report.html").is_file()
        assert len(read_rows(folder)) == 2
    assert "lr: 0.0001" in (tmp_path / "many" / "3" / "config.yaml").read_text()


def start_sweep(home, out):
    line = [
        sys.executable,
        "-m",
        "ferkit",
        "sweep",
        f"out={out}",
        "trials=12",
        "monitor=val_loss",
        "startup=4",
        "prune_after=2",
        *TINY,
        "trainer.max_epochs=5",
        *SEARCH,
    ]
    return subprocess.Popen(line, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def results_of(folder):
    study = optuna.load_study(study_name="sweep", storage=f"sqlite:///{folder / 'study.db'}")
    return [
        (t.number, t.state.name, t.value, t.params, t.intermediate_values) for t in study.trials
    ]


def epochs_in(folder):
    return sum(len(read_rows(trial)) for trial in (folder / "trials").glob("*"))


def wait_for(folder, epochs, process):
    while epochs_in(folder) < epochs and process.poll() is None:
        time.sleep(0.05)
    time.sleep(random.uniform(0, 0.5))
    assert process.poll() is None, process.stderr.read().decode()


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def kill_trial(folder):
    newest = max((folder / "trials").iterdir(), key=lambda trial: int(trial.name))
    print(f"killed trial {newest.name} with {len(read_rows(newest))} epochs")
    with suppress(ProcessLookupError, ValueError):
        os.kill(int((newest / attempts.LOCK).read_text()), signal.SIGKILL)


@pytest.mark.slow
def test_killed_twice_a_sweep_of_real_trials_ends_as_an_unbroken_one(tmp_path):
    """Issue 6: 12 trials killed twice at random moments, 12 results and the same best."""
    whole = start_sweep(tmp_path, "whole")
    assert whole.wait() == 0, whole.stderr.read().decode()
    moments, killed = random.Random(), tmp_path / "killed"
    first, second, third = sorted(moments.sample(range(1, epochs_in(tmp_path / "whole")), 3))
    process = start_sweep(tmp_path, "killed")
    wait_for(killed, first, process)
    kill(process)  # its trial lives on for a while
    process = start_sweep(tmp_path, "killed")
    wait_for(killed, second, process)
    kill(process)
    kill_trial(killed)  # as in a power cut
    process = start_sweep(tmp_path, "killed")
    wait_for(killed, third, process)
    kill_trial(killed)  # as for want of memory; the sweep goes on
    assert process.wait() == 0, process.stderr.read().decode()
    found = results_of(tmp_path / "killed")
    assert len(found) == 12
    assert found == results_of(tmp_path / "whole")
    tables = [
        list(csv.DictReader((tmp_path / name / "trials.csv").open()))
        for name in ("whole", "killed")
    ]
    assert [len(rows) for rows in tables] == [12, 12]
    assert [r["Trial"] for r in tables[0]] == [r["Trial"] for r in tables[1]]
    best = [(tmp_path / name / "best.csv").read_text() for name in ("whole", "killed")]
    assert best[0] == best[1]
    assert "failed" not in best[0]

"""Runs that were cut short, damaged, resumed twice or told what cannot be."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import ferkit.files as files

TINY = [
    "dataset.train=48",
    "dataset.val=24",
    "dataset.test=24",
    "dataset.people=12",
    "emotions=[happy,sad,fear]",
    "backbone=kurmi_cnn",
    "trainer.max_epochs=2",
    "trainer.batch_size=24",
    "trainer.device=cpu",
    "trainer.threads=1",
    "report.faces=false",
    "report.saliency=none",
    "optimizer.lr=1e-3",
]
TIMES = ("seconds", "images_per_second", "peak_memory")


@pytest.fixture
def whole(trained):
    return trained(*TINY, name="whole")


@pytest.fixture
def run(trained):
    """A copy of a finished run that a test may damage."""
    return trained(*TINY, name="r")


def rows(folder):
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(x).items() if k not in TIMES} for x in lines]


def final(folder):
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["model"]


def same(one, two):
    assert rows(one) == rows(two)
    assert (one / "model.safetensors").read_bytes() == (two / "model.safetensors").read_bytes()
    a, b = final(one), final(two)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    for name in ("data.json", "split.parquet", "predictions/val.parquet", "report/metrics.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def refused(said):
    assert said.code in (2, 3), said.err
    assert "Traceback" not in said.err
    assert "weights_only" not in said.err
    assert said.err.count("ferkit: ") == 1


class Killed(BaseException):
    pass


def die_at(monkeypatch, moment):
    """Kill the process before its `moment`-th file is renamed into place; return the count."""
    real, count = files.atomic_write, [0]

    def write(path, *arguments, **options):
        if count[0] == moment:
            raise Killed
        count[0] += 1
        real(path, *arguments, **options)

    monkeypatch.setattr(files, "atomic_write", write)
    monkeypatch.setattr("ferkit.training.checkpoint.atomic_write", write)
    return count


def killed_and_resumed(tmp_path, ferkit, monkeypatch, moment, words=()):
    shutil.rmtree(tmp_path / "k", ignore_errors=True)
    with monkeypatch.context() as patch:
        die_at(patch, moment)
        with pytest.raises(Killed):
            ferkit("train", *TINY, *words, "run_dir=k")
    again = (
        [f"resume={tmp_path / 'k'}"]
        if (tmp_path / "k" / "config.yaml").exists()
        else [*TINY, *words, "run_dir=k"]
    )
    said = ferkit("train", *again)
    assert said.code == 0, said.err


# the moments of the second epoch begin at 28; those of the folder's making at 0
@pytest.mark.parametrize("moment", [2, 11, 20, 30, 33])
def test_killed_anywhere_it_ends_as_if_nothing_were(tmp_path, whole, ferkit, monkeypatch, moment):
    killed_and_resumed(tmp_path, ferkit, monkeypatch, moment)
    same(tmp_path / "k", whole)


@pytest.mark.slow
@pytest.mark.parametrize("monitor", ["val_accuracy", "train_loss"])
def test_killed_at_every_moment(tmp_path, ferkit, monkeypatch, monitor):
    words = [f"trainer.monitor={monitor}"]
    with monkeypatch.context() as patch:
        count = die_at(patch, -1)
        assert ferkit("train", *TINY, *words, "run_dir=every")[0] == 0
    assert count[0] > 30
    for moment in range(count[0]):
        killed_and_resumed(tmp_path, ferkit, monkeypatch, moment, words)
        same(tmp_path / "k", tmp_path / "every")


PARTS = [
    "env.json",
    "data.json",
    "split.parquet",
    "overrides.yaml",
    "metrics.jsonl",
    "model.safetensors",
    "checksums.json",
]


@pytest.mark.parametrize("lost", PARTS)
def test_what_is_missing_is_written_again(run, whole, ferkit, lost):
    (run / lost).unlink()
    said = ferkit("train", "resume=r")
    assert said.code == 0, said.err
    assert (run / lost).is_file() or lost == "checksums.json"
    same(run, whole)


def test_a_run_with_its_config_alone_trains_to_its_end(run, whole, ferkit):
    for path in run.iterdir():
        if path.name != "config.yaml":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    said = ferkit("train", "resume=r")
    assert said.code == 0, said.err
    same(run, whole)


@pytest.mark.parametrize("text", ["", "nonsense\n", '{"epoch": 7}\n'])
def test_metrics_are_mended_from_the_checkpoint(run, whole, ferkit, text):
    (run / "metrics.jsonl").write_text(text)
    assert ferkit("train", "resume=r")[0] == 0
    same(run, whole)


def test_a_checkpoint_of_before_needs_its_metrics(run, ferkit):
    for path in (run / "checkpoints").iterdir():
        state = torch.load(path, weights_only=True)
        del state["rows"], state["best_weights"]
        torch.save(state, path)
    assert ferkit("train", "resume=r")[0] == 0
    (run / "metrics.jsonl").write_text("")
    said = ferkit("train", "resume=r")
    assert said.code == 3
    assert "has not the 2 epochs" in said.err


def test_one_folder_has_one_training(run, whole, ferkit):
    with files.alone(run, "ferkit train"):
        said = ferkit("train", "resume=r")
        assert said.code == 2
        assert f"process {os.getpid()} on" in said.err
    with files.alone(run.parent / "fresh", "ferkit train"):
        said = ferkit("train", *TINY, "run_dir=fresh")
        assert said.code == 2
        assert "at work" in said.err
    assert ferkit("train", "resume=r")[0] == 0
    same(run, whole)


def test_sigterm_saves_and_says_how_to_go_on(tmp_path, whole, ferkit, monkeypatch):
    import ferkit.training.trainer as trainer

    step = trainer.train_step

    def stopped(training, inputs, batch, number):
        if training.epoch == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(training, inputs, batch, number)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "train_step", stopped)
        said = ferkit("train", *TINY, "run_dir=stopped")
    assert said.code == 143
    assert "go on with `ferkit train resume=stopped`" in said.err
    assert len(rows(tmp_path / "stopped")) == 1
    assert ferkit("train", "resume=stopped")[0] == 0
    same(tmp_path / "stopped", whole)


def save_ckpt(run, content):
    for path in (run / "checkpoints").iterdir():
        torch.save(content, path)


def other_shapes(run):
    for path in (run / "checkpoints").iterdir():
        state = torch.load(path, weights_only=True)
        state["model"] = {n: t.reshape(-1)[:1].clone() for n, t in state["model"].items()}
        torch.save(state, path)


def other_optimizer(run):
    for path in (run / "checkpoints").iterdir():
        state = torch.load(path, weights_only=True)
        for kept in state["optimizer"]["state"].values():
            kept["exp_avg"] = torch.zeros(3)
        torch.save(state, path)


class Evil:
    def __reduce__(self):
        return (print, ("ran",))


BROKEN = {
    "list": lambda run: save_ckpt(run, [1]),
    "few keys": lambda run: save_ckpt(run, {"format": 1, "epoch": 1}),
    "format": lambda run: save_ckpt(run, {"format": "x"}),
    "code": lambda run: save_ckpt(run, {"a": Evil()}),
    "shapes": other_shapes,
    "optimizer": other_optimizer,
    "cut": lambda run: [
        p.write_bytes(p.read_bytes()[:300]) for p in (run / "checkpoints").iterdir()
    ],
    "empty": lambda run: [p.write_bytes(b"") for p in (run / "checkpoints").iterdir()],
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_checkpoint_is_a_sentence(run, ferkit, how):
    BROKEN[how](run)
    said = ferkit("train", "resume=r")
    refused(said)
    assert "heckpoint" in said.err or "last.ckpt" in said.err
    assert "ran" not in said.out.split()


def edit(path, key, value):
    parsed = yaml.safe_load(path.read_text())
    at = parsed
    for part in key.split(".")[:-1]:
        at = at[part]
    if value is KeyError:
        del at[key.split(".")[-1]]
    else:
        at[key.split(".")[-1]] = value
    path.write_text(yaml.safe_dump(parsed) if path.suffix == ".yaml" else json.dumps(parsed))


NO_CONFIGS = [
    b"",
    b"a: [1,",
    b"- 1",
    b"\xff\xfe",
    b"null",
    b"format: x\nseed: 1",
    b"a: &a [*a]",
    b"seed: ${seed}",
    b"dataset: {root: '${oc.env:HOME}'}",
]
READERS = [
    ["eval", "run=r"],
    ["eval", "run=r", "view=val"],
    ["train", "resume=r"],
    ["eval", "runs=r", "out=c"],
]


@pytest.mark.parametrize("text", NO_CONFIGS)
@pytest.mark.parametrize("command", READERS)
def test_a_config_that_is_none_is_a_sentence(run, ferkit, text, command):
    (run / "config.yaml").write_bytes(text)
    refused(ferkit(*command))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("backbone", 3),
        ("backbone", KeyError),
        ("backbone._target_", "os.system"),
        ("dataset", None),
        ("split", []),
        ("faces", KeyError),
        ("seed", "word"),
        ("seed", -1),
        ("emotions", "happy"),
        ("evaluate", [["val"]]),
        ("tests", {"a": 3}),
        ("report", 5),
        ("trainer.max_epochs", "many"),
        ("optimizer.lr", float("nan")),
        ("tta", True),
        ("imbalance", KeyError),
        ("prepared_root", [1]),
        ("format", 10**30),
        ("format", True),
    ],
)
@pytest.mark.parametrize("command", [["eval", "run=r", "view=val"], ["train", "resume=r"]])
def test_a_changed_key_of_the_config_is_a_sentence(run, ferkit, key, value, command):
    edit(run / "config.yaml", key, value)
    said = ferkit(*command)
    assert "Traceback" not in said.err
    assert said.code in (2, 3) or "warning: " in said.err


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data.json", b"{"),
        ("data.json", b"[]"),
        ("data.json", b'{"counts": 3}'),
        ("data.json", b'{"dataset": {"dropped": ["x"]}}'),
        ("data.json", b"\xff"),
        ("data.json", b'{"leaks": {"train|val": 3}}'),
        ("env.json", b"3"),
        ("metrics.jsonl", b"\xff\n"),
        ("metrics.jsonl", b"[1]\n"),
        ("metrics.jsonl", b"{}\n"),
        ("metrics.jsonl", b'{"epoch": "one"}\n'),
        ("metrics.jsonl", b'{"epoch": 1, "lr": []}\n'),
        ("test_accesses.jsonl", b"x\n"),
        ("checksums.json", b"["),
        ("predictions/val.parquet", b""),
        ("predictions/val.parquet", b"PAR1PAR1"),
        ("predictions/examples.npz", b"PK\x03\x04"),
    ],
)
def test_another_broken_file_is_a_sentence(run, ferkit, name, content):
    (run / name).write_bytes(content)
    said = ferkit("eval", "run=r")
    refused(said)
    assert name in said.err


def test_predictions_of_another_structure_are_refused(run, ferkit):
    (run / "checksums.json").unlink()
    path = run / "predictions" / "val.parquet"
    frame = pd.read_parquet(path)
    for changed in (
        frame.drop(columns="label"),
        frame.drop(columns="key"),
        frame.assign(label=1),
        frame.assign(predicted="nobody"),
        frame.assign(p_happy="x"),
        frame.assign(p_happy=np.nan),
        frame.filter(like="p_"),
        frame.drop(columns=[c for c in frame if c.startswith("p_")]),
    ):
        changed.to_parquet(path)
        refused(ferkit("eval", "run=r"))


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("model.safetensors", ["eval", "run=r", "view=val"]),
        ("model.safetensors", ["predict", "model=r", "source=.", "out=out"]),
        ("model.safetensors", ["train", *TINY, "backbone.init_from=r", "run_dir=started"]),
        ("predictions/val.parquet", ["eval", "run=r"]),
        ("predictions/val.parquet", ["eval", "runs=[r,whole]", "out=compared"]),
        ("predictions/val.parquet", ["eval", "ensemble=[r,whole]", "out=pooled"]),
    ],
)
def test_damage_is_found_and_no_metric_is_told(
    run, whole, finished, tmp_path, ferkit, name, command
):
    other = finished(*TINY, "seed=1") / "run"
    shutil.copyfile(other / name, run / name)  # whole in itself, but of another run
    said = ferkit(*command)
    refused(said)
    assert "damaged" in said.err
    assert name in said.err
    assert not (tmp_path / "started" / "config.yaml").exists()


def test_settings_that_were_changed_are_read_with_a_warning(run, ferkit):
    assert "warning" not in ferkit("eval", "run=r").err
    edit(run / "config.yaml", "report.faces", True)
    said = ferkit("eval", "run=r")
    assert said.code == 0, said.err
    assert "config.yaml was changed" in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run_dir=file"], "run_dir=file is a file"),
        (["run_dir=file/below"], "run_dir=file/below cannot be made"),
        (["run_dir=" + "e" * 300], "run_dir=eee"),
        (["prepared_root=file"], "prepared_root=file is a file"),
        (["emotions=[happy]"], "one class"),
        (["trainer.batch_size=1", "backbone=mini_xception"], "trainer.batch_size=1"),
        (["optimizer.lr=fast"], "optimizer.lr is 'fast'"),
        (["optimizer.lr=.nan"], "optimizer.lr is '.nan'"),
        (["optimizer.lr=nan"], "optimizer.lr is nan"),
        (["optimizer.lr=inf"], "optimizer.lr is inf"),
        (["optimizer.lr=-1e-3"], "optimizer.lr is -0.001"),
        (["optimizer.betas=[0.9,1.5]"], "optimizer.betas"),
        (["scheduler.rise=1.5"], "scheduler.rise is 1.5"),
        (["loss=focal", "loss.gamma=-1"], "loss.gamma is -1"),
        (["augment.rotation=nan"], "augment.rotation is nan"),
        (["split.val=1"], "split.val is 1"),
        (["trainer.patience=0"], "trainer.patience is 0"),
        (["trainer.clip_grad=0"], "trainer.clip_grad is 0"),
        (["seed=-1"], "seed is -1"),
        (["~loss"], "loss is missing"),
        (["tests={a: 3}"], "tests.a is 3"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_made(ferkit, tmp_path, words, said):
    (tmp_path / "file").write_text("x")
    given = {word.partition("=")[0] for word in words}
    kept = [word for word in TINY if word.partition("=")[0] not in given]
    heard = ferkit("train", *kept, *([] if "run_dir" in given else ["run_dir=no"]), *words)
    assert heard.code == 2, heard.err
    assert said in heard.err
    assert "Traceback" not in heard.err
    assert not (tmp_path / "no").exists()


def test_single_images_do_where_nothing_is_normalised(ferkit, tmp_path):
    words = [
        "dataset.train=12",
        "trainer.max_epochs=1",
        "trainer.batch_size=1",
        "backbone=vgg8",
        "backbone.freeze=none",
    ]
    said = ferkit("train", *TINY, *words, "run_dir=single")
    assert said.code == 0 or "trainer.batch_size=1" in said.err


def test_no_view_makes_a_run_without_a_report(ferkit, tmp_path):
    said = ferkit("train", *TINY, "evaluate=[]", "run_dir=bare")
    assert said.code == 0, said.err
    assert (tmp_path / "bare" / "model.safetensors").is_file()
    assert not (tmp_path / "bare" / "report").exists()
    assert ferkit("train", "resume=bare")[0] == 0


def test_a_loss_that_is_none_ends_the_run_and_keeps_what_is_good(ferkit, tmp_path, monkeypatch):
    import ferkit.training.trainer as trainer

    step = trainer.train_step

    def diverging(training, inputs, batch, number):
        total = step(training, inputs, batch, number)
        return total * float("nan") if training.epoch == 1 else total

    monkeypatch.setattr(trainer, "train_step", diverging)
    said = ferkit("train", *TINY, "run_dir=diverged")
    assert said.code == 2
    assert "optimizer.lr=0.001: train_loss of epoch 2 is nan" in said.err
    assert len(rows(tmp_path / "diverged")) == 1
    from ferkit import load_model

    load_model(tmp_path / "diverged")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EFBIG])
@pytest.mark.parametrize("moment", [2, 12])
def test_what_the_disk_refuses_is_a_sentence(ferkit, tmp_path, monkeypatch, number, moment):
    count, replace = [0], os.replace

    def full(*arguments, **options):
        count[0] += 1
        if count[0] > moment:
            raise OSError(number, os.strerror(number))
        return replace(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", lambda path, to: full(path, to))
        said = ferkit("train", *TINY, "run_dir=full")
    assert said.code == 3, said.err
    assert os.strerror(number) in said.err
    assert "Traceback" not in said.err
    assert not list((tmp_path / "full").rglob("*.tmp"))


@pytest.mark.slow
def test_the_c_locale_has_umlauts_too(tmp_path):
    env = {k: v for k, v in os.environ.items() if not k.startswith("LC_")}
    env |= {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"}
    words = [*TINY, "trainer.max_epochs=1", "run_dir=dé_ü"]
    done = subprocess.run(
        [sys.executable, "-m", "ferkit", "train", *words],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "dé_ü" / "report" / "report.html").is_file()

"""One training in several processes under torchrun, on CPUs over gloo."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from ferkit import processes
from ferkit.loader import Batch
from ferkit.training.augment import Augment
from ferkit.training.distributed import share_of, varied

NET = """
from torch import nn


class Net(nn.Module):  # no batch-norm, no dropout; a layer that is not used
    def __init__(self, classes, channels, *, size):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels, 8, 3, 2, 1), nn.ReLU(), nn.Flatten())
        self.unused = nn.Linear(5, 5)
        self.classifier = nn.Linear(8 * (size // 2) ** 2, classes)

    def features(self, images):
        return self.body(images)

    def head(self, features):
        return self.classifier(features)

    def forward(self, images):
        return self.head(self.features(images))
"""
WORDS = [
    "dataset=drawn",
    "dataset.train=50",
    "dataset.val=24",
    "dataset.test=24",
    "dataset.people=12",
    "emotions=[happy,sad,fear]",
    "backbone=sharednet",
    "trainer.max_epochs=2",
    "trainer.batch_size=13",  # of 28 images: shares that do not divide, and a last batch of two
    "trainer.device=cpu",
    "trainer.threads=1",
    "report.faces=false",
    "report.saliency=none",
    "optimizer.lr=1e-2",
    "augment=light",
    "evaluate=[val]",
]
CASES = {
    "features": ["loss=island", "imbalance=class_weights"],
    "updates": ["trainer.accumulate=2", "trainer.clip_grad=0.5", "trainer.ema=0.9"],
    "blends": ["augment.mixup=0.3", "augment.cutmix=0.3", "augment.noise=0.05"],
    "resampled": ["imbalance=smote_tomek", "augment=none"],
    "thawing": ["backbone.freeze=gradual", "augment=none"],
    "reported": [],
    "costs": ["imbalance=cost_sensitive", "optimizer=sgd"],
}


@pytest.fixture
def own_net(tmp_path, monkeypatch):
    (tmp_path / "sharednet.py").write_text(NET)
    node = tmp_path / "ferkit_configs" / "backbone" / "sharednet.yaml"
    node.parent.mkdir(parents=True)
    node.write_text("# a small network\n_target_: sharednet.Net\n")
    monkeypatch.setenv("FERKIT_ALLOW", "sharednet")


@pytest.fixture
def torchrun(tmp_path):
    def begin(*words, count=2):
        made = subprocess.run(
            [
                *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
                *(f"--nproc-per-node={count}", "-m", "ferkit", "train", *words),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
        )
        return made.returncode, made.stdout, made.stderr

    return begin


def assert_equal_runs(one, several):
    rows = [[json.loads(line) for line in (run / "metrics.jsonl").open()] for run in (one, several)]
    assert len(rows[0]) == len(rows[1])
    for ours, theirs in zip(*rows, strict=True):
        for key in ("train_loss", "train_accuracy", "val_loss", "val_macro_f1", "lr"):
            assert theirs[key] == pytest.approx(ours[key], abs=1e-5), key
    weights = [load_file(run / "model.safetensors") for run in (one, several)]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, atol=1e-5, rtol=1e-4)


def check(ferkit, torchrun, folder, words, count=2):
    code, printed, errors = torchrun(*WORDS, *words, "run_dir=several", count=count)
    assert code == 0, errors
    assert printed.split() == ["several"]  # one process speaks
    assert errors.count("run: several") == 1
    assert "Warning" not in errors
    assert ferkit("train", *WORDS, *words, "run_dir=one").code == 0
    assert_equal_runs(folder / "one", folder / "several")
    assert json.loads((folder / "several" / "env.json").read_text())["processes"] == count
    names = [
        sorted(str(p.relative_to(folder / run)) for p in (folder / run).rglob("*"))
        for run in ("one", "several")
    ]
    assert names[0] == names[1]
    assert not list(folder.rglob(".resampled-*"))


def test_two_processes_train_as_one(ferkit, torchrun, own_net, tmp_path):
    check(ferkit, torchrun, tmp_path, [*CASES["features"], "evaluate=[]"])


@pytest.mark.slow
@pytest.mark.parametrize("case", [name for name in CASES if name != "features"])
def test_two_processes_train_as_one_whatever_is_asked(ferkit, torchrun, own_net, tmp_path, case):
    check(ferkit, torchrun, tmp_path, CASES[case])


@pytest.mark.slow
def test_three_processes_have_a_last_share_that_is_empty(ferkit, torchrun, own_net, tmp_path):
    check(ferkit, torchrun, tmp_path, [], count=3)


@pytest.mark.slow
def test_a_run_goes_on_in_another_number_of_processes(ferkit, torchrun, own_net, tmp_path):
    words = [*WORDS, "scheduler=constant"]
    assert torchrun(*words, "run_dir=several", "trainer.max_epochs=1")[0] == 0
    shutil.copytree(tmp_path / "several", tmp_path / "single")
    code, _, errors = torchrun("resume=several", "trainer.max_epochs=2")
    assert code == 0, errors
    assert "processes=" not in errors
    said = ferkit("train", "resume=single", "trainer.max_epochs=2")
    assert said.code == 0
    assert "began with processes=2 and goes on with processes=1" in said.err
    assert ferkit("train", *words, "run_dir=one").code == 0
    assert_equal_runs(tmp_path / "one", tmp_path / "several")
    assert_equal_runs(tmp_path / "one", tmp_path / "single")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["backbone=mini_xception", "trainer.batch_size=2"], "two images or more in each of 2"),
        (["backbone=mini_xception", "trainer.sync_batchnorm=true"], "on CUDA alone"),
        (["split=subject_kfold", "split.fold=all"], "without torchrun"),
        (["optimizer.lr=1e30"], "diverged"),
        (["trainer.batchsize=3"], "batchsize"),
    ],
)
def test_a_mistake_is_one_sentence_of_one_process(torchrun, own_net, tmp_path, words, sentence):
    code, printed, errors = torchrun(*WORDS, *words, "run_dir=several")
    assert code == 1  # torchrun's own; it names ours
    assert printed == ""
    assert "exitcode  : 2" in errors
    assert errors.count("ferkit: ") == 1
    assert sentence in errors


def as_process(monkeypatch, number, count):
    monkeypatch.setenv("WORLD_SIZE", str(count))
    monkeypatch.setenv("RANK", str(number))


@pytest.mark.parametrize("rows", [1, 2, 5, 6, 7, 64])
@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_shares_hold_every_row_in_its_order(monkeypatch, rows, count):
    shares = []
    for number in range(count):
        as_process(monkeypatch, number, count)
        shares.append(share_of(rows))
    assert len({len(share) for share in shares}) == 1
    assert torch.cat(shares)[:rows].tolist() == list(range(rows))


@pytest.mark.parametrize("augment", [Augment(rotation=20, erase=0.5, blur=1), Augment(noise=0.1)])
def test_shares_vary_as_the_whole_batch_does(monkeypatch, augment):
    images = torch.randint(0, 256, (7, 1, 16, 16), dtype=torch.uint8)
    batch = Batch(images, torch.arange(7) % 3, torch.arange(7).numpy())
    whole, _ = varied(augment, batch, torch.Generator().manual_seed(3), 3)
    parts = []
    for number in range(2):
        as_process(monkeypatch, number, 2)
        images, targets = varied(augment, batch, torch.Generator().manual_seed(3), 3)
        assert len(targets) == 7
        parts.append(images)
    torch.testing.assert_close(torch.cat(parts)[:7], whole)


@pytest.mark.parametrize(
    "words", [["eval"], ["data", "prepare"], ["sweep", "x=1"], ["train", "-m", "seed=0,1"]]
)
def test_only_one_training_is_begun_in_several_processes(ferkit, monkeypatch, words):
    as_process(monkeypatch, 0, 2)
    said = ferkit(*words)
    assert said.code == 2
    assert "WORLD_SIZE=2" in said.err
    assert len(said.err.splitlines()) == 1


def test_what_torchrun_did_not_begin_is_refused(ferkit, monkeypatch, tmp_path):
    monkeypatch.setenv("WORLD_SIZE", "2")
    said = ferkit("train", "dataset=drawn", "run_dir=many")
    assert said.code == 2
    assert "torchrun --nproc-per-node=2 -m ferkit train" in said.err
    assert not (tmp_path / "many").exists()


@pytest.mark.parametrize("value", ["", "many", "0", "-1"])
def test_a_number_of_processes_that_is_none_counts_as_one(monkeypatch, value):
    monkeypatch.setenv("WORLD_SIZE", value)
    assert processes.count() == 1

"""Convolutions in channels_last on a CPU: right, or not run (see ferkit.training.memory_format)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from ferkit.config import build
from ferkit.targets import configs_dir
from ferkit.training.memory_format import strided_pointwise, why_not_channels_last
from ferkit.tree import choices

GRADIENTS = Path(__file__).with_name("convolution_gradients.py")


def gradients(threads, largest, *batches):
    """What the script found; it has a process of its own, since it may die."""
    words = [sys.executable, str(GRADIENTS), *map(str, (threads, largest, *batches))]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-500:]}"
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_weight_gradients_of_small_convolutions(threads):
    found = gradients(threads, 10_000, 1, 3, 17)
    assert found["threads"] == threads
    assert found["shapes"] > 15
    assert found["wrong"] == {}


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_weight_gradients_of_every_convolution_at_every_batch(threads):
    found = gradients(threads, 10**9, *range(1, 34))
    assert (found["wrong"], found["shapes"] > 50) == ({}, True)


@pytest.mark.parametrize("name", choices("backbone"))
@pytest.mark.parametrize("channels", [1, 3])
def test_no_network_of_ours_has_a_strided_pointwise_convolution_of_few_channels(name, channels):
    node = OmegaConf.load(configs_dir() / "backbone" / f"{name}.yaml")
    with torch.device("meta"):
        try:
            network = build(node, where="backbone", classes=7, channels=channels, size=80)
        except (NotImplementedError, RuntimeError):  # looks at what it computes as it is made
            network = None
    if network is None:
        network = build(node, where="backbone", classes=7, channels=channels, size=80)
    assert strided_pointwise(network) == []


@pytest.mark.parametrize(
    ("convolution", "risky"),
    [
        (nn.Conv2d(8, 16, 1, stride=2), True),
        (nn.Conv2d(15, 16, (1, 1), stride=(1, 2)), True),
        (nn.Conv2d(64, 64, 1, stride=2, groups=8), True),
        (nn.Conv2d(16, 16, 1, stride=2), False),
        (nn.Conv2d(8, 16, 1), False),
        (nn.Conv2d(8, 16, 3, stride=2), False),
    ],
)
def test_what_is_unsafe(convolution, risky):
    network = nn.Sequential(nn.ReLU(), convolution)
    assert strided_pointwise(network) == (["1"] if risky else [])
    assert bool(why_not_channels_last(network, torch.device("cpu"))) is risky
    assert why_not_channels_last(network, torch.device("cuda")) is None


RISKY = """
from torch import nn

class Net(nn.Module):
    def __init__(self, classes, channels, *, size):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 1, stride=2),
            nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(16, classes)
    def features(self, images):
        return self.body(images)
    def head(self, features):
        return self.classifier(features)
    def forward(self, images):
        return self.head(self.features(images))
"""
SMALL = [
    "dataset.train=50",
    "dataset.val=16",
    "dataset.test=16",
    "dataset.people=12",
    "trainer.max_epochs=1",
    "trainer.batch_size=17",
    "report.saliency=none",
    "report.faces=false",
]


@pytest.mark.parametrize("color", ["grey", "rgb"])  # RGB faces come in channels_last
def test_a_network_of_the_users_own_is_trained_contiguous(ferkit, tmp_path, monkeypatch, color):
    (tmp_path / "risky_net.py").write_text(RISKY)
    folder = tmp_path / "ferkit_configs" / "backbone"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("# mine\n_target_: risky_net.Net\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("FERKIT_ALLOW", "risky_net")
    seen = []
    own = nn.Conv2d.forward

    def forward(self, maps):
        if maps.requires_grad:
            seen.append(maps.is_contiguous())
        return own(self, maps)

    monkeypatch.setattr(nn.Conv2d, "forward", forward)
    code, _, err = ferkit("train", *SMALL, "backbone=mine", f"faces.color={color}", "run_dir=r")
    assert code == 0, err
    assert "channels_last is off" in err
    assert "oneDNN" in json.loads((tmp_path / "r" / "env.json").read_text())["memory_format"]
    assert seen and all(seen)


def test_mini_xception_trains_on_two_threads_with_an_odd_last_batch(tmp_path):
    env = os.environ | {"OMP_NUM_THREADS": "2"}
    words = [sys.executable, "-m", "ferkit", "train", *SMALL, "trainer.threads=2", "run_dir=r"]
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-500:]}"
    found = json.loads((tmp_path / "r" / "env.json").read_text())
    assert (found["threads"], found["memory_format"]) == (2, "channels_last")

"""Modules in the current folder, and yaml files of one's own."""

import os
import subprocess
import sys

import pytest

NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self, classes, channels, *, size):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels, 4, 3, 2), nn.AdaptiveAvgPool2d(1))
        self.classifier = nn.Linear(4, classes)

    def features(self, images):
        return self.body(images).flatten(1)

    def head(self, features):
        return self.classifier(features)

    def forward(self, images):
        return self.head(self.features(images))
"""


@pytest.fixture
def mine(tmp_path):
    folder = tmp_path / "ferkit_configs" / "backbone"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("# mine\n_target_: own_net_of_a_test.Net\n")
    (tmp_path / "own_net_of_a_test.py").write_text(NET)


def test_a_module_of_the_current_folder_is_found_where_it_is_allowed(ferkit, mine, monkeypatch):
    words = [
        "train",
        "backbone=mine",
        "debug=default",
        "dataset.train=100",
        "dataset.val=70",
        "dataset.test=70",
        "run_dir=run",
    ]
    code, _, err = ferkit(*words)
    assert (code, "FERKIT_ALLOW=own_net_of_a_test " in err) == (2, True), err
    monkeypatch.setenv("FERKIT_ALLOW", "own_net_of_a_test")
    assert ferkit(*words)[0] == 0


def test_no_other_module_of_the_current_folder_is_imported(mine, tmp_path):
    (tmp_path / "torch.py").write_text("raise SystemExit('imported from the current folder')")
    (tmp_path / "helper_of_a_test.py").write_text("")
    program = (
        "from ferkit.own import search_current_folder; search_current_folder();"
        "import importlib.util as u; print(u.find_spec('helper_of_a_test'), "
        "u.find_spec('own_net_of_a_test').name, u.find_spec('torch').origin)"
    )
    environment = os.environ | {"FERKIT_ALLOW": "own_net_of_a_test,torch", "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    nothing, own, torch = done.stdout.split()
    assert (nothing, own) == ("None", "own_net_of_a_test")
    assert not torch.startswith(str(tmp_path))


@pytest.mark.parametrize(
    "top", ["# @package _global_\n", "# mine\n# @package _global_\n", "# a\n\n#@package _global_\n"]
)
def test_comments_may_stand_above_the_package_of_a_yaml(ferkit, tmp_path, top):
    folder = tmp_path / "ferkit_configs" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        top + "defaults:\n  - override /backbone: kurmi_cnn\ntrainer: {max_epochs: 3}\n"
    )
    code, out, err = ferkit("train", "experiment=mine", "--cfg", "job")
    assert code == 0, err
    assert "KurmiCNN" in out and "max_epochs: 3" in out

import sys

import pytest
import torch

from ferkit.config import build, check_node, resolve
from ferkit.errors import ConfigError


@pytest.mark.parametrize(
    "target",
    [
        "timm.models._hub.Path.unlink",
        "torch.nn.modules.module.torch.hub.load",
        "subprocess.run",
        "ferkit.training.run.subprocess.run",
        "os.system",
        "builtins.eval",
        "torch.load",
        "torch.nn.functional.relu",
        "hydra.utils.instantiate",
    ],
)
def test_gate_refuses_what_is_not_ours(target):
    with pytest.raises(ConfigError, match="refused"):
        resolve(target, "optimizer")


def test_gate_imports_nothing_foreign(tmp_path, monkeypatch):
    (tmp_path / "evil_module.py").write_text("raise SystemExit('ran')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="refused"):
        resolve("evil_module.anything", "optimizer")
    assert "evil_module" not in sys.modules


def test_own_package_comes_in_by_environment_alone(tmp_path, monkeypatch):
    (tmp_path / "mypkg_for_gate.py").write_text("def thing(x=1):\n    return x + 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    node = {"_target_": "mypkg_for_gate.thing", "x": 4}
    with pytest.raises(ConfigError, match="FERKIT_ALLOW"):
        build(node)
    monkeypatch.setenv("FERKIT_ALLOW", "mypkg_for_gate")
    assert build(node) == 5


def test_optimizer_is_built_with_its_facts():
    parameter = torch.nn.Parameter(torch.zeros(2))
    built = build({"_target_": "torch.optim.SGD", "lr": 0.5}, params=[parameter], steps=3)
    assert built.param_groups[0]["lr"] == 0.5


def test_wrong_key_and_type_are_named():
    with pytest.raises(ConfigError, match=r"optimizer\.lrr.*Did you mean 'optimizer\.lr'"):
        check_node({"_target_": "torch.optim.AdamW", "lrr": 5}, "optimizer")
    node = {"_target_": "ferkit.training.settings.TrainerSettings", "max_epochs": "many"}
    with pytest.raises(ConfigError, match="max_epochs is 'many'; it takes int"):
        check_node(node, "trainer")


def test_misspelt_target_is_named():
    with pytest.raises(ConfigError, match="AdamW"):
        resolve("torch.optim.AdamWW", "optimizer")


def test_constructor_refusal_is_a_sentence():
    node = {"_target_": "torch.optim.SGD", "lr": -1.0}
    with pytest.raises(ConfigError, match="optimizer: Invalid learning rate"):
        build(node, where="optimizer", params=[torch.nn.Parameter(torch.zeros(1))])


def test_hydra_keys_cannot_be_smuggled_in():
    with pytest.raises(ConfigError, match="_partial_"):
        check_node({"_target_": "torch.optim.AdamW", "_partial_": True}, "optimizer")

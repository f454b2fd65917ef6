import pytest
import torch

from ferkit.config import build, check_node
from ferkit.errors import ConfigError


def test_optimizer_is_built_with_its_facts():
    parameter = torch.nn.Parameter(torch.zeros(2))
    built = build(
        {"_target_": "torch.optim.SGD", "lr": 0.5}, where="optimizer", params=[parameter], steps=3
    )
    assert built.param_groups[0]["lr"] == 0.5


def test_wrong_key_and_type_are_named():
    with pytest.raises(ConfigError, match=r"optimizer\.lrr.*Did you mean 'optimizer\.lr'"):
        check_node({"_target_": "torch.optim.AdamW", "lrr": 5}, "optimizer")
    node = {"_target_": "ferkit.training.settings.TrainerSettings", "max_epochs": "many"}
    with pytest.raises(ConfigError, match="max_epochs is 'many'; it takes int"):
        check_node(node, "trainer")


def test_constructor_refusal_is_a_sentence():
    node = {"_target_": "torch.optim.SGD", "lr": 0.1, "nesterov": True}
    with pytest.raises(ConfigError, match="optimizer: Nesterov momentum requires"):
        build(node, where="optimizer", params=[torch.nn.Parameter(torch.zeros(1))])


def test_hydra_keys_cannot_be_smuggled_in():
    with pytest.raises(ConfigError, match="_partial_"):
        check_node({"_target_": "torch.optim.AdamW", "_partial_": True}, "optimizer")


def test_every_range_is_of_a_key_that_a_choice_of_its_group_has():
    from ferkit.keys import node_keys
    from ferkit.ranges import RANGES
    from ferkit.tree import choices

    for group in RANGES.keys() - {"optimizer"}:  # torch has more of these than yaml files
        ranges = RANGES[group]
        known = {
            str(getattr(key, "name", key)).split(".", 1)[-1]
            for choice in choices(group)
            for key in node_keys(group, choice)
        }
        assert set(ranges) <= known, (group, set(ranges) - known)

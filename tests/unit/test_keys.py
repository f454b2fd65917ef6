"""Every key that can be typed is shown with its default and a line of what it is."""

import pytest
import yaml
from omegaconf import OmegaConf

from ferkit.composition import compose
from ferkit.config import GROUPS, SHARED, signature_of
from ferkit.keys import SHARED_KEYS, node_keys, root_keys
from ferkit.roots import ROOTS
from ferkit.tree import choices, defaults, file_of

CHOICES = [(group, choice) for group in GROUPS for choice in choices(group)]


@pytest.mark.parametrize("command", ROOTS)
def test_every_root_key_has_a_line(command):
    assert [key.name for key in root_keys(command) if not key.line] == []


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_key_of_a_choice_has_a_line(group, choice):
    assert [key.name for key in node_keys(group, choice) if not key.line] == []


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_keys_of_a_choice_are_those_that_can_be_given(group, choice):
    node = yaml.safe_load(file_of(group, choice).read_text())
    node = node.get(group, node)
    taken = signature_of(node["_target_"], group).defaults
    shown = {key.name.split(".")[1] for key in node_keys(group, choice)}
    assert set(node) - {"_target_"} <= shown
    assert shown <= set(node) | set(taken) | set(SHARED.get(group, ()))


def test_defaults_shown_are_those_that_a_run_has():
    config = compose()
    chosen = dict(defaults("train"))
    keys = [*root_keys("train"), *(k for g in GROUPS for k in node_keys(g, chosen[g]))]
    for key in keys:
        found = OmegaConf.select(config, key.name, default=...)
        if found is not ... and "$" not in key.default and "/" not in key.default:
            plain = OmegaConf.to_container(found) if OmegaConf.is_config(found) else found
            assert yaml.safe_load(key.default) == plain, key.name


def test_shared_keys_are_those_of_the_gate():
    names = {f"{group}.{key}" for group, keys in SHARED.items() for key in keys}
    assert {key.name for key in SHARED_KEYS} == names

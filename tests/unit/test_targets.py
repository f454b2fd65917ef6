"""The closed lists: what a config of any origin may build."""

import sys

import pytest
import yaml

from ferkit.config import GROUPS, build
from ferkit.errors import ConfigError
from ferkit.targets import configs_dir, resolve, shipped_targets
from ferkit.tree import choices


@pytest.mark.parametrize(
    "target",
    [
        "timm.models._hub.Path.unlink",
        "torch.nn.modules.module.torch.hub.load",
        "subprocess.run",
        "ferkit.runs.folder.subprocess.run",
        "os.system",
        "builtins.eval",
        "torch.load",
        "torch.nn.functional.relu",
        "torch.nn.Sequential",
        "torch.optim.Optimizer",
        "torch.optim.lr_scheduler.EPOCH_DEPRECATION_WARNING",
        "hydra.utils.instantiate",
        "ferkit.cli.main",
        "ferkit.commands.data.main",
        "ferkit.targets._import_path",
        "ferkit.composition.compose",
        "ferkit.datasets.fakes.folder.make",
        "ferkit..cli.main",
        "ferkit.losses.CrossEntropy.__init__",
        " ferkit.input.Input",
        "",
        None,
        ["ferkit.input.Input"],
    ],
)
@pytest.mark.parametrize("where", GROUPS)
def test_no_group_builds_what_its_list_does_not_hold(target, where):
    with pytest.raises(ConfigError, match=rf"{where}\._target_"):
        resolve(target, where)


@pytest.mark.parametrize("where", GROUPS)
def test_no_group_builds_the_targets_of_another(where):
    others = set().union(*map(shipped_targets, GROUPS)) - shipped_targets(where)
    for target in others - {"torch.optim.Adam", "torch.optim.AdamW", "torch.optim.SGD"}:
        if not (where == "optimizer" and target.startswith("torch.optim.")):
            with pytest.raises(ConfigError, match="refused"):
                resolve(target, where)


def targets(node):
    if isinstance(node, dict):
        for key, value in node.items():
            yield from [value] if key == "_target_" else targets(value)


@pytest.mark.parametrize("group", GROUPS)
def test_every_yaml_of_a_group_may_be_built(group):
    for choice in choices(group):
        node = yaml.safe_load((configs_dir() / group / f"{choice}.yaml").read_text())
        if "_target_" in node:
            assert callable(resolve(node["_target_"], group))


def test_every_target_of_an_experiment_stands_in_its_group():
    for path in configs_dir().glob("experiment/**/*.yaml"):
        for group, node in (yaml.safe_load(path.read_text()) or {}).items():
            for target in targets(node) if group in GROUPS else ():
                assert callable(resolve(target, group)), path


@pytest.mark.parametrize(
    ("target", "where"),
    [
        ("torch.optim.NAdam", "optimizer"),
        ("torch.optim.adamw.AdamW", "optimizer"),
        ("torch.optim.lr_scheduler.ExponentialLR", "scheduler"),
        ("torch.nn.CrossEntropyLoss", "loss"),
    ],
)
def test_torchs_own_are_open_where_they_belong(target, where):
    assert resolve(target, where).__module__.startswith("torch.")


def test_misspelt_target_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"Did you mean 'torch\.optim\.AdamW'"):
        resolve("torch.optim.AdamWW", "optimizer")


def test_gate_imports_nothing_to_find_out(tmp_path, monkeypatch):
    (tmp_path / "evil_module.py").write_text("raise SystemExit('ran')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="refused"):
        resolve("evil_module.anything", "optimizer")
    assert "evil_module" not in sys.modules


def test_own_package_comes_in_by_environment_alone(tmp_path, monkeypatch):
    (tmp_path / "mypkg_for_gate.py").write_text(
        "from os import system\n\ndef thing(x=1):\n    return x + 1\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    node = {"_target_": "mypkg_for_gate.thing", "x": 4}
    with pytest.raises(ConfigError, match="FERKIT_ALLOW"):
        build(node, where="loss")
    monkeypatch.setenv("FERKIT_ALLOW", "mypkg_for_gate")
    assert build(node, where="loss") == 5
    with pytest.raises(ConfigError, match="refused"):
        resolve("mypkg_for_gate.system", "loss")  # of another package, whatever its path says


def test_allowed_package_that_is_not_there_is_a_sentence(monkeypatch):
    monkeypatch.setenv("FERKIT_ALLOW", "no_such_package_here")
    with pytest.raises(ConfigError, match="no package 'no_such_package_here'"):
        resolve("no_such_package_here.thing", "loss")


HYDRA_WORDS = [
    "+hydra.callbacks.x._target_=ferkit.cli.main",
    "++hydra.callbacks.x={_target_: os.system}",
    "hydra.launcher._target_=os.system",
    "hydra.sweeper._target_=os.system",
    "++hydra.launcher.x={_target_: os.system}",
    "hydra/callbacks=log_job_return",
    "+loss@hydra.callbacks.x=focal",
    "hydra.searchpath=[file:///tmp]",
    "hydra.run.dir=/tmp/elsewhere",
    "~hydra.launcher",
    "hydra.sweeper.params={seed: '1,2'}",
]


@pytest.mark.parametrize("word", HYDRA_WORDS)
@pytest.mark.parametrize("more", [[], ["-m"]])
def test_words_for_hydra_itself_are_refused(ferkit, word, more):
    code, _, err = ferkit("train", *more, "seed=0,1" if more else "seed=0", word)
    assert code == 2
    assert "refused" in err or "hydra" in err
    assert "Traceback" not in err


def test_yaml_of_the_users_own_reaches_no_callback(ferkit, tmp_path):
    folder = tmp_path / "ferkit_configs" / "experiment"
    folder.mkdir(parents=True)
    folder.joinpath("mine.yaml").write_text(
        "# @package _global_\nhydra:\n  callbacks:\n    x:\n      _target_: pathlib.Path.mkdir\n"
        "      self: made\n"
    )
    code, _, err = ferkit("train", "-m", "experiment=mine", "seed=0,1", "run_dir=r")
    assert (code, "hydra.callbacks is refused" in err) == (2, True)
    assert not (tmp_path / "made").exists()

import re
import sys
import tomllib
from pathlib import Path

import pytest

from ferkit import composition, errors
from ferkit.errors import EXTRAS, PLAIN, ConfigError, install, missing, require

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def names(requirements):
    return {re.split(r"[<>=\[ ]", word)[0] for word in requirements}


@pytest.fixture
def wheel(monkeypatch):
    monkeypatch.setattr(errors, "_checkout", lambda: None)


@pytest.fixture(autouse=True)
def own_pip(monkeypatch):
    monkeypatch.setattr(errors, "which", lambda _: str(Path(sys.executable).parent / "pip"))


def test_every_extra_that_is_named_brings_the_package(project):
    for package, extra in EXTRAS.items():
        assert package in names(project["optional-dependencies"][extra])
    assert set(PLAIN) <= names(project["dependencies"])
    assert set(composition.LAUNCHERS.values()) <= set(EXTRAS)


def test_the_facenet_crop_comes_with_the_plain_install_and_its_extra_stays(project):
    assert "facenet-pytorch==2.5.3" in project["dependencies"]
    assert project["optional-dependencies"]["faces"] == []


@pytest.mark.parametrize(("package", "extra"), EXTRAS.items())
def test_in_a_checkout_the_hint_is_its_editable_install(package, extra, monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    assert install(package) == f"pip install -e '.[{extra}]'"
    monkeypatch.chdir(tmp_path)
    assert install(package) == f"cd {ROOT} && pip install -e '.[{extra}]'"


@pytest.mark.parametrize(("package", "extra"), EXTRAS.items())
def test_from_a_wheel_the_hint_names_the_distribution(package, extra, wheel):
    assert install(package) == f"pip install 'ferkit[{extra}]'"


def test_a_plain_dependency_and_a_stranger(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert install("facenet-pytorch") == "pip install -e ."
    assert install("something") == "pip install something"
    monkeypatch.setattr(errors, "_checkout", lambda: None)
    assert install("facenet-pytorch") == "pip install ferkit"


@pytest.mark.parametrize("found", [None, "/usr/bin/pip"])
def test_where_pip_is_another_pythons_this_one_is_named(found, monkeypatch, wheel):
    monkeypatch.setattr(errors, "which", lambda _: found)
    assert install("optuna") == f"{sys.executable} -m pip install 'ferkit[sweep]'"


def test_what_lies_in_a_source_tree_is_told_from_what_is_installed(monkeypatch, tmp_path):
    for folder in ("tree/src/ferkit", "lib/site-packages/ferkit"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "tree" / "pyproject.toml").touch()
    monkeypatch.setattr(errors, "__file__", str(tmp_path / "tree/src/ferkit/errors.py"))
    assert errors._checkout() == tmp_path / "tree"
    monkeypatch.setattr(errors, "__file__", str(tmp_path / "lib/site-packages/ferkit/errors.py"))
    assert errors._checkout() is None


def test_a_missing_package_is_one_sentence(wheel):
    said = "ferkit sweep needs optuna, which is not installed: pip install 'ferkit[sweep]'."
    assert missing("ferkit sweep", "optuna") == said
    with pytest.raises(ConfigError, match="it needs no_such_package_here"):
        require("it", "no_such_package_here")


@pytest.mark.parametrize(("launcher", "package"), composition.LAUNCHERS.items())
def test_each_missing_launcher_is_said(ferkit, monkeypatch, wheel, launcher, package):
    error = ValueError(f"Could not find 'hydra/launcher/{launcher}'")
    said = composition._sentence(error, "train")
    assert said == f"hydra/launcher={launcher} needs {package}, which is not installed: " + (
        "pip install 'ferkit[sweep]'."
    )


@pytest.mark.parametrize(
    ("words", "module", "said"),
    [
        (["sweep", "seed=1,2"], "optuna", "ferkit[sweep]"),
        (["train", "logger=tensorboard"], "tensorboard", "ferkit[tensorboard]"),
        (["train", "logger=wandb"], "wandb", "ferkit[wandb]"),
        (["train", "logger=mlflow"], "mlflow", "ferkit[mlflow]"),
    ],
)
def test_each_missing_extra_is_said_by_its_command(ferkit, monkeypatch, wheel, words, module, said):
    find = errors.find_spec
    monkeypatch.setattr(errors, "find_spec", lambda name: None if name == module else find(name))
    code, _, err = ferkit(*words)
    assert code == 2
    assert f"needs {module}, which is not installed: pip install '{said}'" in err
    assert err.count("\n") == 1

"""What starts without the heavy packages: nobody waits for an import that is not used."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "torchvision", "timm", "captum", "matplotlib", "sklearn", "pandas", "numpy"}
OPTIONAL = HEAVY - {"torch", "pandas", "numpy"}


def imported(words: str) -> set[str]:
    """The heavy packages in memory after these words of Python, in a process of its own."""
    code = f"import sys\n{words}\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return HEAVY & set(done.stderr.split())


@pytest.mark.parametrize("word", ["--help", "--version", "list"])
def test_a_command_that_computes_nothing_imports_nothing_heavy(word):
    assert not imported(f"from ferkit import cli; cli.main([{word!r}])")


def test_the_list_of_runs_imports_no_network():
    assert imported("from ferkit import cli; cli.main(['runs'])") <= {"pandas", "numpy"}


def test_composing_a_config_imports_nothing_heavy():
    assert not imported("from ferkit.composition import compose; compose('backbone=resnet50')")


def test_the_trainer_imports_none_of_the_optional_packages():
    found = imported("import ferkit.training.trainer, ferkit.loader, ferkit.training.augment")
    assert not OPTIONAL & found

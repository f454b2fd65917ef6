"""Signatures read from source are those of the objects."""

import inspect
import subprocess
import sys
import typing

import pytest

from ferkit.config import GROUPS, _fits, signature_of
from ferkit.signatures import REQUIRED, Unread, described, read_signature
from ferkit.targets import resolve, shipped_targets

SHIPPED = sorted({(group, target) for group in GROUPS for target in shipped_targets(group)})
VALUES = (1, 0, 1.5, "a", "auto", None, True, False, [1], {"a": 1})


@pytest.mark.parametrize(("group", "target"), SHIPPED)
def test_source_says_what_the_object_says(group, target):
    read, found = read_signature(target), resolve(target, group)
    assert read is not None, "its source leaves the signature open: compose would import it"
    parameters = inspect.signature(found).parameters.values()
    named = [p for p in parameters if p.kind is not p.VAR_KEYWORD]
    assert list(read.defaults) == [p.name for p in named]
    assert read.open_ended == (len(named) < len(parameters))
    hints = typing.get_type_hints(found.__init__ if inspect.isclass(found) else found)
    for p in named:
        default = REQUIRED if p.default is p.empty else p.default
        assert isinstance(read.defaults[p.name], Unread) or read.defaults[p.name] == default
        hint = hints.get(p.name, typing.Any)
        same = [_fits(v, hint) == _fits(v, read.hints[p.name]) for v in VALUES]
        assert all(same), (p.name, hint, read.hints[p.name])


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "ferkit.nowhere.X",
        "ferkit.cli",
        "ferkit",
        "",
        "ferkit..cli.main",
        "ferkit.cli.os.system",
        "torch.nn.Sequential",
    ],
)
def test_what_the_source_leaves_open_is_none(target):
    assert read_signature(target) is None


def test_composing_imports_no_network():
    code = (
        "import sys; from ferkit.composition import compose; compose('loss=focal');"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_is_not_shipped_is_asked_itself(tmp_path, monkeypatch):
    assert "lr" in signature_of("torch.optim.NAdam", "optimizer").defaults
    (tmp_path / "mypkg_for_signatures.py").write_text("def thing(x: int = 1):\n    return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("FERKIT_ALLOW", "mypkg_for_signatures")
    assert signature_of("mypkg_for_signatures.thing", "loss").defaults == {"x": 1}


def test_sections_of_a_docstring():
    doc = "What.\n\nArgs:\n    a: One\n        line.\n    b: Two.\n\nReturns:\n    c: No key."
    assert described(doc) == {"a": "One line.", "b": "Two."}
    assert described(None) == {}

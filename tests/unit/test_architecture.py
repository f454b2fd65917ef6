"""Imports go down through the layers, and no two modules need each other."""

from pathlib import Path

import networkx
import pytest

from ferkit.log import log

grimp = pytest.importorskip("grimp")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def imports():
    graph = grimp.build_graph("ferkit", exclude_type_checking_imports=True, cache_dir=None)
    pairs = [
        (m, used) for m in graph.modules for used in graph.find_modules_directly_imported_by(m)
    ]
    return networkx.DiGraph(pairs)


def test_imports_go_down(monkeypatch):
    from importlinter.cli import lint_imports

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(log, "disabled", False)  # import-linter configures logging, which sets it
    assert lint_imports(config_filename="pyproject.toml", no_cache=True) == 0


def test_no_modules_import_each_other_in_a_circle(imports):
    circles = [sorted(c) for c in networkx.strongly_connected_components(imports) if len(c) > 1]
    assert circles == []


def test_no_room_but_datasets_is_large():
    source = ROOT / "src" / "ferkit"
    lines = {
        room.name: sum(len(p.read_text(encoding="utf-8").splitlines()) for p in room.rglob("*.py"))
        for room in source.iterdir()
        if room.is_dir()
    }
    assert {name: n for name, n in lines.items() if n > 3500 and name != "datasets"} == {}


def test_evaluation_is_numpy_and_pandas_alone(imports):
    inner = [module for module in imports if module.startswith("ferkit.evaluation")]
    below = {used for module in inner for used in networkx.descendants(imports, module)}
    for module in below | set(inner):
        text = (ROOT / "src" / Path(*module.split("."))).with_suffix(".py")
        if text.is_file():
            source = text.read_text(encoding="utf-8")
            assert "\nimport torch" not in source and "\nfrom torch" not in source, module

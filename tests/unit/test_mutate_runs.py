"""A few of the damages of scripts/mutate_runs.py; the script tries hundreds."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "mutate_runs.py"


@pytest.mark.slow
def test_damaged_runs_are_refused_or_told_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("mutate_runs", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    found = script.mutate(tmp_path, count=20, seed=1, each=1)
    assert found.keys() <= {"refused", "same", "warned"}, found
    assert sum(found.values()) == 20

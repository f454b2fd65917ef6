"""What a built wheel carries."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import ferkit.packaged as packaged

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_wheel_carries_configs_templates_and_no_data(tmp_path):
    words = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", tmp_path, ROOT]
    subprocess.run(words, check=True)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    for name in (
        "configs/train.yaml",
        "configs/experiment/fer2013/mini_xception.yaml",
        "reports/document.html.jinja",
        "reports/page.css",
    ):
        assert f"ferkit/{name}" in names
    licences = {n.rsplit("/", 1)[1] for n in names if "/licenses/" in n}
    assert {"LICENSE", "LICENSE-MODELS"} <= licences
    for model in packaged.names():
        assert f"ferkit/models/{model}/model.safetensors" in names
    assert not [n for n in names if n.endswith((".jpg", ".png", ".npy", ".parquet"))]


def test_configs_are_found_beside_the_package_first(tmp_path, monkeypatch):
    import ferkit.targets as targets

    assert targets.configs_dir() == ROOT / "configs"
    package = tmp_path / "ferkit"
    (package / "configs").mkdir(parents=True)
    monkeypatch.setattr(targets, "__file__", str(package / "targets.py"))
    assert targets.configs_dir() == package / "configs"

"""What a wheel and an sdist of a clean build carry, and that the wheel alone is enough."""

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ferkit
import ferkit.packaged as packaged
from ferkit.drawn.face import draw_face

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with an sdist and the wheel that is built from it, as pip would for a stranger."""
    pytest.importorskip("build")
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", out, ROOT], check=True)
    return out


def tree(folder, *suffixes):
    """Files below a folder of the checkout, relative to it."""
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    return {path.relative_to(ROOT / folder).as_posix() for path in found if path.suffix in suffixes}


@pytest.mark.slow
def test_the_wheel_carries_configs_pages_and_weights_and_no_data(built):
    names = set(zipfile.ZipFile(next(built.glob("*.whl"))).namelist())
    assert {f"ferkit/configs/{name}" for name in tree("configs", ".yaml")} <= names
    carried = (".py", ".jinja", ".css", ".js", ".html", ".yaml", ".json", ".safetensors")
    assert {f"ferkit/{name}" for name in tree("src/ferkit", *carried)} <= names
    licences = {n.rsplit("/", 1)[1] for n in names if "/licenses/" in n}
    assert {"LICENSE", "LICENSE-MODELS"} <= licences
    for model in packaged.names():
        assert f"ferkit/models/{model}/model.safetensors" in names
    assert not [n for n in names if n.endswith((".jpg", ".png", ".npy", ".parquet"))]
    assert not [n for n in names if n.startswith(("tests/", "docs/", "outputs/", "data/"))]


@pytest.mark.slow
def test_the_sdist_carries_what_its_tests_and_docs_need(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = archive.getnames()
    inside = {name.partition("/")[2] for name in names}
    for folder in ("configs", "docs", "scripts", "tests", "src/ferkit"):
        kept = tree(folder, ".py", ".yaml", ".md", ".jinja", ".css", ".safetensors", ".ipynb")
        assert {f"{folder}/{name}" for name in kept} <= inside
    assert {"pyproject.toml", "README.md", "CONTRIBUTING.md", "LICENSE-MODELS"} <= inside
    assert {n for n in inside if n.startswith(("outputs/", "data/"))} <= {
        "outputs/README.md",
        "data/README.md",
    }
    assert not [n for n in inside if n.startswith(".venv")]


@pytest.mark.slow
def test_the_wheel_works_from_an_empty_folder(built, tmp_path):
    """Its configs, its page and its weights are found where no checkout is."""
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", installed]
    subprocess.run([*pip, next(built.glob("*.whl"))], check=True)
    face = draw_face("happy", person=0, rng=np.random.default_rng(0), size=48)
    Image.fromarray(face).save(empty / "face.png")
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    for words, said in (
        (["--version"], f"ferkit {ferkit.__version__}"),
        (["list", "model"], "eca_resnet"),
        (["train", "--cfg", "job"], "max_epochs"),
        (["data", "show", "dataset.train=20", "dataset.val=10", "dataset.test=10"], ".html"),
        (["predict", "source=face.png", "faces=none", "out=out"], "out"),
    ):
        command = [sys.executable, "-m", "ferkit", *words]
        done = subprocess.run(
            command, cwd=empty, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
    assert (empty / "out" / "faces.csv").read_text().count("\n") == 2


def test_the_version_stands_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == ferkit.__version__


def test_configs_are_found_beside_the_package_first(tmp_path, monkeypatch):
    import ferkit.targets as targets

    assert targets.configs_dir() == ROOT / "configs"
    package = tmp_path / "ferkit"
    (package / "configs").mkdir(parents=True)
    monkeypatch.setattr(targets, "__file__", str(package / "targets.py"))
    assert targets.configs_dir() == package / "configs"

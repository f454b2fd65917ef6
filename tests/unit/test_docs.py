"""Command lines and code of the documentation."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferkit.cli import TAKES_KEYS
from ferkit.commands import COMMANDS
from ferkit.composition import compose

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OWN = ROOT / "docs" / "own_code.md"
OPTIONS = ("--cfg", "--dry-run", "-m", "--help")


def command_lines(page):
    """Lines that begin with ferkit, in blocks of code and in tables, without remarks."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"^(?: {4}|\$ )((?:[A-Z_]+=\S+ )?ferkit .*)$", text, re.M)
    fenced = [
        line
        for block in re.findall(r"```(?:bash|sh|text|)\n(.*?)```", text, re.S)
        for line in block.splitlines()
        if line.startswith("ferkit ")
    ]
    cells = re.findall(r"`(ferkit [^`]+)`", text)
    return [re.split(r" {3,}|  #| #", line)[0].strip() for line in (*blocks, *fenced, *cells)]


def words_of(line):
    return [w for w in shlex.split(line, comments=True) if not re.fullmatch(r"[A-Z_]+=\S+", w)][1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_composes(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FERKIT_ALLOW", "mypackage")
    for line in dict.fromkeys(command_lines(page)):
        command, *words = words_of(line)
        assert command in COMMANDS, line
        if command not in TAKES_KEYS or not is_whole(line, words):
            continue
        compose(*(word for word in words if word not in OPTIONS), command=command)


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.S)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The files of own_code.md, as it names them, and photographs for its dataset."""
    for name, code in zip(("mynet", "myloss", "mydata"), blocks(OWN, "python"), strict=True):
        (tmp_path / f"{name}.py").write_text(code)
    yamls = ("backbone/mynet", "loss/brier", "dataset/mine", "experiment/mine")
    for name, text in zip(yamls, blocks(OWN, "yaml"), strict=True):
        path = tmp_path / "ferkit_configs" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    photographs = tmp_path / "data" / "raw" / "mine"
    photographs.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for person in ("anna", "ben", "cem", "dina", "eva", "finn"):
        for label in ("happy", "sad"):
            image = Image.fromarray(rng.integers(0, 256, (48, 48), dtype=np.uint8))
            image.save(photographs / f"{person}_{label}_0.png")
    monkeypatch.setenv("FERKIT_ALLOW", "mynet,myloss,mydata")


def test_the_own_code_of_the_page_trains(ferkit, own):
    small = ("trainer.max_epochs=1", "trainer.threads=1", "run_dir=run", "evaluate=[val]")
    code, _, err = ferkit("train", "dataset=mine", "backbone=mynet", "loss=brier", *small)
    assert code == 0, err
    assert "by subject" in Path("run/report/report.md").read_text()
    assert ferkit("list", "backbone", "mynet").out.startswith("backbone=mynet  one convolution")
    assert ferkit("train", "experiment=mine", "--cfg", "job").code == 0


def is_whole(line, words):
    """Whether a line can be composed here: no ellipsis, sweep, own choice or word of `data`."""
    own = re.search(r"=mine|=mynet|=brier|NAME", line)
    swept = "-m" in words or line.startswith("ferkit sweep")
    return not (own or swept or "..." in line or "ferkit data" in line or not words)

"""`pytest -m reliability`: kills, limits and malicious input, with real processes."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

HERE = Path(__file__).parent
QUICK = [
    "dataset=folder",
    "backbone=kurmi_cnn",
    "trainer.max_epochs=2",
    "trainer.batch_size=16",
    "trainer.device=cpu",
    "trainer.threads=1",
    "report.saliency=none",
    "optimizer.lr=1e-3",
    "evaluate=[val,test]",
    "prepared_root=prepared",
]
TIMES = ("seconds", "images_per_second", "peak_memory")


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(item.fspath).is_relative_to(HERE):
            item.add_marker(pytest.mark.reliability)


@pytest.fixture(scope="session")
def server():
    process = subprocess.Popen(
        [sys.executable, str(HERE / "server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    yield process
    process.stdin.close()
    process.wait(30)


@pytest.fixture
def command(server, tmp_path):
    """Type words in a process of its own: (exit code, what it printed, file operations)."""

    def run(*words, folder=tmp_path, **ask):
        ask |= {"words": list(words), "folder": str(folder), "log": str(tmp_path / "log.txt")}
        server.stdin.write(json.dumps(ask) + "\n")
        server.stdin.flush()
        answer = json.loads(server.stdout.readline())
        printed = (tmp_path / "log.txt").read_text(errors="replace")
        return answer["code"], printed, answer["operations"]

    return run


def draw(folder, splits=(("train", 8), ("test", 4)), emotions=("happy", "neutral", "sad")):
    """Class folders of noisy images."""
    rng = np.random.default_rng(0)
    for split, each in splits:
        for emotion in emotions:
            (folder / split / emotion).mkdir(parents=True)
            for i in range(each):
                pixels = rng.integers(0, 256, (48, 48), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / split / emotion / f"{emotion}{i}.png")
    return folder


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("faces"))


@pytest.fixture
def quick(faces):
    return ["train", *QUICK, f"dataset.root={faces}"]


def rows(run):
    found = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k not in TIMES} for row in found]


@pytest.fixture(scope="session")
def same_run():
    """Assert that two runs have the same metrics, tensors, predictions and report, to the bit."""
    return _assert_same


@pytest.fixture(scope="session")
def leftovers():
    """Files and folders that a process left half-written."""
    return lambda *folders: [
        p for f in folders if f.exists() for p in f.rglob("*") if p.name.endswith(".tmp")
    ]


def _assert_same(one, two):
    assert rows(one) == rows(two)
    for name in (
        "model.safetensors",
        "split.parquet",
        "predictions/val.parquet",
        "predictions/test.parquet",
        "report/metrics.json",
    ):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    a, b = (
        torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["model"]
        for run in (one, two)
    )
    assert a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)

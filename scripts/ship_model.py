"""Put the network of a finished run into the package: weights, metrics.json and the model card.

ferkit eval run=RUN view=test              first, if the run has not looked at test yet
python scripts/ship_model.py RUN           as `eca_resnet`, what `ferkit predict` takes by itself
python scripts/ship_model.py RUN --name mini_xception      as docs/model_card_mini_xception.md says

On val alone two numbers are chosen and folded into the last layer, so that whoever loads the file
has them: tau of the logit adjustment (the best mean of macro F1 and balanced accuracy) and the
temperature (the least negative log-likelihood). The metrics are those of the run's own predictions
after the same arithmetic.
"""

import argparse
import hashlib
import json
import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from model_card import card_text

from ferkit.devices import quick_layout
from ferkit.errors import DataError
from ferkit.evaluation.calibration import fit_temperature, measure_temperature
from ferkit.evaluation.metrics import compute_metrics, quick_metrics
from ferkit.files import write_bytes, write_text
from ferkit.model import FaceClassifier, card_of, load_model
from ferkit.model_file import pack
from ferkit.packaged import DEFAULT, METRICS, TERMS, WEIGHTS, folder, predictions_sum
from ferkit.packaged import card as where_card
from ferkit.runs.read import read_predictions
from ferkit.runs.record import RunRecord, read_run, tta_kind

LIMIT = 4_000_000  # bytes of the weights
TAUS = np.arange(-5, 11) / 10  # below 0: a training that was balanced too far
# What `predict` finds faces in photographs with; measured by scripts/measure_crops.py.
FACES = {"detector": "mtcnn", "align": "none", "margin": 0.0}


def ship(run: Path, name: str, target: Path, card: Path, what: str | None = None) -> dict[str, Any]:
    """Write the files of a packaged model; return what metrics.json holds."""
    record, model = read_run(run), load_model(run)
    record = replace(record, predictions=_of_test(record, run))
    _require(record, run)
    counts = np.array([record.data["counts"]["train"][e] for e in model.emotions], float)
    log_shares = np.log(counts / counts.sum())
    scores = {view: _scores(frame, model) for view, frame in record.predictions.items()}
    labels = _class_ids(record.predictions["val"], model)
    strengths = by_tau(scores["val"], labels, log_shares, model.emotions)
    tau = max(strengths, key=_worth)["tau"]
    temperature = fit_temperature(scores["val"] - tau * log_shares, labels)
    fold(model, tau * log_shares, temperature)
    faces = {**model.nodes["faces"], **FACES}
    model.nodes = {**model.nodes, "faces": faces}
    weights = pack(model.state_dict(), card_of(model))
    if len(weights) > LIMIT:
        raise SystemExit(f"The weights of {run} have {len(weights):,} bytes, over {LIMIT:,}.")
    shipped = {
        view: _predictions(
            record.predictions[view], scores[view] - tau * log_shares, temperature, model
        )
        for view in ("val", "test")
    }
    calibration = measure_temperature(scores["val"] - tau * log_shares, labels, temperature)
    best = record.epochs.loc[_best_row(record)]
    found = {
        "format": 1,
        "name": name,
        "what": what or f"{_network(model)}, {_parameters(model) / 1e6:.2f} million parameters",
        "sha256": {
            WEIGHTS: hashlib.sha256(weights).hexdigest(),
            **{f"predictions/{view}": predictions_sum(frame) for view, frame in shipped.items()},
        },
        "terms": TERMS,
        "parameters": _parameters(model),
        "bytes": len(weights),
        "emotions": list(model.emotions),
        "faces": faces,
        "ms_per_face": _speed(model),
        "calibration": {
            "tau": tau,
            "by_tau": strengths,
            "temperature": temperature,
            "ece_before": calibration.ece[0],
            "ece_after": calibration.ece[1],
        },
        "training": {
            "command": _without_places(str(record.env.get("command"))),
            "seed": record.env.get("seed"),
            "versions": record.env.get("versions"),
            "threads": record.env.get("threads"),
            "epochs": len(record.epochs),
            "best_epoch": int(best["epoch"]),
            "minutes": round(float(record.epochs["seconds"].sum()) / 60, 1),
        },
        "data": {key: record.data.get(key) for key in ("dataset", "split", "counts", "leaks")},
        "test_accesses": [
            {**access, "command": _without_places(str(access["command"]))}
            for access in record.test_accesses
        ],
        "views": {view: compute_metrics(frame) for view, frame in shipped.items()},
    }
    write_bytes(target / name / WEIGHTS, weights)
    write_text(target / name / METRICS, json.dumps(found, indent=1, sort_keys=True) + "\n")
    write_text(card, card_text(found))
    return found


def _without_places(command: str) -> str:
    """A command without folders of this machine: packaged teachers by name, other ones as RUN."""
    named = re.sub(r"/[^\s,]*/models/(\w+)/model\.safetensors", r"\1", command)
    return re.sub(r"=\[/[^\]]*\]", "=[RUN]", re.sub(r" \S+=/\S*", "", named))


def _of_test(record: RunRecord, run: Path) -> dict[str, pd.DataFrame]:
    """The run's predictions, with those of test that `ferkit eval view=test` left below eval/."""
    looked = run / "eval" / f"{record.data['dataset']['name']}-test"
    found = dict(record.predictions)
    if "test" not in found and looked.is_dir():
        found["test"] = read_predictions(looked, "test")
    return found


def _require(record: RunRecord, run: Path) -> None:
    missing = {"val", "test"} - set(record.predictions)
    if missing:
        raise SystemExit(
            f"{run} has no predictions of {sorted(missing)[0]}; type `ferkit eval "
            f"run={run} view={sorted(missing)[0]}`."
        )
    adjusted = (record.config.get("imbalance") or {}).get("logits")
    if adjusted or tta_kind(record.config) != "none":
        raise SystemExit(f"{run} predicts with tta or adjusted scores; ship a run without either.")


def _worth(row: dict[str, float]) -> tuple[float, float]:
    return row["macro_f1"] + row["balanced_accuracy"], -abs(row["tau"])  # the weakest of equals


def by_tau(
    scores: np.ndarray, labels: np.ndarray, log_shares: np.ndarray, emotions: tuple[str, ...]
) -> list[dict[str, float]]:
    """Accuracy, balanced accuracy and macro F1 on val under each strength of the adjustment."""
    return [
        {"tau": float(tau)} | quick_metrics(labels, (scores - tau * log_shares).argmax(1), emotions)
        for tau in TAUS
    ]


@torch.no_grad()
def fold(model: FaceClassifier, shift: np.ndarray, temperature: float) -> None:
    """Let the last layer give (scores - shift) / temperature."""
    last: Any = model.backbone.get_submodule("classifier")
    last.bias.sub_(torch.from_numpy(shift).to(last.bias))
    last.bias.div_(temperature)
    last.weight.div_(temperature)


def _scores(frame: pd.DataFrame, model: FaceClassifier) -> np.ndarray:
    columns = [f"p_{emotion}" for emotion in model.emotions]
    return np.asarray(np.log(frame[columns].to_numpy(np.float64).clip(1e-30)))  # [N, K]


def _class_ids(frame: pd.DataFrame, model: FaceClassifier) -> np.ndarray:
    return frame["label"].map({e: k for k, e in enumerate(model.emotions)}).to_numpy(np.int64)


def _predictions(
    frame: pd.DataFrame, scores: np.ndarray, temperature: float, model: FaceClassifier
) -> pd.DataFrame:
    cooled = torch.from_numpy(scores / temperature).softmax(1).numpy()
    columns = {f"p_{emotion}": cooled[:, k] for k, emotion in enumerate(model.emotions)}
    predicted = np.asarray(model.emotions, dtype=object)[cooled.argmax(1)]
    return frame.assign(predicted=predicted, **columns)


def _best_row(record: RunRecord) -> int:
    monitor = str(record.config["trainer"]["monitor"])
    column = record.epochs[monitor]
    return int(column.idxmin() if monitor.endswith("loss") else column.idxmax())


def _network(model: FaceClassifier) -> str:
    return str(model.nodes["backbone"]["_target_"]).rsplit(".", 1)[1]


def _parameters(model: FaceClassifier) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@torch.inference_mode()
def _speed(model: FaceClassifier) -> float:
    """Milliseconds a face, one at a time on one CPU thread: the median of 50."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    face = quick_layout(torch.zeros(1, model.channels, model.size, model.size))
    times = []
    for _ in range(60):
        start = time.perf_counter()
        model.eval()(face)
        times.append(time.perf_counter() - start)
    torch.set_num_threads(threads)
    return round(1000 * float(np.median(times[10:])), 2)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--name", default=DEFAULT)
    parser.add_argument("--what", help="a line for `ferkit list model`")
    parser.add_argument("--folder", type=Path, default=folder())
    parser.add_argument("--card", type=Path, help="default: docs/model_card.md or with its name")
    asked = parser.parse_args()
    page = asked.card or Path(where_card(asked.name))
    try:
        found = ship(asked.run, asked.name, asked.folder, page, asked.what)
    except DataError as error:
        print(f"ship_model: {error}", file=sys.stderr)
        return 3
    for view, metrics in found["views"].items():
        shown = (
            f"{key} {metrics[key]:.3f}" for key in ("accuracy", "balanced_accuracy", "macro_f1")
        )
        print(f"{view}: {', '.join(shown)}")
    print(asked.folder / asked.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())

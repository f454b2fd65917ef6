"""The metrics of FER-2013's test view, with bootstrap intervals, on made-up predictions.

    python scripts/bench_evaluation.py --resamples 10000 --json evaluation.json
    python scripts/bench_evaluation.py --run RUN

Processor seconds of one thread. With --run, by the clock, what `ferkit eval run=RUN view=val
tta=flip` takes beyond the network's forward passes: reading the data, metrics and intervals, the
report with its pictures.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ferkit.emotions import EMOTIONS
from ferkit.evaluation.metrics import compute_metrics


def made_up(count):
    """Predictions of seven classes, right about seven times in ten."""
    rng, names = np.random.default_rng(0), np.array(EMOTIONS[:7])
    label = rng.integers(0, 7, count)
    scores = rng.normal(size=(count, 7))
    scores[np.arange(count), label] += 2
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    columns = {f"p_{name}": p[:, i] for i, name in enumerate(names)}
    same = {"dataset": "made_up", "view": "test", "subject": "", "sequence": "", "frame": -1}
    keys = [f"{i}" for i in range(count)]
    picked = {"label": names[label], "predicted": names[p.argmax(1)]}
    return pd.DataFrame({"key": keys, **picked, **columns}).assign(**same)


def whole(run, resamples):
    """Seconds of an evaluation of val with flipped images too, and those of the network in it."""
    from ferkit.commands.eval import evaluate
    from ferkit.model import FaceClassifier

    forward, spent = FaceClassifier.forward, []

    def timed(self, images):
        started = time.perf_counter()
        scores = forward(self, images)
        spent.append(time.perf_counter() - started)
        return scores

    FaceClassifier.forward = timed
    compute_metrics.__kwdefaults__["resamples"] = resamples
    started = time.perf_counter()
    evaluate(run, "view=val", "tta=flip")
    return time.perf_counter() - started, sum(spent)


def main() -> None:
    """Print a table, and write json where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[3_589])
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--run", type=Path, help="a run of FER-2013, evaluated whole")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    if asked.run:
        seconds, network = whole(asked.run, asked.resamples)
        print(
            f"{seconds:.1f} s, {seconds - network:.1f} s of them beyond the network's {network:.1f}"
        )
        return
    torch.set_num_threads(1)
    found = {}
    for rows in asked.rows:
        predictions = made_up(rows)
        started = time.process_time()
        compute_metrics(predictions, resamples=asked.resamples)
        found[rows] = time.process_time() - started
        print(f"{rows:8} rows, {asked.resamples} resamples: {found[rows]:8.2f} s", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps({"resamples": asked.resamples, "seconds": found}))


if __name__ == "__main__":
    main()

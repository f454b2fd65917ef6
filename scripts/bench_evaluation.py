"""The metrics of FER-2013's test view, with bootstrap intervals, on made-up predictions.

    python scripts/bench_evaluation.py --resamples 10000 --json evaluation.json

Processor seconds of one thread: what an evaluation takes beyond the forward passes, without the
report's pictures.
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


def main() -> None:
    """Print a table, and write json where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[3_589])
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
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

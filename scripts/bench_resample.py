"""Measure SMOTETomek on a prepared store's training set: ferkit's neighbours beside scikit-learn's.

python scripts/bench_resample.py data/prepared/fer2013-...                      the whole set
python scripts/bench_resample.py data/prepared/fer2013-... --rows 4000          a part, to try
python scripts/bench_resample.py data/prepared/fer2013-... --write docs/imbalance.md

Each of the two runs in a process of its own, one after the other; then every neighbour that
scikit-learn has found is compared with ferkit's on the same matrix.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from ferkit.emotions import EMOTIONS
from ferkit.imbalance.nearest import nearest_rows
from ferkit.imbalance.resamplers import make_sampler

SEED = 0


def training_set(options):
    """Training faces as float32 [N, D] and class ids [N]."""
    index = pd.read_parquet(options.store / "index.parquet")
    rows = np.flatnonzero((index["split"] == "train") & index["label"].isin(EMOTIONS))
    if options.rows:
        rows = np.sort(np.random.default_rng(SEED).permutation(rows)[: options.rows])
    faces = np.load(options.store / "faces.npy", mmap_mode="r")[rows]
    class_ids = index["label"].iloc[rows].map({e: k for k, e in enumerate(EMOTIONS)}).to_numpy()
    return faces.reshape(len(faces), -1).astype(np.float32), class_ids


def run_theirs(options):
    """imbalanced-learn's own; every table of neighbours is kept."""
    from imblearn.combine import SMOTETomek
    from sklearn.neighbors import NearestNeighbors

    tables, asked, found = [], [], NearestNeighbors.kneighbors

    def kneighbors(self, points, return_distance=True):
        answer = found(self, points, return_distance=return_distance)
        tables.append(answer)
        asked.append(points if not asked or len(points) > 2 * len(asked[0]) else points[:1])
        return answer

    NearestNeighbors.kneighbors = kneighbors
    matrix, class_ids = training_set(options)
    after, times = timed(SMOTETomek(random_state=SEED), matrix, class_ids)
    np.savez(options.out / "tables.npz", *tables)
    np.save(options.out / "oversampled.npy", asked[-1])
    report(options, "theirs", after, times)


def run_ours(options):
    """The same sampler with ferkit's neighbours."""
    import torch

    if torch.cuda.is_available() and options.device != "cpu":
        torch.zeros(1).cuda()  # CUDA's start is not ours to measure
    matrix, class_ids = training_set(options)
    sampler = make_sampler("smote_tomek", seed=SEED, device=options.device)
    after, times = timed(sampler, matrix, class_ids)
    device = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    report(options, "ours", after, times, device=device / 1e9)


def timed(sampler, matrix, class_ids):
    """Classes of the rows after, and the time that they took."""
    start = time.perf_counter(), time.process_time()
    _, after = sampler.fit_resample(matrix, class_ids)
    now = time.perf_counter(), time.process_time()
    return after, {"seconds": now[0] - start[0], "cpu": now[1] - start[1]}


def report(options, name, after, times, **more):
    """Leave the metrics of a run for the first process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    metrics = {**times, "peak": peak, "rows": len(after), **more}
    (options.out / f"{name}.json").write_text(json.dumps(metrics))


def compare(options):
    """Rows of the agreement table, one a search: neighbours compared, differing, ties."""
    matrix, class_ids = training_set(options)
    tables = list(np.load(options.out / "tables.npz").values())
    sampled = [
        k for k in np.unique(class_ids) if (class_ids == k).sum() < np.bincount(class_ids).max()
    ]
    found = [
        agreement(f"SMOTE, {EMOTIONS[k]}", matrix[class_ids == k], table, options.device)
        for k, table in zip(sampled, tables[:-1], strict=True)
    ]
    oversampled = np.load(options.out / "oversampled.npy")
    return [*found, agreement("Tomek, all", oversampled, tables[-1], options.device)]


def agreement(name, matrix, table, device):
    """What differs between scikit-learn's table [N, k] (itself among them) and ours."""
    _, near = nearest_rows(matrix, None, table.shape[1] - 1, device=device)
    ours = np.column_stack([np.arange(len(matrix)), near])
    rows, columns = np.nonzero(ours != table)
    apart = exact(matrix, rows, ours[rows, columns]), exact(matrix, rows, table[rows, columns])
    tie = apart[0] == apart[1]
    worst = np.abs(apart[0] - apart[1]).max(initial=0)
    return [
        name,
        f"{len(matrix):,}",
        f"{table.size:,}",
        f"{len(np.unique(rows)):,}",
        f"{len(rows):,}",
        f"{int(tie.sum()):,}",
        f"{worst:.2g}",
    ]


def exact(matrix, rows, others):
    """Squared distances in float64 of pairs of rows."""
    pairs = zip(rows, others, strict=True)
    return np.array([((matrix[a].astype(float) - matrix[b]) ** 2).sum() for a, b in pairs])


def table(head, rows):
    """A markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def machine(options):
    """Where it ran, in a line."""
    import torch

    gpu = torch.cuda.is_available() and options.device != "cpu"
    return torch.cuda.get_device_name() if gpu else f"{torch.get_num_threads()} CPU cores"


def main():
    """Run both, compare, print, and write where asked."""
    options = parse()
    if options.part:
        return {"theirs": run_theirs, "ours": run_ours}[options.part](options)
    with tempfile.TemporaryDirectory() as folder:
        options.out = Path(folder)
        for part in ("theirs", "ours"):
            words = [*sys.argv[1:], "--part", part, "--out", folder]
            subprocess.run([sys.executable, __file__, *words], check=True)
        metrics = {
            part: json.loads((options.out / f"{part}.json").read_text())
            for part in ("theirs", "ours")
        }
        start = time.perf_counter()
        agreed = compare(options)
        print(f"compared in {time.perf_counter() - start:.0f} s", file=sys.stderr)
    named = {"theirs": "imbalanced-learn's own", "ours": f"ferkit's neighbours, {machine(options)}"}
    times = [
        [
            named[part],
            f"{f['rows']:,}",
            *(f"{f[k]:.1f}" for k in ("seconds", "cpu")),
            *(f"{f.get(k, 0):.2f}" for k in ("peak", "device")),
        ]
        for part, f in metrics.items()
    ]
    head = [
        "SMOTETomek",
        "rows after",
        "seconds",
        "CPU seconds of all cores",
        "peak GB of the process",
        "peak GB on the GPU",
    ]
    print(first := table(head, times))
    head = [
        "search",
        "rows",
        "neighbours",
        "rows that differ",
        "neighbours that differ",
        "of these exact ties",
        "largest difference of squared distances",
    ]
    print(second := table(head, agreed))
    if options.write:
        insert(options.write, {"time": first, "agreement": second})
    return None


def insert(page, tables):
    """Put tables between a page's markers."""
    text = page.read_text()
    for name, content in tables.items():
        marks = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
        pattern = re.compile(f"{marks[0]}.*?{marks[1]}", re.DOTALL)
        text = pattern.sub(lambda _, m=marks, c=content: f"{m[0]}\n\n{c}\n\n{m[1]}", text)
    page.write_text(text)


def parse():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("store", type=Path, help="a folder under data/prepared")
    parser.add_argument("--rows", type=int, help="of the training set, at random; default all")
    parser.add_argument("--device", help="cpu or cuda; default cuda where there is one")
    parser.add_argument("--write", type=Path, help="a page to put the tables into")
    parser.add_argument("--part", choices=["theirs", "ours"], help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()

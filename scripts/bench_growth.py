"""Time and memory against the number of rows and the side of a face, and over many epochs.

    python scripts/bench_growth.py --out growth
    python scripts/bench_growth.py --rows 3000 30000 --sides 48 112 --out growth

Every row of the table is a process of its own, whose largest resident memory is what the system
says; of a streamed file it counts the pages that were read, which the system takes back when it
needs them. `load`: one epoch of batches alone, faces resident in memory or streamed from the file;
`train`: ten steps of a ResNet18 on them; `epochs`: one training of 2 epochs and one of 60. All by
the clock, of an idle machine, from files that are not yet in the system's cache. growth.png is
drawn beside growth.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision.models import resnet18

from ferkit.devices import choose_device, peak_memory
from ferkit.loader import make_loader, shuffled

BATCH, CLASSES, STEPS, THREADS = 32, 7, 10, 2


def store(folder: Path, rows: int, side: int, channels: int) -> None:
    """Write a file of random faces, a piece at a time."""
    shape = (rows, side, side, 3) if channels == 3 else (rows, side, side)
    faces = np.lib.format.open_memmap(folder / "faces.npy", "w+", np.uint8, shape)
    draw = np.random.default_rng(0)
    for start in range(0, rows, 1024):
        faces[start : start + 1024] = draw.integers(0, 256, faces[start : start + 1024].shape)
    faces.flush()
    del faces
    with (folder / "faces.npy").open("rb") as file:  # the reader meets the disk
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def batches(folder: Path, resident: bool):
    """Ferkit's loader of all rows, shuffled."""
    faces = np.load(folder / "faces.npy", mmap_mode="r")
    labels = np.arange(len(faces)) % CLASSES
    return make_loader(
        faces, np.arange(len(faces)), labels, batch_size=BATCH, device=choose_device("cpu"),
        order=shuffled(len(faces), 0), cache_on_device=resident,
    )  # fmt: skip


def load(folder: Path, resident: bool) -> dict[str, float]:
    """Images/s of one epoch of batches, their making included."""
    started = time.perf_counter()
    count = sum(
        len(batch.images.sum(dim=(1, 2, 3))) for batch in batches(folder, resident).epoch(0)
    )
    return {"images_per_second": count / (time.perf_counter() - started)}


def train(folder: Path, resident: bool) -> dict[str, float]:
    """Images/s of steps of a ResNet18, after three that warm up."""
    loader = batches(folder, resident)
    model = resnet18(num_classes=CLASSES)
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    started = 0.0
    for step, batch in enumerate(loader.epoch(0)):
        if step == 3:
            started = time.perf_counter()
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(batch.images.float() / 255), batch.targets).backward()
        optimizer.step()
        if step == 2 + STEPS:
            break
    return {"images_per_second": STEPS * BATCH / (time.perf_counter() - started)}


def epochs(folder: Path, count: int) -> dict[str, float]:
    """The largest memory of a training of drawn faces, as its last epoch notes it."""
    from ferkit.cli import main as command

    words = ["dataset=drawn", "dataset.train=700", "dataset.val=210", "dataset.test=210"]
    asked = [f"run_dir={folder / 'run'}", f"prepared_root={folder / 'prepared'}", "evaluate=[]"]
    command(["train", *words, *asked, f"trainer.max_epochs={count}", "quiet=true"])
    lines = (folder / "run" / "metrics.jsonl").read_text().splitlines()
    return {"images_per_second": json.loads(lines[-1])["images_per_second"]}


def measured(kind: str, *words: object) -> dict[str, float]:
    """A row, from a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        if kind != "epochs":
            *shape, words = *words[:3], words[3:]
            store(Path(folder), *shape)
        made = subprocess.run(
            [sys.executable, __file__, "--one", kind, folder, *map(str, words)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    found: dict[str, float] = json.loads(made.stdout.splitlines()[-1])
    return found


def one(kind: str, folder: str, *words: str) -> None:
    """Measure a row and print it."""
    torch.set_num_threads(THREADS)
    measure = {"load": load, "train": train, "epochs": epochs}[kind]
    found = measure(Path(folder), *(int(word) for word in words))
    print(json.dumps(found | {"peak_gib": peak_memory(torch.device("cpu")) / 2**30}))


def table(asked: argparse.Namespace) -> list[dict[str, object]]:
    """All rows, printed as they come."""
    plans: list[tuple[object, ...]] = [
        ("load", rows, 48, 1, resident) for rows in asked.rows for resident in (1, 0)
    ]
    plans += [("load", 3000, side, 3, r) for side in asked.sides for r in (1, 0)]
    plans += [("train", 3000, max(asked.sides), 3, resident) for resident in (1, 0)]
    plans += [("epochs", 2), ("epochs", 60)]
    found = []
    for kind, *words in plans:
        row = {"kind": kind, "words": words, **measured(str(kind), *words)}
        how = {1: "resident", 0: "streamed"}[words[3]] if kind != "epochs" else ""
        print(
            f"{kind:8}{words[0]:>9,} {'x'.join(map(str, words[1:3])):>6} {how:9}"
            f"{row['images_per_second']:12,.0f} images/s {row['peak_gib']:8.2f} GiB"
        )
        found.append(row)
    return found


def draw(rows: list[dict], path: Path) -> None:
    """Memory against rows, resident and streamed."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for axis, key, unit in zip(
        axes, ("peak_gib", "images_per_second"), ("GiB", "images/s"), strict=True
    ):
        for resident, name in ((1, "resident"), (0, "streamed")):
            shown = [r for r in rows if r["kind"] == "load" and r["words"][1:] == [48, 1, resident]]
            axis.plot([r["words"][0] for r in shown], [r[key] for r in shown], "o-", label=name)
        axis.set(xscale="log", xlabel="faces of 48 pixels", ylabel=unit, ylim=(0, None))
        axis.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measure, print, draw."""
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[3_000, 30_000, 300_000])
    parser.add_argument("--sides", type=int, nargs="+", default=[48, 112, 224])
    parser.add_argument("--out", type=Path, default=Path("growth"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    rows = table(asked)
    (asked.out / "growth.json").write_text(json.dumps(rows, indent=1))
    draw(rows, asked.out / "growth.png")


if __name__ == "__main__":
    main()

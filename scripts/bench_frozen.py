"""Measure training on kept features of a frozen body: VGG16 at 224 pixels, its head alone learning.

python scripts/bench_frozen.py                                    20 epochs, some half an hour
python scripts/bench_frozen.py --epochs 2                         to try
python scripts/bench_frozen.py --write docs/backbones.md

Two runs of `ferkit train`, equal but for `trainer.cache_frozen`. The time is that of the training:
features, epochs, val and checkpoints, without what draws the faces before and reports after it.
"""

import argparse
import json
import re
import tempfile
import time
from pathlib import Path

import torch

from ferkit import compose
from ferkit.commands import single
from ferkit.commands.train import train

WORDS = [
    "dataset=drawn",
    "dataset.train=200",
    "dataset.val=200",
    "dataset.test=14",
    "backbone=vgg16",
    "backbone.freeze=head_only",
    "augment=none",
    "faces.size=224",
    "input=imagenet",
    "report.saliency=none",
]
CURVES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")


def run(options, cached, folder):
    """Rows of metrics.jsonl, and the seconds of the training."""
    seconds = []
    training = single.run_training

    def timed(*given, **named):
        start = time.perf_counter()
        training(*given, **named)
        seconds.append(time.perf_counter() - start)

    words = [*WORDS, f"trainer.max_epochs={options.epochs}", f"trainer.cache_frozen={cached}"]
    made = folder / f"cached_{cached}"
    single.run_training = timed
    try:
        train(compose(*words, f"run_dir={made}", f"prepared_root={folder}/prepared"), words)
    finally:
        single.run_training = training
    rows = [json.loads(line) for line in (made / "metrics.jsonl").read_text().splitlines()]
    return rows, seconds[0]


def apart(once, anew):
    """Largest difference between two runs, over their epochs, of each curve."""
    return {
        key: max(abs(a[key] - b[key]) for a, b in zip(once, anew, strict=True)) for key in CURVES
    }


def table(options):
    """Both runs, and the markdown table of them."""
    with tempfile.TemporaryDirectory() as folder:
        (once, fast), (anew, slow) = (run(options, c, Path(folder)) for c in (True, False))
    cores = f"{torch.get_num_threads()} CPU cores"
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else cores
    worst = ", ".join(f"{key} {value:.1e}" for key, value in apart(once, anew).items())
    return "\n".join(
        [
            f"| {options.epochs} epochs, {device} | seconds of training | times as fast |",
            "| --- | --- | --- |",
            f"| every image in every step | {slow:.0f} | 1 |",
            f"| what is frozen computed once | {fast:.0f} | {slow / fast:.1f} |",
            "",
            f"Largest difference between the two in any epoch: {worst}.",
        ]
    )


def write(path, text):
    """Put the table between its marks."""
    old = path.read_text()
    marks = "<!-- bench:frozen -->", "<!-- /bench:frozen -->"
    new = re.sub(
        rf"{marks[0]}.*?{marks[1]}",
        lambda _: f"{marks[0]}\n\n{text}\n\n{marks[1]}",
        old,
        flags=re.DOTALL,
    )
    path.write_text(new)


def main():
    """Run, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--write", type=Path, help="a page with the marks bench:frozen")
    options = parser.parse_args()
    text = table(options)
    print(text)
    if options.write:
        write(options.write, text)


if __name__ == "__main__":
    main()

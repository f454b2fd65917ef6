"""Images/s of a training step on the CPU: precision by memory format, interleaved.

The time is that of the processor (one thread), so that what else a machine does matters little;
the median over the rounds counts. Forward, loss, backward and optimizer, on augmented images.

    python scripts/bench_step.py --backbones mini_xception eca_resnet --json step.json
"""

import argparse
import json
import statistics
import time
from itertools import product
from pathlib import Path

import torch
from torch import nn

from ferkit.composition import compose
from ferkit.config import as_plain, build
from ferkit.emotions import EMOTIONS
from ferkit.model import make_model
from ferkit.training.memory_format import why_not_channels_last

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Step:
    """One network in one precision and memory format, with what a step needs."""

    def __init__(self, backbone: str, precision: str, channels_last: bool, batch: int) -> None:
        torch.manual_seed(0)
        config = compose(f"backbone={backbone}", "augment=light")
        nodes = {name: as_plain(config[name]) for name in ("backbone", "input", "faces")}
        self.model = make_model(nodes, EMOTIONS[:7], 48, 1).train()
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.unsafe = channels_last and why_not_channels_last(self.model, torch.device("cpu"))
        self.model = self.model.to(memory_format=self.format)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3)
        self.augment = build(config.augment, where="augment")
        self.dtype = PRECISIONS[precision]
        self.images = torch.randint(0, 256, (batch, 1, 48, 48), dtype=torch.uint8)
        self.targets = torch.randint(0, 7, (batch,))

    def __call__(self) -> None:
        """One update of the weights."""
        images = self.augment(self.images, torch.Generator().manual_seed(0))
        images = images.contiguous(memory_format=self.format)
        enabled = self.dtype != torch.float32
        with torch.autocast("cpu", self.dtype if enabled else None, enabled):
            scores = self.model(images)
        self.optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(scores.float(), self.targets).backward()
        self.optimizer.step()


def measure(steps: dict[str, Step], rounds: int) -> dict[str, float]:
    """Median images/s of each, one step of every one after the other in each round."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for number, (name, step) in product(range(rounds + 1), steps.items()):
        started = time.process_time()
        step()
        if number:  # the first warms up
            times[name].append(time.process_time() - started)
    return {n: len(steps[n].images) / statistics.median(t) for n, t in times.items()}


def main() -> None:
    """Print a table, and write json where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbones", nargs="+", default=["mini_xception", "eca_resnet"])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found = {}
    for backbone in asked.backbones:
        made = {
            f"{precision}{' channels_last' if last else ''}": Step(
                backbone, precision, last, asked.batch
            )
            for precision, last in product(PRECISIONS, (False, True))
        }
        safe = {name: step for name, step in made.items() if not step.unsafe}
        found[backbone] = measure(safe, asked.rounds)
        for name, speed in found[backbone].items():
            print(f"{backbone:16} {name:22} {speed:8.1f} images/s", flush=True)
    if asked.json:
        machine = {"torch": torch.__version__, "cpu": torch.backends.cpu.get_cpu_capability()}
        asked.json.write_text(json.dumps({"machine": machine, "images_per_second": found}))


if __name__ == "__main__":
    main()

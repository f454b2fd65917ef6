"""The floor: what an image of a training step costs at least on this CPU, and our share.

    python scripts/bench_roof.py --json roof.json

Operations are those of matrices and convolutions, forward and backward (torch's counter). Bytes are
every layer's output written and read once, forward and backward, and weights, gradients and two
moments of AdamW once a batch: a bound for what fuses no layers. The rates are measured: a matrix
product of 1,024 a side in float32, and a copy of 256 MB. One thread, processor time; the step is
forward, loss, backward and AdamW on float images, without augmentation.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.emotions import EMOTIONS
from ferkit.model import make_model

NETWORKS = {"mini_xception": (48, 1), "vgg16": (224, 3), "resnet50": (224, 3)}


def best(work, rounds=5):
    """Least processor seconds of some runs."""
    times = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def rates():
    """Operations and bytes a second: of a matrix product and of a copy (read and written)."""
    a, source = torch.rand(1024, 1024), torch.rand(64 << 20)
    target = torch.empty_like(source)
    return 2 * 1024**3 / best(lambda: a @ a), 2 * source.nbytes / best(lambda: target.copy_(source))


def needs(model, images, targets):
    """Operations and bytes an image of one step."""
    written = []
    hooks = [
        m.register_forward_hook(lambda _, __, out: written.append(getattr(out, "nbytes", 0)))
        for m in model.modules()
        if not list(m.children())
    ]
    with FlopCounterMode(display=False) as counted:
        nn.functional.cross_entropy(model(images), targets).backward()
    for hook in hooks:
        hook.remove()
    weights = sum(p.nbytes for p in model.parameters())
    return counted.get_total_flops() / len(images), (4 * sum(written) + 7 * weights) / len(images)


def main() -> None:
    """Print a table, and write json where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    operations, copied = rates()
    print(f"matrices {operations / 1e9:.1f} G operations/s, copies {copied / 1e9:.1f} GB/s")
    rows = {}
    for name in asked.networks:
        size, channels = NETWORKS[name]
        nodes = compose(f"backbone={name}")
        plain = {key: as_plain(nodes[key]) for key in ("backbone", "input", "faces")}
        model = make_model(plain, EMOTIONS[:7], size, channels).train()
        model = model.to(memory_format=torch.channels_last)
        batch = 64 if size == 48 else 4
        images = torch.randint(0, 256, (batch, channels, size, size), dtype=torch.uint8)
        images, targets = images.float(), torch.randint(0, 7, (batch,))
        work, moved = needs(model, images, targets)
        optimizer = torch.optim.AdamW(model.parameters())

        def step(model=model, images=images, targets=targets, optimizer=optimizer):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), targets).backward()
            optimizer.step()

        roof = 1 / max(work / operations, moved / copied)
        ours = batch / best(step, 3)
        bound = "operations" if work / operations > moved / copied else "bytes"
        print(
            f"{name:14} {size:4} {work / 1e9:8.3f} G operations {moved / 1e6:8.2f} MB an image, "
            f"roof {roof:8.1f} images/s ({bound}), ours {ours:8.1f} ({ours / roof:.0%})",
            flush=True,
        )
        rows[name] = {"operations": work, "bytes": moved, "roof": roof, "ours": ours}
    if asked.json:
        machine = {"torch": torch.__version__, "operations": operations, "copied": copied}
        asked.json.write_text(json.dumps({"machine": machine, "networks": rows}))


if __name__ == "__main__":
    main()

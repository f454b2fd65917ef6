"""Training mini-Xception on faces of 48: ferkit's step beside the loops that people write.

    python scripts/bench_training.py --faces /path/to/fer2013/train --json training.json
    python scripts/bench_training.py --faces /path/to/fer2013/train --workers 2

Interleaved, one thread, processor time, the median of the rounds: ferkit's parts (uint8 faces in
memory, augmentation of whole batches); a DataLoader without workers on files, with PIL and
torchvision's transforms (flip and affine, as augment=light has them); and the same network on
tensors in memory with no augmentation at all, contiguous and in channels_last.

With --workers, by the clock, which an idle machine is needed for, as many threads as cores, spans
of 20 steps in turn: the DataLoader with as many workers, and timm's own loader with its transforms.
"""

import argparse
import json
import os
import statistics
import time
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import torch
from bench_step import Step
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Subset
from torchvision import transforms
from torchvision.datasets import ImageFolder

from ferkit.devices import choose_device
from ferkit.loader import make_loader, shuffled


def update(step, images, targets):
    """One update of the weights in float32."""
    loss = nn.functional.cross_entropy(step.model(images), targets)
    step.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    step.optimizer.step()


def ours(faces, labels, batch):
    """Ferkit's loader, augmentation and memory format."""
    order = shuffled(len(faces), 0)
    loader = make_loader(
        faces, np.arange(len(faces)), labels, batch_size=batch, device=choose_device("cpu"),
        order=order,
    )  # fmt: skip
    step, generator = Step("mini_xception", "fp32", True, batch), torch.Generator().manual_seed(0)
    for found in chain.from_iterable(loader.epoch(n) for n in range(1000)):
        images = step.augment(found.images, generator)
        update(step, images.contiguous(memory_format=torch.channels_last), found.targets)
        yield len(found.targets)


def files(folder, count, batch, workers=0):
    """A DataLoader on image files."""
    affine = transforms.RandomAffine(8, (0.04, 0.04), (0.95, 1.05))
    steps = [transforms.Grayscale(), transforms.RandomHorizontalFlip(), affine]
    data = ImageFolder(folder, transforms.Compose([*steps, transforms.ToTensor()]))
    chosen = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))[:count]
    loader = DataLoader(
        Subset(data, chosen.tolist()), batch, shuffle=True, drop_last=True, num_workers=workers,
        persistent_workers=workers > 0,
    )  # fmt: skip
    step = Step("mini_xception", "fp32", False, batch)
    for images, targets in chain.from_iterable(repeat(loader)):
        update(step, images * 255, targets)
        yield len(targets)


def timms(folder, batch, workers):
    """The loader and the transforms that timm's train.py uses, on a network of ours."""
    from timm.data import create_dataset, create_loader

    data = create_dataset("", folder, is_training=True, input_img_mode="L")
    loader = create_loader(
        data, (1, 48, 48), batch, is_training=True, mean=(0.5,), std=(0.25,), scale=(0.9, 1.0),
        num_workers=workers, use_prefetcher=False, device=torch.device("cpu"),
    )  # fmt: skip
    step = Step("mini_xception", "fp32", False, batch)
    for images, targets in chain.from_iterable(repeat(loader)):
        update(step, images * 64 + 127, targets)
        yield len(targets)


def in_memory(faces, labels, batch, channels_last):
    """Tensors in memory, without augmentation."""
    images, targets = torch.from_numpy(faces)[:, None].float(), torch.from_numpy(labels)
    step = Step("mini_xception", "fp32", channels_last, batch)
    while True:
        for rows in torch.randperm(len(images)).split(batch):
            found = images[rows].contiguous(memory_format=step.format)
            update(step, found, targets[rows])
            yield len(rows)


def read(folder, count):
    """Faces [n, 48, 48] and class ids of some files."""
    samples = ImageFolder(folder).samples
    chosen = np.random.default_rng(0).permutation(len(samples))[:count]
    faces = [np.asarray(Image.open(samples[i][0]).convert("L")) for i in chosen]
    return np.stack(faces), np.array([samples[i][1] for i in chosen])


def main() -> None:
    """Print a table, and write json where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", required=True, help="a folder of each class with 48x48 images")
    parser.add_argument("--count", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--workers", type=int, default=0, help="by the clock, with so many")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(os.cpu_count() or 1 if asked.workers else 1)
    faces, labels = read(asked.faces, asked.count)
    loops = {
        "ferkit": ours(faces, labels, asked.batch),
        "DataLoader, no workers": files(asked.faces, asked.count, asked.batch),
        "in memory, no augmentation": in_memory(faces, labels, asked.batch, False),
        "the same, channels_last": in_memory(faces, labels, asked.batch, True),
    }
    clock, steps, pause = time.process_time, 1, 0
    if asked.workers:
        of = (asked.batch, asked.workers)
        loops["DataLoader with workers"] = files(asked.faces, asked.count, *of)
        loops["timm's loader with workers"] = timms(asked.faces, *of)
        clock, steps, pause = time.perf_counter, 20, 2
    speeds: dict[str, list[float]] = {name: [] for name in loops}
    for number in range(asked.rounds + 1):
        for name, loop in loops.items():
            time.sleep(pause)  # the workers of the loop before fill their queues
            next(loop), next(loop), next(loop)  # and what workers have made meanwhile
            started = clock()
            images = sum(next(loop) for _ in range(steps))
            if number:  # the first warms up
                speeds[name].append(images / (clock() - started))
    found = {name: statistics.median(values) for name, values in speeds.items()}
    for name, speed in found.items():
        print(f"{name:28} {speed:8.1f} images/s, ferkit {found['ferkit'] / speed:.2f} times")
    if asked.json:
        asked.json.write_text(json.dumps({"torch": torch.__version__, "images_per_second": found}))


if __name__ == "__main__":
    main()

"""Drawn faces in WebDataset tars."""

import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np

from ferkit.datasets.fakes.parquet import NAMES, shards
from ferkit.drawn.face import draw_face
from ferkit.errors import ConfigError, unknown

VARIANTS = ("cls", "json")


def make(
    out: Path, *, people: int = 10, real_size: bool = False, seed: int = 0, variant: str = "cls"
) -> None:
    """Write train in two shards, validation and test, each of seven faces a person.

    In each shard one image has a name in capitals, and there is a sample without an image.

    Args:
        out: The dataset's folder, made if needed.
        people: People of train; validation and test have a third as many others each.
        real_size: 224 pixels a side instead of 48.
        seed: Of all that is drawn.
        variant: `cls` (numbers, named by classes.txt) or `json` (words).

    Raises:
        ConfigError: no such variant.
    """
    if variant not in VARIANTS:
        raise ConfigError(unknown("variant of webdataset", variant, VARIANTS))
    out.mkdir(parents=True, exist_ok=True)
    rng, size = np.random.default_rng(seed), 224 if real_size else 48
    for number, (shard, persons) in enumerate(shards(people)):
        split = shard.partition("-")[0]
        with tarfile.open(out / f"{split}-{number:06d}.tar", "w") as tar:
            _add(tar, "999999.json", b"{}")
            for person in persons:
                for label, emotion in enumerate(NAMES):
                    face = draw_face(emotion, person=person, rng=rng, size=size)
                    sample = f"{person:04d}{label:02d}"
                    ending = "JPG" if person == persons[0] and not label else "jpg"
                    _add(tar, f"{sample}.{ending}", cv2.imencode(".jpg", face)[1].tobytes())
                    said = str(label) if variant == "cls" else json.dumps({"label": emotion})
                    _add(tar, f"{sample}.{variant}", said.encode())
    if variant == "cls":
        (out / "classes.txt").write_text("\n".join(NAMES) + "\n", encoding="utf-8")


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))

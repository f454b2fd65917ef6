"""The parts of a merged dataset, each in its own layout, side by side."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path


def make(
    out: Path,
    *,
    people: int = 10,
    real_size: bool = False,
    seed: int = 0,
    parts: Sequence[str] = ("ckplus", "emotic", "ised", "kdef", "mug"),
) -> None:
    """Write drawn faces as several datasets, in `<out>/<name>` each.

    Args:
        out: The folder of all, made if needed.
        people: People of each part.
        real_size: Genuine image sizes.
        seed: Of all that is drawn; each part draws its own people.
        parts: Names of datasets that have a fake.
    """
    for number, name in enumerate(parts):
        module = import_module(f"ferkit.datasets.fakes.{name}")
        module.make(out / name, people=people, real_size=real_size, seed=seed + number)

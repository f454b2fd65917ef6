"""Some made faces beside their parents, for a sheet."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ferkit.errors import DataError
from ferkit.files import write_bytes
from ferkit.imbalance.resample import Resampled
from ferkit.untrusted import read_arrays

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Examples:
    """E made faces.

    Attributes:
        faces: uint8 [E, H, W] or [E, H, W, 3].
        parents: uint8 [E, 2, ...]; of a copy the same face twice.
        codes: int64 [E], ascending.
        steps: float64 [E]: 0 is the first parent, 1 the second; nan where it is no mixture.
        keys: [E].
        sources: [E], the parents' keys, joined by "|".
    """

    faces: np.ndarray
    parents: np.ndarray
    codes: np.ndarray
    steps: np.ndarray
    keys: np.ndarray
    sources: np.ndarray


def synthetic_examples(
    resampled: Resampled,
    faces: np.ndarray,
    *,
    per_class: int = 4,
    seed: int = 0,
) -> Examples:
    """Made faces whose parents are known, some of each class that has any.

    Args:
        resampled: The answer of `resample`.
        faces: uint8 [N, ...], the faces before.
        per_class: At most.
        seed: For the choice.
    """
    rng = np.random.default_rng(seed)
    known = np.flatnonzero(resampled.sources != "")  # [E]
    chosen = []
    for code in np.unique(resampled.codes[known]):
        own = known[resampled.codes[known] == code]
        chosen.append(np.sort(rng.permutation(own)[:per_class]))
    rows = np.concatenate(chosen) if chosen else known
    return Examples(
        faces=resampled.faces[rows],
        parents=faces[resampled.parents[rows]],
        codes=resampled.codes[rows],
        steps=resampled.steps[rows],
        keys=resampled.keys[rows].astype(str),
        sources=resampled.sources[rows].astype(str),
    )


def save_examples(examples: Examples, path: Path) -> None:
    """Write them as an .npz, beside and renamed."""
    stream = BytesIO()
    np.savez_compressed(stream, **asdict(examples))
    write_bytes(path, stream.getvalue())


def read_examples(path: Path) -> Examples | None:
    """What `save_examples` wrote; None where there is no such file.

    Raises:
        DataError: the file is broken.
    """
    if not path.is_file():
        return None
    arrays = read_arrays(path, "made faces")
    found = {f.name: arrays.get(f.name, np.empty(())) for f in fields(Examples)}
    if not _fit(found):
        raise DataError(f"{path} holds no made faces; delete it, the report is made without them.")
    return Examples(**found)


def _fit(found: dict[str, np.ndarray]) -> bool:
    faces, parents, codes = (found[name] for name in ("faces", "parents", "codes"))
    return (
        all(part.ndim for part in found.values())
        and len({len(part) for part in found.values()}) == 1
        and faces.dtype == parents.dtype == np.uint8
        and faces.ndim in (3, 4)
        and parents.shape == (len(faces), 2, *faces.shape[1:])
        and codes.dtype.kind in "iu"
        and bool((codes >= 0).all())
        and found["steps"].dtype.kind == "f"
    )


def draw_examples(examples: Examples, emotions: Sequence[str]) -> "Figure":
    """A sheet: a line a class, each made face between its parents.

    Args:
        examples: At least one.
        emotions: The classes' names, [K].

    Raises:
        ValueError: there are no examples.
    """
    from matplotlib.figure import Figure

    codes, counts = np.unique(examples.codes, return_counts=True)
    if not len(codes):
        raise ValueError("There is no made face to draw.")
    columns = 4 * int(counts.max())  # parent, made, parent, a gap
    figure = Figure(figsize=(0.55 * columns, 0.85 * len(codes)), dpi=150)
    grid = figure.add_gridspec(len(codes), columns, wspace=0.04, left=0.08, right=1, bottom=0,
                               top=0.96)  # fmt: skip
    for line, code in enumerate(codes):
        for place, i in enumerate(np.flatnonzero(examples.codes == code)):
            pictures = examples.parents[i, 0], examples.faces[i], examples.parents[i, 1]
            for offset, picture in enumerate(pictures):
                axes = figure.add_subplot(grid[line, 4 * place + offset])
                axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
                axes.set_axis_off()
                if offset == 1 and not np.isnan(examples.steps[i]):
                    axes.set_title(f"{examples.steps[i]:.2f}", fontsize=6, pad=2)
                if place == offset == 0:
                    axes.text(-0.15, 0.5, emotions[code], fontsize=7, ha="right", va="center",
                              transform=axes.transAxes, parse_math=False)  # fmt: skip
    return figure

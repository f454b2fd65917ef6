"""Some faces that resampling made, kept in a run's folder beside their parents."""

from dataclasses import asdict, dataclass, fields
from io import BytesIO
from pathlib import Path

import numpy as np

from ferkit.errors import DataError
from ferkit.files import write_bytes
from ferkit.untrusted import read_arrays


@dataclass(frozen=True)
class Examples:
    """E made faces.

    Attributes:
        faces: uint8 [E, H, W] or [E, H, W, 3].
        parents: uint8 [E, 2, ...]; of a copy the same face twice.
        class_ids: int64 [E], ascending.
        steps: float64 [E]: 0 is the first parent, 1 the second; nan where it is no mixture.
        keys: [E].
        sources: [E], the parents' keys, joined by "|".
    """

    faces: np.ndarray
    parents: np.ndarray
    class_ids: np.ndarray
    steps: np.ndarray
    keys: np.ndarray
    sources: np.ndarray


def save_examples(examples: Examples, path: Path) -> None:
    """Write them as an .npz, atomically."""
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
    if "codes" in arrays:  # the name of then
        arrays["class_ids"] = arrays.pop("codes")
    found = {f.name: arrays.get(f.name, np.empty(())) for f in fields(Examples)}
    if not _fit(found):
        raise DataError(f"{path} holds no made faces; delete it, the report is made without them.")
    return Examples(**found)


def _fit(found: dict[str, np.ndarray]) -> bool:
    faces, parents, class_ids = (found[name] for name in ("faces", "parents", "class_ids"))
    return (
        all(part.ndim for part in found.values())
        and len({len(part) for part in found.values()}) == 1
        and faces.dtype == parents.dtype == np.uint8
        and faces.ndim in (3, 4)
        and parents.shape == (len(faces), 2, *faces.shape[1:])
        and class_ids.dtype.kind in "iu"
        and bool((class_ids >= 0).all())
        and found["steps"].dtype.kind == "f"
    )

"""MATLAB files by scipy's `simplify_cells`: structs are dicts, struct arrays and cells lists.

An array or cell of one element comes as that element.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ferkit.datasets.layout import refuse_lfs_pointer
from ferkit.datasets.matlab_sound import fault_of
from ferkit.datasets.packed import refuse_packed
from ferkit.errors import DataError


def load_mat(name: str, path: Path) -> dict[str, Any]:
    """The variables of a .mat file.

    Args:
        name: The dataset, for the message.
        path: The file.

    Raises:
        DataError: a git-lfs pointer, MATLAB v7.3 (HDF5), or no readable MATLAB file.
    """
    from scipy.io import loadmat

    refuse_packed(path)
    refuse_lfs_pointer(path)
    try:
        if fault := fault_of(path):
            raise ValueError(fault)
        return dict(loadmat(path, simplify_cells=True))
    except NotImplementedError as error:
        raise DataError(
            f"{name}: {path} is MATLAB v7.3; re-save it in MATLAB with -v7 or take the original."
        ) from error
    except Exception as error:  # scipy raises whatever a damaged file leads to
        why = " ".join(str(error).split())[:80]
        raise DataError(
            f"{name}: {path} cannot be read as a MATLAB file ({why}); copy it again."
        ) from error


def field(value: Any, name: str) -> Any:
    """A field of a struct; None where there is no such field, or no struct."""
    return value.get(name) if isinstance(value, Mapping) else None


def as_list(value: Any) -> list[Any]:
    """The elements of a struct array or cell, and a list of one for what was squeezed."""
    if isinstance(value, np.ndarray):
        return list(value.ravel())
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value is None else [value]


def texts(value: Any) -> list[str]:
    """All strings in a string, a cell of strings, or cells nested in cells; blank ones left out.

    >>> texts("Peace"), texts(np.array([[np.array(["Fear"])]], dtype=object))
    (['Peace'], ['Fear'])
    """
    if isinstance(value, str):
        return [str(value).strip()] if value.strip() else []
    if isinstance(value, np.ndarray | list | tuple):
        return [text for part in as_list(value) for text in texts(part)]
    return []


def numbers(value: Any) -> list[float]:
    """All numbers in a number, an array, or arrays nested in arrays, in order."""
    if isinstance(value, np.ndarray | list | tuple):
        return [number for part in as_list(value) for number in numbers(part)]
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        return [float(value)]
    return []

"""What an archive holds: plain files of plain names; all else is refused, with a reason."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from io import BufferedReader

from ferkit.errors import DataError

_DRIVE = re.compile(r"[A-Za-z]:")
_SUSPECT = 64 << 20  # bytes; below this no member is a bomb
_RATIO = 200  # of unpacked to packed; pixels as text have 3, deflate's most is 1,032


@dataclass
class Archive:
    """The plain files of an archive.

    Attributes:
        sizes: Name, with forward slashes, to bytes once unpacked.
        refused: Names of members that are not read, with the reason.
        open_member: Opens one of `sizes` for reading.
    """

    path: str
    open_member: Callable[[str], BufferedReader]
    sizes: Mapping[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, size: int, fault: str = "") -> str | None:
        """Take a member in, or refuse it; its tidied name where it was taken."""
        tidy = name.replace("\\", "/").removeprefix("./")
        fault = fault or _fault_of_name(tidy) or ("comes twice" if tidy in self.sizes else "")
        if fault:
            self.refused[name] = fault
            return None
        assert isinstance(self.sizes, dict)  # a parquet's are computed
        self.sizes[tidy] = size
        return tidy

    @cached_property
    def folders(self) -> dict[str, list[str]]:
        """Every folder, "" being the archive itself, to the names in it; folders end with /."""
        inside: dict[str, dict[str, None]] = {"": {}}
        for name in self.sizes:
            folder, _, last = name.rpartition("/")
            if folder not in inside:
                _make_folders(folder, inside)
            inside[folder][last] = None
        return {folder: sorted(names) for folder, names in inside.items()}


def _make_folders(folder: str, inside: dict[str, dict[str, None]]) -> None:
    above = ""
    for part in folder.split("/"):
        inside[above][f"{part}/"] = None
        above = f"{above}/{part}".removeprefix("/")
        inside.setdefault(above, {})


def _fault_of_name(name: str) -> str:
    parts = name.split("/")
    if name.startswith("/") or _DRIVE.match(name) or ".." in parts:
        return "its name leads out of the archive"
    if "\0" in name or "" in parts:
        return "its name can be that of no file"
    return ""


def refuse_bomb(path: str, name: str, size: int, packed: int) -> None:
    """Stop at a member that unpacks to far more than it weighs.

    Raises:
        DataError: it does.
    """
    if size > _SUSPECT and size > _RATIO * max(packed, 1):
        raise DataError(
            f"{path}/{name} would unpack from {packed:,} to {size:,} bytes, as no dataset does; "
            "it is not read."
        )


def damaged(where: str, error: BaseException) -> DataError:
    """The error for an archive, or a member, that its reader stumbles over."""
    why = " ".join(str(error).split())[:80] or type(error).__name__
    return DataError(f"{where} cannot be read ({why}); download the archive again.")

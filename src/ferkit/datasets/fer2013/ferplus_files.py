"""FER+'s two files, found and held against each other: the votes, and FER-2013's own pixels."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from ferkit.datasets.cells import read_columns
from ferkit.datasets.fer2013.ferplus_votes import VOTE_COLUMNS, label_votes
from ferkit.datasets.given import as_path
from ferkit.datasets.layout import find_file, refuse_lfs_pointer
from ferkit.datasets.packed import is_folder
from ferkit.datasets.walk import is_regular, shown
from ferkit.errors import DataError, DatasetLayoutError

VOTES_FILE = "fer2013new.csv"
PIXEL_FILES = ("fer2013.csv", "icml_face_data.csv")
_LEAST_AGREEMENT = 0.5  # aligned files agree on 62.8% of rows, a shift by one leaves 18%


def find_beside(
    root: Path, beside: str, names: Iterable[str], given: object = None, key: str = "the path"
) -> Path | None:
    """A file as given, under the root, or in the sibling folder that would be its own root.

    Args:
        root: Of the dataset, or a file in it.
        beside: Name of the sibling folder.
        names: The file may have, in lower case.
        given: A path that settles it.
        key: What gave it, for the sentence.

    Raises:
        ConfigError: the given path is none.
        DataError: the given path is no file.
    """
    if given is not None:
        path = as_path(given, key)
        if not is_regular(path):
            wanted = " or ".join(names)
            raise DataError(f"ferplus: {path} does not exist; give the path of {wanted}.")
        return path
    if is_regular(root) and not is_folder(root):
        return root if root.name.lower() in names else find_file(root.parent, names, 1)
    siblings = [root.parent / name for name in (beside, "FERPlus", "FERplus")]
    for folder in [root, *siblings]:
        found = find_file(folder, names)
        if found is not None:
            return found
    return find_file(root.parent, names, 0)


def read_votes(path: Path) -> pd.DataFrame:
    """fer2013new.csv with its ten counts as integers, row by row as FER-2013's own file.

    Raises:
        DataError: no csv, or a count that is none.
        DatasetLayoutError: a column is missing.
    """
    refuse_lfs_pointer(path)
    table = read_columns(path)
    missing = [name for name in ("Usage", "Image name", *VOTE_COLUMNS) if name not in table]
    if missing:
        raise DatasetLayoutError(
            f"ferplus: {path} has no column {', '.join(missing)}; take fer2013new.csv as it is in "
            "github.com/microsoft/FERPlus."
        )
    for name in VOTE_COLUMNS:
        counts = table[name].str.strip()
        wrong = ~counts.str.fullmatch(r"\d{1,3}")
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise DataError(
                f"ferplus: {path}, row {row}: {name} is {shown(counts[row])!r}, expected a "
                "count of votes; download it again."
            )
        table[name] = counts.astype(int)
    table["Usage"] = table["Usage"].str.strip()
    table["Image name"] = table["Image name"].str.strip()
    return table


def check_alignment(frame: pd.DataFrame, votes: pd.DataFrame, of: Path, pixels: Path) -> None:
    """Rows must be equal in number and Usage, and labels must agree as far as they do in truth.

    Raises:
        DataError: the two files are not row-aligned.
    """
    if len(frame) != len(votes):
        only_train = " (only the Training rows)" if set(frame["usage"]) <= {"Training", ""} else ""
        raise DataError(
            f"ferplus: {pixels} has {len(frame)} rows{only_train} and {of} {len(votes)}, but they "
            "are joined row by row; take the whole fer2013.csv or icml_face_data.csv."
        )
    differing = frame["usage"].to_numpy() != votes["Usage"].to_numpy()
    if differing.any():
        row = int(differing.argmax())
        raise DataError(
            f"ferplus: Usage differs in {int(differing.sum())} rows, first in row {row} "
            f"({frame['usage'][row]!r} in {pixels}, {votes['Usage'][row]!r} in {of}): the files "
            "are not row-aligned; take both as they were published."
        )
    names, _ = label_votes(votes[list(VOTE_COLUMNS)].to_numpy(), "argmax8")
    seen = names != ""
    agreement = float((frame["label"].to_numpy()[seen] == names[seen]).mean()) if seen.any() else 1
    if agreement < _LEAST_AGREEMENT:
        raise DataError(
            f"ferplus: FER-2013's labels agree with the top vote in {agreement:.1%} of rows, where "
            f"about 63% are usual: {pixels} and {of} are not row-aligned; take both as they were "
            "published, in their own order."
        )

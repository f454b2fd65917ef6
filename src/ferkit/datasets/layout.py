"""What every adapter needs to know of folders: where the data begins, and what is not data.

The sentences are the shared vocabulary of all adapters, so that the same mistake reads the same
whichever dataset it is made with.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ferkit.datasets.packed import LFS_HEAD, is_folder, open_bytes, size_of
from ferkit.datasets.walk import entry_names, file_names, files_in, shown, subfolders
from ferkit.emotions import EMOTIONS, canonical
from ferkit.errors import DataError, DatasetLayoutError, DatasetNotFoundError

_ARCHIVE_SUFFIXES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_LONGEST_SPLIT = 40
_SPLITS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "development"), "val"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
    # FER-2013's own names of its parts
    "publictest": "val",
    "privatetest": "test",
    # as Chinese copies name their folders
    **dict.fromkeys(("训练", "训练集"), "train"),
    **dict.fromkeys(("验证", "验证集"), "val"),
    **dict.fromkeys(("测试", "测试集"), "test"),
}
# Words that add nothing to the name of a split, as in train_set, images-test or fer2013_val.
_ADDED = frozenset({"set", "data", "dataset", "image", "images", "img", "imgs", "face", "faces"})
_ADDED |= {"folder", "split", "part", "fer", "fer2013", "samples", "pictures"}


def split_name(folder: str) -> str:
    """train, val or test for the usual names of split folders, else an empty string.

    >>> [split_name(name) for name in ("Validation", "train_set", "happy", "trainer")]
    ['val', 'train', '', '']
    """
    whole = folder.strip().lower()
    found = _split_word(whole)
    if found or len(whole) > _LONGEST_SPLIT:
        return found
    words = [word for word in re.split(r"[\W_]+", whole) if word and word not in _ADDED]
    return _split_word(words[0]) if len(words) == 1 else ""


def _split_word(word: str) -> str:
    return _SPLITS.get(word) or _SPLITS.get(word.removesuffix("set"), "")


def class_folders(folder: Path) -> dict[str, str]:
    """Names of the folders directly in one that name an emotion, each with the canonical name."""
    named = {child.name: canonical(child.name) for child in subfolders(folder)}
    return {name: emotion for name, emotion in named.items() if emotion is not None}


def find_root(root: Path | str, is_root: Callable[[Path], object], levels: int = 3) -> Path | None:
    """The first folder that `is_root` accepts: the given one, else those below it, nearest first.

    Args:
        root: Where to begin; `~` is the user's home.
        is_root: Judges one existing folder; anything true accepts it.
        levels: How many levels below `root` are looked at.
    """
    level = [Path(root).expanduser()]
    for _ in range(levels + 1):
        for folder in level:
            if is_folder(folder) and is_root(folder):
                return folder
        level = [child for folder in level for child in subfolders(folder)]
    return None


def find_file(root: Path | str, names: Iterable[str], levels: int = 3) -> Path | None:
    """The first file of one of these names (any case), earlier names before later ones."""
    wanted = [name.lower() for name in names]
    found: dict[str, Path] = {}
    level = [Path(root).expanduser()]
    for _ in range(levels + 1):
        for folder in level:
            for name in file_names(folder):  # each folder is listed once
                if name.lower() in wanted:
                    found.setdefault(name.lower(), folder / name)
        if wanted[0] in found:
            break
        level = [child for folder in level for child in subfolders(folder)]
    return next((found[name] for name in wanted if name in found), None)


def is_archive(name: str) -> bool:
    """Whether a name ends as an archive's does.

    >>> is_archive("Emotion_labels.ZIP"), is_archive("a.csv")
    (True, False)
    """
    return name.lower().endswith(_ARCHIVE_SUFFIXES)


def archives_in(root: Path) -> list[Path]:
    """Archives in a folder or one level below it (a download that was never unpacked)."""
    folders = [root, *subfolders(root)]
    return sorted(path for folder in folders for path in files_in(folder) if is_archive(path.name))


def is_lfs_pointer(path: Path) -> bool:
    """Whether a file is a Git-LFS pointer in place of the data; what cannot be read is none."""
    try:
        with open_bytes(path) as file:
            return file.read(len(LFS_HEAD)) == LFS_HEAD
    except OSError:
        return False


def refuse_lfs_pointer(path: Path) -> None:
    """Stop at a Git-LFS pointer.

    Raises:
        DataError: the file is a pointer.
    """
    if is_lfs_pointer(path):
        raise DataError(
            f"{path} is a Git-LFS pointer ({size_of(path)} bytes), not the data; "
            "run `git lfs pull` in its repository or download the file itself."
        )


def not_found(
    name: str,
    root: Path | str,
    looked_for: str,
    get_it: str,
    licence: str,
    tree: str,
) -> DatasetNotFoundError:
    """The error for a root in which nothing was recognised, with the likeliest cause first.

    Args:
        name: The dataset.
        root: The folder that was searched.
        looked_for: The patterns, in words.
        get_it: Where the dataset is to be had.
        licence: Its licence in one line.
        tree: The expected layout in one line.
    """
    root = Path(root).expanduser()
    source = f"Get it: {get_it}; licence: {licence}; expected layout: {tree}."
    if not is_folder(root):
        what = "is a file, not a folder" if root.exists() else "does not exist"
        if is_archive(root.name) and root.exists():
            what = "is an archive, not a folder; extract it first"
        return DatasetNotFoundError(
            f"{name}: {root} {what}; set dataset.root=DIR to the folder that holds the data. "
            f"{source}"
        )
    archives = archives_in(root)
    if archives:
        readable = archives[0].suffix.lower() in (".zip", ".tar")
        where = f", or read it where it lies by dataset.root={archives[0]}" if readable else ""
        return DatasetNotFoundError(
            f"{name}: found the archive {archives[0]}, not unpacked; extract it first "
            f"(into {root}){where}."
        )
    return DatasetNotFoundError(
        f"{name}: nothing recognisable under {root}. Looked for: {looked_for}. "
        f"Directory holds: {_contents(root)}. {source}"
    )


def _contents(root: Path, most: int = 8) -> str:
    try:
        if not (names := entry_names(root)):
            return "nothing"
    except OSError as error:
        return f"unreadable ({error.strerror})"
    more = f", ... ({len(names)} entries)" if len(names) > most else ""
    return ", ".join(map(shown, names[:most])) + more


def incomplete(name: str, variant: str, missing: str, fix: str) -> DatasetLayoutError:
    """The error for a layout that was recognised but lacks a part."""
    return DatasetLayoutError(f"{name}: looks like {variant} but {missing} is missing. Fix: {fix}.")


def check_counts(
    name: str, what: str, found: Mapping[str, int], expected: Mapping[str, int], strict: bool
) -> list[str]:
    """Compare counts with the published ones: a list of at most one warning.

    Args:
        name: The dataset.
        what: What was counted, e.g. "train images".
        found: Class (or any other name) to count; an absent name counts 0.
        expected: The published counts.
        strict: Whether a difference stops the load.

    Raises:
        DataError: `strict`, and a count differs.
    """
    names = [*expected, *(n for n in found if n not in expected)]
    differing = [n for n in names if found.get(n, 0) != expected.get(n, 0)]
    if not differing:
        return []
    listed = ", ".join(f"{n} {found.get(n, 0)} (expected {expected.get(n, 0)})" for n in differing)
    text = (
        f"{name}: {sum(found.values())} {what} instead of the published "
        f"{sum(expected.values())}: {listed}"
    )
    if strict:
        raise DataError(f"{text}; dataset.strict=false reads them all the same.")
    return [text]


def per_class(labels: Iterable[str]) -> dict[str, int]:
    """How often each label occurs, canonical order first; unlabelled rows are left out."""
    counts: dict[str, int] = dict.fromkeys(EMOTIONS, 0)
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
    return {label: n for label, n in counts.items() if n and label}

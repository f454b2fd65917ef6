"""What the names of shards, and of files beside them, say: the split, and names of the classes."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from ferkit.datasets.labels import OWN, LabelOptions, emotion_of, name_labels
from ferkit.datasets.layout import find_file, split_name
from ferkit.datasets.packed import read_bytes
from ferkit.errors import DatasetLayoutError

_NUMBER = re.compile(r"([\W_]*\d+([\W_]*of[\W_]*\d+)?([\W_][0-9a-f]{8,})?)$")
_PREFIX = re.compile(r"^(partial|default)[\W_]+")
_NAMES = ("labels", "classes", "class_names", "classnames", "label_names", "emotions")
_NAMES_FILES = tuple(f"{name}{ending}" for name in _NAMES for ending in (".txt", ".json", ".csv"))
_MOST_BYTES = 100_000
_LINE = re.compile(r"^\s*(?P<number>\d{1,3})\s*[\s,;:=\t-]\s*(?P<name>\D.*?)\s*$")


def shard_split(path: str) -> str:
    """train, val, test or "" by a shard's name, else by the innermost folder that says one.

    >>> shard_split("data/train-00000-of-00002-0af1b2c3d4.parquet"), shard_split("test/0000.tar")
    ('train', 'test')
    """
    parts = list(PurePosixPath(path).parts)
    parts[-1] = _NUMBER.sub("", PurePosixPath(path).stem)
    return next((s for part in reversed(parts) if (s := split_name(_PREFIX.sub("", part)))), "")


def names_beside(root: Path, levels: int = 1) -> tuple[Path, dict[str, str]] | None:
    """The names of numbered classes in a file beside them: labels.txt, classes.json, ...

    A line a class, with or without its number before it, or a JSON list or mapping. Any emotion
    in it must be known, so that a list of images is not taken for one of classes.

    Returns:
        The file, and number to name; None where there is no such file.

    Raises:
        DatasetLayoutError: two classes have one number.
    """
    path = find_file(root, _NAMES_FILES, levels)
    if path is None:
        return None
    try:
        text = read_bytes(path, _MOST_BYTES).decode("utf-8-sig")
        names = _from_json(json.loads(text)) if path.suffix == ".json" else _from_lines(text, path)
    except (ValueError, OSError):
        return None
    known = names and all(emotion_of(name) for name in names.values())
    return (path, names) if known else None


def _from_json(content: object) -> dict[str, str]:
    if isinstance(content, list):
        return {str(i): str(name) for i, name in enumerate(content)}
    if not isinstance(content, Mapping):
        return {}
    pairs = [(str(k), str(v)) for k, v in content.items()]
    return dict(pairs if all(k.isdecimal() for k, _ in pairs) else ((v, k) for k, v in pairs))


def _from_lines(text: str, path: Path) -> dict[str, str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    numbered = [match for line in lines if (match := _LINE.match(line))]
    if not numbered:
        return {str(i): line for i, line in enumerate(lines)}
    names: dict[str, str] = {}
    for match in numbered:
        number = str(int(match["number"]))
        if names.get(number, match["name"]) != match["name"]:
            raise DatasetLayoutError(f"{path} names class {number} twice; correct it.")
        names[number] = match["name"].strip("\"'")
    return names


def name_natives(
    natives: Iterable[str],
    base: Path,
    *,
    labels: LabelOptions | None,
    emotions: Sequence[str] | None,
    label_order: Sequence[str] | None,
) -> dict[str, str]:
    """`name_labels` for the labels of shards, numbers named by a file beside where there is one."""
    found = set(natives) - {""}
    if label_order is None and labels != OWN and (beside := names_beside(base)):
        label_order = order_of([native for native in found if native.isdecimal()], beside[1])
    label_of = name_labels(
        found, where=f"label in {base}", labels=labels, emotions=emotions, label_order=label_order
    )
    return {**label_of, "": ""}


def order_of(numbers: Iterable[str], names: Mapping[str, str]) -> list[str] | None:
    """The names of these numbers in ascending order; None where one is not named."""
    ordered = sorted(set(numbers), key=int)
    found = [names[str(int(n))] for n in ordered if str(int(n)) in names]
    return found if ordered and len(found) == len(ordered) else None

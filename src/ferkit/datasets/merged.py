"""Several datasets as one: CK+, EMOTIC and KDEF as ghafourian2021, CK+ and MUG as athanasiadis2022.

What: any list of the other datasets, each read with its own options, with canonical labels in one
index. Keys, subjects and sequences carry the name of their dataset, so that S005 of one is never
taken for S005 of another. What each part loses by the merge is counted.

Layout: each part in its own, in `<root>/<name>` or, where there is no such folder, beside the root
in `<data_root>/<name>`; a part's own `root` goes first.

Splits: the parts' own where every part has one, else none: a part with an official test set and
one without cannot share a protocol.

Classes: those of all parts together, the shared ones, or a given list.
Licence: that of each part holds for its images.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ferkit.datasets.accounts import parts_of_a_merge, reader
from ferkit.datasets.index import COLUMNS, FaceIndex, make_index
from ferkit.datasets.layout import per_class
from ferkit.emotions import choose, order
from ferkit.errors import ConfigError, DataError, unknown


@reader
def read_merged(
    root: Path | str, *, datasets: list[Any], classes: str | list[str] = "union"
) -> FaceIndex:
    """Read several datasets as one index.

    Args:
        root: Where parts without a `root` of their own are looked for, in `<root>/<name>`, then
            beside it in `<root>/../<name>`.
        datasets: One item a part: the name of a dataset, a mapping of `name` and options of that
            dataset (`{name: ckplus, contempt: drop}`), or a whole node with its `_target_`.
        classes: `union`, `shared` (by all parts), or a list of emotions; what carries another
            label, or none, is dropped and counted.

    Returns:
        The index. `root` is the folder that all parts have in common, `dataset` names the part,
        and columns that only some parts have are empty in the others.

    Raises:
        ConfigError: an item is no dataset, an emotion occurs in no part, or pixels in a csv are
            to be mixed with image files, or with pixels of another size.
        DataError: a part cannot be read.
    """
    # Not at the top: config imports much, and this module is imported by whoever reads its card.
    from ferkit.config import build, check_node

    base = Path(root)
    nodes = [_node(item, base, f"dataset.datasets[{i}]") for i, item in enumerate(datasets)]
    if not nodes:
        raise ConfigError("dataset.datasets is empty; name at least one, e.g. [ckplus, kdef].")
    for i, node in enumerate(nodes):
        check_node(node, f"dataset.datasets[{i}]")
    parts = []
    for i, node in enumerate(nodes):
        try:
            with parts_of_a_merge():
                parts.append(build(node, where=f"dataset.datasets[{i}]"))
        except DataError as error:
            raise type(error)(
                f"merged: part {i} of dataset.datasets, looked for in {node.get('root')}: {error}"
            ) from error
    return merge(parts, classes=classes)


def _node(item: Any, root: Path, where: str) -> dict[str, Any]:
    """The whole node of one item, its root filled in."""
    options = {"name": item} if isinstance(item, str) else dict(item or {})
    if "_target_" in options:
        return options
    from omegaconf import OmegaConf

    from ferkit.composition import load_choice
    from ferkit.tree import choices

    name = options.pop("name", None)
    known = [choice for choice in choices("dataset") if choice != "merged"]
    if name not in known:
        raise ConfigError(f"{where}: {unknown('dataset', str(name), known)}")
    node = OmegaConf.to_container(load_choice("dataset", name), resolve=False)
    assert isinstance(node, dict)
    if "root" in node:
        inside, beside = root / name, root.parent / name
        node["root"] = str(beside if beside.is_dir() and not inside.is_dir() else inside)
    return {str(key): value for key, value in (node | options).items()}


def merge(parts: Sequence[FaceIndex], *, classes: str | Sequence[str] = "union") -> FaceIndex:
    """Make one index of several; see `read_merged`."""
    names = _distinct([part.name for part in parts])
    emotions = _classes(parts, classes)
    kept = [part.frame["label"].isin(emotions).to_numpy() for part in parts]
    images = _pixels(parts, names, kept)
    home = _common_root(parts)
    prefixed = [_prefixed(part, name, home) for part, name in zip(parts, names, strict=True)]
    frame = _joined([rows[there] for rows, there in zip(prefixed, kept, strict=True)])
    notes = _losses(parts, names, kept, emotions)
    if not all((part.frame["split"] != "").all() for part in parts):
        without = [n for n, p in zip(names, parts, strict=True) if (p.frame["split"] == "").any()]
        if (frame["split"] != "").any():
            notes.append(f"official splits are left out: there is none in {', '.join(without)}")
        frame["split"] = ""
    return make_index(
        frame,
        name="merged",
        variant=" + ".join(f"{n} ({p.variant})" for n, p in zip(names, parts, strict=True)),
        root=home,
        emotions=emotions,
        images=images,
        dropped=_dropped(parts, names, emotions),
        notes=notes + [_named(n, t) for n, p in zip(names, parts, strict=True) for t in p.notes],
        warnings=[_named(n, t) for n, p in zip(names, parts, strict=True) for t in p.warnings],
        dark_below=max(part.dark_below for part in parts),
        fingerprint=_fingerprint(parts, kept) if images is not None else "",
        beside=_beside(parts, names),
        roots=[root for part in parts for root in part.roots],
    )


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, the second of a kind with -2 after it: one dataset may come in two readings."""
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        seen[name] += 1
        distinct.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return distinct


def _classes(parts: Sequence[FaceIndex], classes: str | Sequence[str]) -> tuple[str, ...]:
    everything = order([emotion for part in parts for emotion in part.emotions])
    if isinstance(classes, str):
        if classes not in ("union", "shared"):
            raise ConfigError(
                f"dataset.classes={classes}: give union, shared, or a list such as [happy, sad]."
            )
        return tuple(
            e for e in everything if classes == "union" or all(e in p.emotions for p in parts)
        )
    return choose(classes, everything)


def _pixels(
    parts: Sequence[FaceIndex], names: Sequence[str], kept: Sequence[np.ndarray]
) -> np.ndarray | None:
    arrays = [part.images for part in parts]
    if all(array is None for array in arrays):
        return None
    sizes = {n: None if a is None else a.shape[1:] for n, a in zip(names, arrays, strict=True)}
    if len(set(sizes.values())) > 1:
        said = ", ".join(f"{n} {'x'.join(map(str, s)) if s else 'files'}" for n, s in sizes.items())
        raise ConfigError(
            f"merged: image files cannot be mixed with the pixels of a csv, nor pixels of two "
            f"sizes ({said}); take the variant of each dataset that has image files."
        )
    chosen = [a[rows] for a, rows in zip(arrays, kept, strict=True) if a is not None]
    return np.concatenate(chosen)  # [N, H, W] or [N, H, W, 3]


def _common_root(parts: Sequence[FaceIndex]) -> Path:
    roots = [str(part.root.absolute()) for part in parts]
    try:
        return Path(os.path.commonpath(roots))
    except ValueError:  # on several drives
        return Path(roots[0])


def _prefixed(part: FaceIndex, name: str, home: Path) -> pd.DataFrame:
    frame = part.frame.copy()
    for column, prefix in {
        "key": name,
        "source": name,
        "subject": part.name,  # the same people, however often their dataset is read
        "sequence": part.name,
    }.items():
        frame[column] = [f"{prefix}/{value}" if value else "" for value in frame[column]]
    folder = part.root.absolute()
    below = folder.relative_to(home).as_posix() if folder.is_relative_to(home) else str(folder)
    prefix = "" if below == "." else f"{below}/"
    frame["path"] = [f"{prefix}{path}" if path else "" for path in frame["path"]]
    return frame


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One frame of all; columns of some parts alone are "" or missing in the others."""
    columns = list(dict.fromkeys(column for frame in frames for column in frame.columns))
    joined = {}
    for column in columns:
        having = [frame[column] for frame in frames if column in frame]
        filler = "" if all(isinstance(v, str) for values in having for v in values) else None
        joined[column] = [
            value
            for frame in frames
            for value in (frame[column] if column in frame else [filler] * len(frame))
        ]
    frame = pd.DataFrame(joined)
    extra = [column for column in columns if column not in COLUMNS]
    return frame.astype({column: "boolean" for column in extra if _is_boolean(frame[column])})


def _is_boolean(values: pd.Series) -> bool:
    there = values.dropna()
    return len(there) > 0 and all(isinstance(value, bool | np.bool_) for value in there)


def _losses(
    parts: Sequence[FaceIndex],
    names: Sequence[str],
    kept: Sequence[np.ndarray],
    emotions: Sequence[str],
) -> list[str]:
    notes = []
    for part, name, rows in zip(parts, names, kept, strict=True):
        counts = per_class(part.frame["label"][rows])
        listed = " ".join(f"{emotion} {counts.get(emotion, 0)}" for emotion in emotions)
        notes.append(f"{name}: {int(rows.sum())} of {len(part)} rows kept: {listed}")
        absent = [emotion for emotion in emotions if emotion not in part.emotions]
        if absent:
            notes.append(f"{name} has no {', '.join(absent)}")
    return notes


def _dropped(
    parts: Sequence[FaceIndex], names: Sequence[str], emotions: Sequence[str]
) -> dict[str, int]:
    dropped: dict[str, int] = {}
    for part, name in zip(parts, names, strict=True):
        dropped |= {_named(name, why): count for why, count in part.dropped.items()}
        lost = Counter(label for label in part.frame["label"] if label not in emotions)
        for label in order(list(lost)):
            why = f"{label}, not a class of the merge" if label else "unlabelled"
            dropped[f"{name}: {why}"] = lost[label]
    return dropped


def _beside(parts: Sequence[FaceIndex], names: Sequence[str]) -> dict[str, list[str]]:
    beside: dict[str, list[str]] = {}
    for part, name in zip(parts, names, strict=True):
        home = part.root.absolute()
        for why, paths in part.beside.items():
            beside[_named(name, why)] = [str(home / path) for path in paths]
        rows = [str(home / path) for path in part.frame["path"].unique() if path]
        beside[_named(name, "image of a class that is left out")] = rows
    return beside


def _named(name: str, text: str) -> str:
    return text if text.startswith(f"{name}: ") else f"{name}: {text}"


def _fingerprint(parts: Sequence[FaceIndex], kept: Sequence[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for part, rows in zip(parts, kept, strict=True):
        digest.update(part.fingerprint.encode() + np.packbits(rows).tobytes())
    return digest.hexdigest()

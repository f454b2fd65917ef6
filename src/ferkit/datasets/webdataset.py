"""WebDataset tars: an image and its label side by side in shards, read where they lie.

What: any dataset as `000001.jpg` and `000001.cls` (a number or a word), or `000001.json` with a
key label, emotion, expression or class, one after the other in tar files that are not compressed.

Layout (any nesting; a single tar will do)::

    train-000000.tar  train-000001.tar  test/000000.tar  classes.txt

Splits: by the tar's name, else its folder's; none where neither says one.
Classes: emotions or their usual other names. Numbers are named by a file beside (classes.txt,
labels.json, ...) or by `label_order`; they are never guessed. A sample without a label is
unlabelled.
Licence: that of the dataset.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ferkit.datasets.accounts import reader
from ferkit.datasets.archive import Archive
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.labels import LabelOptions, unused_names
from ferkit.datasets.layout import not_found, refuse_lfs_pointer
from ferkit.datasets.packed import inside
from ferkit.datasets.shards import name_natives, shard_split
from ferkit.datasets.walk import is_image, is_junk, is_regular, list_files, shown
from ferkit.errors import DataError

_ENDINGS = ("cls", "class", "label", "json")
_KEYS = ("label", "emotion", "expression", "class", "cls")
_MOST_BYTES = 1 << 20  # of a label's file
_SECOND = "second image of a sample"


@reader
def read_webdataset(
    root: Path | str,
    *,
    name: str = "webdataset",
    label: str | None = None,
    label_order: Sequence[str] | None = None,
    labels: LabelOptions | None = None,
    emotions: Sequence[str] | None = None,
) -> FaceIndex:
    """Index the samples of tars; their labels are read, their images are not.

    Args:
        root: The folder of the tars, or one of them.
        name: The dataset's name in the index.
        label: The ending of the files with the label (such as txt), or its key in the json, where
            it is none of the usual ones.
        label_order: Emotions of labels that are numbers, ascending.
        labels: `{map: {label: emotion or None}}`, which renames, merges or drops.
        emotions: Class names of one's own instead of the canonical ones.

    Raises:
        ConfigError: an option names no known emotion.
        DatasetNotFoundError: there is no tar.
        DataError: a tar or a label is damaged, or the meaning of a label is unknown.
    """
    base, shards = _shards(Path(root), name)
    dropped: Counter[str] = Counter()
    beside: dict[str, list[str]] = {_SECOND: []}
    rows = [row for shard in shards for row in _rows(base, shard, label, dropped, beside)]
    if not rows:
        raise DataError(
            f"{name}: the {len(shards)} tars of {base} hold no image beside a label (e.g. "
            f"{shown(shards[0])}); a tar of class folders is read by dataset=folder."
        )
    frame = pd.DataFrame(rows, columns=["key", "path", "label", "split"])
    natives = frame["label"]
    label_of = name_natives(
        natives, base, labels=labels, emotions=emotions, label_order=label_order
    )
    frame["label"] = natives.map(label_of)
    unwanted = (frame["label"] == "") & (natives != "")
    dropped.update(natives[unwanted].map(lambda native: f"class {shown(native)} (labels.map)"))
    beside["image of a class that is left out"] = frame["path"][unwanted].tolist()
    dropped[_SECOND] = len(beside[_SECOND])
    return make_index(
        frame[~unwanted],
        name=name,
        variant=f"{len(shards)} WebDataset tars",
        root=base,
        dropped=dropped,
        notes=unused_names(labels, natives),
        warnings=_warnings(dropped, natives),
        beside=beside,
        outside="in no sample",
    )


def _shards(root: Path, name: str) -> tuple[Path, list[str]]:
    if is_regular(root) and root.suffix.lower() == ".tar":
        refuse_lfs_pointer(root)
        return root.parent, [root.name]
    listing = list_files(root, strict=False)
    shards = [path for path in listing.others if path.lower().endswith(".tar")]
    if not shards:
        raise not_found(
            name,
            root,
            looked_for=".tar files",
            get_it="the dataset's own page",
            licence="that of the dataset",
            tree="train-000000.tar with 000001.jpg and 000001.cls",
        )
    for path in shards:
        refuse_lfs_pointer(root / path)
    return root, shards


def _rows(
    base: Path,
    shard: str,
    label: str | None,
    dropped: Counter[str],
    beside: dict[str, list[str]],
) -> Iterator[tuple[str, str, str, str]]:
    """Key, path, label as it stands there, and split of each sample of a tar."""
    found = inside(base / shard)
    assert found is not None
    archive = found[0]
    split, home = shard_split(shard), f"{base / shard}"
    for sample, parts in _samples(archive.sizes).items():
        images = [ending for ending in parts if is_image(f"a.{ending}")]
        if not images:
            dropped["sample without an image"] += 1
            continue
        beside[_SECOND] += [f"{shard}/{sample}.{ending}" for ending in images[1:]]
        path = f"{shard}/{sample}.{images[0]}"
        native = _label(archive, sample, parts, label, f"{home}/{sample}")
        yield f"{shard}/{sample}", path, native, split


def _samples(names: Any) -> dict[str, list[str]]:
    """Sample, the path up to the first dot of the name, to the endings that it has."""
    samples: dict[str, list[str]] = {}
    for path in names:
        folder, _, name = path.rpartition("/")
        if not is_junk(name) and not is_junk(folder.partition("/")[0]):
            stem, _, ending = name.partition(".")
            sample = f"{folder}/{stem}" if folder else stem
            samples.setdefault(sample, []).append(ending)
    return samples


def _label(archive: Archive, sample: str, parts: list[str], asked: str | None, where: str) -> str:
    for ending in ([asked] if asked in parts else []) + [e for e in _ENDINGS if e in parts]:
        with archive.open_member(f"{sample}.{ending}") as file:
            content = file.read(_MOST_BYTES)
        try:
            text = content.decode("utf-8-sig").strip()
            native = _from_json(text, asked) if ending == "json" else text
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{where}.{ending} cannot be read as a label ({shown(error)}); make the tar again."
            ) from error
        if "\n" in native or len(native) > 80:
            raise DataError(f"{where}.{ending} holds {shown(native)!r}, not one label.")
        return "" if native == "-1" else native
    return ""


def _from_json(text: str, asked: str | None) -> str:
    content = json.loads(text)
    if isinstance(content, dict):
        keys = [asked] if asked else [key for key in _KEYS if key in content]
        content = content.get(keys[0]) if keys else None
    if content is None:
        return ""
    if isinstance(content, list | dict):
        raise ValueError("more than one label")
    return str(content).strip()


def _warnings(dropped: Counter[str], natives: pd.Series) -> list[str]:
    warnings = []
    if dropped["sample without an image"]:
        warnings.append(
            f"{dropped['sample without an image']:,} samples have no image that is read; left out"
        )
    if unlabelled := int((natives == "").sum()):
        warnings.append(
            f"{unlabelled:,} of {len(natives):,} samples have no label (.cls, or one of "
            f"{', '.join(_KEYS)} in a .json); dataset.label=NAME names another ending or key"
        )
    return warnings

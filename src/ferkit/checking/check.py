"""`ferkit data check`: what a dataset holds, and what is wrong with it."""

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ferkit.checking import duplicates
from ferkit.checking.duplicates import Copies
from ferkit.checking.measure import measure
from ferkit.datasets.index import FaceIndex
from ferkit.errors import DataError
from ferkit.splits.leaks import count_leaks, leak_warnings

# On FER-2013 nearly all pairs up to 4 bits are one photograph cropped, cut or watermarked twice;
# at 8 bits a third, and at 10 most, are two people.
NEAR_BITS = 4
_EXAMPLES = 3


@dataclass
class CheckResult:
    """What `check` found.

    Attributes:
        index: The index that was checked.
        images: One row an image: what `measure` gives, with `blank`, `label` and `view`.
        counts: Samples, classes in rows and official splits in columns, with totals.
        identical: Copies by decoded pixels.
        same_bytes: Copies by the bytes of the files; None where there are no image files.
        near: Images whose perceptual hashes are near, not identical; None if not looked for.
        distance: Bits by which they may differ.
        leaks: What official splits share, as `ferkit.splits.count_leaks` has it.
        notes: What could not be examined, and why.
        seconds: How long it took.
    """

    index: FaceIndex
    images: pd.DataFrame
    counts: pd.DataFrame
    identical: Copies
    same_bytes: Copies | None
    near: Copies | None
    distance: int
    leaks: dict[str, dict[str, int]]
    notes: list[str]
    seconds: float


def check(
    index: FaceIndex, *, near: bool = True, processes: int | None = None, distance: int = NEAR_BITS
) -> CheckResult:
    """Decode every image of a dataset and count what a user should know before training.

    Args:
        index: What an adapter read.
        near: Look for near-duplicates, too.
        processes: How many decode side by side; by default as many as the work is worth.
        distance: Bits of 64 by which the perceptual hashes of near images may differ.

    Raises:
        DataError: the index holds no rows.
    """
    start = time.perf_counter()
    if not len(index):
        raise DataError(f"{index.name}: {index.root} holds no samples, so nothing can be checked.")
    images = _describe(index, measure(index, near, processes))
    content, labels, views = (images[c].to_numpy(str) for c in ("content", "label", "view"))
    hashes = images["file_hash"].to_numpy(str)
    near_copies, notes = _near(images, content, labels, views, distance) if near else (None, [])
    rows = index.frame.assign(content=content[_image_of_row(index)])
    return CheckResult(
        index=index,
        images=images,
        counts=_count(index),
        identical=duplicates.identical(content, labels, views),
        same_bytes=duplicates.identical(hashes, labels, views) if (hashes != "").any() else None,
        near=near_copies,
        distance=distance,
        leaks=count_leaks(rows, rows["split"].to_numpy(str)),
        notes=notes,
        seconds=time.perf_counter() - start,
    )


def _count(index: FaceIndex) -> pd.DataFrame:
    split = index.frame["split"].replace("", "no split")
    table = pd.crosstab(index.frame["label"].replace("", "unlabelled"), split)
    classes = [*index.emotions, *(["unlabelled"] if "unlabelled" in table.index else [])]
    views = [v for v in ("train", "val", "test", "no split") if v in table]
    table = table.reindex(index=classes, columns=views, fill_value=0)
    table["all"] = table.sum(axis=1)
    table.loc["total"] = table.sum()
    return table


def _image_of_row(index: FaceIndex) -> np.ndarray:
    if index.images is not None:
        return np.arange(len(index))
    return index.frame.groupby(["path", "frame"], sort=False).ngroup().to_numpy()


def _describe(index: FaceIndex, measured: pd.DataFrame) -> pd.DataFrame:
    """Complete measurements by what the index knows of each image."""
    images = measured.copy()
    readable = images["error"] == ""
    constant = images["low"] == images["high"]
    images["blank"] = readable & (constant | (images["mean"] < index.dark_below))
    rows = index.frame.iloc[images["row"]]
    # A photograph of several people may carry several labels, and none is wrong.
    single = np.bincount(_image_of_row(index)) == 1
    images["label"] = np.where(single, rows["label"].to_numpy(str), "")
    images["view"] = rows["split"].to_numpy(str)
    return images


def _near(
    images: pd.DataFrame, content: np.ndarray, labels: np.ndarray, views: np.ndarray, bits: int
) -> tuple[Copies | None, list[str]]:
    usable = np.flatnonzero((images["error"] == "") & ~images["blank"])
    _, first = np.unique(content[usable], return_index=True)
    kept = usable[first]  # one of each content: its copies follow it
    try:
        pairs = duplicates.near_pairs(images["phash"].to_numpy()[kept].astype(np.uint64), bits)
    except OverflowError as error:
        return None, [f"near-duplicates are not counted: {error}; the images are all alike"]
    pairs = _with_copies(kept[pairs], content)
    return duplicates.near(pairs, content, labels, views), []


def _with_copies(pairs: np.ndarray, content: np.ndarray) -> np.ndarray:
    copies = pd.DataFrame({"row": np.arange(len(content)), "content": content})
    table = pd.DataFrame({"one": content[pairs[:, 0]], "two": content[pairs[:, 1]]})
    table = table.merge(copies, left_on="one", right_on="content")
    table = table.merge(copies, left_on="two", right_on="content", suffixes=("", "_two"))
    return table[["row", "row_two"]].to_numpy(np.int64)


def render_text(result: CheckResult) -> str:
    """The result for a terminal."""
    index = result.index
    known = {c: index.frame[c][index.frame[c] != ""].nunique() for c in ("subject", "sequence")}
    people, videos = (f"{n:,} {c}s" if n else f"no {c}s" for c, n in known.items())
    lines = [
        f"{index.name} | {index.variant} | {index.root}",
        f"{len(index):,} samples, {len(index.emotions)} classes, {people}, {videos}",
        "",
        _table(result.counts),
        "",
        *(f"{topic + ':' * bool(topic):<12}{words}" for topic, words in findings(result)),
        "",
        f"Looked at {len(result.images):,} images in {result.seconds:.0f} s.",
    ]
    return "\n".join(lines)


def _table(counts: pd.DataFrame) -> str:
    text = counts.map("{:,}".format)
    text.index.name = text.columns.name = None
    return text.to_string()


def findings(result: CheckResult) -> list[tuple[str, str]]:
    """What is to be said of the images, each with its topic in a word; go on where empty."""
    images, index = result.images, result.index
    dropped = ", ".join(f"{why}: {n:,}" for why, n in index.dropped.items())
    warnings = [w.removeprefix("Leak: ") for w in leak_warnings(result.leaks)]
    said = [
        *(("Files", words) for words in _files_words(index)),
        ("Dropped", dropped or "nothing"),
        ("Sizes", _most_frequent(images["size"])),
        ("Modes", _most_frequent(images["mode"])),
        ("Unreadable", _broken_words(result)),
        ("Blank", _blank_words(result)),
        ("Identical", f"{result.identical.distinct:,} distinct images by their decoded pixels"),
        *(("", words) for words in _copies_words(result.identical, "an identical copy")),
    ]
    if result.same_bytes:
        said.append(("", _bytes_words(result.identical, result.same_bytes)))
    if result.near:
        how = f"perceptual hashes at most {result.distance} of 64 bits apart, pixels not identical"
        said.append(("Near", how))
        said += [("", words) for words in _copies_words(result.near, "a near copy")]
        said += [("", words) for words in _family_words(result, result.near)]
    said += [("Leak", warning) for warning in warnings]
    said += [("Note", note) for note in [*result.notes, *index.notes]]
    return [*said, *(("Warning", warning) for warning in index.warnings)]


def _files_words(index: FaceIndex) -> list[str]:
    if not index.files:
        return []
    said = ", ".join(f"{why}: {n:,}" for why, n in index.files.items())
    return [f"{sum(index.files.values()):,} images and videos below the root: {said}"]


def _most_frequent(values: pd.Series) -> str:
    counts = values[values != ""].value_counts()
    said = [f"{value} ({n:,})" for value, n in counts.head(_EXAMPLES).items()]
    more = f", {len(counts) - _EXAMPLES} others" if len(counts) > _EXAMPLES else ""
    return ", ".join(said) + more or "none"


def _broken_words(result: CheckResult) -> str:
    broken = result.images[result.images["error"] != ""]
    return _counted(broken) + "".join(
        f"; {key}: {error}"
        for key, error in zip(_keys(result, broken), broken["error"], strict=False)
    )


def _blank_words(result: CheckResult) -> str:
    blank = result.images[result.images["blank"]]
    examples = ", ".join(_keys(result, blank))
    return _counted(blank) + (f", of one grey level or all but black: {examples}" * bool(examples))


def _counted(images: pd.DataFrame) -> str:
    views = images["view"][images["view"] != ""].value_counts()
    inside = ", ".join(f"{n:,} {view}" for view, n in views.items())
    return (f"{len(images):,}" if len(images) else "none") + (f" ({inside})" * bool(inside))


def _keys(result: CheckResult, images: pd.DataFrame) -> list[str]:
    keys = result.index.frame["key"].iloc[images["row"].head(_EXAMPLES)]
    return [*map(str, keys), *(["..."] * (len(images) > _EXAMPLES))]


def _copies_words(copies: Copies, what: str) -> list[str]:
    inside = ", ".join(f"{n:,} inside {view}" for view, n in copies.surplus_within.items() if n)
    words = [
        f"groups of copies: {copies.groups:,}; surplus copies: {copies.surplus:,}"
        + (f" ({inside})" * bool(inside))
        + f"; groups with conflicting labels: {copies.conflicting:,}"
    ]
    for pair, n in copies.across.items():
        first, second = pair.split("|")
        if n:
            other = f" ({copies.relabelled[pair]:,} of them never under the same label)"
            words.append(f"{second} images with {what} in {first}: {n:,}" + other)
    return words


def _family_words(result: CheckResult, copies: Copies) -> list[str]:
    # Frames of a video and takes of a person are near each other by nature.
    frame = result.index.frame.iloc[result.images["row"]]
    for column, what in (("subject", "person"), ("sequence", "video")):
        ids = frame[column].to_numpy(str)[copies.group >= 0]
        if (ids != "").any():
            spread = pd.Series(ids).groupby(copies.group[copies.group >= 0]).nunique()
            return [f"groups of one {what}, as is natural: {(spread == 1).sum():,}"]
    return []


def _bytes_words(pixels: Copies, files: Copies) -> str:
    figures = [(c.distinct, c.groups, c.surplus, c.conflicting, c.across) for c in (pixels, files)]
    if figures[0] == figures[1]:
        return "by the bytes of the files: the same counts"
    return f"by the bytes of the files: {files.distinct:,} distinct; " + "; ".join(
        _copies_words(files, "the same bytes")
    )

"""What lies on both sides of a split: people, videos, relatives and identical images."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ferkit.errors import DataError
from ferkit.splits.units import named, units

PAIRS = (("train", "val"), ("train", "test"), ("val", "test"))
_DROPPED = ("sequence", "source", "identical")
_WORDS = {
    "subject": "show a subject who is also in",
    "sequence": "are sibling frames of a video in",
    "source": "were made from, or are cut from, an image in",
    "identical": "are identical to an image in",
}


def _shared_ids(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """For each kind of leak, [N] the number of what a row must not share, -1 for nothing."""
    content = frame["content"] if "content" in frame else pd.Series("", index=frame.index)
    return {
        "subject": _numbers(named(frame, "subject")),
        "sequence": _numbers(named(frame, "sequence")),
        "source": units(frame),
        "identical": _numbers(content),
    }


def _numbers(ids: pd.Series) -> np.ndarray:
    return pd.factorize(ids.where(ids != ""))[0]


def _also_in(ids: np.ndarray, here: np.ndarray, there: np.ndarray) -> np.ndarray:
    return here & (ids >= 0) & np.isin(ids, ids[there])


def count_leaks(frame: pd.DataFrame, views: np.ndarray) -> dict[str, dict[str, int]]:
    """Count the rows of one view that share something with a row of an earlier one.

    Args:
        frame: The index, with `content` (hash of the pixels) where identical images count.
        views: [N] the view of every row, empty for none.

    Returns:
        For "train|val", "train|test" and "val|test" the number of rows of the second view
        whose "subject", "sequence", "source" (relatives, or the same photograph) or pixels
        ("identical") also occur in the first.
    """
    ids = _shared_ids(frame)
    return {
        f"{first}|{second}": {
            kind: int(_also_in(ids[kind], views == second, views == first).sum()) for kind in ids
        }
        for first, second in PAIRS
    }


def leak_warnings(leaks: Mapping[str, Mapping[str, int]]) -> list[str]:
    """One sentence for every kind of leak that was counted, with what repairs it."""
    sentences = []
    for pair, counts in leaks.items():
        first, second = pair.split("|")
        for kind, count in counts.items():
            if count:
                cure = "split=subject" if kind == "subject" else "split.drop_leaks=true"
                cure += " or split=subject" if kind == "sequence" else ""
                sentences.append(
                    f"Leak: {count:,} {second} images {_WORDS[kind]} {first}, so "
                    f"metrics on {second} are too good; {cure} repairs it."
                )
    return sentences


def drop_leaks(frame: pd.DataFrame, views: np.ndarray) -> tuple[np.ndarray, int]:
    """Take out of train what val or test also hold, and out of val what test also holds.

    Relatives, sibling frames and identical images go; a shared person alone does not, for
    that takes another split (`split=subject`) and not fewer images.

    Returns:
        The views with the leaking rows emptied, and how many those are.

    Raises:
        DataError: nothing would be left to train or to choose on.
    """
    ids = _shared_ids(frame)
    kept = views.copy()
    for here, others in (("val", ["test"]), ("train", ["val", "test"])):
        for kind in _DROPPED:
            kept[_also_in(ids[kind], kept == here, np.isin(kept, others))] = ""
        if (views == here).any() and not (kept == here).any():
            raise DataError(
                f"split.drop_leaks=true would empty {here}: every image of it has a relative "
                f"or a copy in {' or '.join(others)}; use split=sequence or split=subject."
            )
    return kept, int((views != kept).sum())

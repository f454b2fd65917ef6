"""What predictions were computed on, named by its content."""

from hashlib import blake2b

import pandas as pd

CONTENT = "content"  # the column with a hash of each row's decoded image
IN_TRAIN = "in_train"  # "image", "source" or "subject" where the row shares one with training


def fingerprint(frame: pd.DataFrame) -> str:
    """Twelve hex digits that name the images and labels of a frame, whatever their files' names.

    Args:
        frame: Predictions, or rows of a store's index; a row without a hash of its image (older
            predictions, made faces) counts by its key.
    """
    keys = frame["key"].astype(str)
    content = (
        frame[CONTENT].fillna("").astype(str) if CONTENT in frame else pd.Series("", keys.index)
    )
    labels = frame["label"].fillna("").astype(str)
    lines = sorted((content.where(content != "", "key " + keys) + "\t" + labels).tolist())
    return blake2b("\n".join(lines).encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def changed_images(first: pd.DataFrame, second: pd.DataFrame) -> int:
    """How many rows of two frames in the same order of keys hold different images."""
    if CONTENT not in first or CONTENT not in second:
        return 0
    one, two = (f[CONTENT].fillna("").astype(str).to_numpy() for f in (first, second))
    return int(((one != two) & (one != "") & (two != "")).sum())

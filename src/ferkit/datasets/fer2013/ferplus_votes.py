"""FER+ votes: ten annotators saw each FER-2013 image, and there are several ways to one label.

Barsoum et al., "Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label
Distribution", ICMI 2016 (arXiv:1608.01041).
"""

import numpy as np

from ferkit.errors import ConfigError, unknown

# The ten columns of fer2013new.csv in their own order, which is not FER-2013's: neutral comes
# first, and surprise before sadness.
VOTE_COLUMNS = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
)
VOTE_EMOTIONS = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt")
RULES = ("majority", "argmax10", "argmax8", "soft")

NO_MAJORITY = "no emotion has more than half of the votes"
NOT_AN_EMOTION = "the votes say unknown or not a face"
NO_EMOTION = "no vote for an emotion"


def check_rule(rule: str) -> None:
    """Judge a label rule before any file is read.

    Raises:
        ConfigError: the rule is none of `RULES`.
    """
    if rule not in RULES:
        raise ConfigError(unknown("FER+ label rule", rule, RULES))


def without_single_votes(votes: np.ndarray) -> np.ndarray:
    """Votes with the counts of one set to zero: Microsoft's removal of outliers.

    >>> without_single_votes(np.array([[4, 0, 0, 1, 3, 2, 0, 0, 0, 0]])).tolist()
    [[4, 0, 0, 0, 3, 2, 0, 0, 0, 0]]
    """
    return np.where(votes <= 1, 0, votes)


def label_votes(votes: np.ndarray, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """Turn votes into one label an image, or the reason why it has none.

    Ties go to the first column, so they lean towards neutral, as in Microsoft's own code. No rule
    counts on ten votes: one real row has nine.

    Args:
        votes: Counts in the order of `VOTE_COLUMNS`, [N, 10].
        rule: `majority` (Microsoft's: single votes are removed, and what has more than half of
            the remaining ten columns wins), `argmax10` (the largest of the ten columns),
            `argmax8` (the largest of the eight emotions) or `soft` (as `argmax8` after single
            votes are removed; its label is the peak of the distribution).

    Returns:
        Emotion names, [N], empty where the image is dropped; and reasons, [N], empty where it is
        kept.

    Raises:
        ConfigError: unknown rule.
    """
    check_rule(rule)
    counts = np.asarray(votes)  # [N, 10]
    if rule in ("majority", "soft"):
        counts = without_single_votes(counts)
    if rule in ("argmax8", "soft"):
        counts = counts[:, : len(VOTE_EMOTIONS)]  # [N, 8]
    peak = counts.argmax(axis=1)
    reasons = np.full(len(counts), "", dtype=object)
    reasons[peak >= len(VOTE_EMOTIONS)] = NOT_AN_EMOTION
    reasons[counts.max(axis=1) <= 0] = NO_EMOTION
    if rule == "majority":
        reasons[2 * counts.max(axis=1) <= counts.sum(axis=1)] = NO_MAJORITY
    names = np.array([*VOTE_EMOTIONS, "", ""], dtype=object)[peak]
    return np.where(reasons == "", names, ""), reasons


def vote_probabilities(votes: np.ndarray) -> np.ndarray:
    """The distribution over the eight emotions: soft targets.

    Single votes are left out, except where nothing else was cast for an emotion.

    Args:
        votes: Counts in the order of `VOTE_COLUMNS`, [N, 10].

    Returns:
        Probabilities in the order of `VOTE_EMOTIONS`, [N, 8] float64; each row sums to 1, or is all
        zero        where nobody saw an emotion.

    >>> vote_probabilities(np.array([[4, 0, 0, 1, 4, 0, 0, 0, 1, 0]])).tolist()
    [[0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0]]
    """
    cast = np.asarray(votes)[:, : len(VOTE_EMOTIONS)]  # [N, 8]
    cleaned = without_single_votes(cast)
    counts = np.where(cleaned.sum(axis=1, keepdims=True) > 0, cleaned, cast)
    total = counts.sum(axis=1, keepdims=True)  # [N, 1]
    return np.asarray(counts / np.maximum(total, 1), dtype=np.float64)

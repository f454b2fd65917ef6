"""Which frames of a video, or of a series of frames, stand for it.

Where the emotion is strongest differs by dataset: at the end in CK+ (onset to apex), in the
middle in MUG (onset, apex, offset), at an annotated frame in ISED. So every adapter passes the
apex it knows, and the policies here are the same for all.
"""

from collections.abc import Sequence

from ferkit.errors import ConfigError, unknown

POLICIES = (
    "peak",
    "last_k",
    "all",
    "middle_k",
    "evenly_k",
    "every_nth",
    "around_apex",
    "onset_apex_second_half",
)


def _apex_index(frames: list[int], apex: int | None, policy: str) -> int:
    if apex is None:
        raise ConfigError(
            f"frames={policy} needs the apex of each video, which this dataset does not give; "
            "take frames=middle_k, evenly_k, every_nth or all instead."
        )
    return min(range(len(frames)), key=lambda i: abs(frames[i] - apex))


def _spread(frames: list[int], count: int, low: float, high: float) -> list[int]:
    if count == 1:
        return [middle_frame(frames)]
    step = (high - low) / (count - 1)
    places = {round((low + i * step) * (len(frames) - 1)) for i in range(count)}
    return [frames[place] for place in sorted(places)]


def _choose(frames: list[int], policy: str, apex: int | None, count: int) -> list[int]:
    match policy:
        case "all":
            return frames
        case "last_k":
            return frames[-count:]
        case "every_nth":
            return frames[::count]
        case "middle_k":
            return _spread(frames, count, 0.25, 0.75)
        case "evenly_k":
            return _spread(frames, count, 0.0, 1.0)
    at_apex = _apex_index(frames, apex, policy)
    if policy == "peak":
        return [frames[at_apex]]
    if policy == "around_apex":
        start = max(0, min(at_apex - (count - 1) // 2, len(frames) - count))
        return frames[start : start + count]
    rising = frames[: at_apex + 1]
    return rising[len(rising) // 2 :]


def middle_frame(frames: Sequence[int]) -> int:
    """The frame in the middle: the apex of a video that runs from neutral to neutral.

    >>> middle_frame([5, 6, 7, 8, 9])
    7
    """
    ordered = sorted(frames)
    return ordered[len(ordered) // 2]


def check_policy(policy: str, count: int) -> None:
    """Judge a policy before any file is read.

    Raises:
        ConfigError: the policy is none of `POLICIES`, or `count` is below one.
    """
    if policy not in POLICIES:
        raise ConfigError(unknown("frames policy", policy, POLICIES))
    if count < 1:
        raise ConfigError(f"count={count} frames of a video cannot be taken; give 1 or more.")


def select_frames(
    frames: Sequence[int], policy: str, *, apex: int | None = None, count: int = 1
) -> list[int]:
    """Choose frames of one video.

    Args:
        frames: The numbers of the frames that exist, in any order, with or without gaps.
        policy: `peak` (the apex alone), `last_k` (the last `count`), `all`, `middle_k` (`count`
            equally spaced between 25% and 75%), `evenly_k` (`count` from first to last),
            `every_nth` (each `count`-th from the first on), `around_apex` (`count` with the apex
            in the middle, moved inwards at an end), or `onset_apex_second_half` (what follows
            the apex is cut off first, then the later half of the rest is kept).
        apex: Number of the frame with the strongest expression, or None where it is unknown. If
            it does not exist, the nearest that does is taken.
        count: The k or n of the policies that have one; the others do not look at it.

    Returns:
        The chosen numbers, ascending, each once: fewer than `count` in a shorter video, none of
        an empty one.

    Raises:
        ConfigError: unknown policy, `count` below one, or no apex for a policy that needs it.

    >>> select_frames(range(9), "middle_k", count=3)
    [2, 4, 6]
    >>> select_frames(range(10), "onset_apex_second_half", apex=5)
    [3, 4, 5]
    """
    check_policy(policy, count)
    ordered = sorted(set(frames))
    return _choose(ordered, policy, apex, count) if ordered else []

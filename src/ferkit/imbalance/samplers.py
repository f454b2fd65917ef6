"""In which order, and how often, an epoch visits the training rows."""

import numpy as np

from ferkit.errors import ConfigError, unknown

SAMPLERS = ("weighted_sampler", "class_balanced")


def sample_order(labels: np.ndarray, epoch: int, seed: int, kind: str) -> np.ndarray:
    """Row numbers of one epoch, a pure function of its arguments.

    - "weighted_sampler": each draw with replacement, with a chance proportional to one over the
      count of the row's class; so classes are even on average.
    - "class_balanced": every class exactly as often as any other (to one row), and within a class
      no row again before all were seen as often.

    Args:
        labels: Class of each training row, [N], class ids or names.
        epoch: Counts from 0.
        seed: The run's seed, 0 or more.
        kind: One of `SAMPLERS`.

    Returns:
        int64 [N], indices into `labels`; as many draws as there are rows.

    Raises:
        ConfigError: an unknown kind.
    """
    if kind not in SAMPLERS:
        raise ConfigError(unknown("sampler", kind, SAMPLERS))
    draw = _draw_weighted if kind == "weighted_sampler" else _draw_even
    rng = np.random.default_rng([seed, epoch])
    _, class_ids = np.unique(labels, return_inverse=True)
    rows = [np.flatnonzero(class_ids == k) for k in range(class_ids.max(initial=-1) + 1)]
    return draw(rows, rng) if rows else np.empty(0, dtype=np.int64)


def _draw_weighted(rows: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    # A class at random, then one of its rows: the same chances as weights of 1 / count.
    total = sum(map(len, rows))
    times = np.bincount(rng.integers(len(rows), size=total), minlength=len(rows))
    drawn = [rng.choice(own, size=n) for own, n in zip(rows, times, strict=True)]
    return rng.permutation(np.concatenate(drawn))


def _draw_even(rows: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    times, left = divmod(sum(map(len, rows)), len(rows))
    extra = np.zeros(len(rows), dtype=int)
    extra[rng.permutation(len(rows))[:left]] = 1
    drawn = [_cycle(own, times + more, rng) for own, more in zip(rows, extra, strict=True)]
    return rng.permutation(np.concatenate(drawn))


def _cycle(rows: np.ndarray, times: int, rng: np.random.Generator) -> np.ndarray:
    rounds = -(-times // len(rows))
    return np.concatenate([rng.permutation(rows) for _ in range(rounds)])[:times]

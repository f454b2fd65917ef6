"""Metrics as the cells of a table show them."""

from dataclasses import dataclass

from ferkit.studies.measures import Measured

INTERVAL_NOTE = (
    "Intervals are ours alone and at 95%: Wilson for precision and recall of a class, bootstrap "
    "(people where they are known, else videos, else images) for the rest. A metric of several "
    "seeds is their mean ± standard deviation; its interval is the mean of the runs' own."
)


@dataclass(frozen=True)
class Style:
    """How metrics of a table are written.

    Attributes:
        published: Decimals of published values; differences have them too, up to those of ours.
        ours: Decimals of ours.
        scale: 100 where the study prints percent.
    """

    published: int = 2
    ours: int = 3
    scale: float = 1.0


SHARE = Style()


def show_published(value: float | None, style: Style = SHARE) -> str:
    """A metric as published; empty where nothing is."""
    return "" if value is None else f"{value:.{style.published}f}"


def show_ours(ours: Measured | None, style: Style = SHARE) -> str:
    """A metric of ours, with the spread where it is of several seeds.

    >>> show_ours(Measured(0.61, None, 0.004, 3))
    '0.610 ± 0.004 (3 seeds)'
    """
    if ours is None:
        return ""
    shown = f"{style.scale * ours.value:.{style.ours}f}"
    if ours.spread is None:
        return shown
    return f"{shown} ± {style.scale * ours.spread:.{style.ours}f} ({ours.seeds} seeds)"


def show_interval(ours: Measured | None, style: Style = SHARE) -> str:
    """The interval of a metric of ours; empty where there is none."""
    if ours is None or ours.interval is None:
        return ""
    low, high = (f"{style.scale * end:.{style.ours}f}" for end in ours.interval)
    return f"[{low}, {high}]"


def show_difference(published: float | None, ours: Measured | None, style: Style = SHARE) -> str:
    """Ours less the published metric.

    >>> show_difference(0.62, Measured(0.6))
    '-0.02'
    """
    if published is None or ours is None:
        return ""
    return signed(style.scale * ours.value - published, min(style.published, style.ours))


def signed(value: float, digits: int) -> str:
    """A difference with its sign; a zero has none.

    >>> signed(-0.001, 2)
    '0.00'
    """
    shown = f"{value:+.{digits}f}"
    return shown if shown.strip("+-0.") else shown[1:]


def show_count(count: float | None) -> str:
    """A count with thousands set apart; empty where it is not known."""
    return "" if count is None else f"{int(count):,}"


def metric_name(metric: str) -> str:
    """The words for a metric.

    >>> metric_name("macro_f1")
    'macro F1'
    """
    return metric.replace("_", " ").replace("f1", "F1")

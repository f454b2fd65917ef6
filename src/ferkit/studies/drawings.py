"""The pictures of a study: the published metrics drawn hollow or hatched, ours filled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ferkit.colours import BLUE, FAINT, INK, ORANGE, blues, luminance
from ferkit.reports.plots import STYLE, new_figure, render
from ferkit.studies.measures import Measured

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_TITLE = 32  # characters of a line above a panel of curves
_PALE = ("#dfe3ea", "#b3bac6")
_VARIANTS = (BLUE, ORANGE, "#3d7a4b", "#7a3d78")
# trial to the published figure and variant to ours
TrialPanel = Mapping[str, tuple[float | None, Mapping[str, Measured]]]


@dataclass(frozen=True)
class Curves:
    """The epochs of one run in one panel.

    Attributes:
        title: Of the panel.
        epochs: Rows of metrics.jsonl.
        published: Column to the (epoch, value) pairs that the study prints.
    """

    title: str
    epochs: pd.DataFrame
    published: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Bars:
    """One group of bars a class.

    Attributes:
        title: Of the panel.
        series: Name to class to value; a published series is hatched.
        published: Which series are published.
    """

    title: str
    series: Mapping[str, Mapping[str, float]]
    published: frozenset[str] = frozenset()


def draw_matrices(
    matrices: Mapping[str, pd.DataFrame], *, down: str = "true", across: str = "predicted"
) -> bytes:
    """Draw matrices of shares beside each other.

    Args:
        matrices: Title to shares in 0..1, as they are to be read.
        down: What the rows are.
        across: What the columns are.

    Returns:
        A png.
    """
    import matplotlib as mpl

    size = max(len(frame) for frame in matrices.values())
    side = max(2.4, 0.46 * size)
    with mpl.rc_context(STYLE):
        figure = new_figure(len(matrices) * (side + 0.75), side + 0.75)
        places = figure.subplots(1, len(matrices), squeeze=False)[0]
        for axes, (title, frame) in zip(places, matrices.items(), strict=True):
            _draw_matrix(axes, frame)
            axes.set_title(title, loc="left", pad=8)
            axes.set(xlabel=across, ylabel=down)
    return render(figure, "png")


def _draw_matrix(axes: "Axes", frame: pd.DataFrame) -> None:
    palette, values = blues(), frame.to_numpy(dtype=float)
    axes.imshow(values, cmap=palette, vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(frame.columns)), list(frame.columns), rotation=40, ha="right")
    axes.set_yticks(range(len(frame)), list(frame.index))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(values):
        ink = "white" if luminance(palette(value)) < 0.22 else INK
        weight = "bold" if frame.index[row] == frame.columns[column] else "normal"
        axes.text(
            column,
            row,
            f"{value:.2f}".removeprefix("0"),
            ha="center",
            va="center",
            color=ink,
            fontsize=7.5,
            fontweight=weight,
        )


def draw_curves(panels: Sequence[Curves], columns: Mapping[str, str], label: str) -> bytes:
    """Draw one panel a run, published values as hollow marks.

    Args:
        panels: In order; four stand in a row.
        columns: Column of metrics.jsonl to the word for it; "train..." is drawn faint.
        label: Of the vertical axis.

    Returns:
        A png.
    """
    hollow = {"hollow: published": _mark("o")} if any(p.published for p in panels) else {}
    draws = [partial(_draw_panel, panel=panel, columns=columns) for panel in panels]
    return _draw_grid(draws, label, across=4, size=(2.3, 1.75), margin=(0.6, 0.5), more=hollow)


def draw_bars(panels: Sequence[Bars], label: str) -> bytes:
    """Draw bars class by class; published series are pale, a missing value is left out.

    Args:
        panels: In order; two stand in a row.
        label: Of the vertical axis.

    Returns:
        A png.
    """
    draws = [partial(_draw_groups, panel=panel) for panel in panels]
    return _draw_grid(draws, label, across=2, size=(4.6, 2.3), margin=(0.0, 0.3))


def _draw_grid(
    draws: Sequence[Callable[["Axes"], None]],
    label: str,
    *,
    across: int,
    size: tuple[float, float],
    margin: tuple[float, float],
    more: Mapping[str, "Line2D"] | None = None,
) -> bytes:
    """Draw panels row by row with one vertical scale, and one legend below."""
    import matplotlib as mpl

    across = min(across, len(draws))
    down = -(-len(draws) // across)
    with mpl.rc_context(STYLE):
        figure = new_figure(size[0] * across + margin[0], size[1] * down + margin[1])
        places = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
        for axes, draw in zip(places, draws, strict=False):
            draw(axes)
        for axes in places[len(draws) :]:
            axes.set_visible(False)
        for axes in places[::across]:
            axes.set_ylabel(label)
        handles, words = places[0].get_legend_handles_labels()
        shown = dict(zip(words, handles, strict=True)) | dict(more or {})
        figure.legend(
            list(shown.values()), list(shown), loc="outside lower center", ncols=4, frameon=False
        )
    return render(figure, "png")


def _mark(marker: str, colour: str = "") -> "Line2D":
    """What a legend shows: hollow, or with a colour filled and on a line."""
    from matplotlib.lines import Line2D

    inside, line = (colour, "-") if colour else ("white", "")
    return Line2D([], [], marker=marker, color=colour or INK, mfc=inside, ls=line)


def _draw_panel(axes: "Axes", panel: Curves, columns: Mapping[str, str]) -> None:
    from matplotlib.ticker import MaxNLocator

    for column, word in columns.items():
        colour = FAINT if column.startswith("train") else BLUE
        values = panel.epochs.get(column, pd.Series(np.nan, index=panel.epochs.index))
        numbers = pd.to_numeric(values, errors="coerce")
        axes.plot(panel.epochs["epoch"], numbers, color=colour, linewidth=1.4, label=word)
        if points := panel.published.get(column):  # an empty line would upset the layout
            axes.plot(
                *zip(*points, strict=True),
                "o",
                markersize=4,
                markerfacecolor="white",
                markeredgecolor=colour,
                clip_on=False,
            )
    axes.set_title(fill(panel.title, _TITLE), loc="left", fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5, min_n_ticks=1))
    _bare(axes)


def _draw_groups(axes: "Axes", panel: Bars) -> None:
    # a series without a value, of what has not been run, would be a gap with a legend
    series = {name: values for name, values in panel.series.items() if values}
    classes = list(dict.fromkeys(c for values in series.values() for c in values))
    width = 0.8 / max(len(series), 1)
    pale, strong = cycle(_PALE), cycle(_VARIANTS)
    for number, (name, values) in enumerate(series.items()):
        at = [i + width * (number - (len(series) - 1) / 2) for i in range(len(classes))]
        heights = [values.get(c, np.nan) for c in classes]
        colour = next(pale if name in panel.published else strong)
        axes.bar(at, heights, width=0.92 * width, label=name, color=colour)
    turned: dict[str, Any] = {"rotation": 30, "ha": "right"} if len(classes) > 5 else {}
    axes.set_xticks(range(len(classes)), classes, **turned)
    axes.tick_params(axis="x", length=0)
    axes.set_title(panel.title, loc="left", fontsize=8)
    _bare(axes)


def draw_trials(panels: Mapping[str, TrialPanel]) -> bytes:
    """Draw one row per trial: the published value hollow, ours with its interval.

    Args:
        panels: Title to what is drawn.

    Returns:
        A png.
    """
    trials = list(dict.fromkeys(t for panel in panels.values() for t in panel))
    kinds = dict.fromkeys(v for p in panels.values() for _, ours in p.values() for v in ours)
    colours = dict(zip(kinds, cycle(_VARIANTS), strict=False))
    draws = [
        partial(_draw_dots, title=title, panel=panel, trials=trials, colours=colours)
        for title, panel in panels.items()
    ]
    ours = {f"ours, {v.replace('_', ' ')}": _mark("o", c) for v, c in colours.items()}
    size = 2.7, 0.27 * len(trials) + 1.1
    marks = {"published": _mark("D"), **ours}
    return _draw_grid(draws, "", across=len(draws), size=size, margin=(0.7, 0.0), more=marks)


def _draw_dots(
    axes: "Axes",
    *,
    title: str,
    panel: TrialPanel,
    trials: Sequence[str],
    colours: Mapping[str, str],
) -> None:
    for trial, (published, ours) in panel.items():
        row = trials.index(trial)
        if published is not None:
            axes.plot(published, row, "D", markersize=5, color=INK, markerfacecolor="white")
        for variant, measured in ours.items():
            shift = 0.18 * (list(colours).index(variant) - (len(colours) - 1) / 2)
            if measured.interval:
                axes.plot(measured.interval, [row + shift] * 2, color=colours[variant], lw=1.2)
            axes.plot(measured.value, row + shift, "o", markersize=3.5, color=colours[variant])
    axes.set_yticks(range(len(trials)), trials)
    axes.set_ylim(len(trials) - 0.4, -0.6)
    axes.set_title(title, loc="left", fontsize=8)
    _bare(axes)


def _bare(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color="#e4e7ec", linewidth=0.6)

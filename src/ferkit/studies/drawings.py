"""The pictures of a study: the published metrics drawn hollow or hatched, ours filled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
        axes.text(column, row, f"{value:.2f}".removeprefix("0"), ha="center", va="center",
                  color=ink, fontsize=7.5, fontweight=weight)  # fmt: skip


def draw_curves(panels: Sequence[Curves], columns: Mapping[str, str], label: str) -> bytes:
    """Draw one panel a run, published values as hollow marks.

    Args:
        panels: In order; four stand in a row.
        columns: Column of metrics.jsonl to the word for it; "train..." is drawn faint.
        label: Of the vertical axis.

    Returns:
        A png.
    """
    import matplotlib as mpl

    across = min(4, len(panels))
    down = -(-len(panels) // across)
    with mpl.rc_context(STYLE):
        figure = new_figure(2.3 * across + 0.6, 1.75 * down + 0.5)
        places = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
        for axes, panel in zip(places, panels, strict=False):
            _draw_panel(axes, panel, columns)
        for axes in places[len(panels) :]:
            axes.set_visible(False)
        for axes in places[::across]:
            axes.set_ylabel(label)
        handles, words = places[0].get_legend_handles_labels()
        if any(panel.published for panel in panels):
            handles, words = [*handles, _hollow("o")], [*words, "hollow: published"]
        figure.legend(handles, words, loc="outside lower center", ncols=4, frameon=False)
    return render(figure, "png")


def _hollow(marker: str) -> "Line2D":
    from matplotlib.lines import Line2D

    return Line2D([], [], marker=marker, color=INK, markerfacecolor="white", linestyle="")


def _draw_panel(axes: "Axes", panel: Curves, columns: Mapping[str, str]) -> None:
    from matplotlib.ticker import MaxNLocator

    for column, word in columns.items():
        colour = FAINT if column.startswith("train") else BLUE
        values = panel.epochs.get(column, pd.Series(np.nan, index=panel.epochs.index))
        numbers = pd.to_numeric(values, errors="coerce")
        axes.plot(panel.epochs["epoch"], numbers, color=colour, linewidth=1.4, label=word)
        if points := panel.published.get(column):  # an empty line would upset the layout
            axes.plot(*zip(*points, strict=True), "o", markersize=4, markerfacecolor="white",
                      markeredgecolor=colour, clip_on=False)  # fmt: skip
    axes.set_title(fill(panel.title, _TITLE), loc="left", fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5, min_n_ticks=1))
    _bare(axes)


def draw_bars(panels: Sequence[Bars], label: str, *, columns: int = 2) -> bytes:
    """Draw bars class by class; published series are pale, and nothing is drawn for a missing value.

    Args:
        panels: In order.
        label: Of the vertical axis.
        columns: Panels in a row.

    Returns:
        A png.
    """
    import matplotlib as mpl

    across = min(columns, len(panels))
    down = -(-len(panels) // across)
    with mpl.rc_context(STYLE):
        figure = new_figure(4.6 * across, 2.3 * down + 0.3)
        places = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
        for axes, panel in zip(places, panels, strict=False):
            _draw_groups(axes, panel)
        for axes in places[len(panels) :]:
            axes.set_visible(False)
        for axes in places[::across]:
            axes.set_ylabel(label)
        handles, words = places[0].get_legend_handles_labels()
        figure.legend(handles, words, loc="outside lower center", ncols=4, frameon=False)
    return render(figure, "png")


def _draw_groups(axes: "Axes", panel: Bars) -> None:
    # a series without a value, of what has not been run, would be a gap with a legend
    series = {name: values for name, values in panel.series.items() if values}
    classes = list(dict.fromkeys(c for values in series.values() for c in values))
    width = 0.8 / max(len(series), 1)
    ours = 0
    for number, (name, values) in enumerate(series.items()):
        published = name in panel.published
        at = [i + width * (number - (len(series) - 1) / 2) for i in range(len(classes))]
        heights = [values.get(c, np.nan) for c in classes]
        before = sum(other in panel.published for other in list(series)[:number])
        shade: dict[str, Any] = (
            {"color": _PALE[before % 2]} if published else {"color": _VARIANTS[ours % len(_VARIANTS)]}
        )
        axes.bar(at, heights, width=0.92 * width, label=name, **shade)
        ours += not published
    turned: dict[str, Any] = {"rotation": 30, "ha": "right"} if len(classes) > 5 else {}
    axes.set_xticks(range(len(classes)), classes, **turned)
    axes.tick_params(axis="x", length=0)
    axes.set_title(panel.title, loc="left", fontsize=8)
    _bare(axes)


def draw_trials(
    panels: Mapping[str, Mapping[str, tuple[float | None, Mapping[str, Measured]]]], label: str
) -> bytes:
    """Draw one row per trial: the published value hollow, ours with its interval, a colour a variant.

    Args:
        panels: Title to trial to the published value and variant to ours.
        label: Of the horizontal axis.

    Returns:
        A png.
    """
    import matplotlib as mpl

    trials = list(dict.fromkeys(t for panel in panels.values() for t in panel))
    kinds = [v for panel in panels.values() for _, ours in panel.values() for v in ours]
    colours = dict(zip(dict.fromkeys(kinds), _VARIANTS * len(kinds), strict=False))
    with mpl.rc_context(STYLE):
        figure = new_figure(2.7 * len(panels) + 0.7, 0.27 * len(trials) + 1.1)
        places = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
        for axes, (title, panel) in zip(places, panels.items(), strict=True):
            _draw_dots(axes, panel, trials, colours)
            axes.set_title(title, loc="left", fontsize=8)
            axes.set_xlabel(label)
        places[0].set_yticks(range(len(trials)), trials)
        places[0].invert_yaxis()
        figure.legend(*_legend(colours), loc="outside lower center", ncols=5, frameon=False)
    return render(figure, "png")


def _legend(colours: Mapping[str, str]) -> tuple[list[Any], list[str]]:
    from matplotlib.lines import Line2D

    ours = [Line2D([], [], marker="o", color=c, markersize=4) for c in colours.values()]
    return [_hollow("D"), *ours], ["published", *(f"ours, {v.replace('_', ' ')}" for v in colours)]


def _draw_dots(
    axes: "Axes",
    panel: Mapping[str, tuple[float | None, Mapping[str, Measured]]],
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
    axes.set_ylim(-0.6, len(trials) - 0.4)
    axes.grid(axis="y", color="#eef0f3", linewidth=0.6)
    _bare(axes)


def _bare(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color="#e4e7ec", linewidth=0.6)

"""The picture of a comparison: every method's differences to the reference with their intervals."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ferkit.colours import BLUE, FAINT
from ferkit.evaluation.seeds import Difference
from ferkit.reports.comparison.compare import metric_name
from ferkit.reports.comparison.methods import plain_name
from ferkit.reports.plots import STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_differences(found: Mapping[str, Mapping[str, Difference]], reference: str) -> "Figure":
    """Draw a panel a figure: a dot a method, its 95% interval; ties are hollow and grey.

    Args:
        found: Method to figure to difference.
        reference: The method at 0.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    metrics = list(next(iter(found.values())))
    with mpl.rc_context(STYLE):
        size = (1.2 + 1.85 * len(metrics), max(1.5, 0.8 + 0.24 * len(found)))
        figure = Figure(figsize=size, layout="constrained")
        panels = np.atleast_1d(figure.subplots(1, len(metrics), sharey=True))
        for axes, name in zip(panels, metrics, strict=True):
            _draw_panel(axes, [each[name] for each in found.values()])
            axes.set_title(metric_name(name), loc="left")
        panels[0].set_yticks(range(len(found)), list(map(plain_name, found)))
        panels[0].set_ylim(len(found) - 0.4, -0.6)
        figure.supxlabel(f"difference to {plain_name(reference)}", fontsize=8)
    return figure


def _draw_panel(axes: "Axes", found: list[Difference]) -> None:
    axes.axvline(0, color=FAINT, linewidth=0.8, linestyle=(0, (4, 2)))
    for row, each in enumerate(found):
        colour = FAINT if each.is_tie else BLUE
        if each.interval is not None:
            low, high = each.interval
            axes.hlines(row, low, high, color=colour, linewidth=1.4)
        face = "white" if each.is_tie else colour
        axes.plot(each.value, row, marker="o", markersize=4, color=colour, markerfacecolor=face)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e4e7ec", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.locator_params(axis="x", nbins=4)

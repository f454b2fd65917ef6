"""The pictures of a report, drawn without a display and with the same bytes every time."""

from collections.abc import Mapping
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferkit.colours import BLUE, FAINT, INK, ORANGE, blues, luminance
from ferkit.evaluation.intervals import BINS, wilson
from ferkit.printable import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture on every machine
    "font.size": 8.0,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "hatch.linewidth": 0.4,
    "text.parse_math": False,  # a $ in a class' name is a $
    "svg.hashsalt": "ferkit",  # or matplotlib draws the ids of an svg at random
}
_FEW = 12  # classes up to which a cell has room for its count


def render(figure: "Figure", kind: str) -> bytes:
    """Save a figure as "png" (180 dpi) or "svg", without a date."""
    import matplotlib as mpl

    metadata = {"Date": None} if kind == "svg" else {"Software": "ferkit"}
    stream = BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(stream, format=kind, dpi=180, metadata=metadata, facecolor="white")
    figure.set_layout_engine("none")  # a second kind of file keeps this layout
    return stream.getvalue()


def shown_by_notebooks(figure: "Figure") -> "Figure":
    """The figure, which a notebook now shows where it stands last in a cell.

    Those of pyplot are shown by its inline backend; ours are drawn without pyplot.
    """
    figure._repr_png_ = partial(render, figure, "png")  # type: ignore[attr-defined]
    return figure


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of so many inches, laid out so that nothing overlaps."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
    return Figure(figsize=(width, height), layout=engine)


def draw_confusion(confusion: pd.DataFrame, title: str) -> "Figure":
    """Draw shares of the true class as colour and number, with the count below.

    Args:
        confusion: Counts, true class in rows.
        title: What stands above.
    """
    import matplotlib as mpl

    counts = confusion.to_numpy()
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    classes = len(counts)
    side = max(3.4, 0.62 * classes) if classes <= _FEW else 0.36 * classes
    with mpl.rc_context(STYLE):
        figure = new_figure(side + 1.95, side + 0.85)
        axes = figure.add_subplot()
        image = axes.imshow(shares, cmap=blues(), vmin=0, vmax=1, aspect="auto")
        _write_cells(axes, counts, shares)
        _name_classes(axes, confusion, totals[:, 0])
        axes.set_title(title, loc="left", pad=10)
        _draw_scale(figure, axes, image)
    return figure


def _draw_scale(figure: "Figure", axes: "Axes", image: "AxesImage") -> None:
    bar = figure.colorbar(image, ax=axes, fraction=0.035, pad=0.025)
    bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "25", "50", "75", "100%"])
    bar.ax.tick_params(length=0)
    bar.outline.set_visible(False)
    bar.set_label("share of the true class")


def _write_cells(axes: "Axes", counts: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
    palette = blues()
    few = len(counts) <= _FEW
    for row, column in np.ndindex(*counts.shape):
        share, count = shares[row, column], counts[row, column]
        if not count:
            continue
        ink = "white" if luminance(palette(share)) < 0.22 else INK  # where the contrasts meet
        text = f"{100 * share:.0f}" if share >= 0.005 else "<1"
        weight = "bold" if row == column else "normal"
        place: dict[str, Any] = {
            "ha": "center",
            "va": "center",
            "color": ink,
            "textcoords": "offset points",
        }
        axes.annotate(
            text,
            (column, row),
            (0, 3.5 * few),
            fontsize=9 if few else 6,
            fontweight=weight,
            **place,
        )
        if few:
            axes.annotate(f"{count:,}", (column, row), (0, -9), fontsize=6, alpha=0.85, **place)


def _name_classes(axes: "Axes", confusion: pd.DataFrame, totals: NDArray[np.int64]) -> None:
    from matplotlib.patches import Rectangle

    classes = len(confusion)
    turned: dict[str, Any] = (
        {} if classes <= 8 else {"rotation": 55, "ha": "right", "rotation_mode": "anchor"}
    )
    axes.set_xticks(range(classes), [printable(str(c)) for c in confusion.columns], **turned)
    few = classes <= _FEW
    counted = zip((printable(str(c)) for c in confusion.index), totals, strict=True)
    names = [f"{name}\n{total:,}" if few else str(name) for name, total in counted]
    axes.set_yticks(range(classes), names, linespacing=1.15)
    axes.set_xticks(np.arange(classes - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(classes - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("predicted", labelpad=6)
    axes.set_ylabel("true, with the number of faces" if few else "true", labelpad=6)
    for row in np.flatnonzero(totals == 0):
        axes.add_patch(
            Rectangle(
                (-0.5, row - 0.5),
                classes,
                1,
                facecolor="none",
                edgecolor=FAINT,
                hatch="////",
                linewidth=0,
            )
        )


def draw_curves(epochs: pd.DataFrame, best: int | None) -> "Figure":
    """Draw loss, accuracy and macro F1 over the epochs; the chosen epoch is marked."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        figure = new_figure(7.4, 2.9)
        loss, score = figure.subplots(1, 2)
        _draw_lines(loss, epochs, {"train_loss": "train", "val_loss": "val"}, best)
        loss.set_title("Loss", loc="left", pad=15)
        lines = {"train_accuracy": "train", "val_accuracy": "val", "val_macro_f1": "val macro F1"}
        _draw_lines(score, epochs, lines, best)
        score.set_title("Accuracy and macro F1", loc="left", pad=15)
    return figure


_LINES = {
    "train": (FAINT, (0, (4, 1.6))),
    "val": (BLUE, "-"),
    "val macro F1": (ORANGE, (0, (1, 1.1))),
}


def _draw_lines(
    axes: "Axes", epochs: pd.DataFrame, columns: Mapping[str, str], best: int | None
) -> None:
    from matplotlib.ticker import MaxNLocator

    ends = []
    for column, name in columns.items():
        if column not in epochs:
            continue
        colour, dashes = _LINES[name]
        values = pd.to_numeric(epochs[column], errors="coerce")
        axes.plot(
            epochs["epoch"],
            values,
            color=colour,
            linestyle=dashes,
            linewidth=1.5,
            marker="o",
            markersize=2.2 if len(epochs) < 20 else 0,
        )
        if values.notna().any():
            ends.append((float(values[values.last_valid_index()]), name, colour))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e4e7ec", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7, min_n_ticks=1))
    axes.set_xlabel("epoch")
    first, last = float(epochs["epoch"].min()), float(epochs["epoch"].max())
    margin = max(0.02 * (last - first), 0.4 if first == last else 0.0)
    axes.set_xlim(first - margin, last + margin)
    if best is not None:
        axes.axvline(best, color=INK, linewidth=0.6, zorder=1)
        axes.annotate(
            f"best: {best}",
            (best, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            fontsize=7,
            ha="center",
        )
    _label_ends(axes, ends)


def _label_ends(axes: "Axes", ends: list[tuple[float, str, str]]) -> None:
    # Labels beside the last points, pushed apart where they would touch.
    low, high = axes.get_ylim()
    gap, below = 0.075 * (high - low), -np.inf
    for value, name, colour in sorted(ends):
        below = max(value, below + gap)
        axes.annotate(
            name,
            (1.015, below),
            xycoords=("axes fraction", "data"),
            color=colour,
            va="center",
            fontsize=7.5,
            fontweight="bold",
            annotation_clip=False,
        )


def draw_reliability(sums: NDArray[np.float64]) -> "Figure":
    """Draw how often a confidence is right, with Wilson intervals, over a count of faces.

    Args:
        sums: [15, 3]: rows in the bin, their summed confidence, how many are right.
    """
    import matplotlib as mpl

    used = sums[sums[:, 0] > 0]
    count, right = used[:, 0], used[:, 2]
    confidence, accuracy = used[:, 1] / count, right / count
    spans = np.array([wilson(int(r), int(n)) for r, n in zip(right, count, strict=True)])
    with mpl.rc_context(STYLE):
        figure = new_figure(3.5, 3.7)
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        top.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=(0, (4, 2)))
        top.vlines(confidence, spans[:, 0], spans[:, 1], color=BLUE, linewidth=1.1, alpha=0.7)
        top.plot(confidence, accuracy, color=BLUE, marker="o", markersize=3.4, linewidth=1.1)
        top.set(ylim=(0, 1), xlim=(0, 1), ylabel="share that is right")
        top.text(0.05, 0.93, "too cautious", color=FAINT, fontsize=7)
        top.text(0.95, 0.05, "too sure", color=FAINT, fontsize=7, ha="right")
        bottom.bar((np.arange(BINS) + 0.5) / BINS, sums[:, 0], width=0.88 / BINS, color=FAINT)
        bottom.set(xlabel="confidence of the prediction", ylabel="faces")
        for axes in (top, bottom):
            axes.spines[["top", "right"]].set_visible(False)
    return figure

"""A sheet of faces that resampling made, between their parents."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ferkit.runs.synthetic import Examples

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_examples(examples: Examples, emotions: Sequence[str]) -> "Figure":
    """A sheet: one line per class, each made face between its parents.

    Args:
        examples: At least one.
        emotions: The classes' names, [K].

    Raises:
        ValueError: there are no examples.
    """
    from matplotlib.figure import Figure

    class_ids, counts = np.unique(examples.class_ids, return_counts=True)
    if not len(class_ids):
        raise ValueError("There is no made face to draw.")
    columns = 4 * int(counts.max())  # parent, made, parent, a gap
    figure = Figure(figsize=(0.55 * columns, 0.85 * len(class_ids)), dpi=150)
    grid = figure.add_gridspec(
        len(class_ids), columns, wspace=0.04, left=0.08, right=1, bottom=0, top=0.96
    )
    for line, code in enumerate(class_ids):
        for place, i in enumerate(np.flatnonzero(examples.class_ids == code)):
            pictures = examples.parents[i, 0], examples.faces[i], examples.parents[i, 1]
            for offset, picture in enumerate(pictures):
                axes = figure.add_subplot(grid[line, 4 * place + offset])
                axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
                axes.set_axis_off()
                if offset == 1 and not np.isnan(examples.steps[i]):
                    axes.set_title(f"{examples.steps[i]:.2f}", fontsize=6, pad=2)
                if place == offset == 0:
                    axes.text(
                        -0.15,
                        0.5,
                        emotions[code],
                        fontsize=7,
                        ha="right",
                        va="center",
                        transform=axes.transAxes,
                        parse_math=False,
                    )
    return figure

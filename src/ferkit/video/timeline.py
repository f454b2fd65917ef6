"""Pictures of a video's emotions over time: one of each track, one of all."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferkit.colours import color_of
from ferkit.files import write_bytes
from ferkit.printable import printable
from ferkit.reports.plots import STYLE, new_figure, render
from ferkit.video.summary import Segment, Totals, longest, state_name
from ferkit.video.table import PARQUET

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 24  # tracks that get a picture
_BINS = 1200  # points of a line
_LINES = ("-", (0, (5, 1)), (0, (1, 1)), (0, (5, 1, 1, 1)))  # for eyes that see few colours
_GREY = (0.62, 0.65, 0.7)


def write_timelines(folder: Path, totals: Totals, emotions: Sequence[str], title: str) -> int:
    """timeline.png and timeline_track<id>.png of the longest tracks, from the parquet file.

    Returns:
        How many tracks were too many to get a picture of their own.
    """
    write_bytes(folder / "timeline.png", render(draw_all(totals, emotions, title), "png"))
    for stale in folder.glob("timeline_track*.png"):
        stale.unlink()
    shown = list(longest(totals, MOST))
    for track, (times, rows) in read_lines(folder / PARQUET, shown, totals, emotions).items():
        segments = [s for s in totals.segments if s.track == track]
        figure = draw_track(times, rows, segments, emotions, f"{title}, track {track}")
        write_bytes(folder / f"timeline_track{track}.png", render(figure, "png"))
    return len(totals.tracks) - len(shown)


def read_lines(
    path: Path, tracks: Sequence[int], totals: Totals, emotions: Sequence[str]
) -> dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Times [T] and smoothed probabilities [T, K] of some tracks, at most `_BINS` points each.

    A gap is a row of NaN, so that no line is drawn over it. The file is read piece by piece.
    """
    import pyarrow.parquet as pq

    names = [f"smooth_{e}" for e in emotions]
    width = max(totals.duration / _BINS, 1e-6)
    parts = []
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["time", "track", *names]):
            frame = batch.to_pandas()
            frame = frame[frame["track"].isin(list(tracks))]
            frame["bin"] = (frame["time"] // width).astype("int64")
            parts.append(frame.groupby(["track", "bin"]).mean().reset_index())
    if not parts:
        return {}
    lines = pd.concat(parts).groupby(["track", "bin"]).mean().reset_index()
    gap = max(totals.gap, 3 * width, 3 * totals.step)
    return {
        int(track): _with_gaps(part["time"].to_numpy(float), part[names].to_numpy(float), gap)
        for track, part in lines.groupby("track")
    }


def _with_gaps(
    times: NDArray[np.float64], rows: NDArray[np.float64], gap: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    holes = np.flatnonzero(np.diff(times) > gap) + 1
    return np.insert(times, holes, np.nan), np.insert(rows, holes, np.nan, axis=0)


def draw_track(
    times: NDArray[np.float64],
    rows: NDArray[np.float64],
    segments: Sequence[Segment],
    emotions: Sequence[str],
    title: str,
) -> "Figure":
    """The smoothed probabilities of a track as lines, its states as a strip below.

    Args:
        times: [T] seconds, NaN in a gap.
        rows: [T, K].
        segments: Of this track.
        emotions: The classes.
        title: What stands above.
    """
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        figure = new_figure(7.6, 3.0)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[10, 1])
        for k, emotion in enumerate(emotions):
            above.plot(
                times,
                rows[:, k],
                color=color_of(emotion),
                linewidth=1.1,
                linestyle=_LINES[k % len(_LINES)],
                label=printable(emotion),
                solid_capstyle="butt",
            )
        above.set_ylim(-0.02, 1.02)
        above.set_ylabel("probability, smoothed")
        above.set_title(printable(title), loc="left")
        above.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02), frameon=False)
        _draw_states(below, segments, emotions, {s.track: 0 for s in segments})
        below.set_yticks([])
        below.set_xlabel("seconds")
        below.set_xlim(*_span(segments))
        _bare(above)
        _bare(below)
    return figure


def draw_all(totals: Totals, emotions: Sequence[str], title: str) -> "Figure":
    """Every track as a bar from left to right, coloured by its state."""
    import matplotlib as mpl
    from matplotlib.patches import Patch

    shown = list(longest(totals, MOST))
    with mpl.rc_context(STYLE):
        figure = new_figure(7.6, 1.0 + max(1.2, 0.26 * len(shown)))
        axes = figure.add_subplot()
        rows = {track: row for row, track in enumerate(shown)}
        _draw_states(axes, totals.segments, emotions, rows)
        axes.set_yticks(range(len(shown)), [f"track {track}" for track in shown])
        axes.set_ylim(max(len(shown), 1) - 0.5, -0.5)
        axes.set_xlim(0, max(totals.duration, 1e-3))
        axes.set_xlabel("seconds")
        axes.set_title(printable(title) + ("" if shown else ": no face"), loc="left")
        states = sorted({s.state for s in totals.segments})
        names = [state_name(state, emotions) for state in states]
        patches = [
            Patch(color=_color(s, emotions), label=printable(n))
            for s, n in zip(states, names, strict=True)
        ]
        axes.legend(handles=patches, loc="upper left", bbox_to_anchor=(1.0, 1.02), frameon=False)
        _bare(axes)
    return figure


def _draw_states(
    axes: "Axes", segments: Sequence[Segment], emotions: Sequence[str], rows: dict[int, int]
) -> None:
    for segment in segments:
        if segment.track in rows:
            axes.broken_barh(
                [(segment.start, segment.end - segment.start)],
                (rows[segment.track] - 0.38, 0.76),
                facecolors=_color(segment.state, emotions),
                linewidth=0,
            )


def _color(state: int, emotions: Sequence[str]) -> tuple[float, float, float]:
    return color_of(emotions[state]) if state >= 0 else _GREY


def _span(segments: Sequence[Segment]) -> tuple[float, float]:
    first, last = min(s.start for s in segments), max(s.end for s in segments)
    return first, max(last, first + 1e-3)


def _bare(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)

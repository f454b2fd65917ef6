"""Pictures of a take: the wanted emotion over time, the frames of the weakest sections."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ferkit.colours import FAINT, INK, color_of
from ferkit.mirror.match import MATCH, NO_MATCH
from ferkit.mirror.results import Result
from ferkit.mirror.scores import Scored
from ferkit.mirror.stills import Still
from ferkit.mirror.take import Take
from ferkit.mirror.wanted import show_wanted
from ferkit.printable import printable
from ferkit.reports.plots import STYLE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GOOD, _GREY = "#2f7d4f", (0.62, 0.65, 0.7)
_BINS = 2000  # points of a line
_NAMED = 16  # sections up to which they are named in words
_GAP = 0.5  # seconds over which no line is drawn


def draw_take(take: Take, scored: Scored, found: Sequence[Result]) -> "Figure":
    """The probability of what each section wants; below it what was wanted and what was shown."""
    import matplotlib as mpl

    played = [result for result in found if not np.isnan(result.begin)]
    with mpl.rc_context(STYLE):
        figure = new_figure(min(24.0, max(8.0, 0.62 * len(played) + 2.0)), 3.4)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[6, 1.3])
        _draw_scores(above, take, scored)
        for result in played:
            _mark_section(above, result, len(played))
        _draw_strips(below, take, scored, played)
        end = max([result.end for result in played], default=take.settings.calibrate)
        below.set_xlim(0, max(end, take.settings.calibrate, 1e-3))
        below.set_xlabel("seconds")
        for axes in (above, below):
            axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_scores(axes: "Axes", take: Take, scored: Scored) -> None:
    times = scored.frame.times - take.start
    keep = np.unique(np.linspace(0, max(len(times) - 1, 0), _BINS).astype(int))[: len(times)]
    times, scores = times[keep], scored.scores[keep]
    places, match = scored.frame.places[keep], scored.match[keep]
    breaks = np.flatnonzero((np.diff(places) != 0) | (np.diff(times) > _GAP)) + 1
    times, scores = np.insert(times, breaks, np.nan), np.insert(scores, breaks, np.nan)
    good = np.insert(match, breaks, False)
    filled = np.where(good, scores, np.nan)
    axes.fill_between(times, 0, filled, color=_GOOD, alpha=0.25, linewidth=0, label="match")
    axes.plot(times, scores, color=INK, linewidth=1.2, solid_capstyle="butt")
    axes.axhline(take.settings.threshold, color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("wanted emotion")


def _mark_section(axes: "Axes", result: Result, count: int) -> None:
    axes.axvline(result.begin, color=FAINT, linewidth=0.6)
    sign = {MATCH: "✓", NO_MATCH: "✗"}.get(result.verdict, "")
    words = f"{result.number} {sign}".strip()
    if count <= _NAMED:
        wanted = show_wanted(result.section.wanted).replace(" + ", "\n+ ")
        words = f"{words}\n{wanted}"
    axes.text(
        (result.begin + result.end) / 2,
        1.03,
        printable(words, keep="\n"),
        ha="center",
        va="bottom",
        fontsize=7.0,
        color=_GOOD if result.verdict == MATCH else INK,
        transform=axes.get_xaxis_transform(),
    )


def _draw_strips(axes: "Axes", take: Take, scored: Scored, played: Sequence[Result]) -> None:
    from matplotlib.patches import Patch

    names: set[str] = set()
    for result in played:
        low, wanted = 0.55, result.section.wanted
        for name, part in wanted.items():
            _bar(axes, result.begin, result.end, low, 0.45 * part, color_of(name))
            low += 0.45 * part
            names.add(name)
    for begin, end, name in _shown_stretches(take, scored):
        _bar(axes, begin, end, 0.0, 0.45, color_of(name) if name else _GREY)
        names |= {name} if name else set()
    axes.set_yticks([0.775, 0.225], ["wanted", "shown"])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(0, 1)
    order = [emotion for emotion in take.emotions if emotion in names]
    patches = [Patch(color=color_of(name), label=printable(name)) for name in order]
    patches.append(Patch(color=_GREY, label="no face"))
    axes.legend(handles=patches, loc="upper left", bbox_to_anchor=(1.0, 5.5), frameon=False)


def _bar(
    axes: "Axes", begin: float, end: float, low: float, high: float, color: tuple[float, ...]
) -> None:
    axes.broken_barh([(begin, end - begin)], (low, high), facecolors=[color], linewidth=0)


def _shown_stretches(take: Take, scored: Scored) -> list[tuple[float, float, str]]:
    """Begin, end and the most probable emotion of each stretch of frames; empty without a face."""
    frame = scored.frame
    if not len(frame.times):
        return []
    shown = np.where(frame.tracks >= 0, np.nan_to_num(scored.rows).argmax(axis=1), -1)
    starts = np.flatnonzero(np.append(True, np.diff(shown) != 0))
    times = frame.times - take.start
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    ends = np.append(times[starts[1:]], times[-1] + step)
    return [
        (float(times[at]), float(end), take.emotions[shown[at]] if shown[at] >= 0 else "")
        for at, end in zip(starts, ends, strict=True)
    ]


def draw_weakest(take: Take, weak: Sequence[Result]) -> "Figure | None":
    """The frames of the lowest and the highest probability of some sections, side by side.

    None where no frame was kept.
    """
    import matplotlib as mpl

    shown = [result for result in weak if result.number - 1 in take.stills.lowest]
    if not shown:
        return None
    with mpl.rc_context(STYLE):
        figure = new_figure(2.3 * 2 * len(shown), 3.0)
        places = figure.subplots(1, 2 * len(shown), squeeze=False)[0]
        for n, result in enumerate(shown):
            at, wanted = result.number - 1, show_wanted(result.section.wanted)
            first = f"Section {result.number}: {wanted}\nlowest"
            _draw_still(places[2 * n], take, take.stills.lowest[at], first)
            _draw_still(places[2 * n + 1], take, take.stills.highest[at], "\nhighest")
    return figure


def _draw_still(axes: "Axes", take: Take, still: Still, words: str) -> None:
    import cv2

    encoded = np.frombuffer(still.jpeg, np.uint8)
    pixels = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    axes.imshow(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    moment = f"{words}: {still.score:.2f} at {still.time - take.start:.1f} s"
    axes.set_title(printable(moment, keep="\n"), loc="left", fontsize=7.5)
    axes.axis("off")

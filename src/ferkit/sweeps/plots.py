"""The pictures of a search: its metrics in the order of trials, and over each key."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from optuna.distributions import CategoricalDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from ferkit.colours import BLUE, FAINT, INK, ORANGE
from ferkit.printable import in_words
from ferkit.reports.plots import new_figure, render
from ferkit.sweeps.space import Space
from ferkit.sweeps.study import best_trial, results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ACROSS = 3  # slices in a row
Place = Callable[[FrozenTrial], float]
_DONE, _ENDED = TrialState.COMPLETE, TrialState.PRUNED


def png(figure: "Figure") -> bytes:
    """A picture in the report's own style."""
    return render(figure, "png")


def draw_history(study: Study, monitor: str) -> "Figure":
    """Draw each trial's figure over its number, and the best so far."""
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(7.4, 2.7)
    axes = figure.subplots()
    pick = max if study.direction.name == "MAXIMIZE" else min
    done = _trials(study, _DONE)
    values = [t.value or 0.0 for t in done]
    best = list(accumulate(values, pick))
    numbers = [t.number for t in done]
    axes.step(numbers, best, where="post", color=ORANGE, linewidth=1.2, label="best so far")
    _scatter(axes, study, lambda t: t.number)
    for trial in _trials(study, TrialState.FAIL):
        axes.axvline(trial.number, color=FAINT, linewidth=0.6, linestyle=":")
    axes.set_xlabel("trial (dotted: failed)")
    axes.set_ylabel(in_words(monitor))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, fontsize=7.5)
    _tidy(axes)
    return figure


def draw_slices(study: Study, space: Space, monitor: str) -> "Figure":
    """Draw the metrics over the values of each key."""
    keys = list(space.distributions)
    down = -(-len(keys) // _ACROSS)
    figure = new_figure(7.4, 2.5 * down)
    grid = figure.subplots(down, min(_ACROSS, len(keys)), squeeze=False, sharey=True)
    for axes, key in zip(grid.flat, keys, strict=False):
        values = space.distributions[key]
        if isinstance(values, CategoricalDistribution):
            places = {choice: i for i, choice in enumerate(values.choices)}
            _scatter(axes, study, partial(_category, key=key, places=places))
            axes.set_xticks(range(len(places)), [str(choice) for choice in places])
            axes.tick_params(axis="x", labelrotation=30 if len(places) > 3 else 0)
            axes.margins(x=0.25)
        else:
            _scatter(axes, study, partial(_number, key=key))
            if getattr(values, "log", False):
                axes.set_xscale("log")
                axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
                axes.xaxis.set_minor_formatter("")
        axes.set_xlabel(key)
        _tidy(axes)
    for axes in grid.flat[len(keys) :]:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel(in_words(monitor))
    return figure


def _category(trial: FrozenTrial, key: str, places: Mapping[Any, int]) -> float:
    return places[trial.params[key]]


def _number(trial: FrozenTrial, key: str) -> float:
    return float(trial.params[key])


def _trials(study: Study, state: TrialState) -> Sequence[FrozenTrial]:
    found = [t for t in results(study) if t.state is state]
    return [t for t in found if t.params and (t.value is not None or state is TrialState.FAIL)]


def _scatter(axes: "Axes", study: Study, place: Place) -> None:
    ended, done, best = _trials(study, _ENDED), _trials(study, _DONE), best_trial(study)
    for trials, fill, name in ((ended, "none", "ended early"), (done, BLUE, "done")):
        if trials:
            places, values = [place(t) for t in trials], [t.value or 0.0 for t in trials]
            axes.scatter(
                places,
                values,
                s=16,
                facecolor=fill,
                edgecolor=BLUE,
                linewidth=0.8,
                label=name,
                zorder=3,
            )
    if best is not None:
        axes.scatter(
            [place(best)],
            [best.value or 0.0],
            s=60,
            facecolor="none",
            edgecolor=INK,
            linewidth=1,
            label="best",
            zorder=4,
        )


def _tidy(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e4e7ec", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_fontsize(8.5)

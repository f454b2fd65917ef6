"""The report of a take: a page, tables and pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ferkit.files import write_text
from ferkit.mirror.match import MATCH, NO_MATCH
from ferkit.mirror.results import NOT_PLAYED, Result, results, weakest
from ferkit.mirror.scores import Scored, score_take, timeline
from ferkit.mirror.script_plots import draw_take, draw_weakest
from ferkit.mirror.take import Take
from ferkit.mirror.wanted import show_wanted
from ferkit.printable import csv_frame, quoted
from ferkit.reports.document import Sheet
from ferkit.reports.formats import write_document
from ferkit.reports.plots import render

PAGE, TIMELINE = "script.html", "timeline.csv"
_NONE = "—"
_COLUMNS = (
    "Section",
    "Text",
    "Wanted",
    "Shown",
    "Verdict",
    "Matched",
    "Probability",
    "Highest",
    "First match after",
    "From",
    "To",
    "Face seen",
)
CAUTION = (
    "The network says what a face looks like to it, not what a person feels, and is often wrong "
    "(see the model's card)."
)


def write_script_report(
    folder: Path, take: Take, *, title: str = "", source: str = "", notes: Sequence[str] = ()
) -> Path:
    """Write script.html (and .md, .tex), sections.csv, shown.csv, timeline.csv and the pictures.

    Args:
        folder: Made where it is not there.
        take: That is over, or was ended.
        title: Of the page; by default the script's.
        source: The video, for the page.
        notes: Further sentences for it.

    Returns:
        The page.
    """
    scored = score_take(take)
    found = results(take, scored)
    pictures = {"timeline.png": render(draw_take(take, scored, found), "png")}
    weak = weakest(found)
    if (stills := draw_weakest(take, weak)) is not None:
        pictures["weakest_sections.png"] = render(stills, "png")
    write_document(
        folder,
        "script",
        title or take.script.title,
        [_sections(found), _shown(found, take)],
        pictures=pictures,
        notes=[
            *([f"Video: {source}."] if source else []),
            *_headline(found, weak),
            *_protocol(take, scored),
            *notes,
            CAUTION,
        ],
        commands=_command(take),
    )
    frame = csv_frame(timeline(take, scored))
    write_text(folder / TIMELINE, frame.to_csv(index=False, lineterminator="\n"))
    return folder / PAGE


def _sections(found: Sequence[Result]) -> Sheet:
    rows = tuple(
        (
            str(result.number),
            result.section.text,
            show_wanted(result.section.wanted),
            result.shown or _NONE,
            result.verdict or _NONE,
            _share(result.share),
            _number(result.score),
            _number(result.highest),
            _seconds(result.reached),
            _seconds(result.begin),
            _seconds(result.end),
            _share(result.seen),
        )
        for result in found
    )
    notes = (
        "Probability: mean over the time that counts of the smoothed probability of the wanted "
        "emotion; of a mix, how far the face's probabilities overlap with it (1 is the very mix).",
        "Matched: part of that time; time without a face did not match. Times are seconds.",
    )
    return Sheet("sections", "Sections", _COLUMNS, rows, notes)


def _shown(found: Sequence[Result], take: Take) -> Sheet:
    rows = tuple(
        (
            str(result.number),
            show_wanted(result.section.wanted),
            *(_number(float(mean)) for mean in result.means),
        )
        for result in found
    )
    title = "Mean probability of every emotion"
    return Sheet("shown", title, ("Section", "Wanted", *take.emotions), rows)


def _headline(found: Sequence[Result], weak: Sequence[Result]) -> list[str]:
    judged = [result for result in found if result.section.wanted]
    good = sum(result.verdict == MATCH for result in judged)
    lines = [f"{good} of {len(judged)} judged sections match."]
    names = [
        f"{r.number} (wanted {show_wanted(r.section.wanted)}, shown {r.shown})"
        for r in weak
        if r.verdict == NO_MATCH
    ]
    if names:
        lines.append(f"Weakest: section {', '.join(names)}.")
    if missed := [str(r.number) for r in found if r.verdict == NOT_PLAYED]:
        lines.append(f"Not played: section {', '.join(missed)}; the take ended before.")
    return lines


def _protocol(take: Take, scored: Scored) -> list[str]:
    settings = take.settings
    lines = [
        f"A frame matches from a probability of {settings.threshold:g} on, and until it falls "
        f"below {max(0.0, settings.threshold - settings.margin):g}; a section matches where "
        f"{settings.share:.0%} of its time do. Its first {settings.settle:g} s (at most half of "
        "it) do not count."
    ]
    if settings.calibrate and take.rest is not None:
        rest = ", ".join(
            f"{name} {value:.2f}"
            for name, value in sorted(
                zip(take.emotions, take.rest, strict=True), key=lambda pair: -pair[1]
            )[:3]
        )
        lines.append(
            f"Zero line: the resting face of the first {settings.calibrate:g} s ({rest}); "
            "probabilities are how far each emotion rises above it towards 1."
        )
    elif settings.calibrate:
        lines.append(
            f"No face was seen in the {settings.calibrate:g} s of resting face; there is no zero "
            "line."
        )
    tracks = len(np.unique(scored.frame.tracks[scored.frame.tracks >= 0]))
    if tracks > 1:
        lines.append(
            f"{tracks} tracks were judged one after another: where the followed face was lost, the "
            "largest took its place."
        )
    return lines


def _command(take: Take) -> list[str]:
    """The command that measures a recording of a take whose sections were ended by keys."""
    if not take.pressed:
        return []
    cues = ",".join(f"{time:.2f}" for time in take.pressed)
    rest = f" match.calibrate={take.settings.calibrate:g}" if take.settings.calibrate else ""
    script = quoted(Path(take.script.name))
    return [f"ferkit predict source=TAKE.mp4 script={script} 'cues=[{cues}]'{rest} out=OUT"]


def _number(value: float) -> str:
    return _NONE if np.isnan(value) else f"{value:.3f}"


def _share(value: float) -> str:
    return _NONE if np.isnan(value) else f"{value:.0%}"


def _seconds(value: float) -> str:
    return _NONE if np.isnan(value) else f"{value:.1f}"

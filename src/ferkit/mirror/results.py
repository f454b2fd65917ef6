"""What became of each section of a take."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferkit.mirror.match import MATCH, NO_FACE, NO_MATCH
from ferkit.mirror.scores import Scored
from ferkit.mirror.script import Section
from ferkit.mirror.take import Take

NOT_PLAYED, NOT_JUDGED = "not played", ""


@dataclass(frozen=True)
class Result:
    """A section and what a face made of it; shares and means are of the time that counts.

    Attributes:
        number: From 1.
        verdict: match, no match, no face, not played; empty where nothing is judged.
        means: [K] smoothed probabilities, weighted by time; NaN where no face was seen.
        begin: Seconds since the take began; NaN where it was not played.
        end: The same.
        shown: The emotion of the highest mean probability; empty where no face was seen.
        score: Mean probability of the wanted emotion (overlap with a mix); NaN where no face was
            seen or nothing is judged.
        highest: The highest of it, of the whole section.
        share: Part of the time that matched, 0..1; time without a face did not.
        reached: Seconds from the section's beginning until it first matched; NaN where it never
            did.
        seen: Part of the time with a face, 0..1.
    """

    number: int
    section: Section
    verdict: str
    means: NDArray[np.float64]
    begin: float = np.nan
    end: float = np.nan
    shown: str = ""
    score: float = np.nan
    highest: float = np.nan
    share: float = np.nan
    reached: float = np.nan
    seen: float = 0.0


def results(take: Take, scored: Scored) -> list[Result]:
    """Every section of the script, in order."""
    found = []
    for place, section in enumerate(take.script.sections):
        if place < len(take.begins):
            found.append(_played(place, section, take, scored))
        else:
            verdict = NOT_PLAYED if section.wanted else NOT_JUDGED
            missing = np.full(len(take.emotions), np.nan)
            found.append(Result(place + 1, section, verdict, missing))
    return found


def weakest(found: Sequence[Result], most: int = 3) -> list[Result]:
    """The judged sections that matched least, the weakest first."""
    judged = [result for result in found if result.verdict in (MATCH, NO_MATCH)]
    return sorted(judged, key=lambda result: (result.share, result.score))[:most]


def _played(place: int, section: Section, take: Take, scored: Scored) -> Result:
    at = np.flatnonzero(scored.frame.places == place)
    times, scores, match = scored.frame.times[at], scored.scores[at], scored.match[at]
    begin = take.begins[place]
    end = take.ends[place] if place < len(take.ends) else max(begin, *times[-1:])
    weights = _weights(times, begin, end, take.settings.settle)
    seen = scored.frame.tracks[at] >= 0
    total, with_face = float(weights.sum()), float(weights[seen].sum())
    judged = bool(section.wanted)
    shown = Result(
        place + 1,
        section,
        NO_FACE if judged else NOT_JUDGED,
        np.full(len(take.emotions), np.nan),
        begin - take.start,
        end - take.start,
    )
    if with_face <= 0:
        return shown
    means = np.average(scored.rows[at][seen], axis=0, weights=weights[seen])
    share = float(weights[match].sum()) / total
    verdict = MATCH if share >= take.settings.share else NO_MATCH
    first = times[match][:1]
    return Result(
        shown.number,
        section,
        verdict if judged else NOT_JUDGED,
        means,
        shown.begin,
        shown.end,
        shown=take.emotions[int(means.argmax())],
        score=float(np.average(scores[seen], weights=weights[seen])),
        highest=float(scores[seen].max()),
        share=share if judged else np.nan,
        reached=float(first[0] - begin) if len(first) else np.nan,
        seen=with_face / total,
    )


def _weights(
    times: NDArray[np.float64], begin: float, end: float, settle: float
) -> NDArray[np.float64]:
    """How long each frame stands: until the next, the last until the section's end.

    What lies before the face had time to change counts for nothing.
    """
    counts_from = begin + min(settle, 0.5 * (end - begin))
    edges = np.append(times, max(end, *times[-1:]))
    return np.asarray(np.diff(np.maximum(edges, counts_from)))

"""Why two tests of one difference may disagree, said where they do."""

from collections.abc import Mapping, Sequence

from ferkit.evaluation.seeds import Difference, Measured, difference, mcnemar_over_seeds
from ferkit.reports.comparison.methods import Method, plain_name

LEVEL = 0.05  # the p-value that goes with a 95% interval
_GROUPED = (
    "McNemar's test takes every face as independent, the interval resamples {units}, whose faces "
    "resemble each other: believe the interval."
)
_STRICT = (
    "McNemar's p-values of several seeds are joined by twice their mean, which is strict, while "
    "the interval is of the mean over seeds: it holds for these networks, and McNemar's test asks "
    "that the seeds agree."
)
_BORDER = (
    "McNemar's exact test counts only the faces on which the two networks differ, and is cautious "
    "where these are few; the interval resamples all faces. So close to the limit take the "
    "difference as undecided until more seeds or faces are there."
)


def disagreement_notes(
    reference: Method,
    methods: Sequence[Method],
    measured: Mapping[str, Sequence[Measured]],
    units: str,
) -> list[str]:
    """A sentence for each method whose accuracy differs by one test and is a tie by the other.

    Args:
        units: What the interval resamples, e.g. "24 subjects".
    """
    notes = []
    for method in methods:
        if method is reference:
            continue
        pair = measured[reference.name], measured[method.name]
        found, p = difference(*pair, "accuracy"), mcnemar_over_seeds(*pair)
        if p is None or found.interval is None or (p < LEVEL) != found.is_tie:
            continue
        several = min(map(len, pair)) > 1
        notes.append(f"{_what(method, found, p)} {_why(found, several, units)}")
    return notes


def _what(method: Method, found: Difference, p: float) -> str:
    low, high = found.interval or (0.0, 0.0)
    holds = "holds 0" if found.is_tie else "does not hold 0"
    verdict = "finds a difference" if p < LEVEL else "finds none"
    return (
        f"Accuracy of {plain_name(method.name)}: the tests disagree. McNemar's {verdict} "
        f"(p = {p:.3f}, not corrected), and the 95% interval [{low:+.3f}, {high:+.3f}] {holds}."
    )


def _why(found: Difference, several: bool, units: str) -> str:
    if not units.endswith("images"):
        return _GROUPED.format(units=units)
    return _STRICT if several and not found.is_tie else _BORDER

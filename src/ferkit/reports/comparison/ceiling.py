"""The human ceiling as tables."""

import numpy as np

from ferkit.datasets.fer2013.ferplus_votes import VOTE_COLUMNS, VOTE_EMOTIONS, label_votes
from ferkit.emotions import EMOTIONS
from ferkit.evaluation.ceiling import Ceiling, annotator_ceiling, label_ceiling
from ferkit.reports.document import Sheet
from ferkit.reports.tables import format_metric

_SEVEN = EMOTIONS[:7]
_FURTHER = (
    "A further annotator: one of those who saw an image, drawn at random, is right where the "
    "others' votes have the same majority; ties count in equal parts. Expected values, no "
    "sampling; 95% intervals from resampling images."
)
_WITHIN = (
    "Votes for anything but the classes of a row are left out. Kept by majority: the images that "
    "Microsoft's rule labels (more than half of the votes, single ones removed); those are the "
    "images on which people agree."
)
_PERFECT = (
    "The majority: a predictor that always gives the votes' majority among the seven emotions, "
    "judged by FER-2013's own labels: what a classifier that sees as people see could reach there."
)
_NO_LABELS = (
    "Not measured: the votes' majority against FER-2013's own labels, which needs fer2013.csv; its "
    "release as image folders lost the order of rows that joins the two."
)


def ceiling_sheets(votes: np.ndarray, labels: np.ndarray | None) -> list[Sheet]:
    """What people reach on FER-2013's images.

    Args:
        votes: Counts in the order of VOTE_COLUMNS, [N, 10].
        labels: FER-2013's own names, [N], where they are known.
    """
    found = _ceilings(votes, labels)
    rows = tuple(
        (
            name,
            f"{each.images:,}",
            format_metric(each.accuracy, each.interval[0]),
            format_metric(each.balanced_accuracy, each.interval[1]),
        )
        for name, each in found.items()
    )
    header = ("Who, on which classes", "Images", "Accuracy", "Balanced accuracy")
    notes = (_FURTHER, _WITHIN, _PERFECT if labels is not None else _NO_LABELS)
    return [
        Sheet("ceiling", "What people reach", header, rows, notes),
        _recalls_sheet(found),
    ]


def _ceilings(votes: np.ndarray, labels: np.ndarray | None) -> dict[str, Ceiling]:
    seven = votes[:, [VOTE_EMOTIONS.index(name) for name in _SEVEN]]
    kept = label_votes(votes, "majority")[0] != ""
    eight = votes[:, : len(VOTE_EMOTIONS)]
    found = {
        "annotator, ten columns": annotator_ceiling(votes, VOTE_COLUMNS),
        "annotator, eight emotions": annotator_ceiling(eight, VOTE_EMOTIONS),
        "annotator, seven emotions": annotator_ceiling(seven, _SEVEN),
        "annotator, eight emotions, kept by majority": annotator_ceiling(
            eight[kept], VOTE_EMOTIONS
        ),
    }
    if labels is not None:
        found["majority against FER-2013's labels"] = label_ceiling(seven, labels, _SEVEN)
    return found


def _recalls_sheet(found: dict[str, Ceiling]) -> Sheet:
    shown = {name: each for name, each in found.items() if "ten" not in name}
    rows = []
    for emotion in EMOTIONS:
        cells = []
        for each in shown.values():
            recall, interval, count = each.recall.get(emotion, (None, None, 0))
            cells += [format_metric(recall, interval), f"{count:,.0f}"]
        rows.append((emotion, *cells))
    header = [part for name in shown for part in (name, "images")]
    note = "An image counts in parts for every class that the majority of the others may have been."
    return Sheet("ceiling_by_class", "Recall by class", ("Emotion", *header), tuple(rows), (note,))

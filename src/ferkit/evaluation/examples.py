"""Which mistakes are worth looking at."""

import pandas as pd

from ferkit.evaluation.outcomes import PROBABILITY, labelled


def frequent_confusions(predictions: pd.DataFrame, *, pairs: int = 6) -> pd.DataFrame:
    """Count which class is taken for which other.

    Returns:
        label, predicted, count and share (of the label's rows), the most frequent first.
    """
    rows = labelled(predictions)
    wrong = rows[rows["label"] != rows["predicted"]]
    counts = wrong.groupby(["label", "predicted"]).size().rename("count").reset_index()
    support = rows["label"].value_counts()
    counts["share"] = counts["count"] / counts["label"].map(support).astype(float)
    ranked = counts.sort_values(
        ["count", "share", "label", "predicted"], ascending=[False, False, True, True]
    )
    return ranked.head(pairs).reset_index(drop=True)


def choose_examples(
    predictions: pd.DataFrame, *, pairs: int = 6, per_pair: int = 6
) -> pd.DataFrame:
    """Choose the most confident mistakes of the most frequent confusions.

    Returns:
        key, view, label, predicted and confidence (0..1, of the prediction), ordered by
        confusion, then by confidence; at most `pairs * per_pair` rows.
    """
    rows = labelled(predictions)
    columns = {c: c[len(PROBABILITY) :] for c in rows.columns if c.startswith(PROBABILITY)}
    chosen = []
    for pair in frequent_confusions(rows, pairs=pairs).itertuples():
        mistakes = rows[(rows["label"] == pair.label) & (rows["predicted"] == pair.predicted)]
        confidence = mistakes[columns.keys()].rename(columns=columns)[pair.predicted]
        surest = mistakes.assign(confidence=confidence.astype(float)).sort_values(
            ["confidence", "key"], ascending=[False, True]
        )
        chosen.append(surest.head(per_pair))
    found = pd.concat(chosen) if chosen else rows.head(0).assign(confidence=0.0)
    if "view" not in found:
        found = found.assign(view="")
    return found[["key", "view", "label", "predicted", "confidence"]].reset_index(drop=True)

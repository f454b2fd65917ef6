"""Predictions that another program wrote, as a predictions frame: classes are matched by name.

A table has a row for each face: `key` or `path`, `label`, and `predicted`, `p_<class>` columns, or
both. `dataset`, `subject`, `sequence`, `frame` and `view` are taken where they are there.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ferkit.emotions import canonical
from ferkit.errors import ConfigError, DataError, unknown
from ferkit.evaluation.outcomes import PROBABILITY, output_classes

KEYS = ("key", "path")
_WORDS = ("dataset", "subject", "sequence")
_ROUNDING = 0.02  # by which a row of rounded probabilities may miss 1
ONE_HOT = (
    "The table holds no probabilities: metrics that need them (ECE, ROC AUC, top 2) say nothing"
)


def given_predictions(
    table: pd.DataFrame, where: str, view: str, order: Sequence[str] | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Check a table and name its classes as ferkit does.

    Args:
        table: As it was read; cells may be texts.
        where: The file, for messages.
        view: The name of the view that the rows are.
        order: The classes by number, where the table has numbers for names.

    Returns:
        The predictions frame, and notes for its report.

    Raises:
        ConfigError: classes are numbers and there is no order, or a number has no class in it.
        DataError: a column is missing, keys repeat, or probabilities are none.
    """
    key = _key_column(table, where)
    _refuse_repeats(table[key], where)
    found = pd.DataFrame({"key": table[key].astype(str)})
    found["dataset"] = _words(table, "dataset").where(_words(table, "dataset") != "", "table")
    found["view"] = view
    for column in _WORDS[1:]:
        found[column] = _words(table, column)
    found["frame"] = _frames(table)
    found["label"] = _named(_words(table, "label"), order, where)
    probabilities = _probabilities(table, order, where)
    notes: list[str] = []
    predicted = None
    if "predicted" in table:
        predicted = _named(_words(table, "predicted"), order, where)
    if probabilities is None:
        if predicted is None:
            raise DataError(
                f"{where} has neither a column predicted nor p_<class> columns; give one of them."
            )
        notes.append(ONE_HOT)
        probabilities = _one_hot(predicted, order)
    if predicted is None:
        names = np.asarray(probabilities.columns, dtype=object)
        predicted = pd.Series(names[probabilities.to_numpy().argmax(axis=1)], table.index)
    found["predicted"] = predicted
    for name in probabilities:
        found[f"{PROBABILITY}{name}"] = probabilities[name]
    _refuse_missing_outputs(found, where)
    return found.reset_index(drop=True), notes


def class_name(word: str, order: Sequence[str] | None, where: str) -> str:
    """A class by ferkit's name: an emotion's canonical one, another as it is.

    Raises:
        ConfigError: it is a number, and no order says which class that is.
    """
    number = word.removesuffix(".0")
    if number.isdecimal() and (order is None or word not in order):
        if order is None:
            raise ConfigError(
                f"{where} has the class {word}, a number; give the names in the order of the "
                "numbers: emotions=[angry,disgust,...]."
            )
        if int(number) >= len(order):
            raise ConfigError(
                f"{where} has the class {word}, and emotions= names {len(order)}, from 0 on."
            )
        word = order[int(number)]
    return canonical(word) or word


def class_names(words: Sequence[str], where: str) -> tuple[str, ...]:
    """Classes by ferkit's names, in the same order.

    Raises:
        ConfigError: two of them are the same class.
    """
    names = [canonical(word) or word for word in words]
    for name in names:
        if names.count(name) > 1:
            both = [word for word, other in zip(words, names, strict=True) if other == name]
            raise ConfigError(f"{where}: {' and '.join(both)} are the same class, {name}.")
    return tuple(names)


def _key_column(table: pd.DataFrame, where: str) -> str:
    for name in KEYS:
        if name in table:
            return name
    raise DataError(f"{where} has no column key or path; its columns are {_some(table)}.")


def _some(table: pd.DataFrame) -> str:
    names = [str(c) for c in table.columns[:12]]
    return ", ".join(names) + ", ..." * (len(table.columns) > 12)


def _refuse_repeats(keys: pd.Series, where: str) -> None:
    if not len(keys):
        raise DataError(f"{where} has no rows; give one for each face.")
    if keys.isna().any() or (keys.astype(str) == "").any():
        raise DataError(f"{where} has rows without a {keys.name}; give each face its own.")
    if keys.duplicated().any():
        first = keys[keys.duplicated()].iloc[0]
        raise DataError(f"{where} has {str(first)[:80]!r} twice in the column {keys.name}.")


def _words(table: pd.DataFrame, column: str) -> pd.Series:
    if column not in table:
        return pd.Series("", table.index, dtype=object)
    return table[column].astype(object).where(table[column].notna(), "").astype(str).str.strip()


def _frames(table: pd.DataFrame) -> pd.Series:
    if "frame" not in table:
        return pd.Series(-1, table.index)
    return pd.to_numeric(table["frame"], errors="coerce").fillna(-1).astype("int64")


def _named(words: pd.Series, order: Sequence[str] | None, where: str) -> pd.Series:
    names = {word: class_name(word, order, where) if word else "" for word in words.unique()}
    return words.map(names)


def _probabilities(
    table: pd.DataFrame, order: Sequence[str] | None, where: str
) -> pd.DataFrame | None:
    columns = [c for c in table.columns if str(c).startswith(PROBABILITY)]
    if not columns:
        return None
    words = [str(c).removeprefix(PROBABILITY) for c in columns]
    names = class_names([class_name(word, order, where) for word in words], where)
    numbers = table[columns].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    total = numbers.sum(axis=1)
    wrong = ~np.isfinite(total) | (numbers < 0).any(axis=1) | (np.abs(total - 1) > _ROUNDING)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"{where}: {int(wrong.sum()):,} of {len(table):,} rows hold no probabilities, the "
            f"first is row {row + 1} with the sum {total[row]:.4g}; p_<class> are numbers from 0 "
            "to 1 that come to 1."
        )
    return pd.DataFrame(numbers / total[:, None], index=table.index, columns=list(names))


def _one_hot(predicted: pd.Series, order: Sequence[str] | None) -> pd.DataFrame:
    from ferkit.emotions import order as ordered

    present = [name for name in predicted if name]
    names = ordered([*(canonical(w) or w for w in order or ()), *present])
    return pd.DataFrame({name: (predicted == name).astype(float) for name in names})


def _refuse_missing_outputs(found: pd.DataFrame, where: str) -> None:
    outputs = output_classes(found)
    strange = set(found["predicted"]) - set(outputs)
    if "" in strange:
        key = found["key"][found["predicted"] == ""].iloc[0]
        raise DataError(f"{where}: {key!r} has no prediction; give one in every row.")
    if strange:
        word = sorted(strange)[0]
        raise DataError(f"{where}, column predicted: {unknown('class', word, outputs)}")

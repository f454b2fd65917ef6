"""What each confusion costs: the matrix, and the decision of minimal expected cost.

The true class is in rows and the predicted in columns, as in ferkit's confusion matrices (Elkan
2001, "The Foundations of Cost-Sensitive Learning", has them the other way round). The training
loss is `ferkit.losses.ExpectedCost`.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ferkit.emotions import canonical
from ferkit.errors import ConfigError, DataError, unknown
from ferkit.losses.class_weights import RULES, class_weights, require_every_class
from ferkit.untrusted import read_text, read_yaml

_FILES = (".csv", ".yaml", ".yml")
Table = Mapping[str, Mapping[str, float | str | None]]


def cost_matrix(
    rule: str | Table,
    counts: Sequence[int] | np.ndarray,
    emotions: Sequence[str],
    *,
    beta: float = 0.9999,
) -> np.ndarray:
    """The cost of predicting j where i is true.

    Args:
        rule: A rule of `ferkit.losses.class_weights` (every confusion of class i costs its class
            weight), a table of true class, predicted class, cost, or the path of such a table: a
            yaml of that nesting, or a csv with the predicted classes in its first line and
            the true ones in its first column. What a table leaves out costs 1, on the diagonal 0;
            classes that the run does not have are passed over.
        counts: Training images per class, [K].
        emotions: The classes' names in the run's order, [K].
        beta: Of the rule "effective_number".

    Returns:
        float64 [K, K], 0 on the diagonal, nothing negative.

    Raises:
        ConfigError: an unknown rule or class, or a cost that is no number, negative, or on the
            diagonal not 0.
        DataError: the file is missing or cannot be read, or a class has no training image.
    """
    if isinstance(rule, str) and rule in RULES:
        weights = class_weights(counts, rule, beta=beta, emotions=emotions).double().numpy()
        return np.asarray(weights[:, None] * (1 - np.eye(len(emotions))))
    require_every_class(counts, emotions)
    if not isinstance(rule, str):
        return _fill(rule, emotions, "imbalance.cost_matrix")
    if not is_cost_file(rule):
        words = (*RULES, "a .csv or .yaml file")
        raise ConfigError(unknown("cost matrix", rule, words))
    return _fill(_read(Path(rule)), emotions, rule)


def is_cost_file(rule: str) -> bool:
    """Whether a rule is the path of a table, by its ending."""
    return Path(rule).suffix.lower() in _FILES


def minimum_cost_decision(probabilities: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """The class of least expected cost, argmin_j sum_i p[i] costs[i, j].

    Args:
        probabilities: [N, K], rows that sum to 1.
        costs: [K, K], the true class in rows.

    Returns:
        Codes, int64 [N]; of equal costs the lowest code. With costs of 1 off the diagonal it is
        the class of the highest probability.
    """
    return np.asarray((np.asarray(probabilities, dtype=np.float64) @ costs).argmin(axis=1))


def _read(path: Path) -> Table:
    try:
        is_csv = path.suffix.lower() == ".csv"
        table: Table = _parse_csv(read_text(path)) if is_csv else read_yaml(path)
    except (OSError, DataError, csv.Error) as error:
        raise DataError(
            f"The cost matrix {path} cannot be read ({type(error).__name__}); "
            "give a csv or yaml file of true class, predicted class, cost."
        ) from error
    return table


def _parse_csv(text: str) -> Table:
    rows = csv.reader(text.splitlines(), skipinitialspace=True)
    header = next(rows, [])[1:]
    return {row[0]: dict(zip(header, row[1:], strict=False)) for row in rows if row}


def _fill(table: object, emotions: Sequence[str], place: str) -> np.ndarray:
    costs = 1 - np.eye(len(emotions))
    for true, row in _rows(table, place):
        i = _code(true, emotions, place)
        for predicted, cost in _rows(row, f"{place}, row {true}"):
            j = _code(predicted, emotions, place)
            if i is not None and j is not None and cost not in (None, ""):
                costs[i, j] = _number(cost, i == j, f"{place}, true {true}, predicted {predicted}")
    return costs


def _rows(table: object, place: str) -> list[tuple[str, object]]:
    if not isinstance(table, Mapping):
        raise ConfigError(
            f"{place} is not a table of true class, predicted class, cost; "
            "write one line a true class, {angry: {sad: 2.0, ...}, ...}."
        )
    return [(str(name).strip(), value) for name, value in table.items()]


def _code(name: str, emotions: Sequence[str], place: str) -> int | None:
    found = name if name in emotions else canonical(name)
    if found is None:
        raise ConfigError(f"{place}: {unknown('emotion', name, emotions)}")
    return list(emotions).index(found) if found in emotions else None


def _number(value: object, on_diagonal: bool, place: str) -> float:
    try:
        cost = float(str(value))
    except ValueError:
        cost = np.nan
    if not np.isfinite(cost) or cost < 0 or (on_diagonal and cost):
        wanted = "0, for a right decision costs nothing" if on_diagonal else "a number, 0 or more"
        raise ConfigError(f"{place}: the cost is {value!r}; give {wanted}.")
    return cost

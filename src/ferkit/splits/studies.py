"""Protocols of single studies, under names that say what they do."""

import pandas as pd

from ferkit.errors import DataError
from ferkit.splits.split import Split, carve_val, finish, official_views
from ferkit.splits.units import leave_copies_out, place_copies, units


def split_training_random(
    frame: pd.DataFrame,
    *,
    seed: int,
    val: float = 0.2,
    copies: str = "together",
    drop_leaks: bool = False,
) -> Split:
    """Split the official training rows at random into train and val, as balanescu2020.

    The official val and test rows are both test; named test views tell them apart (`tests:
    {public: {views: [test], where: {usage: PublicTest}}}`).

    Args:
        frame: The index.
        seed: Which of the possible splits.
        val: Share of the official training rows, by image, stratified by class.
        copies: As of `split_random`.
        drop_leaks: Leave out of train (and val) what later views also hold.

    Raises:
        DataError: the dataset has no official train rows, or too few to carve val out of.
    """
    views = official_views(frame, "training_random", "random")
    views[views == "val"] = "test"
    groups = place_copies(frame, units(frame), copies)
    carve_val(frame, views, groups, val, seed)
    notes = leave_copies_out(frame, views, copies)
    name = "training_random_leaky" if copies == "apart" else "training_random"
    protocol = (
        f"official train cut at random by image, stratified, {1 - val:.0%} train, {val:.0%} val, "
        f"seed {seed}; official val and test are test"
    )
    return finish(frame, views, name, protocol, notes, drop_leaks)


def split_validated_on_test(frame: pd.DataFrame, *, seed: int, drop_leaks: bool = False) -> Split:  # noqa: ARG001
    """Take the official val and test rows together as val, as kurmi2022's code does.

    Its metrics are no test metrics: whatever is chosen by val is chosen on the test rows.

    Raises:
        DataError: the dataset has no official train rows, or neither val nor test.
    """
    views = official_views(frame, "validated_on_test", "random")
    views[views == "test"] = "val"
    if not (views == "val").any():
        raise DataError("split=validated_on_test: there are no official val or test rows.")
    notes = [
        "VALIDATED ON TEST: val holds all of the official val and test rows, and every epoch is "
        "measured on them; use split=official for metrics that hold"
    ]
    protocol = "official train; official val and test together are val (validated on test)"
    return finish(frame, views, "validated_on_test", protocol, notes, drop_leaks)

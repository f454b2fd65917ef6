"""The protocols that make one split: official, random, by person, by video, or what fits."""

import numpy as np
import pandas as pd

from ferkit.errors import ConfigError, DataError
from ferkit.splits.split import (
    VIEWS,
    Split,
    absent_from,
    assign,
    carve_val,
    datasets_of,
    finish,
    in_shares,
    official_views,
    require,
)
from ferkit.splits.units import leave_copies_out, named, place_copies, units

_LEAST_SUBJECTS = 3


def split_auto(
    frame: pd.DataFrame,
    *,
    seed: int,
    val: float = 0.1,
    test: float = 0.1,
    drop_leaks: bool = False,
) -> Split:
    """Split each dataset of the index by the best protocol its facts allow.

    The official split where there is one, else by person, else by video, else at random.

    Args:
        frame: The index; `content` (hash of the pixels) is used where it is a column.
        seed: Which of the possible splits.
        val: Share of the rows carved out as val where the dataset has none.
        test: Share of the rows carved out as test where there is no official split.
        drop_leaks: Leave out of train (and val) what later views also hold.
    """
    views = np.full(len(frame), "", "<U5")
    names, protocols, notes = [], [], []
    for dataset, part in frame.groupby("dataset", sort=True):
        split = _best_protocol(part, seed, val, test)
        views[frame["dataset"] == dataset] = split.views
        names.append(split.name)
        several = frame["dataset"].nunique() > 1
        protocols.append(f"{dataset}: {split.protocol}" if several else split.protocol)
        notes += [f"{dataset}: {note}" if several else note for note in split.notes]
    if not names:
        raise DataError("split=auto: the index holds no rows; nothing can be split.")
    name = "+".join(dict.fromkeys(names))
    return finish(frame, views, name, f"auto: {'; '.join(protocols)}", notes, drop_leaks)


def _best_protocol(part: pd.DataFrame, seed: int, val: float, test: float) -> Split:
    rows = part[part["label"] != ""]
    if "train" in set(rows["split"]) and {"val", "test"} & set(rows["split"]):
        return split_official(part, seed=seed, val=val)
    _refuse_held_out(rows)
    for column, protocol in (("subject", split_subject), ("sequence", split_sequence)):
        known = rows[column][rows[column] != ""]
        if len(known) * 2 >= len(rows) and known.nunique() >= _LEAST_SUBJECTS:
            return protocol(part, seed=seed, val=val, test=test)
    return split_random(part, seed=seed, val=val, test=test)


def _refuse_held_out(rows: pd.DataFrame) -> None:
    """Stop where every image with an official split is one of val or test.

    Raises:
        DataError: there are such images, and none of train.
    """
    held_out = rows["split"][rows["split"] != ""]
    if held_out.empty or (held_out == "train").any():
        return
    counts = ", ".join(f"{n:,} {split}" for split, n in held_out.value_counts().items())
    raise DataError(
        f"{datasets_of(rows)}: there is no train folder (or split): of its images, {counts} are "
        "held out, and what is held out is not trained on. Give the training images too, or deal "
        "all images anew by split=random."
    )


def split_official(
    frame: pd.DataFrame, *, seed: int, val: float = 0.1, drop_leaks: bool = False
) -> Split:
    """Take the dataset's own train, val and test.

    Where the dataset has no val, it is carved out of train, never out of test: by person where
    people are known, else by video, else at random. Where it has a val and no test (AFEW), val
    is val and there is no test view.

    Raises:
        DataError: the dataset has no official train rows, or too few to carve val out of.
    """
    views = official_views(frame, "official", "auto")
    notes = []
    if n_left := int(((frame["label"] != "") & (views == "")).sum()):
        notes.append(f"{n_left:,} labelled rows belong to no official split and are left out")
    protocol = "official " + ", ".join(view for view in VIEWS if (views == view).any())
    if not (views == "val").any():
        by = _known(frame[views == "train"])
        carve_val(frame, views, units(frame, *by), val, seed)
        how = {"subject": "by subject", "sequence": "by video"}.get("".join(by), "stratified")
        protocol += f"; val: {val:.0%} carved out of train, {how}, seed {seed}"
        notes += absent_from(frame, views)
    return finish(frame, views, "official", protocol, notes, drop_leaks)


def split_random(
    frame: pd.DataFrame,
    *,
    seed: int,
    val: float = 0.1,
    test: float = 0.1,
    copies: str = "together",
    drop_leaks: bool = False,
) -> Split:
    """Split at random by image, stratified by class; copies of one image stay together.

    People and videos end up on both sides; the leak check counts them.

    Args:
        frame: The index.
        seed: Which of the possible splits.
        val: Share of the rows.
        test: Share of the rows; 0 for no test view.
        copies: What becomes of offline copies: `together` with their original, `train_only`
            (together, and left out of val and test), or `apart`: split like other images, which
            leaks, as the studies published it.
        drop_leaks: Leave out of train (and val) what later views also hold.
    """
    groups = place_copies(frame, units(frame), copies)
    views, notes = assign(frame, groups, val, test, seed, "random")
    notes += leave_copies_out(frame, views, copies)
    name = "random_leaky" if copies == "apart" else "random"
    protocol = f"random by image, stratified, {in_shares(val, test, seed)}"
    return finish(frame, views, name, protocol, notes, drop_leaks)


def split_subject(
    frame: pd.DataFrame,
    *,
    seed: int,
    val: float = 0.1,
    test: float = 0.1,
    copies: str = "together",
    drop_leaks: bool = False,
) -> Split:
    """Split by person, stratified as well as whole people allow.

    Args:
        frame: The index.
        seed: Which of the possible splits.
        val: Share of the rows.
        test: Share of the rows; 0 for no test view.
        copies: `together`; or `train_only`: offline copies are left out of val and test.
        drop_leaks: Leave out of train (and val) what later views also hold.

    Raises:
        ConfigError: `copies` is another word.
        DataError: the dataset knows no subjects.
    """
    if copies == "apart":
        raise ConfigError("split=subject keeps copies with their person; use split=random.")
    notes = require(frame, "subject", "subject")
    groups = place_copies(frame, units(frame, "subject"), copies)
    views, more = assign(frame, groups, val, test, seed, "subject")
    more += leave_copies_out(frame, views, copies)
    people = named(frame, "subject")
    counts = [people[(views == view) & (people != "")].nunique() for view in VIEWS]
    protocol = (
        f"by subject ({counts[0]} train, {counts[1]} val, {counts[2]} test), stratified, "
        f"{in_shares(val, test, seed)}"
    )
    return finish(frame, views, "subject", protocol, notes + more, drop_leaks)


def split_sequence(
    frame: pd.DataFrame,
    *,
    seed: int,
    val: float = 0.1,
    test: float = 0.1,
    drop_leaks: bool = False,
) -> Split:
    """Split by video: the frames of one video stay together, those of one person may not.

    Raises:
        DataError: the dataset knows no videos.
    """
    notes = require(frame, "sequence", "sequence")
    views, more = assign(frame, units(frame, "sequence"), val, test, seed, "sequence")
    protocol = f"by video, stratified, {in_shares(val, test, seed)}"
    return finish(frame, views, "sequence", protocol, notes + more, drop_leaks)


def _known(frame: pd.DataFrame) -> tuple[str, ...]:
    for column in ("subject", "sequence"):
        ids = frame[column][frame[column] != ""]
        if len(ids) * 2 >= len(frame) and ids.nunique() > 1:
            return (column,)
    return ()

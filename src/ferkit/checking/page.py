"""The page of `ferkit data show`: counts drawn, findings, and sheets of faces."""

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ferkit.checking.check import CheckResult, findings
from ferkit.faces.originals import read_row
from ferkit.files import write_text
from ferkit.reports.blocks import (
    Block,
    Face,
    Gallery,
    Heading,
    Headline,
    Picture,
    Sentences,
    Table,
    Terms,
)
from ferkit.reports.document import Document
from ferkit.reports.html import render_html
from ferkit.training.captions import CAPTION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Sheet = tuple[str, str, tuple[Face, ...]]

_PER_CLASS = 20
_PER_SHEET = 24
_BAR_HEIGHT = 0.34  # inches
_INK = "#1d2433"
_WARNINGS = frozenset({"Leak", "Warning"})
_COLOURS = {"train": "#1f4e8c", "no split": "#1f4e8c", "val": "#d98324", "test": "#9fb8d8"}


def write_page(result: CheckResult, out: Path, seen: tuple[bytes, str] | None = None) -> Path:
    """Write one self-contained html page.

    Args:
        result: What `check` found.
        out: The page, if it ends in .html, else a folder that gets `<dataset>.html`.

        seen: A png of what a network would see, and a sentence on it.

    Returns:
        The page.
    """
    html = render_html(_document(result, seen))
    page = out if out.suffix == ".html" else out / f"{result.index.name}.html"
    write_text(page, html)
    return page


def _document(result: CheckResult, seen: tuple[bytes, str] | None) -> Document:
    index = result.index
    classes = [(name, _faces_of(result, name)) for name in index.emotions]
    sheets = [sheet for sheet in _sheets(result) if sheet[2]]
    blocks: list[Block] = [
        Headline(((index.name, f"{len(index.emotions)} classes", _headline(result)),)),
        Heading("Classes", anchor="classes"),
        Picture("", draw_counts(result.counts), "Samples of each class and split", full=True),
        _counts_table(result.counts),
        Heading("Findings", anchor="findings"),
        Terms(tuple(_by_topic(findings(result))), _WARNINGS),
        *_seen(seen),
        Heading("Faces of each class", anchor="faces", short="Faces"),
    ]
    for name, faces in classes:
        blocks += [Heading(name, level=3), Gallery((), (((), faces),))]
    for number, (title, sentence, faces) in enumerate(sheets, start=1):
        heading = Heading(title, anchor=f"sheet-{number}")
        blocks += [heading, Sentences((sentence,), "note"), Gallery((), (((), faces),))]
    subtitle = f"{index.variant}, read from {index.root}"
    return Document(f"{index.name}: what it holds", tuple(blocks), subtitle)


def _seen(seen: tuple[bytes, str] | None) -> list[Block]:
    if seen is None:
        return []
    drawn, sentence = seen
    heading = Heading("What the network sees", anchor="seen")
    if not drawn:
        return [heading, Sentences((sentence,), "warning")]
    alt = "Prepared faces beside what augmentation makes of them"
    return [heading, Picture("", drawn, alt, f"{CAPTION} {sentence}", full=True)]


def _counts_table(counts: pd.DataFrame) -> Table:
    rows = ((str(name), *(f"{n:,}" for n in row)) for name, row in counts.iterrows())
    return Table(("Class", *map(str, counts.columns)), tuple(rows), total=True)


def _headline(result: CheckResult) -> tuple[tuple[str, str, str], ...]:
    people = len(set(result.index.frame["subject"].dropna()) - {""})
    across = result.identical.across
    leaked = across["train|val"] + across["train|test"]
    return (
        ("Samples", f"{len(result.index):,}", f"{people:,} subjects" if people else "no subjects"),
        ("Distinct images", f"{result.identical.distinct:,}", f"of {len(result.images):,}"),
        ("Also in train", f"{leaked:,}", "of val and test"),
    )


def _by_topic(found: list[tuple[str, str]]) -> list[tuple[str, tuple[str, ...]]]:
    topics = pd.Series([topic for topic, _ in found]).replace("", None).ffill()
    pairs = zip(topics, (words for _, words in found), strict=True)
    return [(t, tuple(words for _, words in group)) for t, group in groupby(pairs, lambda p: p[0])]


def draw_counts(counts: pd.DataFrame) -> bytes:
    """Draw samples a class as bars, stacked by split; a PNG.

    Args:
        counts: Classes in rows, splits in columns, with "all" and "total" as `check` has them.
    """
    import matplotlib as mpl

    from ferkit.reports.plots import render

    bars = counts.drop(index="total", columns="all")
    with mpl.rc_context({"text.parse_math": False}):  # a $ in a class' name is a $
        figure = _draw_bars(bars)
    return render(figure, "png")


def _draw_bars(bars: pd.DataFrame) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.4, 0.6 + _BAR_HEIGHT * len(bars)), layout="constrained")
    axes = figure.subplots()
    left = np.zeros(len(bars))
    for view in bars:
        axes.barh(
            bars.index, bars[view], left=left, label=view, color=_COLOURS[str(view)], height=0.7
        )
        left += bars[view].to_numpy()
    for place, total in enumerate(left):
        axes.text(total, place, f"  {total:,.0f}", va="center", fontsize=8, color=_INK)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.spines[["top", "right", "bottom", "left"]].set_visible(False)
    axes.tick_params(length=0, labelsize=8, labelbottom=False, labelcolor=_INK)
    if bars.shape[1] > 1:
        axes.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def _faces_of(result: CheckResult, label: str) -> tuple[Face, ...]:
    broken = result.images["row"][result.images["error"] != ""]
    rows = np.flatnonzero(result.index.frame["label"] == label)
    rows = rows[~np.isin(rows, broken)]
    chosen = (
        rows[np.unique(np.linspace(0, len(rows) - 1, _PER_CLASS).astype(int))]
        if len(rows)
        else rows
    )
    return _shown(result, chosen, [""] * len(chosen))


def _shown(result: CheckResult, rows: np.ndarray, captions: list[str]) -> tuple[Face, ...]:
    images = [read_row(result.index, int(row)) for row in rows]
    pairs = zip(images, captions, strict=True)
    return tuple(Face(image, words) for image, words in pairs if image is not None)


def _sheets(result: CheckResult) -> list[Sheet]:
    sheets = [
        _conflicts(
            result,
            result.identical.group,
            "One image, several labels",
            "The first of each group of identical images whose labels differ.",
            1,
        )
    ]
    if result.near:
        sheets.append(
            _conflicts(
                result,
                result.near.group,
                "Near copies, several labels",
                "Two of each group of near copies whose labels differ.",
                2,
            )
        )
    blank = result.images["row"][result.images["blank"]].to_numpy()[:_PER_SHEET]
    labels = result.index.frame["label"].iloc[blank].tolist()
    sentence = "Of one grey level, or all but black; left out when faces are prepared."
    return [*sheets, ("Blank images", sentence, _shown(result, blank, labels))]


def _conflicts(
    result: CheckResult, group: np.ndarray, title: str, sentence: str, shown: int
) -> Sheet:
    images = result.images.assign(group=group)
    images = images[(group >= 0) & (images["label"] != "")]
    several = images.groupby("group")["label"].transform("nunique") > 1
    rows: list[int] = []
    captions: list[str] = []
    for _, part in images[several].groupby("group"):
        if len(rows) >= _PER_SHEET:
            break
        if shown == 1:
            counts = part["label"].value_counts()
            captions.append(", ".join(f"{label} {n}" for label, n in counts.items()))
            rows.append(part["row"].iloc[0])
        else:
            pair = part.drop_duplicates("label").head(shown)
            captions += pair["label"].tolist()
            rows += pair["row"].tolist()
    return title, sentence, _shown(result, np.array(rows, int), captions)

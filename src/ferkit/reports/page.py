"""The report of a run: files for people and for programs, made from its folder alone."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from ferkit.files import FORMAT
from ferkit.printable import csv_frame
from ferkit.reports.content import Content, gather
from ferkit.reports.formats import write_files
from ferkit.reports.html import render_html
from ferkit.reports.markdown import render_markdown
from ferkit.reports.tables import confusion_shares, format_metric, marks, per_class_frame
from ferkit.runs.record import read_run


def write_report(run: Path, *, faces: bool = True) -> dict[str, Any]:
    """Make a run's report; made again from the same folder it has the very same bytes.

    Args:
        run: A run's folder, or one below its eval/.
        faces: Whether to show the thumbnails that the run kept; not for licensed data.

    Returns:
        What metrics.json holds.

    Raises:
        DataError: the folder has no predictions, a file of it is broken or of a higher format.
    """
    content = gather(read_run(run), faces=faces)
    metrics = {"format": FORMAT, "views": {view.name: view.metrics for view in content.views}}
    made = {
        "metrics.json": (json.dumps(metrics, indent=1, allow_nan=False) + "\n").encode(),
        "report.md": render_markdown(content).encode(),
        "report.html": render_page(content).encode(),
    }
    if content.curves:
        made["curves.png"] = content.curves["curves.png"]
    if content.synthetic:
        made["synthetic_faces.png"] = content.synthetic
    for view in content.views:
        made |= {
            f"per_class{view.suffix}.csv": _csv(per_class_frame(view.metrics), index=False),
            f"confusion_matrix{view.suffix}.csv": _csv(view.matrix),
            f"confusion_shares{view.suffix}.csv": _csv(confusion_shares(view.matrix)),
            f"confusion_matrix{view.suffix}.png": view.pictures["confusion_matrix.png"],
        }
    write_files(run / "report", made.items())
    return metrics


def _csv(frame: pd.DataFrame, *, index: bool = True) -> bytes:
    label = "true \\ predicted" if index else None
    text: str = csv_frame(frame).to_csv(index=index, index_label=label, lineterminator="\n")
    return text.encode()


def render_page(content: Content) -> str:
    """Write the self-contained html page: its pictures lie inside, nothing is loaded."""
    return render_html("page.html.jinja", content=content, marks=marks, show=format_metric)

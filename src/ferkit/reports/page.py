"""The report of a run: files for people and for programs, made from its folder alone."""

import json
from pathlib import Path
from typing import Any

from ferkit.files import FORMAT
from ferkit.reports.content import report_document
from ferkit.reports.document import picture_files
from ferkit.reports.formats import render, write_files
from ferkit.reports.views import measure_view, view_files
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
    record = read_run(run)
    views = [
        measure_view(name, "" if number == 0 else f"_{name}", frame)
        for number, (name, frame) in enumerate(record.predictions.items())
    ]
    document = report_document(record, views, faces=faces)
    metrics = {"format": FORMAT, "views": {view.name: view.metrics for view in views}}
    made = {
        "metrics.json": (json.dumps(metrics, indent=1, allow_nan=False) + "\n").encode(),
        **render(document, "report"),
        **picture_files(document),
    }
    for view in views:
        made |= view_files(view)
    write_files(run / "report", made.items())
    return metrics

"""A finished run, as Python sees it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ferkit.errors import DataError, unknown
from ferkit.printable import in_words
from ferkit.runs.folder import RunFolder, open_run

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ferkit.commands.model import Model


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: Where it lives.
        metrics: View to the metrics of report/metrics.json.
    """

    folder: Path
    metrics: dict[str, dict[str, Any]]

    @property
    def epochs(self) -> "pd.DataFrame":
        """The metrics of every epoch, a row each."""
        import pandas as pd

        from ferkit.runs.read import read_rows

        return pd.DataFrame(read_rows(self.folder)).drop(columns="format", errors="ignore")

    def predictions(self, view: str | None = None) -> "pd.DataFrame":
        """The predictions of a view: key, label, predicted and p_<emotion>, a row a face.

        Args:
            view: E.g. "val" or "test"; by default the first that was reported.

        Raises:
            DataError: the view was not predicted, or its file is damaged.
        """
        return RunFolder(self.folder).read_predictions(self._view(view))

    def plot_confusion(self, view: str | None = None) -> "Figure":
        """The confusion matrix of a view, true class in rows, as a matplotlib figure.

        Args:
            view: As `predictions` takes it.

        Raises:
            DataError: as `predictions`.
        """
        from ferkit.evaluation.metrics import confusion_frame
        from ferkit.reports.plots import draw_confusion, shown_by_notebooks

        view = self._view(view)
        words = f"Confusion matrix, {in_words(view)}"
        return shown_by_notebooks(draw_confusion(confusion_frame(self.predictions(view)), words))

    def model(self, device: str = "auto") -> "Model":
        """The classifier with its best weights."""
        from ferkit.commands.model import load_model

        return load_model(self.folder, device)

    def _view(self, view: str | None) -> str:
        found = sorted(path.stem for path in (self.folder / "predictions").glob("*.parquet"))
        if not found:
            raise DataError(
                f"{self.folder} holds no predictions; predict with evaluate(run, 'view=val')."
            )
        if view is None:
            return next((name for name in (*self.metrics, "val") if name in found), found[0])
        if view not in found:
            raise DataError(unknown("view", view, found))
        return view


def load_run(folder: str | Path) -> Run:
    """The run in a folder.

    Raises:
        DataError: the folder is no run, or its files are damaged.
    """
    run, _ = open_run(Path(folder))
    return Run(run.folder, dict(run.read_json("report/metrics.json").get("views") or {}))

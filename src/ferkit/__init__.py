"""ferkit: train and evaluate facial-expression classifiers, honestly.

The words of the shell from Python; docs/python.md shows more:

    from ferkit import compose, train, evaluate, load_model
    run = train(compose("dataset=fer2013", "trainer.max_epochs=3"))
    run.metrics["val"]["accuracy"], run.predictions(), run.plot_confusion()
    metrics = evaluate(run.folder, "view=test")
    model = load_model(run.folder)
    model.predict("photo.jpg")
"""

import warnings
from typing import Any

# captum and timm bring tqdm's notebook bars, which warn in red without ipywidgets; ours need none
warnings.filterwarnings("ignore", message="IProgress not found")
__version__ = "0.1.0"
__all__ = ["__version__", "compose", "evaluate", "load_model", "load_run", "train"]

_HOMES = {
    "compose": "ferkit.composition",
    "train": "ferkit.commands.train",
    "evaluate": "ferkit.commands.eval",
    "load_model": "ferkit.commands.model",
    "load_run": "ferkit.commands.run",
}


def __getattr__(name: str) -> Any:
    # Imported when asked for, so that `ferkit --help` waits for neither torch nor Hydra.
    if name not in _HOMES:
        raise AttributeError(f"module 'ferkit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__doc__", "__file__", "__name__", "__path__"])

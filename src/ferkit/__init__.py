"""ferkit: train and evaluate facial-expression classifiers, honestly.

The words of the shell from Python:

    from ferkit import compose, train, evaluate, load_model
    run = train(compose("dataset=fer2013", "trainer.max_epochs=3"))
    metrics = evaluate(run.folder)
    model = load_model(run.folder)
"""

from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "compose", "evaluate", "load_model", "train"]

_HOMES = {
    "compose": "ferkit.composition",
    "train": "ferkit.commands.train",
    "evaluate": "ferkit.commands.eval",
    "load_model": "ferkit.model",
}


def __getattr__(name: str) -> Any:
    # Imported when asked for, so that `ferkit --help` waits for neither torch nor Hydra.
    if name not in _HOMES:
        raise AttributeError(f"module 'ferkit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)

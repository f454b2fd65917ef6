"""Runs that saw less than their trial asks for are called quick wherever they are shown."""

from collections.abc import Iterable

from ferkit.studies.runs import AS_PUBLISHED, StudyRun


def quick(run: StudyRun, epochs: int | None) -> str:
    """Say that a run saw less than its trial asks for, or nothing.

    Args:
        run: The run.
        epochs: Those that the trial asks for, or None where it does not say.
    """
    trainer = run.config.get("trainer") or {}
    counts = (run.record.data.get("counts") or {}).get("train") or {}
    said = []
    if trainer.get("max_images") or trainer.get("max_train_images"):
        limit = trainer.get("max_train_images") or trainer["max_images"]
        said.append(f"{sum(counts.values()) or limit:,} training images")
    if trainer.get("max_images"):
        said.append(f"at most {trainer['max_images']:,} images of every other view")
    asked = trainer.get("max_epochs")
    if asked and (said or (epochs and asked < epochs)):
        said.append(f"{asked} epoch{'s' * (asked != 1)}")
    return f"quick: {', '.join(said)}" if said else ""


def quick_notes(
    runs: Iterable[tuple[StudyRun, int | None, int | None]],
) -> tuple[str, ...]:
    """One sentence for each way in which runs of a table were shortened.

    Args:
        runs: Each with its trial's epochs as the experiment asks for them, and as published.
    """
    said: dict[tuple[str, int | None], list[str]] = {}
    for run, asked, published in runs:
        if words := quick(run, asked):
            name = run.trial if run.variant == AS_PUBLISHED else f"{run.trial} ({run.variant})"
            said.setdefault((words, published), []).append(name)
    return tuple(
        f"{words} ({', '.join(dict.fromkeys(names))})"
        + (f"; the published value is of {published} epochs." if published else ".")
        for (words, published), names in said.items()
    )

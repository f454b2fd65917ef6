"""The published values of the studies, one yaml a study, each metric with its place.

Every yaml has `format`, `study`, `title`, `document`, `needs` (what the first trial is trained on),
`labels` (the study's own order), `trials`
(by the names of the experiments), `others` (published metrics that no table of ours holds: what,
published, place) and `caveats` (a word to a sentence; a report says each where it matters). The
rest is the study's own. Metrics stand as published, and a print has no interval.
"""

from importlib.resources import files
from typing import Any

from ferkit.errors import ConfigError, unknown


def studies() -> list[str]:
    """The studies whose metrics are here.

    >>> studies()[0]
    'athanasiadis2022'
    """
    found = (entry.name for entry in files("ferkit.studies.published").iterdir())
    return sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml"))


def read_published(study: str) -> dict[str, Any]:
    """What a study published.

    Raises:
        ConfigError: no study has this name.
    """
    import yaml  # type: ignore[import-untyped, unused-ignore]

    if study not in studies():
        raise ConfigError(unknown("study", study, studies()))
    text = (files("ferkit.studies.published") / f"{study}.yaml").read_text(encoding="utf-8")
    published: dict[str, Any] = yaml.safe_load(text)
    return published

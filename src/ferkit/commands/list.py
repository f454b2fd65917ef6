"""`ferkit list [group] [pattern]`: what can be chosen, each with a line of what it is."""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from ferkit.composition import choices, list_groups
from ferkit.errors import ConfigError, unknown
from ferkit.packaged import metrics_of, names
from ferkit.targets import configs_dir

MODELS = "model"  # no group of configs: what `ferkit predict model=` takes by name


def main(words: Sequence[str]) -> int:
    """Print groups, or the choices of one."""
    groups = [*list_groups(), MODELS]
    if not words:
        for group in groups:
            print(f"{group:<11} {', '.join(_choices(group))}")
        return 0
    if words[0] not in groups:
        raise ConfigError(unknown("group", words[0], groups))
    pattern = words[1] if len(words) > 1 else "*"
    found = [c for c in _choices(words[0]) if fnmatch(c, pattern)]
    if not found:
        raise ConfigError(unknown(words[0], pattern, _choices(words[0])))
    width = max(map(len, found))
    for choice in found:
        print(f"{choice:<{width}}  {what_it_is(words[0], choice)}")
    return 0


def _choices(group: str) -> list[str]:
    return names() if group == MODELS else choices(group)


def what_it_is(group: str, choice: str) -> str:
    """The first comment line of a choice's yaml; of a packaged model what it is, with metrics."""
    if group == MODELS:
        return _of_model(choice)
    for folder in (Path("ferkit_configs"), configs_dir()):
        path = folder / group / f"{choice}.yaml"
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines()
            comments = [line[1:].strip() for line in lines if line.startswith("#")]
            return next((c for c in comments if not c.startswith("@package")), "")
    return ""


def _of_model(name: str) -> str:
    found = metrics_of(name)
    views = "; ".join(
        f"{view}: accuracy {metrics['accuracy']:.3f}, macro F1 {metrics['macro_f1']:.3f}"
        for view, metrics in found["views"].items()
    )
    return f"{found['what']} ({views}; docs/model_card.md)"

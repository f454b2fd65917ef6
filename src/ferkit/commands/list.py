"""`ferkit list [group] [pattern]`: what can be chosen, each with a line of what it is."""

from collections.abc import Sequence
from fnmatch import fnmatch

from ferkit.errors import ConfigError, unknown
from ferkit.tree import choices, list_groups, what_it_is


def main(words: Sequence[str]) -> int:
    """Print groups, or the choices of one."""
    groups = list_groups()
    if not words:
        for group in groups:
            print(f"{group:<11} {', '.join(choices(group))}")
        return 0
    if words[0] not in groups:
        raise ConfigError(unknown("group", words[0], groups))
    pattern = words[1] if len(words) > 1 else "*"
    found = [c for c in choices(words[0]) if fnmatch(c, pattern)]
    if not found:
        raise ConfigError(unknown(words[0], pattern, choices(words[0])))
    width = max(map(len, found))
    for choice in found:
        print(f"{choice:<{width}}  {what_it_is(words[0], choice)}")
    return 0

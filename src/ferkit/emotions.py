"""Canonical labels, in FER-2013's own code order, and the names people write for them.

Codes never come from sorted folder names: alphabetical order puts neutral before sad and
silently permutes the last three of FER-2013's codes.
"""

from collections.abc import Sequence

from ferkit.errors import ConfigError, unknown

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt")

# Two-letter codes stay inside their dataset: "af" is afraid in KDEF and a folder in AffectNet.
_ALIASES = {
    "angry": ("anger", "ang", "mad"),
    "disgust": ("disgusted", "dis"),
    "fear": ("fearful", "afraid", "scared"),
    "happy": ("happiness", "joy", "hap", "smile"),
    "sad": ("sadness",),
    "surprise": ("surprised", "sur"),
    "neutral": ("neutrality", "neu", "natural"),
    "contempt": ("contemptuous", "con"),
}
_CANONICAL = {name: name for name in EMOTIONS} | {
    alias: name for name, aliases in _ALIASES.items() for alias in aliases
}


def canonical(name: str) -> str | None:
    """The canonical emotion that a name stands for, or None for an unknown one.

    >>> canonical("Happiness"), canonical("boredom")
    ('happy', None)
    """
    return _CANONICAL.get("".join(c for c in name.lower() if c not in " _-\t"))


def order(names: Sequence[str]) -> tuple[str, ...]:
    """Distinct names, canonical ones first and in canonical order, other ones after, sorted.

    >>> order(["sad", "bored", "angry", "sad"])
    ('angry', 'sad', 'bored')
    """
    present = set(names)
    return tuple(n for n in EMOTIONS if n in present) + tuple(sorted(present - set(EMOTIONS)))


def choose(asked: Sequence[str] | None, available: Sequence[str]) -> tuple[str, ...]:
    """The classes of a run: all that are available, or those asked for, canonically ordered.

    Raises:
        ConfigError: an asked name is none of the available ones.
    """
    if not asked:
        return tuple(available)
    chosen = []
    for name in asked:
        found = name if name in available else canonical(name)
        if found not in available:
            raise ConfigError(unknown("emotion", name, available))
        chosen.append(found)
    return tuple(n for n in available if n in chosen)

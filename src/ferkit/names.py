"""Names in a config that become file names."""

import unicodedata

from ferkit.errors import ConfigError

_LONGEST = 100  # bytes: a view's name stands in the names of several files


def check_name(name: object, where: str) -> None:
    """Refuse what cannot be a file's name, or would lead out of its folder.

    Any Unicode is accepted, but for path separators, control characters and a leading dot.

    Raises:
        ConfigError: the name cannot be used.
    """
    text = str(name)
    odd = [c for c in text if c in "/\\" or unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    if not isinstance(name, str) or not text.strip() or text.startswith(".") or odd:
        raise ConfigError(
            f"{where} has the name {text[:60]!r}, which becomes a file's name: give one without "
            "path separators, control characters or a leading dot."
        )
    if len(text.encode()) > _LONGEST:
        raise ConfigError(f"{where} has the name {text[:60]!r}..., longer than {_LONGEST} bytes.")

"""The address of a sweep's database; a password in it is refused before anything repeats it."""

import re
from collections.abc import Sequence
from urllib.parse import unquote

from ferkit.errors import ConfigError

SCHEME = "postgresql://"
WANTED = f"storage= takes {SCHEME}USER@HOST/DATABASE, a database that all workers reach"
_KEY = re.compile(r"[+~]*stor\w*\s*[=@]", re.IGNORECASE)  # mistyped keys are repeated in errors
_ANY_SCHEME = re.compile(r"postgres\w*(\+\w+)?:/*|[\w+]+://", re.IGNORECASE)
_USER = re.compile(r"[^:/?@]*:[^@]*@")  # a password may hold any sign but @
_NAMED = re.compile(r"(password|passwd|pwd)\s*=", re.IGNORECASE)


def refuse_password(words: Sequence[str]) -> None:
    """Refuse an address that holds a password, without repeating it.

    Raises:
        ConfigError: one of the words does.
    """
    if any(_is_secret(unquote(unquote(word))) for word in words):
        raise ConfigError(
            "storage= holds a password, which every user of this machine can read in the list of "
            "processes; leave it out of the address, put it into the environment variable "
            "PGPASSWORD or into ~/.pgpass (mode 600), and change it, since it has been shown."
        )


def _is_secret(word: str) -> bool:
    key, start = _KEY.match(word), word.lower().find("postgres")
    if not key and start < 0:
        return False
    value = word[key.end() if key else start :].strip(" \"'")
    scheme = _ANY_SCHEME.match(value)
    return bool(_NAMED.search(value) or _USER.match(value, scheme.end() if scheme else 0))


def check_address(address: str) -> str:
    """The address of a database as SQLAlchemy takes it, for psycopg.

    Raises:
        ConfigError: it holds a password, or is of another kind.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    refuse_password([f"storage={address}"])
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise ConfigError(f"The value of storage= is no address; {WANTED}.") from None
    if not address.startswith(SCHEME) or not url.database:
        raise ConfigError(f"storage={address} is not supported; {WANTED}.")
    return url.set(drivername="postgresql+psycopg").render_as_string()

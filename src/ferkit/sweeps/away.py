"""What a worker does when the database of its study does not answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import SQLAlchemyError

from ferkit.errors import DataError
from ferkit.log import log

if TYPE_CHECKING:
    from ferkit.sweeps.shared import Shared

AWAY = (SQLAlchemyError, StorageInternalError)


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Say in a sentence that the database does not answer.

    Raises:
        DataError: it does not.
    """
    try:
        yield
    except AWAY as error:
        reason = _reason(error)
        advice = (
            "Put the password into PGPASSWORD or ~/.pgpass"
            if "password" in reason
            else "Start the server or put the address right"
        )
        raise DataError(f"{where}: {reason}. {advice}, then give the same words again.") from None


def _reason(error: BaseException) -> str:
    """The database's own sentence; it names user and host, never a password."""
    while isinstance(error, StorageInternalError) and error.__cause__:
        error = error.__cause__
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error).__name__


@contextmanager
def patient(shared: "Shared | None") -> Iterator[None]:
    """Bear that the database is away for as long as no other worker takes this one for dead.

    Raises:
        SQLAlchemyError, StorageInternalError: it stayed away.
    """
    try:
        yield
    except AWAY as error:
        if shared is None:
            raise
        now = time.monotonic()
        if shared.lost_since is None:
            shared.lost_since = now
            log.warning(f"the database is away ({_reason(error)}); trials go on")
        if now - shared.lost_since > shared.stale_after:
            raise
        time.sleep(1)
    else:
        if shared is not None and shared.lost_since is not None:
            log.info("the database is back")
            shared.lost_since = None

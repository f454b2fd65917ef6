"""Errors of the system, of memory and of the GPU, in a sentence each."""

import errno

from ferkit.errors import DataError, FerkitError
from ferkit.printable import one_line

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def explain(error: Exception) -> FerkitError | None:
    """The sentence for what is no fault of ferkit, None for what is one."""
    if isinstance(error, FerkitError):
        return error
    if isinstance(error, OSError):
        return DataError(system_error(error))
    if isinstance(error, MemoryError) or _is_memory(error):
        return DataError(
            f"There is not enough memory ({one_line(str(error))[:160] or 'MemoryError'}); "
            "take a smaller trainer.batch_size, trainer.max_images or faces.size, or end other "
            "programs."
        )
    if _is_lost_process(error):
        return DataError(
            f"Another process of this training is lost ({one_line(str(error))[:160]}); its own "
            "message or that of torchrun says why; give the same command with resume=RUN."
        )
    if isinstance(error, RecursionError):
        return DataError("A file or a value is nested too deeply to be read; flatten it.")
    return None


def system_error(error: OSError) -> str:
    """What the system refused, where, and what to do."""
    what = error.strerror or str(error) or type(error).__name__
    name = str(error.filename) if error.filename is not None else ""
    where = f"{name[:60]}..." if len(name) > 200 else name or "A file"
    if error.errno in _FULL:
        return f"{where} cannot be written ({what}): free some space, or write elsewhere."
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"{where}: {what}; change its permissions, or give another path."
    return f"{where}: {what}; give a path that can be read and written."


def _is_lost_process(error: Exception) -> bool:
    # torch's own classes (DistBackendError and others) for NCCL, without importing it
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return "DistError" in kinds or (isinstance(error, RuntimeError) and "gloo" in str(error))


def _is_memory(error: Exception) -> bool:
    # torch's own classes, without importing it
    said = "allocate memory" in str(error) or "out of memory" in str(error)
    return type(error).__name__ == "OutOfMemoryError" or (isinstance(error, RuntimeError) and said)

"""One training in several processes, begun by torchrun: who this process is, what all agree on.

torchrun gives every process its number (RANK), their count (WORLD_SIZE) and its number on this
machine (LOCAL_RANK). The first process alone claims the run's folder, writes and logs.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar

from ferkit.errors import ConfigError

Value = TypeVar("Value")
_PATIENCE = timedelta(days=7)  # the others wait while the first prepares a dataset or reports


def number() -> int:
    """The number of this process, from 0; 0 where it is the only one."""
    return _asked("RANK", 0) if count() > 1 else 0


def count() -> int:
    """How many processes train together."""
    return _asked("WORLD_SIZE", 1)


def is_first() -> bool:
    """Whether this process is the one that writes and logs."""
    return number() == 0


def _asked(name: str, otherwise: int) -> int:
    value = os.environ.get(name, "")
    return int(value) if value.isdecimal() and int(value) >= otherwise else otherwise


def own_gpu() -> str:
    """The GPU of this process among those of its machine; "cuda" where it is the only process."""
    return f"cuda:{_asked('LOCAL_RANK', 0)}" if count() > 1 else "cuda"


def begun_by() -> list[str]:
    """The words before `ferkit` that begin as many processes; none for a single one."""
    if count() == 1:
        return []
    here = _asked("LOCAL_WORLD_SIZE", 1)
    machines = "--standalone" if here == count() else f"--nnodes={count() // here}"
    return ["torchrun", machines, f"--nproc-per-node={here}", "-m"]


def joined(held: ExitStack) -> None:
    """Meet the other processes, until `held` ends; nothing to do for a single one.

    Raises:
        ConfigError: the environment names several processes, but torchrun began none of them.
    """
    if count() == 1:
        return
    missing = [
        k for k in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT") if k not in os.environ
    ]
    if missing:
        raise ConfigError(
            f"WORLD_SIZE={count()} asks for several processes, but {missing[0]} is not set; begin "
            f"them with `torchrun --nproc-per-node={count()} -m ferkit train ...`, or unset "
            "WORLD_SIZE."
        )
    import torch
    from torch import distributed
    from torch.distributed.rendezvous import rendezvous

    if torch.cuda.is_available():
        torch.cuda.set_device(_asked("LOCAL_RANK", 0) % torch.cuda.device_count())
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    store, rank, world = next(rendezvous("env://", timeout=_PATIENCE))
    distributed.init_process_group(
        backend, store=store, rank=rank, world_size=world, timeout=_PATIENCE
    )

    def leave(failed: type[BaseException] | None, *_: object) -> None:
        if failed is None:
            _until_all_are_done(store)
        distributed.destroy_process_group()

    held.push(leave)


def _until_all_are_done(store: Any) -> None:
    """Wait for the others: gloo gives up what it still exchanges once one of them has left."""
    store.add("ferkit/done", 1)
    with suppress(RuntimeError):  # the first holds the store itself where no torchrun does
        while store.add("ferkit/done", 0) < count():
            time.sleep(0.02)


def spoken() -> str:
    """Which process a message comes from, "" of the first.

    The others are late with theirs: what they all say has ended them before, by torchrun.
    """
    if is_first():
        return ""
    time.sleep(3)
    return f"process {number()} of {count()}: "


def wait() -> None:
    """Wait until every process is here; on the CPU, so that no GPU spins."""
    if count() > 1:
        import torch
        from torch import distributed

        distributed.all_reduce(torch.zeros(1))


def agreed(value: Value) -> Value:
    """What the first process has, for all.

    Args:
        value: Plain numbers, texts, lists and dicts.
    """
    if count() == 1:
        return value
    import torch
    from torch import distributed

    found = [value]
    distributed.broadcast_object_list(found, device=torch.device("cpu"))
    return found[0]


@contextmanager
def first_before_others() -> Iterator[None]:
    """Let the first process go through alone; the others then find what it has prepared.

    Where it fails the others are ended by torchrun, while they wait.
    """
    if not is_first():
        wait()
    yield
    if is_first():
        wait()

"""Preparing by several jobs that share a disk: whose a chunk is, and who is at work.

Every job writes its chunks into the store's unfinished folder and holds a lock of its own there.
It takes that lock while it holds the store's, so that whoever holds the store's lock can wait for
all jobs at work and knows that no other begins: that is how the chunks are joined.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ferkit.errors import ConfigError
from ferkit.faces.store import FaceStore
from ferkit.locks import HeldError, held

Item = TypeVar("Item")


@dataclass(frozen=True)
class Shard:
    """One of the jobs that prepare a store together.

    Attributes:
        number: 0 to `of` - 1.
        of: How many there are.
    """

    number: int = 0
    of: int = 1

    def own(self, chunks: Mapping[int, Item]) -> dict[int, Item]:
        """Every `of`-th chunk: what one job has done alone before leaves all others as much."""
        return dict(list(chunks.items())[self.number :: self.of])

    def __str__(self) -> str:
        return f"shard={self.number} of shards={self.of}"


WHOLE = Shard()


@dataclass(frozen=True)
class PartDone:
    """What one shard has done, and what is left to others.

    Attributes:
        folder: Of the store, made or to be made.
        store: None as long as chunks are missing.
        made: Images that were prepared now.
        total: Images of the dataset.
        missing: Number of a shard to how many of its images are not prepared yet.
    """

    folder: Path
    store: FaceStore | None
    made: int
    total: int
    missing: dict[int, int]


def choose_shard(shards: int | None, shard: int | str | None) -> Shard | None:
    """The shard that `shards=N shard=K` name; None where neither is given.

    Raises:
        ConfigError: one is given without the other, or `shard` is none of 0 to N - 1.
    """
    if shards is None and shard is None:
        return None
    if shards is None or shards < 1:
        found = "" if shards is None else f", not {shards}"
        raise ConfigError(f"shards= must be how many shards there are, 1 or more{found}.")
    number = "" if shard is None else str(shard).strip()
    if not (number.isascii() and number.isdecimal() and int(number) < shards):
        raise ConfigError(
            f"shard={number} is no shard of shards={shards}; give a number from 0 to {shards - 1}, "
            f"in a job of `sbatch --array=0-{shards - 1}` shard=$SLURM_ARRAY_TASK_ID."
        )
    return Shard(int(number), shards)


@contextmanager
def at_work(parts: Path, shard: Shard) -> Iterator[None]:
    """Be the one process that prepares a shard; taken while the store's lock is held.

    Raises:
        ConfigError: another process prepares it.
    """
    lock = parts / f"shard-{shard.number}-of-{shard.of}.lock"
    with ExitStack() as stack:
        try:
            stack.enter_context(held(lock, str(shard), wait=False))
        except HeldError as error:
            raise ConfigError(
                f"{shard} is being prepared already ({error}); let that finish, or end it and give "
                "the same command again: what it made is kept."
            ) from None
        yield


def begun_apart(folder: Path) -> list[Path]:
    """Unfinished stores of the same dataset with other settings or files that shards began."""
    dataset = folder.name.rpartition("-")[0]
    parts = sorted(folder.parent.glob(f".{dataset}-*.partial"))
    own = f".{folder.name}.partial"
    return [part for part in parts if part.name != own and any(part.glob("shard-*.lock"))]


def wait_for_shards(parts: Path) -> None:
    """Wait until no shard is at work; the store's lock, which is held, lets no other begin."""
    for lock in sorted(parts.glob("shard-*.lock")):
        with held(lock, f"{lock.stem} in {parts}"):
            pass


def by_shard(chunks: Iterable[int], lacking: Mapping[int, int], of: int) -> dict[int, int]:
    """Number of a shard to how many of its images are lacking.

    Args:
        chunks: First row of each chunk, in order.
        lacking: First row of each chunk that is not there, to how many images it has.
    """
    images: Counter[int] = Counter()
    for position, start in enumerate(chunks):
        images[position % of] += lacking.get(start, 0)
    return {number: count for number, count in sorted(images.items()) if count}


def ranges(numbers: Iterable[int]) -> str:
    """Numbers as Slurm's `--array` takes them.

    >>> ranges([2, 3, 4, 7])
    '2-4,7'
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)

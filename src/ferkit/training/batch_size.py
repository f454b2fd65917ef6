"""The batch size that fits a device: `trainer.batch_size=auto`, and what to say where none did."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import torch
from torch import nn

from ferkit.errors import ConfigError
from ferkit.losses import needs_features
from ferkit.model import FaceClassifier

ON_CPU = 64  # images; a CPU gains nothing from more
LARGEST = 4096
_HEADROOM = 0.85  # of a GPU's memory, for the optimizer's state and what varies between steps
_CPU_WORDS = "can't allocate memory"  # of torch's allocator, which raises a plain RuntimeError
Try = Callable[[int], None]


def choose_batch_size(attempt: Try, images: int, device: torch.device) -> int:
    """The largest power of two that fits the device and the training view.

    Args:
        attempt: Runs a step of so many images; runs out of memory where they do not fit.
        images: Of the training view.

    Raises:
        ConfigError: not even two images fit.
    """
    largest = max(2, min(LARGEST, images))
    if device.type == "cpu":
        return min(ON_CPU, largest)
    fitting = largest_that_fits(attempt, largest, device)
    if fitting is None:
        raise ConfigError(
            f"trainer.batch_size=auto: not even 2 images fit the memory of {device}; take a "
            "smaller backbone or faces.size, or trainer.device=cpu."
        )
    return fitting


def largest_that_fits(attempt: Try, largest: int, device: torch.device) -> int | None:
    """The largest power of two up to `largest` whose step fits, or None."""
    fitting, size = None, 2
    while size <= largest and _fits(attempt, size, device):
        fitting, size = size, 2 * size
    return fitting


def _fits(attempt: Try, size: int, device: torch.device) -> bool:
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    try:
        attempt(size)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return False
    if not cuda:
        return True
    total = torch.cuda.get_device_properties(device).total_memory
    return torch.cuda.max_memory_allocated(device) < _HEADROOM * total


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or on the CPU."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or _CPU_WORDS in str(error)


def attempt_of(
    model: FaceClassifier,
    loss: nn.Module,
    device: torch.device,
    autocast: torch.autocast,
    frames: int | None = None,
) -> Try:
    """A forward and backward pass over grey images; nothing of the model is changed for good."""
    shape = (model.channels, model.size, model.size)

    def attempt(size: int) -> None:
        images = torch.zeros(size, *((frames,) if frames else ()), *shape, device=device)
        targets = torch.zeros(size, dtype=torch.int64, device=device)
        kept = {name: tensor.clone() for name, tensor in model.named_buffers()}
        try:
            with autocast:
                found = model.scores_and_features(images) if needs_features(loss) else model(images)
            scores, *features = found if isinstance(found, tuple) else (found,)
            loss(scores.float(), targets, *features).backward()
        finally:
            for parameter in (*model.parameters(), *loss.parameters()):
                parameter.grad = None
            for name, tensor in model.named_buffers():  # batch statistics
                with torch.no_grad():
                    tensor.copy_(kept[name])

    return attempt


@contextmanager
def memory_explained(attempt: Try, batch_size: int, device: torch.device) -> Iterator[None]:
    """Answer "out of memory" with the largest batch that fits.

    Raises:
        ConfigError: memory ran out in here.
    """
    try:
        yield
        return
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # out of the handler: the error holds on to what the failed step had allocated
    found = None
    with suppress(RuntimeError, MemoryError):
        found = largest_that_fits(attempt, max(2, batch_size // 2), device)
    advice = (
        f"the largest batch that fits is trainer.batch_size={found}"
        if found
        else "not even 2 images fit; take a smaller backbone or faces.size"
    )
    raise ConfigError(
        f"trainer.batch_size={batch_size} does not fit the memory of {device}: {advice}; "
        "trainer.batch_size=auto finds it, in a new run."
    )

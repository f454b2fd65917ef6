"""The device and the precision that words stand for."""

import gc
import sys
from contextlib import suppress

import torch

from ferkit import processes
from ferkit.errors import ConfigError

_BF16_CAPABILITY = (8, 0)  # Ampere, the first with units for it; older GPUs emulate it


def choose_device(name: str) -> torch.device:
    """The torch device that a word stands for; "auto" is the GPU where there is one.

    On CUDA, float32 is computed in full from here on: by default cuDNN's convolutions are TF32,
    with ten bits of mantissa, so that scores and prepared faces would depend on the GPU.

    Args:
        name: auto | cpu | cuda | cuda:<n> | mps (Apple's GPUs).

    Raises:
        ConfigError: the word is no device, or there is none of it here.
    """
    device = _named(name)
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    return device


def _named(name: str) -> torch.device:
    if name == "auto":
        found = [kind for kind, here in _gpus().items() if here]
        name = found[0] if found else "cpu"
        if processes.count() == 1:
            return torch.device(name)
    if name == "cuda":
        name = processes.own_gpu()
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device {name!r} is none of auto, cpu, cuda, cuda:<n>, mps.") from None
    if device.type == "mps" and not _gpus()["mps"]:
        raise ConfigError("device 'mps': this is no Mac with a GPU that torch knows; take cpu.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device {name!r}: this machine shows {torch.cuda.device_count()} CUDA devices; "
            "take device=cpu, begin fewer processes or check the driver."
        )
    return device


def _gpus() -> dict[str, bool]:
    return {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype of autocast; float32 means none."""
    if name == "auto":
        return torch.bfloat16 if _has_bf16(device) else torch.float32
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[name]


def _has_bf16(device: torch.device) -> bool:
    # torch.cuda.is_bf16_supported counts emulation, and asks for the current device
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= _BF16_CAPABILITY


def device_of_job(name: str, number: int) -> str:
    """The device of a job among several: on many GPUs, "auto" is that at its number modulo them."""
    gpus = torch.cuda.device_count()
    return f"cuda:{number % gpus}" if name == "auto" and gpus > 1 else name


def free_memory(device: torch.device) -> int:
    """Bytes that are free; of a CUDA device with those that torch's allocator keeps for later."""
    if device.type != "cuda":
        return _free_of_system()
    free, _ = torch.cuda.mem_get_info(device)
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(free + kept)


def _free_of_system() -> int:
    return _linux_bytes("/proc/meminfo", "MemAvailable") or 4 << 30


def _linux_bytes(path: str, name: str) -> int:
    """A value in kB of a file in /proc, as bytes; 0 where the system has none."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            line = next(line for line in file if line.startswith(f"{name}:"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        return 0


def upload(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A copy of a CPU tensor on a device; on CUDA nothing waits for it but what uses it."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)  # from pageable memory it would wait


def quick_layout(images: torch.Tensor) -> torch.Tensor:
    """Images [B, C, H, W] as the convolutions of a CPU are fastest, in channels_last.

    For forward passes alone, since a backward one may meet `training.memory_format`'s fault. Videos
    and what lies on a GPU stay as they are.
    """
    if images.device.type != "cpu" or images.dim() != 4:
        return images
    return images.clone(memory_format=torch.channels_last)  # .contiguous() leaves grey ones alone


def release_memory() -> None:
    """Give back the GPU memory of what nobody holds any more, before another run begins."""
    gc.collect()
    if torch.cuda.is_initialized() and not is_lost():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()


def is_lost() -> bool:
    """Whether the CUDA context of this process is broken: after an illegal access nothing works."""
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return False
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return True
    return False


def reset_peak_memory(device: torch.device) -> None:
    """Begin to count `peak_memory` anew, where the system can: a GPU's, and Linux' for a CPU."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as file:  # noqa: PTH123
        file.write("5")  # the largest resident size becomes that of now


def peak_memory(device: torch.device) -> int:
    """Bytes: of the GPU's allocator, else the largest resident size of this process; 0 unknown."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    # what getrusage gives on Linux counts the process that began this one too
    if largest := _linux_bytes("/proc/self/status", "VmHWM"):
        return largest
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

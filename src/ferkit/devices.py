"""The device and the precision that words stand for."""

import sys

import torch

from ferkit.errors import ConfigError


def choose_device(name: str) -> torch.device:
    """The torch device that a word stands for; "auto" is the GPU where there is one.

    Args:
        name: auto | cpu | cuda | cuda:<n> | mps (Apple's GPUs).

    Raises:
        ConfigError: the word is no device, or there is none of it here.
    """
    if name == "auto":
        found = [kind for kind, here in _gpus().items() if here]
        return torch.device(found[0] if found else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device {name!r} is none of auto, cpu, cuda, cuda:<n>, mps.") from None
    if device.type == "mps" and not _gpus()["mps"]:
        raise ConfigError("device 'mps': this is no Mac with a GPU that torch knows; take cpu.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device {name!r}: this machine shows {torch.cuda.device_count()} CUDA devices; "
            "take device=cpu or check the driver."
        )
    return device


def _gpus() -> dict[str, bool]:
    return {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype of autocast; float32 means none."""
    if name == "auto":
        fits = device.type == "cuda" and torch.cuda.is_bf16_supported()
        return torch.bfloat16 if fits else torch.float32
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[name]


def device_of_job(name: str, number: int) -> str:
    """The device of a job among several: on many GPUs, "auto" is that at its number modulo them."""
    gpus = torch.cuda.device_count()
    return f"cuda:{number % gpus}" if name == "auto" and gpus > 1 else name


def peak_memory(device: torch.device) -> int:
    """Bytes: of the GPU's allocator, else the largest resident size of this process; 0 unknown."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

"""The device and the precision that words stand for."""

import torch

from ferkit.errors import ConfigError


def choose_device(name: str) -> torch.device:
    """The torch device that a word stands for; "auto" is the GPU where there is one.

    Raises:
        ConfigError: the word is no device, or there is none of it here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device {name!r} is none of auto, cpu, cuda, cuda:<n>.") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device {name!r}: this machine shows {torch.cuda.device_count()} CUDA devices; "
            "take device=cpu or check the driver."
        )
    return device


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
    """Bytes: of the GPU's allocator, else the largest resident size of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

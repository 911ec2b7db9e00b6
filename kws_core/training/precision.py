"""The number format of the encoder's forward pass."""

import torch

from kws_core.errors import TrainingError


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """A context in which the encoder runs in `precision`: `float32`, or `bfloat16` by autocast.

    Raises:
        TrainingError: the device does not compute in bfloat16.
    """
    if precision == "bfloat16" and not has_bfloat16(device):
        raise TrainingError(
            f"training.precision = bfloat16 needs a device that computes in it, which {device} does not: use float32"
        )
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether the device has instructions for bfloat16; emulation, slower than float32, does not count."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return False

"""Sums as they are written down: what a program has allowed torch elsewhere does not reach into a run.

By default, or by a program's wish, torch may multiply float32 as TF32 or bfloat16, in whatever type ``autocast`` says,
and convolve by Winograd's or Fourier's transform, whose numbers between have fractions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch


@contextmanager
def full_precision(device: torch.device, *, gradients: bool = False) -> Iterator[None]:
    """Have float32 be float32, and convolutions on the CPU be sums of products; as it was before, afterwards.

    ``gradients`` lets torch take down what a backward pass needs.
    """
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in _switches()]
    with ExitStack() as left:
        if not gradients:
            left.enter_context(torch.no_grad())
        if torch.amp.is_autocast_available(device.type):
            left.enter_context(torch.autocast(device.type, enabled=False))
        left.enter_context(torch.backends.nnpack.flags(enabled=False))
        for owner, name, value in _switches():
            if getattr(owner, name) not in (value, "none"):
                setattr(owner, name, value)
        try:
            yield
        finally:
            for owner, name, value in before:
                if getattr(owner, name) != value:
                    setattr(owner, name, value)


def _switches() -> list[tuple[Any, str, Any]]:
    """Return who says how float32 is multiplied, under which name, and the value for all of its bits."""
    backends = torch.backends
    if hasattr(backends.cuda.matmul, "fp32_precision"):  # torch 2.9 and newer
        owners: tuple[Any, ...] = (
            backends.cuda.matmul,
            backends.cudnn.conv,  # type: ignore[attr-defined]
            backends.mkldnn.matmul,  # type: ignore[attr-defined]
            backends.mkldnn.conv,  # type: ignore[attr-defined]
        )
        return [(owner, "fp32_precision", "ieee") for owner in owners]
    return [(backends.cuda.matmul, "allow_tf32", False), (backends.cudnn, "allow_tf32", False)]

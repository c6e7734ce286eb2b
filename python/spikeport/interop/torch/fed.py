"""What a network is fed, as a tensor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikeport.backends.torch_device.draws import draw
from spikeport.errors import KernelError
from spikeport.kernels import sample_keys
from spikeport.kernels.checks import check_timesteps
from spikeport.kernels.encode import as_rates, check_seed
from spikeport.operations import Shape


def check_steps(T: Any) -> int:
    """Return a number of steps, or raise `KernelError` ``timesteps`` unless it is a whole number from 1 on."""
    check_timesteps(T)
    if T < 1:
        raise KernelError("timesteps", f"T {T!r} is no number of steps to learn from: give at least 1")
    return int(T)


def first_signal(x: Tensor, shape: Shape, timesteps: int, encoding: str, seed: int) -> Tensor:
    """Return the signal called "input", (timesteps, batch, *shape), or (1, batch, *shape) where no step differs.

    Raises `KernelError`: ``shape``, ``non_finite``, ``rate_range``, ``seed``.
    """
    x = _in_shape(x, shape, timesteps, encoding)
    if not bool(torch.isfinite(x).all()):
        raise KernelError("non_finite", "inputs hold NaN or infinity")
    if encoding == "poisson":
        check_seed(seed)
        rates = as_rates(x.detach().flatten(1).cpu().numpy().astype(np.float64))
        keys = torch.tensor(sample_keys(rates).view(np.int64))
        drawn = draw(torch.tensor(rates), keys, timesteps, int(seed))
        return drawn.to(x.device, x.dtype).reshape(timesteps, *x.shape)
    if encoding == "pulse":
        return torch.cat([x[None], torch.zeros((timesteps - 1, *x.shape), dtype=x.dtype, device=x.device)])
    return x if encoding == "spikes" else x[None]


def _in_shape(x: Tensor, shape: Shape, timesteps: int, encoding: str) -> Tensor:
    steps = ("T",) if encoding == "spikes" else ()
    lead = len(steps) + 1
    flat = x.ndim == lead + 1 and x.shape[-1] == math.prod(shape)
    if not flat and (x.ndim < lead or tuple(x.shape[lead:]) != shape):
        wanted = ", ".join(map(str, (*steps, "batch", *shape)))
        raise KernelError("shape", f"inputs have shape {tuple(x.shape)}: give ({wanted})")
    if steps and len(x) != timesteps:
        raise KernelError("shape", f"inputs have {len(x)} steps, and T is {timesteps}: leave T away")
    return x.reshape(*x.shape[:lead], *shape)

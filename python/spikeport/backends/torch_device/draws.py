"""Poisson draws on tensors: the hash of `spikeport.kernels.encode` in int64, which wraps modulo 2^64, too."""

from __future__ import annotations

import torch
from torch import Tensor


def draw(rates: Tensor, keys: Tensor, timesteps: int, seed: int) -> Tensor:
    """Return spikes (timesteps, batch, n), int8, for rates (batch, n) of float64 and keys (batch,) of int64."""
    spikes = torch.empty((timesteps, *rates.shape), dtype=torch.int8, device=rates.device)
    index = torch.arange(rates.shape[1], dtype=torch.int64, device=rates.device)
    start = _mix(torch.tensor(_signed(seed), dtype=torch.int64, device=rates.device) + GOLDEN)
    stream = _mix((start ^ keys) + GOLDEN)
    for t in range(timesteps):
        h = _mix((_mix((stream ^ t) + GOLDEN)[:, None] ^ index) + GOLDEN)
        u = _shifted(h, 11).to(torch.float64) * 2.0**-53
        spikes[t] = u < rates
    return spikes


def _signed(value: int) -> int:
    """Return the number of 64 bits with a sign that has the bits of ``value``."""
    return value - (1 << 64) if value >> 63 else value


GOLDEN = _signed(0x9E3779B97F4A7C15)
FIRST, SECOND = _signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB)


def _mix(z: Tensor) -> Tensor:
    z = (z ^ _shifted(z, 30)) * FIRST
    z = (z ^ _shifted(z, 27)) * SECOND
    return z ^ _shifted(z, 31)


def _shifted(z: Tensor, bits: int) -> Tensor:
    """Return the logical shift to the right; that of int64 is arithmetic."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)

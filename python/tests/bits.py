"""Comparing results bit for bit."""

import dataclasses

import numpy as np


def same_bits(one, other):
    """Whether two results are equal bit for bit, -0 and +0 apart: arrays, runs, nested sequences of them, None."""
    if dataclasses.is_dataclass(one):
        one, other = list(vars(one).values()), list(vars(other).values())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same_bits, one, other))
    if one is None or other is None:
        return one is other
    one, other = np.asarray(one), np.asarray(other)
    return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


def assert_same_bits(one, other):
    """Fail unless `same_bits`."""
    assert same_bits(one, other), f"{one}\n\nis not, bit for bit,\n\n{other}"

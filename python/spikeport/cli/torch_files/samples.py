"""Samples that ``torch.save`` wrote: a tensor, or a dict or a pair of samples and labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from spikeport.cli.app import fail
from spikeport.cli.torch_files.opening import names_in, opened

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.generic]

SUFFIXES: Final = (".pt", ".pth")
WAY_OUT: Final = 'Save tensors alone: torch.save({"x": samples, "y": labels}, path)'


def is_torch_file(path: Path) -> bool:
    """Whether a file is torch's, by its name or by what it holds."""
    return path.suffix in SUFFIXES or any(name.endswith("data.pkl") for name in names_in(path))


def samples_in(path: Path) -> tuple[Array, Array | None]:
    """Return the samples of a file and their labels where it has some, or leave with a message.

    A tensor is the samples; of a dict "x", or its only tensor, with any labels "y"; of a pair the first and the second.
    """
    import torch

    found: Any = opened(path, way_out=WAY_OUT)
    if isinstance(found, Mapping):
        tensors = {str(key): value for key, value in found.items() if isinstance(value, torch.Tensor)}
        name = "x" if "x" in tensors else next(iter(tensors), None) if len(tensors) == 1 else None
        if name is None:
            fail(f"{path} holds the tensors {', '.join(tensors) or '(none)'}: call the samples x, the labels y")
        found = (tensors[name], tensors.get("y") if name == "x" else None)
    pair = tuple(found) if isinstance(found, list | tuple) and len(found) == 2 else (found, None)
    if not isinstance(pair[0], torch.Tensor) or not isinstance(pair[1], torch.Tensor | None):
        fail(f"{path} holds a {type(found).__name__}: save a tensor of samples, or a dict of samples x and labels y")
    samples, labels = (None if tensor is None else _array(path, tensor) for tensor in pair)
    assert samples is not None  # the first of the pair is a tensor
    return samples, labels


def _array(path: Path, tensor: Any) -> Array:
    import torch

    if tensor.is_sparse or tensor.is_complex() or tensor.is_quantized:
        fail(f"{path} holds a tensor that is sparse, complex or quantised: save dense real numbers")
    narrow = tensor.dtype in (torch.bfloat16, torch.float16)  # NumPy has no bfloat16
    array: Array = (tensor.float() if narrow else tensor).detach().numpy()
    return array

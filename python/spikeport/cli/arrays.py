"""Arrays from files that users give: ``.npy`` and ``.npz``, torch's of tensors alone, never with pickle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from spikeport.cli.app import fail
from spikeport.cli.torch_files.samples import is_torch_file, samples_in

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.generic]


def load_samples(path: Path) -> tuple[Array, Array | None]:
    """Return the samples of a file, and their labels where it has some.

    A ``.npy`` file holds the samples; a ``.npz`` file holds them as ``x`` and any labels as ``y``, or one array of any
    name; a ``.pt`` file holds a tensor, a dict or a pair of the same. Leaves with a message where it is none of these.
    """
    samples, labels = _read(path)
    if samples.ndim < 2:
        fail(f"{path} holds an array of shape {samples.shape}: give one row per sample, (samples, values)")
    if labels is not None and (labels.shape != samples.shape[:1] or labels.dtype.kind not in "iu"):
        wanted = f"{len(samples)} whole numbers, one per sample"
        fail(f"{path}: the labels y have shape {labels.shape} and dtype {labels.dtype}: give {wanted}")
    return samples, labels


def load_labels(path: Path) -> Array:
    """Return the labels of a ``.npy`` file, or of the one array of a ``.npz``; leaves with a message for a table."""
    labels, _ = _read(path)
    if labels.ndim != 1:
        fail(f"{path} holds an array of shape {labels.shape}: give one label for each sample, (samples,)")
    return labels


def _read(path: Path) -> tuple[Array, Array | None]:
    import numpy as np

    if not path.is_file():
        fail(f"{path}: there is no such file")
    if is_torch_file(path):
        return samples_in(path)
    try:
        loaded: Any = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, BadZipFile):
        fail(f"{path} is no .npy or .npz file of plain arrays: write one with numpy.save, numpy.savez or torch.save")
    if isinstance(loaded, np.ndarray):
        return loaded, None
    with loaded:
        names = loaded.files
        name = "x" if "x" in names else names[0] if len(names) == 1 else None
        if name is None:
            fail(f"{path} holds the arrays {', '.join(names) or '(none)'}: call the samples x, the labels y")
        try:
            return loaded[name], loaded["y"] if "y" in names and name == "x" else None
        except (ValueError, EOFError, BadZipFile):
            fail(f"{path}: {name} is no plain array of numbers, or the file is damaged: write it again")

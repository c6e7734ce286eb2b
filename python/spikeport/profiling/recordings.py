"""Recordings in a file: a ``.npz`` with one or more arrays for each layer.

A key is ``layer`` or ``layer.spikes``, ``layer.voltages``, ``layer.gradients`` or ``layer.threshold``. Spikes and
voltages have the steps on their first axis, then the samples where there are three axes or more, then the neurons,
unless a layout says otherwise. Gradients have the training steps on their first axis, and one norm is taken of each.
Layers are in the order of the file.
"""

from __future__ import annotations

import zipfile
from os import PathLike
from typing import Any

import numpy as np

from spikeport.profiling.pathology import ProfilingError
from spikeport.profiling.profiler import SpikeProfiler

KINDS = ("spikes", "voltages", "gradients", "threshold")


def profile_recordings(
    path: str | PathLike[str], profiler: SpikeProfiler | None = None, layout: str | None = None
) -> SpikeProfiler:
    """Record what a ``.npz`` file holds and return the profiler.

    Raises ProfilingError (``file``) where it is no such file or a layer has no spikes; OSError where it cannot be read.
    """
    profiler = SpikeProfiler() if profiler is None else profiler
    layers: dict[str, dict[str, Any]] = {}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for key in arrays.files:
                name, _, kind = key.rpartition(".")
                if not name or kind not in KINDS:
                    name, kind = key, "spikes"
                layers.setdefault(name, {})[kind] = arrays[key]
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ProfilingError("file", f"{path} is not a .npz of plain arrays: {error}") from None
    except (AttributeError, TypeError):  # numpy returns the array itself for a .npy
        raise ProfilingError("file", f"{path} holds one array: save recordings with numpy.savez") from None
    if not layers:
        raise ProfilingError("file", f"{path} holds no arrays")
    for name, found in layers.items():
        if "spikes" not in found:
            raise ProfilingError("file", f"{path}: {name} has {', '.join(found)} but no spikes")
        _record(profiler, name, found, layout)
    return profiler


def _check_spikes(name: str, spikes: np.ndarray[Any, Any]) -> None:
    if spikes.dtype.kind not in "fiub":
        raise ProfilingError("file", f"{name} has dtype {spikes.dtype}: spikes are 0 and 1, or whole counts")
    if spikes.dtype.kind == "f":
        odd = spikes[np.isfinite(spikes) & (spikes != np.trunc(spikes))]
        if odd.size:
            raise ProfilingError(
                "file",
                f"{name} holds values such as {odd.flat[0]:.6g}, which are no spikes (0 and 1, or whole counts): a "
                "recording has one array of spikes for each layer, and weights or samples are none",
            )


def _record(profiler: SpikeProfiler, name: str, found: dict[str, Any], layout: str | None) -> None:
    spikes = found["spikes"]
    _check_spikes(name, spikes)
    if layout is None:
        default = {1: "N", 2: "TN", 3: "TBN", 4: "TBCH", 5: "TBCHW"}
        if spikes.ndim not in default:
            raise ProfilingError("layout", f"{name}: spikes of {spikes.ndim} axes need a layout")
        layout = default[spikes.ndim]
    threshold = found.get("threshold")
    profiler.record_step(
        name,
        spikes,
        voltages=found.get("voltages"),
        layout=layout,
        threshold=None if threshold is None else float(np.mean(threshold)),
    )
    for step, gradient in enumerate(np.atleast_1d(found.get("gradients", np.zeros(0)))):
        profiler.record_gradient(name, gradient, step=step)

"""Spikes to diagnosis: statistics, pathologies, reports, hooks.

- `SpikeProfiler`: `record_step` by hand, or `watch` a torch model; then `report`
- `ProfileReport`: `pathologies`, `layer_stats`, `summary`, `save_html`, `to_json`; `compare` two of them
- `register_neuron`: tell `watch` of another library's neurons
- `TrainerProfilerCallback` (transformers), `LightningProfilerCallback`: the same inside a trainer
- `LIF`: a torch neuron with a surrogate gradient, for trainings without another library

NumPy is enough for all but `watch` and what builds on it (torch), and pages (matplotlib).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spikeport.profiling.compare import Comparison, compare
from spikeport.profiling.pathology import Pathology, ProfilingError, Severity, Thresholds
from spikeport.profiling.profiler import SpikeProfiler
from spikeport.profiling.report import ProfileReport, schema
from spikeport.profiling.statistics import LayerStats
from spikeport.profiling.synaptic import Activity

if TYPE_CHECKING:
    from spikeport.profiling.callbacks import LightningProfilerCallback, TrainerProfilerCallback
    from spikeport.profiling.lif import LIF
    from spikeport.profiling.neurons import Neurons, Recording, register_neuron
    from spikeport.profiling.watch import Watch

__all__ = [
    "LIF",
    "Activity",
    "Comparison",
    "LayerStats",
    "LightningProfilerCallback",
    "Neurons",
    "Pathology",
    "ProfileReport",
    "ProfilingError",
    "Recording",
    "Severity",
    "SpikeProfiler",
    "Thresholds",
    "TrainerProfilerCallback",
    "Watch",
    "compare",
    "register_neuron",
    "schema",
]

_LAZY = {
    "LIF": "lif",
    "LightningProfilerCallback": "callbacks",
    "Neurons": "neurons",
    "Recording": "neurons",
    "TrainerProfilerCallback": "callbacks",
    "Watch": "watch",
    "register_neuron": "neurons",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"spikeport.profiling.{_LAZY[name]}"), name)

"""Spikes to diagnosis: statistics, pathologies, reports, hooks.

- `SpikeProfiler`: `record_step` by hand, or `watch` a torch model; then `report`
- `ProfileReport`: `pathologies`, `layer_stats`, `summary`, `save_html`, `to_json`; `compare` two of them
- `register_neuron`: tell `watch` of another library's neurons
- `TrainerProfilerCallback` (transformers), `LightningProfilerCallback`: the same inside a trainer
- `LIF`: a torch neuron with a surrogate gradient, for trainings without another library

NumPy is enough for all but `watch` and what builds on it (torch), and pages (matplotlib).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spikeport.lazy import attributes_of
from spikeport.profiling.compare import Comparison, compare
from spikeport.profiling.pathology import Pathology, ProfilingError, Severity, Thresholds
from spikeport.profiling.profiler import SpikeProfiler
from spikeport.profiling.recording.statistics import LayerStats
from spikeport.profiling.recording.synaptic import Activity
from spikeport.profiling.report import ProfileReport, schema

if TYPE_CHECKING:
    from spikeport.profiling.callbacks import LightningProfilerCallback, TrainerProfilerCallback
    from spikeport.profiling.watching.libraries.neurons import Neurons, Recording
    from spikeport.profiling.watching.libraries.registry import register_neuron
    from spikeport.profiling.watching.lif import LIF
    from spikeport.profiling.watching.watch import Watch

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

HOMES = {
    "LIF": "spikeport.profiling.watching.lif",
    "LightningProfilerCallback": "spikeport.profiling.callbacks",
    "Neurons": "spikeport.profiling.watching.libraries.neurons",
    "Recording": "spikeport.profiling.watching.libraries.neurons",
    "TrainerProfilerCallback": "spikeport.profiling.callbacks",
    "Watch": "spikeport.profiling.watching.watch",
    "register_neuron": "spikeport.profiling.watching.libraries.registry",
}
"""What is imported when it is first asked for, not with this package."""

__getattr__ = attributes_of(__name__, HOMES)

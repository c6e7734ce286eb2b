"""Run in the peers' environment: both packages' profilers on recordings whose diagnosis is known."""

import importlib
import json
from importlib import metadata

import numpy as np

PACKAGES = {"spikeport": "spikeport.profiling", "sc-neurocore": "sc_neurocore.profiling"}
RNG = np.random.default_rng(0)


def spikes(*shape):
    return (RNG.random(shape or 20) < 0.3).astype(float)


def found(profiler):
    """Return what the report finds."""
    names = [f"{p.category} @ {p.layer}" for p in profiler.report().pathologies]
    return ", ".join(names) or "nothing"


def gradients(first, last, course):
    """Return a probe of two layers, that nearest the input first, with gradients as given, step by step."""

    def probe(profiler):
        for at_input, at_output in course:
            profiler.record_step(first, spikes(), voltages=RNG.normal(size=20), gradients=np.full(20, at_input))
            profiler.record_step(last, spikes(), voltages=RNG.normal(size=20), gradients=np.full(20, at_output))
        return found(profiler)

    return probe


def no_voltages(profiler):
    for _ in range(50):
        profiler.record_step("hidden", spikes())
    return found(profiler)


def far_voltages(profiler):
    for _ in range(200):
        profiler.record_step("hidden", spikes(), voltages=RNG.normal(1e8, 1, 20))
    return f"standard deviation {profiler.report().layer_stats['hidden'].voltage_std:.3g}"


def rate(*shape):
    def probe(profiler):
        for _ in range(50):
            profiler.record_step("hidden", spikes(*shape))
        stats = profiler.report().layer_stats["hidden"]
        return f"{stats.n_neurons} neurons at a rate of {np.mean(stats.firing_rates):.3g}"

    return probe


def another_width(profiler):
    profiler.record_step("hidden", spikes(20))
    profiler.record_step("hidden", spikes(30))
    return "recorded"


def torch_tensor(profiler):
    import torch

    profiler.record_step("hidden", torch.zeros(10))
    return "recorded"


STEADY = [(1.0, 1.0)] * 49
PROBES = {
    "a gradient that is 10⁶ times the 49 before it": gradients("a", "b", [*STEADY, (1e6, 1e6)]),
    "a gradient of 10⁻⁶ at the input, of 1 at the output": gradients("a", "b", [(1e-6, 1.0)] * 50),
    "a gradient of 0 at the input, of 1 at the output": gradients("a", "b", [(0.0, 1.0)] * 50),
    "a gradient of 1 at the input, of 10⁻⁶ at the output": gradients("a", "b", [(1.0, 1e-6)] * 50),
    "a gradient of NaN": gradients("a", "b", [(np.nan, np.nan)] * 50),
    "healthy spikes, no voltages recorded": no_voltages,
    "voltages of mean 10⁸ and standard deviation 1": far_voltages,
    "8 samples of 20 neurons, rate 0.3": rate(8, 20),
    "8 samples of 2 × 3 × 3 neurons, rate 0.3": rate(8, 2, 3, 3),
    "a layer whose width changes": another_width,
    "a torch tensor": torch_tensor,
}


def answer(probe, package):
    try:
        return probe(importlib.import_module(package).SpikeProfiler())
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def main():
    rows = [
        {"probe": what, **{name: answer(probe, package) for name, package in PACKAGES.items()}}
        for what, probe in PROBES.items()
    ]
    print(json.dumps({"probes": rows, "version": metadata.version("sc-neurocore")}))


if __name__ == "__main__":
    main()

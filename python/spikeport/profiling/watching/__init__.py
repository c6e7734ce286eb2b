"""Hooks on a torch model that record its spiking layers; what `spikeport.profiling.SpikeProfiler.watch` places."""

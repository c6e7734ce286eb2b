"""Conversion beside its peers, on the same trained networks: ``python -m benchmarks.bench_conversion``."""

"""Benchmarks: regression evidence for this repository, never a production claim.

``python -m benchmarks`` runs all; ``python -m benchmarks.bench_<name>`` one. Each writes ``results/bench_<name>.json``
through `benchmarks.result`; ``spikeport bench compare A B`` holds two of them against each other.
"""

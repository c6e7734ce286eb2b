"""Lossless conversion: ST-BIF neurons, a pulse, and the quantised network that they settle on.

Every activation becomes ``clip(floor(z/θ + 1/2), 0, N)``, N levels of θ each, chosen without training. Its ST-BIF
neurons settle on that number wherever no sum rounds (conformance/SPEC.md 2.3), and `grid` sees to it that none does.
You et al. 2024, "SpikeZIP-TF".
"""

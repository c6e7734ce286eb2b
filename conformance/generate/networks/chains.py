"""The checkpoints that vectors run and read: small, dyadic unless they say otherwise."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.generate.make import dyadic
from spikeport.neuron import Neuron
from spikeport.transfer import SNNCheckpoint

NETWORKS: dict[str, Callable[[], SNNCheckpoint]] = {}


def _network(make: Callable[[], SNNCheckpoint]) -> Callable[[], SNNCheckpoint]:
    NETWORKS[make.__name__] = make
    return make


def _build(
    seed: int,
    sizes: list[int],
    neurons: Any,
    *,
    bits: int = 4,
    bias: bool = True,
    dtype: Any = np.float64,
    **fields: Any,
) -> SNNCheckpoint:
    rng = np.random.default_rng(seed)
    pairs = list(itertools.pairwise(sizes))
    neurons = neurons if isinstance(neurons, list) else [neurons] * len(pairs)
    return SNNCheckpoint(
        weights=[dyadic(rng, -1, 1, bits, (b, a)).astype(dtype) for a, b in pairs],
        layer_names=fields.pop("layer_names", [f"layer{k}" for k in range(len(pairs))]),
        layer_sizes=pairs,
        biases=[dyadic(rng, -1, 1, bits, b).astype(dtype) for _, b in pairs] if bias else None,
        neurons=neurons,
        neuron_types=[n.kind for n in neurons] if neurons[0] else [],
        **fields,
    )


HALF = Neuron("IF", 1.0, 0.5)


@_network
def small() -> SNNCheckpoint:
    return _build(1, [3, 4, 2], HALF, metadata={"task": "small", "accuracy": 0.972, "timesteps": 25})


@_network
def small_f32() -> SNNCheckpoint:
    return _build(1, [3, 4, 2], HALF, dtype=np.float32)


@_network
def tenths_f32() -> SNNCheckpoint:
    return _build(17, [3, 4, 2], Neuron("LIF", 0.1, 0.3, 0.0, 0.9), dtype=np.float32)


@_network
def labels_only() -> SNNCheckpoint:
    made = _build(2, [3, 4, 2], [None, None], bias=False)
    made.neuron_types = ["LIF", "IF"]
    return made


@_network
def per_neuron() -> SNNCheckpoint:
    first = Neuron("LIF", [1.0, 0.5, 2.0, 1.5], [0.5, 0.0, 0.25, 0.5], [0.0, -0.5, 0.25, 0.0], [1.0, 0.5, 0.5, 1.0])
    return _build(3, [3, 4, 2], [first, Neuron("IF", [1.0, 2.0], 0.5)], bits=3)


@_network
def lif() -> SNNCheckpoint:
    return _build(4, [3, 4, 2], Neuron("LIF", 0.75, 0.0, 0.0, 0.5), bits=3)


@_network
def st_bif() -> SNNCheckpoint:
    kinds = [
        Neuron("ST-BIF", 0.25, 0.5, tracer_min=0, tracer_max=15),
        Neuron("ST-BIF", 0.5, 0.5, tracer_min=-8, tracer_max=7),
    ]
    return _build(5, [3, 4, 2], kinds, bias=False)


@_network
def with_identity() -> SNNCheckpoint:
    return _build(6, [3, 4, 3, 2], [HALF, Neuron("identity"), HALF], bits=3)


@_network
def deep() -> SNNCheckpoint:
    return _build(7, [3, 5, 5, 5, 5, 2], HALF, bits=3)


@_network
def negative_logits() -> SNNCheckpoint:
    made = _build(8, [1, 1, 3], HALF, bias=False)
    made.weights = [np.array([[1.0]]), np.array([[-3.0], [-1.0], [-2.0]])]
    return made


@_network
def unknown_kind() -> SNNCheckpoint:
    made = _build(9, [3, 2], [None])
    made.neuron_types = ["Hodgkin-Huxley"]
    return made


@_network
def mixed_types() -> SNNCheckpoint:
    made = _build(10, [3, 4, 2], HALF, bias=False)
    made.weights[1] = made.weights[1].astype(np.float32)
    return made


@_network
def ordinary() -> SNNCheckpoint:
    rng = np.random.default_rng(11)
    made = _build(11, [16, 12, 5], HALF)
    made.weights = [rng.normal(0, 0.4, (12, 16)), rng.normal(0, 0.4, (5, 12))]
    made.biases = [rng.normal(0, 0.1, 12), rng.normal(0, 0.1, 5)]
    return made


def _random(k: int) -> Callable[[], SNNCheckpoint]:
    def make() -> SNNCheckpoint:
        rng = np.random.default_rng(100 + k)
        sizes = [int(n) for n in rng.integers(2, 9, int(rng.integers(2, 5)))]
        return _build(100 + k, sizes, Neuron("IF", float(rng.choice([0.5, 1.0, 2.0])), 0.5), bias=k % 2 == 0)

    return make


NETWORKS |= {f"random_{k}": _random(k) for k in range(4)}


@_network
def names() -> SNNCheckpoint:
    odd = ["first layer", 'a,b="c"', "größer als θ", "100%\n\ttab\\"]
    return _build(12, [2, 2, 2, 2, 2], HALF, layer_names=odd, frozen_layers=[odd[0], odd[2]])


@_network
def metadata() -> SNNCheckpoint:
    content = {
        "accuracy": 0.1,
        "nested": {"list": [1, 2.5, -0.0, 1e300, 5e-324, True, None], "empty": [{}, []]},
        "text": 'quote " backslash \\ line\nend \u0001 größer \U0001f600',
        "whole": 2**200,
    }
    return _build(13, [2, 2], HALF, metadata=content)


@_network
def frozen_all() -> SNNCheckpoint:
    return _build(14, [3, 4, 2], HALF, frozen_layers=["layer1", "layer0"])


@_network
def one_weight() -> SNNCheckpoint:
    return _build(15, [1, 1], [None], bias=False)


@_network
def f32_per_neuron() -> SNNCheckpoint:
    return _build(16, [2, 3], Neuron("IF", [1.0, 2.0, 0.5], 0.5), dtype=np.float32)


@_network
def identity_unused_f32() -> SNNCheckpoint:
    return _build(18, [3, 4, 3, 2], [HALF, Neuron("identity", 1e300), HALF], dtype=np.float32)


@_network
def tiny_threshold_f32() -> SNNCheckpoint:
    return _build(19, [3, 2], Neuron("IF", 1e-60), dtype=np.float32)


@_network
def huge_threshold_f32() -> SNNCheckpoint:
    return _build(20, [3, 2], Neuron("IF", 1e60), dtype=np.float32)


@_network
def near_reset_f32() -> SNNCheckpoint:
    return _build(21, [3, 2], Neuron("IF", 1.0, 0.0, 1.0 - 2.0**-40), dtype=np.float32)


@_network
def minus_zero_reset() -> SNNCheckpoint:
    return _build(22, [3, 2], Neuron("LIF", 1.0, 0.0, -0.0, 0.5), bits=3)

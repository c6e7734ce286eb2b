"""Random graphs with everything in them that a pass could get wrong."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from spikeport import LayerNode, SNNGraph

sys.path.insert(0, str(Path(__file__).parent))  # tests share random_graphs

KINDS = ("IF", "LIF", "ST-BIF", "identity")


def dyadic_graph(seed, depth=None):
    """A graph of random depth, widths, kinds, biases, thresholds, resets and leaks, on dyadic numbers of few bits.

    About a quarter of the neurons of every hidden layer of three or more are copies of others.
    """
    rng = np.random.default_rng(seed)
    depth = depth or int(rng.integers(2, 5))
    sizes = [int(rng.integers(2, 9)), *(int(rng.integers(1, 13)) for _ in range(depth))]
    layers = []
    for k in range(depth):
        n_in, n = sizes[k : k + 2]
        kind = str(rng.choice(KINDS, p=[0.35, 0.3, 0.2, 0.15]))
        source = np.arange(n)
        if k < depth - 1 and n >= 3:
            for j in range(1, n):
                if rng.random() < 0.25:
                    source[j] = source[rng.integers(0, j)]
        weights = rng.integers(-8, 9, (n, n_in)) / 8.0
        weights[rng.random(weights.shape) < rng.choice([0, 0.3, 0.7])] = 0
        parameters = {
            "threshold": rng.choice([0.25, 0.5, 1.0, 2.0, 0.75, 1.5], n) if rng.random() < 0.5 else 1.25,
            "v_init": float(rng.choice([0, 0.5, 0.25, -1, 1.5]))
            if rng.random() < 0.7
            else rng.choice([0, 0.5, 0.25], n),
            "beta": 1.0 if kind != "LIF" else rng.choice([0.5, 0.25, 0.875, 0, 1], n),
        }
        layers.append(
            LayerNode(
                f"layer{k}",
                n_in,
                n,
                weights[source],
                kind,
                bias=(rng.integers(-6, 9, n) / 8.0)[source] if rng.random() < 0.7 else None,
                v_reset=float(rng.choice([0, -0.5, 0.125])) if kind in ("IF", "LIF") and rng.random() < 0.4 else None,
                tracer_min=int(rng.choice([0, -2, -7])),
                tracer_max=int(rng.choice([0, 3, 15])),
                **{key: value[source] if np.ndim(value) else value for key, value in parameters.items()},
            )
        )
    return SNNGraph(layers)


@pytest.fixture(scope="session")
def random_graph():
    """The function `dyadic_graph` (seed, depth=None)."""
    return dyadic_graph


@pytest.fixture(scope="session")
def float_graph():
    """A function (seed, sizes, kind="IF", dtype=float64) that draws a graph on ordinary floats."""

    def build(seed, sizes=(12, 24, 16, 5), kind="IF", dtype=np.float64):
        rng = np.random.default_rng(seed)
        return SNNGraph(
            [
                LayerNode(
                    f"layer{k}",
                    n_in,
                    n_out,
                    (rng.normal(size=(n_out, n_in)) / np.sqrt(n_in)).astype(dtype),
                    kind,
                    bias=rng.normal(size=n_out) / 10,
                    v_init=0.5,
                )
                for k, (n_in, n_out) in enumerate(itertools.pairwise(sizes))
            ]
        )

    return build

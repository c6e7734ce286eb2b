"""Fusion: only where nothing spikes in between, and only where it pays."""

import numpy as np
import pytest

from spikeport import GraphError, LayerNode, SNNGraph
from spikeport.snn_optimizer import layer_fusion, optimize


def chain(*sizes, kinds, seed=0, bias=True):
    rng = np.random.default_rng(seed)
    return SNNGraph(
        [
            LayerNode(
                f"layer{k}",
                n,
                m,
                rng.integers(-8, 9, (m, n)) / 8,
                kind,
                bias=rng.integers(-4, 5, m) / 8 if bias else None,
            )
            for k, (n, m, kind) in enumerate(zip(sizes, sizes[1:], kinds, strict=False))
        ]
    )


def test_a_chain_of_linear_layers_becomes_one_and_spikes_alike():
    graph = chain(6, 20, 20, 20, 5, kinds=["IF", "identity", "identity", "LIF"])
    smaller, report = optimize(graph, passes=["fuse"])
    assert [layer.name for layer in smaller] == ["layer0", "layer3"]
    assert report.pass_results[0].layers_fused == 2
    assert report.certificate.level == "exact"
    assert report.verification.identical


def test_weights_and_bias_are_the_products():
    graph = chain(4, 9, 3, kinds=["identity", "IF"])
    a, b = graph
    fused = layer_fusion(graph)[0].layers[0]
    assert np.array_equal(fused.weights, b.weights @ a.weights)
    assert np.array_equal(fused.bias, b.weights @ a.bias + b.bias)


def test_a_bottleneck_stays_two_layers():
    graph = chain(30, 2, 30, kinds=["identity", "IF"])
    assert len(layer_fusion(graph)[0]) == 2


@pytest.mark.parametrize("kind", ["IF", "LIF", "ST-BIF"])
def test_a_spiking_layer_is_not_fused_even_if_it_never_fires(kind):
    graph = chain(4, 9, 3, kinds=[kind, "IF"])
    graph.layers[0].firing_rates = np.zeros(9)
    after, result = layer_fusion(graph)
    assert after == graph
    assert result.layers_fused == 0


def test_a_layer_assumed_linear_is_fused_and_nothing_is_claimed_of_it():
    graph = chain(4, 9, 3, kinds=["IF", "IF"], bias=False)
    after, result = layer_fusion(graph, assume_linear=["layer0"])
    assert np.array_equal(after.layers[0].weights, graph.layers[1].weights @ graph.layers[0].weights)
    assert result.certificate.level == "unchecked"
    with pytest.raises(GraphError, match="nowhere"):
        layer_fusion(graph, assume_linear=["nowhere"])


def test_a_fusion_without_an_input_range_claims_no_bound():
    rng = np.random.default_rng(0)
    graph = SNNGraph(
        [LayerNode("a", 3, 8, rng.normal(size=(8, 3)), "identity"), LayerNode("b", 8, 2, rng.normal(size=(2, 8)), "IF")]
    )
    assert layer_fusion(graph)[1].certificate.level == "unchecked"
    _, report = optimize(graph, passes=["fuse"], input_range=(0, 1))
    assert report.pass_results[0].certificate.level == "bounded"

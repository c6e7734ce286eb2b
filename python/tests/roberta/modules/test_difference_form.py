import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from spikeport.roberta.errors import RobertaError
from spikeport.roberta.modules.attention import QuantisedSelfAttention, ZipTFSelfAttention, product_change
from spikeport.roberta.modules.difference import (
    IdentityActivation,
    ReluDifference,
    TanhDifference,
    ZipTFEmbedding,
    ZipTFLayerNorm,
)
from spikeport.roberta.modules.linear import UnfoldBiasLinear
from spikeport.roberta.modules.lsq import LSQInteger
from spikeport.roberta.modules.st_bif import STBIF

SEEDS = st.integers(0, 10_000)


def stream(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(SEEDS, st.integers(1, 9), st.integers(1, 12), st.integers(1, 4))
def test_bias_arrives_in_equal_parts_over_the_first_level_steps(seed, level, steps, piece):
    linear = nn.Linear(3, 2).double()
    module = UnfoldBiasLinear(linear.weight, linear.bias, level)
    x = stream(seed, steps, 5, 3)
    with torch.no_grad():
        out = torch.cat([module.changes(part) for part in x.split(piece)])
        for t in range(steps):
            share = linear.bias / level if t < level else 0
            torch.testing.assert_close(out[t], x[t] @ linear.weight.T + share)
        if steps >= level:
            torch.testing.assert_close(out.sum(0), linear(x.sum(0)))


def test_a_linear_layer_without_bias_has_none_to_unfold():
    linear = nn.Linear(3, 2, bias=False)
    x = torch.randn(4, 3)
    with torch.no_grad():
        assert torch.allclose(UnfoldBiasLinear(linear.weight, None).changes(x), x @ linear.weight.T, atol=1e-6)


@pytest.mark.parametrize("level", [0, -1, 1.5, True])
def test_a_bias_cannot_unfold_over_less_than_one_step(level):
    linear = nn.Linear(3, 2)
    with pytest.raises(RobertaError, match="unfold_bias level"):
        UnfoldBiasLinear(linear.weight, linear.bias, level)


@given(SEEDS, st.integers(2, 8), st.integers(1, 4), st.sampled_from(["norm", "tanh", "relu", "identity"]))
def test_what_is_emitted_is_the_difference_of_the_function_after_and_before(seed, steps, piece, kind):
    norm = nn.LayerNorm(6).double()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    module, function = {
        "norm": (ZipTFLayerNorm(norm), norm),
        "tanh": (TanhDifference(), torch.tanh),
        "relu": (ReluDifference(), torch.relu),
        "identity": (IdentityActivation(), lambda x: x),
    }[kind]
    x = stream(seed, steps, 3, 6)
    with torch.no_grad():
        out = torch.cat([module.changes(part) for part in x.split(piece)])
        before, total = torch.zeros(3, 6, dtype=torch.float64), torch.zeros(3, 6, dtype=torch.float64)
        for t in range(steps):
            total = total + x[t]
            torch.testing.assert_close(out[t], function(total) - before)
            before = function(total)
        torch.testing.assert_close(out.sum(0), function(x.sum(0)))


def test_tanh_of_each_step_alone_would_not_add_up():
    x = torch.tensor([[3.0], [-1.5], [0.5]])
    assert abs(torch.tanh(x).sum() - torch.tanh(x.sum())) > 0.3
    assert torch.allclose(TanhDifference().changes(x).sum(), torch.tanh(x.sum()))


def test_embedding_comes_whole_at_step_0_and_nothing_after():
    embedding = nn.Embedding(7, 4)
    module = ZipTFEmbedding(embedding)
    ids = torch.tensor([[1, 5, 2]])
    assert torch.equal(module.changes(ids)[0], embedding(ids))
    assert not module.changes(ids).any()
    module.reset()
    assert torch.equal(module.changes(ids)[0], embedding(ids))


@given(SEEDS, st.integers(1, 7))
def test_the_product_rule_adds_up_to_the_product_of_the_sums(seed, steps):
    q, k = stream(seed, steps, 3, 4), stream(seed + 1, steps, 4, 5)
    Q, K = q.cumsum(0), k.cumsum(0)
    changes = product_change(q, k, Q, K)
    torch.testing.assert_close(changes.cumsum(0), Q @ K)


class _Attention(nn.Module):
    """The attributes of RoBERTa's self-attention."""

    def __init__(self, hidden, heads):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(hidden, hidden) for _ in range(3))
        self.num_attention_heads, self.scaling, self.dropout = heads, (hidden // heads) ** -0.5, nn.Dropout(0)


def spiking_attention(seed, hidden=8, heads=2, level=8):
    torch.manual_seed(seed)
    quantised = QuantisedSelfAttention(_Attention(hidden, heads), level).double().eval()
    for quantiser in (m for m in quantised.modules() if isinstance(m, LSQInteger)):
        nn.init.constant_(quantiser.scale, 0.2)
    quantised.head_scales.scale.data = torch.tensor([0.6, 1.7], dtype=torch.float64)
    module = ZipTFSelfAttention(quantised)
    for name in ("query", "key", "value"):
        linear = getattr(module, name)
        setattr(module, name, UnfoldBiasLinear(linear.weight, linear.bias, level))
    for name, quantiser in list(module.named_children()):
        if name.endswith("_quantiser"):
            setattr(module, name, STBIF.from_quantiser(quantiser))
    for part in module.modules():
        if hasattr(part, "clock"):
            part.clock = module.clock
    return quantised, module


@given(SEEDS)
def test_attention_on_totals_is_the_step_by_step_equation_with_the_mask_on_accumulated_scores(seed):
    quantised, module = spiking_attention(seed)
    steps, hidden, heads, d = 20, 8, 2, 4
    x = torch.zeros(steps, 1, 5, hidden, dtype=torch.float64)
    x[0] = stream(seed, 1, 5, hidden)
    mask = torch.tensor([0.0, 0, 0, 0, -1e30], dtype=torch.float64)
    with torch.no_grad():
        module.clock.advance(steps)
        context, _ = module(x.cumsum(0), mask)

        def spikes(name):
            neuron = STBIF.from_quantiser(getattr(quantised, f"{name}_quantiser"))
            linear = getattr(quantised, name)
            rows = neuron.changes(UnfoldBiasLinear(linear.weight, linear.bias, 8).changes(x))
            return rows.unflatten(-1, (heads, d)).transpose(-2, -3)

        q, k, v = spikes("query"), spikes("key"), spikes("value")
        probability = STBIF.from_quantiser(quantised.probability_quantiser)
        out = STBIF.from_quantiser(quantised.context_quantiser)
        factors = quantised.head_scales.scale.view(-1, 1, 1)
        Q, K, V, P, scores, last = 0, 0, 0, 0, 0, 0
        total = torch.zeros(1, 5, hidden, dtype=torch.float64)
        for t in range(steps):
            Q, K, V = Q + q[t], K + k[t], V + v[t]
            change = product_change(q[t], k[t].mT, Q, K.mT) / math.sqrt(d)
            scores = scores + change
            now = torch.softmax(scores + mask, -1)
            p = probability.changes(((now - last) / factors)[None])[0] * factors
            last, P = now, P + p
            mixed = product_change(p, v[t], P, V).transpose(-2, -3).flatten(-2)
            total = total + out.changes(mixed[None])[0]
            torch.testing.assert_close(context[t], total)


@given(SEEDS)
def test_attention_settles_on_the_quantised_attention(seed):
    quantised, module = spiking_attention(seed)
    x = stream(seed, 1, 5, 8)
    with torch.no_grad():
        module.clock.advance(40)
        context, probabilities = module(x[None])
        expected, expected_probabilities = quantised(x)
        assert torch.allclose(context[-1], expected, atol=1e-12)
        assert torch.allclose(probabilities[-1], expected_probabilities, atol=1e-12)


def test_a_boolean_mask_means_the_same_as_an_additive_one():
    quantised, _ = spiking_attention(3)
    x = stream(3, 2, 5, 8)
    seen = torch.tensor([True, True, True, False, False])
    additive = torch.zeros(5, dtype=torch.float64).masked_fill(~seen, torch.finfo(torch.float64).min)
    with torch.no_grad():
        assert torch.equal(quantised(x, seen)[0], quantised(x, additive)[0])

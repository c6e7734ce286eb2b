"""Run by the peers' interpreter: watch a library's neurons in a training step, against recording by hand.

Usage: python peer_watch.py LIBRARY. Prints one line of JSON.
"""

import json
import sys

import numpy as np
import torch
from torch import nn

from spikeport.profiling import SpikeProfiler

T, BATCH, WIDTH = 12, 6, 20


class ByStep(nn.Module):
    """Two layers of a library's neurons, called step by step; ``membrane`` reads them after each call."""

    def __init__(self, neuron, membrane):
        super().__init__()
        torch.manual_seed(0)
        self.fc1, self.first = nn.Linear(8, WIDTH), neuron()
        self.fc2, self.second = nn.Linear(WIDTH, 5), neuron()
        for layer in (self.fc1, self.fc2):
            nn.init.uniform_(layer.weight, -0.35, 0.5)
        self.read = membrane
        self.by_hand = {"first": [], "second": []}
        self.membranes = {"first": [], "second": []}

    def run(self, name, current, state):
        output = getattr(self, name)(current) if state is None else getattr(self, name)(current, *state)
        spikes = output[0] if isinstance(output, tuple) else output
        self.by_hand[name].append(spikes)
        self.membranes[name].append(self.read(getattr(self, name), output))
        if spikes.requires_grad:
            spikes.retain_grad()
        return spikes, output

    def forward(self, x):
        states, total = {"first": None, "second": None}, 0
        for _ in range(T):
            s, o = self.run("first", self.fc1(x), states["first"])
            states["first"] = self.next_state(o)
            s, o = self.run("second", self.fc2(s), states["second"])
            states["second"] = self.next_state(o)
            total = total + s
        return total / T

    @staticmethod
    def next_state(output):
        return output[1:] if isinstance(output, tuple) else None


class AllSteps(ByStep):
    """The same with neurons that take all steps at once; ``axis`` is that of the steps."""

    def __init__(self, neuron, membrane, axis=0):
        super().__init__(neuron, membrane)
        self.axis = axis

    def forward(self, x):
        s, _ = self.run("first", self.fc1(torch.stack([x] * T, self.axis)), None)
        s, _ = self.run("second", self.fc2(s), None)
        return s.mean(self.axis)


class Squeezed(AllSteps):
    """The same with neurons that take samples and steps on one axis."""

    def forward(self, x):
        s, _ = self.run("first", self.fc1(torch.stack([x] * T, 1)).flatten(0, 1), None)
        s, _ = self.run("second", self.fc2(s), None)
        return s.unflatten(0, (BATCH, T)).mean(1)


def models(library):
    """Yield (name, model, layout of what it records by hand, whether membranes are comparable)."""
    if library == "snntorch":
        import snntorch

        yield "Leaky", ByStep(lambda: snntorch.Leaky(beta=0.9), lambda m, o: o[1]), "TBN", True
        yield (
            "Leaky hidden",
            ByStep(lambda: snntorch.Leaky(beta=0.9, init_hidden=True), lambda m, o: m.mem),
            "TBN",
            True,
        )
        yield "Synaptic", ByStep(lambda: snntorch.Synaptic(alpha=0.5, beta=0.9), lambda m, o: o[2]), "TBN", True
    elif library == "spikingjelly":
        from spikingjelly.activation_based import neuron

        def charged(node, output):
            # Before the reset, a neuron that fired stood at what the soft reset took away.
            return node.v + node.v_threshold * output

        def lif(**options):
            return neuron.LIFNode(tau=2.0, v_reset=None, **options)

        yield "LIFNode s", ByStep(lif, charged), "TBN", True
        yield "LIFNode m", AllSteps(lambda: lif(step_mode="m"), lambda m, o: None), "TBN", False
        yield (
            "LIFNode hard",
            ByStep(lambda: neuron.LIFNode(tau=2.0, v_threshold=0.3), lambda node, output: node.v),
            "TBN",
            True,
        )
        yield (
            "IFNode m",
            AllSteps(lambda: neuron.IFNode(v_threshold=0.3, step_mode="m"), lambda m, o: None),
            "TBN",
            False,
        )
    elif library == "norse":
        import norse.torch as norse

        p = norse.LIFParameters(tau_mem_inv=400.0, tau_syn_inv=800.0, v_th=0.3)
        yield "LIFCell", ByStep(lambda: norse.LIFCell(p=p), lambda m, o: o[1].v), "TBN", True
        yield "LIF", AllSteps(lambda: norse.LIF(p=p), lambda m, o: None), "TBN", False
    elif library == "sinabs":
        from sinabs import layers

        yield (
            "LIF",
            AllSteps(lambda: layers.LIF(tau_mem=5.0, norm_input=False), lambda m, o: None, axis=1),
            "BTN",
            False,
        )
        yield "IAF", AllSteps(lambda: layers.IAF(), lambda m, o: None, axis=1), "BTN", False
        yield (
            "ALIF",
            AllSteps(
                lambda: layers.ALIF(tau_mem=5.0, tau_adapt=5.0, norm_input=False, spike_threshold=torch.tensor(0.5)),
                lambda m, o: None,
                axis=1,
            ),
            "BTN",
            False,
        )
        yield "IAFSqueeze", Squeezed(lambda: layers.IAFSqueeze(batch_size=BATCH), lambda m, o: None), "BTN", False


def check(name, model, layout, with_membranes):
    """Train one step under a watch and compare all it recorded with what was kept by hand."""
    torch.manual_seed(0)
    profiler = SpikeProfiler()
    hooks = count_hooks(model)
    with profiler.watch(model, every=1):
        x = 2 * torch.rand(BATCH, 8) + 1
        loss = nn.functional.cross_entropy(5 * model(x), torch.arange(BATCH) % 5)
        loss.backward()
        report = profiler.report()
    assert count_hooks(model) == hooks, f"{name}: a hook is left"
    by_hand = SpikeProfiler()
    for layer in ("first", "second"):
        kept = model.by_hand[layer]
        spikes = torch.stack(kept) if len(kept) > 1 else kept[0]
        spikes = spikes.unflatten(0, (BATCH, T)) if spikes.ndim < len(layout) else spikes
        by_hand.record_step(layer, spikes, layout=layout)
        stats, expected = report.layer_stats[layer], by_hand.report().layer_stats[layer]
        assert stats.n_observations == T * BATCH, f"{name}: {stats.n_observations} observations"
        np.testing.assert_array_equal(stats.firing_rates, expected.firing_rates, err_msg=name)
        np.testing.assert_array_equal(stats.interval_histogram, expected.interval_histogram, err_msg=name)
        assert expected.firing_rates.any(), f"{name}: {layer} never fired, so nothing was compared"
        norm = np.sqrt(sum(float(s.grad.square().sum()) for s in kept if s.grad is not None))
        np.testing.assert_allclose(stats.gradient_norm_last, norm, rtol=1e-5, err_msg=name)
        assert stats.has_voltages, f"{name}: no membranes"
        assert stats.membrane_threshold is not None and 0 <= stats.surrogate_inactive_fraction <= 1, name
        if with_membranes:
            membranes = torch.stack([m.detach() for m in model.membranes[layer]]).double().numpy()
            np.testing.assert_allclose(stats.voltage_mean, membranes.mean(), rtol=1e-5, atol=1e-6, err_msg=name)
            np.testing.assert_allclose(stats.voltage_std, membranes.std(), rtol=1e-4, err_msg=name)
    with torch.no_grad():
        model(2 * torch.rand(BATCH, 8) + 1)
    assert profiler.report().layer_stats["first"].n_observations == T * BATCH, f"{name}: recorded after its end"
    return {"rate": round(report.layer_stats["first"].firing_rate, 4)}


def count_hooks(model):
    """Count every hook, and the attributes of the neurons that a tap may replace."""
    return [
        (
            len(m._forward_hooks),
            len(m._forward_pre_hooks),
            id(getattr(m, "activation", None)),
            id(getattr(m, "spike_fn", 0)),
        )
        for m in model.modules()
    ]


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps({case[0]: check(*case) for case in models(sys.argv[1])}))
